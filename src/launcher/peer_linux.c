/*
 * peer_linux.c - the peer's user through NETLINK_SOCK_DIAG, one exact look-up a peer.
 *
 * The kernel looks a TCP socket up by (src = its own end, dst = its peer) and a UDP socket the
 * other way round, so that a UDP request reads like the packet that would reach it. The answer is
 * computed inside sendto(2), so nothing ever waits; it carries the question's number. What it says
 * of a socket without a descriptor is not to be believed: closed but lingering sockets and
 * TIME_WAIT report uid 0 and inode 0.
 */
#include "launcher/peer.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STATE_ESTABLISHED = 1, STATE_FIN_WAIT1 = 4, STATE_FIN_WAIT2 = 5, ANSWERS = 8 };

struct question {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

static struct question ask(int protocol, const struct sockaddr_in *src,
                           const struct sockaddr_in *dst)
{
    struct question made = {
        .header = {.nlmsg_len = sizeof made,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = AF_INET,
                 .sdiag_protocol = (uint8_t)protocol,
                 .idiag_states = ~0u,
                 .id = {.idiag_sport = src->sin_port,
                        .idiag_dport = dst->sin_port,
                        .idiag_src = {src->sin_addr.s_addr},
                        .idiag_dst = {dst->sin_addr.s_addr},
                        .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    return made;
}

enum answer { NONE, STRAY, NOT_FOUND, FOUND };

static enum answer read_answer(const struct firma_peer *peer, struct inet_diag_msg *out)
{
    union {
        struct nlmsghdr header;
        char bytes[4096];
    } answer;
    ssize_t length = recv(peer->fd, &answer, sizeof answer, 0);
    if (length < 0)
        return NONE;
    if (!NLMSG_OK(&answer.header, (size_t)length) || answer.header.nlmsg_seq != peer->asked)
        return STRAY;
    if (answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        answer.header.nlmsg_len < NLMSG_LENGTH(sizeof *out))
        return NOT_FOUND;
    memcpy(out, NLMSG_DATA(&answer.header), sizeof *out);
    return FOUND;
}

static bool look_up(struct firma_peer *peer, struct question *question, struct inet_diag_msg *out)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    question->header.nlmsg_seq = ++peer->asked;
    if (sendto(peer->fd, question, sizeof *question, 0, (struct sockaddr *)&kernel, sizeof kernel) <
        0)
        return false;
    enum answer got = STRAY;
    for (int i = 0; i < ANSWERS && got == STRAY; i++)
        got = read_answer(peer, out);
    return got == FOUND;
}

/* A TCP look-up falls back to listeners on that port: only the very connection counts. */
static bool is_connection(const struct inet_diag_msg *answer, const struct sockaddr_in *remote,
                          const struct sockaddr_in *local)
{
    return (answer->idiag_state == STATE_ESTABLISHED || answer->idiag_state == STATE_FIN_WAIT1 ||
            answer->idiag_state == STATE_FIN_WAIT2) &&
           answer->id.idiag_sport == remote->sin_port && answer->id.idiag_dport == local->sin_port;
}

bool firma_peer_is(struct firma_peer *peer, int protocol, const struct sockaddr_in *remote,
                   const struct sockaddr_in *local, uid_t owner)
{
    bool udp = protocol == IPPROTO_UDP;
    struct question question = udp ? ask(protocol, local, remote) : ask(protocol, remote, local);
    struct inet_diag_msg answer;
    if (!look_up(peer, &question, &answer) || answer.idiag_inode == 0)
        return false;
    if (udp ? answer.id.idiag_sport != remote->sin_port : !is_connection(&answer, remote, local))
        return false;
    return answer.idiag_uid == owner;
}

/* The listener or datagram socket SELF must be found by its own address. */
static bool finds_itself(struct firma_peer *peer, int protocol, int self)
{
    struct sockaddr_in address, none = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    if (getsockname(self, (struct sockaddr *)&address, &length) != 0)
        return false;
    bool udp = protocol == IPPROTO_UDP;
    struct question question =
        udp ? ask(protocol, &none, &address) : ask(protocol, &address, &none);
    struct inet_diag_msg answer;
    return look_up(peer, &question, &answer) && answer.idiag_inode != 0;
}

int firma_peer_prove(struct firma_peer *peer, int protocol, int self, struct firma_error *err)
{
    if (finds_itself(peer, protocol, self))
        return 0;
    return firma_fail(err, FIRMA_E_SYSTEM, 0,
                      "socket diagnostics do not work here (modules inet_diag, tcp_diag, "
                      "udp_diag): peers could not be told apart by user");
}

int firma_peer_open(struct firma_peer *out, int protocol, int self, struct firma_error *err)
{
    struct firma_peer made = {
        socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG), 0};
    if (made.fd < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "cannot open socket diagnostics");
    int result = firma_peer_prove(&made, protocol, self, err);
    if (result == 0)
        *out = made;
    else
        close(made.fd);
    return result;
}

void firma_peer_close(struct firma_peer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
}
