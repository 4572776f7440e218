/*
 * catalogue.h - what the register is held against: techniques that have been tried, defects that
 * have been seen, and the declared reasons why some of them have no row. The data is in
 * catalogue.def, defects.def and absent.def.
 */
#ifndef CF_CATALOGUE_H
#define CF_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#define CF_ABSENCES(X)                                                                             \
    X(guest_kernel)                                                                                \
    X(sidecar_policy)                                                                              \
    X(macos_only)                                                                                  \
    X(not_here)                                                                                    \
    X(no_such_part)                                                                                \
    X(merged)                                                                                      \
    X(self_test)

enum cf_absence_class {
#define X(name) CF_ABSENCE_##name,
    CF_ABSENCES(X)
#undef X
        CF_ABSENCE_COUNT
};
const char *cf_absence_name(enum cf_absence_class kind);

/* A technique of the catalogue, or (tier -1) a defect. */
struct cf_entry {
    const char *id;
    int tier;
    const char *summary;
};
extern const struct cf_entry cf_entries[];
extern const size_t cf_entry_count;

struct cf_absence {
    const char *id;
    enum cf_absence_class kind;
    const char *reason;
};
extern const struct cf_absence cf_absences[];
extern const size_t cf_absence_count;

const struct cf_entry *cf_entry_find(const char *id);
const struct cf_absence *cf_absence_find(const char *id);
/* Whether ID stands in SOURCE, a list of words. */
bool cf_source_names(const char *source, const char *id);
/* Whether WORD has the form of an id: "B4", "EG-03". */
bool cf_is_entry_id(const char *word, size_t length);

#endif
