/*
 * inbound.c - somebody knocks at a guest: the host, and a second guest of the same user.
 *
 * A guest listens, on every family, and prints whatever it is told. The harness then lets a process
 * of the host's, or a command of a second guest, try to reach it. In the control the same listener
 * runs bare, and all of them must get through.
 */
#include "scenarios/stage.h"

#include <stdio.h>
#include <string.h>

/* What a row's attempt stands for. */
static const struct door {
    const char *attempt, *technique, *address;
    bool sibling; /* tried by a second guest */
    bool bridge;  /* at the first guest's bridge instead of its own port */
} doors[] = {{"inbound reached tcp4", "tcp", "127.0.0.1", false, false},
             {"inbound reached tcp6", "tcp", "::1", false, false},
             {"inbound reached own4", "tcp", "203.0.113.2", false, false},
             {"inbound reached own6", "tcp", "2001:db8:1::2", false, false},
             {"inbound reached udp4", "udp", "127.0.0.1", false, false},
             {"inbound reached udp6", "udp", "::1", false, false},
             {"sibling reached tcp4", "tcp", "127.0.0.1", true, false},
             {"sibling reached tcp6", "tcp", "::1", true, false},
             {"sibling reached udp4", "udp", "127.0.0.1", true, false},
             {"sibling reached bridge", "tcp", "127.0.0.1", true, true}};

static const struct door *door_of(const struct cf_plan_row *planned)
{
    for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++)
        if (strcmp(doors[i].attempt, planned->row->attempt) == 0)
            return &doors[i];
    return NULL;
}

/* Below every range the system itself picks from. */
static unsigned listening_port(const struct cf_stage *stage)
{
    unsigned drawn = 0;
    sscanf(stage->launch->token, "%4x", &drawn);
    return 20000 + drawn % 8000;
}

/* The port that `proxy_url` names; 0 in a control, whose sidecar is asked instead. */
static unsigned bridge_port(const struct cf_stage *stage, const json_t *contract)
{
    const json_t *network = json_object_get(contract, "network");
    const char *url = json_string_value(json_object_get(network, "proxy_url"));
    const char *colon = url == NULL ? NULL : strrchr(url, ':');
    unsigned port = stage->sidecar.port;
    if (colon != NULL && sscanf(colon + 1, "%u", &port) != 1)
        port = stage->sidecar.port;
    return port;
}

static void write_command(const struct cf_stage *stage, const struct door *door, const char *nonce,
                          unsigned port, char words[4][64], const char *argv[12])
{
    size_t count = 0;
    snprintf(words[0], sizeof words[0], "addr=%s", door->address);
    snprintf(words[1], sizeof words[1], "port=%u", port);
    argv[count++] = "/lab/bin/firma-probe";
    argv[count++] = "--plan";
    argv[count++] = "/lab/plan/plan.txt";
    argv[count++] = "--token";
    argv[count++] = stage->launch->token;
    argv[count++] = "--one";
    argv[count++] = door->technique;
    argv[count++] = nonce;
    argv[count++] = words[0];
    argv[count++] = words[1];
    argv[count] = NULL;
}

static int knock(struct cf_stage *stage, const struct cf_plan_row *planned, unsigned port,
                 struct cf_error *err)
{
    const struct door *door = door_of(planned);
    const char *argv[12], *nonce = planned->nonce[stage->leg];
    char words[4][64];
    struct cf_start start;
    struct cf_process process;
    if (door == NULL)
        return cf_fail(err, CF_E_SYSTEM, 0, "%s: no such door", planned->row->attempt);
    write_command(stage, door, nonce, port, words, argv);
    if (door->sibling)
        cf_start_leg(&start, stage, NULL, argv);
    else
        cf_start_bare(&start, stage, argv);
    int failed = cf_stage_start(stage, &process, &start, -1, err);
    cf_start_release(&start);
    if (failed != 0)
        return failed;
    cf_process_close_input(&process);
    cf_process_finish(&process, stage->lab, stage->launch_ms);
    cf_events_emit(stage->events, "asked",
                   json_pack("{ss ss si si so so}", "row", planned->row->id, "nonce", nonce, "port",
                             (int)port, "exit", cf_process_code(&process), "stdout",
                             cf_events_data(process.out.data, process.out.kept, CF_TEXT_KEPT),
                             "stderr",
                             cf_events_data(process.err.data, process.err.kept, CF_TEXT_KEPT)));
    cf_process_release(&process);
    return 0;
}

static int knock_at_all(struct cf_stage *stage, unsigned port, struct cf_error *err)
{
    json_t *contract = stage->leg == CF_SUBJECT ? cf_stage_contract(stage) : NULL;
    unsigned bridge = bridge_port(stage, contract);
    int failed = 0;
    json_decref(contract);
    for (size_t i = 0; i < stage->launch->count && failed == 0; i++) {
        const struct door *door = door_of(&stage->launch->rows[i]);
        bool at_bridge = door != NULL && door->bridge;
        failed = knock(stage, &stage->launch->rows[i], at_bridge ? bridge : port, err);
    }
    return failed;
}

int cf_scenario_inbound(struct cf_stage *stage, struct cf_error *err)
{
    char port[16];
    const char *command[] = {"/lab/bin/firma-probe", "listen", port, NULL};
    struct cf_start start;
    struct cf_process process;
    snprintf(port, sizeof port, "%u", listening_port(stage));
    cf_start_leg(&start, stage, NULL, command);
    int failed = cf_stage_start(stage, &process, &start, -1, err);
    cf_start_release(&start);
    if (failed != 0)
        return failed;
    if (cf_process_await(&process, "listening", stage->launch_ms))
        failed = knock_at_all(stage, listening_port(stage), err);
    cf_process_close_input(&process);
    cf_process_finish(&process, stage->lab, stage->launch_ms);
    cf_stage_ended(stage, &process, "ended", NULL);
    return failed;
}
