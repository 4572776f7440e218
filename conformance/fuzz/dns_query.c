/* The DNS stub's only answer: never more than the question, never anything but a refusal. */
#include "fuzz.h"

#include <string.h>

#include "launcher/dns_message.h"

enum { QR = 0x80, OPCODE = 0x78, RCODE = 0x0f, FORMERR = 1, NOTIMP = 4, REFUSED = 5 };

static unsigned number(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void check(const uint8_t *query, size_t size, const uint8_t *answer, size_t length)
{
    FUZZ_MUST(size >= DNS_HEADER && (query[2] & QR) == 0);
    FUZZ_MUST(length >= DNS_HEADER && length <= DNS_ANSWER && length <= size);
    FUZZ_MUST(memcmp(query, answer, 2) == 0);
    FUZZ_MUST((answer[2] & QR) != 0 && (answer[2] & OPCODE) == (query[2] & OPCODE));
    unsigned code = answer[3] & RCODE;
    FUZZ_MUST(code == FORMERR || code == NOTIMP || code == REFUSED);
    FUZZ_MUST(number(answer + 6) == 0 && number(answer + 8) == 0 && number(answer + 10) == 0);
    FUZZ_MUST(number(answer + 4) == (code == REFUSED ? 1 : 0));
    FUZZ_MUST(code == REFUSED || length == DNS_HEADER);
    FUZZ_MUST(memcmp(query + DNS_HEADER, answer + DNS_HEADER, length - DNS_HEADER) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *answer = malloc(DNS_ANSWER);
    FUZZ_MUST(answer != NULL);
    size_t length = firma_dns_answer(data, size, answer, DNS_ANSWER);
    if (length > 0)
        check(data, size, answer, length);
    /* An answer is never answered. */
    FUZZ_MUST(length == 0 || firma_dns_answer(answer, length, answer, DNS_ANSWER) == 0);
    free(answer);
    return 0;
}
