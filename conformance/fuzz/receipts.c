/*
 * What a guest printed, judged. Everything else of the evidence is missing, so whatever the guest
 * prints, nothing may ever be shown by it.
 */
#include "fuzz.h"

#include <string.h>

#include "base/escape.h"
#include "judge/judge.h"

#define NONCE "a77e3b07766780945b2358483f0e1d2c"

static const char control[] = "{\"receipt\":1,\"event\":\"step\",\"priv\":{\"caps\":\"0400\"},"
                              "\"row\":\"by.tcp4\",\"nonce\":\"" NONCE "\",\"result\":\"sent\"}\n";

static void give_log(struct cf_leg_evidence *leg, const void *text, size_t size)
{
    char *escaped = cf_escape(text, size);
    FUZZ_MUST(escaped != NULL);
    leg->logs =
        json_pack("{s[{sissss}]}", "harness", "seq", 0, "event", "ended", "stdout", escaped);
    leg->streams = json_object();
    leg->harness_whole = true;
    FUZZ_MUST(leg->logs != NULL);
    free(escaped);
}

static void judge(const struct cf_evidence *evidence, const char *id)
{
    const struct cf_row *row = cf_row_find(id);
    FUZZ_MUST(row != NULL);
    json_t *result = cf_judge_row(evidence, row);
    const char *verdict = json_string_value(json_object_get(result, "verdict"));
    FUZZ_MUST(verdict != NULL && strcmp(verdict, "PASS") != 0);
    json_decref(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_evidence evidence = {.directory = "launches/net"};
    evidence.launch = json_pack("{s[{sssssssssssi}]s{ssss}ss}", "rows", "id", "by.tcp4", "control",
                                NONCE, "attempt", NONCE, "nonce", NONCE, "legs", "", "seq", 0,
                                "live", "before", "be", "after", "af", "fault", "fa");
    FUZZ_MUST(evidence.launch != NULL);
    give_log(&evidence.legs[CF_CONTROL], control, sizeof control - 1);
    give_log(&evidence.legs[CF_SUBJECT], data, size);
    judge(&evidence, "by.tcp4");
    cf_evidence_release(&evidence);
    return 0;
}
