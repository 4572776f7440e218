#include "launcher/attribution.h"

#include <string.h>

#include "contract/text.h"
#include "launcher/flags.h"

struct source {
    const char *header;
    const char *origin; /* for the message */
    const char *value;
};

/* The contract's rules for a header's value (and for the variable that some become), told by the
 * name under which the operator gave it. */
static int check(const struct source *source, struct firma_error *err)
{
    size_t length = strlen(source->value);
    if (length > FIRMA_MAX_HEADER_VALUE)
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          "%s: has %zu bytes; the limit of the header %s is %d", source->origin,
                          length, source->header, FIRMA_MAX_HEADER_VALUE);
    if (!firma_text_is_utf8(source->value))
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          "%s: is not valid UTF-8 and would become the header %s", source->origin,
                          source->header);
    if (firma_text_has_control(source->value))
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          "%s: holds a control character and would become the header %s",
                          source->origin, source->header);
    if (firma_text_is_blank(source->value))
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          "%s: is blank and would become the header %s; leave it out",
                          source->origin, source->header);
    return 0;
}

static int add(struct firma_contract *contract, const struct source *source,
               struct firma_error *err)
{
    if (source->value == NULL || source->value[0] == '\0')
        return 0;
    int result = check(source, err);
    return result < 0 ? result
                      : firma_contract_set_header(contract, source->header, source->value, err);
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
