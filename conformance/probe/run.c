#include "run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "receipt.h"

struct run {
    const struct probe_plan *plan;
    const struct probe_self *self;
    struct probe_receipts receipts;
    struct probe_text text;
    char input[512]; /* of the line being read */
};

static int emit(struct run *run)
{
    return probe_receipt_emit(&run->receipts, &run->text) ? 0 : PROBE_EXIT_OUTPUT;
}

static int start(struct run *run)
{
    probe_receipt_begin(&run->receipts, &run->text, "start");
    probe_put(&run->text, ",\"pid\":%ld,\"ppid\":%ld,\"t\":%llu", (long)getpid(), (long)getppid(),
              (unsigned long long)probe_now());
    return emit(run);
}

static int leg(struct run *run, const struct probe_statement *statement)
{
    probe_receipt_begin(&run->receipts, &run->text, "leg");
    probe_put(&run->text, ",\"leg\":");
    probe_put_word(&run->text, statement->word[0]);
    return emit(run);
}

/* Runs STEP and reports it as EVENT. */
static int attempt(struct run *run, struct probe_step *step, const char *event, const char *digest)
{
    struct probe_outcome out;
    pid_t pid = -1;
    uint64_t began = probe_now();
    probe_attempt(step, &out, &pid);
    uint64_t ended = probe_now();
    probe_receipt_begin(&run->receipts, &run->text, event);
    probe_put(&run->text, ",\"row\":");
    probe_put_word(&run->text, step->row);
    probe_put(&run->text, ",\"technique\":\"%s\",\"nonce\":\"%s\"", step->technique, step->nonce);
    if (digest != NULL)
        probe_put(&run->text, ",\"digest\":\"%s\"", digest);
    probe_receipt_outcome(&run->text, &out, pid, began, ended);
    return emit(run);
}

static int step(struct run *run, const struct probe_statement *statement)
{
    struct probe_step step = {.self = run->self,
                              .row = statement->word[0],
                              .technique = statement->word[1],
                              .nonce = statement->word[2],
                              .deadline_ms = statement->number[0]};
    probe_plan_params(&step, statement->word + 4, statement->words - 4);
    return attempt(run, &step, "step", NULL);
}

static int live(struct run *run, const struct probe_statement *statement, bool after)
{
    char url[2048], digest[PROBE_DIGEST_TEXT] = "", param[2100];
    const char *base = statement->word[after ? 1 : 2];
    bool slash = base[strlen(base) - 1] == '/';
    probe_sha256_text(&run->receipts.hash, digest);
    if (after)
        snprintf(url, sizeof url, "%s%s%s/%s", base, slash ? "" : "/", statement->word[0], digest);
    else
        snprintf(url, sizeof url, "%s", base);
    snprintf(param, sizeof param, "url=%s", url);
    struct probe_step step = {.self = run->self,
                              .technique = "proxy-get",
                              .nonce = statement->word[0],
                              .deadline_ms = statement->number[0],
                              .param = {param},
                              .params = 1};
    return attempt(run, &step, after ? "live-after" : "live", after ? digest : NULL);
}

/* The next line of standard input, byte by byte: what follows belongs to the next wait. */
static bool read_line(struct run *run)
{
    size_t used = 0;
    char byte;
    for (;;) {
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        if (byte == '\n')
            break;
        if (used < sizeof run->input - 1)
            run->input[used++] = byte;
    }
    run->input[used] = '\0';
    return true;
}

/* Whether the line read says WORD, alone or with a hexadecimal word after it. */
static bool says(struct run *run, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(run->input, word, length) != 0)
        return false;
    const char *rest = run->input + length;
    if (*rest == '\0')
        return true;
    size_t size = strlen(rest + 1);
    if (*rest != ' ' || size >= sizeof run->receipts.fault || !probe_is_hex(rest + 1, size))
        return false;
    if (strcmp(word, "fault") == 0)
        strcpy(run->receipts.fault, rest + 1);
    return true;
}

static int wait_for(struct run *run, const char *word)
{
    bool heard = false, ended = false;
    probe_receipt_begin(&run->receipts, &run->text, "waiting");
    probe_put(&run->text, ",\"for\":\"%s\",\"t\":%llu", word, (unsigned long long)probe_now());
    if (emit(run) != 0)
        return PROBE_EXIT_OUTPUT;
    while (!heard && !ended) {
        ended = !read_line(run);
        heard = !ended && says(run, word);
    }
    probe_receipt_begin(&run->receipts, &run->text, heard ? "resumed" : "input-ended");
    probe_put(&run->text, ",\"for\":\"%s\",\"t\":%llu", word, (unsigned long long)probe_now());
    int status = emit(run);
    return status != 0 || heard ? status : PROBE_EXIT_INPUT;
}

static int statement_run(struct run *run, const struct probe_statement *statement)
{
    switch (statement->verb) {
    case PROBE_LEG:
        return leg(run, statement);
    case PROBE_LIVE:
        return live(run, statement, false);
    case PROBE_LIVE_AFTER:
        return live(run, statement, true);
    case PROBE_WAIT:
        return wait_for(run, statement->word[0]);
    case PROBE_STEP:
        return step(run, statement);
    case PROBE_AS_ROOT:
        probe_find_nics(run->self);
        break;
    case PROBE_REPEAT:
    case PROBE_END:
    case PROBE_MACHINE:
        break;
    }
    return 0;
}

/* Waits until WHEN: rounds are paced, they synchronise with nobody. */
static void pace(uint64_t when)
{
    for (uint64_t now = probe_now(); now < when; now = probe_now())
        poll(NULL, 0, (int)((when - now) / 1000000u) + 1);
}

/* Runs statements FIRST to LAST (not included) over and over, as STATEMENT says. */
static int repeat(struct run *run, const struct probe_statement *statement, size_t first,
                  size_t last)
{
    uint64_t began = probe_now();
    uint64_t until = began + (uint64_t)statement->number[0] * 1000000000u;
    int status = 0;
    run->receipts.round = 0;
    do {
        for (size_t i = first; status == 0 && i < last; i++)
            status = statement_run(run, &run->plan->statement[i]);
        run->receipts.round++;
        uint64_t next =
            began + (uint64_t)run->receipts.round * (uint64_t)statement->number[1] * 1000000u;
        if (next >= until)
            pace(until);
        else
            pace(next);
    } while (status == 0 && probe_now() < until);
    run->receipts.round = -1;
    return status;
}

static int end(struct run *run)
{
    probe_receipt_begin(&run->receipts, &run->text, "end");
    probe_put(&run->text, ",\"receipts\":%u", run->receipts.next);
    return emit(run);
}

int probe_run(const struct probe_plan *plan, const struct probe_self *self)
{
    struct run run = {.plan = plan, .self = self};
    probe_receipts_start(&run.receipts);
    int status = start(&run);
    for (size_t i = 0; status == 0 && i < plan->statements; i++) {
        if (plan->statement[i].verb != PROBE_REPEAT) {
            status = statement_run(&run, &plan->statement[i]);
            continue;
        }
        size_t last = i + 1;
        while (plan->statement[last].verb != PROBE_END)
            last++;
        status = repeat(&run, &plan->statement[i], i + 1, last);
        i = last;
    }
    return status == 0 ? end(&run) : status;
}
