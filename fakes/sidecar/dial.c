#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sidecar.h"

/* The one address that stands for every name (TEST-NET-2). */
static const char name_stand_in[] = "198.51.100.80";

bool fake_authority(const struct fake_text *text, uint16_t otherwise, char *host, size_t size,
                    uint16_t *port)
{
    struct fake_text name = *text;
    const char *after = NULL;
    if (name.length > 0 && name.at[0] == '[') {
        const char *close = memchr(name.at, ']', name.length);
        if (close == NULL)
            return false;
        after = close + 1;
        name = (struct fake_text){text->at + 1, (size_t)(close - text->at) - 1};
    } else {
        const char *colon = memchr(name.at, ':', name.length);
        after = colon == NULL ? name.at + name.length : colon;
        name.length = (size_t)(after - name.at);
    }
    char digits[8] = "";
    size_t left = (size_t)(text->at + text->length - after);
    if (name.length == 0 || name.length >= size || left > 6 || (left > 0 && *after != ':'))
        return false;
    if (left > 1)
        memcpy(digits, after + 1, left - 1);
    unsigned long number = left > 1 ? strtoul(digits, NULL, 10) : otherwise;
    if (number == 0 || number > 65535)
        return false;
    memcpy(host, name.at, name.length);
    host[name.length] = '\0';
    *port = (uint16_t)number;
    return true;
}

static socklen_t resolve(struct sockaddr_storage *out, const char *host, uint16_t port, bool *named)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof *v6;
    }
    memset(out, 0, sizeof *out);
    *named = inet_pton(AF_INET, host, &v4->sin_addr) != 1;
    if (*named)
        inet_pton(AF_INET, name_stand_in, &v4->sin_addr);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return sizeof *v4;
}

/* True if there is no address to bind to: a dial from any other would pass for the guest's own. */
static bool bind_source(const struct fake_sidecar *sidecar, int fd, int family)
{
    if (family == AF_INET && sidecar->source4.sin_family == AF_INET) {
        fake_freebind(fd, family);
        return bind(fd, (const struct sockaddr *)&sidecar->source4, sizeof sidecar->source4) == 0;
    }
    if (family == AF_INET6 && sidecar->source6.sin6_family == AF_INET6) {
        fake_freebind(fd, family);
        return bind(fd, (const struct sockaddr *)&sidecar->source6, sizeof sidecar->source6) == 0;
    }
    return true;
}

static void spell(const struct sockaddr_storage *address, char *text, size_t size, uint16_t *port)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    bool six = address->ss_family == AF_INET6;
    *text = '\0';
    inet_ntop(six ? AF_INET6 : AF_INET, six ? (const void *)&v6->sin6_addr : &v4->sin_addr, text,
              (socklen_t)size);
    *port = ntohs(six ? v6->sin6_port : v4->sin_port);
}

static void record(struct fake_conn *conn, const struct sockaddr_storage *to, const char *name,
                   int fd, int errnum)
{
    char dst[INET6_ADDRSTRLEN], src[INET6_ADDRSTRLEN] = "";
    uint16_t dport = 0, sport = 0;
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    memset(&from, 0, sizeof from);
    spell(to, dst, sizeof dst, &dport);
    if (fd >= 0 && getsockname(fd, (struct sockaddr *)&from, &length) == 0)
        spell(&from, src, sizeof src, &sport);
    struct fake_text text = {name, name == NULL ? 0 : strlen(name)};
    fake_log(conn, "dial",
             json_pack("{sI ss si ss si sb si so}", "index", (json_int_t)conn->index, "dst", dst,
                       "dport", (int)dport, "src", src, "sport", (int)sport, "ok", fd >= 0, "errno",
                       errnum, "name", name == NULL ? json_null() : fake_log_text(&text)));
}

int fake_dial(struct fake_conn *conn, const char *host, uint16_t port)
{
    struct sockaddr_storage to;
    bool named = false;
    socklen_t length = resolve(&to, host, port, &named);
    int fd = fake_cloexec(socket(to.ss_family, SOCK_STREAM, 0));
    int errnum = 0;
    if (fd < 0 || !bind_source(conn->sidecar, fd, to.ss_family) ||
        connect(fd, (struct sockaddr *)&to, length) != 0) {
        errnum = errno;
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    record(conn, &to, named ? host : NULL, fd, errnum);
    errno = errnum;
    return fd;
}
