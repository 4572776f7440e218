/* dns.h - as much of RFC 1035 as the DNS canary needs: one question in, one answer out. */
#ifndef CF_DNS_H
#define CF_DNS_H

#include <stdbool.h>
#include <stddef.h>

enum { CF_DNS_ANSWER_MAX = 600 };

struct cf_dns_question {
    char name[1100]; /* labels joined by dots, odd bytes as \xHH; "." for the root */
    unsigned type;
    size_t end; /* offset of the first byte behind the question */
};

/* The first question of MESSAGE; false when there is none or it does not parse. */
bool cf_dns_question(const unsigned char *message, size_t length, struct cf_dns_question *question);

/* An authoritative answer: A 198.51.100.53, AAAA 2001:db8:53::1, no records for any other type.
 * Returns its length, at most CF_DNS_ANSWER_MAX; 0 for a message that is a response itself. */
size_t cf_dns_answer(const unsigned char *message, const struct cf_dns_question *question,
                     unsigned char answer[CF_DNS_ANSWER_MAX]);

#endif
