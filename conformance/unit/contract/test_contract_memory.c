/* Every allocation of the contract's reader and writer fails once: whatever the JSON library makes
 * of it, the contract is refused for want of memory and never read or written in part. */
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"

enum { ENOUGH = 5000 };

static unsigned fail_at, allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static bool fails(void)
{
    return fail_at != 0 && ++allocations == fail_at;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static char *sample_text(size_t *length)
{
    char *text = NULL;
    struct firma_contract contract = sample_contract();
    struct firma_error err = {0};
    if (firma_contract_encode(&contract, &text, length, &err) < 0)
        fail_msg("%s", err.text);
    firma_contract_clear(&contract);
    return text;
}

/* Calls TRY with each allocation failing in turn until it asks for no more. How many there were. */
static unsigned torture(int (*try)(void *context, struct firma_error *err), void *context)
{
    for (unsigned nth = 1; nth < ENOUGH; nth++) {
        struct firma_error err = {0};
        fail_at = nth;
        allocations = 0;
        int result = try(context, &err);
        fail_at = 0;
        if (allocations < nth) {
            assert_int_equal(result, 0);
            return nth - 1;
        }
        if (result != -FIRMA_E_MEMORY)
            fail_msg("allocation %u: %d, %s", nth, result, err.text);
        assert_int_equal(err.code, FIRMA_E_MEMORY);
    }
    return 0;
}

static int decode(void *context, struct firma_error *err)
{
    const char *text = context;
    struct firma_contract contract = {0};
    int result = firma_contract_decode(text, strlen(text), &contract, err);
    firma_contract_clear(&contract);
    return result;
}

static int encode(void *context, struct firma_error *err)
{
    char *text = NULL;
    size_t length = 0;
    int result = firma_contract_encode(context, &text, &length, err);
    free(text);
    return result;
}

static void test_no_contract_is_read_in_part(void **state)
{
    size_t length;
    char *text = sample_text(&length);
    (void)state;
    assert_in_range(torture(decode, text), 100, ENOUGH);
    free(text);
}

static void test_no_contract_is_written_in_part(void **state)
{
    struct firma_contract contract = sample_contract();
    (void)state;
    assert_in_range(torture(encode, &contract), 100, ENOUGH);
    firma_contract_clear(&contract);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_contract_is_read_in_part),
        cmocka_unit_test(test_no_contract_is_written_in_part),
    };
    json_set_alloc_funcs(malloc, free); /* as this program's linker sees it */
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
