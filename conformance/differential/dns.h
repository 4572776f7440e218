/* dns.h - queries that may be none, and what is to be said of an answer to one. */
#ifndef DIFFERENTIAL_DNS_H
#define DIFFERENTIAL_DNS_H

#include <stddef.h>
#include <stdint.h>

enum { DNS_QUERY_ROOM = 1024 };

/* What queries are made from: a generator's state and the recorded queries it starts from. */
struct dns_source {
    uint64_t state;
    struct {
        uint8_t data[DNS_QUERY_ROOM];
        size_t size;
    } seeds[128];
    size_t seed_count;
};

/* Adds the files of FOLDER that are no larger than a query; false: it cannot be read. */
int dns_source_add(struct dns_source *source, const char *folder);
/* Writes the next query and returns its size. */
size_t dns_source_next(struct dns_source *source, uint8_t query[DNS_QUERY_ROOM]);

/* What becomes of a query; the last is a difference with a reason (README.md). */
enum dns_sort {
    DNS_SHORT,      /* below a header */
    DNS_RESPONSE,   /* QR is set */
    DNS_OTHER,      /* another opcode */
    DNS_MALFORMED,  /* ldns cannot read the question, or it is not one */
    DNS_WELL,       /* ldns reads exactly one question */
    DNS_COMPRESSED, /* it does, by following a pointer */
    DNS_SORTS
};

/* How ldns reads QUERY. */
enum dns_sort dns_sort_of(const uint8_t *query, size_t size);
/* Why ANSWER is not what has to be said to QUERY of that sort; NULL: it is. */
const char *dns_judge(const uint8_t *query, size_t size, enum dns_sort sort, const uint8_t *answer,
                      size_t length);

#endif
