/*
 * Every rule of contract version 1, for writer and reader alike. Scalar fields are a table of
 * checks; lists and maps have a function each. The order of the checks is the contract's order
 * where that is easy to see; the first broken rule is the one that is reported.
 */
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "contract/text.h"
#include "contract/trail.h"
#include "firma_contract.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    OPTIONAL = 1,  /* may be NULL */
    ABSOLUTE = 2,  /* begins with a slash */
    NORMAL = 4,    /* firma_text_is_normal_path() */
    NOT_BLANK = 8, /* something other than white space */
};

struct rule {
    const char *field;
    size_t offset;
    size_t limit;
    unsigned checks;
};

#define FIELD(name) offsetof(struct firma_contract, name)
static const struct rule rules[] = {
    {"runtime_dir", FIELD(runtime_dir), FIRMA_MAX_PATH, ABSOLUTE | NORMAL},
    {"runner.path", FIELD(runner_path), FIRMA_MAX_PATH, ABSOLUTE},
    {"guest.kernel", FIELD(kernel), FIRMA_MAX_PATH, ABSOLUTE},
    {"guest.initrd", FIELD(initrd), FIRMA_MAX_PATH, ABSOLUTE},
    {"guest.rootfs", FIELD(rootfs), FIRMA_MAX_PATH, ABSOLUTE},
    {"command.executable", FIELD(executable), FIRMA_MAX_ARG, NOT_BLANK},
    {"command.cwd", FIELD(cwd), FIRMA_MAX_PATH, ABSOLUTE | NORMAL},
    {"command.seccomp_filter_path", FIELD(seccomp_filter_path), FIRMA_MAX_PATH,
     ABSOLUTE | OPTIONAL},
    {"network.proxy_url", FIELD(proxy_url), FIRMA_MAX_ADDRESS, 0},
    {"network.dns_stub_addr", FIELD(dns_stub_addr), FIRMA_MAX_ADDRESS, 0},
};

/* Secrets and doors of the host's broker: never in a contract, whatever their value. */
static const char *const forbidden_env[] = {
    "FIRMA_CAPABILITY_TOKEN",          "FIRMA_BROKER_ADDR",
    "FIRMA_SECRET_PROVIDER_NAMES",     "FIRMA_SECRET_SHIM_SHARE_DIRECTORY",
    "FIRMA_SECRET_BROKER_SOCKET_PATH",
};

static const char *const reserved_targets[] = {"/", "/proc", "/sys", "/dev", "/etc", "/run"};

static const char identity_header[] = "x-firma-sandbox-id";
static const char header_prefix[] = "x-firma-";

/* Judges TEXT as the field the trail stands at. */
static int check_text(const struct firma_trail *trail, const char *text, size_t limit,
                      unsigned checks)
{
    if (text == NULL)
        return checks & OPTIONAL ? 0 : firma_trail_refuse(trail, "is missing");
    if (strlen(text) > limit)
        return firma_trail_refuse(trail, "has %zu bytes; the limit is %zu", strlen(text), limit);
    if (!firma_text_is_utf8(text))
        return firma_trail_refuse(trail, "is not valid UTF-8, so JSON cannot carry it");
    if ((checks & NOT_BLANK) && firma_text_is_blank(text))
        return firma_trail_refuse(trail, "must not be blank");
    if ((checks & ABSOLUTE) && text[0] != '/')
        return firma_trail_refuse(trail, "must be an absolute path");
    if ((checks & NORMAL) && !firma_text_is_normal_path(text))
        return firma_trail_refuse(trail, "must be a path without //, ., .. or a trailing slash");
    return 0;
}

/* As check_text(), for the member KEY of what the trail stands at. */
static int check_member(struct firma_trail *trail, const char *key, const char *text, size_t limit,
                        unsigned checks)
{
    size_t mark = firma_trail_key(trail, key, strlen(key));
    int result = check_text(trail, text, limit, checks);
    firma_trail_pop(trail, mark);
    return result;
}

/* Judges NAME as a key of the map the trail stands at. */
static int check_name(struct firma_trail *trail, const char *name, size_t limit)
{
    if (name == NULL || firma_text_is_blank(name))
        return firma_trail_refuse(trail, "a name must not be blank");
    size_t mark = firma_trail_key(trail, name, strlen(name));
    if (strlen(name) > limit)
        return firma_trail_refuse(trail, "name has %zu bytes; the limit is %zu", strlen(name),
                                  limit);
    if (!firma_text_is_utf8(name))
        return firma_trail_refuse(trail, "name is not valid UTF-8, so JSON cannot carry it");
    firma_trail_pop(trail, mark);
    return 0;
}

/* Refuses the member KEY of what the trail stands at. */
static int refuse(struct firma_trail *trail, const char *key, const char *message)
{
    firma_trail_key(trail, key, strlen(key));
    return firma_trail_refuse(trail, "%s", message);
}

static int check_count(struct firma_trail *trail, const char *key, size_t count, size_t limit)
{
    if (count <= limit)
        return 0;
    firma_trail_key(trail, key, strlen(key));
    return firma_trail_refuse(trail, "has %zu entries; the limit is %zu", count, limit);
}

static int check_scalars(struct firma_trail *trail, const struct firma_contract *contract)
{
    for (size_t i = 0; i < COUNT(rules); i++) {
        const char *text = *(char *const *)((const char *)contract + rules[i].offset);
        int result = check_member(trail, rules[i].field, text, rules[i].limit, rules[i].checks);
        if (result < 0)
            return result;
    }
    return 0;
}

static int check_args(struct firma_trail *trail, const struct firma_contract *contract)
{
    int result = check_count(trail, "command.args", contract->arg_count, FIRMA_MAX_ARGS);
    size_t top = firma_trail_key(trail, "command.args", strlen("command.args"));
    for (size_t i = 0; result == 0 && i < contract->arg_count; i++) {
        size_t mark = firma_trail_index(trail, i);
        result = check_text(trail, contract->args[i], FIRMA_MAX_ARG, 0);
        firma_trail_pop(trail, mark);
    }
    firma_trail_pop(trail, top);
    return result;
}

static int check_variable(struct firma_trail *trail, const struct firma_contract *contract,
                          size_t index)
{
    const struct firma_pair *pair = &contract->env[index];
    int result = check_name(trail, pair->name, FIRMA_MAX_ENV_KEY);
    if (result < 0)
        return result;
    size_t mark = firma_trail_key(trail, pair->name, strlen(pair->name));
    if (strchr(pair->name, '=') != NULL)
        return firma_trail_refuse(trail, "a variable's name must not contain '='");
    for (size_t i = 0; i < COUNT(forbidden_env); i++)
        if (strcmp(pair->name, forbidden_env[i]) == 0)
            return firma_trail_refuse(trail, "must never be in a contract");
    for (size_t i = 0; i < index; i++)
        if (strcmp(pair->name, contract->env[i].name) == 0)
            return firma_trail_refuse(trail, "duplicate key");
    result = check_text(trail, pair->value, FIRMA_MAX_ENV_VALUE, 0);
    firma_trail_pop(trail, mark);
    return result;
}

static int check_env(struct firma_trail *trail, const struct firma_contract *contract)
{
    int result = check_count(trail, "command.env", contract->env_count, FIRMA_MAX_ENV);
    size_t top = firma_trail_key(trail, "command.env", strlen("command.env"));
    for (size_t i = 0; result == 0 && i < contract->env_count; i++)
        result = check_variable(trail, contract, i);
    firma_trail_pop(trail, top);
    return result;
}

static bool is_reserved(const char *target)
{
    for (size_t i = 0; i < COUNT(reserved_targets); i++)
        if (strcmp(target, reserved_targets[i]) == 0)
            return true;
    return false;
}

static int check_mount(struct firma_trail *trail, const struct firma_mount *mount)
{
    int result = check_member(trail, "source", mount->source, FIRMA_MAX_PATH, ABSOLUTE);
    if (result == 0)
        result = check_member(trail, "target", mount->target, FIRMA_MAX_PATH, ABSOLUTE | NORMAL);
    if (result == 0 && is_reserved(mount->target))
        return refuse(trail, "target", "is reserved: the guest's own / /proc /sys /dev /etc /run");
    return result;
}

/* The guest works where the launcher's caller works: the last mount is cwd on cwd, read-write. */
static int check_cwd_mount(struct firma_trail *trail, const struct firma_contract *contract)
{
    if (contract->mount_count == 0)
        return refuse(trail, "mounts", "must end with command.cwd on itself, read-write");
    const struct firma_mount *last = &contract->mounts[contract->mount_count - 1];
    if (strcmp(last->source, contract->cwd) == 0 && strcmp(last->target, contract->cwd) == 0 &&
        !last->read_only)
        return 0;
    firma_trail_key(trail, "mounts", strlen("mounts"));
    firma_trail_index(trail, contract->mount_count - 1);
    return firma_trail_refuse(trail, "the last mount must be command.cwd on itself, read-write");
}

static int check_mounts(struct firma_trail *trail, const struct firma_contract *contract)
{
    int result = check_count(trail, "mounts", contract->mount_count, FIRMA_MAX_MOUNTS);
    for (size_t i = 0; result == 0 && i < contract->mount_count; i++) {
        size_t mark = firma_trail_key(trail, "mounts", strlen("mounts"));
        firma_trail_index(trail, i);
        result = check_mount(trail, &contract->mounts[i]);
        firma_trail_pop(trail, mark);
    }
    return result == 0 ? check_cwd_mount(trail, contract) : result;
}

static int check_network(struct firma_trail *trail, const struct firma_contract *contract)
{
    if (firma_contract_proxy_port(contract) == 0)
        return refuse(trail, "network.proxy_url",
                      "must be http://127.0.0.1:PORT with a port from 1 to 65535, nothing more");
    if (firma_contract_dns_port(contract) == 0)
        return refuse(trail, "network.dns_stub_addr",
                      "must be 127.0.0.1:PORT (loopback only) with a port from 1 to 65535");
    return 0;
}

/* How a header name is compared: like HTTP, in any case; and '_' is '-' to many a server. */
static bool same_header(const char *a, const char *b)
{
    for (;; a++, b++) {
        int left = *a == '_' ? '-' : tolower((unsigned char)*a);
        int right = *b == '_' ? '-' : tolower((unsigned char)*b);
        if (left != right)
            return false;
        if (left == '\0')
            return true;
    }
}

static bool has_header_prefix(const char *name)
{
    for (size_t i = 0; header_prefix[i] != '\0'; i++)
        if (tolower((unsigned char)name[i]) != header_prefix[i])
            return false;
    return true;
}

static int check_header_name(struct firma_trail *trail, const struct firma_contract *contract,
                             size_t index)
{
    const char *name = contract->headers[index].name;
    if (!firma_text_is_token(name))
        return firma_trail_refuse(trail, "must be an HTTP field name");
    if (!has_header_prefix(name)) /* the bridge strips guests' x-firma-*, and nothing else */
        return firma_trail_refuse(trail, "must begin with x-firma-");
    for (size_t i = 0; i < index; i++)
        if (same_header(name, contract->headers[i].name))
            return firma_trail_refuse(trail, "duplicate header (case does not matter)");
    return 0;
}

static int check_header(struct firma_trail *trail, const struct firma_contract *contract,
                        size_t index)
{
    const struct firma_pair *pair = &contract->headers[index];
    int result = check_name(trail, pair->name, FIRMA_MAX_HEADER_NAME);
    if (result < 0)
        return result;
    size_t mark = firma_trail_key(trail, pair->name, strlen(pair->name));
    result = check_header_name(trail, contract, index);
    if (result == 0)
        result = check_text(trail, pair->value, FIRMA_MAX_HEADER_VALUE, NOT_BLANK);
    if (result == 0 && firma_text_has_control(pair->value))
        result = firma_trail_refuse(trail, "must not hold a control character");
    firma_trail_pop(trail, mark);
    return result;
}

/* Attribution and identity must agree, or one sandbox acts under another's name. */
static int check_identity(struct firma_trail *trail, const struct firma_contract *contract)
{
    firma_trail_key(trail, identity_header, strlen(identity_header));
    for (size_t i = 0; i < contract->header_count; i++) {
        if (!same_header(contract->headers[i].name, identity_header))
            continue;
        if (strcasecmp(contract->headers[i].value, contract->sandbox_id) != 0)
            return firma_trail_refuse(trail, "differs from sandbox_id");
        return 0;
    }
    return firma_trail_refuse(trail, "is missing");
}

static int check_headers(struct firma_trail *trail, const struct firma_contract *contract)
{
    static const char field[] = "network.attribution_headers";
    int result = check_count(trail, field, contract->header_count, FIRMA_MAX_HEADERS);
    size_t top = firma_trail_key(trail, field, strlen(field));
    for (size_t i = 0; result == 0 && i < contract->header_count; i++)
        result = check_header(trail, contract, i);
    if (result == 0)
        result = check_identity(trail, contract);
    firma_trail_pop(trail, top);
    return result;
}

static int check_modes(struct firma_trail *trail, const struct firma_contract *contract)
{
    if (contract->identity_mode != FIRMA_SANDBOX_USER && contract->identity_mode != FIRMA_HOST_USER)
        return refuse(trail, "command.identity_mode", "must be sandbox_user or host_user");
    for (size_t i = 0; i < FIRMA_INVARIANT_COUNT; i++) {
        enum firma_invariant_mode mode = contract->invariants[i];
        if (mode == FIRMA_REQUIRED ||
            (mode == FIRMA_DISABLED_BY_POLICY && i == FIRMA_FAIL_CLOSED_STARTUP))
            continue;
        firma_trail_key(trail, "invariants", strlen("invariants"));
        firma_trail_index(trail, i);
        return refuse(trail, "mode",
                      "must be required (only fail_closed_startup may be disabled_by_policy)");
    }
    return 0;
}

int firma_contract_validate(const struct firma_contract *contract, struct firma_error *err)
{
    static int (*const checks[])(struct firma_trail *, const struct firma_contract *) = {
        check_scalars, check_args,    check_env,   check_mounts,
        check_network, check_headers, check_modes,
    };
    struct firma_trail trail = {.err = err};
    if (memchr(contract->sandbox_id, '\0', sizeof contract->sandbox_id) == NULL ||
        !firma_text_is_uuid7(contract->sandbox_id))
        return refuse(&trail, "sandbox_id", "must be a hyphenated UUID of version 7");
    for (size_t i = 0; i < COUNT(checks); i++) {
        int result = checks[i](&trail, contract);
        if (result < 0)
            return result;
    }
    return 0;
}
