/*
 * compare_traps.c - what was planted around a run: bare it is walked into, confined it stays whole.
 *
 * `touched` of a run's record lists what was run, ended, changed or read, the kind of thing first.
 * The row's third word, if it has one, is the kind it asks for.
 */
#include <stdio.h>
#include <string.h>

#include "judge/compare.h"

/* The first thing of the row's kind that run INDEX touched, or NULL. */
static const char *first_touched(const struct cf_finding *finding, enum cf_leg leg, int index)
{
    const json_t *touched = json_object_get(cf_compare_run(finding, leg, index), "touched");
    const char *kind = cf_compare_word(finding);
    for (size_t i = 0; i < json_array_size(touched); i++) {
        const char *thing = json_string_value(json_array_get(touched, i));
        if (thing != NULL && strncmp(thing, kind, strlen(kind)) == 0)
            return thing;
    }
    return NULL;
}

/* Every bare run must have walked into its trap, or the others' restraint shows nothing. */
static const char *control_walked_in(const struct cf_finding *finding, int runs)
{
    for (int i = 0; i < runs; i++)
        if (first_touched(finding, CF_CONTROL, i) == NULL)
            return "a bare run touched nothing of what was planted, so the check is blind";
    return NULL;
}

/* A launcher that was kept waiting at the gate for too long refuses for that, which shows nothing.
 */
static bool is_refusal(const json_t *run)
{
    const char *why = json_string_value(json_object_get(run, "stderr"));
    return json_integer_value(json_object_get(run, "exit")) == 125 && why != NULL &&
           why[0] != '\0' && strstr(why, "firma-run: sidecar") == NULL;
}

/* What keeps a confined run's restraint from showing anything, or NULL. The command must have come
 * to its last word; where something was exchanged, in time, a refusal is as good. */
static const char *nothing_shown(const json_t *run)
{
    const json_t *sprung = json_object_get(run, "sprung");
    const char *said = json_string_value(json_object_get(run, "stdout"));
    if (!json_is_array(json_object_get(run, "touched")))
        return "does not tell what was touched";
    if (sprung != NULL && !json_is_true(sprung))
        return "was over before anything could be exchanged";
    if (said != NULL && strstr(said, "done") != NULL)
        return NULL;
    return sprung != NULL && is_refusal(run) ? NULL : "never came to the command's last word";
}

static void attempt(struct cf_finding *finding, int index)
{
    char file[256];
    const json_t *run = cf_compare_run(finding, CF_SUBJECT, index);
    const char *missing = run == NULL ? "was not made" : nothing_shown(run);
    if (missing != NULL)
        cf_finding_leg(
            finding, "attempt", false, cf_finding_file(finding, CF_SUBJECT, "harness", file),
            json_integer_value(json_object_get(run, "seq")), "run %d %s", index, missing);
}

static void harmless(struct cf_finding *finding)
{
    struct cf_case_run cases[CF_CASE_RUNS];
    char file[256];
    int runs = cf_compare_case(finding);
    int planned = (int)cf_case_runs(finding->row->attempt, cf_finding_scale(finding), cases);
    const char *blind = control_walked_in(finding, planned);
    cf_finding_leg(finding, "control", runs > 0 && blind == NULL,
                   cf_finding_file(finding, CF_CONTROL, "harness", file), 0, "%s",
                   blind != NULL ? blind : "the bare command touched what was planted, as it must");
    for (int i = 0; i < planned; i++) {
        const char *thing = first_touched(finding, CF_SUBJECT, i);
        attempt(finding, i);
        if (thing != NULL)
            cf_compare_mismatch(finding, i, "run %d touched what was planted: %s", i, thing);
    }
}

const struct cf_check cf_trap_checks[] = {
    {"harmless", harmless},
    {NULL, NULL},
};
