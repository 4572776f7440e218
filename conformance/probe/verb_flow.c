/* verb_flow.c - how bytes flow: tail, fast, pressure, prompt. */
#include <string.h>
#include <unistd.h>

#include "verbs.h"

enum { BLOCK = 1 << 20 };

/* A last line without an end. */
int probe_verb_tail(int argc, char **argv, char **envp)
{
    static const char text[] = "a whole line\nand one without an end";
    (void)argv, (void)envp;
    if (argc != 1)
        return -1;
    return probe_write(STDOUT_FILENO, text, sizeof text - 1) ? 0 : 74;
}

/* Both streams and the end, with nothing between. */
int probe_verb_fast(int argc, char **argv, char **envp)
{
    (void)envp;
    long status = 0;
    if (argc != 2 || !probe_number(argv[1], 0, 255, &status))
        return -1;
    probe_write(STDOUT_FILENO, "out", 3);
    probe_write(STDERR_FILENO, "err", 3);
    _exit((int)status);
}

/* Block after block, and for each one that was taken a dot on standard error. */
int probe_verb_pressure(int argc, char **argv, char **envp)
{
    (void)envp;
    static unsigned char block[BLOCK];
    long blocks = 0;
    if (argc != 2 || !probe_number(argv[1], 1, 1L << 20, &blocks))
        return -1;
    probe_write(STDOUT_FILENO, "ready\n", 6);
    for (long i = 0; i < blocks; i++) {
        for (long at = 0; at < BLOCK; at++)
            block[at] = (unsigned char)(at * 7 + i);
        if (!probe_write(STDOUT_FILENO, block, BLOCK) || !probe_write(STDERR_FILENO, ".", 1))
            return 74;
    }
    return 0;
}

/* A question without a line's end, one line for an answer. */
int probe_verb_prompt(int argc, char **argv, char **envp)
{
    (void)argv, (void)envp;
    struct probe_text text = {0};
    char answer[64] = "";
    size_t used = 0;
    if (argc != 1 || !probe_write(STDOUT_FILENO, "name? ", 6))
        return -1;
    while (used < sizeof answer - 1 && read(STDIN_FILENO, answer + used, 1) == 1 &&
           answer[used] != '\n')
        used++;
    answer[used] = '\0';
    probe_put(&text, "hello %s\n", answer);
    return probe_write(STDOUT_FILENO, text.data, text.used) ? 0 : 74;
}
