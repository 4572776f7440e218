/* test_evidence.c - evidence that was edited, cut, lost or taken from elsewhere is worth nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "judge/evidence.h"
#include "judge/judge.h"
#include "made.h"

#define AT     "launches/net/"
#define UNSURE "INCONCLUSIVE"

static const char *const FILES[] = {
    "control/canary.jsonl",    "control/capture.jsonl",   "control/honeypots.jsonl",
    "control/harness.jsonl",   "control/lab.jsonl",       "control/capture.pcap",
    "control/sidecar-0.jsonl", "subject/canary.jsonl",    "subject/capture.jsonl",
    "subject/honeypots.jsonl", "subject/harness.jsonl",   "subject/lab.jsonl",
    "subject/capture.pcap",    "subject/sidecar-0.jsonl", "launch.json",
};
enum { FILE_COUNT = sizeof FILES / sizeof FILES[0] };

static struct bundle made;

static int make(void **state)
{
    (void)state;
    made_run(&made);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    bundle_remove(&made);
    return 0;
}

/* ---- clumsy changes: the digests of launch.json and run.json stand as they were ---- */

static void one_byte_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILE_COUNT; i++)
        for (int where = 0; where < 3; where++) {
            struct bundle copy;
            char file[128];
            size_t size;
            bundle_copy(&copy, made.dir);
            snprintf(file, sizeof file, AT "%s", FILES[i]);
            char *bytes = bundle_read(&copy, file, &size);
            bytes[where * (size - 1) / 2] ^= 1;
            bundle_write(&copy, file, bytes, size);
            bundle_expect(&copy, "by.tcp4", UNSURE, "");
            free(bytes);
            bundle_remove(&copy);
        }
}

static void one_byte_less_or_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILE_COUNT; i++)
        for (int more = 0; more < 2; more++) {
            struct bundle copy;
            char file[128];
            size_t size;
            bundle_copy(&copy, made.dir);
            snprintf(file, sizeof file, AT "%s", FILES[i]);
            char *bytes = bundle_read(&copy, file, &size);
            bytes[size] = '\n';
            bundle_write(&copy, file, bytes, more ? size + 1 : size - 1);
            bundle_expect(&copy, "by.tcp4", UNSURE, "");
            free(bytes);
            bundle_remove(&copy);
        }
}

static void a_file_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILE_COUNT; i++) {
        struct bundle copy;
        char file[128];
        bundle_copy(&copy, made.dir);
        snprintf(file, sizeof file, AT "%s", FILES[i]);
        bundle_delete(&copy, file);
        bundle_expect(&copy, "by.tcp4", UNSURE, "missing");
        bundle_remove(&copy);
    }
}

static void the_other_legs_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < 7; i++) {
        struct bundle copy;
        char file[128];
        size_t size;
        bundle_copy(&copy, made.dir);
        snprintf(file, sizeof file, AT "%s", FILES[i + 7]);
        char *bytes = bundle_read(&copy, file, &size);
        snprintf(file, sizeof file, AT "control/%s", strchr(FILES[i + 7], '/') + 1);
        char *own = bundle_read(&copy, file, NULL);
        if (strcmp(own, bytes) != 0 || strstr(file, "pcap") != NULL) {
            bundle_write(&copy, file, bytes, size);
            bundle_expect(&copy, "by.tcp4", UNSURE, "was changed");
        }
        free(bytes);
        free(own);
        bundle_remove(&copy);
    }
}

/* A log that nobody recorded: made of another row's records, it would speak for this one. */
static void a_file_nobody_listed(void **state)
{
    (void)state;
    struct bundle copy;
    size_t size;
    bundle_copy(&copy, made.dir);
    char *text = bundle_read(&copy, AT "control/honeypots.jsonl", &size);
    bundle_write(&copy, AT "control/sidecar-7.jsonl", text, size);
    bundle_expect(&copy, "by.tcp4", UNSURE, "sidecar-7");
    free(text);
    bundle_remove(&copy);
}

static void a_link_in_place_of_a_file(void **state)
{
    (void)state;
    struct bundle copy;
    char from[1024], to[1024];
    bundle_copy(&copy, made.dir);
    snprintf(from, sizeof from, "%s/" AT "subject/lab.jsonl", made.dir);
    snprintf(to, sizeof to, "%s/" AT "subject/lab.jsonl", copy.dir);
    bundle_delete(&copy, AT "subject/lab.jsonl");
    assert_int_equal(symlink(from, to), 0);
    bundle_expect(&copy, "by.tcp4", UNSURE, "missing");
    bundle_remove(&copy);
}

/* ---- changed so that the digests fit: the log's own order and close record remain ---- */

/* Writes the lines of a log as they are, line AT moved to TO (or dropped: -1), and seals. */
static void reorder(const char *file, size_t at, int to, const char *word)
{
    struct bundle copy;
    char *lines[128], *rest = NULL, text[65536] = "";
    size_t count = 0;
    bundle_copy(&copy, made.dir);
    char *old = bundle_read(&copy, file, NULL);
    for (char *line = strtok_r(old, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        lines[count++] = line;
    if (at >= count)
        fail_msg("%s has %zu lines", file, count);
    /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): fail_msg() does not return */
    char *moved = lines[at];
    for (size_t i = 0; i < count; i++) {
        if (to >= 0 && i == (size_t)to)
            strcat(strcat(text, moved), "\n");
        if (i != at)
            strcat(strcat(text, lines[i]), "\n");
    }
    bundle_write(&copy, file, text, strlen(text));
    bundle_seal(&copy, "net");
    bundle_expect(&copy, "by.tcp4", UNSURE, word);
    free(old);
    bundle_remove(&copy);
}

static void a_record_removed(void **state)
{
    (void)state;
    reorder(AT "subject/canary.jsonl", 0, -1, "gap");
    reorder(AT "subject/canary.jsonl", 2, -1, "gap");
    reorder(AT "control/canary.jsonl", 1, -1, "gap");
}

static void a_record_moved(void **state)
{
    (void)state;
    reorder(AT "subject/canary.jsonl", 1, 4, "gap");
    reorder(AT "subject/harness.jsonl", 3, 1, "gap");
}

static void a_record_behind_the_close(void **state)
{
    (void)state;
    struct bundle copy;
    bundle_copy(&copy, made.dir);
    size_t size;
    char *text = bundle_read(&copy, AT "subject/canary.jsonl", &size), grown[65536];
    json_t *records = bundle_log(&copy, AT "subject/canary.jsonl");
    int length =
        snprintf(grown, sizeof grown,
                 "%s{\"seq\":%zu,\"t\":1,\"observer\":\"canary\",\"event\":\"tcp-close\"}\n", text,
                 json_array_size(records) + 1);
    bundle_write(&copy, AT "subject/canary.jsonl", grown, (size_t)length);
    bundle_seal(&copy, "net");
    bundle_expect(&copy, "by.tcp4", UNSURE, "damaged");
    json_decref(records);
    free(text);
    bundle_remove(&copy);
}

/* Replaces OLD by NEW (of the same length) once in FILE and seals: only the log's own hash is left
 * to tell. */
static void edit_inside(const char *file, const char *old, const char *new, const char *word)
{
    struct bundle copy;
    size_t size;
    bundle_copy(&copy, made.dir);
    char *text = bundle_read(&copy, file, &size), *at = strstr(text, old);
    assert_non_null(at);
    memcpy(at, new, strlen(old));
    bundle_write(&copy, file, text, size);
    bundle_seal(&copy, "net");
    bundle_expect(&copy, "by.tcp4", UNSURE, word);
    free(text);
    bundle_remove(&copy);
}

static void a_close_record_that_does_not_fit(void **state)
{
    (void)state;
    edit_inside(AT "control/canary.jsonl", "203.0.113.2", "203.0.113.3", "closed");
    edit_inside(AT "subject/canary.jsonl", "\"records\":5", "\"records\":4", "closed");
    edit_inside(AT "subject/lab.jsonl", "\"event\":\"close\"", "\"event\":\"claps\"", "closed");
}

static void a_log_that_is_no_log(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "\n",
                                        "{}\n",
                                        "[]\n",
                                        "null\n",
                                        "{\"seq\":0}",
                                        "{\"seq\":0}\n{\"seq\":0}\n",
                                        "\x01\n",
                                        "{\"seq\":0,\"event\":7}\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bundle copy;
        bundle_copy(&copy, made.dir);
        bundle_write(&copy, AT "subject/honeypots.jsonl", texts[i], strlen(texts[i]));
        bundle_seal(&copy, "net");
        bundle_expect(&copy, "by.tcp4", UNSURE, "");
        bundle_remove(&copy);
    }
}

static void a_nul_byte_hides_nothing(void **state)
{
    (void)state;
    struct bundle copy;
    size_t size;
    bundle_copy(&copy, made.dir);
    char *text = bundle_read(&copy, AT "subject/canary.jsonl", &size);
    text[size] = '\0';
    bundle_write(&copy, AT "subject/canary.jsonl", text, size + 1);
    bundle_seal(&copy, "net");
    bundle_expect(&copy, "by.tcp4", UNSURE, "damaged");
    free(text);
    bundle_remove(&copy);
}

/* ---- evidence of something else ---- */

static void another(const char *object, const char *key, const char *word)
{
    struct bundle copy;
    bundle_copy(&copy, made.dir);
    json_t *launch = bundle_json(&copy, AT "launch.json");
    json_t *in = object == NULL ? launch : json_object_get(launch, object);
    json_object_set_new(in, key, json_string("ffffffffffffffffffffffffffffffff"));
    bundle_write_json(&copy, AT "launch.json", launch);
    bundle_seal(&copy, "net");
    bundle_expect(&copy, "by.tcp4", UNSURE, word);
    bundle_remove(&copy);
}

static void evidence_of_another_invocation(void **state)
{
    (void)state;
    another(NULL, "invocation", "another run");
    another(NULL, "register_sha256", "another register");
    another("subject", "sha256", "another subject");
    another("launcher", "sha256", "another launcher");
}

/* Well made and whole, but launch.json is not the one that run.json knows. */
static void a_launch_the_run_does_not_know(void **state)
{
    (void)state;
    struct bundle copy;
    bundle_copy(&copy, made.dir);
    json_t *run = bundle_json(&copy, "run.json");
    json_object_set_new(run, "launches", json_object());
    bundle_write_json(&copy, "run.json", run);
    bundle_expect(&copy, "by.tcp4", UNSURE, "not this run's");
    bundle_remove(&copy);
}

static void nothing_listed(void **state)
{
    (void)state;
    struct bundle copy;
    bundle_copy(&copy, made.dir);
    json_t *launch = bundle_json(&copy, AT "launch.json");
    json_object_set_new(launch, "files", json_object());
    bundle_write_json(&copy, AT "launch.json", launch);
    json_t *run = bundle_json(&copy, "run.json");
    json_object_del(run, "launches");
    bundle_write_json(&copy, "run.json", run);
    bundle_expect(&copy, "by.tcp4", UNSURE, "no file");
    bundle_remove(&copy);
}

static void a_row_the_launch_was_not_planned_with(void **state)
{
    (void)state;
    struct bundle copy;
    bundle_copy(&copy, made.dir);
    json_t *run = bundle_json(&copy, "run.json");
    json_array_append_new(json_object_get(run, "planned"), json_string("by.udp4"));
    bundle_write_json(&copy, "run.json", run);
    bundle_expect(&copy, "by.udp4", UNSURE, "not planned with this row");
    bundle_expect(&copy, "by.tcp4", "PASS", "");
    bundle_remove(&copy);
}

static void a_run_that_is_not_there(void **state)
{
    (void)state;
    struct cf_evidence evidence;
    const struct cf_expected nobody = {0};
    assert_int_equal(cf_evidence_load(&evidence, "/nonexistent", "net", &nobody, NULL), 0);
    assert_true(evidence.problem[0] != '\0');
    json_t *row = cf_judge_row(&evidence, cf_row_find("by.tcp4"));
    assert_string_equal(json_string_value(json_object_get(row, "verdict")), UNSURE);
    json_decref(row);
    cf_evidence_release(&evidence);
}

static void a_name_too_long_is_the_callers_mistake(void **state)
{
    (void)state;
    char name[2000];
    struct cf_error err = {0};
    struct cf_evidence evidence;
    const struct cf_expected nobody = {0};
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(cf_evidence_load(&evidence, name, "net", &nobody, &err), -CF_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_byte_changed),
        cmocka_unit_test(one_byte_less_or_more),
        cmocka_unit_test(a_file_missing),
        cmocka_unit_test(the_other_legs_file),
        cmocka_unit_test(a_file_nobody_listed),
        cmocka_unit_test(a_link_in_place_of_a_file),
        cmocka_unit_test(a_record_removed),
        cmocka_unit_test(a_record_moved),
        cmocka_unit_test(a_record_behind_the_close),
        cmocka_unit_test(a_close_record_that_does_not_fit),
        cmocka_unit_test(a_log_that_is_no_log),
        cmocka_unit_test(a_nul_byte_hides_nothing),
        cmocka_unit_test(evidence_of_another_invocation),
        cmocka_unit_test(a_launch_the_run_does_not_know),
        cmocka_unit_test(nothing_listed),
        cmocka_unit_test(a_row_the_launch_was_not_planned_with),
        cmocka_unit_test(a_run_that_is_not_there),
        cmocka_unit_test(a_name_too_long_is_the_callers_mistake),
    };
    return cmocka_run_group_tests_name("judge.evidence", tests, make, unmake);
}
