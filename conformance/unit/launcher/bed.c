#include "bed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/remove_tree.h"

static void must(bool condition, const char *what)
{
    if (!condition) {
        perror(what);
        abort();
    }
}

static void *serve(void *argument)
{
    int listener = *(int *)argument;
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd)) {
        char request[1024];
        if (recv(fd, request, sizeof request, 0) > 0)
            send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
    }
    return NULL;
}

static void open_sidecar(struct bed *bed)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof name;
    char address[64];
    bed->sidecar = socket(AF_INET, SOCK_STREAM, 0);
    fcntl(bed->sidecar, F_SETFD, FD_CLOEXEC);
    must(bind(bed->sidecar, (struct sockaddr *)&name, length) == 0 &&
             listen(bed->sidecar, 64) == 0 &&
             getsockname(bed->sidecar, (struct sockaddr *)&name, &length) == 0,
         "sidecar");
    snprintf(address, sizeof address, "tcp://127.0.0.1:%u", ntohs(name.sin_port));
    bed_set(bed, "FIRMA_RUN_SIDECAR", address);
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all); /* a signal for the process must not pick this thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    must(pthread_create(&thread, NULL, serve, &bed->sidecar) == 0, "thread");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    bed->thread = (unsigned long)thread;
}

static void copy_file(const char *from, const char *to, mode_t mode)
{
    char block[16384];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    must(in >= 0 && out >= 0, from);
    for (ssize_t got; (got = read(in, block, sizeof block)) > 0;)
        must(write(out, block, (size_t)got) == got, to);
    fchmod(out, mode);
    close(in);
    close(out);
}

void bed_set(struct bed *bed, const char *name, const char *value)
{
    size_t length = strlen(name);
    size_t at = 0;
    while (bed->environment[at] != NULL && !(strncmp(bed->environment[at], name, length) == 0 &&
                                             bed->environment[at][length] == '='))
        at++;
    must(at < BED_VARIABLES, "too many variables");
    if (bed->environment[at] != NULL) {
        free(bed->environment[at]);
        size_t last = at;
        while (bed->environment[last + 1] != NULL)
            last++;
        bed->environment[at] = bed->environment[last];
        bed->environment[last] = NULL;
        at = last;
    }
    if (value != NULL)
        must(asprintf(&bed->environment[at], "%s=%s", name, value) > 0, "memory");
}

void bed_write(const struct bed *bed, const char *name, const char *text, mode_t mode)
{
    char path[600];
    snprintf(path, sizeof path, "%s/art/%s", bed->root, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
    fchmod(fd, mode);
    close(fd);
}

static void set_artifact(struct bed *bed, const char *variable, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/art/%s", bed->root, name);
    bed_set(bed, variable, path);
}

static void set_environment(struct bed *bed)
{
    bed_set(bed, "PATH", "/usr/local/bin:/usr/bin:/bin");
    bed_set(bed, "USER", "tester");
    bed_set(bed, "FIRMA_RUN_VZ_GUEST", "1");
    set_artifact(bed, "FIRMA_RUN_VZ_GUEST_RUNNER", "runner");
    set_artifact(bed, "FIRMA_RUN_VZ_GUEST_KERNEL", "kernel");
    set_artifact(bed, "FIRMA_RUN_VZ_GUEST_INITRD", "initrd");
    set_artifact(bed, "FIRMA_RUN_VZ_GUEST_ROOTFS", "rootfs");
    const char *sanitizer = getenv("ASAN_OPTIONS");
    if (sanitizer != NULL)
        bed_set(bed, "ASAN_OPTIONS", sanitizer);
}

void bed_open(struct bed *bed)
{
    char path[600];
    memset(bed, 0, sizeof *bed);
    snprintf(bed->root, sizeof bed->root, "/tmp/firma-bed-XXXXXX");
    must(mkdtemp(bed->root) != NULL, "mkdtemp");
    snprintf(path, sizeof path, "%s/art", bed->root);
    mkdir(path, 0755);
    snprintf(bed->cwd, sizeof bed->cwd, "%s/cwd", bed->root);
    mkdir(bed->cwd, 0755);
    snprintf(bed->runtime, sizeof bed->runtime, "%s/run", bed->root);
    snprintf(bed->runner, sizeof bed->runner, "%s/art/runner", bed->root);
    snprintf(bed->unit_command, sizeof bed->unit_command, "%s/unit_command", bed->root);
    snprintf(bed->firma_run, sizeof bed->firma_run, "%s/firma-run",
             getenv("FIRMA_BIN") != NULL ? getenv("FIRMA_BIN") : "build/dev/bin");
    bed_write(bed, "kernel", "k", 0644);
    bed_write(bed, "initrd", "i", 0644);
    bed_write(bed, "rootfs", "r", 0644);
    copy_file(UNIT_RUNNER, bed->runner, 0755);
    copy_file(UNIT_COMMAND, bed->unit_command, 0755);
    set_environment(bed);
    open_sidecar(bed);
}

void bed_close(struct bed *bed)
{
    shutdown(bed->sidecar, SHUT_RDWR);
    pthread_join((pthread_t)bed->thread, NULL);
    close(bed->sidecar);
    firma_remove_tree(AT_FDCWD, bed->root);
    for (size_t i = 0; bed->environment[i] != NULL; i++)
        free(bed->environment[i]);
}

int bed_setup(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);
    bed_open(bed);
    *state = bed;
    return 0;
}

int bed_teardown(void **state)
{
    bed_close(*state);
    free(*state);
    return 0;
}

bool bed_is_clean(const struct bed *bed)
{
    return access(bed->runtime, F_OK) < 0 || rmdir(bed->runtime) == 0;
}

void bed_argv(const struct bed *bed, const char *const *words, char *argv[BED_ARGV])
{
    const char *first[] = {bed->firma_run, "--runtime-dir", bed->runtime, "--cwd",
                           bed->cwd,       "--status-fd",   "9"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        argv[count++] = (char *)first[i];
    for (size_t i = 0; words[i] != NULL; i++) {
        must(count + 1 < BED_ARGV, "too many words");
        argv[count++] = (char *)words[i];
    }
    argv[count] = NULL;
}

static void make_pipe(int ends[2])
{
    must(pipe(ends) == 0, "pipe");
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
}

void bed_place(int from, int to)
{
    if (from == to)
        fcntl(to, F_SETFD, 0);
    else
        dup2(from, to);
}

void bed_start(const struct bed *bed, struct bed_run *run, const char *const *words)
{
    char *argv[BED_ARGV];
    int in[2], out[2], err[2], status[2];
    bed_argv(bed, words, argv);
    make_pipe(in);
    make_pipe(out);
    make_pipe(err);
    make_pipe(status);
    fflush(NULL);
    run->pid = fork();
    if (run->pid == 0) {
        bed_place(in[0], 0);
        bed_place(out[1], 1);
        bed_place(err[1], 2);
        bed_place(status[1], BED_STATUS_FD);
        execve(bed->firma_run, argv, bed->environment);
        _exit(99);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    close(status[1]);
    run->in = in[1];
    run->out = out[0];
    run->err = err[0];
    run->status = status[0];
}

bool bed_line(int fd, char *line, size_t size)
{
    size_t used = 0;
    for (char byte; read(fd, &byte, 1) == 1 && byte != '\n';) {
        if (used + 1 < size)
            line[used++] = byte;
    }
    line[used] = '\0';
    return used > 0;
}

size_t bed_rest(int fd, char *text, size_t size)
{
    size_t used = 0;
    for (ssize_t got; used + 1 < size && (got = read(fd, text + used, size - 1 - used)) != 0;) {
        if (got < 0 && errno != EINTR)
            break;
        used += got > 0 ? (size_t)got : 0;
    }
    text[used] = '\0';
    return used;
}

static int decode(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int bed_wait(struct bed_run *run)
{
    int status = -1;
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
        ;
    int *fds[] = {&run->in, &run->out, &run->err, &run->status};
    for (size_t i = 0; i < 4; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
    return decode(status);
}

int bed_run(const struct bed *bed, const char *const *words, char out[4096], char err[4096])
{
    char ignored[4096];
    struct bed_run run;
    bed_start(bed, &run, words);
    close(run.in);
    run.in = -1;
    bed_rest(run.out, out != NULL ? out : ignored, 4096);
    bed_rest(run.err, err != NULL ? err : ignored, 4096);
    return bed_wait(&run);
}

void bed_reap_all(void)
{
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
}
