/* probe.c - the probe works through its plan, confined or bare, while the observers listen. */
#include "scenarios/stage.h"

int cf_scenario_probe(struct cf_stage *stage, struct cf_error *err)
{
    const char *command[8];
    struct cf_start start;
    struct cf_process process;
    cf_stage_probe(stage, command);
    cf_start_leg(&start, stage, NULL, command);
    int failed = cf_stage_start(stage, &process, &start, -1, err);
    cf_start_release(&start);
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
