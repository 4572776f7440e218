/*
 * dns_stub.h - answers REFUSED to every DNS query, over UDP and TCP on one loopback port.
 *
 * It never forwards and never resolves (dns_message.h has the whole rule). At most 32 TCP
 * connections at a time; later ones wait in the backlog, and each is closed when 3 seconds pass
 * without a whole query (RFC 7766).
 */
#ifndef FIRMA_DNS_STUB_H
#define FIRMA_DNS_STUB_H

#include <stdint.h>
#include <sys/types.h>

#include "launcher/loop.h"

struct firma_dns_stub;

/* Listens on 127.0.0.1:PORT, UDP and TCP, one port of the system's choice for both, and serves
 * processes of user OWNER only: anybody else's datagram or connection gets no byte. FIRMA_E_SYSTEM
 * when the sockets, or the diagnostics that tell users apart, are not to be had. */
int firma_dns_stub_open(struct firma_dns_stub **out, struct firma_loop *loop, uid_t owner,
                        struct firma_error *err);
uint16_t firma_dns_stub_port(const struct firma_dns_stub *stub);
/* Harmless on NULL. */
void firma_dns_stub_close(struct firma_dns_stub *stub);

#endif
