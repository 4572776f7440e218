/*
 * recorder.c - what a launcher hands to its runner, recorded by a runner that is an instrument.
 *
 * Subject: `firma-run` with the recorder as its runner. Control: the recorder started by hand with
 * everything wrong on purpose (a stray argument, variable, descriptor and signal setting, a
 * readable contract with a secret in it, no proof): each check must object to that record, or it
 * could not have objected to the subject's.
 */
#include "scenarios/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char recorder[] = "/lab/bin/recorder-runner";
static const char record_path[] = "/lab/work/recorder.json";
static const char soiled_contract[] = "/lab/run/soiled/vz-guest-launch.json";
static const char *const command[] = {"/lab/bin/firma-probe", "exit", "0", "", "a\nb", NULL};

static void record(struct cf_stage *stage)
{
    json_t *seen = json_load_file(record_path, 0, NULL);
    cf_events_emit(stage->events, "record", json_pack("{so?}", "record", seen));
}

static int run(struct cf_stage *stage, const struct cf_start *start, int extra_fd,
               struct cf_error *err)
{
    struct cf_process process;
    int failed = cf_stage_start(stage, &process, start, extra_fd, err);
    if (failed != 0)
        return failed;
    cf_process_close_input(&process);
    cf_process_finish(&process, stage->lab, stage->launch_ms);
    record(stage);
    cf_stage_ended(stage, &process, "ended", NULL);
    return 0;
}

static int soil(struct cf_error *err)
{
    static const char text[] = "{\"command\":{\"cwd\":\"/lab/work\",\"args\":[],\"env\":"
                               "{\"FIRMA_CAPABILITY_TOKEN\":\"firma-secret-token\"}},"
                               "\"version\":1,\"surprise\":true}\n";
    if (mkdir("/lab/run/soiled", 0755) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "/lab/run/soiled");
    int fd = open(soiled_contract, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", soiled_contract);
    ssize_t written = write(fd, text, sizeof text - 1);
    close(fd);
    return written == (ssize_t)(sizeof text - 1)
               ? 0
               : cf_fail(err, CF_E_SYSTEM, EIO, "%s", soiled_contract);
}

static int control(struct cf_stage *stage, struct cf_error *err)
{
    struct cf_start start = {0};
    int failed = soil(err);
    if (failed != 0)
        return failed;
    static const char *const argv[] = {"/usr/bin/env",
                                       "--ignore-signal=USR1",
                                       "--block-signal=USR2",
                                       recorder,
                                       "--launch-contract",
                                       soiled_contract,
                                       "--stray",
                                       NULL};
    for (const char *const *word = argv; *word != NULL; word++)
        cf_words_add(&start.argv, "%s", *word);
    cf_words_add(&start.env, "FIRMA_CAPABILITY_TOKEN=firma-secret-token");
    int stray = open("/dev/null", O_RDONLY | O_CLOEXEC);
    failed = run(stage, &start, stray, err);
    if (stray >= 0)
        close(stray);
    cf_start_release(&start);
    return failed;
}

int cf_scenario_recorder(struct cf_stage *stage, struct cf_error *err)
{
    struct cf_start start;
    if (stage->leg == CF_CONTROL)
        return control(stage, err);
    cf_start_launcher(&start, stage, NULL, command);
    cf_words_set(&start.env, "FIRMA_RUN_VZ_GUEST_RUNNER", recorder);
    /* A descriptor an operator's shell left open. */
    int stray = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int failed = run(stage, &start, stray, err);
    if (stray >= 0)
        close(stray);
    cf_start_release(&start);
    return failed;
}
