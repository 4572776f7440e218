#include "report/shown.h"

#include <stdio.h>
#include <string.h>

#include "register/register.h"
#include "report/scope.h"
#include "report/text.h"

static const char *const words[CF_SHOWN_COUNT] = {"PASS", "FAIL", "INCONCLUSIVE", "NOT_APPLICABLE"};

const char *cf_shown_word(enum cf_shown verdict)
{
    return words[verdict];
}

const char *cf_shown_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

json_int_t cf_shown_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

enum cf_shown cf_shown_verdict(const json_t *row)
{
    const char *word = cf_shown_text(row, "verdict");
    for (int i = 0; i < CF_SHOWN_COUNT; i++)
        if (strcmp(word, words[i]) == 0)
            return (enum cf_shown)i;
    return CF_SHOWN_INCONCLUSIVE;
}

static json_t *clean_string(const json_t *string)
{
    const char *text = json_string_value(string);
    size_t length = json_string_length(string), used = 0;
    CF_AUTOFREE char *copy = malloc(4 * length + 1);
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < length;) {
        uint32_t point = 0;
        size_t taken = cf_text_utf8(text + i, &point); /* jansson's strings end with a NUL */
        if (taken == 0 || point == 0) {
            used += (size_t)snprintf(copy + used, 5, "\\x%02x", (unsigned char)text[i]);
            i++;
            continue;
        }
        memcpy(copy + used, text + i, taken);
        used += taken;
        i += taken;
    }
    return json_stringn(copy, used);
}

/* Replaces every string within VALUE, which is ours alone; jansson's limit bounds the depth. */
static int clean_within(json_t *value)
{
    const char *key;
    void *next;
    json_t *item;
    size_t i;
    json_object_foreach_safe(value, next, key, item)
    {
        json_t *clean = json_is_string(item) ? clean_string(item) : NULL;
        if (json_is_string(item) ? json_object_set_new(value, key, clean) != 0
                                 : clean_within(item) != 0)
            return -1;
    }
    json_array_foreach (value, i, item) {
        json_t *clean = json_is_string(item) ? clean_string(item) : NULL;
        if (json_is_string(item) ? json_array_set_new(value, i, clean) != 0
                                 : clean_within(item) != 0)
            return -1;
    }
    return 0;
}

int cf_shown_clean(json_t **out, const json_t *result, struct cf_error *err)
{
    if (!json_is_object(result) || !json_is_array(json_object_get(result, "rows")))
        return cf_fail(err, CF_E_BUNDLE, 0, "the result is not an object with an array `rows`");
    json_t *copy = json_deep_copy(result);
    if (copy == NULL || clean_within(copy) != 0) {
        json_decref(copy);
        return cf_fail(err, CF_E_BUNDLE, 0, "the result cannot be copied");
    }
    *out = copy;
    return 0;
}

/* The rows of GROUPS' entry NAME, which is made when it is missing. Borrowed. */
static json_t *group_rows(json_t *groups, const char *name)
{
    size_t i;
    json_t *group;
    json_array_foreach (groups, i, group)
        if (strcmp(cf_shown_text(group, "name"), name) == 0)
            return json_object_get(group, "rows");
    group = json_pack("{s:s, s:[]}", "name", name, "rows");
    return json_array_append_new(groups, group) == 0 ? json_object_get(group, "rows") : NULL;
}

static void drop_empty(json_t *groups)
{
    for (size_t i = json_array_size(groups); i-- > 0;)
        if (json_array_size(json_object_get(json_array_get(groups, i), "rows")) == 0)
            json_array_remove(groups, i);
}

json_t *cf_shown_groups(const json_t *result)
{
    static const char *const known[] = {
#define X(name) #name,
        CF_INVARIANTS(X)
#undef X
    };
    json_t *groups = json_array(), *row;
    size_t i;
    for (i = 0; i < CF_INVARIANT_COUNT; i++)
        group_rows(groups, known[i]);
    json_array_foreach (json_object_get(result, "rows"), i, row) {
        if (json_array_append(group_rows(groups, cf_shown_text(row, "invariant")), row) != 0) {
            json_decref(groups);
            return NULL;
        }
    }
    drop_empty(groups);
    return groups;
}

void cf_shown_count(const json_t *rows, size_t counts[CF_SHOWN_COUNT])
{
    memset(counts, 0, CF_SHOWN_COUNT * sizeof counts[0]);
    size_t i;
    const json_t *row;
    json_array_foreach (rows, i, row)
        counts[cf_shown_verdict(row)]++;
}

/* A result without an exit status is a harness error, not a success. */
static size_t outcome(const json_t *result)
{
    const json_t *exit = json_object_get(result, "exit");
    json_int_t status = json_integer_value(exit);
    return json_is_integer(exit) && status >= 0 && status <= 2 ? (size_t)status : 3;
}

const char *cf_shown_headline(const json_t *result)
{
    static const char *const headlines[] = {"PASS", "FAIL", "INCONCLUSIVE", "HARNESS ERROR"};
    return headlines[outcome(result)];
}

const char *cf_shown_meaning(const json_t *result)
{
    static const char *const meanings[] = {
        "every planned row that applies passed",
        "at least one row failed, with evidence",
        "no row failed, but the run does not show what it set out to show",
        "the run could not be carried out",
    };
    return meanings[outcome(result)];
}
