#include "tampers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

int cf_tamper_is_noticed(const struct bundle *bundle, const struct tamper *tamper, char *why,
                         size_t size)
{
    return bundle_is(bundle, "by.tcp4", tamper->verdict, tamper->word, why, size);
}

int cf_tamper_acquits_nobody(const struct bundle *bundle, const struct tamper *tamper, char *why,
                             size_t size)
{
    (void)tamper;
    return !bundle_is(bundle, "by.tcp4", "PASS", "", why, size);
}

static int is_right(const char *from, const struct tamper *tamper, tamper_check *check)
{
    struct bundle bundle;
    char why[1024] = "";
    bundle_copy(&bundle, from);
    tamper->apply(&bundle);
    bundle_seal(&bundle, "net");
    int right = check(&bundle, tamper, why, sizeof why);
    if (!right)
        print_error("  %s: %s\n", tamper->name, why);
    bundle_remove(&bundle);
    return right;
}

void cf_tamper_all(const char *from, tamper_check *check)
{
    const struct tamper *const lists[] = {cf_tampers_guest, cf_tampers_leaks, cf_tampers_observers};
    unsigned wrong = 0, count = 0;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (const struct tamper *tamper = lists[i]; tamper->name != NULL; tamper++, count++)
            wrong += !is_right(from, tamper, check);
    if (wrong > 0)
        fail_msg("%u of %u changes were judged wrongly", wrong, count);
    assert_true(count > 50);
}
