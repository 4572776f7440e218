/* start.c - the command lines and environments of subjects and of bare commands. */
#include "scenarios/stage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append(struct cf_words *words, char *text)
{
    char **grown = realloc(words->items, (words->count + 2) * sizeof *grown);
    if (grown == NULL || text == NULL)
        abort(); /* a harness without memory has nothing left to observe with */
    words->items = grown;
    grown[words->count++] = text;
    grown[words->count] = NULL;
}

void cf_words_add(struct cf_words *words, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    append(words, text);
}

void cf_words_set(struct cf_words *words, const char *name, const char *value)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < words->count; i++) {
        if (strncmp(words->items[i], name, length) != 0 || words->items[i][length] != '=')
            continue;
        free(words->items[i]);
        if (asprintf(&words->items[i], "%s=%s", name, value) < 0)
            abort();
        return;
    }
    cf_words_add(words, "%s=%s", name, value);
}

void cf_words_unset(struct cf_words *words, const char *name)
{
    size_t length = strlen(name), kept = 0;
    for (size_t i = 0; i < words->count; i++) {
        char *item = words->items[i];
        if (strncmp(item, name, length) == 0 && item[length] == '=')
            free(item);
        else
            words->items[kept++] = item;
    }
    words->count = kept;
    if (words->items != NULL)
        words->items[kept] = NULL;
}

void cf_words_insert(struct cf_words *words, size_t at, const struct cf_words *more)
{
    struct cf_words made = {0};
    for (size_t i = 0; i < words->count + more->count; i++)
        cf_words_add(&made, "%s",
                     i < at                 ? words->items[i]
                     : i < at + more->count ? more->items[i - at]
                                            : words->items[i - more->count]);
    cf_words_release(words);
    *words = made;
}

void cf_words_release(struct cf_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i]);
    free(words->items);
    *words = (struct cf_words){0};
}

void cf_start_release(struct cf_start *start)
{
    cf_words_release(&start->argv);
    cf_words_release(&start->env);
}

static void add_all(struct cf_words *words, const char *const *texts)
{
    for (; texts != NULL && *texts != NULL; texts++)
        cf_words_add(words, "%s", *texts);
}

/* What a command is promised to find, before the launcher adds its own variables. */
static const char *const command_environment[] = {
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "HOME=/lab/work",
    "TERM=xterm",
    "LANG=C.UTF-8",
    "FIRMA_TEST_EMPTY=",
    "FIRMA_TEST_VALUE=two words = \"quoted\"\n$(not expanded)",
    NULL};

/* Secrets an operator's shell may hold; none may travel further. */
static const char *const operator_secrets[] = {"FIRMA_CAPABILITY_TOKEN=firma-secret-token",
                                               "FIRMA_BROKER_ADDR=firma-secret-broker",
                                               "FIRMA_SECRET_PROVIDER_NAMES=firma-secret-names",
                                               "AWS_SECRET_ACCESS_KEY=firma-secret-aws", NULL};

uint16_t cf_stage_sidecar_port(const struct cf_stage *stage)
{
    return stage->proxy.pid > 0 ? stage->proxy.port : stage->sidecar.port;
}

static void launcher_environment(struct cf_words *env, const struct cf_stage *stage)
{
    static const char *const fixed[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
                                        "HOME=/lab/work",
                                        "USER=tester",
                                        "LOGNAME=tester",
                                        "LANG=C.UTF-8",
                                        "TERM=xterm",
                                        "TMPDIR=/tmp",
                                        "XDG_RUNTIME_DIR=/lab/run",
                                        "FIRMA_RUN_VZ_GUEST=1",
                                        "FIRMA_RUN_VZ_GUEST_KERNEL=/lab/artifacts/kernel",
                                        "FIRMA_RUN_VZ_GUEST_INITRD=/lab/artifacts/initrd",
                                        "FIRMA_RUN_VZ_GUEST_ROOTFS=/lab/artifacts/rootfs",
                                        "FIRMA_RUN_SESSION_ID=conformance-session",
                                        NULL};
    add_all(env, fixed);
    add_all(env, operator_secrets);
    cf_words_add(env, "FIRMA_RUN_VZ_GUEST_RUNNER=%s", stage->runner);
    cf_words_add(env, "FIRMA_RUN_SIDECAR=tcp://127.0.0.1:%u", cf_stage_sidecar_port(stage));
}

void cf_start_launcher(struct cf_start *start, const struct cf_stage *stage,
                       const char *const *options, const char *const *command)
{
    static const char *const standard[] = {"/lab/bin/firma-run",
                                           "--cwd",
                                           "/lab/work",
                                           "--profile",
                                           "conformance",
                                           "--agent-id",
                                           "probe",
                                           "--mount",
                                           "/lab/bin:/lab/bin:ro",
                                           "--mount",
                                           "/lab/plan:/lab/plan:ro",
                                           "--mount",
                                           "/lab/readonly:/lab/readonly:ro",
                                           NULL};
    *start = (struct cf_start){0};
    add_all(&start->argv, standard);
    for (const char *const *variable = command_environment; *variable != NULL; variable++) {
        cf_words_add(&start->argv, "--env");
        cf_words_add(&start->argv, "%s", *variable);
    }
    add_all(&start->argv, options);
    if (cf_plan_is_roots(stage->launch->launch)) {
        cf_words_add(&start->argv, "--identity");
        cf_words_add(&start->argv, "host_user");
    }
    cf_words_add(&start->argv, "--");
    add_all(&start->argv, command);
    launcher_environment(&start->env, stage);
}

void cf_start_bare(struct cf_start *start, const struct cf_stage *stage, const char *const *command)
{
    static const char *const proxies[] = {"HTTP_PROXY",  "HTTPS_PROXY", "ALL_PROXY", "http_proxy",
                                          "https_proxy", "all_proxy",   NULL};
    /* What the guest's root may do in its network, its control may do in its own. */
    *start = (struct cf_start){.no_capabilities = !cf_plan_is_roots(stage->launch->launch)};
    /* env(1) tells a missing command as 127 and one that cannot be run as 126, like a shell. */
    cf_words_add(&start->argv, "/usr/bin/env");
    add_all(&start->argv, command);
    add_all(&start->env, command_environment);
    for (const char *const *name = proxies; *name != NULL; name++)
        cf_words_add(&start->env, "%s=http://127.0.0.1:%u", *name, cf_stage_sidecar_port(stage));
    cf_words_add(&start->env, "NO_PROXY=127.0.0.1,localhost,::1");
    cf_words_add(&start->env, "no_proxy=127.0.0.1,localhost,::1");
    /* In a control this is a resolver that answers: what a confined one must not do. */
    cf_words_add(&start->env, "FIRMA_DNS_STUB_ADDR=9.9.9.10:53");
    cf_words_add(&start->env, "FIRMA_RUN_SANDBOX_ID=00000000-0000-7000-8000-000000000000");
    cf_words_add(&start->env, "FIRMA_RUN_SESSION_ID=conformance-session");
    cf_words_add(&start->env, "FIRMA_RUN_PROFILE=conformance");
    cf_words_add(&start->env, "FIRMA_AGENT_ID=probe");
}

void cf_start_leg(struct cf_start *start, const struct cf_stage *stage, const char *const *options,
                  const char *const *command)
{
    if (stage->leg == CF_CONTROL)
        cf_start_bare(start, stage, command);
    else
        cf_start_launcher(start, stage, options, command);
}
