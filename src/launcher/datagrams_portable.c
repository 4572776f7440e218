/* datagrams_portable.c - one by one, where nothing better is known. */
#include "launcher/datagrams.h"

#include <sys/socket.h>

int firma_datagrams_receive(int fd, struct firma_datagram out[FIRMA_DATAGRAMS])
{
    int count = 0;
    while (count < FIRMA_DATAGRAMS) {
        struct firma_datagram *next = &out[count];
        socklen_t size = sizeof next->peer;
        ssize_t got =
            recvfrom(fd, next->data, sizeof next->data, 0, (struct sockaddr *)&next->peer, &size);
        if (got < 0)
            return count > 0 ? count : -1;
        next->length = (size_t)got;
        count++;
    }
    return count;
}

bool firma_datagrams_merge(int fd)
{
    (void)fd;
    return false;
}

void firma_datagrams_send(int fd, struct firma_datagram *datagrams, int count, bool merge)
{
    (void)merge;
    for (int i = 0; i < count; i++) {
        const struct firma_datagram *next = &datagrams[i];
        sendto(fd, next->data, next->length, 0, (const struct sockaddr *)&next->peer,
               sizeof next->peer);
    }
}
