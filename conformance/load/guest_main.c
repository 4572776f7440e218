/*
 * load-guest: the command of the launcher under load. It says a byte; for every line on its
 * standard input it plays the connections' rounds from within the guest, through the runner's
 * relay, and says `r` for right or `x`; at the end of input it exits 0.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As README.md says under Bounds: the relay has as many places as the bridge. */
enum { CONNECTIONS = 2048 };

static uint16_t proxy_port(void)
{
    const char *proxy = getenv("HTTP_PROXY");
    const char *colon = proxy != NULL ? strrchr(proxy, ':') : NULL;
    if (colon == NULL)
        load_give_up("HTTP_PROXY names no port");
    return (uint16_t)atoi(colon + 1);
}

static bool play(struct load *load)
{
    struct load_report report;
    load_report_open(&report, "guest");
    load_connections(load, &report);
    json_decref(report.numbers);
    json_decref(report.problems);
    return report.problem_count == 0;
}

int main(void)
{
    struct load load = {.rounds = 1};
    struct firma_error err;
    char line[16];
    load.subject.bridge = proxy_port();
    load.subject.connections = CONNECTIONS;
    if (firma_loop_open(&load.loop, &err) != 0)
        load_give_up("%s", err.text);
    puts("");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        load_descriptors(2 * CONNECTIONS);
        putchar(play(&load) ? 'r' : 'x');
        fflush(stdout);
    }
    firma_loop_close(load.loop);
    return 0;
}
