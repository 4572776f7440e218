/* canary_udp_linux.c - datagrams, and answers to DNS queries from the address that was asked. */
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "observers/canary_linux.h"
#include "observers/dns.h"

enum { ROUND_MAX = 256 };

/* Original destination and drop count, from the ancillary data. */
static void read_control(struct msghdr *message, struct sockaddr_storage *to, uint32_t *dropped)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level == SOL_IP && part->cmsg_type == IP_ORIGDSTADDR)
            memcpy(to, CMSG_DATA(part), sizeof(struct sockaddr_in));
        else if (part->cmsg_level == SOL_IPV6 && part->cmsg_type == IPV6_ORIGDSTADDR)
            memcpy(to, CMSG_DATA(part), sizeof(struct sockaddr_in6));
        else if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SO_RXQ_OVFL)
            memcpy(dropped, CMSG_DATA(part), sizeof *dropped);
    }
}

/* DNS, DNS over other transports gone wrong, mDNS and LLMNR carry a question in the clear. */
static bool asks(uint16_t port)
{
    return port == 53 || port == 853 || port == 5353 || port == 5355;
}

static void reply(const struct cf_flow *flow, const unsigned char *data,
                  const struct cf_dns_question *question)
{
    unsigned char answer[CF_DNS_ANSWER_MAX];
    size_t length = cf_dns_answer(data, question, answer);
    int fd = length == 0 ? -1 : cf_canary_socket(SOCK_DGRAM, &flow->to, NULL);
    if (fd < 0)
        return;
    socklen_t size =
        flow->from.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    /* An asker who is gone already needs no answer: the record is what matters. */
    sendto(fd, answer, length, MSG_NOSIGNAL, (const struct sockaddr *)&flow->from, size);
    close(fd);
}

static void datagram(struct cf_canary *canary, const struct cf_flow *flow,
                     const unsigned char *data, size_t length)
{
    struct cf_dns_question question;
    uint16_t port = cf_canary_port(&flow->to);
    bool asked = asks(port) && cf_dns_question(data, length, &question);
    json_t *fields = cf_canary_flow(canary, flow);
    json_object_set_new(fields, "data", cf_events_data(data, length, CF_OBSERVED_RECORD));
    if (length > CF_OBSERVED_RECORD)
        json_object_set_new(fields, "truncated", json_true());
    if (asked) {
        json_object_set_new(fields, "qname", json_string(question.name));
        json_object_set_new(fields, "qtype", json_integer((json_int_t)question.type));
    }
    cf_observer_emit(canary->io, "udp", fields);
    if (asked && port == 53)
        reply(flow, data, &question);
}

void cf_canary_receive(struct cf_canary *canary, struct cf_canary_source *source)
{
    static const size_t size = 65536;
    unsigned char data[65536];
    for (int i = 0; i < ROUND_MAX; i++) {
        union {
            struct cmsghdr aligned;
            char bytes[256];
        } control;
        struct cf_flow flow = {0};
        struct iovec part = {data, size};
        struct msghdr message = {.msg_name = &flow.from,
                                 .msg_namelen = sizeof flow.from,
                                 .msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};
        ssize_t got = recvmsg(source->fd, &message, 0);
        if (got < 0)
            return;
        read_control(&message, &flow.to,
                     &canary->udp_dropped[flow.from.ss_family == AF_INET ? 0 : 1]);
        datagram(canary, &flow, data, (size_t)got);
    }
}
