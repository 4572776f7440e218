/*
 * Runs a fuzz target over files instead of under a fuzzer: every file of the folders named, each in
 * turn. Prints how many; no file at all is a failure, because then nothing was tried.
 */
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

enum { INPUT_MAX = 64 * 1024 };

/* The exact size on the heap, so that the sanitizer sees a read beyond the end. */
static bool replay_file(const char *path)
{
    static uint8_t bytes[INPUT_MAX];
    FILE *in = fopen(path, "rbe");
    if (in == NULL)
        return false;
    size_t size = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL)
        return false;
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return true;
}

static bool replay_folder(const char *folder, unsigned *count)
{
    DIR *entries = opendir(folder);
    bool good = entries != NULL;
    for (struct dirent *entry; good && (entry = readdir(entries)) != NULL;) {
        char path[PATH_MAX];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (stat(path, &info) < 0 || !S_ISREG(info.st_mode))
            continue;
        good = replay_file(path);
        if (!good)
            fprintf(stderr, "%s: cannot be read\n", path);
        ++*count;
    }
    if (entries != NULL)
        closedir(entries);
    return good;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    for (int i = 1; i < argc; i++)
        if (!replay_folder(argv[i], &count))
            return 1;
    fprintf(stderr, "%u inputs\n", count); /* a target may have replaced standard output */
    return count > 0 ? 0 : 1;
}
