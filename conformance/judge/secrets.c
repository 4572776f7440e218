/* secrets.c - a file of the host's whose content stands in what the guest printed. */
#include "base/secret.h"
#include "judge/judge.h"
#include "judge/search.h"

bool cf_judge_secret(const struct cf_finding *finding, enum cf_leg leg, char file[256],
                     json_int_t *seq)
{
    char secret[CF_SECRET_TEXT];
    cf_secret(cf_finding_nonce(finding, leg), secret);
    struct cf_needle *needle = cf_needle_new(secret);
    const json_t *ended = cf_evidence_harness(finding->evidence, leg, "ended", NULL, NULL);
    bool told = needle != NULL && (cf_needle_in_json(needle, json_object_get(ended, "stdout")) ||
                                   cf_needle_in_json(needle, json_object_get(ended, "stderr")));
    cf_needle_free(needle);
    cf_finding_file(finding, leg, "harness", file);
    *seq = json_integer_value(json_object_get(ended, "seq"));
    return told;
}

void cf_judge_secrets(struct cf_finding *finding)
{
    char file[256];
    json_int_t seq;
    if (cf_judge_secret(finding, CF_SUBJECT, file, &seq))
        cf_finding_violation(finding, file, seq,
                             "the guest printed what stands in a file of the host's");
}
