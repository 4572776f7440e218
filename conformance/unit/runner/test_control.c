/* The channel between a runner and its guest's pid 1: what its ends hear when the other one leaves.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "runner/guest/control_linux.h"

struct pair {
    int runner, guest;
};

static int open_pair(void **state)
{
    static struct pair made;
    struct firma_error err;
    int fds[2];
    if (firma_control_open(fds, &err) != 0)
        return -1;
    made = (struct pair){fds[0], fds[1]};
    *state = &made;
    return 0;
}

static int close_pair(void **state)
{
    struct pair *pair = *state;
    close(pair->runner);
    return pair->guest < 0 ? 0 : close(pair->guest);
}

static void leave(struct pair *pair)
{
    close(pair->guest);
    pair->guest = -1;
}

static void a_guest_that_left_is_a_hang_up(void **state)
{
    struct pair *pair = *state;
    struct firma_guest_message message;
    leave(pair);
    assert_int_equal(firma_control_receive(pair->runner, &message), 0);
    assert_int_equal(firma_control_receive(pair->runner, &message), 0);
}

/* A signal on its way to a command that has just ended. unix(7): the end that is left is told of a
 * reset before it is given what still waits. */
static void the_last_word_counts_whatever_was_left_unread(void **state)
{
    struct pair *pair = *state;
    struct firma_guest_message message = {0};
    assert_int_equal(firma_control_say(pair->runner, FIRMA_GUEST_SIGNAL, 15), 0);
    assert_int_equal(firma_control_say(pair->guest, FIRMA_GUEST_STOPPED, 19), 0);
    assert_int_equal(firma_control_say(pair->guest, FIRMA_GUEST_ENDED, 42 << 8), 0);
    leave(pair);
    assert_int_equal(firma_control_receive_last(pair->runner, &message), 1);
    assert_int_equal(message.word, FIRMA_GUEST_STOPPED);
    assert_int_equal(firma_control_receive_last(pair->runner, &message), 1);
    assert_int_equal(message.word, FIRMA_GUEST_ENDED);
    assert_int_equal(message.value, 42 << 8);
    assert_int_equal(firma_control_receive_last(pair->runner, &message), 0);
}

/* Before the command has started a guest that left is lost, whatever it had said. */
static void a_reset_is_a_hang_up_where_no_result_is_awaited(void **state)
{
    struct pair *pair = *state;
    struct firma_guest_message message;
    assert_int_equal(firma_control_say(pair->runner, FIRMA_GUEST_GO, 0), 0);
    assert_int_equal(firma_control_say(pair->guest, FIRMA_GUEST_READY, 0), 0);
    leave(pair);
    assert_int_equal(firma_control_receive(pair->runner, &message), 0);
}

static void a_guest_that_left_without_a_word_is_a_hang_up(void **state)
{
    struct pair *pair = *state;
    struct firma_guest_message message;
    assert_int_equal(firma_control_say(pair->runner, FIRMA_GUEST_GO, 0), 0);
    leave(pair);
    assert_int_equal(firma_control_receive_last(pair->runner, &message), 0);
}

static void nothing_yet_is_no_hang_up(void **state)
{
    struct pair *pair = *state;
    struct firma_guest_message message;
    assert_int_equal(fcntl(pair->runner, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(firma_control_receive(pair->runner, &message), -1);
    assert_int_equal(errno, EAGAIN);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_guest_that_left_is_a_hang_up),
        CASE(the_last_word_counts_whatever_was_left_unread),
        CASE(a_reset_is_a_hang_up_where_no_result_is_awaited),
        CASE(a_guest_that_left_without_a_word_is_a_hang_up),
        CASE(nothing_yet_is_no_hang_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
