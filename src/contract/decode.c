/*
 * The strict reader. jansson parses (duplicate keys, NUL and invalid UTF-8 are its refusals); a
 * table of fields per object then takes every known key and refuses the rest; the rules are
 * firma_contract_validate()'s. One trail follows all of it, so that each refusal names its field.
 */
#include <jansson.h>
#include <string.h>

#include "contract/cleanup.h"
#include "contract/contract_json.h"
#include "contract/json_memory.h"
#include "firma_contract.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *const firma_identity_words[2] = {
    [FIRMA_SANDBOX_USER] = "sandbox_user",
    [FIRMA_HOST_USER] = "host_user",
};

const char *const firma_mode_words[2] = {
    [FIRMA_REQUIRED] = "required",
    [FIRMA_DISABLED_BY_POLICY] = "disabled_by_policy",
};

/* Takes VALUE into what TARGET points at; the trail already stands at the field. */
typedef int take_fn(const json_t *value, void *target, struct firma_trail *trail);

struct field {
    const char *key;
    take_fn *take;
    size_t offset; /* of what `take` fills, in the structure the object is read into */
};

static int take_member(const json_t *object, const struct field *field, void *target,
                       struct firma_trail *trail)
{
    size_t mark = firma_trail_key(trail, field->key, strlen(field->key));
    const json_t *value = json_object_get(object, field->key);
    if (value == NULL)
        return firma_trail_refuse(trail, "is missing");
    int result = field->take(value, (char *)target + field->offset, trail);
    firma_trail_pop(trail, mark);
    return result;
}

static bool is_known(const char *key, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(key, fields[i].key) == 0)
            return true;
    return false;
}

static int take_object(const json_t *object, const struct field *fields, size_t count, void *target,
                       struct firma_trail *trail)
{
    if (!json_is_object(object))
        return firma_trail_refuse(trail, "must be an object");
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        if (is_known(key, fields, count))
            continue;
        firma_trail_key(trail, key, strlen(key));
        return firma_trail_refuse(trail, "unknown key");
    }
    for (size_t i = 0; i < count; i++) {
        int result = take_member(object, &fields[i], target, trail);
        if (result < 0)
            return result;
    }
    return 0;
}

static int take_text(const json_t *value, void *target, struct firma_trail *trail)
{
    if (!json_is_string(value))
        return firma_trail_refuse(trail, "must be a string");
    return firma_contract_set_text(target, json_string_value(value), trail->err);
}

static int take_text_or_null(const json_t *value, void *target, struct firma_trail *trail)
{
    if (json_is_null(value))
        return 0;
    if (!json_is_string(value))
        return firma_trail_refuse(trail, "must be a string or null");
    return take_text(value, target, trail);
}

static int take_bool(const json_t *value, void *target, struct firma_trail *trail)
{
    if (!json_is_boolean(value))
        return firma_trail_refuse(trail, "must be true or false");
    *(bool *)target = json_is_true(value);
    return 0;
}

static int take_version(const json_t *value, void *target, struct firma_trail *trail)
{
    (void)target;
    if (!json_is_integer(value) || json_integer_value(value) != 1)
        return firma_trail_refuse(trail, "must be 1");
    return 0;
}

static int take_sandbox_id(const json_t *value, void *target, struct firma_trail *trail)
{
    if (!json_is_string(value))
        return firma_trail_refuse(trail, "must be a string");
    if (json_string_length(value) != FIRMA_UUID_SIZE - 1)
        return firma_trail_refuse(trail, "must be a hyphenated UUID of version 7");
    memcpy(target, json_string_value(value), FIRMA_UUID_SIZE);
    return 0;
}

/* The index of VALUE among two WORDS, which are those of an enumeration. */
static int take_word(const json_t *value, const char *const words[2], unsigned *index,
                     struct firma_trail *trail)
{
    for (unsigned i = 0; i < 2; i++) {
        if (json_is_string(value) && strcmp(json_string_value(value), words[i]) == 0) {
            *index = i;
            return 0;
        }
    }
    return firma_trail_refuse(trail, "must be \"%s\" or \"%s\"", words[0], words[1]);
}

static int take_identity_mode(const json_t *value, void *target, struct firma_trail *trail)
{
    unsigned index = 0;
    int result = take_word(value, firma_identity_words, &index, trail);
    if (result == 0)
        *(enum firma_identity_mode *)target = (enum firma_identity_mode)index;
    return result;
}

static int take_invariant_mode(const json_t *value, void *target, struct firma_trail *trail)
{
    unsigned index = 0;
    int result = take_word(value, firma_mode_words, &index, trail);
    if (result == 0)
        *(enum firma_invariant_mode *)target = (enum firma_invariant_mode)index;
    return result;
}

/* Takes each element of the array VALUE with TAKE. */
static int take_elements(const json_t *value, take_fn *take, void *target,
                         struct firma_trail *trail)
{
    if (!json_is_array(value))
        return firma_trail_refuse(trail, "must be an array");
    for (size_t i = 0; i < json_array_size(value); i++) {
        size_t mark = firma_trail_index(trail, i);
        int result = take(json_array_get(value, i), target, trail);
        if (result < 0)
            return result;
        firma_trail_pop(trail, mark);
    }
    return 0;
}

static int take_arg(const json_t *value, void *target, struct firma_trail *trail)
{
    if (!json_is_string(value))
        return firma_trail_refuse(trail, "must be a string");
    return firma_contract_add_arg(target, json_string_value(value), trail->err);
}

static int take_args(const json_t *value, void *target, struct firma_trail *trail)
{
    return take_elements(value, take_arg, target, trail);
}

static int take_mount(const json_t *value, void *target, struct firma_trail *trail)
{
    static const struct field fields[] = {
        {"source", take_text, offsetof(struct firma_mount, source)},
        {"target", take_text, offsetof(struct firma_mount, target)},
        {"read_only", take_bool, offsetof(struct firma_mount, read_only)},
    };
    struct firma_mount mount = {0};
    int result = take_object(value, fields, COUNT(fields), &mount, trail);
    if (result == 0)
        result = firma_contract_add_mount(target, mount.source, mount.target, mount.read_only,
                                          trail->err);
    free(mount.source);
    free(mount.target);
    return result;
}

static int take_mounts(const json_t *value, void *target, struct firma_trail *trail)
{
    return take_elements(value, take_mount, target, trail);
}

typedef int set_fn(struct firma_contract *, const char *, const char *, struct firma_error *);

/* The limit is checked before anything is taken: SET looks at every earlier entry. */
static int take_map(const json_t *object, set_fn *set, size_t limit,
                    struct firma_contract *contract, struct firma_trail *trail)
{
    if (!json_is_object(object))
        return firma_trail_refuse(trail, "must be an object of strings");
    if (json_object_size(object) > limit)
        return firma_trail_refuse(trail, "has %zu entries; the limit is %zu",
                                  json_object_size(object), limit);
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        size_t mark = firma_trail_key(trail, key, strlen(key));
        if (!json_is_string(value))
            return firma_trail_refuse(trail, "must be a string");
        int result = set(contract, key, json_string_value(value), trail->err);
        if (result < 0)
            return result;
        firma_trail_pop(trail, mark);
    }
    return 0;
}

static int take_env(const json_t *value, void *target, struct firma_trail *trail)
{
    return take_map(value, firma_contract_set_env, FIRMA_MAX_ENV, target, trail);
}

static int take_headers(const json_t *value, void *target, struct firma_trail *trail)
{
    return take_map(value, firma_contract_set_header, FIRMA_MAX_HEADERS, target, trail);
}

#define FIELD(name) offsetof(struct firma_contract, name)

static int take_runner(const json_t *value, void *target, struct firma_trail *trail)
{
    static const struct field fields[] = {{"path", take_text, FIELD(runner_path)}};
    return take_object(value, fields, COUNT(fields), target, trail);
}

static int take_guest(const json_t *value, void *target, struct firma_trail *trail)
{
    static const struct field fields[] = {
        {"kernel", take_text, FIELD(kernel)},
        {"initrd", take_text, FIELD(initrd)},
        {"rootfs", take_text, FIELD(rootfs)},
    };
    return take_object(value, fields, COUNT(fields), target, trail);
}

static int take_command(const json_t *value, void *target, struct firma_trail *trail)
{
    static const struct field fields[] = {
        {"executable", take_text, FIELD(executable)},
        {"args", take_args, 0},
        {"cwd", take_text, FIELD(cwd)},
        {"env", take_env, 0},
        {"identity_mode", take_identity_mode, FIELD(identity_mode)},
        {"seccomp_filter_path", take_text_or_null, FIELD(seccomp_filter_path)},
    };
    return take_object(value, fields, COUNT(fields), target, trail);
}

static int take_network(const json_t *value, void *target, struct firma_trail *trail)
{
    static const struct field fields[] = {
        {"proxy_url", take_text, FIELD(proxy_url)},
        {"dns_stub_addr", take_text, FIELD(dns_stub_addr)},
        {"attribution_headers", take_headers, 0},
    };
    return take_object(value, fields, COUNT(fields), target, trail);
}

struct invariant_entry {
    char *name;
    enum firma_invariant_mode mode;
};

static int take_invariant(const json_t *value, enum firma_invariant invariant,
                          struct firma_contract *contract, struct firma_trail *trail)
{
    static const struct field fields[] = {
        {"name", take_text, offsetof(struct invariant_entry, name)},
        {"mode", take_invariant_mode, offsetof(struct invariant_entry, mode)},
    };
    const char *expected = firma_invariant_name(invariant);
    struct invariant_entry entry = {0};
    int result = take_object(value, fields, COUNT(fields), &entry, trail);
    FIRMA_AUTOFREE char *name = entry.name;
    if (result < 0)
        return result;
    contract->invariants[invariant] = entry.mode;
    if (strcmp(name, expected) == 0)
        return 0;
    firma_trail_key(trail, "name", strlen("name"));
    return firma_trail_refuse(trail, "must be \"%s\" at this place", expected);
}

static int take_invariants(const json_t *value, void *target, struct firma_trail *trail)
{
    if (!json_is_array(value) || json_array_size(value) != FIRMA_INVARIANT_COUNT)
        return firma_trail_refuse(trail, "must be an array of all six invariants");
    for (size_t i = 0; i < FIRMA_INVARIANT_COUNT; i++) {
        size_t mark = firma_trail_index(trail, i);
        int result =
            take_invariant(json_array_get(value, i), (enum firma_invariant)i, target, trail);
        if (result < 0)
            return result;
        firma_trail_pop(trail, mark);
    }
    return 0;
}

static int take_contract(const json_t *root, struct firma_contract *out, struct firma_trail *trail)
{
    static const struct field version = {"version", take_version, 0};
    static const struct field fields[] = {
        {"version", take_version, 0},
        {"sandbox_id", take_sandbox_id, FIELD(sandbox_id)},
        {"runtime_dir", take_text, FIELD(runtime_dir)},
        {"runner", take_runner, 0},
        {"guest", take_guest, 0},
        {"command", take_command, 0},
        {"mounts", take_mounts, 0},
        {"network", take_network, 0},
        {"invariants", take_invariants, 0},
    };
    /* First, so that a later version is refused as one and not for the first key it added. */
    int result = json_is_object(root) ? take_member(root, &version, out, trail) : 0;
    return result == 0 ? take_object(root, fields, COUNT(fields), out, trail) : result;
}

static const char *parse_failure(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        return "duplicate key";
    case json_error_invalid_utf8:
        return "is not valid UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "must not hold NUL";
    case json_error_end_of_input_expected:
        return "bytes after the end of the contract";
    case json_error_premature_end_of_input:
        return "ends too early";
    case json_error_numeric_overflow:
        return "number out of range";
    case json_error_stack_overflow:
        return "nested too deep";
    default:
        return "is not valid JSON";
    }
}

static int refuse_parse(const char *text, size_t length, const json_error_t *error,
                        struct firma_trail *trail)
{
    size_t position = error->position > 0 ? (size_t)error->position : 0;
    firma_json_locate(text, position < length ? position : length, trail);
    return firma_trail_refuse(trail, "%s (byte %zu)", parse_failure(error), position);
}

int firma_contract_decode(const char *text, size_t length, struct firma_contract *out,
                          struct firma_error *err)
{
    struct firma_trail trail = {.err = err};
    if (length > FIRMA_CONTRACT_MAX_BYTES)
        return firma_trail_refuse(&trail, "has %zu bytes; the limit is %u", length,
                                  FIRMA_CONTRACT_MAX_BYTES);
    json_error_t error = {.line = 0}; /* jansson does not always set the code */
    firma_json_watch();
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (firma_json_starved()) {
        json_decref(root);
        return firma_fail(err, FIRMA_E_MEMORY, 0, "launch contract: out of memory");
    }
    if (root == NULL)
        return refuse_parse(text, length, &error, &trail);
    struct firma_contract contract = {0};
    int result = take_contract(root, &contract, &trail);
    json_decref(root);
    if (result == 0)
        result = firma_contract_validate(&contract, err);
    if (result == 0)
        *out = contract;
    else
        firma_contract_clear(&contract);
    return result;
}
