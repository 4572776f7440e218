/*
 * Slow guests beside quick ones. Time is counted in the quick ones' answers: after some, every slow
 * sender may send its next byte. If a slow one held the others up, there would be no next byte.
 * Those that exhaust the bridge's patience wait for real: 30 s for a head, 75 s between requests.
 */
#include "load.h"

#include <stdlib.h>

enum { SENDERS = 200, READERS = 10, QUICK = 4, TIMED = 3 };
enum { LARGE = 8 * 1024 * 1024 };    /* more than the system's buffers take */
enum { ANSWERS = 1000, BYTES = 40 }; /* of quick guests; of slow ones meanwhile, less than a head */

struct crew {
    struct load *load;
    struct load_report *report;
    struct load_client senders[SENDERS], readers[READERS], quick[QUICK];
    struct load_client timed[TIMED + 1];
    struct firma_timer drip;
    size_t byte;    /* of a slow sender's request, that may be sent by now */
    size_t answers; /* of quick ones, so far */
    size_t waiting; /* slow ones without an outcome */
    size_t patient; /* timed ones without one, once they are waited for */
};

static void slow_done(struct load_client *client)
{
    struct crew *crew = client->context;
    if (client->outcome != LOAD_RIGHT)
        load_problem(crew->report, "a slow guest: %s",
                     client->outcome == LOAD_TIMED_OUT ? "408" : client->why);
    if (--crew->waiting == 0)
        load_done(crew->load->loop);
}

static void quick_done(struct load_client *client)
{
    struct crew *crew = client->context;
    if (client->outcome != LOAD_RIGHT)
        load_problem(crew->report, "a quick guest: %s", client->why);
    if (++crew->answers % (ANSWERS / BYTES) == 0)
        crew->byte++;
    for (size_t i = 0; i < SENDERS; i++)
        if (crew->senders[i].outcome == LOAD_WAITING)
            load_client_allow(&crew->senders[i], crew->byte);
    if (crew->answers >= ANSWERS || client->outcome != LOAD_RIGHT)
        load_done(crew->load->loop);
    else
        load_client_ask(client, "quick.example", "quick", 1000, crew->answers, SIZE_MAX);
}

static void start_slow(struct crew *crew)
{
    uint16_t port = crew->load->subject.bridge;
    crew->waiting = SENDERS + READERS;
    for (size_t i = 0; i < SENDERS; i++) {
        load_client_open(&crew->senders[i], crew->load->loop, port, slow_done, crew);
        load_client_ask(&crew->senders[i], "slow.example", "sent", 1000, i, 1);
    }
    for (size_t i = 0; i < READERS; i++) {
        load_client_open(&crew->readers[i], crew->load->loop, port, slow_done, crew);
        load_client_ask(&crew->readers[i], "slow.example", "read", LARGE, i, SIZE_MAX);
        load_client_listen(&crew->readers[i], false);
    }
}

static void quick_beside_slow(struct crew *crew)
{
    for (size_t i = 0; i < QUICK; i++) {
        load_client_open(&crew->quick[i], crew->load->loop, crew->load->subject.bridge, quick_done,
                         crew);
        load_client_ask(&crew->quick[i], "quick.example", "quick", 1000, 0, SIZE_MAX);
    }
    if (!load_wait(crew->load->loop))
        load_problem(crew->report, "slow guests hold the others up: %zu answers of %zu",
                     crew->answers, (size_t)ANSWERS);
    if (crew->waiting != SENDERS + READERS)
        load_problem(crew->report, "slow guests were done too soon to have been slow");
    for (size_t i = 0; i < QUICK; i++)
        load_client_close(&crew->quick[i]);
}

/* The rest of what they send and read, at once. */
static void finish_slow(struct crew *crew)
{
    for (size_t i = 0; i < SENDERS; i++)
        load_client_allow(&crew->senders[i], SIZE_MAX);
    for (size_t i = 0; i < READERS; i++)
        load_client_listen(&crew->readers[i], true);
    if (crew->waiting > 0 && !load_wait(crew->load->loop))
        load_problem(crew->report, "%zu slow guests have no answer", crew->waiting);
    for (size_t i = 0; i < SENDERS; i++)
        load_client_close(&crew->senders[i]);
    for (size_t i = 0; i < READERS; i++)
        load_client_close(&crew->readers[i]);
}

static void timed_done(struct load_client *client)
{
    struct crew *crew = client->context;
    bool idle = client == &crew->timed[TIMED];
    if (client->outcome != (idle ? LOAD_CLOSED : LOAD_TIMED_OUT))
        load_problem(crew->report, "%s: %s", idle ? "an idle guest" : "an endless head",
                     client->outcome == LOAD_RIGHT ? "an answer" : client->why);
    if (crew->patient > 0 && --crew->patient == 0)
        load_done(crew->load->loop);
}

/* One of the endless heads goes on, a byte a second: it gets no longer for that. */
static void drip(void *context)
{
    struct crew *crew = context;
    struct load_client *client = &crew->timed[0];
    if (client->outcome != LOAD_WAITING)
        return;
    if (client->allowed + 1 < client->length)
        load_client_allow(client, client->allowed + 1);
    firma_loop_arm(crew->load->loop, &crew->drip, 1000);
}

static void start_timed(struct crew *crew)
{
    struct load_client *idle = &crew->timed[TIMED];
    uint16_t port = crew->load->subject.bridge;
    for (size_t i = 0; i < TIMED; i++) {
        load_client_open(&crew->timed[i], crew->load->loop, port, timed_done, crew);
        load_client_ask(&crew->timed[i], "a-name-that-is-long-enough-for-a-byte-a-second.example",
                        "endless", 1, 1, 1 + i);
    }
    crew->drip = (struct firma_timer){.fire = drip, .context = crew};
    firma_loop_arm(crew->load->loop, &crew->drip, 1000);
    if (crew->load->small)
        return;
    load_client_open(idle, crew->load->loop, port, timed_done, crew);
    idle->outcome = LOAD_WAITING;
    load_client_allow(idle, 0);
}

static void finish_timed(struct crew *crew)
{
    size_t count = crew->load->small ? TIMED : TIMED + 1;
    for (size_t i = 0; i < count; i++)
        crew->patient += crew->timed[i].outcome == LOAD_WAITING;
    load_say("slow: %zu guests exhaust the bridge's patience, up to %d s", crew->patient,
             crew->load->small ? 30 : 75);
    if (crew->report->problem_count == 0 && crew->patient > 0 && !load_wait(crew->load->loop))
        load_problem(crew->report, "%zu guests were never given up", crew->patient);
    firma_loop_disarm(crew->load->loop, &crew->drip);
    for (size_t i = 0; i < count; i++)
        load_client_close(&crew->timed[i]);
    load_number(crew->report, "given_up", (long long)count);
}

void load_slow(struct load *load, struct load_report *report)
{
    struct crew *crew = calloc(1, sizeof *crew);
    if (crew == NULL)
        load_give_up("out of memory");
    crew->load = load;
    crew->report = report;
    start_timed(crew);
    start_slow(crew);
    quick_beside_slow(crew);
    finish_slow(crew);
    finish_timed(crew);
    load_number(report, "slow_senders", SENDERS);
    load_number(report, "slow_readers", READERS);
    load_number(report, "quick_answers_meanwhile", (long long)crew->answers);
    free(crew);
}
