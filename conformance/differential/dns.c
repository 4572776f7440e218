/*
 * The stub's answer to COUNT made queries, held against what ldns reads: dns SEED COUNT FOLDER…
 * Prints the numbers, and each disagreement with the query in hexadecimal; exit 1 if there is any.
 *
 * As a control every answer is also spoilt in one place, and the judge must object.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns.h"
#include "launcher/dns_message.h"
#include "stream.h"

enum { SHOWN = 10 };

struct tally {
    unsigned sorts[DNS_SORTS];
    unsigned disagreements;
    unsigned spoilt;
    unsigned noticed;
};

static const char *const sorts[DNS_SORTS] = {
    [DNS_SHORT] = "below a header: no answer",
    [DNS_RESPONSE] = "a response: no answer",
    [DNS_OTHER] = "another opcode: NOTIMP",
    [DNS_MALFORMED] = "malformed to ldns: FORMERR",
    [DNS_WELL] = "well-formed to ldns: REFUSED with its question",
    [DNS_COMPRESSED] = "a compressed name, which only ldns follows: FORMERR (README.md)",
};

/* A lie of every kind that an answer could tell, by turns. */
static size_t spoil(uint8_t *answer, size_t length, unsigned turn)
{
    switch (turn % 6) {
    case 0:
        answer[0] ^= 1;
        return length;
    case 1:
        answer[2] ^= 0x80;
        return length;
    case 2:
        answer[3] ^= 1; /* REFUSED, FORMERR and NOTIMP are told from their neighbours */
        return length;
    case 3:
        answer[length - 1] ^= 1;
        return length;
    case 4:
        answer[7] = 1;
        return length;
    default:
        return length - 1;
    }
}

static void control(struct tally *tally, const uint8_t *query, size_t size, enum dns_sort sort,
                    const uint8_t *answer, size_t length)
{
    uint8_t spoilt[DNS_ANSWER];
    memcpy(spoilt, answer, length);
    size_t left = spoil(spoilt, length, tally->spoilt++);
    tally->noticed += dns_judge(query, size, sort, spoilt, left) != NULL;
}

static void try_query(struct tally *tally, const uint8_t *query, size_t size)
{
    uint8_t answer[DNS_ANSWER];
    enum dns_sort sort = dns_sort_of(query, size);
    size_t length = firma_dns_answer(query, size, answer, sizeof answer);
    const char *wrong = dns_judge(query, size, sort, answer, length);
    tally->sorts[sort]++;
    if (wrong != NULL && tally->disagreements++ < SHOWN) {
        printf("DISAGREEMENT ldns: %s\n    query: ", wrong);
        stream_print_hex(stdout, query, size);
        putchar('\n');
    }
    if (wrong == NULL && length > 0)
        control(tally, query, size, sort, answer, length);
}

/* True when there was enough of every sort to show something. */
static bool report(const struct tally *tally, unsigned long count)
{
    bool enough = true;
    for (int sort = 0; sort < DNS_SORTS; sort++) {
        printf("%7u %s\n", tally->sorts[sort], sorts[sort]);
        enough &= tally->sorts[sort] >= count / 1000;
    }
    printf("%lu queries, %u disagreements; %u answers spoilt, %u noticed\n", count,
           tally->disagreements, tally->spoilt, tally->noticed);
    return enough && tally->disagreements == 0 && tally->spoilt > 0 &&
           tally->noticed == tally->spoilt;
}

int main(int argc, char **argv)
{
    static struct dns_source source;
    struct tally tally = {0};
    uint8_t query[DNS_QUERY_ROOM];
    if (argc < 4)
        return 2;
    unsigned long count = strtoul(argv[2], NULL, 10);
    source.state = strtoul(argv[1], NULL, 10);
    for (int i = 3; i < argc; i++) {
        if (!dns_source_add(&source, argv[i]))
            return 2;
    }
    for (unsigned long i = 0; i < count; i++)
        try_query(&tally, query, dns_source_next(&source, query));
    return report(&tally, count) ? 0 : 1;
}
