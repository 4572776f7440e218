/* datagrams_linux.c - through recvmmsg(2) and sendmmsg(2). */
#include "launcher/datagrams.h"

#include <sys/socket.h>

struct batch {
    struct mmsghdr messages[FIRMA_DATAGRAMS];
    struct iovec parts[FIRMA_DATAGRAMS];
};

static void describe(struct batch *batch, int at, struct firma_datagram *datagram, size_t length)
{
    batch->parts[at] = (struct iovec){datagram->data, length};
    batch->messages[at].msg_hdr = (struct msghdr){.msg_name = &datagram->peer,
                                                  .msg_namelen = sizeof datagram->peer,
                                                  .msg_iov = &batch->parts[at],
                                                  .msg_iovlen = 1};
}

int firma_datagrams_receive(int fd, struct firma_datagram out[FIRMA_DATAGRAMS])
{
    struct batch batch;
    for (int i = 0; i < FIRMA_DATAGRAMS; i++)
        describe(&batch, i, &out[i], FIRMA_DATAGRAM_BYTES);
    int count = recvmmsg(fd, batch.messages, FIRMA_DATAGRAMS, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++)
        out[i].length = batch.messages[i].msg_len;
    return count;
}

/* sendmmsg(2) ends at the first that cannot go: the rest follows without it. */
void firma_datagrams_send(int fd, struct firma_datagram *datagrams, int count)
{
    struct batch batch;
    for (int i = 0; i < count; i++)
        describe(&batch, i, &datagrams[i], datagrams[i].length);
    for (int sent = 0; sent < count;) {
        int got = sendmmsg(fd, batch.messages + sent, (unsigned)(count - sent), MSG_NOSIGNAL);
        sent += got > 0 ? got : 1;
    }
}
