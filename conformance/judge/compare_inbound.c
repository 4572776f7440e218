/* compare_inbound.c - whether a listening guest was reached from outside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "judge/compare.h"
#include "judge/search.h"

struct knock {
    const json_t *asked;
    char result[32]; /* of the receipt; "" without one */
    bool heard;      /* the listener printed the nonce */
    bool listened;
};

static void read_result(const json_t *asked, char result[32])
{
    const char *escaped = json_string_value(json_object_get(asked, "stdout"));
    size_t length = 0;
    char *text = escaped == NULL ? NULL : (char *)cf_unescape(escaped, &length);
    json_t *receipt = text == NULL ? NULL : json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    const char *is = json_string_value(json_object_get(receipt, "result"));
    snprintf(result, 32, "%s", is == NULL ? "" : is);
    json_decref(receipt);
    free(text);
}

static struct knock read_knock(const struct cf_finding *finding, enum cf_leg leg)
{
    struct knock knock = {
        .asked = cf_evidence_harness(finding->evidence, leg, "asked", "row", finding->row->id)};
    const json_t *ended = cf_evidence_harness(finding->evidence, leg, "ended", NULL, NULL);
    const char *printed = json_string_value(json_object_get(ended, "stdout"));
    struct cf_needle *needle = cf_needle_new(cf_finding_nonce(finding, leg));
    read_result(knock.asked, knock.result);
    knock.heard = needle != NULL && cf_needle_in_json(needle, json_object_get(ended, "stdout"));
    knock.listened = printed != NULL && strncmp(printed, "listening", 9) == 0;
    cf_needle_free(needle);
    return knock;
}

static bool got_through(const struct knock *knock)
{
    return knock->heard || strcmp(knock->result, "connected") == 0 ||
           strcmp(knock->result, "answered") == 0;
}

/* A knock that was never made, or came to no end of its own, shows nothing. */
static bool was_made(const struct knock *knock)
{
    return knock->listened && knock->result[0] != '\0' && strcmp(knock->result, "error") != 0 &&
           strcmp(knock->result, "unsupported") != 0 && strcmp(knock->result, "crashed") != 0;
}

static void reached(struct cf_finding *finding)
{
    char file[256];
    struct knock bare = read_knock(finding, CF_CONTROL), confined = read_knock(finding, CF_SUBJECT);
    json_int_t seq = json_integer_value(json_object_get(confined.asked, "seq"));
    cf_finding_file(finding, CF_CONTROL, "harness", file);
    cf_finding_leg(finding, "control", was_made(&bare) && got_through(&bare), file,
                   json_integer_value(json_object_get(bare.asked, "seq")),
                   "the bare listener was %sreached", got_through(&bare) ? "" : "not ");
    cf_finding_file(finding, CF_SUBJECT, "harness", file);
    cf_finding_leg(finding, "attempt", was_made(&confined), file, seq,
                   "the listening guest was knocked at: %s",
                   confined.result[0] == '\0' ? "no receipt" : confined.result);
    if (got_through(&confined))
        cf_finding_violation(finding, file, seq, "the guest was reached from outside it (%s%s)",
                             confined.result, confined.heard ? ", and printed what it heard" : "");
}

const struct cf_check cf_inbound_checks[] = {
    {"reached", reached},
    {NULL, NULL},
};
