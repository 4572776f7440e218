/* subject_linux.c - lab-subject: the small deeds the lab's tests have done from inside a subject.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(void)
{
    printf("%s\n", strerrorname_np(errno));
    return 1;
}

/* tcp|udp ADDRESS PORT TEXT: sends TEXT; of a stream, prints the first line that comes back. */
static int send_text(char **argv, int type)
{
    struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *to;
    char answer[256] = "";
    if (getaddrinfo(argv[0], argv[1], &hints, &to) != 0)
        return 2;
    int fd = socket(to->ai_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen) != 0 ||
        send(fd, argv[2], strlen(argv[2]), MSG_NOSIGNAL) < 0)
        return fail();
    freeaddrinfo(to);
    if (type == SOCK_STREAM && recv(fd, answer, sizeof answer - 1, 0) >= 0)
        printf("%.*s\n", (int)strcspn(answer, "\r\n"), answer);
    return 0;
}

/* request ADDRESS PORT URL: a GET through a proxy. */
static int request(char **argv)
{
    char text[512];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", argv[2]);
    char *arguments[] = {argv[0], argv[1], text};
    return send_text(arguments, SOCK_STREAM);
}

static int resolve(char **argv)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    char text[64];
    int result = getaddrinfo(argv[0], NULL, &hints, &found);
    if (result != 0) {
        printf("%s\n", gai_strerror(result));
        return 1;
    }
    getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    printf("%s\n", text);
    freeaddrinfo(found);
    return 0;
}

static int write_file(char **argv)
{
    int fd = open(argv[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return fd < 0 ? fail() : close(fd);
}

static int remount(char **argv)
{
    return mount(NULL, argv[0], NULL, MS_REMOUNT | MS_BIND, NULL) != 0 ? fail() : 0;
}

static int uncover(char **argv)
{
    return umount2(argv[0], MNT_DETACH) != 0 ? fail() : 0;
}

static int look(char **argv)
{
    return access(argv[0], F_OK) != 0 ? fail() : 0;
}

static int vsock(char **argv)
{
    (void)argv;
    return socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 ? fail() : 0;
}

static int trace(char **argv)
{
    return ptrace(PTRACE_ATTACH, atoi(argv[0]), NULL, NULL) != 0 ? fail() : 0;
}

/* Its own user namespace, as a runner would make one, and again the undoing of mounts. */
static int nested(char **argv)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return fail();
    return strcmp(argv[0], "uncover") == 0 ? uncover(argv + 1) : remount(argv + 1);
}

static int put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : close(fd);
}

/* What a runner does first: namespaces of its own, one id mapped, a fresh /proc. */
static int nest(char **argv)
{
    char users[32], groups[32];
    int status = 1;
    (void)argv;
    snprintf(users, sizeof users, "0 %u 1", getuid());
    snprintf(groups, sizeof groups, "0 %u 1", getgid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) != 0 ||
        put("/proc/self/setgroups", "deny") != 0 || put("/proc/self/uid_map", users) != 0 ||
        put("/proc/self/gid_map", groups) != 0)
        return fail();
    pid_t pid = fork();
    if (pid == 0)
        exit(mount("proc", "/proc", "proc", 0, NULL) != 0 || getpid() != 1 ? fail() : 0);
    waitpid(pid, &status, 0);
    return status == 0 ? 0 : 1;
}

static int whoami(char **argv)
{
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");
    (void)argv;
    printf("%u %u", getuid(), getgid());
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, "CapEff:", 7) == 0 || strncmp(line, "CapBnd:", 7) == 0)
            printf(" %.16s", line + 8);
    printf("\n");
    return status == NULL ? 1 : fclose(status);
}

/* A daemon that ignores the polite signals; the starter ends at once. */
static int daemonise(char **argv)
{
    (void)argv;
    if (fork() == 0) {
        setsid();
        close_range(0, ~0u, 0);
        signal(SIGTERM, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        for (;;)
            pause();
    }
    return 0;
}

static int stay(char **argv)
{
    (void)argv;
    printf("ready\n");
    fflush(stdout);
    return pause();
}

static int send_tcp(char **argv)
{
    return send_text(argv, SOCK_STREAM);
}

static int send_udp(char **argv)
{
    return send_text(argv, SOCK_DGRAM);
}

static const struct verb {
    const char *name;
    int arguments;
    int (*run)(char **argv);
} VERBS[] = {
    {"tcp", 3, send_tcp},    {"udp", 3, send_udp},     {"request", 3, request},
    {"resolve", 1, resolve}, {"write", 1, write_file}, {"remount", 1, remount},
    {"uncover", 1, uncover}, {"look", 1, look},        {"vsock", 0, vsock},
    {"trace", 1, trace},     {"nested", 2, nested},    {"nest", 0, nest},
    {"whoami", 0, whoami},   {"daemon", 0, daemonise}, {"stay", 0, stay},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof VERBS / sizeof VERBS[0]; i++)
        if (strcmp(argv[1], VERBS[i].name) == 0 && argc - 2 == VERBS[i].arguments)
            return VERBS[i].run(argv + 2);
    return 64;
}
