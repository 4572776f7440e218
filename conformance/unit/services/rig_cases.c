/* rig_cases.c - cases as files: fixtures/DIR/LIST names each one and says what becomes of it. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *open_fixture(const char *dir, const char *name)
{
    char path[1024];
    const char *root = getenv("FIRMA_FIXTURES");
    snprintf(path, sizeof path, "%s/%s/%s", root != NULL ? root : "fixtures", dir, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    return file;
}

void cf_each_case(const char *dir, const char *list,
                  void (*judge)(const char *name, const char *data, size_t size,
                                const char *expected))
{
    char line[1024];
    unsigned cases = 0;
    char *data = malloc(CF_RIG_TEXT);
    FILE *names = open_fixture(dir, list);
    while (fgets(line, sizeof line, names) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *expected = strchr(line, ' ');
        if (line[0] == '#' || expected == NULL)
            continue;
        *expected++ = '\0';
        FILE *file = open_fixture(dir, line);
        size_t size = fread(data, 1, CF_RIG_TEXT, file);
        fclose(file);
        judge(line, data, size, expected);
        cases++;
    }
    fclose(names);
    free(data);
    assert_true(cases > 0);
}

void cf_same_text(const char *name, const char *got, const char *expected)
{
    if (strcmp(got, expected) != 0)
        fail_msg("%s: expected \"%s\", got \"%s\"", name, expected, got);
}
