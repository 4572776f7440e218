/* explain_command.c - what was started, in a form that can be pasted, and with which contract. */
#include <string.h>

#include "report/explain_private.h"
#include "report/result.h"
#include "report/shell.h"

static void put_words(FILE *out, const json_t *words, const char *before)
{
    size_t i;
    const json_t *word;
    json_array_foreach (words, i, word) {
        fputs(before, out);
        cf_shell_put(out, json_is_string(word) ? json_string_value(word) : "");
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
    json_auto_t *copy = json_string(cf_result_text(record, "text"));
    char *rest = (char *)json_string_value(copy);
    for (char *line; rest != NULL && (line = strsep(&rest, "\n")) != NULL;) {
        fputs("  ", explanation->out);
        cf_explain_put(explanation, line);
        fputc('\n', explanation->out);
    }
}

static void put_each(const struct cf_explanation *explanation, const char *event, const char *lab,
                     void (*put)(const struct cf_explanation *, const json_t *))
{
    for (size_t i = 0; i < explanation->logs.count; i++) {
        const json_t *record = explanation->logs.lines[i].record;
        if (!cf_explain_concerns(explanation, record, event, lab))
            continue;
        fprintf(explanation->out, "\n%s (%s lab, ", event, lab);
        cf_explain_put(explanation, cf_result_text(record, "file"));
        fprintf(explanation->out, " #%lld)\n", (long long)cf_result_number(record, "seq"));
        put(explanation, record);
    }
}

void cf_explain_commands(const struct cf_explanation *explanation)
{
    put_each(explanation, "command", "control", put_command);
    put_each(explanation, "contract", "control", put_contract);
    put_each(explanation, "command", "subject", put_command);
    put_each(explanation, "contract", "subject", put_contract);
}
