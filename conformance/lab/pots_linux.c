/* pots_linux.c - the honeypots' sockets, in the `host` network namespace. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lab/lab_linux.h"

static const struct {
    const char *name;
    int family, type;
} INTERNET[] = {
    {"lo4_tcp", AF_INET, SOCK_STREAM},  {"lo4_udp", AF_INET, SOCK_DGRAM},
    {"lo6_tcp", AF_INET6, SOCK_STREAM}, {"lo6_udp", AF_INET6, SOCK_DGRAM},
    {"own4_tcp", AF_INET, SOCK_STREAM}, {"own6_tcp", AF_INET6, SOCK_STREAM},
};

/* Where real services listen that have carried queries or commands out of a sandbox. A leading @
 * is an abstract name. */
static const char *const PATHS[] = {
    "/run/nscd/socket",
    "/run/systemd/resolve/io.systemd.Resolve",
    "/run/systemd/private",
    "/run/dbus/system_bus_socket",
    "/run/docker.sock",
    "/run/user/agent.sock",
    "/run/user/bus",
    "/run/user/gnupg/S.gpg-agent",
    "/run/user/wayland-0",
    "/run/podman/podman.sock",
    "/run/tailscale/tailscaled.sock",
    "/run/containerd/containerd.sock",
    "/run/libvirt/libvirt-sock",
    "/run/systemd/journal/socket",
    "/run/avahi-daemon/socket",
    "/tmp/.X11-unix/X0",
    "@/tmp/.X11-unix/X0",
    "@firma-honeypot",
};

static int add(struct cf_lab *lab, const char *name, int fd, bool stream, struct cf_error *err)
{
    struct cf_honeypot *pot = &lab->pots[lab->pot_count];
    if (fd < 0 || (stream && listen(fd, SOMAXCONN) != 0))
        return cf_fail(err, CF_E_LAB, errno, "honeypot %s", name);
    snprintf(pot->name, sizeof pot->name, "%s", name);
    pot->fd = fd;
    pot->stream = stream;
    /* Every program of a control that looks up a user asks there first, and waits for seconds. */
    pot->curt = strstr(name, "nscd") != NULL;
    lab->pot_count++;
    return 0;
}

static int bound(int family, int type, const void *address, socklen_t size)
{
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, address, size) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* "lo4_tcp" is on the loopback, "own4_tcp" at the address the host has on its link. */
const char *cf_lab_pot_address(const char *name)
{
    if (strncmp(name, "own", 3) == 0)
        return name[3] == '4' ? CF_LAB_HOST4 : CF_LAB_HOST6;
    return name[2] == '4' ? "127.0.0.1" : "::1";
}

static int internet_socket(const char *name, int family, int type, in_port_t *port)
{
    struct sockaddr_in6 address6 = {.sin6_family = AF_INET6};
    struct sockaddr_in address4 = {.sin_family = AF_INET};
    inet_pton(family, cf_lab_pot_address(name),
              family == AF_INET ? (void *)&address4.sin_addr : &address6.sin6_addr);
    void *address = family == AF_INET ? (void *)&address4 : &address6;
    socklen_t size = family == AF_INET ? sizeof address4 : sizeof address6;
    int fd = bound(family, type, address, size);
    if (fd >= 0)
        getsockname(fd, address, &size);
    *port = ntohs(family == AF_INET ? address4.sin_port : address6.sin6_port);
    return fd;
}

static void make_parents(const char *path)
{
    char folder[96];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(folder, 0755);
        *slash = '/';
    }
}

static int unix_socket(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    } else {
        length++;
        make_parents(name);
    }
    int fd = bound(AF_UNIX, SOCK_STREAM, &address,
                   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    if (fd >= 0 && name[0] != '@')
        chmod(name, 0666);
    return fd;
}

int cf_lab_open_pots(struct cf_lab *lab, struct cf_error *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof INTERNET / sizeof INTERNET[0]; i++) {
        in_port_t port;
        int fd = internet_socket(INTERNET[i].name, INTERNET[i].family, INTERNET[i].type, &port);
        result = add(lab, INTERNET[i].name, fd, INTERNET[i].type == SOCK_STREAM, err);
        json_object_set_new(lab->facts, INTERNET[i].name, json_integer(port));
    }
    for (size_t i = 0; result == 0 && i < sizeof PATHS / sizeof PATHS[0]; i++)
        result = add(lab, PATHS[i], unix_socket(PATHS[i]), true, err);
    return result;
}
