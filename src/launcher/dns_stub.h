/* dns_stub.h - answers REFUSED to every DNS query, over UDP and TCP on one loopback port. */
#ifndef FIRMA_DNS_STUB_H
#define FIRMA_DNS_STUB_H

#include <stdint.h>
#include <sys/types.h>

#include "launcher/loop.h"

struct firma_dns_stub;

/* Listens on 127.0.0.1:PORT, UDP and TCP, one port of the system's choice for both, and serves
 * processes of user OWNER only. */
int firma_dns_stub_open(struct firma_dns_stub **out, struct firma_loop *loop, uid_t owner,
                        struct firma_error *err);
uint16_t firma_dns_stub_port(const struct firma_dns_stub *stub);
void firma_dns_stub_close(struct firma_dns_stub *stub);

#endif
