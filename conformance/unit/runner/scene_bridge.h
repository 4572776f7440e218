/* scene_bridge.h - the bridge and the DNS stub of a scene: the least that a runner can talk to. */
#ifndef SCENE_BRIDGE_H
#define SCENE_BRIDGE_H

#include "scene.h"

struct bridge_sockets {
    int http;
    int dns_udp;
    int dns_tcp; /* at the same port */
    uint16_t http_port;
    uint16_t dns_port;
};

/* Listening sockets on 127.0.0.1; 0 or -1. */
int bridge_open(struct bridge_sockets *sockets);
void bridge_close(struct bridge_sockets *sockets);

/* Serves in a child process until it is killed; dies with its parent. HTTP answers are `bridge`
 * with a line end; a DNS answer is the query with "stub" behind it (over TCP too, without framing).
 */
_Noreturn void bridge_serve(struct bridge_sockets *sockets, enum bridge_mode mode);

#endif
