/* The stub's answer as a pure function; answers are decoded by ldns, not by our own code. */
#include "rig.h"

#include "launcher/dns_message.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>

static size_t answer(const char *data, size_t size, uint8_t *out)
{
    uint8_t *query = test_malloc(size + 1); /* of exactly this size, for the sanitizer */
    memcpy(query, data, size);
    size_t length = firma_dns_answer(query, size, out, DNS_ANSWER);
    test_free(query);
    return length;
}

/* ldns accepts trailing bytes, so the size is compared too. */
static void describe(char *out, size_t room, const char *query, const uint8_t *data, size_t size)
{
    ldns_pkt *packet = NULL;
    if (size == 0) {
        snprintf(out, room, "none");
        return;
    }
    assert_int_equal(ldns_wire2pkt(&packet, data, size), LDNS_STATUS_OK);
    assert_int_equal(ldns_pkt_size(packet), size);
    assert_true(ldns_pkt_qr(packet));
    assert_false(ldns_pkt_aa(packet) || ldns_pkt_tc(packet) || ldns_pkt_ra(packet));
    assert_false(ldns_pkt_ad(packet) || ldns_pkt_cd(packet) || ldns_pkt_edns(packet));
    assert_int_equal(ldns_pkt_id(packet), 0x1234);
    assert_int_equal(ldns_pkt_rd(packet), query[2] & 1);
    assert_int_equal(ldns_pkt_get_opcode(packet), ((unsigned char)query[2] >> 3) & 15);
    assert_int_equal(ldns_pkt_ancount(packet) + ldns_pkt_nscount(packet), 0);
    assert_int_equal(ldns_pkt_arcount(packet), 0);
    char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(packet));
    snprintf(out, room, "%s %u", rcode, ldns_pkt_qdcount(packet));
    LDNS_FREE(rcode);
    ldns_pkt_free(packet);
    if (size > DNS_HEADER)
        assert_memory_equal(data + DNS_HEADER, query + DNS_HEADER, size - DNS_HEADER);
}

static void judge(const char *name, const char *data, size_t size, const char *expected)
{
    uint8_t out[DNS_ANSWER];
    char got[64];
    size_t length = answer(data, size, out);
    describe(got, sizeof got, data, out, length);
    cf_same_text(name, got, expected);
}

static void test_answers_from_files(void **state)
{
    (void)state;
    cf_each_case("dns", "EXPECT", judge);
}

static void test_D1_an_answer_is_never_answered(void **state)
{
    (void)state;
    static const char query[] = "\x12\x34\x01\x00\0\1\0\0\0\0\0\0\1a\0\0\1\0\1";
    uint8_t first[DNS_ANSWER], second[DNS_ANSWER];
    size_t size = firma_dns_answer((const uint8_t *)query, sizeof query - 1, first, sizeof first);
    assert_true(size > 0);
    assert_int_equal(firma_dns_answer(first, size, second, sizeof second), 0);
}

static void test_D2_the_answer_ends_after_the_question(void **state)
{
    (void)state;
    static const char query[] = "\x12\x34\x01\x20\0\1\0\0\0\0\0\1\1a\0\0\1\0\1"
                                "\0\0\x29\x04\xd0\0\0\x80\0\0\0";
    uint8_t out[DNS_ANSWER];
    assert_int_equal(answer(query, sizeof query - 1, out), DNS_HEADER + 3 + 4);
}

static void test_D4_every_cut_of_a_query_is_an_error(void **state)
{
    (void)state;
    static const char query[] = "\x12\x34\x01\x00\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1";
    uint8_t out[DNS_ANSWER];
    for (size_t size = 0; size < sizeof query - 1; size++) {
        size_t length = answer(query, size, out);
        assert_int_equal(length, size < DNS_HEADER ? 0 : DNS_HEADER);
        if (length > 0)
            assert_int_equal(out[3], LDNS_RCODE_FORMERR);
    }
}

static void test_no_room_is_no_answer(void **state)
{
    (void)state;
    static const char query[] = "\x12\x34\x01\x00\0\1\0\0\0\0\0\0\1a\0\0\1\0\1";
    uint8_t out[DNS_HEADER + 7];
    assert_int_equal(firma_dns_answer((const uint8_t *)query, sizeof query - 1, out, 18), 0);
    assert_int_equal(firma_dns_answer((const uint8_t *)query, sizeof query - 1, out, 19), 19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_from_files),
        cmocka_unit_test(test_D1_an_answer_is_never_answered),
        cmocka_unit_test(test_D2_the_answer_ends_after_the_question),
        cmocka_unit_test(test_D4_every_cut_of_a_query_is_an_error),
        cmocka_unit_test(test_no_room_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
