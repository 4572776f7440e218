/*
 * The DNS stub: a flood of datagrams, most of them no query; its bound of TCP connections; and in
 * the end the one answer it knows.
 */
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* As README.md says under Bounds. */
enum { CONNECTIONS = 32, IDLE_MS = 3000 };

enum { SOCKETS = 8, BATCH = 64, LONGEST = 1500, RCODE_REFUSED = 5, TRIES = 10, STRANGERS = 500 };

struct flood {
    struct load_report *report;
    int sockets[SOCKETS];
    uint32_t random;
    uint64_t sent, answers, refused;
};

void load_query(uint8_t out[LOAD_QUERY], uint16_t id)
{
    static const uint8_t query[LOAD_QUERY] = {0, 0,   1,   0,   0,   1,   0,   0,   0,   0,
                                              0, 0,   7,   'e', 'x', 'a', 'm', 'p', 'l', 'e',
                                              3, 'c', 'o', 'm', 0,   0,   1,   0,   1};
    memcpy(out, query, LOAD_QUERY);
    out[0] = (uint8_t)(id >> 8);
    out[1] = (uint8_t)id;
}

static int dial(int type, uint16_t port)
{
    struct sockaddr_in stub = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval limit = {.tv_sec = 20};
    stub.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        connect(fd, (struct sockaddr *)&stub, sizeof stub) != 0)
        load_give_up("cannot connect to the stub: %s", strerror(errno));
    return fd;
}

/* The stub's word: REFUSED with the question, or FORMERR or NOTIMP with nothing. */
static bool is_refusal(const uint8_t *answer, size_t size)
{
    if (size < 12 || (answer[2] & 0x80) == 0)
        return false;
    int rcode = answer[3] & 0x0f;
    bool question = answer[4] == 0 && answer[5] == 1, none = answer[4] == 0 && answer[5] == 0;
    for (int i = 6; i < 12; i++)
        if (answer[i] != 0)
            return false;
    return rcode == RCODE_REFUSED ? question && size > 12
                                  : (rcode == 1 || rcode == 4) && none && size == 12;
}

static bool refuses(const uint8_t *answer, size_t size, uint16_t id)
{
    return is_refusal(answer, size) && (answer[3] & 0x0f) == RCODE_REFUSED &&
           (answer[0] << 8 | answer[1]) == id;
}

static uint32_t next(struct flood *flood)
{
    flood->random = flood->random * 1664525u + 1013904223u;
    return flood->random >> 8;
}

/* One in four is a query; the others are cut, turned into answers, or are noise of any length. */
static size_t compose(struct flood *flood, uint8_t out[LONGEST])
{
    unsigned kind = (unsigned)(flood->sent % 4);
    load_query(out, (uint16_t)flood->sent);
    if (kind == 0)
        return LOAD_QUERY;
    if (kind == 1)
        return next(flood) % LOAD_QUERY;
    if (kind == 2) {
        out[2 + next(flood) % (LOAD_QUERY - 2)] ^= (uint8_t)(1 + next(flood) % 255);
        return LOAD_QUERY;
    }
    size_t size = next(flood) % LONGEST;
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)next(flood);
    return size;
}

static void take_answers(struct flood *flood, int fd)
{
    uint8_t answer[4096];
    ssize_t got;
    while ((got = recv(fd, answer, sizeof answer, MSG_DONTWAIT)) > 0) {
        flood->answers++;
        flood->refused += (answer[3] & 0x0f) == RCODE_REFUSED;
        if (!is_refusal(answer, (size_t)got))
            load_problem(flood->report, "an answer of %zd bytes that is no refusal", got);
    }
}

static void pour(struct flood *flood, uint64_t datagrams, uint64_t milliseconds)
{
    uint8_t bytes[LONGEST];
    uint64_t start = firma_loop_now();
    while (flood->sent < datagrams && firma_loop_now() - start < milliseconds) {
        int fd = flood->sockets[(flood->sent / BATCH) % SOCKETS];
        for (int i = 0; i < BATCH; i++, flood->sent++)
            send(fd, bytes, compose(flood, bytes), MSG_DONTWAIT);
        for (int i = 0; i < SOCKETS; i++)
            take_answers(flood, flood->sockets[i]);
    }
}

static void flood_stub(struct load *load, struct load_report *report)
{
    struct flood flood = {.report = report, .random = 1};
    for (int i = 0; i < SOCKETS; i++)
        flood.sockets[i] = dial(SOCK_DGRAM, load->subject.stub);
    pour(&flood, load->small ? 100000 : 1000000, load->small ? 5000 : 20000);
    for (int i = 0; i < SOCKETS; i++)
        close(flood.sockets[i]);
    if (flood.refused == 0)
        load_problem(report, "not one of %llu queries was refused",
                     (unsigned long long)flood.sent / 4);
    load_number(report, "datagrams", (long long)flood.sent);
    load_number(report, "answers", (long long)flood.answers);
    load_number(report, "refused", (long long)flood.refused);
}

static void send_framed(int fd, uint16_t id)
{
    uint8_t message[2 + LOAD_QUERY] = {0, LOAD_QUERY};
    load_query(message + 2, id);
    send(fd, message, sizeof message, MSG_NOSIGNAL);
}

static bool framed_refusal(int fd, uint16_t id)
{
    uint8_t answer[2 + LOAD_QUERY];
    return recv(fd, answer, sizeof answer, MSG_WAITALL) == (ssize_t)sizeof answer &&
           refuses(answer + 2, LOAD_QUERY, id);
}

/* 1 as it must be, 0 not, -1 the machine was too slow for it to say anything. */
static int one_more(const int *sockets, int extra)
{
    uint64_t start = firma_loop_now();
    char byte;
    send_framed(extra, 1);
    for (int i = 0; i < CONNECTIONS; i++) {
        send_framed(sockets[i], (uint16_t)i);
        if (!framed_refusal(sockets[i], (uint16_t)i))
            return firma_loop_now() - start < IDLE_MS / 2 ? 0 : -1;
    }
    bool silent = recv(extra, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
    if (firma_loop_now() - start > IDLE_MS / 2)
        return -1;
    return silent;
}

static int fill_stub(uint16_t port, struct load_report *report)
{
    int sockets[CONNECTIONS], extra;
    char byte;
    for (int i = 0; i < CONNECTIONS; i++) {
        sockets[i] = dial(SOCK_STREAM, port);
        send_framed(sockets[i], 7);
        if (!framed_refusal(sockets[i], 7))
            load_problem(report, "TCP connection %d: no REFUSED", i + 1);
    }
    extra = dial(SOCK_STREAM, port);
    int result = one_more(sockets, extra);
    close(sockets[0]);
    if (result == 1 && !framed_refusal(extra, 1))
        load_problem(report, "TCP connection %d: no REFUSED when another had ended",
                     CONNECTIONS + 1);
    for (int i = 1; i < CONNECTIONS; i++) {
        if (result == 1 && recv(sockets[i], &byte, 1, 0) != 0)
            load_problem(report, "an idle TCP connection was not closed");
        close(sockets[i]);
    }
    close(extra);
    return result;
}

static void bound_of_connections(uint16_t port, struct load_report *report)
{
    int result = -1;
    for (int i = 0; i < TRIES && result < 0; i++)
        result = fill_stub(port, report);
    if (result < 0)
        load_problem(report, "this machine is too slow to see the bound of TCP connections");
    if (result == 0)
        load_problem(report, "TCP connection %d was served beyond the bound, or one within not",
                     CONNECTIONS + 1);
    load_number(report, "tcp_connections", CONNECTIONS);
}

/* Streams that are no DNS are closed, however many come. */
static void strangers(uint16_t port, struct load_report *report)
{
    static const char words[] = "\0\3abcGET / HTTP/1.1\r\n\r\n";
    char byte;
    for (int i = 0; i < STRANGERS; i++) {
        int fd = dial(SOCK_STREAM, port);
        send(fd, words, sizeof words - 1, MSG_NOSIGNAL);
        ssize_t got = recv(fd, &byte, 1, 0);
        bool open = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        close(fd);
        if (got > 0)
            load_problem(report, "a stream that is no DNS was answered");
        if (open) {
            load_problem(report, "a stream that is no DNS was not closed");
            break;
        }
    }
    load_number(report, "tcp_strangers", STRANGERS);
}

static bool datagram_refused(uint16_t port)
{
    uint8_t query[LOAD_QUERY], answer[512];
    bool refused = false;
    int fd = dial(SOCK_DGRAM, port);
    for (uint16_t id = 0; id < 3 && !refused; id++) { /* a datagram may be lost */
        load_query(query, id);
        send(fd, query, sizeof query, 0);
        ssize_t got = recv(fd, answer, sizeof answer, 0);
        refused = got > 0 && refuses(answer, (size_t)got, id);
    }
    close(fd);
    return refused;
}

/* Twice over UDP: whatever closed before the first, the launcher has seen when it answers the
 * second. */
bool load_dns_refuses(uint16_t port)
{
    int fd = dial(SOCK_STREAM, port);
    send_framed(fd, 9);
    bool refused = framed_refusal(fd, 9);
    close(fd);
    bool seen = datagram_refused(port);
    return seen && datagram_refused(port) && refused;
}

void load_dns(struct load *load, struct load_report *report)
{
    flood_stub(load, report);
    load_say("dns: flood done");
    strangers(load->subject.stub, report);
    bound_of_connections(load->subject.stub, report);
    if (!load_dns_refuses(load->subject.stub))
        load_problem(report, "no REFUSED afterwards");
}
