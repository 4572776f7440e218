/* compare_programs.c - real programs by way of the sidecar: as bare, and with attribution. */
#include <string.h>

#include "judge/compare.h"
#include "judge/search.h"

/* Every request that the sidecar read and that names the row's nonce has to be attributed. */
static void check_requests(struct cf_finding *finding)
{
    struct cf_needle *needle = cf_needle_new(cf_finding_nonce(finding, CF_SUBJECT));
    const char *log;
    json_t *records, *record;
    size_t index;
    json_object_foreach (finding->evidence->legs[CF_SUBJECT].logs, log, records) {
        if (needle == NULL || strncmp(log, "sidecar-", 8) != 0)
            continue;
        json_array_foreach (records, index, record) {
            const char *event = json_string_value(json_object_get(record, "event"));
            if (event != NULL && strcmp(event, "request") == 0 && cf_needle_in_json(needle, record))
                cf_compare_attribution(finding, record);
        }
    }
    cf_needle_free(needle);
}

static void compare_runs(struct cf_finding *finding, const json_t *bare, const json_t *confined)
{
    json_int_t wanted = json_integer_value(json_object_get(bare, "exit"));
    json_int_t got = json_integer_value(json_object_get(confined, "exit"));
    if (wanted != got)
        cf_compare_mismatch(finding, 0, "the program ends with %d bare and with %d confined",
                            (int)wanted, (int)got);
    else if (!json_equal(json_object_get(bare, "stdout_sha256"),
                         json_object_get(confined, "stdout_sha256")))
        cf_compare_mismatch(finding, 0, "the program prints something else than bare");
}

static void program(struct cf_finding *finding)
{
    struct cf_mediated bare =
        cf_judge_mediated(finding, CF_CONTROL, cf_finding_nonce(finding, CF_CONTROL));
    struct cf_mediated confined =
        cf_judge_mediated(finding, CF_SUBJECT, cf_finding_nonce(finding, CF_SUBJECT));
    const json_t *run = cf_compare_run(finding, CF_SUBJECT, 0);
    char file[256];
    int runs = cf_compare_case(finding);
    cf_finding_leg(finding, "control", bare.requests > 0 && bare.arrivals > 0,
                   cf_finding_file(finding, CF_CONTROL, "harness", file), 0,
                   "bare, the sidecar heard of it %u times and %u connections arrived",
                   bare.requests, bare.arrivals);
    if (runs == 0 || run == NULL)
        return;
    if (confined.requests != bare.requests || confined.arrivals != bare.arrivals)
        cf_compare_mismatch(finding, 0,
                            "the sidecar heard of it %u times and %u connections arrived; bare it "
                            "was %u and %u",
                            confined.requests, confined.arrivals, bare.requests, bare.arrivals);
    compare_runs(finding, cf_compare_run(finding, CF_CONTROL, 0), run);
    /* A request in a tunnel to an address names the nonce only inside: then its opening counts. */
    if (confined.request != NULL)
        cf_compare_attribution(finding, cf_compare_opening(finding, confined.request));
    check_requests(finding);
}

const struct cf_check cf_program_checks[] = {
    {"program", program},
    {NULL, NULL},
};
