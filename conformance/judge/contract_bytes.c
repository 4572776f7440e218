/*
 * contract_bytes.c - the canonical form: a parsed contract is rendered anew, keys in the table's
 * order, maps sorted by byte, two blanks of indentation, nothing at the end, and compared.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/contract_rules.h"

static void render(FILE *out, const json_t *value, const char *path, int depth);

static void indent(FILE *out, int depth)
{
    fprintf(out, "\n%*s", 2 * depth, "");
}

static void render_member(FILE *out, const json_t *object, const char *key, const char *path,
                          int depth, bool first)
{
    char below[128];
    json_t *name = json_string(key);
    char *quoted = json_dumps(name, JSON_ENCODE_ANY);
    snprintf(below, sizeof below, "%s%s%s", path, path[0] == '\0' ? "" : ".", key);
    fputs(first ? "" : ",", out);
    indent(out, depth + 1);
    fprintf(out, "%s: ", quoted);
    render(out, json_object_get(object, key), below, depth + 1);
    free(quoted);
    json_decref(name);
}

static int by_bytes(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void render_map(FILE *out, const json_t *object, const char *path, int depth)
{
    const char *keys[512], *key;
    json_t *value;
    size_t count = 0;
    json_object_foreach ((json_t *)object, key, value) {
        if (count < sizeof keys / sizeof keys[0])
            keys[count++] = key;
    }
    qsort(keys, count, sizeof keys[0], by_bytes);
    for (size_t i = 0; i < count; i++)
        render_member(out, object, keys[i], path, depth, i == 0);
}

static void render_object(FILE *out, const json_t *object, const char *path, int depth)
{
    const char *keys = cf_contract_keys(path);
    if (json_object_size(object) == 0) {
        fputs("{}", out);
        return;
    }
    fputc('{', out);
    if (keys == NULL || keys[0] == '\0')
        render_map(out, object, path, depth);
    for (const char *key = keys; key != NULL && *key != '\0';) {
        char name[64];
        size_t length = strcspn(key, " ");
        snprintf(name, sizeof name, "%.*s", (int)length, key);
        render_member(out, object, name, path, depth, key == keys);
        key += length + (key[length] == ' ');
    }
    indent(out, depth);
    fputc('}', out);
}

static void render_array(FILE *out, const json_t *array, const char *path, int depth)
{
    if (json_array_size(array) == 0) {
        fputs("[]", out);
        return;
    }
    fputc('[', out);
    for (size_t i = 0; i < json_array_size(array); i++) {
        fputs(i == 0 ? "" : ",", out);
        indent(out, depth + 1);
        render(out, json_array_get(array, i), path, depth + 1);
    }
    indent(out, depth);
    fputc(']', out);
}

static void render(FILE *out, const json_t *value, const char *path, int depth)
{
    if (json_is_object(value)) {
        render_object(out, value, path, depth);
    } else if (json_is_array(value)) {
        render_array(out, value, path, depth);
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        fputs(text == NULL ? "?" : text, out);
        free(text);
    }
}

const char *cf_contract_bytes_are_canonical(const json_t *record, char buffer[256])
{
    size_t length = 0, rendered_length = 0;
    char *bytes = cf_contract_bytes(record, &length), *rendered = NULL;
    json_t *contract = cf_contract_parse(record);
    FILE *out = open_memstream(&rendered, &rendered_length);
    if (contract != NULL && out != NULL)
        render(out, contract, "", 0);
    if (out != NULL)
        fclose(out);
    size_t same = 0;
    while (bytes != NULL && rendered != NULL && same < length && same < rendered_length &&
           bytes[same] == rendered[same])
        same++;
    bool equal = contract != NULL && length == rendered_length && same == length;
    snprintf(buffer, 256, "the contract's bytes leave the canonical form at byte %zu", same);
    json_decref(contract);
    free(bytes);
    free(rendered);
    return equal ? NULL : buffer;
}
