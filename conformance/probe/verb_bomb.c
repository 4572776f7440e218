/* verb_bomb.c - much of what a host has to keep for a guest: names, files, connections, owners. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http.h"
#include "verbs.h"

enum { PATIENCE_MS = 30000, QUIET_MS = 2000, CROWD_MAX = 4096 };

static int stay(void)
{
    char byte;
    if (!probe_write(STDOUT_FILENO, "ready\n", 6))
        return 74;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    return probe_write(STDOUT_FILENO, "done\n", 5) ? 0 : 74;
}

/* A listening socket at PATH until the end of input. */
int probe_verb_name(int argc, char **argv, char **envp)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)envp;
    if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path)
        return -1;
    strcpy(address.sun_path, argv[1]);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    unlink(argv[1]);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1) != 0)
        return 71;
    int status = stay();
    unlink(argv[1]);
    close(fd);
    return status;
}

/* COUNT empty files in /tmp until the end of input; fewer where there is no room for more. */
int probe_verb_files(int argc, char **argv, char **envp)
{
    char path[64];
    long count = 0, made = 0;
    (void)envp;
    if (argc != 2 || !probe_number(argv[1], 1, 1000000, &count))
        return -1;
    for (; made < count; made++) {
        snprintf(path, sizeof path, "/tmp/firma-file-%ld", made);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            break;
        close(fd);
    }
    int status = made == 0 ? 71 : stay();
    for (long i = 0; i < made; i++) {
        snprintf(path, sizeof path, "/tmp/firma-file-%ld", i);
        unlink(path);
    }
    return status;
}

static void raise_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* Begins COUNT connections to PROXY and waits for none of them. Returns how many were begun. */
static long gather(const struct probe_address *proxy, struct pollfd *fds, long count)
{
    long begun = 0;
    for (long i = 0; i < count; i++) {
        int fd = probe_socket(probe_sockaddr(proxy)->sa_family, SOCK_STREAM, 0);
        if (fd < 0)
            break;
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        fds[begun++] = (struct pollfd){.fd = fd, .events = POLLOUT};
        (void)connect(fd, probe_sockaddr(proxy), proxy->length);
    }
    return begun;
}

/* Asks as soon as the connection is there, and then waits for the answer. False: it is over, and in
 * THERE when it was answered. */
static bool advance(struct pollfd *one, long *there)
{
    static const char request[] = "OPTIONS * HTTP/1.1\r\nHost: *\r\n\r\n";
    char answer[1024];
    if (one->events == POLLOUT) {
        one->events = POLLIN;
        return (one->revents & (POLLERR | POLLHUP)) == 0 &&
               probe_write(one->fd, request, sizeof request - 1);
    }
    *there += recv(one->fd, answer, sizeof answer, 0) > 0;
    return false;
}

/* Until all were answered, or, once one was, nothing has happened for QUIET_MS: those beyond a
 * limit wait. Whoever was answered stays, so that others must. Returns how many were. */
static long await(struct pollfd *fds, long count)
{
    long there = 0, left = count;
    while (left > 0 && poll(fds, (nfds_t)count, there > 0 ? QUIET_MS : PATIENCE_MS) > 0)
        for (long i = 0; i < count; i++) {
            if (fds[i].fd < 0 || fds[i].revents == 0 || advance(&fds[i], &there))
                continue;
            fds[i].fd = ~fds[i].fd; /* poll(2) passes it over */
            left--;
        }
    return there;
}

static bool is_served(const char *nonce, const char *place)
{
    char url[PROBE_URL];
    struct probe_outcome out = {0};
    struct probe_answer *answer = calloc(1, sizeof *answer);
    struct probe_step step = {.row = "",
                              .nonce = nonce,
                              .deadline_ms = PATIENCE_MS,
                              .expires = probe_now() + PATIENCE_MS * 1000000ull};
    snprintf(url, sizeof url, "%s%s", place, nonce);
    int status =
        answer == NULL ? -1 : probe_http_ask(&step, url, probe_proxy(), NULL, answer, &out);
    free(answer);
    return status / 100 == 2;
}

/* COUNT connections to the proxy at once; when they are gone, it must still serve: asks for
 * URL/NONCE and exits 0 when that was answered. */
int probe_verb_crowd(int argc, char **argv, char **envp)
{
    static struct pollfd fds[CROWD_MAX];
    struct probe_url url;
    struct probe_address proxy;
    long count = 0;
    (void)envp;
    if (argc != 4 || !probe_number(argv[1], 1, CROWD_MAX, &count) ||
        !probe_is_hex(argv[2], PROBE_NONCE) || probe_proxy() == NULL ||
        !probe_url_parse(&url, probe_proxy()) || !probe_address_make(&proxy, url.host, url.port))
        return -1;
    raise_limit();
    signal(SIGPIPE, SIG_IGN);
    long begun = gather(&proxy, fds, count);
    long there = await(fds, begun);
    for (long i = 0; i < begun; i++)
        close(fds[i].fd < 0 ? ~fds[i].fd : fds[i].fd);
    if (there == 0 || !is_served(argv[2], argv[3]))
        return 1;
    return probe_write(STDOUT_FILENO, "served\n", 7) ? 0 : 74;
}

/* Every kind of file in DIR, and every attempt to give one away. */
int probe_verb_own(int argc, char **argv, char **envp)
{
    (void)envp;
    if (argc != 2 || chdir(argv[1]) != 0)
        return -1;
    int fd = open("plain", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    int set_id = open("set-id", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    static const id_t ids[] = {0, 1, 1000, 65534};
    if (fd < 0 || set_id < 0)
        return 71;
    (void)fchmod(set_id, 06755);
    (void)(mkdir("folder", 0755) == 0 && chmod("folder", 02777) == 0);
    (void)(symlink("/etc/shadow", "link") + mkfifo("fifo", 0644) + link("plain", "second"));
    (void)(mknod("disk", S_IFBLK | 0666, 0x0800) + mknod("memory", S_IFCHR | 0666, 0x0101));
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (fchown(fd, ids[i], ids[i]) == 0)
            printf("given to %ld\n", (long)ids[i]);
    close(fd);
    close(set_id);
    puts("done");
    return fflush(stdout) == 0 ? 0 : 74;
}
