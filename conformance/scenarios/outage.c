/*
 * outage.c - a fault under a running guest.
 *
 * The probe says on stdout that it waits; the fault is made; only then is the fault's nonce written
 * to the probe's stdin, so a receipt that carries the nonce is later than the fault, whatever clock
 * the guest has. The control runs the same steps bare, with no fault: they must reach the
 * observers.
 */
#include "scenarios/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char waiting_fault[] = "\"for\":\"fault\"";
static const char waiting_restored[] = "\"for\":\"restored\"";

static void say(struct cf_stage *stage, struct cf_process *process, const char *word)
{
    char line[64];
    int length = snprintf(line, sizeof line, "%s %s\n", word, stage->launch->fault);
    cf_events_emit(stage->events, word, json_pack("{ss}", "nonce", stage->launch->fault));
    cf_process_write(process, line, (size_t)length, 1000);
}

/* The runner: the process whose command line names the contract and that was started first. */
static pid_t find_runner(struct cf_stage *stage)
{
    json_t *survivors = cf_lab_survivors(stage->lab), *process;
    size_t index;
    pid_t runner = -1;
    json_array_foreach (survivors, index, process) {
        const char *cmdline = json_string_value(json_object_get(process, "cmdline"));
        pid_t pid = (pid_t)json_integer_value(json_object_get(process, "pid"));
        bool is_runner = cmdline != NULL && strstr(cmdline, "--launch-contract") != NULL;
        if (is_runner && (runner < 0 || pid < runner))
            runner = pid;
    }
    json_decref(survivors);
    return runner;
}

static void make_fault(struct cf_stage *stage, struct cf_process *process)
{
    const char *fault = stage->launch->launch->detail;
    pid_t victim = -1;
    int signal_number = SIGKILL;
    if (strcmp(fault, "sidecar-killed") == 0) {
        cf_lab_sidecar_stop(stage->lab, &stage->sidecar, SIGKILL);
        return;
    }
    if (strcmp(fault, "sidecar-stopped") == 0) {
        victim = stage->sidecar.pid;
        signal_number = SIGSTOP;
    } else if (strcmp(fault, "runner-killed") == 0) {
        victim = find_runner(stage);
    } else if (strcmp(fault, "launcher-killed") == 0) {
        victim = process->pid;
    } else if (cf_plan_ends_itself(stage->launch->launch)) {
        cf_events_emit(stage->events, "killed", json_pack("{sssb}", "what", fault, "made", 1));
        return;
    }
    bool made = victim > 1 && kill(victim, signal_number) == 0;
    cf_events_emit(stage->events, "killed",
                   json_pack("{sssisisb}", "what", fault, "pid", (int)victim, "signal",
                             signal_number, "made", made));
}

static int restore(struct cf_stage *stage, struct cf_error *err)
{
    const char *fault = stage->launch->launch->detail;
    if (strcmp(fault, "sidecar-stopped") == 0)
        kill(stage->sidecar.pid, SIGCONT);
    if (strcmp(fault, "sidecar-killed") == 0)
        return cf_lab_sidecar_start(stage->lab, "", stage->sidecar.port, &stage->sidecar, err);
    return 0;
}

static bool kills_subject(const struct cf_stage *stage)
{
    const char *fault = stage->launch->launch->detail;
    return strcmp(fault, "runner-killed") == 0 || strcmp(fault, "launcher-killed") == 0 ||
           cf_plan_ends_itself(stage->launch->launch);
}

static int drive(struct cf_stage *stage, struct cf_process *process, struct cf_error *err)
{
    bool confined = stage->leg == CF_SUBJECT;
    if (!cf_process_await(process, waiting_fault, stage->launch_ms))
        return 0; /* the judge finds no receipt */
    if (confined)
        json_decref(cf_stage_contract(stage));
    if (confined || !kills_subject(stage))
        make_fault(stage, process);
    say(stage, process, "fault");
    if (confined && kills_subject(stage)) {
        cf_stage_await_gone(stage, CF_GONE_MS);
        return 0;
    }
    if (!cf_process_await(process, waiting_restored, stage->launch_ms))
        return 0;
    int failed = restore(stage, err);
    if (failed == 0)
        say(stage, process, "restored");
    return failed;
}

int cf_scenario_outage(struct cf_stage *stage, struct cf_error *err)
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
    failed = drive(stage, &process, err);
    cf_process_close_input(&process);
    cf_process_finish(&process, stage->lab, stage->launch_ms);
    cf_stage_ended(stage, &process, "ended", NULL);
    return failed;
}
