/* dns.h - RFC 1035 queries, written and read without any library. */
#ifndef PROBE_DNS_H
#define PROBE_DNS_H

#include "net.h"

enum { PROBE_DNS_MAX = 512 };

struct probe_dns_answer {
    bool came;
    int rcode;
    unsigned records; /* answers, authorities and additionals together */
};

/* A query for NAME, TYPE ("A", "TXT", … or a number) of ID; its length, 0: NAME cannot be asked. */
size_t probe_dns_query(unsigned char query[PROBE_DNS_MAX], const char *name, const char *type,
                       unsigned id);
/* Asks ADDRESS over UDP or TCP and notes what came. */
struct probe_dns_answer probe_dns_ask(const struct probe_step *step,
                                      const struct probe_address *address, bool tcp,
                                      const char *name, const char *type, size_t tries,
                                      struct probe_outcome *out);
const char *probe_dns_rcode(int rcode);
/* FIRMA_DNS_STUB_ADDR as an address. */
bool probe_dns_stub_address(struct probe_address *address);

#endif
