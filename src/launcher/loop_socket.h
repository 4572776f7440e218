/* loop_socket.h - sockets as the loop wants them: CLOEXEC, non-blocking, no SIGPIPE, from birth. */
#ifndef FIRMA_LOOP_SOCKET_H
#define FIRMA_LOOP_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* socket(2); -1 with errno. */
int firma_socket(int family, int type);
/* accept(2): flags are set on each accepted socket, none is trusted to be inherited (on BSD an
 * accepted socket inherits O_NONBLOCK, on Linux it does not). -1 with errno. */
int firma_accept(int listener);
/* send(2) that never raises SIGPIPE. */
ssize_t firma_send(int fd, const void *data, size_t size);
/* Lets small writes go at once: what we relay was held back by its sender already if it should be.
 * Does nothing to a socket that is not TCP. */
void firma_no_delay(int fd);
/* Binds a new socket of TYPE to 127.0.0.1:PORT (0: any; *PORT becomes what it got), and listens if
 * it is a stream. Returns the descriptor, or -1 with errno. */
int firma_listen_loopback(int type, uint16_t *port);

#endif
