/*
 * proxy_linux.c - a real forward proxy between the bridge and the recording sidecar.
 *
 * It listens on the host's loopback and knows one parent, the fake sidecar: so what it passes on is
 * recorded, upstream traffic leaves by the sidecar's road, and the link stays silent. Its
 * configuration is a descriptor, so that nothing of it lies where a subject could look.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/lab_linux.h"

enum { CONFIG_FD = 3, ASIDE = 100, READY_MS = 20000, STEP_MS = 20 };
#define CONFIG "/proc/self/fd/3"

static int configure_tinyproxy(int fd, uint16_t port, uint16_t parent)
{
    return dprintf(fd,
                   "Port %u\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nLogLevel Critical\n"
                   "Upstream http 127.0.0.1:%u\n",
                   port, parent);
}

static int configure_squid(int fd, uint16_t port, uint16_t parent)
{
    return dprintf(fd,
                   "http_port 127.0.0.1:%u\n"
                   "cache_peer 127.0.0.1 parent %u 0 no-query no-digest no-netdb-exchange default\n"
                   "never_direct allow all\nhttp_access allow all\ncache deny all\n"
                   "access_log none\ncache_log /dev/null\npid_filename none\ncoredump_dir /tmp\n"
                   "max_filedescriptors 256\npinger_enable off\n",
                   port, parent);
}

static const struct proxy {
    const char *name;
    int (*configure)(int fd, uint16_t port, uint16_t parent);
    const char *argv[12];
} PROXIES[] = {
    {"tinyproxy", configure_tinyproxy, {"/usr/bin/tinyproxy", "-d", "-c", CONFIG, NULL}},
    /* Squid will not be root, so it gets another name for its user (CAP_SETFCAP allows that). */
    {"squid",
     configure_squid,
     {"/usr/bin/unshare", "-U", "--map-user=1000", "--map-group=1000", "/usr/sbin/squid", "-N",
      "-f", CONFIG, NULL}},
};

static const struct proxy *find(const char *name)
{
    for (size_t i = 0; i < sizeof PROXIES / sizeof PROXIES[0]; i++)
        if (strcmp(PROXIES[i].name, name) == 0)
            return &PROXIES[i];
    return NULL;
}

static int loopback(uint16_t port, struct sockaddr_in *address)
{
    *address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* A port that nobody has; in a network of the lab's own nobody else will take it. */
static uint16_t free_port(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd = loopback(0, &address);
    bool found = fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
                 getsockname(fd, (struct sockaddr *)&address, &size) == 0;
    if (fd >= 0)
        close(fd);
    return found ? ntohs(address.sin_port) : 0;
}

static int write_config(const struct proxy *proxy, uint16_t port, uint16_t parent)
{
    int fd = memfd_create("proxy", MFD_CLOEXEC);
    if (fd >= 0 && proxy->configure(fd, port, parent) > 0 && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

_Noreturn static void become(const struct proxy *proxy, int config)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    int high = fcntl(config, F_DUPFD_CLOEXEC, ASIDE);
    cf_lab_null_fds(2);
    dup2(high, CONFIG_FD);
    close_range(CONFIG_FD + 1, ~0u, 0);
    if (cf_lab_drop_capabilities(false, false) == 0)
        execve(proxy->argv[0], (char *const *)proxy->argv, (char *const *)environment);
    _exit(127);
}

/* Neither of them can be handed a listener or a descriptor to say so: that it takes a connection is
 * how it says that it is ready. */
static bool await_ready(pid_t pid, uint16_t port)
{
    struct sockaddr_in address;
    for (int waited = 0; waited < READY_MS; waited += STEP_MS) {
        int fd = loopback(port, &address);
        bool taken = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
        if (fd >= 0)
            close(fd);
        if (taken)
            return true;
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return false;
        poll(NULL, 0, STEP_MS);
    }
    return false;
}

int cf_lab_proxy_start(struct cf_lab *lab, const char *name, uint16_t parent, struct cf_proxy *out,
                       struct cf_error *err)
{
    const struct proxy *proxy = find(name);
    uint16_t port = free_port();
    int config = proxy == NULL || port == 0 ? -1 : write_config(proxy, port, parent);
    if (config < 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "proxy %s", name);
    pid_t pid = fork();
    if (pid == 0)
        become(proxy, config);
    close(config);
    if (pid < 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "proxy %s", name);
    bool ready = await_ready(pid, port);
    *out = (struct cf_proxy){.pid = pid, .port = port};
    cf_events_emit(lab->harness, "proxy-started",
                   json_pack("{sssisisb}", "name", name, "port", (int)port, "parent", (int)parent,
                             "ready", ready));
    if (ready)
        return 0;
    cf_lab_proxy_stop(out);
    return cf_fail(err, CF_E_SYSTEM, 0, "proxy %s did not come up", name);
}

void cf_lab_proxy_stop(struct cf_proxy *proxy)
{
    if (proxy->pid <= 0)
        return;
    kill(proxy->pid, SIGKILL);
    cf_lab_reap(proxy->pid, CF_LAB_DEADLINE_MS);
    proxy->pid = 0;
}
