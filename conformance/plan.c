#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/invocation.h"

enum { LATE_SECONDS = 15, LATE_PERIOD_MS = 500, BOOT_SECONDS = 10, BOOT_PERIOD_MS = 5000 };

const char *cf_leg_name(enum cf_leg leg)
{
    return leg == CF_CONTROL ? "control" : "subject";
}

static bool selected(const struct cf_row *row, const char *const *selectors, size_t count)
{
    if (count == 0)
        return true;
    for (size_t i = 0; i < count; i++)
        if (cf_row_matches(row, selectors[i]))
            return true;
    return false;
}

static int check_selectors(const char *const *selectors, size_t count, struct cf_error *err)
{
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (size_t r = 0; r < cf_row_count && !found; r++)
            found = cf_row_matches(&cf_rows[r], selectors[i]);
        if (!found)
            return cf_fail(err, CF_E_NOTHING, 0,
                           "--row %s: no such row, group, level, invariant or launch; "
                           "`firma-conform list` names them all",
                           selectors[i]);
    }
    return 0;
}

static int add_row(struct cf_plan_launch *launch, const struct cf_row *row, struct cf_error *err)
{
    struct cf_plan_row *grown = realloc(launch->rows, (launch->count + 1) * sizeof *grown);
    if (grown == NULL)
        return cf_fail(err, CF_E_SYSTEM, ENOMEM, "planning %s", row->id);
    launch->rows = grown;
    struct cf_plan_row *planned = &grown[launch->count];
    planned->row = row;
    for (int leg = 0; leg < CF_LEG_COUNT; leg++) {
        int failed = cf_nonce(planned->nonce[leg], err);
        if (failed != 0)
            return failed;
    }
    launch->count++;
    return 0;
}

static int launch_nonces(struct cf_plan_launch *launch, struct cf_error *err)
{
    char *texts[] = {launch->token, launch->live_before, launch->live_after, launch->fault};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int failed = cf_nonce(texts[i], err);
        if (failed != 0)
            return failed;
    }
    return 0;
}

static int plan_launch(struct cf_plan *plan, const struct cf_launch *launch,
                       const char *const *selectors, size_t count, struct cf_error *err)
{
    struct cf_plan_launch *planned = &plan->launches[plan->count];
    planned->launch = launch;
    for (size_t i = 0; i < cf_row_count; i++) {
        const struct cf_row *row = &cf_rows[i];
        if (strcmp(row->launch, launch->name) != 0 || !selected(row, selectors, count))
            continue;
        int failed = add_row(planned, row, err);
        if (failed != 0)
            return failed;
    }
    if (planned->count == 0)
        return 0;
    plan->rows += planned->count;
    plan->count++;
    return launch_nonces(planned, err);
}

int cf_plan_make(struct cf_plan *plan, const char *const *selectors, size_t count,
                 struct cf_error *err)
{
    struct cf_plan made = {0};
    int failed = check_selectors(selectors, count, err);
    if (failed != 0)
        return failed;
    made.launches = calloc(cf_launch_count, sizeof *made.launches);
    if (made.launches == NULL)
        return cf_fail(err, CF_E_SYSTEM, ENOMEM, "planning");
    for (size_t i = 0; i < cf_launch_count && failed == 0; i++)
        failed = plan_launch(&made, &cf_launches[i], selectors, count, err);
    if (failed != 0)
        cf_plan_release(&made);
    else
        *plan = made;
    return failed;
}

bool cf_plan_is_roots(const struct cf_launch *launch)
{
    return strcmp(launch->detail, "root") == 0 || cf_plan_ends_itself(launch);
}

bool cf_plan_ends_itself(const struct cf_launch *launch)
{
    return strncmp(launch->detail, "guest-", 6) == 0;
}

void cf_plan_for(struct cf_plan *plan, const char *kind)
{
    for (size_t i = 0; strcmp(kind, "machine") == 0 && i < plan->count; i++)
        cf_running_kernel(plan->launches[i].machine, sizeof plan->launches[i].machine);
}

void cf_plan_release(struct cf_plan *plan)
{
    for (size_t i = 0; plan->launches != NULL && i < cf_launch_count; i++)
        free(plan->launches[i].rows);
    free(plan->launches);
    *plan = (struct cf_plan){0};
}

/* 100.64.0.0/10 and 2001:db8:cafe::/48 are the rows' own; nothing else in a lab uses them. */
static void pick_address(const char *nonce, char family, char *out, size_t size)
{
    unsigned char b[CF_NONCE_BYTES] = {0};
    cf_nonce_bytes(nonce, b);
    if (family == '4')
        snprintf(out, size, "100.%d.%d.%d", 64 + (b[0] & 63), b[1], 1 + b[2] % 254);
    else
        snprintf(out, size, "2001:db8:cafe:%x:%x:%x:%x:%x", b[0] << 8 | b[1] | 1,
                 b[2] << 8 | b[3] | 1, b[4] << 8 | b[5] | 1, b[6] << 8 | b[7] | 1,
                 b[8] << 8 | b[9] | 1);
}

void cf_plan_live_address(const char *nonce, char *out, size_t size)
{
    unsigned char b[CF_NONCE_BYTES] = {0};
    cf_nonce_bytes(nonce, b);
    snprintf(out, size, "192.0.2.%d", 1 + b[0] % 254);
}

/* Finds "KEY=" as a word of ATTEMPT; returns the value's start and length. */
static const char *find_value(const char *attempt, const char *key, size_t *length)
{
    size_t key_length = strlen(key);
    for (const char *at = strchr(attempt, ' '); at != NULL; at = strchr(at, ' ')) {
        at++;
        if (strncmp(at, key, key_length) == 0 && at[key_length] == '=') {
            *length = strcspn(at + key_length + 1, " ");
            return at + key_length + 1;
        }
    }
    return NULL;
}

bool cf_plan_value(const char *attempt, const char *key, const char *nonce, char *out, size_t size)
{
    size_t length = 0;
    const char *value = find_value(attempt, key, &length);
    if (value == NULL)
        return false;
    if (length == 2 && value[0] == '@')
        pick_address(nonce, value[1], out, size);
    else
        snprintf(out, size, "%.*s", (int)length, value);
    return true;
}

/* One word of an attempt, with @4 @6 @name and the lab's facts (@lo4_tcp …) filled in. */
static void write_word(FILE *out, const char *word, size_t length, const char *nonce, json_t *facts)
{
    const char *at = memchr(word, '@', length);
    if (at == NULL) {
        fprintf(out, " %.*s", (int)length, word);
        return;
    }
    char name[32], address[64];
    snprintf(name, sizeof name, "%.*s", (int)(word + length - at - 1), at + 1);
    fprintf(out, " %.*s", (int)(at - word), word);
    if (strcmp(name, "4") == 0 || strcmp(name, "6") == 0) {
        pick_address(nonce, name[0], address, sizeof address);
        fputs(address, out);
    } else if (strcmp(name, "name") == 0) {
        fprintf(out, "%s.canary.example", nonce);
    } else {
        fprintf(out, "%lld", (long long)json_integer_value(json_object_get(facts, name)));
    }
}

/* How long a technique may take; most end at once, some are slow by nature. */
static int deadline_ms(const char *attempt)
{
    static const char *const slow[] = {"burst ",    "getaddrinfo ",  "resolv-rewrite ",
                                       "sweep ",    "after-volume ", "after-requests ",
                                       "dns-bulk ", "stub-"};
    static const char *const machines[] = {"modules",        "vsock",   "first-namespaces", "ports",
                                           "firewall-flush", "devices", "machine-end",      "disk"};
    size_t word = strcspn(attempt, " ");
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++)
        if (strlen(machines[i]) == word && strncmp(attempt, machines[i], word) == 0)
            return 15000; /* programs of an emulated guest, one after the other */
    if (strncmp(attempt, "after-bombs ", 12) == 0)
        return 30000; /* ten thousand connections through whatever carries them */
    if (strncmp(attempt, "exec ", 5) == 0)
        return 20000; /* an interpreter may have to be read from a disk first */
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++)
        if (strncmp(attempt, slow[i], strlen(slow[i])) == 0)
            return 5000;
    return 1500;
}

/* A line for the guest's shell, one word of the plan: @addr, @name and @nonce filled in, everything
 * that is not printable, and blanks, as \\xHH. */
static void write_line(FILE *out, const char *line, const char *attempt, const char *nonce)
{
    char address[64] = "", name[64];
    snprintf(name, sizeof name, "%s.canary.example", nonce);
    cf_plan_value(attempt, "addr", nonce, address, sizeof address);
    const char *const tokens[][2] = {{"@addr", address}, {"@name", name}, {"@nonce", nonce}};
    fputs(" line=", out);
    while (*line != '\0') {
        size_t i = 0, count = sizeof tokens / sizeof tokens[0];
        while (i < count && strncmp(line, tokens[i][0], strlen(tokens[i][0])) != 0)
            i++;
        if (i < count) {
            fputs(tokens[i][1], out);
            line += strlen(tokens[i][0]);
            continue;
        }
        unsigned char byte = (unsigned char)*line++;
        if (byte > ' ' && byte < 0x7f && byte != '\\' && byte != '@')
            fputc(byte, out);
        else
            fprintf(out, "\\x%02x", byte);
    }
}

static void write_step(FILE *out, const struct cf_plan_row *planned, enum cf_leg leg, json_t *facts)
{
    const char *attempt = planned->row->attempt, *nonce = planned->nonce[leg];
    size_t technique = strcspn(attempt, " ");
    fprintf(out, "step %s %.*s %s %d", planned->row->id, (int)technique, attempt, nonce,
            deadline_ms(attempt));
    for (const char *at = attempt + technique; *at != '\0';) {
        at++;
        if (strncmp(at, "line=", 5) == 0) { /* it takes the rest */
            write_line(out, at + 5, attempt, nonce);
            break;
        }
        size_t length = strcspn(at, " ");
        write_word(out, at, length, nonce, facts);
        at += length;
    }
    fputc('\n', out);
}

static void write_live(FILE *out, const struct cf_plan_launch *launch, bool after)
{
    char address[64];
    const char *nonce = after ? launch->live_after : launch->live_before;
    cf_plan_live_address(nonce, address, sizeof address);
    if (after)
        fprintf(out, "live-after %s http://%s/\n", nonce, address);
    else
        fprintf(out, "live %s proxy-get http://%s/%s\n", nonce, address, nonce);
}

static void write_steps(FILE *out, const struct cf_plan_launch *launch, enum cf_leg leg,
                        json_t *facts)
{
    enum cf_scenario scenario = launch->launch->scenario;
    bool attempts = scenario == CF_PROBE || scenario == CF_OUTAGE;
    for (size_t i = 0; i < launch->count && attempts; i++)
        write_step(out, &launch->rows[i], leg, facts);
}

unsigned cf_plan_patience(const struct cf_plan_launch *launch)
{
    unsigned all = 0;
    if (launch->launch->scenario != CF_PROBE && launch->launch->scenario != CF_OUTAGE)
        return 0;
    for (size_t i = 0; i < launch->count; i++)
        all += (unsigned)deadline_ms(launch->rows[i].row->attempt);
    return cf_launch_kills(launch->launch) ? 2 * all : all;
}

void cf_plan_write(FILE *out, const struct cf_plan_launch *launch, enum cf_leg leg, json_t *facts)
{
    bool confined = leg == CF_SUBJECT, outage = launch->launch->scenario == CF_OUTAGE;
    bool late = strcmp(launch->launch->detail, "late") == 0;
    bool boot = strcmp(launch->launch->detail, "boot") == 0;
    bool burst = strcmp(launch->launch->detail, "burst") == 0;
    bool faulted = outage || launch->launch->scenario == CF_NEIGHBOUR;

    fprintf(out, "firma-probe-plan 1\ntoken %s\nleg %s\n", launch->token, cf_leg_name(leg));
    if (confined && cf_plan_is_roots(launch->launch))
        fputs("as-root\n", out);
    if (confined && launch->machine[0] != '\0')
        fprintf(out, "machine %s\n", launch->machine);
    /* A burst's point is the very first moment: its allowed request comes behind it. */
    if (confined && !burst)
        write_live(out, launch, false);
    /* Whether a killed subject's guest still gets to its attempt is a race; a guest that can leak
     * at all must be convicted however that ends. */
    if (cf_launch_kills(launch->launch))
        write_steps(out, launch, leg, facts);
    if (faulted)
        fputs("wait fault\n", out);
    if (late && confined)
        fprintf(out, "repeat %d %d\n", LATE_SECONDS, LATE_PERIOD_MS);
    if (boot && confined)
        fprintf(out, "repeat %d %d\n", BOOT_SECONDS, BOOT_PERIOD_MS);
    write_steps(out, launch, leg, facts);
    if ((late || boot) && confined)
        fputs("end\n", out);
    if (confined && burst)
        write_live(out, launch, false);
    if (outage)
        fputs("wait restored\n", out);
    if (confined)
        write_live(out, launch, true);
}

static json_t *row_json(const struct cf_plan_row *planned)
{
    char value[64];
    json_t *json = json_pack("{ssssss}", "id", planned->row->id, "control",
                             planned->nonce[CF_CONTROL], "attempt", planned->nonce[CF_SUBJECT]);
    if (cf_plan_value(planned->row->attempt, "addr", planned->nonce[CF_SUBJECT], value,
                      sizeof value) &&
        strncmp(planned->row->attempt, "lo ", 3) != 0) {
        json_object_set_new(json, "addr", json_string(value));
        if (cf_plan_value(planned->row->attempt, "port", planned->nonce[CF_SUBJECT], value,
                          sizeof value))
            json_object_set_new(json, "port", json_integer(strtol(value, NULL, 10)));
    }
    return json;
}

json_t *cf_plan_json(const struct cf_plan_launch *launch)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < launch->count; i++)
        json_array_append_new(rows, row_json(&launch->rows[i]));
    return json_pack("{ss so s{ss ss} ss}", "launch", launch->launch->name, "rows", rows, "live",
                     "before", launch->live_before, "after", launch->live_after, "fault",
                     launch->fault);
}
