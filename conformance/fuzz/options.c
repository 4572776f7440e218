/*
 * What an operator says: words of a command line, then an empty word, then the environment, each
 * ended by a newline. The mode, the sidecar's address and every option go through their readers.
 */
#include "fuzz.h"

#include <string.h>

#include "launcher/cli.h"
#include "launcher/endpoint.h"
#include "launcher/flags.h"

enum { WORDS = 64 };

static void check_error(int result, const struct firma_error *err)
{
    FUZZ_MUST(result == 0 || (result == -err->code && err->text[0] != '\0'));
    FUZZ_MUST(strlen(err->text) < sizeof err->text);
}

/* One word for "yes" and one list of them; whatever is not on it is never a yes. */
static void check_flag(const char *text)
{
    struct firma_error err = {0};
    bool value = false;
    int result = firma_flag_parse("FLAG", text, &value, &err);
    check_error(result, &err);
    FUZZ_MUST(result == 0 || !value);
}

static void check_endpoint(const char *text)
{
    struct firma_error err = {0};
    struct firma_endpoint endpoint = {0};
    int result = firma_endpoint_parse(&endpoint, text, &err);
    check_error(result, &err);
    FUZZ_MUST(result != 0 || (endpoint.length > 0 && strlen(endpoint.text) < sizeof endpoint.text));
    FUZZ_MUST(result != 0 || endpoint.address.ss_family == AF_INET ||
              endpoint.address.ss_family == AF_INET6 || endpoint.address.ss_family == AF_UNIX);
}

/* Splits TEXT into WORDS + 1 pointers at most; returns where it stopped. */
static char *split(char *text, char **words, size_t *count)
{
    for (*count = 0; *text != '\0' && *count < WORDS;) {
        char *end = strchr(text, '\n');
        if (end != NULL)
            *end = '\0';
        if (*text == '\0')
            return end == NULL ? text : end + 1;
        words[(*count)++] = text;
        text = end == NULL ? text + strlen(text) : end + 1;
    }
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *words[WORDS + 1] = {NULL}, *environment[WORDS + 1] = {NULL};
    char *text = malloc(size + 1);
    size_t count;
    struct firma_error err = {0};
    struct firma_cli cli = {.lists = NULL};
    FUZZ_MUST(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    char *rest = split(text, words, &count);
    for (size_t i = 0; i < count; i++) {
        check_flag(words[i]);
        check_endpoint(words[i]);
    }
    split(rest, environment, &count);
    int result = firma_flags_require_guest(environment, &err);
    check_error(result, &err);
    FUZZ_MUST(result != 0 || firma_environment_get(environment, "FIRMA_RUN_VZ_GUEST") != NULL);
    err = (struct firma_error){0};
    result = firma_cli_parse(&cli, words, environment, false, &err);
    check_error(result, &err);
    FUZZ_MUST(result != 0 || cli.options.command != NULL);
    if (result == 0)
        firma_cli_clear(&cli);
    free(text);
    return 0;
}
