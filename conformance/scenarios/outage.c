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

/* The first process of the subject but EXCEPT whose command line holds TEXT, or -1. */
static pid_t find(struct cf_stage *stage, const char *text, pid_t except)
{
    json_t *survivors = cf_lab_survivors(stage->lab), *process;
    size_t index;
    pid_t found = -1;
    json_array_foreach (survivors, index, process) {
        const char *cmdline = json_string_value(json_object_get(process, "cmdline"));
        pid_t pid = (pid_t)json_integer_value(json_object_get(process, "pid"));
        if (cmdline != NULL && strstr(cmdline, text) != NULL && pid != except &&
            (found < 0 || pid < found))
            found = pid;
    }
    json_decref(survivors);
    return found;
}

/* Everything of the subject, bare or confined, sleeps for the settle window. */
static bool pause_all(struct cf_stage *stage, struct cf_process *process)
{
    json_t *survivors = cf_lab_survivors(stage->lab), *entry;
    size_t index;
    bool made = json_array_size(survivors) > 0;
    json_array_foreach (survivors, index, entry)
        made = kill((pid_t)json_integer_value(json_object_get(entry, "pid")), SIGSTOP) == 0 && made;
    cf_process_hold(process, CF_SETTLE_MS);
    /* Children first: whoever wakes to find its child stopped takes that for a stop of the job. */
    for (index = json_array_size(survivors); index > 0; index--) {
        entry = json_array_get(survivors, index - 1);
        kill((pid_t)json_integer_value(json_object_get(entry, "pid")), SIGCONT);
    }
    json_decref(survivors);
    return made;
}

static bool strike(pid_t victim, int number)
{
    return victim > 1 && kill(victim, number) == 0;
}

static bool make(struct cf_stage *stage, struct cf_process *process, const char *fault)
{
    if (strcmp(fault, "sidecar-stopped") == 0)
        return strike(stage->sidecar.pid, SIGSTOP);
    if (strcmp(fault, "runner-killed") == 0) /* it was started before all that is called like it */
        return strike(find(stage, "--launch-contract", -1), SIGKILL);
    if (strcmp(fault, "launcher-killed") == 0)
        return strike(process->pid, SIGKILL);
    if (strcmp(fault, "guardian-killed") == 0)
        return strike(find(stage, "/lab/bin/firma-run ", process->pid), SIGKILL);
    if (strcmp(fault, "hung-up") == 0)
        return cf_process_hang_up(process);
    if (strcmp(fault, "paused") == 0)
        return pause_all(stage, process);
    if (strcmp(fault, "roads-changed") == 0)
        return cf_lab_change_roads(NULL) == 0;
    return cf_plan_ends_itself(stage->launch->launch);
}

static void make_fault(struct cf_stage *stage, struct cf_process *process)
{
    const char *fault = stage->launch->launch->detail;
    if (strcmp(fault, "sidecar-killed") == 0) {
        cf_lab_sidecar_stop(stage->lab, &stage->sidecar, SIGKILL);
        return;
    }
    cf_events_emit(stage->events, "killed",
                   json_pack("{sssb}", "what", fault, "made", make(stage, process, fault)));
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

static bool ends_subject(const struct cf_stage *stage)
{
    const struct cf_launch *launch = stage->launch->launch;
    return cf_launch_kills(launch) || cf_plan_ends_itself(launch);
}

static int drive(struct cf_stage *stage, struct cf_process *process, struct cf_error *err)
{
    bool confined = stage->leg == CF_SUBJECT;
    if (!cf_process_await(process, waiting_fault, stage->launch_ms))
        return 0; /* the judge finds no receipt */
    if (confined)
        json_decref(cf_stage_contract(stage));
    if (confined || !ends_subject(stage))
        make_fault(stage, process);
    say(stage, process, "fault");
    if (confined && ends_subject(stage)) {
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
    for (int i = 0; i < 3 && strcmp(stage->launch->launch->detail, "hung-up") == 0; i++)
        start.ends[i] = CF_END_TERMINAL;
    int failed = cf_stage_start(stage, &process, &start, -1, err);
    cf_start_release(&start);
    if (failed != 0)
        return failed;
    failed = drive(stage, &process, err);
    if (process.terminal < 0 || process.ended)
        cf_process_close_input(&process);
    cf_process_finish(&process, stage->lab, stage->launch_ms);
    cf_stage_ended(stage, &process, "ended", NULL);
    return failed;
}
