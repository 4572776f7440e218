/*
 * ldns' reading, and what follows from it. Of a query only the header and the question are read:
 * the counts of the other sections are set to 0 in a copy, because the stub never looks at what
 * follows the question.
 */
#include "dns.h"

#include <ldns/ldns.h>
#include <string.h>

enum { HEADER = LDNS_HEADER_SIZE, TYPE_AND_CLASS = 4 };

/* Copies QUERY's header and question, whatever follows it, with no other section announced. */
static void copy_question(uint8_t copy[DNS_QUERY_ROOM], const uint8_t *query, size_t size)
{
    memcpy(copy, query, size);
    memset(copy + 6, 0, HEADER - 6);
}

/* The query's header and question; NULL: ldns refuses them. */
static ldns_pkt *read_question(const uint8_t *query, size_t size)
{
    uint8_t copy[DNS_QUERY_ROOM];
    ldns_pkt *packet = NULL;
    copy_question(copy, query, size);
    return ldns_wire2pkt(&packet, copy, size) == LDNS_STATUS_OK ? packet : NULL;
}

static const ldns_rr *question_of(const ldns_pkt *packet)
{
    return ldns_rr_list_rr(ldns_pkt_question(packet), 0);
}

/* Compressed, a name takes fewer bytes in the message than it has. */
static bool is_compressed(const uint8_t *query, size_t size)
{
    uint8_t copy[DNS_QUERY_ROOM];
    ldns_rr *question = NULL;
    size_t at = HEADER;
    copy_question(copy, query, size);
    if (ldns_wire2rr(&question, copy, size, &at, LDNS_SECTION_QUESTION) != LDNS_STATUS_OK)
        return false;
    bool shorter = at - HEADER != ldns_rdf_size(ldns_rr_owner(question)) + TYPE_AND_CLASS;
    ldns_rr_free(question);
    return shorter;
}

enum dns_sort dns_sort_of(const uint8_t *query, size_t size)
{
    if (size < HEADER)
        return DNS_SHORT;
    if (LDNS_QR_WIRE(query))
        return DNS_RESPONSE;
    if (LDNS_OPCODE_WIRE(query) != LDNS_PACKET_QUERY)
        return DNS_OTHER;
    ldns_pkt *packet = read_question(query, size);
    bool one = packet != NULL && ldns_pkt_qdcount(packet) == 1 &&
               ldns_rr_list_rr_count(ldns_pkt_question(packet)) == 1;
    ldns_pkt_free(packet);
    if (!one)
        return DNS_MALFORMED;
    return is_compressed(query, size) ? DNS_COMPRESSED : DNS_WELL;
}

/* What holds for every answer. */
static const char *judge_header(const uint8_t *query, const ldns_pkt *answer, size_t length)
{
    if (ldns_pkt_size(answer) != length)
        return "ldns finds bytes behind the answer";
    if (ldns_pkt_id(answer) != LDNS_ID_WIRE(query) || !ldns_pkt_qr(answer) ||
        ldns_pkt_get_opcode(answer) != LDNS_OPCODE_WIRE(query) ||
        ldns_pkt_rd(answer) != (LDNS_RD_WIRE(query) != 0))
        return "it is not an answer to this query";
    if (ldns_pkt_aa(answer) || ldns_pkt_tc(answer) || ldns_pkt_ra(answer) || ldns_pkt_ad(answer) ||
        ldns_pkt_cd(answer))
        return "it has a flag of its own";
    if (ldns_pkt_ancount(answer) + ldns_pkt_nscount(answer) + ldns_pkt_arcount(answer) != 0)
        return "it has records";
    return NULL;
}

/* The same name, type and class, byte by byte: "a" is not "A" here. */
static bool same_question(const ldns_pkt *left, const ldns_pkt *right)
{
    const ldns_rr *a = question_of(left), *b = question_of(right);
    const ldns_rdf *one = ldns_rr_owner(a), *other = ldns_rr_owner(b);
    return ldns_rr_get_type(a) == ldns_rr_get_type(b) &&
           ldns_rr_get_class(a) == ldns_rr_get_class(b) &&
           ldns_rdf_size(one) == ldns_rdf_size(other) &&
           memcmp(ldns_rdf_data(one), ldns_rdf_data(other), ldns_rdf_size(one)) == 0;
}

static const char *judge_refused(const uint8_t *query, size_t size, const ldns_pkt *answer)
{
    if (ldns_pkt_get_rcode(answer) != LDNS_RCODE_REFUSED)
        return "a well-formed query is not REFUSED";
    if (ldns_pkt_qdcount(answer) != 1)
        return "REFUSED without the question";
    ldns_pkt *asked = read_question(query, size);
    bool same = asked != NULL && same_question(asked, answer);
    ldns_pkt_free(asked);
    return same ? NULL : "REFUSED with another question";
}

static const char *judge_bare(const ldns_pkt *answer, ldns_pkt_rcode rcode, const char *otherwise)
{
    return ldns_pkt_get_rcode(answer) == rcode && ldns_pkt_qdcount(answer) == 0 ? NULL : otherwise;
}

static const char *judge_answer(const uint8_t *query, size_t size, enum dns_sort sort,
                                const ldns_pkt *answer)
{
    switch (sort) {
    case DNS_WELL:
        return judge_refused(query, size, answer);
    case DNS_OTHER:
        return judge_bare(answer, LDNS_RCODE_NOTIMPL, "another opcode is not a bare NOTIMP");
    default:
        return judge_bare(answer, LDNS_RCODE_FORMERR, "a malformed query is not a bare FORMERR");
    }
}

const char *dns_judge(const uint8_t *query, size_t size, enum dns_sort sort, const uint8_t *answer,
                      size_t length)
{
    if (sort == DNS_SHORT || sort == DNS_RESPONSE)
        return length == 0 ? NULL : "what is no query is answered";
    if (length == 0)
        return "a query is not answered";
    ldns_pkt *packet = NULL;
    if (ldns_wire2pkt(&packet, answer, length) != LDNS_STATUS_OK)
        return "ldns cannot read the answer";
    const char *wrong = judge_header(query, packet, length);
    if (wrong == NULL)
        wrong = judge_answer(query, size, sort, packet);
    ldns_pkt_free(packet);
    return wrong;
}
