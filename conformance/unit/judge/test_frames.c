/* test_frames.c - a capture decoded: addresses, ports, heartbeats, and files that are no capture.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "judge/evidence.h"

static struct bundle bundle;

static int make(void **state)
{
    (void)state;
    bundle_make(&bundle);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    bundle_remove(&bundle);
    return 0;
}

static int load(struct cf_leg_evidence *leg, const char *file)
{
    char path[1024];
    struct cf_error err = {0};
    snprintf(path, sizeof path, "%s/%s", bundle.dir, file);
    int failed = cf_frames_load(leg, path, &err);
    if (failed != 0)
        assert_true(err.text[0] != '\0');
    return failed;
}

static void release(struct cf_leg_evidence *leg)
{
    for (size_t i = 0; i < leg->frame_count; i++)
        free(leg->frames[i].bytes);
    free(leg->frames);
    json_decref(leg->logs);
}

static struct cf_leg_evidence leg_with_heartbeat(const char *address)
{
    struct cf_leg_evidence leg = {0};
    leg.logs = json_pack("{s[{ssssss}{ssss}]}", "harness", "event", "heartbeat", "road", "udp4",
                         "address", address, "event", "other", "address", "9.9.9.9");
    assert_non_null(leg.logs);
    return leg;
}

static void ipv4_addresses_and_ports(void **state)
{
    (void)state;
    unsigned char frame[512];
    struct cf_leg_evidence leg = leg_with_heartbeat("10.0.0.1");
    size_t length = bundle_frame4(frame, "203.0.113.2", "1.1.1.1", 6, 40000, 443, "hello");
    bundle_add_frame(&bundle, "v4.pcap", frame, length);
    length = bundle_frame4(frame, "203.0.113.2", "8.8.8.8", 17, 40001, 53, "");
    bundle_add_frame(&bundle, "v4.pcap", frame, length);
    assert_int_equal(load(&leg, "v4.pcap"), 0);
    assert_int_equal(leg.frame_count, 2);
    assert_int_equal(leg.frames[0].number, 1);
    assert_string_equal(leg.frames[0].source, "203.0.113.2");
    assert_string_equal(leg.frames[0].target, "1.1.1.1");
    assert_int_equal(leg.frames[0].protocol, 6);
    assert_int_equal(leg.frames[0].source_port, 40000);
    assert_int_equal(leg.frames[0].target_port, 443);
    assert_int_equal(leg.frames[0].ethertype, 0x0800);
    assert_int_equal(leg.frames[1].number, 2);
    assert_int_equal(leg.frames[1].protocol, 17);
    assert_int_equal(leg.frames[1].target_port, 53);
    assert_int_equal(leg.frames[1].length, length);
    assert_false(leg.frames[1].harness);
    release(&leg);
}

/* An IPv4 header with options moves the ports. */
static void options_move_the_ports(void **state)
{
    (void)state;
    unsigned char plain[512], frame[512];
    struct cf_leg_evidence leg = leg_with_heartbeat("10.0.0.1");
    size_t length = bundle_frame4(plain, "203.0.113.2", "1.1.1.1", 17, 1000, 2000, "");
    memcpy(frame, plain, 34);
    memset(frame + 34, 1, 8);
    memcpy(frame + 42, plain + 34, length - 34);
    frame[14] = 0x47;
    bundle_add_frame(&bundle, "options.pcap", frame, length + 8);
    assert_int_equal(load(&leg, "options.pcap"), 0);
    assert_int_equal(leg.frames[0].source_port, 1000);
    assert_int_equal(leg.frames[0].target_port, 2000);
    release(&leg);
}

/* What stands where the ports would is the payload's: only a first fragment has any. */
static void later_fragments_have_no_ports(void **state)
{
    (void)state;
    unsigned char frame[512];
    struct cf_leg_evidence leg = leg_with_heartbeat("10.0.0.1");
    size_t length = bundle_frame4(frame, "203.0.113.2", "1.1.1.1", 17, 1000, 2000, "");
    frame[14 + 6] = 0x20; /* the first of several: its offset is 0 */
    bundle_add_frame(&bundle, "fragments.pcap", frame, length);
    frame[14 + 7] = 185;
    bundle_add_frame(&bundle, "fragments.pcap", frame, length);
    assert_int_equal(load(&leg, "fragments.pcap"), 0);
    assert_int_equal(leg.frames[0].target_port, 2000);
    assert_int_equal(leg.frames[1].target_port, 0);
    assert_string_equal(leg.frames[1].target, "1.1.1.1");
    release(&leg);
}

static void ipv6_addresses_and_ports(void **state)
{
    (void)state;
    unsigned char frame[14 + 40 + 8] = "\2\0\0\0\0\1\2\0\0\0\0\1\x86\xdd\x60";
    struct cf_leg_evidence leg = leg_with_heartbeat("10.0.0.1");
    frame[14 + 6] = 17;
    memcpy(frame + 14 + 8, "\x20\x01\x0d\xb8\0\1\0\0\0\0\0\0\0\0\0\2", 16);
    memcpy(frame + 14 + 24, "\x26\x06\x47\0\x47\0\0\0\0\0\0\0\0\0\x11\x11", 16);
    memcpy(frame + 14 + 40, "\x9c\x40\x01\xbb", 4);
    bundle_add_frame(&bundle, "v6.pcap", frame, sizeof frame);
    assert_int_equal(load(&leg, "v6.pcap"), 0);
    assert_string_equal(leg.frames[0].source, "2001:db8:1::2");
    assert_string_equal(leg.frames[0].target, "2606:4700:4700::1111");
    assert_int_equal(leg.frames[0].protocol, 17);
    assert_int_equal(leg.frames[0].source_port, 40000);
    assert_int_equal(leg.frames[0].target_port, 443);
    release(&leg);
}

static void only_a_heartbeats_address_is_the_harness(void **state)
{
    (void)state;
    unsigned char frame[512];
    struct cf_leg_evidence leg = leg_with_heartbeat("10.7.7.7");
    static const struct {
        const char *source, *target;
        bool harness;
    } cases[] = {{"203.0.113.2", "10.7.7.7", true},
                 {"10.7.7.7", "203.0.113.2", true},
                 {"203.0.113.2", "10.7.7.70", false},
                 {"203.0.113.2", "10.7.7.8", false},
                 {"203.0.113.2", "9.9.9.9", false}};
    for (size_t i = 0; i < 5; i++) {
        size_t length =
            bundle_frame4(frame, cases[i].source, cases[i].target, 17, 1000, 2000, "beat");
        bundle_add_frame(&bundle, "beats.pcap", frame, length);
    }
    assert_int_equal(load(&leg, "beats.pcap"), 0);
    assert_int_equal(leg.frame_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(leg.frames[i].harness, cases[i].harness);
    release(&leg);
}

/* A frame that cannot be decoded is still a frame: it must not be lost. */
static void a_strange_frame_is_kept(void **state)
{
    (void)state;
    unsigned char frame[512];
    struct cf_leg_evidence leg = leg_with_heartbeat("");
    size_t whole = bundle_frame4(frame, "203.0.113.2", "1.1.1.1", 6, 1, 2, "");
    for (size_t length = 1; length <= whole; length++)
        bundle_add_frame(&bundle, "strange.pcap", frame, length);
    assert_int_equal(load(&leg, "strange.pcap"), 0);
    assert_int_equal(leg.frame_count, whole);
    for (size_t i = 0; i < whole; i++) {
        assert_false(leg.frames[i].harness);
        assert_int_equal(leg.frames[i].length, i + 1);
        if (i + 1 < 34)
            assert_string_equal(leg.frames[i].target, "");
    }
    release(&leg);
}

/* A heartbeat on the loopback says nothing about the link. */
static void a_loopback_heartbeat_excuses_no_frame(void **state)
{
    (void)state;
    unsigned char frame[512];
    struct cf_leg_evidence leg = {0};
    leg.logs = json_pack("{s[{ssssss}]}", "harness", "event", "heartbeat", "road", "lo4_tcp",
                         "address", "127.0.0.1");
    size_t length = bundle_frame4(frame, "127.0.0.1", "127.0.0.1", 17, 1000, 2000, "");
    bundle_add_frame(&bundle, "loopback.pcap", frame, length);
    assert_int_equal(load(&leg, "loopback.pcap"), 0);
    assert_false(leg.frames[0].harness);
    release(&leg);
}

static void many_frames_are_all_kept(void **state)
{
    (void)state;
    unsigned char frame[512];
    struct cf_leg_evidence leg = leg_with_heartbeat("10.0.0.1");
    for (unsigned i = 0; i < 1000; i++) {
        size_t length = bundle_frame4(frame, "203.0.113.2", "1.1.1.1", 17, 1000, i, "");
        bundle_add_frame(&bundle, "many.pcap", frame, length);
    }
    assert_int_equal(load(&leg, "many.pcap"), 0);
    assert_int_equal(leg.frame_count, 1000);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(leg.frames[i].target_port, i);
    release(&leg);
}

static void a_capture_cut_anywhere_is_refused_or_shorter(void **state)
{
    (void)state;
    unsigned char frame[512];
    size_t length = bundle_frame4(frame, "203.0.113.2", "1.1.1.1", 6, 1, 2, "x");
    bundle_add_frame(&bundle, "whole.pcap", frame, length);
    bundle_add_frame(&bundle, "whole.pcap", frame, length);
    size_t size, borders = 0;
    char *bytes = bundle_read(&bundle, "whole.pcap", &size);
    for (size_t cut = 0; cut < size; cut++) {
        struct cf_leg_evidence leg = leg_with_heartbeat("10.0.0.1");
        bundle_write(&bundle, "cut.pcap", bytes, cut);
        bool border = cut == 24 || cut == 24 + 16 + length;
        assert_int_equal(load(&leg, "cut.pcap") == 0, border);
        assert_true(leg.frame_count < 2);
        borders += border;
        release(&leg);
    }
    assert_int_equal(borders, 2);
    free(bytes);
}

static void another_link_type_is_refused(void **state)
{
    (void)state;
    struct cf_leg_evidence leg = leg_with_heartbeat("10.0.0.1");
    bundle_add_frame(&bundle, "raw.pcap", NULL, 0);
    size_t size;
    char *bytes = bundle_read(&bundle, "raw.pcap", &size);
    bytes[20] = 12; /* DLT_RAW */
    bundle_write(&bundle, "raw.pcap", bytes, size);
    assert_int_not_equal(load(&leg, "raw.pcap"), 0);
    free(bytes);
    release(&leg);
}

/* The observer never cuts frames; one that is shorter than it was has been. */
static void a_frame_shortened_by_the_capture_is_refused(void **state)
{
    (void)state;
    unsigned char frame[512];
    struct cf_leg_evidence leg = leg_with_heartbeat("10.0.0.1");
    size_t length = bundle_frame4(frame, "203.0.113.2", "1.1.1.1", 6, 1, 2, ""), size;
    bundle_add_frame(&bundle, "snap.pcap", frame, length);
    char *bytes = bundle_read(&bundle, "snap.pcap", &size);
    bytes[24 + 12]++; /* the length on the wire */
    bundle_write(&bundle, "snap.pcap", bytes, size);
    assert_int_not_equal(load(&leg, "snap.pcap"), 0);
    free(bytes);
    release(&leg);
}

static void what_is_no_capture_is_refused(void **state)
{
    (void)state;
    struct cf_leg_evidence leg = leg_with_heartbeat("10.0.0.1");
    bundle_write(&bundle, "text.pcap", "{\"not\":\"a capture\"} and quite some more of it", 44);
    assert_int_not_equal(load(&leg, "text.pcap"), 0);
    assert_int_not_equal(load(&leg, "missing.pcap"), 0);
    assert_int_equal(leg.frame_count, 0);
    release(&leg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_addresses_and_ports),
        cmocka_unit_test(options_move_the_ports),
        cmocka_unit_test(later_fragments_have_no_ports),
        cmocka_unit_test(ipv6_addresses_and_ports),
        cmocka_unit_test(only_a_heartbeats_address_is_the_harness),
        cmocka_unit_test(a_strange_frame_is_kept),
        cmocka_unit_test(a_loopback_heartbeat_excuses_no_frame),
        cmocka_unit_test(many_frames_are_all_kept),
        cmocka_unit_test(a_capture_cut_anywhere_is_refused_or_shorter),
        cmocka_unit_test(another_link_type_is_refused),
        cmocka_unit_test(a_frame_shortened_by_the_capture_is_refused),
        cmocka_unit_test(what_is_no_capture_is_refused),
    };
    return cmocka_run_group_tests_name("judge.frames", tests, make, unmake);
}
