/*
 * tech_names.c - questions in unusual dress, at the stub and at port 53: whatever it makes of them,
 * the name may not leave. And questions in bulk.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dns.h"
#include "techniques.h"

enum {
    HEADER = 12,
    MESSAGE = PROBE_DNS_MAX + 64,
    WAIT_MS = 150,
    ASKERS = 16,
    EACH = 16,
    ANSWER_MS = 20
};

struct query {
    unsigned char bytes[MESSAGE];
    size_t length;
};

static void append(struct query *query, const void *bytes, size_t length)
{
    if (query->length + length > sizeof query->bytes)
        return;
    memcpy(query->bytes + query->length, bytes, length);
    query->length += length;
}

/* RFC 6891 §6.1: a buffer of 1232 bytes, DNSSEC wanted. */
static void add_opt(struct query *query)
{
    append(query, "\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00", 11);
    query->bytes[11] = 1;
}

/* The first question names nobody, the second the canary: a parser that stops early passes it. */
static void ask_twice(struct query *query)
{
    struct query second = *query;
    query->length = HEADER;
    append(query, "\x09localhost\x00\x00\x01\x00\x01", 15);
    append(query, second.bytes + HEADER, second.length - HEADER);
    query->bytes[5] = 2;
}

/* Letters in alternating case, as resolvers do against forgery; the nonce is found in any case. */
static void mix_case(struct query *query)
{
    for (size_t i = HEADER; i + 5 < query->length; i += 2)
        if (query->bytes[i] >= 'a' && query->bytes[i] <= 'z')
            query->bytes[i] = (unsigned char)(query->bytes[i] - 'a' + 'A');
}

static bool dress(struct query *query, const char *form)
{
    if (strcmp(form, "edns") == 0)
        add_opt(query);
    else if (strcmp(form, "notify") == 0)
        query->bytes[2] = 4 << 3;
    else if (strcmp(form, "update") == 0)
        query->bytes[2] = 5 << 3;
    else if (strcmp(form, "two") == 0)
        ask_twice(query);
    else if (strcmp(form, "iterative") == 0)
        query->bytes[2] = 0; /* recursion not desired */
    else if (strcmp(form, "case") == 0)
        mix_case(query);
    else if (strcmp(form, "chaos") == 0)
        query->bytes[query->length - 1] = 3;
    else if (strcmp(form, "trailing") == 0)
        append(query, "trailing", 8);
    else
        return strcmp(form, "plain") == 0;
    return true;
}

static bool make(const struct probe_step *step, const char *form, struct query *query)
{
    char name[128];
    snprintf(name, sizeof name, "%s.canary.example", step->nonce);
    query->length =
        probe_dns_query(query->bytes, probe_param(step, "name", name),
                        probe_param(step, "qtype", "A"), (unsigned)(probe_now() >> 10 & 0xffff));
    return query->length > 0 && dress(query, form);
}

static void send_udp(const struct probe_step *step, const struct probe_address *address,
                     const struct query *query, struct probe_outcome *out)
{
    probe_datagram(step, address, NULL, query->bytes, query->length, WAIT_MS, out);
}

static void send_tcp(const struct probe_step *step, const struct probe_address *address,
                     const struct query *query, struct probe_outcome *out)
{
    unsigned char message[2 + MESSAGE];
    int fd = probe_connect(address, probe_left(step, 2));
    if (fd < 0) {
        probe_try_errno(out, errno, "connect to %s", address->text);
        return;
    }
    message[0] = (unsigned char)(query->length >> 8);
    message[1] = (unsigned char)query->length;
    memcpy(message + 2, query->bytes, query->length);
    int left = probe_left(step, 1);
    probe_exchange(fd, message, query->length + 2, left < WAIT_MS ? left : WAIT_MS, out);
    close(fd);
}

/* proto=udp or tcp; both without it. */
static void ask(const struct probe_step *step, const struct probe_address *address,
                const struct query *query, struct probe_outcome *out)
{
    const char *proto = probe_param(step, "proto", "both");
    if (strcmp(proto, "tcp") != 0)
        send_udp(step, address, query, out);
    if (strcmp(proto, "udp") != 0)
        send_tcp(step, address, query, out);
}

static void ask_stub(const struct probe_step *step, const struct query *query,
                     struct probe_outcome *out)
{
    struct probe_address stub, local;
    if (probe_dns_stub_address(&stub))
        ask(step, &stub, query, out);
    if (probe_address_make(&local, "127.0.0.1", 53))
        ask(step, &local, query, out);
}

/* form= plain, edns, notify, update, two, iterative, case, chaos, trailing. */
void probe_tech_stub_ask(const struct probe_step *step, struct probe_outcome *out)
{
    struct query query;
    if (make(step, probe_param(step, "form", "plain"), &query))
        ask_stub(step, &query, out);
    else
        probe_try(out, PROBE_ERROR, EINVAL, "no such form");
}

/* What may knock a parser over: then an ordinary question at whatever is left of it. */
void probe_tech_stub_garbage(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_outcome ignored = {0};
    struct query query = {.length = 0};
    static const unsigned char header[HEADER] = {7, 7, 1, 0, 0, 1};
    append(&query, header, sizeof header);
    append(&query, "\xc0\x0c\x00\x01\x00\x01", 6); /* a name that is its own continuation */
    ask_stub(step, &query, &ignored);
    query.length = HEADER;
    append(&query,
           "\x3f"
           "a",
           2); /* a label that ends before it should */
    ask_stub(step, &query, &ignored);
    query.length = 3;
    ask_stub(step, &query, &ignored);
    query.length = HEADER;
    while (query.length < PROBE_DNS_MAX)
        append(&query, "\x01x", 2); /* a name without an end */
    ask_stub(step, &query, &ignored);
    if (make(step, "plain", &query))
        ask_stub(step, &query, out);
}

/* A query in the given dress to addr=, past any stub. */
void probe_tech_dns_form(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    struct query query;
    if (!probe_address_of(step, 53, &address, out))
        return;
    if (make(step, probe_param(step, "form", "plain"), &query))
        ask(step, &address, &query, out);
    else
        probe_try(out, PROBE_ERROR, EINVAL, "no such form");
}

/* ---- bulk ---- */

/* One asker's share: names nobody has asked for before. The number of queries the kernel took. */
static int ask_many(const struct probe_step *step, const struct probe_address *address, int asker)
{
    int taken = 0;
    int fd = probe_socket(address->storage.ss_family, SOCK_DGRAM, 0);
    for (int i = 0; fd >= 0 && i < EACH; i++) {
        unsigned char query[PROBE_DNS_MAX];
        char name[128];
        snprintf(name, sizeof name, "%s.n%d-%d.canary.example", step->nonce, asker, i);
        size_t length = probe_dns_query(query, name, "A", (unsigned)(asker << 8 | i));
        bool sent = sendto(fd, query, length, 0, probe_sockaddr(address), address->length) > 0;
        taken += sent;
        if (sent && probe_readable(fd, ANSWER_MS)) /* no faster than answers come */
            recv(fd, query, sizeof query, 0);
    }
    return taken;
}

void probe_tech_dns_bulk(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    int status, taken = 0;
    if (!probe_address_of(step, 53, &address, out))
        return;
    for (int asker = 0; asker < ASKERS; asker++)
        if (fork() == 0)
            _exit(ask_many(step, &address, asker));
    while (wait(&status) > 0)
        taken += WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    if (taken > 0)
        probe_try(out, PROBE_SENT, 0, "%d of %d queries taken", taken, ASKERS * EACH);
    else
        probe_try_errno(out, ENETUNREACH, "%d queries, none taken", ASKERS * EACH);
}
