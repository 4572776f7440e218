/* probe.c - the probe works through its plan, confined or bare, while the observers listen. */
#include "scenarios/stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket connected to the host's loopback honeypot, for the launcher to be started with: a guest
 * that finds it has been handed a descriptor it should never have seen. */
static int open_bait(struct cf_stage *stage)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    json_t *port = json_object_get(cf_lab_facts(stage->lab), "lo4_tcp");
    address.sin_port = htons((uint16_t)json_integer_value(port));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int cf_scenario_probe(struct cf_stage *stage, struct cf_error *err)
{
    const char *command[8];
    struct cf_start start;
    struct cf_process process;
    cf_stage_probe(stage, command);
    cf_start_leg(&start, stage, NULL, command);
    int bait = open_bait(stage);
    int failed = cf_stage_start(stage, &process, &start, bait, err);
    if (bait >= 0)
        close(bait);
    cf_start_release(&start);
    if (failed != 0)
        return failed;
    /* The first receipt is out, so the contract stands; record it while the run lasts. */
    if (stage->leg == CF_SUBJECT && cf_process_await(&process, "\n", CF_LAUNCH_MS))
        json_decref(cf_stage_contract(stage));
    cf_process_close_input(&process);
    cf_process_finish(&process, stage->lab, CF_LAUNCH_MS);
    cf_stage_ended(stage, &process, "ended", NULL);
    return 0;
}
