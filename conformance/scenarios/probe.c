/* probe.c - the probe works through its plan, confined or bare, while the observers listen. */
#include "base/socket.h"
#include "scenarios/stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket that leads to where the launch's only row looks, for whoever inherits it. */
static int open_way_out(const struct cf_stage *stage, struct cf_error *err)
{
    const struct cf_plan_row *planned = &stage->launch->rows[0];
    struct sockaddr_in target = {.sin_family = AF_INET};
    char address[64], port[16];
    const char *nonce = planned->nonce[stage->leg], *attempt = planned->row->attempt;
    if (!cf_plan_value(attempt, "addr", nonce, address, sizeof address) ||
        !cf_plan_value(attempt, "port", nonce, port, sizeof port))
        return cf_fail(err, CF_E_SYSTEM, 0, "%s: no address and port", planned->row->id);
    target.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    inet_pton(AF_INET, address, &target.sin_addr);
    int fd = cf_socket(AF_INET, SOCK_DGRAM);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&target, sizeof target) == 0)
        return fd;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    return cf_fail(err, CF_E_SYSTEM, saved, "a socket to be inherited");
}

int cf_scenario_probe(struct cf_stage *stage, struct cf_error *err)
{
    const char *command[8];
    struct cf_start start;
    struct cf_process process;
    bool inherits = strcmp(stage->launch->launch->detail, "inherit") == 0;
    int way_out = inherits ? open_way_out(stage, err) : -1;
    if (inherits && way_out < 0)
        return way_out;
    cf_stage_probe(stage, command);
    cf_start_leg(&start, stage, NULL, command);
    int failed = cf_stage_start(stage, &process, &start, way_out, err);
    cf_start_release(&start);
    if (way_out >= 0)
        close(way_out);
    if (failed != 0)
        return failed;
    /* The first receipt is out, so the contract stands; record it while the run lasts. */
    if (stage->leg == CF_SUBJECT && cf_process_await(&process, "\n", stage->launch_ms))
        json_decref(cf_stage_contract(stage));
    cf_process_close_input(&process);
    cf_process_finish(&process, stage->lab, stage->launch_ms);
    cf_stage_ended(stage, &process, "ended", NULL);
    return 0;
}
