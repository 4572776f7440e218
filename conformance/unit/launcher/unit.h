/* unit.h - cmocka with what it needs before it, and the errors it is asked about. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "firma_run.h"

/* Expects the call RESULT to be -CODE and the message in ERR to hold PART. */
#define assert_refused(result, err, expected, part)                                                \
    do {                                                                                           \
        assert_int_equal(result, -(expected));                                                     \
        assert_int_equal((err).code, expected);                                                    \
        if (strstr((err).text, part) == NULL)                                                      \
            fail_msg("\"%s\" is not in the message \"%s\"", part, (err).text);                     \
    } while (0)

#endif
