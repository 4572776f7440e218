/* The writer's half: a valid contract to its one spelling. jansson keeps insertion order, so the
 * order of the puts below is the order of the file. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "contract/cleanup.h"
#include "contract/contract_json.h"
#include "contract/json_memory.h"
#include "firma_contract.h"

/* Puts VALUE (stolen) into OBJECT; counts what could not be made or put in *MISSED, so that one
 * check at the end sees every allocation that failed. */
static void put(json_t *object, const char *key, json_t *value, int *missed)
{
    if (json_object_set_new(object, key, value) < 0)
        (*missed)++;
}

static void put_text(json_t *object, const char *key, const char *text, int *missed)
{
    put(object, key, json_string(text), missed);
}

static void append(json_t *array, json_t *value, int *missed)
{
    if (json_array_append_new(array, value) < 0)
        (*missed)++;
}

static int by_name(const void *left, const void *right)
{
    const struct firma_pair *const *a = left;
    const struct firma_pair *const *b = right;
    return strcmp((*a)->name, (*b)->name); /* bytes, as unsigned char */
}

static json_t *build_map(const struct firma_pair *pairs, size_t count, int *missed)
{
    json_t *map = json_object();
    FIRMA_AUTOFREE const struct firma_pair **sorted =
        calloc(count + 1, sizeof(const struct firma_pair *));
    if (sorted == NULL)
        (*missed)++;
    for (size_t i = 0; sorted != NULL && i < count; i++)
        sorted[i] = &pairs[i];
    if (sorted != NULL)
        qsort(sorted, count, sizeof(const struct firma_pair *), by_name);
    for (size_t i = 0; sorted != NULL && i < count; i++)
        put_text(map, sorted[i]->name, sorted[i]->value, missed);
    return map;
}

static json_t *build_runner(const struct firma_contract *contract, int *missed)
{
    json_t *runner = json_object();
    put_text(runner, "path", contract->runner_path, missed);
    return runner;
}

static json_t *build_guest(const struct firma_contract *contract, int *missed)
{
    json_t *guest = json_object();
    put_text(guest, "kernel", contract->kernel, missed);
    put_text(guest, "initrd", contract->initrd, missed);
    put_text(guest, "rootfs", contract->rootfs, missed);
    return guest;
}

static json_t *build_command(const struct firma_contract *contract, int *missed)
{
    json_t *command = json_object();
    json_t *args = json_array();
    for (size_t i = 0; i < contract->arg_count; i++)
        append(args, json_string(contract->args[i]), missed);
    const char *filter = contract->seccomp_filter_path;
    put_text(command, "executable", contract->executable, missed);
    put(command, "args", args, missed);
    put_text(command, "cwd", contract->cwd, missed);
    put(command, "env", build_map(contract->env, contract->env_count, missed), missed);
    put_text(command, "identity_mode", firma_identity_words[contract->identity_mode], missed);
    put(command, "seccomp_filter_path", filter != NULL ? json_string(filter) : json_null(), missed);
    return command;
}

static json_t *build_mounts(const struct firma_contract *contract, int *missed)
{
    json_t *mounts = json_array();
    for (size_t i = 0; i < contract->mount_count; i++) {
        json_t *mount = json_object();
        put_text(mount, "source", contract->mounts[i].source, missed);
        put_text(mount, "target", contract->mounts[i].target, missed);
        put(mount, "read_only", json_boolean(contract->mounts[i].read_only), missed);
        append(mounts, mount, missed);
    }
    return mounts;
}

static json_t *build_network(const struct firma_contract *contract, int *missed)
{
    json_t *network = json_object();
    put_text(network, "proxy_url", contract->proxy_url, missed);
    put_text(network, "dns_stub_addr", contract->dns_stub_addr, missed);
    put(network, "attribution_headers",
        build_map(contract->headers, contract->header_count, missed), missed);
    return network;
}

static json_t *build_invariants(const struct firma_contract *contract, int *missed)
{
    json_t *invariants = json_array();
    for (size_t i = 0; i < FIRMA_INVARIANT_COUNT; i++) {
        json_t *entry = json_object();
        put_text(entry, "name", firma_invariant_name((enum firma_invariant)i), missed);
        put_text(entry, "mode", firma_mode_words[contract->invariants[i]], missed);
        append(invariants, entry, missed);
    }
    return invariants;
}

static json_t *build_contract(const struct firma_contract *contract, int *missed)
{
    json_t *root = json_object();
    put(root, "version", json_integer(1), missed);
    put_text(root, "sandbox_id", contract->sandbox_id, missed);
    put_text(root, "runtime_dir", contract->runtime_dir, missed);
    put(root, "runner", build_runner(contract, missed), missed);
    put(root, "guest", build_guest(contract, missed), missed);
    put(root, "command", build_command(contract, missed), missed);
    put(root, "mounts", build_mounts(contract, missed), missed);
    put(root, "network", build_network(contract, missed), missed);
    put(root, "invariants", build_invariants(contract, missed), missed);
    return root;
}

int firma_contract_encode(const struct firma_contract *contract, char **text, size_t *length,
                          struct firma_error *err)
{
    int result = firma_contract_validate(contract, err);
    if (result < 0)
        return result;
    int missed = 0;
    firma_json_watch();
    json_t *root = build_contract(contract, &missed);
    FIRMA_AUTOFREE char *rendered = missed == 0 ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    if (rendered == NULL || firma_json_starved())
        return firma_fail(err, FIRMA_E_MEMORY, 0, "launch contract: out of memory");
    if (strlen(rendered) > FIRMA_CONTRACT_MAX_BYTES)
        return firma_fail(err, FIRMA_E_CONTRACT, 0, "contract: has %zu bytes; the limit is %u",
                          strlen(rendered), FIRMA_CONTRACT_MAX_BYTES);
    *length = strlen(rendered);
    *text = rendered;
    rendered = NULL;
    return 0;
}
