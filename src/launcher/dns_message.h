/* dns_message.h - the stub's only answer, as a pure function from query to response. */
#ifndef FIRMA_DNS_MESSAGE_H
#define FIRMA_DNS_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum {
    DNS_HEADER = 12,
    DNS_ANSWER = DNS_HEADER + 255 + 4, /* header, longest name, type and class */
};

/*
 * Writes the answer to the N bytes at QUERY into OUT and returns its size, 0 for no answer at all.
 *
 * A query (RFC 1035 section 4.1) is REFUSED, its question echoed and nothing after it: no OPT, no
 * records. Another opcode gets NOTIMP; QDCOUNT other than 1, or a question that is cut off,
 * compressed or too long, FORMERR; both a bare header. A response (QR=1) and anything below 12
 * bytes get nothing, so that two stubs can never keep each other talking. RD and the opcode are
 * copied, every other flag is 0. CAP below DNS_ANSWER may turn an answer into none.
 */
size_t firma_dns_answer(const uint8_t *query, size_t n, uint8_t *out, size_t cap);

#endif
