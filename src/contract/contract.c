#include "firma_contract.h"

#include <stdlib.h>
#include <string.h>

#include "contract/cleanup.h"
#include "contract/text.h"

static int out_of_memory(struct firma_error *err)
{
    return firma_fail(err, FIRMA_E_MEMORY, 0, "launch contract: out of memory");
}

static void free_pairs(struct firma_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(pairs[i].name);
        free(pairs[i].value);
    }
    free(pairs);
}

static void free_mounts(struct firma_mount *mounts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(mounts[i].source);
        free(mounts[i].target);
    }
    free(mounts);
}

void firma_contract_clear(struct firma_contract *contract)
{
    if (contract == NULL)
        return;
    char *texts[] = {contract->runtime_dir,   contract->runner_path,
                     contract->kernel,        contract->initrd,
                     contract->rootfs,        contract->executable,
                     contract->cwd,           contract->proxy_url,
                     contract->dns_stub_addr, contract->seccomp_filter_path};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    for (size_t i = 0; i < contract->arg_count; i++)
        free(contract->args[i]);
    free(contract->args);
    free_pairs(contract->env, contract->env_count);
    free_pairs(contract->headers, contract->header_count);
    free_mounts(contract->mounts, contract->mount_count);
    memset(contract, 0, sizeof *contract);
}

int firma_contract_set_text(char **field, const char *text, struct firma_error *err)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return out_of_memory(err);
    free(*field);
    *field = copy;
    return 0;
}

int firma_contract_add_arg(struct firma_contract *contract, const char *arg,
                           struct firma_error *err)
{
    char **args = realloc(contract->args, (contract->arg_count + 1) * sizeof *args);
    if (args == NULL)
        return out_of_memory(err);
    contract->args = args;
    args[contract->arg_count] = strdup(arg);
    if (args[contract->arg_count] == NULL)
        return out_of_memory(err);
    contract->arg_count++;
    return 0;
}

int firma_contract_add_mount(struct firma_contract *contract, const char *source,
                             const char *target, bool read_only, struct firma_error *err)
{
    FIRMA_AUTOFREE char *own_source = strdup(source);
    FIRMA_AUTOFREE char *own_target = strdup(target);
    if (own_source == NULL || own_target == NULL)
        return out_of_memory(err);
    struct firma_mount *mounts =
        realloc(contract->mounts, (contract->mount_count + 1) * sizeof *mounts);
    if (mounts == NULL)
        return out_of_memory(err);
    contract->mounts = mounts;
    mounts[contract->mount_count++] =
        (struct firma_mount){.source = own_source, .target = own_target, .read_only = read_only};
    own_source = own_target = NULL;
    return 0;
}

static int set_pair(struct firma_pair **pairs, size_t *count, const char *name, const char *value,
                    struct firma_error *err)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp((*pairs)[i].name, name) == 0)
            return firma_contract_set_text(&(*pairs)[i].value, value, err);
    FIRMA_AUTOFREE char *own_name = strdup(name);
    FIRMA_AUTOFREE char *own_value = strdup(value);
    if (own_name == NULL || own_value == NULL)
        return out_of_memory(err);
    struct firma_pair *grown = realloc(*pairs, (*count + 1) * sizeof *grown);
    if (grown == NULL)
        return out_of_memory(err);
    *pairs = grown;
    grown[(*count)++] = (struct firma_pair){.name = own_name, .value = own_value};
    own_name = own_value = NULL;
    return 0;
}

int firma_contract_set_env(struct firma_contract *contract, const char *name, const char *value,
                           struct firma_error *err)
{
    return set_pair(&contract->env, &contract->env_count, name, value, err);
}

int firma_contract_set_header(struct firma_contract *contract, const char *name, const char *value,
                              struct firma_error *err)
{
    return set_pair(&contract->headers, &contract->header_count, name, value, err);
}

const char *firma_contract_env(const struct firma_contract *contract, const char *name)
{
    for (size_t i = 0; i < contract->env_count; i++)
        if (strcmp(contract->env[i].name, name) == 0)
            return contract->env[i].value;
    return NULL;
}

uint16_t firma_contract_proxy_port(const struct firma_contract *contract)
{
    const char *url = contract->proxy_url;
    return url != NULL ? firma_text_loopback_port(url, "http://") : 0;
}

uint16_t firma_contract_dns_port(const struct firma_contract *contract)
{
    const char *address = contract->dns_stub_addr;
    return address != NULL ? firma_text_loopback_port(address, "") : 0;
}

const char *firma_invariant_name(enum firma_invariant invariant)
{
    switch (invariant) {
#define X(name, word)                                                                              \
    case name:                                                                                     \
        return word;
        FIRMA_INVARIANTS(X)
#undef X
    case FIRMA_INVARIANT_COUNT:
        break;
    }
    return NULL;
}
