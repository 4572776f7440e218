/* verb_pass.c - what one program passes on to the next: digest, with-descriptors. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sha256.h"
#include "verbs.h"

static int by_bytes(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Count and digest of WORDS that begin with PREFIX, each with its NUL. */
static void put_digest(struct probe_text *text, const char *name, char **words, const char *prefix)
{
    struct probe_sha256 hash;
    char digest[PROBE_DIGEST_TEXT];
    long count = 0;
    probe_sha256_start(&hash);
    for (; *words != NULL; words++)
        if (strncmp(*words, prefix, strlen(prefix)) == 0) {
            probe_sha256_add(&hash, *words, strlen(*words) + 1);
            count++;
        }
    probe_sha256_text(&hash, digest);
    probe_put(text, "%s %ld %s\n", name, count, digest);
}

/* Too much to be printed: its digest. */
int probe_verb_digest(int argc, char **argv, char **envp)
{
    struct probe_text text = {0};
    size_t count = 0;
    (void)argc;
    while (envp[count] != NULL)
        count++;
    qsort(envp, count, sizeof *envp, by_bytes);
    put_digest(&text, "arguments", argv + 1, "");
    put_digest(&text, "environment", envp, "FIRMA_TEST_");
    return probe_write(STDOUT_FILENO, text.data, text.used) ? 0 : 74;
}

static bool leave_at(int fd, int number)
{
    return fd >= 0 && dup2(fd, number) == number && (fd == number || close(fd) == 0);
}

/* Executes the rest with descriptors that nobody closed: a folder, a file, a listening socket, and
 * one far up. */
int probe_verb_with_descriptors(int argc, char **argv, char **envp)
{
    struct rlimit files;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (argc < 2)
        return -1;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &files);
    if (listen(listener, 1) != 0 || !leave_at(listener, 11) ||
        !leave_at(open("/", O_RDONLY | O_DIRECTORY), 9) ||
        !leave_at(open("/dev/null", O_RDWR), 10) || !leave_at(open("/dev/null", O_RDWR), 2048))
        return 71;
    execve(argv[1], argv + 1, envp);
    return 126;
}
