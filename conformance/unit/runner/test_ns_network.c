/* The only roads out of a namespace runner's guest, and what happens when they lead nowhere. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scene.h"

static const char *port_text(uint16_t port)
{
    static char text[4][8];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(text[turn], sizeof text[turn], "%u", port);
    return text[turn];
}

static void test_there_is_a_loopback_device_and_no_other(void **state)
{
    struct outcome outcome;
    SCENE_RUN(*state, &outcome, "sh", "-c",
              "grep -c : /proc/net/dev; grep -o '^ *lo:' /proc/net/dev; wc -l </proc/net/route");
    assert_exit(&outcome, 0);
    assert_string_equal(outcome.out, "1\n    lo:\n1\n");
}

/* The very first thing the command does, every time. */
static void test_R11_the_listeners_are_there_before_the_command(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 10; i++) {
        struct outcome outcome;
        SCENE_RUN(scene, &outcome, HELPER, "fetch", port_text(scene->bridge_port));
        assert_exit(&outcome, 0);
        assert_holds(outcome.out, "HTTP/1.1 200 OK\r\n");
        assert_holds(outcome.out, "\r\n\r\nbridge\n");
    }
}

static void check_dns(struct scene *scene, uint16_t port, const char *kind)
{
    struct outcome outcome;
    SCENE_RUN(scene, &outcome, HELPER, "ask", port_text(port), kind);
    assert_string_equal(outcome.out, "query-query-stub\n");
}

static void test_the_stub_answers_at_its_address_and_at_port_53(void **state)
{
    struct scene *scene = *state;
    check_dns(scene, scene->dns_port, "udp");
    check_dns(scene, scene->dns_port, "tcp");
    check_dns(scene, 53, "udp");
    check_dns(scene, 53, "tcp");
}

static void test_other_loopback_ports_of_the_host_are_out_of_reach(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    SCENE_RUN(scene, &outcome, HELPER, "fetch", port_text(ntohs(address.sin_port)));
    close(fd);
    assert_string_equal(outcome.out, "connect ECONNREFUSED\n");
}

static void test_much_data_both_ways_with_a_half_close(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    SCENE_RUN(scene, &outcome, HELPER, "echo", port_text(scene->bridge_port), "8388608");
    assert_string_equal(outcome.out, "echoed 8388608 wrong 0 end 0\n");
}

static void test_a_flood_of_connections_is_survived(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    char text[256];
    snprintf(text, sizeof text, HELPER " flood %u 600; " HELPER " fetch %u", scene->bridge_port,
             scene->bridge_port);
    SCENE_RUN(scene, &outcome, "sh", "-c", text);
    assert_exit(&outcome, 0);
    assert_holds(outcome.out, "opened 600\n");
    assert_holds(outcome.out, "\r\n\r\nbridge\n");
}

static void check_never_runs(struct scene *scene, enum bridge_mode mode)
{
    struct outcome outcome;
    scene_bridge(scene, mode);
    SCENE_RUN(scene, &outcome, "sh", "-c", ": >ran");
    assert_refused(&outcome, "sidecar unreachable through proxy_url");
    assert_int_equal(access(scene_path(scene, "cwd/ran"), F_OK), -1);
}

static void test_without_a_sidecar_the_command_never_runs(void **state)
{
    check_never_runs(*state, BRIDGE_BAD_GATEWAY);
    check_never_runs(*state, BRIDGE_ABSENT);
}

static void test_a_silent_sidecar_is_refused_in_bounded_time(void **state)
{
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    check_never_runs(*state, BRIDGE_SILENT);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_in_range(after.tv_sec - before.tv_sec, 1, 5);
}

/* The bridge dies while the command runs: its connections fail, and the rest goes on. */
static void test_a_bridge_that_dies_is_not_replaced_by_anything(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome = {0};
    char text[256];
    snprintf(text, sizeof text,
             "echo up; until [ -e gone ]; do :; done; " HELPER " fetch %u; exit 6",
             scene->bridge_port);
    SCENE_START(scene, "sh", "-c", text);
    scene_expect(scene, &outcome, "up\n");
    assert_int_equal(kill(scene->bridge, SIGKILL), 0);
    assert_int_equal(waitpid(scene->bridge, NULL, 0), scene->bridge);
    scene->bridge = -1;
    scene_write(scene, "cwd/gone", "", 0, 0644);
    scene_finish(scene, &outcome);
    assert_exit(&outcome, 6);
    if (strcmp(outcome.out, "up\nrecv ECONNRESET\n") != 0)
        assert_string_equal(outcome.out, "up\nsend ECONNRESET\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_there_is_a_loopback_device_and_no_other),
        TEST(test_R11_the_listeners_are_there_before_the_command),
        TEST(test_the_stub_answers_at_its_address_and_at_port_53),
        TEST(test_other_loopback_ports_of_the_host_are_out_of_reach),
        TEST(test_much_data_both_ways_with_a_half_close),
        TEST(test_a_flood_of_connections_is_survived),
        TEST(test_without_a_sidecar_the_command_never_runs),
        TEST(test_a_silent_sidecar_is_refused_in_bounded_time),
        TEST(test_a_bridge_that_dies_is_not_replaced_by_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
