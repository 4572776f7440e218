/*
 * datagrams_linux.c - through recvmmsg(2) and sendmmsg(2).
 *
 * Who floods a server is one sender, and refusals are alike: what follows each other to one peer
 * goes through the network once, as one message with UDP_SEGMENT (udp(7), Linux 4.18), which the
 * kernel parts again before the receiver sees it.
 */
#include "launcher/datagrams.h"

#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

union segment {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(uint16_t))];
};

/* Message i of COUNT is those of the parts that its msg_iov names. */
struct batch {
    struct mmsghdr messages[FIRMA_DATAGRAMS];
    struct iovec parts[FIRMA_DATAGRAMS];
    union segment segments[FIRMA_DATAGRAMS];
    int count;
};

static struct msghdr *describe(struct batch *batch, struct firma_datagram *datagram,
                               struct iovec *parts, int part_count)
{
    struct msghdr *message = &batch->messages[batch->count++].msg_hdr;
    *message = (struct msghdr){.msg_name = &datagram->peer,
                               .msg_namelen = sizeof datagram->peer,
                               .msg_iov = parts,
                               .msg_iovlen = (size_t)part_count};
    return message;
}

int firma_datagrams_receive(int fd, struct firma_datagram out[FIRMA_DATAGRAMS])
{
    struct batch batch;
    batch.count = 0;
    for (int i = 0; i < FIRMA_DATAGRAMS; i++) {
        batch.parts[i] = (struct iovec){out[i].data, FIRMA_DATAGRAM_BYTES};
        describe(&batch, &out[i], &batch.parts[i], 1);
    }
    int count = recvmmsg(fd, batch.messages, FIRMA_DATAGRAMS, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++)
        out[i].length = batch.messages[i].msg_len;
    return count;
}

bool firma_datagrams_merge(int fd)
{
    int size = 0;
    socklen_t length = sizeof size;
    return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, &length) == 0;
}

/* How many of the COUNT go as one: to one peer, as long as the first, the last may be shorter. */
static int run_of(const struct firma_datagram *datagrams, int count)
{
    int run = 1;
    while (run < count && firma_same_peer(&datagrams[run].peer, &datagrams->peer) &&
           datagrams[run].length <= datagrams->length &&
           datagrams[run - 1].length == datagrams->length)
        run++;
    return run;
}

static void set_segment(struct batch *batch, struct msghdr *message, size_t length)
{
    union segment *segment = &batch->segments[batch->count - 1];
    uint16_t size = (uint16_t)length;
    *segment = (union segment){.header = {.cmsg_level = IPPROTO_UDP,
                                          .cmsg_type = UDP_SEGMENT,
                                          .cmsg_len = CMSG_LEN(sizeof size)}};
    memcpy(CMSG_DATA(&segment->header), &size, sizeof size);
    message->msg_control = segment;
    message->msg_controllen = sizeof *segment;
}

static void describe_run(struct batch *batch, struct firma_datagram *datagrams, struct iovec *parts,
                         int run)
{
    for (int i = 0; i < run; i++)
        parts[i] = (struct iovec){datagrams[i].data, datagrams[i].length};
    struct msghdr *message = describe(batch, datagrams, parts, run);
    if (run > 1)
        set_segment(batch, message, datagrams->length);
}

/* A run may be refused as a whole, by a device that does not know how: then one by one. */
static void send_parts(int fd, const struct msghdr *run)
{
    struct msghdr single = *run;
    single.msg_iovlen = 1;
    single.msg_control = NULL;
    single.msg_controllen = 0;
    for (; single.msg_iov < run->msg_iov + run->msg_iovlen; single.msg_iov++)
        sendmsg(fd, &single, MSG_NOSIGNAL);
}

/* sendmmsg(2) ends at the first that cannot go: the rest follows without it. */
void firma_datagrams_send(int fd, struct firma_datagram *datagrams, int count, bool merge)
{
    struct batch batch;
    batch.count = 0;
    for (int i = 0, run; i < count; i += run) {
        run = merge ? run_of(&datagrams[i], count - i) : 1;
        describe_run(&batch, &datagrams[i], &batch.parts[i], run);
    }
    for (int sent = 0; sent < batch.count;) {
        int got = sendmmsg(fd, batch.messages + sent, (unsigned)(batch.count - sent), MSG_NOSIGNAL);
        if (got <= 0 && batch.messages[sent].msg_hdr.msg_iovlen > 1)
            send_parts(fd, &batch.messages[sent].msg_hdr);
        sent += got > 0 ? got : 1;
    }
}
