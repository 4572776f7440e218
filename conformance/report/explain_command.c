/* explain_command.c - what was started, in a form that can be pasted, and with which contract. */
#include <string.h>

#include "base/escape.h"
#include "report/explain_private.h"
#include "report/scope.h"
#include "report/shell.h"
#include "report/shown.h"

enum { OWN_MAX = 8, SHARED_MAX = 2 };

/* What TEXT was before the harness escaped it: a new string, NULL when memory is short. */
static char *original(const char *text)
{
    size_t length = 0;
    char *plain = (char *)cf_unescape(text, &length);
    return plain != NULL ? plain : strdup(text);
}

static void put_words(FILE *out, const json_t *words, const char *before)
{
    size_t i;
    const json_t *word;
    json_array_foreach (words, i, word) {
        CF_AUTOFREE char *plain = original(json_is_string(word) ? json_string_value(word) : "");
        fputs(before, out);
        cf_shell_put(out, plain == NULL ? "" : plain);
    }
}

static void put_command(const struct cf_explanation *explanation, const json_t *record)
{
    FILE *out = explanation->out;
    fputs("  env -i", out);
    put_words(out, json_object_get(record, "env"), " \\\n      ");
    fputs(" \\\n   ", out);
    put_words(out, json_object_get(record, "argv"), " ");
    fputc('\n', out);
}

/* TEXT line by line, each made harmless and indented. */
static void put_contract(const struct cf_explanation *explanation, const json_t *record)
{
    CF_AUTOFREE char *text = original(cf_shown_text(record, "text"));
    char *rest = text;
    for (char *line; rest != NULL && (line = strsep(&rest, "\n")) != NULL;) {
        fputs("  ", explanation->out);
        cf_explain_put(explanation, line);
        fputc('\n', explanation->out);
    }
}

static void put_one(const struct cf_explanation *explanation, size_t i)
{
    const json_t *record = explanation->logs.lines[i].record;
    const char *event = cf_shown_text(record, "event");
    fprintf(explanation->out, "\n%s (", event);
    cf_explain_put(explanation, cf_shown_text(record, "file"));
    fprintf(explanation->out, " #%lld)\n", (long long)cf_shown_number(record, "seq"));
    if (strcmp(event, "command") == 0)
        put_command(explanation, record);
    else
        put_contract(explanation, record);
}

/* Shows what was done for OWNER, at most LIMIT times; returns how often that was. */
static size_t put_owned(const struct cf_explanation *explanation, const char *event,
                        const char *lab, const char *owner, size_t limit)
{
    size_t found = 0;
    for (size_t i = cf_explain_next(explanation, 0, event, lab); i < explanation->logs.count;
         i = cf_explain_next(explanation, i + 1, event, lab))
        if (strcmp(cf_explain_owner(explanation, i), owner) == 0 && found++ < limit)
            put_one(explanation, i);
    return found;
}

/* The row's own, or, when the launch has one for all of its rows, that. */
static void put_each(const struct cf_explanation *explanation, const char *event, const char *lab)
{
    if (put_owned(explanation, event, lab, explanation->id, OWN_MAX) > 0)
        return;
    size_t shared = put_owned(explanation, event, lab, "", SHARED_MAX);
    if (shared > SHARED_MAX)
        fprintf(explanation->out, "\n%zu more %s events in the %s lab, none names this row\n",
                shared - SHARED_MAX, event, lab);
}

void cf_explain_commands(const struct cf_explanation *explanation)
{
    put_each(explanation, "command", "control");
    put_each(explanation, "contract", "control");
    put_each(explanation, "command", "subject");
    put_each(explanation, "contract", "subject");
}
