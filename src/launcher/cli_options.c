#include "launcher/cli.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/status.h"

enum kind { TEXT, LIST, DESCRIPTOR, SECONDS, SWITCH };

struct option {
    const char *name;
    enum kind kind;
    size_t field;
    size_t count; /* LIST: where its length is */
};

#define FIELD(name) offsetof(struct firma_run_options, name)

static const struct option table[] = {
    {"--sidecar", TEXT, FIELD(sidecar), 0},
    {"--profile", TEXT, FIELD(profile), 0},
    {"--agent-id", TEXT, FIELD(agent_id), 0},
    {"--cwd", TEXT, FIELD(cwd), 0},
    {"--env", LIST, FIELD(env), FIELD(env_count)},
    {"--pass-env", LIST, FIELD(pass_env), FIELD(pass_env_count)},
    {"--mount", LIST, FIELD(mounts), FIELD(mount_count)},
    {"--identity", TEXT, FIELD(identity), 0},
    {"--seccomp", TEXT, FIELD(seccomp), 0},
    {"--runtime-dir", TEXT, FIELD(runtime_dir), 0},
    {"--log-file", TEXT, FIELD(log_file), 0},
    {"--status-fd", DESCRIPTOR, FIELD(status_fd), 0},
    {"--grace", SECONDS, FIELD(grace_seconds), 0},
    {"--keep", SWITCH, FIELD(keep), 0},
};

/* "--name" or "--name=value": the option, and the value if it is in the same word. */
static const struct option *find(const char *word, const char **value)
{
    size_t length = strcspn(word, "=");
    *value = word[length] == '=' ? word + length + 1 : NULL;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strlen(table[i].name) == length && strncmp(table[i].name, word, length) == 0)
            return &table[i];
    }
    return NULL;
}

static int parse_number(const struct option *option, const char *text, unsigned long limit,
                        unsigned long *out, struct firma_error *err)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long value = strtoul(text, NULL, 10);
    if (digits == 0 || digits > 9 || text[digits] != '\0' || value > limit)
        return firma_fail(err, FIRMA_E_USAGE, 0, "%s %.64s: must be a whole number up to %lu",
                          option->name, text, limit);
    *out = value;
    return 0;
}

/* Checked here, before anything of ours is opened: a descriptor of our own that happens to have
 * the number must not be taken for the caller's. */
static int set_descriptor(int *field, const struct option *option, const char *text,
                          struct firma_error *err)
{
    unsigned long value;
    int result = parse_number(option, text, 1 << 20, &value, err);
    if (result == 0)
        result = firma_status_check((int)value, err);
    if (result == 0) {
        *field = (int)value;
        return 0;
    }
    if (err != NULL)
        err->code = FIRMA_E_USAGE;
    return -FIRMA_E_USAGE;
}

static int set_seconds(unsigned *field, const struct option *option, const char *text,
                       struct firma_error *err)
{
    unsigned long value;
    int result = parse_number(option, text, 86400, &value, err);
    if (result == 0)
        *field = (unsigned)value;
    return result;
}

static int apply(struct firma_run_options *options, const struct option *option, const char *value,
                 struct firma_error *err)
{
    char *field = (char *)options + option->field;
    switch (option->kind) {
    case TEXT:
        *(const char **)field = value;
        return 0;
    case LIST: {
        const char **list = *(const char ***)field;
        list[(*(size_t *)((char *)options + option->count))++] = value;
        return 0;
    }
    case DESCRIPTOR:
        return set_descriptor((int *)field, option, value, err);
    case SECONDS:
        return set_seconds((unsigned *)field, option, value, err);
    case SWITCH:
        *(bool *)field = true;
        return 0;
    }
    return 0;
}

static int usage(struct firma_error *err, const char *word, const char *what)
{
    return firma_fail(err, FIRMA_E_USAGE, 0, "%.256s: %s", word, what);
}

/* Takes one option (and its value) off *WORDS. */
static int take_option(struct firma_run_options *options, char ***words, struct firma_error *err)
{
    const char *word = *(*words)++;
    const char *value;
    const struct option *option = find(word, &value);
    if (option == NULL && word[0] == '-')
        return usage(err, word, "unknown option");
    if (option == NULL)
        return usage(err, word, "unexpected; the command comes after --");
    if (option->kind == SWITCH && value != NULL)
        return usage(err, option->name, "takes no value");
    if (option->kind != SWITCH && value == NULL) {
        if (**words == NULL)
            return usage(err, option->name, "needs a value");
        value = *(*words)++;
    }
    return apply(options, option, value, err);
}

static int parse(struct firma_run_options *options, char **words, bool command_optional,
                 struct firma_error *err)
{
    while (*words != NULL && strcmp(*words, "--") != 0) {
        int result = take_option(options, &words, err);
        if (result < 0)
            return result;
    }
    if (*words != NULL && words[1] != NULL)
        options->command = words + 1;
    if (options->command == NULL && !command_optional)
        return usage(err, "COMMAND", "is missing; give it after --");
    return 0;
}

int firma_cli_parse(struct firma_cli *out, char **words, char *const *environment,
                    bool command_optional, struct firma_error *err)
{
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    struct firma_cli cli = {.lists = calloc(3 * (count + 1), sizeof *cli.lists)};
    if (cli.lists == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "command line");
    firma_run_options_init(&cli.options, environment);
    cli.options.env = cli.lists;
    cli.options.pass_env = cli.lists + count + 1;
    cli.options.mounts = cli.lists + 2 * (count + 1);
    int result = parse(&cli.options, words, command_optional, err);
    if (result < 0)
        free(cli.lists);
    else
        *out = cli;
    return result;
}

void firma_cli_clear(struct firma_cli *cli)
{
    free(cli->lists);
    cli->lists = NULL;
}
