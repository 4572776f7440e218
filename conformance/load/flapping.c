/*
 * The sidecar comes and goes, by order, by script and by SIGKILL, while guests go on asking. Every
 * request has to end in its right answer, in a 502 of the bridge's, or in an answer that can be
 * seen to be cut. What was cut looks never whole, and nothing else happens.
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GUESTS = 16, STRETCH = 40 /* requests until the sidecar's next change */ };

static const char *const scripts[] = {"", "close-after=20", "die-after=200000", "refuse", ""};
static const uint64_t sizes[] = {0, 100, 20000, 300000};

struct flap {
    struct load *load;
    struct load_report *report;
    struct load_client guests[GUESTS];
    char authority[32]; /* the origin, by address: the fake sidecar dials it */
    size_t asked, ended, until;
    size_t outcomes[LOAD_WRONG + 1];
    pid_t sidecar;
    unsigned turn;
};

static void ask(struct load_client *client)
{
    struct flap *flap = client->context;
    size_t number = flap->asked++;
    load_client_ask(client, flap->authority, "flap", sizes[number % 4], number, SIZE_MAX);
}

/* The bridge ends a connection with each 502, and so does a cut. */
static void done(struct load_client *client)
{
    struct flap *flap = client->context;
    enum load_outcome outcome = client->outcome;
    flap->outcomes[outcome]++;
    if (outcome != LOAD_RIGHT && outcome != LOAD_BAD_GATEWAY && outcome != LOAD_CUT)
        load_problem(flap->report, "%s", client->why);
    bool goes_on = outcome == LOAD_RIGHT;
    if (!goes_on)
        load_client_close(client);
    if (++flap->ended >= flap->until)
        load_done(flap->load->loop);
    if (!goes_on)
        load_client_open(client, flap->load->loop, flap->load->subject.bridge, done, flap);
    ask(client);
}

static void become_sidecar(const char *program, const char *script, int listener)
{
    int null = open("/dev/null", O_WRONLY);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && dup2(listener, 3) == 3 && dup2(null, 4) == 4)
        execl(program, program, "--listen-fd", "3", "--log-fd", "4", "--script", script,
              (char *)NULL);
    _exit(127);
}

/* It has the only copy of its listener, so nobody answers for it when it is gone. */
static void start_sidecar(struct flap *flap)
{
    const char *script = scripts[flap->turn % (sizeof scripts / sizeof *scripts)];
    int listener = load_listen(&flap->load->sidecar.port);
    int copy = fcntl(listener, F_DUPFD_CLOEXEC, 10);
    fcntl(copy, F_SETFL, 0);
    flap->sidecar = fork();
    if (flap->sidecar == 0)
        become_sidecar(flap->load->fake_sidecar, script, copy);
    if (flap->sidecar < 0 || copy < 0)
        load_give_up("cannot start %s: %s", flap->load->fake_sidecar, strerror(errno));
    close(copy);
    close(listener);
}

static void end_sidecar(struct flap *flap)
{
    int status;
    kill(flap->sidecar, flap->turn % 2 == 0 ? SIGKILL : SIGTERM);
    while (waitpid(flap->sidecar, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        load_give_up("cannot run %s", flap->load->fake_sidecar);
}

static void stretch(struct flap *flap)
{
    flap->until = flap->ended + STRETCH;
    if (!load_wait(flap->load->loop))
        load_problem(flap->report, "requests got no end at all");
}

void load_flapping(struct load *load, struct load_report *report)
{
    struct flap *flap = calloc(1, sizeof *flap);
    unsigned turns = load->small ? 40 : 400;
    if (flap == NULL)
        load_give_up("out of memory");
    flap->load = load;
    flap->report = report;
    snprintf(flap->authority, sizeof flap->authority, "127.0.0.1:%u", load->sidecar.origin);
    load_sidecar_leave(&load->sidecar);
    for (size_t i = 0; i < GUESTS; i++) {
        load_client_open(&flap->guests[i], load->loop, load->subject.bridge, done, flap);
        ask(&flap->guests[i]);
    }
    for (flap->turn = 0; flap->turn < turns && report->problem_count == 0; flap->turn++) {
        start_sidecar(flap);
        stretch(flap);
        end_sidecar(flap);
        stretch(flap);
        if (flap->turn % 40 == 39)
            load_say("flapping: restart %u of %u", flap->turn + 1, turns);
    }
    for (size_t i = 0; i < GUESTS; i++)
        load_client_close(&flap->guests[i]);
    load_sidecar_return(&load->sidecar);
    if (flap->outcomes[LOAD_RIGHT] < turns || flap->outcomes[LOAD_BAD_GATEWAY] < turns)
        load_problem(report, "too little of it: %zu right answers, %zu refusals",
                     flap->outcomes[LOAD_RIGHT], flap->outcomes[LOAD_BAD_GATEWAY]);
    load_number(report, "restarts", turns);
    load_number(report, "requests", (long long)flap->ended);
    load_number(report, "right", (long long)flap->outcomes[LOAD_RIGHT]);
    load_number(report, "bad_gateway", (long long)flap->outcomes[LOAD_BAD_GATEWAY]);
    load_number(report, "seen_to_be_cut", (long long)flap->outcomes[LOAD_CUT]);
    free(flap);
}
