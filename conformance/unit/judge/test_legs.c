/* test_legs.c - what takes a leg away, and what convicts, in a run made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "made.h"
#include "tamper_tools.h"

/* Everything below means something only because this passes. */
static void untouched_it_passes(void **state)
{
    const struct bundle *made = *state;
    bundle_expect(made, "by.tcp4", "PASS", "every leg holds");
}

/* Writing a bundle anew changes nothing by itself. */
static void sealed_again_it_passes(void **state)
{
    const struct bundle *made = *state;
    struct bundle copy;
    bundle_copy(&copy, made->dir);
    bundle_write_log(&copy, "launches/net/subject/canary.jsonl",
                     bundle_log(&copy, "launches/net/subject/canary.jsonl"));
    bundle_seal(&copy, "net");
    bundle_expect(&copy, "by.tcp4", "PASS", "every leg holds");
    bundle_remove(&copy);
}

/* The system may give a sidecar one port for two connections, one after the other. */
static void one_port_twice_it_passes(void **state)
{
    const struct bundle *made = *state;
    struct bundle copy;
    bundle_copy(&copy, made->dir);
    tamper_replace(&copy, AT "subject/canary.jsonl", "30002", "30001");
    tamper_replace(&copy, AT "subject/sidecar-0.jsonl", "30002", "30001");
    bundle_seal(&copy, "net");
    bundle_expect(&copy, "by.tcp4", "PASS", "every leg holds");
    bundle_remove(&copy);
}

/* But then the sidecar must have dialled as often as something arrived. */
static void one_port_twice_dialled_once_it_fails(void **state)
{
    const struct bundle *made = *state;
    struct bundle copy;
    bundle_copy(&copy, made->dir);
    tamper_replace(&copy, AT "subject/canary.jsonl", "30002", "30001");
    bundle_seal(&copy, "net");
    bundle_expect(&copy, "by.tcp4", "FAIL", "no request in the sidecar's log explains");
    bundle_remove(&copy);
}

static void every_change_is_judged_for_what_it_is(void **state)
{
    const struct bundle *made = *state;
    cf_tamper_all(made->dir, cf_tamper_is_noticed);
}

static int make(void **state)
{
    static struct bundle made;
    made_run(&made);
    *state = &made;
    return 0;
}

static int unmake(void **state)
{
    bundle_remove(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untouched_it_passes),
        cmocka_unit_test(sealed_again_it_passes),
        cmocka_unit_test(one_port_twice_it_passes),
        cmocka_unit_test(one_port_twice_dialled_once_it_fails),
        cmocka_unit_test(every_change_is_judged_for_what_it_is),
    };
    return cmocka_run_group_tests_name("judge.legs", tests, make, unmake);
}
