/*
 * An observer's log, as the judge reads it back: from a bundle that has nothing else, so that no
 * log, however it is written, may ever show anything.
 */
#include "fuzz.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "judge/judge.h"

static char root[256];

static void write_file(const char *name, const void *bytes, size_t size)
{
    char path[320];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *out = fopen(path, "wbe");
    FUZZ_MUST(out != NULL && fwrite(bytes, 1, size, out) == size);
    FUZZ_MUST(fclose(out) == 0);
}

static void make_folder(const char *name)
{
    char path[320];
    snprintf(path, sizeof path, "%s%s", root, name);
    FUZZ_MUST(mkdir(path, 0700) == 0);
}

static void remove_all(void)
{
    static const char *const names[] = {"/launches/net/subject/harness.jsonl",
                                        "/launches/net/launch.json",
                                        "/launches/net/subject",
                                        "/launches/net/control",
                                        "/launches/net",
                                        "/launches",
                                        ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[320];
        snprintf(path, sizeof path, "%s%s", root, names[i]);
        (void)remove(path);
    }
}

static void set_up(void)
{
    static const char launch[] = "{\"rows\":[{\"id\":\"by.tcp4\",\"attempt\":\"aa\"}],"
                                 "\"legs\":{\"control\":{\"status\":0},"
                                 "\"subject\":{\"status\":0}},\"files\":{}}";
    const char *place = getenv("TMPDIR");
    int length =
        snprintf(root, sizeof root, "%s/firma-fuzz-XXXXXX", place == NULL ? "/tmp" : place);
    FUZZ_MUST(length < (int)sizeof root && mkdtemp(root) != NULL);
    atexit(remove_all);
    make_folder("/launches");
    make_folder("/launches/net");
    make_folder("/launches/net/control");
    make_folder("/launches/net/subject");
    write_file("launches/net/launch.json", launch, sizeof launch - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cf_expected expected = {NULL, NULL, NULL, NULL};
    struct cf_evidence evidence;
    struct cf_error err = {0};
    if (root[0] == '\0')
        set_up();
    write_file("launches/net/subject/harness.jsonl", data, size);
    FUZZ_MUST(cf_evidence_load(&evidence, root, "net", &expected, &err) == 0);
    json_t *result = cf_judge_row(&evidence, cf_row_find("by.tcp4"));
    const char *verdict = json_string_value(json_object_get(result, "verdict"));
    FUZZ_MUST(verdict != NULL && strcmp(verdict, "PASS") != 0);
    json_decref(result);
    cf_evidence_release(&evidence);
    return 0;
}
