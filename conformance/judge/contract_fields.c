/* contract_fields.c - every field of contract version 1, and its rule. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "judge/contract_rules.h"

const json_t *cf_contract_at(const json_t *record, const char *path)
{
    char word[64];
    for (const char *rest = path; record != NULL && *rest != '\0';) {
        size_t length = strcspn(rest, ".");
        snprintf(word, sizeof word, "%.*s", (int)length, rest);
        record = json_object_get(record, word);
        rest += length + (rest[length] == '.');
    }
    return record;
}

const char *cf_contract_text(const json_t *record, const char *path)
{
    const char *text = json_string_value(cf_contract_at(record, path));
    return text == NULL ? "" : text;
}

char *cf_contract_bytes(const json_t *record, size_t *length)
{
    return (char *)cf_unescape(cf_contract_text(record, "custody.contract_bytes"), length);
}

json_t *cf_contract_parse(const json_t *record)
{
    size_t length = 0;
    char *bytes = cf_contract_bytes(record, &length);
    json_t *contract =
        bytes == NULL ? NULL : json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
    free(bytes);
    return contract;
}

const struct cf_shape cf_contract_shapes[] = {
    {"", "version sandbox_id runtime_dir runner guest command mounts network invariants"},
    {"runner", "path"},
    {"guest", "kernel initrd rootfs"},
    {"command", "executable args cwd env identity_mode seccomp_filter_path"},
    {"command.env", ""},
    {"mounts", "source target read_only"},
    {"network", "proxy_url dns_stub_addr attribution_headers"},
    {"network.attribution_headers", ""},
    {"invariants", "name mode"},
    {NULL, NULL},
};

const char *cf_contract_keys(const char *path)
{
    for (const struct cf_shape *shape = cf_contract_shapes; shape->path != NULL; shape++)
        if (strcmp(shape->path, path) == 0)
            return shape->keys;
    return NULL;
}

static size_t count_words(const char *words)
{
    size_t count = words[0] != '\0';
    for (; *words != '\0'; words++)
        count += *words == ' ';
    return count;
}

static const char *check_shape(const json_t *object, const struct cf_shape *shape, char buffer[256])
{
    if (!json_is_object(object)) {
        snprintf(buffer, 256, "%s is not an object", shape->path);
        return buffer;
    }
    if (shape->keys[0] == '\0')
        return NULL;
    for (const char *key = shape->keys; *key != '\0';) {
        char name[64];
        size_t length = strcspn(key, " ");
        snprintf(name, sizeof name, "%.*s", (int)length, key);
        if (json_object_get(object, name) == NULL) {
            snprintf(buffer, 256, "%s.%s is missing", shape->path, name);
            return buffer;
        }
        key += length + (key[length] == ' ');
    }
    if (json_object_size(object) == count_words(shape->keys))
        return NULL;
    snprintf(buffer, 256, "%s has keys that version 1 does not know", shape->path);
    return buffer;
}

static const char *check_shapes(const json_t *contract, char buffer[256])
{
    const char *breach = NULL;
    for (const struct cf_shape *shape = cf_contract_shapes; shape->path != NULL && breach == NULL;
         shape++) {
        const json_t *value = cf_contract_at(contract, shape->path);
        if (!json_is_array(value))
            breach = check_shape(value, shape, buffer);
        for (size_t m = 0; json_is_array(value) && m < json_array_size(value) && breach == NULL;
             m++)
            breach = check_shape(json_array_get(value, m), shape, buffer);
    }
    return breach;
}

/* What this launch was asked for stands in the contract, word for word. */
static const struct value {
    const char *path, *text;
} values[] = {
    {"runner.path", "/lab/bin/recorder-runner"},
    {"guest.kernel", "/lab/artifacts/kernel"},
    {"guest.initrd", "/lab/artifacts/initrd"},
    {"guest.rootfs", "/lab/artifacts/rootfs"},
    {"command.executable", "/lab/bin/firma-probe"},
    {"command.cwd", "/lab/work"},
    {"command.identity_mode", "host_user"},
    {"command.env.HOME", "/lab/work"},
    {"command.env.FIRMA_TEST_EMPTY", ""},
    {"command.env.NO_PROXY", "127.0.0.1,localhost,::1"},
    {"command.env.no_proxy", "127.0.0.1,localhost,::1"},
    {"command.env.FIRMA_RUN_SESSION_ID", "conformance-session"},
    {"command.env.FIRMA_RUN_PROFILE", "conformance"},
    {"command.env.FIRMA_AGENT_ID", "probe"},
    {"network.attribution_headers.x-firma-session-id", "conformance-session"},
    {"network.attribution_headers.x-firma-profile", "conformance"},
    {"network.attribution_headers.x-firma-agent", "probe"},
    {"network.attribution_headers.x-firma-user", "tester"},
};

static const char *check_values(const json_t *contract, char buffer[256])
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (!json_is_string(cf_contract_at(contract, values[i].path)) ||
            strcmp(cf_contract_text(contract, values[i].path), values[i].text) != 0) {
            snprintf(buffer, 256, "%s is \"%.100s\", not \"%s\"", values[i].path,
                     cf_contract_text(contract, values[i].path), values[i].text);
            return buffer;
        }
    return NULL;
}

static bool is_loopback_port(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    char *end;
    if (strncmp(text, prefix, length) != 0 || text[length] < '1' || text[length] > '9')
        return false;
    long port = strtol(text + length, &end, 10);
    return *end == '\0' && port >= 1 && port <= 65535;
}

/* UUIDv7, RFC 9562: 8-4-4-4-12 lower-case digits, version 7, variant 10x. */
static bool is_uuid7(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-7xxx-vxxx-xxxxxxxxxxxx";
    if (strlen(text) != sizeof form - 1)
        return false;
    for (size_t i = 0; form[i] != '\0'; i++) {
        const char *allowed = form[i] == 'x'   ? "0123456789abcdef"
                              : form[i] == 'v' ? "89ab"
                              : form[i] == '7' ? "7"
                                               : "-";
        if (strchr(allowed, text[i]) == NULL)
            return false;
    }
    return true;
}

static const char *check_network(const json_t *contract, char buffer[256])
{
    static const char *const proxies[] = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
                                          "http_proxy", "https_proxy", "all_proxy"};
    const char *sandbox = cf_contract_text(contract, "sandbox_id");
    const char *proxy = cf_contract_text(contract, "network.proxy_url");
    const char *stub = cf_contract_text(contract, "network.dns_stub_addr");
    const json_t *env = cf_contract_at(contract, "command.env");
    if (!is_uuid7(sandbox))
        return "sandbox_id is not a UUIDv7";
    if (strcmp(cf_contract_text(contract, "network.attribution_headers.x-firma-sandbox-id"),
               sandbox) != 0)
        return "x-firma-sandbox-id is not sandbox_id";
    if (!is_loopback_port(proxy, "http://127.0.0.1:"))
        return "network.proxy_url is not http://127.0.0.1:PORT";
    if (!is_loopback_port(stub, "127.0.0.1:"))
        return "network.dns_stub_addr is not 127.0.0.1:PORT";
    for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++)
        if (strcmp(cf_contract_text(env, proxies[i]), proxy) != 0) {
            snprintf(buffer, 256, "command.env.%s is not proxy_url", proxies[i]);
            return buffer;
        }
    if (strcmp(cf_contract_text(env, "FIRMA_DNS_STUB_ADDR"), stub) != 0)
        return "command.env.FIRMA_DNS_STUB_ADDR is not dns_stub_addr";
    return strcmp(cf_contract_text(env, "FIRMA_RUN_SANDBOX_ID"), sandbox) == 0
               ? NULL
               : "command.env.FIRMA_RUN_SANDBOX_ID is not sandbox_id";
}

static const char *check_lists(const json_t *contract, char buffer[256])
{
    static const char *const args[] = {"exit", "0", "", "a\nb"};
    const json_t *given = cf_contract_at(contract, "command.args");
    const json_t *mounts = json_object_get(contract, "mounts");
    const json_t *last = json_array_get(mounts, json_array_size(mounts) - 1);
    const json_t *invariants = json_object_get(contract, "invariants");
    if (json_array_size(given) != 4)
        return "command.args has not the arguments that were given";
    for (size_t i = 0; i < 4; i++)
        if (strcmp(json_string_value(json_array_get(given, i)), args[i]) != 0)
            return "command.args has not the arguments that were given";
    if (json_array_size(mounts) != 4 ||
        strcmp(cf_contract_text(last, "source"), "/lab/work") != 0 ||
        strcmp(cf_contract_text(last, "target"), "/lab/work") != 0 ||
        !json_is_false(json_object_get(last, "read_only")))
        return "mounts does not end with the working directory, read-write";
    if (json_array_size(invariants) != 6)
        return "invariants does not list all six";
    for (size_t i = 0; i < 6; i++) {
        const json_t *invariant = json_array_get(invariants, i);
        const char *name = cf_invariant_name((enum cf_invariant)i);
        if (strcmp(cf_contract_text(invariant, "name"), name) != 0 ||
            strcmp(cf_contract_text(invariant, "mode"), "required") != 0) {
            snprintf(buffer, 256, "invariants[%zu] is not %s, required", i, name);
            return buffer;
        }
    }
    return NULL;
}

const char *cf_contract_fields_are_right(const json_t *record, char buffer[256])
{
    static const char *(*const checks[])(const json_t *, char[256]) = {check_shapes, check_values,
                                                                       check_network, check_lists};
    json_t *contract = cf_contract_parse(record);
    const char *breach = contract == NULL ? "the contract is not JSON" : NULL;
    if (breach == NULL && (!json_is_integer(json_object_get(contract, "version")) ||
                           json_integer_value(json_object_get(contract, "version")) != 1))
        breach = "version is not 1";
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && breach == NULL; i++)
        breach = checks[i](contract, buffer);
    if (breach != NULL && breach != buffer) { /* may point into the contract */
        snprintf(buffer, 256, "%s", breach);
        breach = buffer;
    }
    json_decref(contract);
    return breach;
}
