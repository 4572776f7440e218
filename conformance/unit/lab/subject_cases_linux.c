/* subject_cases_linux.c - commands, survivors, the second user. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab_test.h"

/* The network capabilities and CAP_SETFCAP, and no way to more. */
static int capabilities(struct cf_lab *lab, void *context)
{
    char output[256];
    (void)context;
    CHECK(subject(lab, false, output, "whoami", NULL) == 0);
    CHECK_TEXT(output, "0 0 0000000080003c00 0000000080003c00");
    return 0;
}

static int second_user(struct cf_lab *lab, void *context)
{
    char output[256];
    (void)context;
    CHECK(subject(lab, true, output, "whoami", NULL) == 0);
    CHECK_TEXT(output, "1000 1000 0000000000000000 0000000000000000");
    CHECK(subject(lab, true, output, "look", "/lab/run/.", NULL) == 1);
    CHECK_TEXT(output, "EACCES");
    CHECK(subject(lab, true, output, "udp", "8.8.4.4", "53", "second", NULL) == 0);
    return 0;
}

static int runners_can_nest(struct cf_lab *lab, void *context)
{
    char output[256];
    (void)context;
    CHECK(subject(lab, false, output, "nest", NULL) == 0);
    CHECK(subject(lab, true, output, "nest", NULL) == 0);
    return 0;
}

static int survivors(struct cf_lab *lab, void *context)
{
    char output[256];
    (void)context;
    json_t *before = cf_lab_survivors(lab);
    CHECK(json_array_size(before) == 0);
    CHECK(subject(lab, false, output, "daemon", NULL) == 0);
    json_t *after = cf_lab_survivors(lab);
    CHECK(json_array_size(after) == 1);
    CHECK_TEXT(json_string_value(json_object_get(json_array_get(after, 0), "cmdline")),
               "/lab/bin/lab-subject daemon");
    pid_t pid = (pid_t)json_integer_value(json_object_get(json_array_get(after, 0), "pid"));
    CHECK(kill(pid, 0) == 0);
    cf_lab_clear(lab);
    json_t *cleared = cf_lab_survivors(lab);
    CHECK(json_array_size(cleared) == 0);
    json_decref(before);
    json_decref(after);
    json_decref(cleared);
    return 0;
}

static int wait_and_kill(struct cf_lab *lab, void *context)
{
    int pipes[2], status;
    char word[8] = "";
    pid_t pid;
    (void)context;
    CHECK(pipe2(pipes, O_CLOEXEC) == 0);
    CHECK(subject_start(lab, pipes[1], "stay", &pid) == 0);
    CHECK(read(pipes[0], word, sizeof word) == 6 && kill(pid, SIGUSR1) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    return 0;
}

static int missing_program(struct cf_lab *lab, void *context)
{
    const char *argv[] = {"/lab/bin/nothing", NULL};
    const struct cf_command command = {
        .argv = argv, .envp = argv + 1, .fds = {-1, -1, -1}, .extra_fd = -1};
    struct cf_error error = {0};
    pid_t pid;
    (void)context;
    CHECK(cf_lab_spawn(lab, &command, &pid, &error) == -CF_E_SYSTEM);
    CHECK(strstr(error.text, "/lab/bin/nothing: No such file") != NULL);
    return 0;
}

/* "$$ sid tty": a session of its own on its own terminal. */
static int terminal(struct cf_lab *lab, void *context)
{
    const char *argv[] = {"/bin/sh", "-c",
                          "read a b c d e f g h < /proc/self/stat; exec 3>/dev/tty;"
                          "echo tty:$g >&3",
                          NULL};
    const char *const envp[] = {"PATH=/usr/bin:/bin", NULL};
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), status;
    char output[64] = "";
    pid_t pid;
    (void)context;
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    const struct cf_command command = {.argv = argv,
                                       .envp = envp,
                                       .fds = {slave, slave, slave},
                                       .extra_fd = -1,
                                       .new_session = true};
    CHECK(slave >= 0 && cf_lab_spawn(lab, &command, &pid, NULL) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(read(master, output, sizeof output - 1) > 0);
    CHECK(strncmp(output, "tty:", 4) == 0 && strcmp(output + 4, "0\r\n") != 0);
    return 0;
}

const struct lab_case SUBJECT_CASES[] = {
    {"capabilities are the network's", capabilities, NULL, false, false},
    {"a second user", second_user, NULL, true, false},
    {"runners can nest", runners_can_nest, NULL, true, false},
    {"survivors are found and cleared", survivors, NULL, false, false},
    {"wait and kill work", wait_and_kill, NULL, false, false},
    {"a missing program is an error", missing_program, NULL, false, false},
    {"a terminal of its own", terminal, NULL, false, false},
    {NULL, NULL, NULL, false, false},
};
