#include "launcher/dns_message.h"

#include <stdbool.h>
#include <string.h>

enum {
    FLAG_QR = 0x80, /* in byte 2 */
    FLAG_OPCODE = 0x78,
    FLAG_RD = 0x01,
    RCODE_FORMERR = 1, /* in byte 3 */
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
    MAX_LABEL = 63,
    MAX_NAME = 255,
    TYPE_AND_CLASS = 4,
};

/* The size of the question after the header, 0 when it is not a whole, uncompressed one. */
static size_t question_size(const uint8_t *query, size_t n)
{
    size_t at = DNS_HEADER;
    while (at < n && query[at] != 0) {
        if (query[at] > MAX_LABEL) /* a pointer, or a type of label that never came to be */
            return 0;
        at += 1u + query[at];
    }
    size_t name = at + 1 - DNS_HEADER;
    if (at >= n || name > MAX_NAME || n - (at + 1) < TYPE_AND_CLASS)
        return 0;
    return name + TYPE_AND_CLASS;
}

static size_t reply(const uint8_t *query, size_t question, uint8_t rcode, uint8_t *out, size_t cap)
{
    if (DNS_HEADER + question > cap)
        return 0;
    memset(out, 0, DNS_HEADER);
    memcpy(out, query, 2); /* the id */
    out[2] = (uint8_t)(FLAG_QR | (query[2] & (FLAG_OPCODE | FLAG_RD)));
    out[3] = rcode;
    out[5] = question > 0;
    memcpy(out + DNS_HEADER, query + DNS_HEADER, question);
    return DNS_HEADER + question;
}

size_t firma_dns_answer(const uint8_t *query, size_t n, uint8_t *out, size_t cap)
{
    if (n < DNS_HEADER || (query[2] & FLAG_QR))
        return 0;
    if (query[2] & FLAG_OPCODE)
        return reply(query, 0, RCODE_NOTIMP, out, cap);
    bool one = query[4] == 0 && query[5] == 1;
    size_t question = one ? question_size(query, n) : 0;
    return reply(query, question, question > 0 ? RCODE_REFUSED : RCODE_FORMERR, out, cap);
}
