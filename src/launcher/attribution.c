#include "launcher/attribution.h"

#include "launcher/flags.h"

struct source {
    const char *header;
    const char *origin; /* for the message */
    const char *value;
};

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

static int add(struct firma_contract *contract, const struct source *source,
               struct firma_error *err)
{
    if (source->value == NULL || source->value[0] == '\0')
        return 0;
    if (has_control(source->value))
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          "%s: holds a control character and would become the header %s",
                          source->origin, source->header);
    return firma_contract_set_header(contract, source->header, source->value, err);
}

int firma_attribution_build(struct firma_contract *contract,
                            const struct firma_run_options *options, struct firma_error *err)
{
    const char *user = firma_environment_get(options->environment, "USER");
    const struct source sources[] = {
        {"x-firma-sandbox-id", "sandbox id", contract->sandbox_id},
        {"x-firma-session-id", "FIRMA_RUN_SESSION_ID",
         firma_environment_get(options->environment, "FIRMA_RUN_SESSION_ID")},
        {"x-firma-profile", "--profile", options->profile},
        {"x-firma-agent", "--agent-id", options->agent_id},
        {"x-firma-user", "USER", user != NULL && *user != '\0' ? user : "unknown"},
    };
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof sources / sizeof *sources; i++)
        result = add(contract, &sources[i], err);
    return result;
}
