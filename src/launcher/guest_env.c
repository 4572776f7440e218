#include "launcher/guest_env.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "launcher/flags.h"

static const char *const proxy_names[] = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
                                          "http_proxy", "https_proxy", "all_proxy"};
static const char *const no_proxy_names[] = {"NO_PROXY", "no_proxy"};
static const char no_proxy_value[] = "127.0.0.1,localhost,::1";

/* Ours to set, and the secrets and doors of the host that no guest may see. */
static const char *const reserved[] = {
    "FIRMA_DNS_STUB_ADDR",
    "FIRMA_AGENT_ID",
    "FIRMA_CAPABILITY_TOKEN",
    "FIRMA_BROKER_ADDR",
    "FIRMA_SECRET_PROVIDER_NAMES",
    "FIRMA_SECRET_SHIM_SHARE_DIRECTORY",
    "FIRMA_SECRET_BROKER_SOCKET_PATH",
};
static const char reserved_prefix[] = "FIRMA_RUN_";

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Proxy variables in any case: some programs look for `Http_Proxy`, too. */
static bool is_reserved(const char *name)
{
    for (size_t i = 0; i < COUNT(reserved); i++) {
        if (strcmp(name, reserved[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < COUNT(proxy_names); i++) {
        if (strcasecmp(name, proxy_names[i]) == 0)
            return true;
    }
    return strcasecmp(name, "NO_PROXY") == 0 ||
           strncmp(name, reserved_prefix, strlen(reserved_prefix)) == 0;
}

static int set_callers(struct firma_contract *contract, const char *option, const char *name,
                       const char *value, struct firma_error *err)
{
    if (is_reserved(name))
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          "%s %.256s: is the launcher's own and cannot be set", option, name);
    return firma_contract_set_env(contract, name, value, err);
}

static int set_pair(struct firma_contract *contract, const char *pair, struct firma_error *err)
{
    const char *equals = strchr(pair, '=');
    char name[FIRMA_MAX_ENV_KEY + 1];
    if (equals == NULL || equals == pair)
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          "--env: must be NAME=VALUE (to copy a variable, "
                          "use --pass-env NAME)");
    if ((size_t)(equals - pair) >= sizeof name)
        return firma_fail(err, FIRMA_E_CONFIG, 0, "--env: a name has more than %d bytes",
                          FIRMA_MAX_ENV_KEY);
    memcpy(name, pair, (size_t)(equals - pair));
    name[equals - pair] = '\0';
    return set_callers(contract, "--env", name, equals + 1, err);
}

static int pass(struct firma_contract *contract, const char *name, char *const *environment,
                struct firma_error *err)
{
    const char *value = firma_environment_get(environment, name);
    if (name[0] == '\0' || strchr(name, '=') != NULL)
        return firma_fail(err, FIRMA_E_CONFIG, 0, "--pass-env: must be a variable's NAME");
    if (value == NULL)
        return firma_fail(err, FIRMA_E_CONFIG, 0, "--pass-env %.256s: is not set here", name);
    return set_callers(contract, "--pass-env", name, value, err);
}

static int set_defaults(struct firma_contract *contract, char *const *environment,
                        struct firma_error *err)
{
    const char *term = firma_environment_get(environment, "TERM");
    const struct {
        const char *name;
        const char *value;
    } defaults[] = {
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        {"HOME", "/tmp"},
        {"TERM", term != NULL && *term != '\0' ? term : "dumb"},
        {"LANG", "C.UTF-8"},
    };
    int result = 0;
    for (size_t i = 0; result == 0 && i < COUNT(defaults); i++)
        result = firma_contract_set_env(contract, defaults[i].name, defaults[i].value, err);
    return result;
}

int firma_guest_env_base(struct firma_contract *contract, const struct firma_run_options *options,
                         struct firma_error *err)
{
    int result = set_defaults(contract, options->environment, err);
    for (size_t i = 0; result == 0 && i < options->env_count; i++)
        result = set_pair(contract, options->env[i], err);
    for (size_t i = 0; result == 0 && i < options->pass_env_count; i++)
        result = pass(contract, options->pass_env[i], options->environment, err);
    return result;
}

static int set_each(struct firma_contract *contract, const char *const *names, size_t count,
                    const char *value, struct firma_error *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++)
        result = firma_contract_set_env(contract, names[i], value, err);
    return result;
}

/* A variable without a value is left out, like the header of the same meaning. */
static int set_if_any(struct firma_contract *contract, const char *name, const char *value,
                      struct firma_error *err)
{
    if (value == NULL || *value == '\0')
        return 0;
    return firma_contract_set_env(contract, name, value, err);
}

static int set_identity(struct firma_contract *contract, const struct firma_run_options *options,
                        struct firma_error *err)
{
    const char *session = firma_environment_get(options->environment, "FIRMA_RUN_SESSION_ID");
    int result =
        firma_contract_set_env(contract, "FIRMA_RUN_SANDBOX_ID", contract->sandbox_id, err);
    if (result == 0)
        result = set_if_any(contract, "FIRMA_RUN_SESSION_ID", session, err);
    if (result == 0)
        result = set_if_any(contract, "FIRMA_RUN_PROFILE", options->profile, err);
    if (result == 0)
        result = set_if_any(contract, "FIRMA_AGENT_ID", options->agent_id, err);
    return result;
}

int firma_guest_env_ours(struct firma_contract *contract, const struct firma_run_options *options,
                         uint16_t proxy_port, uint16_t dns_port, struct firma_error *err)
{
    char proxy[64];
    char dns[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", proxy_port);
    snprintf(dns, sizeof dns, "127.0.0.1:%u", dns_port);
    int result = firma_contract_set_text(&contract->proxy_url, proxy, err);
    if (result == 0)
        result = firma_contract_set_text(&contract->dns_stub_addr, dns, err);
    if (result == 0)
        result = set_each(contract, proxy_names, COUNT(proxy_names), proxy, err);
    if (result == 0)
        result = set_each(contract, no_proxy_names, COUNT(no_proxy_names), no_proxy_value, err);
    if (result == 0)
        result = firma_contract_set_env(contract, "FIRMA_DNS_STUB_ADDR", dns, err);
    if (result == 0)
        result = set_identity(contract, options, err);
    return result;
}
