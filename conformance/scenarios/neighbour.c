/*
 * neighbour.c - somebody else on the same host knocks at the launcher's loopback ports.
 *
 * A guest runs and waits. The harness reads bridge and stub addresses from the contract and lets a
 * process ask both: of another user in the subject lab, of the launcher's own user in the control,
 * where it must be served.
 */
#include "scenarios/stage.h"

#include <stdio.h>
#include <string.h>

enum { ASK_MS = 10000 };

static const struct cf_plan_row *find_row(const struct cf_stage *stage, const char *attempt)
{
    for (size_t i = 0; i < stage->launch->count; i++)
        if (strcmp(stage->launch->rows[i].row->attempt, attempt) == 0)
            return &stage->launch->rows[i];
    return NULL;
}

/* Asks by the probe's one-technique form; records `asked` with the probe's own receipt. */
static int ask(struct cf_stage *stage, const struct cf_plan_row *planned, const char *technique,
               const char *variable, const char *value, struct cf_error *err)
{
    const char *nonce = planned->nonce[stage->leg];
    char address[64], argument[80];
    cf_plan_value(" addr=@4", "addr", nonce, address, sizeof address);
    snprintf(argument, sizeof argument, "addr=%s", address);
    bool http = strcmp(technique, "http-mediated") == 0;
    const char *argv[] = {"/lab/bin/firma-probe",
                          "--plan",
                          "/lab/plan/plan.txt",
                          "--token",
                          stage->launch->token,
                          "--one",
                          technique,
                          nonce,
                          http ? argument : NULL,
                          "port=80",
                          NULL};
    struct cf_start start = {0};
    for (const char *const *word = argv; *word != NULL; word++)
        cf_words_add(&start.argv, "%s", *word);
    cf_words_set(&start.env, variable, value);
    const struct cf_process_config config = {.argv = (const char *const *)start.argv.items,
                                             .envp = (const char *const *)start.env.items,
                                             .cwd = "/lab/plan",
                                             .extra_fd = -1,
                                             .second_user = stage->leg == CF_SUBJECT};
    struct cf_process process;
    int failed = cf_process_start(&process, stage->lab, &config, err);
    if (failed == 0) {
        cf_process_finish(&process, stage->lab, ASK_MS);
        cf_events_emit(stage->events, "asked",
                       json_pack("{sssssssssiso}", "row", planned->row->id, "nonce", nonce,
                                 "technique", technique, "at", value, "exit",
                                 cf_process_code(&process), "stdout",
                                 cf_events_data(process.out.data, process.out.kept, CF_TEXT_KEPT)));
        cf_process_release(&process);
    }
    cf_start_release(&start);
    return failed;
}

static int ask_both(struct cf_stage *stage, json_t *contract, struct cf_error *err)
{
    json_t *network = json_object_get(contract, "network");
    const char *bridge = json_string_value(json_object_get(network, "proxy_url"));
    const char *stub = json_string_value(json_object_get(network, "dns_stub_addr"));
    const struct cf_plan_row *http = find_row(stage, "neighbour-http");
    const struct cf_plan_row *dns = find_row(stage, "neighbour-dns");
    int failed = 0;
    if (http != NULL && bridge != NULL)
        failed = ask(stage, http, "http-mediated", "HTTP_PROXY", bridge, err);
    if (failed == 0 && dns != NULL && stub != NULL)
        failed = ask(stage, dns, "dns-stub", "FIRMA_DNS_STUB_ADDR", stub, err);
    return failed;
}

int cf_scenario_neighbour(struct cf_stage *stage, struct cf_error *err)
{
    const char *command[8];
    char line[64];
    struct cf_start start;
    struct cf_process process;
    cf_stage_probe(stage, command);
    cf_start_launcher(&start, stage, NULL, command);
    int failed = cf_stage_start(stage, &process, &start, -1, err);
    cf_start_release(&start);
    if (failed != 0)
        return failed;
    if (cf_process_await(&process, "\"for\":\"fault\"", stage->launch_ms)) {
        json_t *contract = cf_stage_contract(stage);
        failed = ask_both(stage, contract, err);
        json_decref(contract);
        snprintf(line, sizeof line, "fault %s\n", stage->launch->fault);
        cf_process_write(&process, line, strlen(line), 1000);
    }
    cf_process_close_input(&process);
    cf_process_finish(&process, stage->lab, stage->launch_ms);
    cf_stage_ended(stage, &process, "ended", NULL);
    return failed;
}
