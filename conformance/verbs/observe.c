/* observe.c - one launch, observed: CTest's fixture. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/invocation.h"
#include "lab/lab.h"
#include "observe.h"
#include "result.h"
#include "verbs/verbs.h"

const char *cf_default_runner(void)
{
    const char *runner = getenv("FIRMA_RUN_VZ_GUEST_RUNNER");
    return runner != NULL && runner[0] != '\0' ? runner : "namespace";
}

static int observe(const struct cf_options *options, const struct cf_target *target,
                   struct cf_error *err)
{
    char invocation[128];
    struct cf_run run = {.directory = options->out, .id = "ctest", .invocation = invocation};
    struct cf_plan plan = {0};
    struct cf_observation observation;
    cf_invocation_of_parent(invocation, sizeof invocation);
    int failed = cf_register_digest(run.register_sha256, err);
    if (failed == 0)
        failed = cf_plan_make(&plan, &options->launch, 1, err);
    if (failed == 0)
        cf_plan_for(&plan, target->kind);
    if (failed == 0)
        failed = cf_observe_start(&observation, &run, target, &plan.launches[0], err);
    if (failed == 0)
        failed = cf_observe_finish(&observation, &run, target, err);
    cf_plan_release(&plan);
    return failed;
}

static bool any_row_applies(const struct cf_launch *launch, const char *kind)
{
    for (size_t i = 0; i < cf_row_count; i++) {
        bool tried = false;
        if (strcmp(cf_rows[i].launch, launch->name) == 0 &&
            (cf_excuse(&cf_rows[i], kind, &tried) == NULL || tried))
            return true;
    }
    return false;
}

int cf_verb_observe(const struct cf_options *options, struct cf_error *err)
{
    struct cf_target target = {0};
    if (options->launch == NULL || options->out == NULL)
        return cf_fail(err, CF_E_USAGE, 0, "observe: --launch NAME and --out DIR are needed");
    const struct cf_launch *launch = cf_launch_find(options->launch);
    if (launch == NULL)
        return cf_fail(err, CF_E_USAGE, 0, "observe: --launch %s: there is no such launch",
                       options->launch);
    if (mkdir(options->out, 0755) != 0 && errno != EEXIST)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", options->out);
    if (cf_launch_has_second_user(launch) && !cf_lab_has_second_user()) {
        printf("%s: none of its rows can be shown on this machine\n", launch->name);
        return 0;
    }
    const struct cf_wanted wanted = {options->runner, options->kind, options->launcher,
                                     options->scale, options->bin};
    int failed = cf_target_find(&target, &wanted, err);
    if (failed == 0 && !any_row_applies(launch, target.kind))
        printf("%s: none of its rows can be shown of such a guest\n", launch->name);
    else if (failed == 0)
        failed = observe(options, &target, err);
    cf_target_release(&target);
    return failed;
}
