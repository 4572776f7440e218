#include "runner/vm/options.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "contract/text.h"
#include "contract/trail.h"
#include "runner/vm/json_file.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const accelerators[FIRMA_VM_ACCELERATOR_COUNT] = {
#define X(name, word) [name] = (word),
    FIRMA_VM_ACCELERATORS(X)
#undef X
};

const char *firma_vm_accelerator_name(enum firma_vm_accelerator accelerator)
{
    return accelerators[accelerator];
}

static int refuse(const char *field, const char *why, struct firma_error *err)
{
    return firma_fail(err, FIRMA_E_CONFIG, 0, FIRMA_VM_OPTIONS_FILE ": %s: %s", field, why);
}

static int take_number(const json_t *value, const char *field, unsigned least, unsigned most,
                       unsigned *out, struct firma_error *err)
{
    char why[80];
    json_int_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= least && number <= most) {
        *out = (unsigned)number;
        return 0;
    }
    snprintf(why, sizeof why, "must be a whole number from %u to %u", least, most);
    return refuse(field, why, err);
}

static int take_memory(const json_t *value, const char *field, struct firma_vm_options *out,
                       struct firma_error *err)
{
    return take_number(value, field, FIRMA_VM_MEMORY_MIB_MIN, FIRMA_VM_MEMORY_MIB_MAX,
                       &out->memory_mib, err);
}

static int take_processors(const json_t *value, const char *field, struct firma_vm_options *out,
                           struct firma_error *err)
{
    return take_number(value, field, 1, FIRMA_VM_PROCESSORS_MAX, &out->processors, err);
}

static int take_start(const json_t *value, const char *field, struct firma_vm_options *out,
                      struct firma_error *err)
{
    return take_number(value, field, 1, FIRMA_VM_START_SECONDS_MAX, &out->start_seconds, err);
}

static int take_accelerator(const json_t *value, const char *field, struct firma_vm_options *out,
                            struct firma_error *err)
{
    for (size_t i = 0; i < COUNT(accelerators); i++) {
        if (json_is_string(value) && strcmp(json_string_value(value), accelerators[i]) == 0) {
            out->accelerator = (enum firma_vm_accelerator)i;
            return 0;
        }
    }
    return refuse(field, "must be \"auto\", \"kvm\", \"hvf\" or \"tcg\"", err);
}

static int take_log_dir(const json_t *value, const char *field, struct firma_vm_options *out,
                        struct firma_error *err)
{
    const char *text = json_string_value(value);
    if (text == NULL || json_string_length(value) > FIRMA_MAX_PATH ||
        !firma_text_is_normal_path(text))
        return refuse(field, "must be an absolute path without \"..\" or a slash too many", err);
    snprintf(out->log_dir, sizeof out->log_dir, "%s", text);
    return 0;
}

static const struct {
    const char *name;
    int (*take)(const json_t *, const char *, struct firma_vm_options *, struct firma_error *);
} fields[] = {
    {"memory_mib", take_memory}, {"processors", take_processors}, {"accelerator", take_accelerator},
    {"log_dir", take_log_dir},   {"start_seconds", take_start},
};

static int take_field(const char *key, const json_t *value, struct firma_vm_options *out,
                      struct firma_error *err)
{
    for (size_t i = 0; i < COUNT(fields); i++)
        if (strcmp(key, fields[i].name) == 0)
            return fields[i].take(value, key, out, err);
    struct firma_trail shown = {.length = 0}; /* a key is whatever the file holds */
    firma_trail_key(&shown, key, strlen(key));
    return refuse(shown.text, "unknown key", err);
}

static int take_all(const json_t *root, struct firma_vm_options *out, struct firma_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)root, key, value) {
        int result = take_field(key, value, out, err);
        if (result < 0)
            return result;
    }
    return 0;
}

int firma_vm_options_read(int dirfd, struct firma_vm_options *out, struct firma_error *err)
{
    struct firma_vm_options options = {.memory_mib = FIRMA_VM_MEMORY_MIB,
                                       .processors = FIRMA_VM_PROCESSORS,
                                       .start_seconds = FIRMA_VM_START_SECONDS,
                                       .accelerator = FIRMA_VM_AUTO};
    struct firma_error inner = {0};
    json_t *root = NULL;
    int result = firma_vm_json_read(dirfd, FIRMA_VM_OPTIONS_FILE, FIRMA_E_CONFIG, &root, &inner);
    if (result < 0 && inner.errnum != ENOENT) {
        if (err != NULL)
            *err = inner;
        return result;
    }
    result = root != NULL ? take_all(root, &options, err) : 0;
    json_decref(root);
    if (result == 0)
        *out = options;
    return result;
}
