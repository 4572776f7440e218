/* test_plan.c - selecting and planning: no two rows can be taken for one another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

static struct cf_plan plan_of(const char *first, const char *second)
{
    struct cf_plan plan = {0};
    struct cf_error err = {0};
    const char *selectors[] = {first, second};
    size_t count = first == NULL ? 0 : second == NULL ? 1 : 2;
    if (cf_plan_make(&plan, selectors, count, &err) != 0)
        fail_msg("%s", err.text);
    return plan;
}

static void no_selector_plans_every_row(void **state)
{
    (void)state;
    struct cf_plan plan = plan_of(NULL, NULL);
    assert_int_equal(plan.rows, cf_row_count);
    assert_int_equal(plan.count, cf_launch_count);
    cf_plan_release(&plan);
}

static void one_row_is_one_launch(void **state)
{
    (void)state;
    struct cf_plan plan = plan_of("by.tcp4", NULL);
    assert_int_equal(plan.rows, 1);
    assert_int_equal(plan.count, 1);
    assert_string_equal(plan.launches[0].launch->name, "net");
    assert_string_equal(plan.launches[0].rows[0].row->id, "by.tcp4");
    cf_plan_release(&plan);
}

static void a_row_named_twice_is_planned_once(void **state)
{
    (void)state;
    struct cf_plan plan = plan_of("by.tcp4", "by.tcp4");
    assert_int_equal(plan.rows, 1);
    cf_plan_release(&plan);
    struct cf_plan group = plan_of("by", NULL), both = plan_of("by", "by.tcp4");
    assert_int_equal(group.rows, both.rows);
    cf_plan_release(&group);
    cf_plan_release(&both);
}

static void every_way_to_select_selects_its_own(void **state)
{
    (void)state;
    static const char *const selectors[] = {"dn", "MUST", "fail_closed_startup", "stdio"};
    for (size_t s = 0; s < 4; s++) {
        struct cf_plan plan = plan_of(selectors[s], NULL);
        size_t expected = 0;
        for (size_t i = 0; i < cf_row_count; i++)
            expected += cf_row_matches(&cf_rows[i], selectors[s]) != 0;
        assert_true(plan.rows > 0);
        assert_int_equal(plan.rows, expected);
        cf_plan_release(&plan);
    }
}

static void an_unknown_selector_is_named(void **state)
{
    (void)state;
    static const char *const unknown[] = {"by.tcp5", "", "by.", "BY", "must", "by.tcp4 ", "*"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        struct cf_plan plan = {0};
        struct cf_error err = {0};
        const char *selectors[] = {"by.tcp4", unknown[i]};
        assert_int_equal(cf_plan_make(&plan, selectors, 2, &err), -CF_E_NOTHING);
        assert_non_null(strstr(err.text, unknown[i]));
        assert_null(plan.launches);
    }
}

/* ---- nonces ---- */

struct list {
    const char *items[4096];
    size_t count;
};

static void add_once(struct list *list, const char *text, const char *whose)
{
    assert_true(list->count < 4096);
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], text) == 0)
            fail_msg("%s of %s was given out before", text, whose);
    list->items[list->count++] = text;
}

static void no_nonce_is_given_out_twice(void **state)
{
    (void)state;
    struct cf_plan plan = plan_of(NULL, NULL);
    struct list seen = {0};
    for (size_t l = 0; l < plan.count; l++) {
        const struct cf_plan_launch *launch = &plan.launches[l];
        add_once(&seen, launch->token, launch->launch->name);
        add_once(&seen, launch->live_before, launch->launch->name);
        add_once(&seen, launch->live_after, launch->launch->name);
        add_once(&seen, launch->fault, launch->launch->name);
        for (size_t r = 0; r < launch->count; r++)
            for (int leg = 0; leg < CF_LEG_COUNT; leg++) {
                unsigned char bytes[CF_NONCE_BYTES];
                add_once(&seen, launch->rows[r].nonce[leg], launch->rows[r].row->id);
                assert_int_equal(cf_nonce_bytes(launch->rows[r].nonce[leg], bytes), 0);
            }
    }
    cf_plan_release(&plan);
}

/* ---- destinations ---- */

/* A destination that no nonce picks, as evidence tells it. */
static bool destination(const struct cf_plan_row *planned, char *text, size_t size)
{
    char address[64], port[64] = "";
    const char *attempt = planned->row->attempt;
    if (strncmp(attempt, "lo ", 3) == 0 || strstr(attempt, "addr=@") != NULL ||
        !cf_plan_value(attempt, "addr", planned->nonce[CF_SUBJECT], address, sizeof address))
        return false;
    cf_plan_value(attempt, "port", planned->nonce[CF_SUBJECT], port, sizeof port);
    snprintf(text, size, "%s port %s", address, port);
    return true;
}

static void no_two_rows_of_a_launch_share_a_fixed_destination(void **state)
{
    (void)state;
    struct cf_plan plan = plan_of(NULL, NULL);
    size_t fixed = 0;
    for (size_t l = 0; l < plan.count; l++) {
        struct list seen = {0};
        static char texts[4096][160];
        for (size_t r = 0; r < plan.launches[l].count; r++)
            if (destination(&plan.launches[l].rows[r], texts[r], sizeof texts[r]))
                add_once(&seen, texts[r], plan.launches[l].rows[r].row->id);
        fixed += seen.count;
    }
    assert_true(fixed > 5);
    cf_plan_release(&plan);
}

/* An address that a nonce picks must be nobody else's: not a fixed one, not the lab's own. */
static void a_picked_address_lies_in_its_own_range(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        char nonce[CF_NONCE_TEXT], text[64];
        unsigned char bytes[16];
        assert_int_equal(cf_nonce(nonce, NULL), 0);
        assert_true(cf_plan_value("tcp addr=@4 port=1", "addr", nonce, text, sizeof text));
        assert_int_equal(inet_pton(AF_INET, text, bytes), 1);
        assert_true(bytes[0] == 100 && (bytes[1] & 0xc0) == 64);
        assert_true(cf_plan_value("tcp addr=@6 port=1", "addr", nonce, text, sizeof text));
        assert_int_equal(inet_pton(AF_INET6, text, bytes), 1);
        assert_memory_equal(bytes, "\x20\x01\x0d\xb8\xca\xfe", 6);
        /* The text must be the canonical one, or no frame will ever compare equal to it. */
        char again[64];
        assert_string_equal(inet_ntop(AF_INET6, bytes, again, sizeof again), text);
        cf_plan_live_address(nonce, text, sizeof text);
        assert_int_equal(strncmp(text, "192.0.2.", 8), 0);
        assert_int_equal(inet_pton(AF_INET, text, bytes), 1);
    }
}

static void a_value_is_that_of_its_own_key(void **state)
{
    (void)state;
    static const char nonce[] = "00000000000000000000000000000000";
    char text[64] = "untouched";
    assert_true(cf_plan_value("tcp addr=1.1.1.1 port=443", "port", nonce, text, sizeof text));
    assert_string_equal(text, "443");
    assert_false(cf_plan_value("tcp xaddr=1.1.1.1", "addr", nonce, text, sizeof text));
    assert_false(cf_plan_value("addr=1.1.1.1", "addr", nonce, text, sizeof text));
    assert_false(cf_plan_value("tcp addr", "addr", nonce, text, sizeof text));
    assert_string_equal(text, "443");
}

/* ---- the register ---- */

static void every_row_is_named_once_in_a_known_group(void **state)
{
    (void)state;
    struct list seen = {0};
    for (size_t i = 0; i < cf_row_count; i++) {
        const struct cf_row *row = &cf_rows[i];
        add_once(&seen, row->id, row->statement);
        assert_string_not_equal(cf_row_group(row), "other");
        assert_true(strlen(row->id) > 3);
        assert_ptr_equal(cf_row_find(row->id), row);
        assert_non_null(cf_launch_find(row->launch));
        assert_true(strlen(row->statement) > 10);
    }
}

/* An id, a group, a level, an invariant and a launch share one option: no word may mean two. */
static void no_selector_is_ambiguous(void **state)
{
    (void)state;
    struct list words = {0};
    static const char *const fixed[] = {"by", "ct", "dn", "eg",   "en",     "fr",
                                        "fs", "hs", "io", "MUST", "SHOULD", "INFO"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        add_once(&words, fixed[i], "a group or level");
    for (size_t i = 0; i < cf_row_count; i++)
        add_once(&words, cf_rows[i].id, "a row");
    for (int i = 0; i < CF_INVARIANT_COUNT; i++)
        add_once(&words, cf_invariant_name((enum cf_invariant)i), "an invariant");
    for (size_t i = 0; i < cf_launch_count; i++)
        add_once(&words, cf_launches[i].name, "a launch");
}

static void every_observer_is_known(void **state)
{
    (void)state;
    static const char known[] =
        " canary capture honeypots sidecar harness recorder files guest receipt ";
    for (size_t i = 0; i < cf_row_count; i++) {
        char names[128], word[160], *rest = NULL;
        snprintf(names, sizeof names, "%s", cf_rows[i].observers);
        char *name = strtok_r(names, " ", &rest);
        assert_non_null(name);
        for (; name != NULL; name = strtok_r(NULL, " ", &rest)) {
            snprintf(word, sizeof word, " %s ", name);
            if (strstr(known, word) == NULL)
                fail_msg("%s: nobody is called %s", cf_rows[i].id, name);
        }
    }
}

/* A deny row's attempt is a technique of the probe, by the table the probe is made from. */
static void every_technique_exists(void **state)
{
    (void)state;
    static const char *const techniques[] = {
#define ANY(name, function)   name,
#define LINUX(name, function) name,
#include "probe/techniques.def"
#undef ANY
#undef LINUX
    };
    for (size_t i = 0; i < cf_row_count; i++) {
        const struct cf_row *row = &cf_rows[i];
        const struct cf_launch *launch = cf_launch_find(row->launch);
        bool by_probe = launch->scenario == CF_PROBE || launch->scenario == CF_OUTAGE,
             found = false;
        for (size_t t = 0; t < sizeof techniques / sizeof techniques[0]; t++)
            found = found || (strncmp(row->attempt, techniques[t], strlen(techniques[t])) == 0 &&
                              strchr(" ", row->attempt[strlen(techniques[t])]) != NULL);
        if (by_probe && !found)
            fail_msg("%s: the probe has no technique for \"%s\"", row->id, row->attempt);
    }
}

static void every_invariant_has_rows(void **state)
{
    (void)state;
    for (int invariant = 0; invariant < CF_INVARIANT_COUNT; invariant++) {
        size_t rows = 0;
        for (size_t i = 0; i < cf_row_count; i++)
            rows += (int)cf_rows[i].invariant == invariant;
        if (rows < 5)
            fail_msg("%s has %zu rows", cf_invariant_name((enum cf_invariant)invariant), rows);
    }
    assert_true(cf_row_count >= 40);
}

/* ---- the probe's plan ---- */

static char *written(const struct cf_plan_launch *launch, enum cf_leg leg)
{
    char *text = NULL;
    size_t size = 0;
    json_t *facts = json_pack("{sisisisi}", "lo4_tcp", 1, "lo4_udp", 2, "lo6_tcp", 3, "lo6_udp", 4);
    FILE *out = open_memstream(&text, &size);
    cf_plan_write(out, launch, leg, facts);
    fclose(out);
    json_decref(facts);
    return text;
}

/* Where the guest itself dies, only what it tries before is certain to be tried. */
static void a_guest_that_will_die_tries_before(void **state)
{
    (void)state;
    struct cf_plan plan = plan_of("fr.launcher-killed", NULL);
    char *text = written(&plan.launches[0], CF_SUBJECT);
    const char *attempt = strstr(text, "step fr.launcher-killed"),
               *wait = strstr(text, "wait fault");
    assert_true(attempt != NULL && wait != NULL && attempt < wait);
    assert_non_null(strstr(wait, "step fr.launcher-killed"));
    free(text);
    cf_plan_release(&plan);

    plan = plan_of("fr.sidecar-killed-tcp4", NULL);
    text = written(&plan.launches[0], CF_SUBJECT);
    attempt = strstr(text, "step fr.sidecar-killed-tcp4");
    wait = strstr(text, "wait fault");
    assert_true(attempt != NULL && wait != NULL && attempt > wait);
    free(text);
    cf_plan_release(&plan);
}

/* A runner that drops in silence lets every step run into its deadline: no launch may end before.
 */
static void a_launch_is_given_the_time_of_its_steps(void **state)
{
    (void)state;
    struct cf_plan one = plan_of("by.tcp4", NULL), two = plan_of("by.tcp4", "by.tcp6");
    struct cf_plan dies = plan_of("fr.launcher-killed", NULL), other = plan_of("io.exit-42", NULL);
    assert_int_equal(cf_plan_patience(&one.launches[0]), 1500);
    assert_int_equal(cf_plan_patience(&two.launches[0]), 3000);
    assert_int_equal(cf_plan_patience(&dies.launches[0]), 3000);
    assert_int_equal(cf_plan_patience(&other.launches[0]), 0);
    cf_plan_release(&one);
    cf_plan_release(&two);
    cf_plan_release(&dies);
    cf_plan_release(&other);
}

static void a_leg_is_told_its_own_nonces_only(void **state)
{
    (void)state;
    struct cf_plan plan = plan_of(NULL, NULL);
    for (size_t l = 0; l < plan.count; l++) {
        const struct cf_plan_launch *launch = &plan.launches[l];
        if (launch->launch->scenario != CF_PROBE && launch->launch->scenario != CF_OUTAGE)
            continue;
        char *control = written(launch, CF_CONTROL), *subject = written(launch, CF_SUBJECT);
        for (size_t r = 0; r < launch->count; r++) {
            assert_non_null(strstr(control, launch->rows[r].nonce[CF_CONTROL]));
            assert_non_null(strstr(subject, launch->rows[r].nonce[CF_SUBJECT]));
            assert_null(strstr(control, launch->rows[r].nonce[CF_SUBJECT]));
            assert_null(strstr(subject, launch->rows[r].nonce[CF_CONTROL]));
        }
        assert_non_null(strstr(subject, launch->live_before));
        assert_non_null(strstr(subject, launch->live_after));
        /* What proves that an attempt came after the fault must not be known before it. */
        assert_null(strstr(subject, launch->fault));
        assert_null(strchr(control, '@'));
        assert_null(strchr(subject, '@'));
        free(control);
        free(subject);
    }
    cf_plan_release(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_selector_plans_every_row),
        cmocka_unit_test(one_row_is_one_launch),
        cmocka_unit_test(a_row_named_twice_is_planned_once),
        cmocka_unit_test(every_way_to_select_selects_its_own),
        cmocka_unit_test(an_unknown_selector_is_named),
        cmocka_unit_test(no_nonce_is_given_out_twice),
        cmocka_unit_test(no_two_rows_of_a_launch_share_a_fixed_destination),
        cmocka_unit_test(a_picked_address_lies_in_its_own_range),
        cmocka_unit_test(a_value_is_that_of_its_own_key),
        cmocka_unit_test(every_row_is_named_once_in_a_known_group),
        cmocka_unit_test(no_selector_is_ambiguous),
        cmocka_unit_test(every_observer_is_known),
        cmocka_unit_test(every_technique_exists),
        cmocka_unit_test(every_invariant_has_rows),
        cmocka_unit_test(a_guest_that_will_die_tries_before),
        cmocka_unit_test(a_launch_is_given_the_time_of_its_steps),
        cmocka_unit_test(a_leg_is_told_its_own_nonces_only),
    };
    return cmocka_run_group_tests_name("judge.plan", tests, NULL, NULL);
}
