/*
 * As many connections as there may be, all of them at once: idle, then each with a request under
 * way, then one more than the bound. ROUNDS times, for what grows shows in the second round.
 */
#include "load.h"

#include <stdlib.h>

enum { SIZE = 1000, MANY = 2000, MEANWHILE = 8 };

struct crowd {
    struct load *load;
    struct load_report *report;
    struct load_client *clients;
    size_t count;
    size_t waiting; /* for an outcome */
};

static void done(struct load_client *client)
{
    struct crowd *crowd = client->context;
    if (client->outcome != LOAD_RIGHT)
        load_problem(crowd->report, "connection %zu: %s", (size_t)(client - crowd->clients),
                     client->why);
    if (--crowd->waiting == 0)
        load_done(crowd->load->loop);
}

/* Everybody asks; returns when everybody has an answer. */
static void ask_all(struct crowd *crowd, const char *kind)
{
    crowd->waiting = crowd->count;
    for (size_t i = 0; i < crowd->count; i++)
        load_client_ask(&crowd->clients[i], "load.example", kind, SIZE, i, SIZE_MAX);
    if (!load_wait(crowd->load->loop))
        load_problem(crowd->report, "%zu of %zu requests have no answer", crowd->waiting,
                     crowd->count);
}

static void join(struct crowd *crowd, size_t count)
{
    for (; crowd->count < count; crowd->count++)
        load_client_open(&crowd->clients[crowd->count], crowd->load->loop,
                         crowd->load->subject.bridge, done, crowd);
}

static void note_extra(struct load_client *client)
{
    struct crowd *crowd = client->context;
    load_done(crowd->load->loop);
}

/* One more than the bound connects and asks. It has no answer after everybody else had many (theirs
 * are quicker: their connections to the sidecar are there), and one when one of them has ended. */
static void one_more(struct crowd *crowd)
{
    struct load_client extra;
    load_client_open(&extra, crowd->load->loop, crowd->load->subject.bridge, note_extra, crowd);
    load_client_ask(&extra, "load.example", "extra", SIZE, 1, SIZE_MAX);
    for (unsigned i = 0; i < MEANWHILE && extra.outcome == LOAD_WAITING; i++)
        ask_all(crowd, "while-full");
    if (extra.outcome != LOAD_WAITING)
        load_problem(crowd->report, "connection %zu was served beyond the bound", crowd->count + 1);
    else {
        load_client_close(&crowd->clients[--crowd->count]);
        if (!load_wait(crowd->load->loop) || extra.outcome != LOAD_RIGHT)
            load_problem(crowd->report, "connection %zu: not served when another had ended: %s",
                         crowd->count + 2, extra.why);
    }
    load_client_close(&extra);
}

static void play_round(struct crowd *crowd, size_t many, struct load_gauge *peak)
{
    const struct load_subject *subject = &crowd->load->subject;
    crowd->count = 0;
    join(crowd, many);
    ask_all(crowd, "first");
    crowd->load->sidecar.hold = (unsigned)many;
    ask_all(crowd, "held");
    join(crowd, subject->connections);
    ask_all(crowd, "full");
    if (subject->pid > 0) /* not from within the guest */
        load_gauge(peak, subject->pid, subject->runtime_root);
    if (subject->pid > 0 && peak->descriptors < (long)subject->connections)
        load_problem(crowd->report, "%ld descriptors cannot hold %zu connections",
                     peak->descriptors, subject->connections);
    one_more(crowd);
    while (crowd->count > 0)
        load_client_close(&crowd->clients[--crowd->count]);
}

void load_connections(struct load *load, struct load_report *report)
{
    size_t bound = load->subject.connections, many = bound < MANY ? bound : MANY;
    unsigned rounds = load->rounds > 0 ? load->rounds : load->small ? 2 : 10;
    struct load_gauge peak = {0};
    struct crowd crowd = {.load = load, .report = report};
    crowd.clients = calloc(bound, sizeof *crowd.clients);
    if (crowd.clients == NULL)
        load_give_up("out of memory");
    for (unsigned round = 1; round <= rounds && report->problem_count == 0; round++) {
        play_round(&crowd, many, &peak);
        load_say("%s: round %u of %u", report->section, round, rounds);
    }
    load_number(report, "in_flight_at_once", (long long)many);
    load_number(report, "bound", (long long)bound);
    load_number(report, "rounds", rounds);
    load_number(report, "peak_rss_kib", peak.rss_kib);
    load_number(report, "peak_descriptors", peak.descriptors);
    free(crowd.clients);
}
