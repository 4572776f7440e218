/* Frames and the launch block: what goes in comes out, and nothing else is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runner/vm/channel/block.h"
#include "runner/vm/channel/frame.h"

struct shape {
    uint8_t kind;
    uint16_t stream;
    uint32_t length;
};

static size_t make(uint8_t *out, struct shape shape)
{
    const uint8_t header[] = {shape.kind, 0, (uint8_t)shape.stream, (uint8_t)(shape.stream >> 8)};
    memcpy(out, header, sizeof header);
    firma_put32(out + 4, shape.length);
    return FIRMA_FRAME_HEADER + shape.length;
}

static void test_accepts_each_kind(void **state)
{
    static const struct shape good[] = {
        {FIRMA_FRAME_WORD, 0, 8},       {FIRMA_FRAME_TEXT, 0, 1},
        {FIRMA_FRAME_TEXT, 0, 1023},    {FIRMA_FRAME_OPEN, 16, 1},
        {FIRMA_FRAME_OPEN, 527, 1},     {FIRMA_FRAME_DATA, 1, 1},
        {FIRMA_FRAME_DATA, 527, 16384}, {FIRMA_FRAME_END, 3, 0},
        {FIRMA_FRAME_RESET, 3, 0},      {FIRMA_FRAME_DONE, 16, 0},
        {FIRMA_FRAME_DATAGRAM, 63, 0},  {FIRMA_FRAME_DATAGRAM, 0, 16384},
    };
    static uint8_t bytes[FIRMA_FRAME_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct firma_frame frame;
        size_t size = make(bytes, good[i]);
        assert_int_equal(firma_frame_decode(bytes, size, &frame), (int)size);
        assert_int_equal(frame.kind, good[i].kind);
        assert_int_equal(frame.stream, good[i].stream);
        assert_int_equal(frame.length, good[i].length);
        assert_ptr_equal(frame.bytes, bytes + FIRMA_FRAME_HEADER);
        for (size_t cut = 0; cut < size; cut += cut < 16 ? 1 : 997)
            assert_int_equal(firma_frame_decode(bytes, cut, &frame), 0);
    }
}

/* A frame that can never be right is refused by its header alone: nothing is waited for. */
static void test_refuses_by_header(void **state)
{
    static const struct shape bad[] = {
        {0, 0, 8},
        {10, 1, 0},
        {255, 1, 0},
        {FIRMA_FRAME_WORD, 1, 8},
        {FIRMA_FRAME_WORD, 0, 7},
        {FIRMA_FRAME_WORD, 0, 9},
        {FIRMA_FRAME_TEXT, 0, 0},
        {FIRMA_FRAME_TEXT, 0, 1024},
        {FIRMA_FRAME_OPEN, 15, 1},
        {FIRMA_FRAME_OPEN, 528, 1},
        {FIRMA_FRAME_OPEN, 16, 0},
        {FIRMA_FRAME_OPEN, 16, 2},
        {FIRMA_FRAME_DATA, 0, 1},
        {FIRMA_FRAME_DATA, 528, 1},
        {FIRMA_FRAME_DATA, 1, 0},
        {FIRMA_FRAME_DATA, 1, 16385},
        {FIRMA_FRAME_DATA, 1, 0xffffffff},
        {FIRMA_FRAME_CREDIT, 1, 3},
        {FIRMA_FRAME_CREDIT, 0, 4},
        {FIRMA_FRAME_END, 3, 1},
        {FIRMA_FRAME_RESET, 0, 0},
        {FIRMA_FRAME_DONE, 3, 0},
        {FIRMA_FRAME_DATAGRAM, 64, 1},
        {FIRMA_FRAME_DATAGRAM, 0, 16385},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t bytes[FIRMA_FRAME_HEADER];
        struct firma_frame frame;
        struct shape shape = bad[i];
        make(bytes, shape);
        assert_int_equal(firma_frame_decode(bytes, sizeof bytes, &frame), -1);
    }
}

static void test_refuses_reserved_byte(void **state)
{
    uint8_t bytes[FIRMA_FRAME_HEADER];
    struct firma_frame frame;
    (void)state;
    make(bytes, (struct shape){FIRMA_FRAME_END, 3, 0});
    bytes[1] = 1;
    assert_int_equal(firma_frame_decode(bytes, sizeof bytes, &frame), -1);
}

static void test_refuses_senseless_credit(void **state)
{
    uint8_t bytes[FIRMA_FRAME_HEADER + 4];
    struct firma_frame frame;
    (void)state;
    make(bytes, (struct shape){FIRMA_FRAME_CREDIT, 3, 4});
    firma_put32(bytes + FIRMA_FRAME_HEADER, 0);
    assert_int_equal(firma_frame_decode(bytes, sizeof bytes, &frame), -1);
    firma_put32(bytes + FIRMA_FRAME_HEADER, FIRMA_STREAM_WINDOW + 1);
    assert_int_equal(firma_frame_decode(bytes, sizeof bytes, &frame), -1);
    firma_put32(bytes + FIRMA_FRAME_HEADER, FIRMA_STREAM_WINDOW);
    assert_int_equal(firma_frame_decode(bytes, sizeof bytes, &frame), (int)sizeof bytes);
}

static void test_block_round_trip(void **state)
{
    static const uint8_t filter[16] = {6};
    struct firma_error err = {0};
    struct firma_block in = {.uid = 1000,
                             .gid = 4000000000u,
                             .terminal = 2,
                             .rows = 33,
                             .columns = 65535,
                             .closed = 5,
                             .ignore_sigchld = true,
                             .blocked = 0x8000000000000001u,
                             .ignored = 0x1000,
                             .seconds = 0x100000001u,
                             .nanoseconds = 999999999,
                             .filter = filter,
                             .filter_size = sizeof filter,
                             .contract = "{}",
                             .contract_size = 2};
    struct firma_block out;
    uint8_t *bytes = NULL;
    size_t size = 0;
    (void)state;
    memset(in.entropy, 0xa5, sizeof in.entropy);
    assert_int_equal(firma_block_encode(&in, &bytes, &size, &err), 0);
    assert_int_equal(firma_block_decode(bytes, size, &out, &err), 0);
    assert_int_equal(out.uid, in.uid);
    assert_int_equal(out.gid, in.gid);
    assert_int_equal(out.terminal, in.terminal);
    assert_true(out.ignore_sigchld);
    assert_int_equal(out.rows, in.rows);
    assert_int_equal(out.columns, in.columns);
    assert_int_equal(out.closed, in.closed);
    assert_true(out.blocked == in.blocked && out.seconds == in.seconds);
    assert_int_equal(out.ignored, in.ignored);
    assert_int_equal(out.nanoseconds, in.nanoseconds);
    assert_memory_equal(out.entropy, in.entropy, sizeof in.entropy);
    assert_int_equal(out.filter_size, sizeof filter);
    assert_memory_equal(out.filter, filter, sizeof filter);
    assert_int_equal(out.contract_size, 2);
    assert_memory_equal(out.contract, "{}", 2);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(firma_block_decode(bytes, cut, &out, &err), -FIRMA_E_CONTRACT);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts_each_kind),
        cmocka_unit_test(test_refuses_by_header),
        cmocka_unit_test(test_refuses_reserved_byte),
        cmocka_unit_test(test_refuses_senseless_credit),
        cmocka_unit_test(test_block_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
