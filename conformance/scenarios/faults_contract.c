/* faults_contract.c - contracts that no runner may start from. */
#include "scenarios/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH = 100000 };
static const off_t huge = (off_t)1 << 30;
static const char elsewhere[] = "/lab/run/direct-elsewhere.json";

/* ---- the text ---- */

static void replace_text(struct cf_attempt *attempt, char *text, size_t length)
{
    if (text == NULL)
        return;
    free(attempt->text);
    attempt->text = text;
    attempt->length = length;
}

static void truncated(struct cf_attempt *attempt)
{
    attempt->length -= 2;
}

static void empty(struct cf_attempt *attempt)
{
    attempt->length = 0;
}

static void around(struct cf_attempt *attempt, const char *before, const char *after)
{
    char *text = NULL;
    int length = asprintf(&text, "%s%s%s", before, attempt->text, after);
    if (length >= 0)
        replace_text(attempt, text, (size_t)length);
}

static void followed(struct cf_attempt *attempt)
{
    around(attempt, "", "\n{}");
}

static void marked(struct cf_attempt *attempt)
{
    around(attempt, "\xef\xbb\xbf", "");
}

/* A key of the contract twice, the harmless one last. */
static void doubled(struct cf_attempt *attempt)
{
    char *text = NULL;
    int length = asprintf(&text, "{\"version\": 2,%s", attempt->text + 1);
    if (length >= 0)
        replace_text(attempt, text, (size_t)length);
}

/* A string that goes on behind a NUL: a reader in C may see the first half only. */
static void nul(struct cf_attempt *attempt)
{
    static const char from[] = "\"host_user\"", to[] = "\"host_user\\u0000x\"";
    char *at = strstr(attempt->text, from), *text = NULL;
    if (at == NULL)
        return;
    int length = asprintf(&text, "%.*s%s%s", (int)(at - attempt->text), attempt->text, to,
                          at + sizeof from - 1);
    if (length >= 0)
        replace_text(attempt, text, (size_t)length);
}

static void deep(struct cf_attempt *attempt)
{
    char *text = malloc(2 * DEPTH + 32);
    if (text == NULL)
        return;
    size_t used = (size_t)sprintf(text, "{\"version\": ");
    memset(text + used, '[', DEPTH);
    memset(text + used + DEPTH, ']', DEPTH);
    strcpy(text + used + 2 * DEPTH, "}");
    replace_text(attempt, text, used + 2 * DEPTH + 1);
}

/* ---- the file ---- */

static void readable(struct cf_attempt *attempt)
{
    attempt->mode = 0644;
}

static void made_huge(struct cf_attempt *attempt)
{
    (void)attempt;
    if (truncate(cf_direct_contract, huge) != 0)
        unlink(cf_direct_contract);
}

static void absent(struct cf_attempt *attempt)
{
    (void)attempt;
    unlink(cf_direct_contract);
}

static void linked(struct cf_attempt *attempt)
{
    (void)attempt;
    if (rename(cf_direct_contract, elsewhere) != 0 || symlink(elsewhere, cf_direct_contract) != 0)
        unlink(cf_direct_contract);
}

static void unlinked(struct cf_attempt *attempt)
{
    (void)attempt;
    unlink(elsewhere);
}

/* Whoever opens it without care waits for ever. */
static void piped(struct cf_attempt *attempt)
{
    (void)attempt;
    unlink(cf_direct_contract);
    mkfifo(cf_direct_contract, 0600);
}

static void folder_open(struct cf_attempt *attempt)
{
    (void)attempt;
    chmod(cf_direct_directory, 0777);
}

/* ---- the command line ---- */

static void extra_argument(struct cf_attempt *attempt)
{
    cf_words_add(&attempt->start.argv, "--quiet");
}

static void relative_path(struct cf_attempt *attempt)
{
    struct cf_words *argv = &attempt->start.argv;
    free(argv->items[2]);
    argv->items[2] = strdup("../run/direct/vz-guest-launch.json");
}

/* ---- the bridge ---- */

static void bridge_dead(struct cf_attempt *attempt)
{
    cf_fault_sidecar(attempt, NULL); /* the direct contract's proxy_url is the sidecar itself */
}

static const char *set_proxy(struct cf_attempt *attempt, const char *host, long port)
{
    json_t *network = json_object_get(attempt->contract, "network");
    json_object_set_new(network, "proxy_url", json_sprintf("http://%s:%ld", host, port));
    return json_string_value(json_object_get(network, "proxy_url"));
}

/* Somebody else's listener, which takes everything and says nothing, at the bridge's address. */
static void squatted(struct cf_attempt *attempt)
{
    long port =
        (long)json_integer_value(json_object_get(cf_lab_facts(attempt->stage->lab), "lo4_tcp"));
    const char *url = set_proxy(attempt, "127.0.0.1", port);
    json_t *env = json_object_get(json_object_get(attempt->contract, "command"), "env"), *value;
    const char *name;
    json_object_foreach (env, name, value)
        if (strncmp(json_string_value(value), "http://", 7) == 0)
            json_string_set(value, url);
}

/* The bridge's own port, so that whoever reads nothing else finds the sidecar and starts. */
static void outside_proxy(struct cf_attempt *attempt)
{
    set_proxy(attempt, "203.0.113.9", attempt->stage->sidecar.port);
}

/* The bridge's own port again, for whoever keeps the lower sixteen bits. */
static void port_too_high(struct cf_attempt *attempt)
{
    set_proxy(attempt, "127.0.0.1", 65536L + attempt->stage->sidecar.port);
}

/* ---- the mounts: one more, so that all that the command needs stays where it is ---- */

static void add_mount(struct cf_attempt *attempt, const char *source, const char *target)
{
    json_array_insert_new(
        json_object_get(attempt->contract, "mounts"), 0,
        json_pack("{sssssb}", "source", source, "target", target, "read_only", 1));
}

static void mount_over_etc(struct cf_attempt *attempt)
{
    add_mount(attempt, "/lab/bin", "/etc");
}

static void mount_of_nothing(struct cf_attempt *attempt)
{
    add_mount(attempt, "/lab/no-such-folder", "/lab/more");
}

static void missing_invariant(struct cf_attempt *attempt)
{
    json_array_remove(json_object_get(attempt->contract, "invariants"), 4);
}

#define PLACE(name, at, value)                                                                     \
    {                                                                                              \
        name, CF_DIRECT, NULL, NULL, at, value, NULL, NULL, NULL, NULL                             \
    }
#define TEXT(name, edit)                                                                           \
    {                                                                                              \
        name, CF_DIRECT, NULL, NULL, NULL, NULL, NULL, edit, NULL, NULL                            \
    }
#define PLANT(name, plant, undo)                                                                   \
    {                                                                                              \
        name, CF_DIRECT, NULL, NULL, NULL, NULL, NULL, NULL, plant, undo                           \
    }
#define MAKE(name, make)                                                                           \
    {                                                                                              \
        name, CF_DIRECT, NULL, NULL, NULL, NULL, make, NULL, NULL, NULL                            \
    }

const struct cf_fault cf_contract_faults[] = {
    MAKE("bridge-dead", bridge_dead),
    MAKE("port-squatted", squatted),
    PLACE("contract-unknown-key", "network.allow_direct", "true"),
    TEXT("contract-truncated", truncated),
    TEXT("contract-empty", empty),
    TEXT("contract-trailing", followed),
    TEXT("contract-bom", marked),
    TEXT("contract-duplicate-key", doubled),
    TEXT("contract-nul", nul),
    TEXT("contract-deep", deep),
    MAKE("contract-readable", readable),
    PLANT("contract-huge", made_huge, NULL),
    PLANT("contract-absent", absent, NULL),
    PLANT("contract-link", linked, unlinked),
    PLANT("contract-fifo", piped, NULL),
    PLANT("contract-folder-open", folder_open, NULL),
    MAKE("runner-extra-argument", extra_argument),
    MAKE("contract-relative", relative_path),
    MAKE("contract-missing-invariant", missing_invariant),
    PLACE("contract-invariant-off", "invariants.4.mode", "\"disabled_by_policy\""),
    PLACE("contract-version-2", "version", "2"),
    PLACE("contract-version-text", "version", "\"1\""),
    PLACE("contract-missing-key", "mounts", NULL),
    PLACE("contract-null", "network", "null"),
    PLACE("contract-sandbox-path", "sandbox_id", "\"../outside\""),
    PLACE("contract-other-sandbox", "network.attribution_headers.x-firma-sandbox-id",
          "\"01890a5d-ac96-774b-bcce-b302099a8058\""),
    PLACE("contract-header-newline", "network.attribution_headers.x-firma-user",
          "\"tester\\r\\nx-firma-agent: root\""),
    PLACE("contract-outside-dns", "network.dns_stub_addr", "\"8.8.8.8:53\""),
    MAKE("contract-outside-proxy", outside_proxy),
    MAKE("contract-port-65536", port_too_high),
    PLACE("contract-token", "command.env.FIRMA_CAPABILITY_TOKEN", "\"a-token\""),
    PLACE("contract-identity", "command.identity_mode", "\"root\""),
    PLACE("contract-filter-absent", "command.seccomp_filter_path", "\"/lab/artifacts/no-filter\""),
    MAKE("contract-target-etc", mount_over_etc),
    MAKE("contract-source-absent", mount_of_nothing),
    {.name = NULL},
};
