/* socket.h - sockets that no child inherits, on systems with SOCK_CLOEXEC and without. */
#ifndef CF_SOCKET_H
#define CF_SOCKET_H

/* socket(2) with close-on-exec set. The caller owns the descriptor; -1 with errno on failure. */
int cf_socket(int family, int type);

#endif
