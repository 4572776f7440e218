#include "dns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADER = 12 };

static unsigned type_number(const char *type)
{
    static const struct {
        const char *name;
        unsigned number;
    } types[] = {{"A", 1},      {"NS", 2},    {"CNAME", 5}, {"NULL", 10}, {"PTR", 12},
                 {"MX", 15},    {"TXT", 16},  {"AAAA", 28}, {"SRV", 33},  {"SVCB", 64},
                 {"HTTPS", 65}, {"ANY", 255}, {"CAA", 257}};
    long number = 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, type) == 0)
            return types[i].number;
    }
    return probe_number(type, 1, 65535, &number) ? (unsigned)number : 1;
}

static size_t put_name(unsigned char *at, size_t room, const char *name)
{
    size_t used = 0;
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        if (label == 0 || label > 63 || used + label + 2 > room)
            return 0;
        at[used++] = (unsigned char)label;
        memcpy(at + used, name, label);
        used += label;
        name += label + (name[label] == '.');
    }
    at[used++] = 0;
    return used;
}

size_t probe_dns_query(unsigned char query[PROBE_DNS_MAX], const char *name, const char *type,
                       unsigned id)
{
    unsigned number = type_number(type);
    memset(query, 0, HEADER);
    query[0] = (unsigned char)(id >> 8);
    query[1] = (unsigned char)id;
    query[2] = 1; /* recursion desired */
    query[5] = 1; /* one question */
    size_t length = put_name(query + HEADER, 255, name);
    if (length == 0)
        return 0;
    unsigned char *tail = query + HEADER + length;
    tail[0] = (unsigned char)(number >> 8);
    tail[1] = (unsigned char)number;
    tail[2] = 0;
    tail[3] = 1; /* IN */
    return HEADER + length + 4;
}

const char *probe_dns_rcode(int rcode)
{
    static const char *const names[] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                        "NXDOMAIN", "NOTIMP",  "REFUSED"};
    return rcode >= 0 && rcode < 6 ? names[rcode] : "OTHER";
}

static struct probe_dns_answer read_answer(const unsigned char *data, ssize_t length, unsigned id,
                                           struct probe_outcome *out)
{
    struct probe_dns_answer answer = {0};
    if (length < HEADER || (unsigned)(data[0] << 8 | data[1]) != id || (data[2] & 0x80) == 0)
        return answer;
    answer.came = true;
    answer.rcode = data[3] & 15;
    for (int i = 6; i < HEADER; i += 2)
        answer.records += (unsigned)(data[i] << 8 | data[i + 1]);
    probe_try(out, PROBE_ANSWERED, 0, "answered %s, %u records", probe_dns_rcode(answer.rcode),
              answer.records);
    return answer;
}

/* One message from FD, without the length TCP puts before it. */
static ssize_t receive(const struct probe_step *step, int fd, bool tcp, size_t tries,
                       unsigned char *data, size_t size)
{
    size_t used = 0;
    while (probe_readable(fd, probe_left(step, tries))) {
        ssize_t got = recv(fd, data + used, size - used, 0);
        if (got <= 0)
            return -1;
        used += (size_t)got;
        if (!tcp)
            return (ssize_t)used;
        size_t whole = used < 2 ? size : (size_t)(data[0] << 8 | data[1]) + 2;
        if (used >= whole) {
            memmove(data, data + 2, used - 2);
            return (ssize_t)used - 2;
        }
    }
    return -1;
}

struct probe_dns_answer probe_dns_ask(const struct probe_step *step,
                                      const struct probe_address *address, bool tcp,
                                      const char *name, const char *type, size_t tries,
                                      struct probe_outcome *out)
{
    unsigned char message[2 + PROBE_DNS_MAX], data[4096];
    struct probe_dns_answer none = {0};
    unsigned id = (unsigned)(probe_now() >> 10 & 0xffff);
    size_t length = probe_dns_query(message + 2, name, type, id);
    int fd = probe_socket(address->storage.ss_family, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    message[0] = (unsigned char)(length >> 8);
    message[1] = (unsigned char)length;
    int failed = length == 0 ? EINVAL
                 : fd < 0    ? errno
                             : probe_connect_fd(fd, address, probe_left(step, tries));
    if (failed == 0 && send(fd, message + (tcp ? 0 : 2), length + (tcp ? 2 : 0), 0) < 0)
        failed = errno;
    if (failed != 0) {
        probe_try_errno(out, failed, "%s query to %s", tcp ? "TCP" : "UDP", address->text);
        if (fd >= 0)
            close(fd);
        return none;
    }
    probe_try(out, PROBE_SENT, 0, "%s query to %s", tcp ? "TCP" : "UDP", address->text);
    ssize_t got = receive(step, fd, tcp, tries, data, sizeof data);
    close(fd);
    return read_answer(data, got, id, out);
}

bool probe_dns_stub_address(struct probe_address *address)
{
    char host[128];
    long port = 0;
    const char *text = getenv("FIRMA_DNS_STUB_ADDR");
    const char *colon = text == NULL ? NULL : strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof host ||
        !probe_number(colon + 1, 1, 65535, &port))
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    return probe_address_make(address, host, port);
}
