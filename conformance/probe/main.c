/* firma-probe - tries to get out, and says what it tried. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "receipt.h"
#include "run.h"
#include "verbs.h"

enum { EXIT_USAGE = 64 };

static const char usage[] =
    "usage: firma-probe --plan FILE --token HEX32\n"
    "       firma-probe --plan FILE --token HEX32 --one TECHNIQUE NONCE [key=value...]\n"
    "       firma-probe techniques\n"
    "       firma-probe envelope|exit|die|streams|cat|bytes|signals|trap-term|spin|daemon|\n"
    "                   "
    "winsize|syscalls|marker|dns-ask|dns-odd|tail|fast|pressure|prompt|orphan|zombies|\n"
    "                   raw|type|digest|watch-mode|with-descriptors [ARGUMENT...]\n";

static int usage_error(void)
{
    fputs(usage, stderr);
    return EXIT_USAGE;
}

static int list_techniques(void)
{
    for (size_t i = 0; probe_name(i) != NULL; i++)
        puts(probe_name(i));
    return fflush(stdout) == 0 ? 0 : PROBE_EXIT_OUTPUT;
}

/* The outcome to whoever started us: bytes for exec-child, a receipt for everybody else. */
static bool report(const struct probe_step *step, const struct probe_outcome *out, uint64_t began)
{
    struct probe_receipts receipts;
    struct probe_text text;
    long fd = probe_param_number(step, "report-fd", -1);
    if (fd >= 0)
        return probe_write((int)fd, out, sizeof *out);
    probe_receipts_start(&receipts);
    probe_receipt_begin(&receipts, &text, "one");
    probe_put(&text, ",\"technique\":\"%s\",\"nonce\":\"%s\"", step->technique, step->nonce);
    probe_receipt_outcome(&text, out, getpid(), began, probe_now());
    return probe_receipt_emit(&receipts, &text);
}

/* What a client would call success. */
static bool satisfied(const struct probe_outcome *out)
{
    return out->result == PROBE_ANSWERED && (out->status == 0 || out->status / 100 == 2);
}

/* One technique, in this very process. */
static int run_one(const struct probe_self *self, char **word, int words)
{
    struct probe_step step = {.self = self, .row = ""};
    struct probe_outcome out = {0};
    uint64_t began = probe_now();
    if (words < 2 || !probe_is_hex(word[1], PROBE_NONCE) ||
        !probe_plan_params(&step, (const char *const *)word + 2, (size_t)words - 2))
        return usage_error();
    step.technique = word[0];
    step.nonce = word[1];
    step.deadline_ms = probe_param_number(&step, "deadline", 2000);
    step.expires = began + (uint64_t)step.deadline_ms * 1000000u;
    probe_technique *technique = probe_find(step.technique);
    if (technique == NULL)
        return usage_error();
    signal(SIGPIPE, SIG_IGN);
    alarm((unsigned)(step.deadline_ms / 1000 + 2));
    technique(&step, &out);
    if (!report(&step, &out, began))
        return PROBE_EXIT_OUTPUT;
    return satisfied(&out) ? 0 : 1;
}

static int run_plan(struct probe_self *self, char **argv, char **rest, int words)
{
    struct probe_plan plan;
    struct probe_text error = {0};
    if (!probe_plan_read(&plan, self->plan, self->token, &error)) {
        fprintf(stderr, "firma-probe: %s\n", error.data);
        probe_plan_free(&plan);
        return EXIT_USAGE;
    }
    if (plan.as_root)
        probe_become_root(argv);
    self->host_boot = plan.host_boot;
    self->host_seconds = plan.host_seconds;
    int status = words == 0 ? probe_run(&plan, self) : run_one(self, rest + 1, words - 1);
    probe_plan_free(&plan);
    return status;
}

int main(int argc, char **argv, char **envp)
{
    if (argc >= 2 && strcmp(argv[1], "techniques") == 0)
        return list_techniques();
    if (argc >= 2 && argv[1][0] != '-') {
        int status = probe_verb(argc - 1, argv + 1, envp);
        return status == -1 ? usage_error() : status;
    }
    if (argc < 5 || strcmp(argv[1], "--plan") != 0 || strcmp(argv[3], "--token") != 0 ||
        !probe_is_hex(argv[4], PROBE_NONCE) || (argc > 5 && strcmp(argv[5], "--one") != 0))
        return usage_error();
    struct probe_self self = {.program = argv[0], .plan = argv[2], .token = argv[4]};
    return run_plan(&self, argv, argv + 5, argc - 5);
}
