#include "register/catalogue.h"

#include <ctype.h>
#include <string.h>

const struct cf_entry cf_entries[] = {
#define TECHNIQUE(id, tier, summary) {id, tier, summary},
#include "register/catalogue.def"
#undef TECHNIQUE
#define DEFECT(id, summary) {id, -1, summary},
#include "register/defects.def"
#undef DEFECT
};
const size_t cf_entry_count = sizeof cf_entries / sizeof cf_entries[0];

const struct cf_absence cf_absences[] = {
#define ABSENT(id, kind, reason) {id, CF_ABSENCE_##kind, reason},
#include "register/absent.def"
#undef ABSENT
};
const size_t cf_absence_count = sizeof cf_absences / sizeof cf_absences[0];

const char *cf_absence_name(enum cf_absence_class kind)
{
    static const char *const names[] = {
#define X(name) #name,
        CF_ABSENCES(X)
#undef X
    };
    return names[kind];
}

const struct cf_entry *cf_entry_find(const char *id)
{
    for (size_t i = 0; i < cf_entry_count; i++)
        if (strcmp(cf_entries[i].id, id) == 0)
            return &cf_entries[i];
    return NULL;
}

const struct cf_absence *cf_absence_find(const char *id)
{
    for (size_t i = 0; i < cf_absence_count; i++)
        if (strcmp(cf_absences[i].id, id) == 0)
            return &cf_absences[i];
    return NULL;
}

bool cf_source_names(const char *source, const char *id)
{
    size_t wanted = strlen(id);
    for (const char *word = source; *word != '\0';) {
        size_t length = strcspn(word, " ");
        if (length == wanted && strncmp(word, id, wanted) == 0)
            return true;
        word += length;
        word += strspn(word, " ");
    }
    return false;
}

bool cf_is_entry_id(const char *word, size_t length)
{
    size_t at = 0;
    while (at < length && isupper((unsigned char)word[at]))
        at++;
    size_t letters = at;
    if (at < length && word[at] == '-' && letters == 2)
        at++;
    else if (letters != 1)
        return false;
    size_t digits = at;
    while (at < length && isdigit((unsigned char)word[at]))
        at++;
    return at == length && at > digits;
}
