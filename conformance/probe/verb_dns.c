/* verb_dns.c - messages at the DNS stub that are no plain query: what it says to each. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "dns.h"
#include "verbs.h"

enum { HEADER = 12, ODD = 0x0dd0, PLAIN = 0x9a11, PATIENCE_MS = 5000 };

/* How a plain query is changed; LENGTH in and out. */
typedef void change(unsigned char *query, size_t *length);

static void be_usual(unsigned char *query, size_t *length)
{
    (void)query, (void)length;
}

static void be_response(unsigned char *query, size_t *length)
{
    (void)length;
    query[2] |= 0x80;
}

/* RFC 6891, section 6.1.2: an OPT record, with nothing in it. */
static void add_options(unsigned char *query, size_t *length)
{
    static const unsigned char options[] = {0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0};
    query[11] = 1;
    memcpy(query + *length, options, sizeof options);
    *length += sizeof options;
}

static void be_empty(unsigned char *query, size_t *length)
{
    (void)query;
    *length = HEADER;
}

static void count_two(unsigned char *query, size_t *length)
{
    (void)length;
    query[5] = 2;
}

/* A question and its echo are of the same length; whatever stands behind is more. */
static void describe(struct probe_text *text, const unsigned char *data, size_t length,
                     size_t asked)
{
    bool echoed = data[5] == 1 && length == asked;
    bool bare = data[5] == 0 && length == HEADER;
    unsigned records = 0;
    for (int i = 6; i < HEADER; i++)
        records += data[i];
    probe_put(text, "%s%s", probe_dns_rcode(data[3] & 15),
              (echoed || bare) && records == 0 ? "" : " and more than was asked");
}

/* Behind the odd message goes a plain query, by the same road: what is answered first tells whether
 * the odd one was answered at all, and nobody has to wait for silence. */
static void try(struct probe_text *text, const char *name, change *make,
                const struct probe_address *stub)
{
    unsigned char odd[PROBE_DNS_MAX + 16], plain[PROBE_DNS_MAX], data[1024];
    size_t length = probe_dns_query(odd, "firma-probe.invalid", "A", ODD), asked = length;
    size_t other = probe_dns_query(plain, "firma-probe.invalid", "A", PLAIN);
    int fd = probe_socket(stub->storage.ss_family, SOCK_DGRAM, 0);
    make(odd, &length);
    probe_put(text, "%s\"%s\":\"", text->used == 1 ? "" : ",", name);
    if (fd < 0 || probe_connect_fd(fd, stub, PATIENCE_MS) != 0 || send(fd, odd, length, 0) < 0 ||
        send(fd, plain, other, 0) < 0 || !probe_readable(fd, PATIENCE_MS)) {
        probe_put(text, "no answer to a plain query\"");
    } else {
        ssize_t got = recv(fd, data, sizeof data, 0);
        if (got >= HEADER && (data[0] << 8 | data[1]) == ODD)
            describe(text, data, (size_t)got, asked);
        else
            probe_put(text, "%s", got >= HEADER ? "silence" : "less than a header");
        probe_put(text, "\"");
    }
    if (fd >= 0)
        close(fd);
}

/* Somebody sends half a length over TCP and stays; somebody else asks. */
static void try_held(struct probe_text *text, const struct probe_address *stub)
{
    struct probe_step step = {.row = "",
                              .nonce = "",
                              .deadline_ms = PATIENCE_MS,
                              .expires = probe_now() + PATIENCE_MS * 1000000ull};
    struct probe_outcome out = {0};
    struct probe_dns_answer answer = {0};
    int held = probe_connect(stub, PATIENCE_MS);
    if (held >= 0 && send(held, "", 1, 0) == 1)
        answer = probe_dns_ask(&step, stub, true, "firma-probe.invalid", "A", 1, &out);
    probe_put(text, ",\"held\":\"%s\"", answer.came ? probe_dns_rcode(answer.rcode) : "no answer");
    if (held >= 0)
        close(held);
}

int probe_verb_dns_odd(int argc, char **argv, char **envp)
{
    (void)argv, (void)envp;
    static const struct {
        const char *name;
        change *make;
    } oddities[] = {{"none", be_usual},
                    {"response", be_response},
                    {"options", add_options},
                    {"empty", be_empty},
                    {"two", count_two}};
    struct probe_text text = {0};
    struct probe_address stub;
    if (argc != 1)
        return -1;
    probe_put(&text, "{");
    if (probe_dns_stub_address(&stub)) {
        for (size_t i = 0; i < sizeof oddities / sizeof *oddities; i++)
            try(&text, oddities[i].name, oddities[i].make, &stub);
        try_held(&text, &stub);
    }
    probe_put(&text, "}\n");
    return probe_write(STDOUT_FILENO, text.data, text.used) ? 0 : 74;
}
