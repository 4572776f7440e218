/* sample.h - what the contract's unit tests share: a valid contract, and private directories. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "firma_contract.h"

#define SAMPLE_ID "01900000-0000-7000-8000-000000000001"

/* A contract that passes every rule; to be cleared by the caller. */
struct firma_contract sample_contract(void);

/* Replaces one text field. */
void sample_set(char **field, const char *text);

/* COUNT times BYTE, after PREFIX; the caller frees it. */
char *sample_repeat(const char *prefix, char byte, size_t count);

/* Asserts that CONTRACT is refused with a message that holds EXPECTED. */
void assert_refused(const struct firma_contract *contract, const char *expected);

/* Asserts that MESSAGE holds EXPECTED; shows both when it does not. */
void assert_names(const struct firma_error *err, const char *expected);

/* A fresh 0700 directory beneath TMPDIR or /tmp, as an absolute path in *STATE; setup and teardown
 * for cmocka. Teardown removes it with everything in it. */
int sample_make_dir(void **state);
int sample_remove_dir(void **state);

/* DIR/NAME in a static buffer per slot 0 to 3. */
const char *sample_path(const char *dir, const char *name, int slot);

#endif
