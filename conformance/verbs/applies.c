/* applies.c - rows that only some kinds of guest can show. */
#include <string.h>

#include "register/register.h"
#include "verbs/verbs.h"

#define NEEDS_KERNEL                                                                               \
    "the guest has no kernel of its own, so its root is not its own either (if it has: --kind "    \
    "machine)"

#define BOOTS_NOTHING                                                                              \
    "the runner boots no image: of a machine only can it be shown (--kind machine)"

static const struct {
    const char *what, *kinds, *tried, *reason;
} table[] = {
#define APPLIES(what, kinds, tried, reason) {what, kinds, tried, reason},
#include "register/applies.def"
#undef APPLIES
};

/* KIND as a word of KINDS. */
static bool is_among(const char *kinds, const char *kind)
{
    size_t length = strlen(kind);
    for (const char *at = kinds; *at != '\0'; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");
        if (word == length && strncmp(at, kind, length) == 0)
            return true;
        at += word;
    }
    return false;
}

const char *cf_excuse(const struct cf_row *row, const char *kind, bool *tried)
{
    *tried = false;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].what, row->id) != 0 && strcmp(table[i].what, row->launch) != 0)
            continue;
        if (is_among(table[i].kinds, kind))
            break;
        *tried = is_among(table[i].tried, kind);
        return table[i].reason;
    }
    return cf_platform_excuse(row);
}
