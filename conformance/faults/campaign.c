#include "campaign.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/events.h"

enum { IMPOSSIBLE = 3, CELLS = 32, LINE = 1 << 20, EVERY = 100 };

struct worker {
    pid_t pid;
    int fd;
    FILE *in;
    bool busy;
};

struct pool {
    const struct campaign *campaign;
    struct worker workers[CELLS];
    unsigned count;
    json_t *results;
};

bool campaign_select(json_t **list, const char *word)
{
    if (*list == NULL)
        *list = json_array();
    return json_array_append_new(*list, json_string(word)) == 0;
}

static bool ask(const struct worker *worker, const char *line)
{
    return dprintf(worker->fd, "%s\n", line) > 0;
}

/* A cell's answer; NULL if it has died. */
static json_t *hear(const struct worker *worker)
{
    static char line[LINE];
    if (fgets(line, sizeof line, worker->in) == NULL)
        return NULL;
    return json_loads(line, JSON_DECODE_ANY, NULL);
}

static bool start_workers(struct pool *pool, unsigned count)
{
    for (; pool->count < count; pool->count++) {
        struct worker *worker = &pool->workers[pool->count];
        worker->pid =
            fault_cell_start(&pool->campaign->programs, pool->campaign->verbose, &worker->fd);
        if (worker->pid < 0 || (worker->in = fdopen(worker->fd, "r+")) == NULL)
            return false;
    }
    return true;
}

static void stop_workers(struct pool *pool)
{
    for (unsigned i = 0; i < pool->count; i++) {
        if (pool->workers[i].in != NULL)
            fclose(pool->workers[i].in); /* at its end a cell ends */
        while (waitpid(pool->workers[i].pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
}

/* Gives the next of POINTS to each cell that has nothing to do. */
static bool feed(struct pool *pool, const json_t *points, size_t *next)
{
    for (unsigned i = 0; i < pool->count && *next < json_array_size(points); i++) {
        struct worker *worker = &pool->workers[i];
        if (worker->busy)
            continue;
        if (!ask(worker, json_string_value(json_array_get(points, *next))))
            return false;
        worker->busy = true;
        ++*next;
    }
    return true;
}

static void progress(const struct pool *pool, size_t of, const json_t *result)
{
    size_t done = json_array_size(pool->results);
    const char *outcome = json_string_value(json_object_get(result, "outcome"));
    if (outcome != NULL && strcmp(outcome, "WRONG") == 0)
        fprintf(stderr, "%s: %s [%s]\n", json_string_value(json_object_get(result, "id")),
                json_string_value(json_object_get(result, "why")),
                json_string_value(json_object_get(result, "detail")));
    if (done % EVERY == 0)
        fprintf(stderr, "faults: %zu of %zu\n", done, of);
}

/* Takes what has been answered; false when a cell has died. */
static bool collect(struct pool *pool, size_t of)
{
    struct pollfd watched[CELLS];
    for (unsigned i = 0; i < pool->count; i++)
        watched[i] = (struct pollfd){.fd = pool->workers[i].busy ? pool->workers[i].fd : -1,
                                     .events = POLLIN};
    if (poll(watched, pool->count, -1) < 0)
        return errno == EINTR;
    for (unsigned i = 0; i < pool->count; i++) {
        if (watched[i].revents == 0)
            continue;
        json_t *result = hear(&pool->workers[i]);
        if (result == NULL)
            return false;
        pool->workers[i].busy = false;
        json_array_append_new(pool->results, result);
        progress(pool, of, result);
    }
    return true;
}

static bool play(struct pool *pool, const json_t *points)
{
    size_t next = 0, count = json_array_size(points);
    while (json_array_size(pool->results) < count)
        if (!feed(pool, points, &next) || !collect(pool, count))
            return false;
    return true;
}

static json_t *plan(struct pool *pool)
{
    json_t *all = ask(&pool->workers[0], "plan") ? hear(&pool->workers[0]) : NULL;
    if (json_is_array(all))
        return all;
    json_decref(all);
    return NULL;
}

static int list(const json_t *points)
{
    for (size_t i = 0; i < json_array_size(points); i++)
        puts(json_string_value(json_array_get(points, i)));
    return 0;
}

static int give_up(struct pool *pool)
{
    fputs("faults: a cell could not be made, or has died; see above\n", stderr);
    stop_workers(pool);
    return IMPOSSIBLE;
}

int campaign_run(const struct campaign *campaign)
{
    struct pool pool = {.campaign = campaign, .results = json_array()};
    uint64_t began = cf_now();
    if (!start_workers(&pool, 1))
        return give_up(&pool);
    json_t *all = campaign->points != NULL ? json_incref(campaign->points) : plan(&pool);
    if (all == NULL)
        return give_up(&pool);
    json_t *points = campaign_sample(campaign, all);
    int status = 0;
    if (campaign->list)
        status = list(points);
    else if (!start_workers(&pool, campaign->points != NULL ? 1 : campaign->jobs) ||
             !play(&pool, points))
        return give_up(&pool);
    stop_workers(&pool);
    if (!campaign->list)
        status = campaign_report(campaign, all, pool.results,
                                 (unsigned)((cf_now() - began) / 1000000000u));
    json_decref(points);
    json_decref(all);
    json_decref(pool.results);
    return status;
}
