/* verb_tree.c - processes that are left behind: orphan, zombies. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verbs.h"

enum { PATIENCE_MS = 10000, LOOK_MS = 20, AT_ONCE = 100 };

/* A child in a session of its own keeps the streams, ignores what would end it, and stays. */
int probe_verb_orphan(int argc, char **argv, char **envp)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGPIPE};
    (void)argv, (void)envp;
    pid_t child = argc == 1 ? fork() : -1;
    if (child < 0)
        return -1;
    if (child > 0)
        return probe_write(STDOUT_FILENO, "left one\n", 9) ? 0 : 74;
    setsid();
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    for (;;)
        pause();
}

static bool is_zombie(const char *pid)
{
    char path[300], line[512] = "";
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, line, sizeof line - 1) < 0)
            line[0] = '\0';
        close(fd);
    }
    const char *name_ends = strrchr(line, ')');
    return name_ends != NULL && name_ends[1] == ' ' && name_ends[2] == 'Z';
}

static long count_zombies(void)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    long count = 0;
    while (proc != NULL && (entry = readdir(proc)) != NULL)
        count += isdigit((unsigned char)entry->d_name[0]) && is_zombie(entry->d_name);
    if (proc == NULL)
        return -1;
    closedir(proc);
    return count;
}

/* Children of a child that is gone: whoever inherits them has to reap them. */
static bool leave_orphans(long count)
{
    pid_t child = fork();
    if (child == 0) {
        for (long i = 0; i < count; i++)
            if (fork() == 0)
                _exit(0);
        _exit(0);
    }
    return child > 0 && waitpid(child, NULL, 0) == child;
}

/* Prints how many zombies stay once all are dead. */
int probe_verb_zombies(int argc, char **argv, char **envp)
{
    (void)envp;
    long count = 0, left = -1;
    if (argc != 2 || !probe_number(argv[1], 1, 1000000, &count))
        return -1;
    for (long done = 0; done < count; done += AT_ONCE)
        if (!leave_orphans(count - done < AT_ONCE ? count - done : AT_ONCE))
            return 71;
    uint64_t deadline = probe_now() + PATIENCE_MS * 1000000ull;
    while ((left = count_zombies()) > 0 && probe_now() < deadline)
        poll(NULL, 0, LOOK_MS);
    printf("zombies %ld\n", left);
    return fflush(stdout) == 0 ? 0 : 74;
}
