/*
 * explain_legs.c - each leg with the events that belong to it.
 *
 * An event belongs to a leg when the judge cites it there, when it carries the leg's nonce (in
 * either lab: an attempt's nonce in the wrong place is what one looks for), or, for control and
 * attempt, when it stands in that leg's lab and names the row or goes to its destination. The
 * events the judge cites as violations are shown with the attempt.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "report/explain_private.h"
#include "report/scope.h"
#include "report/shown.h"
#include "report/text.h"

enum { VALUE_MAX = 96 };

/* What a leg's events are recognised by. */
struct search {
    const json_t *leg;
    const char *nonce;              /* "": none */
    const struct cf_needle *needle; /* NULL: none */
    const char *lab;                /* where the row's name and destination count; NULL: nowhere */
    bool violations;
};

static struct search search_for(const struct cf_explanation *explanation, const json_t *leg)
{
    const char *name = cf_shown_text(leg, "name");
    struct search search = {.leg = leg, .nonce = ""};
    if (strcmp(name, "control") == 0) {
        search.needle = explanation->control;
        search.nonce = cf_shown_text(explanation->plan, "control");
        search.lab = "control";
    } else if (strcmp(name, "attempt") == 0) {
        search.needle = explanation->attempt;
        search.nonce = cf_shown_text(explanation->plan, "attempt");
        search.lab = "subject";
        search.violations = true;
    } else if (strcmp(name, "live-before") == 0) {
        search.needle = explanation->before;
        search.nonce = cf_shown_text(explanation->live, "before");
    } else if (strcmp(name, "live-after") == 0) {
        search.needle = explanation->after;
        search.nonce = cf_shown_text(explanation->live, "after");
    }
    return search;
}

bool cf_explain_is_cited(const json_t *references, const char *file, json_int_t seq)
{
    size_t i;
    const json_t *reference;
    json_array_foreach (references, i, reference)
        if (strcmp(cf_shown_text(reference, "file"), file) == 0 &&
            cf_shown_number(reference, "seq") == seq)
            return true;
    return false;
}

static bool is_cited(const json_t *references, const json_t *record)
{
    return cf_explain_is_cited(references, cf_shown_text(record, "file"),
                               cf_shown_number(record, "seq"));
}

static bool continues(char character)
{
    return isalnum((unsigned char)character) || strchr(".-_", character) != NULL;
}

/* Whether WORD stands in LINE by itself: "by.tcp4" is not in "by.tcp4-late". */
static bool has_word(const char *line, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = line; length > 0 && (at = strstr(at, word)) != NULL; at++) {
        bool begins = at == line || !continues(at[-1]);
        if (begins && (at[length] == '\0' || !continues(at[length])))
            return true;
    }
    return false;
}

/* Whether RECORD's destination is the row's. A row without a port means every port. */
static bool goes_there(const struct cf_explanation *explanation, const json_t *record)
{
    const char *address = cf_shown_text(explanation->plan, "addr");
    const json_t *port = json_object_get(explanation->plan, "port");
    if (address[0] == '\0' || strcmp(cf_shown_text(record, "dst"), address) != 0)
        return false;
    return port == NULL || json_equal(port, json_object_get(record, "dport"));
}

static bool belongs(const struct cf_explanation *explanation, const struct search *search,
                    const json_t *record)
{
    if (is_cited(json_object_get(search->leg, "evidence"), record))
        return true;
    if (search->violations && is_cited(json_object_get(explanation->row, "violations"), record))
        return true;
    if (search->needle != NULL && cf_needle_in_json(search->needle, record))
        return true;
    if (search->lab == NULL || strcmp(cf_shown_text(record, "lab"), search->lab) != 0)
        return false;
    CF_AUTOFREE char *line = json_dumps(record, JSON_COMPACT);
    return goes_there(explanation, record) || (line != NULL && has_word(line, explanation->id));
}

static bool is_heading(const char *key)
{
    static const char *const keys[] = {"seq",   "t",      "t_start", "observer",
                                       "event", "launch", "lab",     "file"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

static void put_value(const struct cf_explanation *explanation, const char *key,
                      const json_t *value)
{
    fputs("  ", explanation->out);
    cf_explain_put(explanation, key);
    fputc('=', explanation->out);
    if (json_is_string(value)) {
        cf_text_fit(explanation->out, json_string_value(value), VALUE_MAX, false);
        return;
    }
    CF_AUTOFREE char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    cf_text_fit(explanation->out, text == NULL ? "?" : text, VALUE_MAX, false);
}

void cf_explain_fields(const struct cf_explanation *explanation, const json_t *record)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)record, key, value)
        if (!is_heading(key))
            put_value(explanation, key, value);
}

/* The log's own name: the record's `observer` may have been written by a guest. */
static void put_log(const struct cf_explanation *explanation, const json_t *record)
{
    const char *file = cf_shown_text(record, "file"), *slash = strrchr(file, '/');
    const char *base = slash == NULL ? file : slash + 1;
    char name[64];
    size_t length = strlen(base);
    length -= length > 6 && strcmp(base + length - 6, ".jsonl") == 0 ? 6 : 0;
    snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), base);
    cf_text_fit(explanation->out, name, 12, true);
}

static void put_event(const struct cf_explanation *explanation, const struct cf_log_line *line)
{
    const json_t *record = line->record;
    const char *lab = cf_shown_text(record, "lab"), *event = cf_shown_text(record, "event");
    bool told = strcmp(event, "command") == 0 || strcmp(event, "contract") == 0;
    json_int_t origin = cf_shown_number(explanation->origins, lab);
    /* Doubles: a time that a guest made up may be too far away for an integer's difference. */
    fprintf(explanation->out, "  %+12.3f ms  ", ((double)line->t - (double)origin) / 1e6);
    cf_text_fit(explanation->out, lab, 8, true);
    fputs(" ", explanation->out);
    put_log(explanation, record);
    fprintf(explanation->out, " #%-4lld ", (long long)cf_shown_number(record, "seq"));
    cf_explain_put(explanation, event);
    if (!told)
        cf_explain_fields(explanation, record);
    fputc('\n', explanation->out);
}

static void put_timeline(const struct cf_explanation *explanation, const struct search *search)
{
    size_t shown = 0;
    for (size_t i = 0; i < explanation->logs.count; i++) {
        const struct cf_log_line *line = &explanation->logs.lines[i];
        if (!belongs(explanation, search, line->record))
            continue;
        if (++shown <= CF_EXPLAIN_EVENTS_MAX)
            put_event(explanation, line);
    }
    if (shown > CF_EXPLAIN_EVENTS_MAX)
        fprintf(explanation->out, "  … %zu more in events.jsonl\n", shown - CF_EXPLAIN_EVENTS_MAX);
    if (shown == 0)
        fputs("  no event\n", explanation->out);
}

static void put_destination(const struct cf_explanation *explanation)
{
    const char *address = cf_shown_text(explanation->plan, "addr");
    const json_t *port = json_object_get(explanation->plan, "port");
    if (address[0] == '\0')
        return;
    fputs("  destination ", explanation->out);
    cf_explain_put(explanation, address);
    if (json_is_integer(port))
        fprintf(explanation->out, " port %lld", (long long)json_integer_value(port));
    fputc('\n', explanation->out);
}

static void put_citations(const struct cf_explanation *explanation, const json_t *leg)
{
    size_t i;
    const json_t *reference;
    json_array_foreach (json_object_get(leg, "evidence"), i, reference) {
        fputs(i == 0 ? "  evidence " : ", ", explanation->out);
        cf_explain_put(explanation, cf_shown_text(reference, "file"));
        fprintf(explanation->out, " #%lld", (long long)cf_shown_number(reference, "seq"));
    }
    if (i > 0)
        fputc('\n', explanation->out);
}

static void put_leg(const struct cf_explanation *explanation, const json_t *leg)
{
    struct search search = search_for(explanation, leg);
    fputs("\nleg ", explanation->out);
    cf_explain_put(explanation, cf_shown_text(leg, "name"));
    fputs(json_is_true(json_object_get(leg, "ok")) ? ": ok: " : ": MISSING: ", explanation->out);
    cf_explain_put(explanation, cf_shown_text(leg, "detail"));
    fputc('\n', explanation->out);
    if (search.nonce[0] != '\0') {
        fputs("  nonce ", explanation->out);
        cf_explain_put(explanation, search.nonce);
        fputc('\n', explanation->out);
    }
    if (search.lab != NULL)
        put_destination(explanation);
    put_citations(explanation, leg);
    if (strcmp(cf_shown_text(leg, "name"), "health") == 0)
        cf_explain_health(explanation);
    else
        put_timeline(explanation, &search);
}

void cf_explain_legs(const struct cf_explanation *explanation)
{
    size_t i;
    const json_t *leg;
    json_array_foreach (json_object_get(explanation->row, "legs"), i, leg)
        put_leg(explanation, leg);
}
