/* tech_dns.c - names on their way out: raw queries, the C library, a rewritten resolver file. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dns.h"
#include "techniques.h"

/* The name to ask for: name=, or one of the canary's zone. */
static const char *asked_name(const struct probe_step *step, char buffer[128])
{
    snprintf(buffer, 128, "%s.canary.example", step->nonce);
    return probe_param(step, "name", buffer);
}

static void ask(const struct probe_step *step, const struct probe_address *address, bool tcp,
                size_t tries, struct probe_outcome *out)
{
    char name[128];
    probe_dns_ask(step, address, tcp, asked_name(step, name), probe_param(step, "qtype", "A"),
                  tries, out);
}

void probe_tech_dns_udp(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (probe_address_of(step, 53, &address, out))
        ask(step, &address, false, 1, out);
}

void probe_tech_dns_tcp(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (probe_address_of(step, 53, &address, out))
        ask(step, &address, true, 1, out);
}

/* The stub and port 53: neither may pass a name on. */
void probe_tech_dns_stub(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address stub, local;
    if (probe_dns_stub_address(&stub)) {
        ask(step, &stub, false, 4, out);
        ask(step, &stub, true, 3, out);
    }
    const char *addr = probe_param(step, "addr", "127.0.0.1");
    if (!probe_address_make(&local, addr, probe_param_number(step, "port", 53)))
        return;
    ask(step, &local, false, 2, out);
    ask(step, &local, true, 1, out);
}

/* A program with a resolver of its own, which never looks at resolv.conf. */
void probe_tech_resolver_env(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    char name[128];
    if (!probe_address_of(step, 53, &address, out))
        return;
    probe_dns_ask(step, &address, false, asked_name(step, name), "A", 3, out);
    probe_dns_ask(step, &address, false, asked_name(step, name), "AAAA", 2, out);
    probe_dns_ask(step, &address, true, asked_name(step, name), "A", 1, out);
}

void probe_tech_resolve_name(const struct probe_step *step, struct probe_outcome *out)
{
    char name[128];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    errno = 0;
    int failed = getaddrinfo(asked_name(step, name), "80", &hints, &list);
    int saved = errno;
    if (failed == 0) {
        probe_try(out, PROBE_ANSWERED, 0, "resolved");
        freeaddrinfo(list);
    } else {
        probe_try(out, PROBE_REFUSED, saved, "getaddrinfo: %s", gai_strerror(failed));
    }
}

static bool replace(const char *path, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    bool written = fd >= 0 && probe_write(fd, text, length);
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return written;
}

/* getaddrinfo() may outlast any deadline, and the file has to be put back: it runs in a child. */
static void resolve_in_child(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_outcome inner = {0};
    int fds[2];
    if (pipe(fds) != 0) {
        probe_try_errno(out, errno, "pipe");
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        probe_tech_resolve_name(step, &inner);
        probe_write(fds[1], &inner, sizeof inner);
        _exit(0);
    }
    close(fds[1]);
    if (pid > 0 && probe_readable(fds[0], probe_left(step, 1)) &&
        read(fds[0], &inner, sizeof inner) == (ssize_t)sizeof inner)
        probe_try(out, (enum probe_result)inner.result, inner.errnum, "%.300s", inner.detail);
    else
        probe_try_errno(out, pid < 0 ? errno : ETIMEDOUT, "getaddrinfo");
    close(fds[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

/* The file is put back: the rows that follow are not this one's business. */
void probe_tech_resolv_rewrite(const struct probe_step *step, struct probe_outcome *out)
{
    const char *path = probe_param(step, "path", "/etc/resolv.conf");
    char line[128], before[4096];
    int length = snprintf(line, sizeof line, "nameserver %s\n", probe_param(step, "addr", ""));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t kept = fd < 0 ? -1 : read(fd, before, sizeof before);
    if (fd >= 0)
        close(fd);
    /* What cannot be put back whole is left alone. */
    bool written =
        kept >= 0 && kept < (ssize_t)sizeof before && replace(path, line, (size_t)length);
    if (written)
        probe_try(out, PROBE_ERROR, 0, "%s rewritten", path);
    else
        probe_try_errno(out, errno, "rewrite %s", path);
    resolve_in_child(step, out);
    if (written)
        replace(path, before, (size_t)kept);
}
