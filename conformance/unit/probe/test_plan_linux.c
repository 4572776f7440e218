/* The plan's grammar, receipts and their digest, deadlines, waits and repeats. */
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

#define N1 "0123456789abcdef0123456789abcdef"

static void bad_plans_name_their_line(void **state)
{
    static const struct {
        const char *body;
        const char *says;
    } cases[] = {
        {"leg a\nsteps x\n", "plan line 4: no statement `steps`"},
        {"# comment\n\nstep a tcp " N1 "\n", "plan line 5: step needs"},
        {"step a tpc " N1 " 100\n", "plan line 3: no technique `tpc`"},
        {"step a tcp 0123 100\n", "plan line 3: not a nonce `0123`"},
        {"step a tcp " N1 " 0\n", "plan line 3: not a deadline `0`"},
        {"step a tcp " N1 " 1x\n", "plan line 3: not a deadline `1x`"},
        {"step a tcp " N1 " 100 addr\n", "plan line 3: parameters are key=value"},
        {"step a tcp " N1 " 100 a=\\xZZ\n", "plan line 3: malformed escape"},
        {"step a tcp " N1 " 100 a=\\x00\n", "plan line 3: malformed escape"},
        {"repeat 1\n", "plan line 3: repeat needs"},
        {"repeat 1 100\nrepeat 1 100\n", "plan line 4: repeat inside repeat"},
        {"repeat 1 100\nstep a tcp " N1 " 100\n", "repeat without end"},
        {"end\n", "plan line 3: end without repeat"},
        {"repeat 1 100\nwait fault\nend\n", "plan line 4: wait inside repeat"},
        {"wait long\n", "plan line 3: wait needs"},
        {"live " N1 " get http://1.2.3.4/\n", "plan line 3: live knows only proxy-get"},
        {"live " N1 " proxy-get ftp://1.2.3.4/\n", "plan line 3: not an http URL"},
        {"live-after " N1 "\n", "plan line 3: wrong number of words"},
        {"leg\n", "plan line 3: leg needs a name"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan plan;
        struct program program;
        plan_write(&plan, cases[i].body);
        probe_start(&program, &plan);
        program_end(&program);
        plan_remove(&plan);
        if (strstr(program.err, cases[i].says) == NULL)
            fail_msg("`%s` said: %s", cases[i].body, program.err);
        assert_int_equal(WEXITSTATUS(program.status), 64);
        assert_string_equal(program.out, "");
        program_free(&program);
    }
}

static int invoke(const char *path, const char *token)
{
    struct program program;
    const char *argv[] = {"firma-probe", "--plan", path, "--token", token, NULL};
    program_start(&program, argv, -1);
    program_end(&program);
    int status = WEXITSTATUS(program.status);
    assert_string_equal(program.out, "");
    program_free(&program);
    return status;
}

static void refuses_a_foreign_plan(void **state)
{
    struct plan plan;
    (void)state;
    plan_write(&plan, "leg a\n");
    assert_int_equal(invoke(plan.path, "ffffffffffffffffffffffffffffffff"), 64);
    assert_int_equal(invoke(plan.path, "x"), 64);
    assert_int_equal(invoke("/nonexistent", plan_token), 64);
    assert_int_equal(truncate(plan.path, 19), 0);
    assert_int_equal(invoke(plan.path, plan_token), 64);
    plan_remove(&plan);
}

static void sha256_text(const char *data, size_t length, char text[65])
{
    unsigned char digest[32];
    assert_int_equal(EVP_Digest(data, length, digest, NULL, EVP_sha256(), NULL), 1);
    for (int i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

static void live_after_carries_the_digest(void **state)
{
    struct sidecar sidecar;
    struct plan plan;
    struct program program;
    uint16_t port;
    char body[1024], proxy[64], digest[65], wanted[256];
    (void)state;
    pid_t upstream = world_upstream(&port);
    sidecar_start(&sidecar, "");
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", sidecar.port);
    setenv("HTTP_PROXY", proxy, 1);
    snprintf(body, sizeof body,
             "leg attempt\nlive " N1 " proxy-get http://127.0.0.1:%u/\n"
             "step a.row udp " N1 " 500 addr=192.0.2.1\n"
             "live-after " N1 " http://127.0.0.1:%u/\n",
             port, port);
    plan_write(&plan, body);
    probe_start(&program, &plan);
    program_end(&program);
    unsetenv("HTTP_PROXY");
    plan_remove(&plan);
    json_t *all = receipts(&program);
    assert_int_equal(json_array_size(all), 6);
    assert_string_equal(member(all, 2, "event"), "live");
    assert_string_equal(member(all, 2, "result"), "answered");
    assert_string_equal(member(all, 3, "row"), "a.row");
    assert_string_equal(member(all, 3, "errno"), "ENETUNREACH");
    assert_string_equal(member(all, 4, "event"), "live-after");
    char *last = strstr(program.out, "{\"receipt\":4,");
    assert_non_null(last);
    sha256_text(program.out, (size_t)(last - program.out), digest);
    assert_string_equal(member(all, 4, "digest"), digest);
    json_t *log = sidecar_end(&sidecar, true);
    snprintf(wanted, sizeof wanted, "http://127.0.0.1:%u/" N1 "/%s\"", port, digest);
    assert_int_equal(count_records(log, "request", wanted), 1);
    snprintf(wanted, sizeof wanted, "http://127.0.0.1:%u/" N1 "\"", port);
    assert_int_equal(count_records(log, "request", wanted), 1);
    json_decref(log);
    json_decref(all);
    program_free(&program);
    world_kill(upstream);
}

static void live_without_a_proxy_is_an_error(void **state)
{
    (void)state;
    json_t *all = run_plan("live " N1 " proxy-get http://127.0.0.1:9/\n");
    assert_string_equal(member(all, 1, "result"), "error");
    json_decref(all);
}

static long long took_ms(json_t *all, size_t index)
{
    json_t *receipt = json_array_get(all, index);
    return (json_integer_value(json_object_get(receipt, "t_end")) -
            json_integer_value(json_object_get(receipt, "t_start"))) /
           1000000;
}

static void deadlines_hold(void **state)
{
    uint16_t port;
    char body[512];
    (void)state;
    int silent = world_socket(AF_INET, SOCK_STREAM, &port);
    snprintf(body, sizeof body,
             "step a tcp " N1 " 300 addr=127.0.0.1 port=%u\n"
             "step b exec " N1 " 300 cmd=sleep\\x2060\n"
             "step c getaddrinfo " N1 " 300\n"
             "step d udp " N1 " 300 addr=192.0.2.1\n",
             port);
    json_t *all = run_plan(body);
    assert_int_equal(json_array_size(all), 6);
    assert_string_equal(member(all, 1, "result"), "connected");
    assert_string_equal(member(all, 2, "result"), "timeout");
    assert_string_equal(member(all, 2, "errno"), "ETIMEDOUT");
    assert_string_equal(member(all, 4, "result"), "refused");
    for (size_t i = 1; i < 5; i++)
        assert_in_range(took_ms(all, i), 0, 900);
    json_decref(all);
    close(silent);
}

/* A script that kills the attempt's own process. */
static void a_crash_is_a_receipt(void **state)
{
    char path[] = "/tmp/firma-crash-XXXXXX", body[512];
    (void)state;
    int fd = mkstemp(path);
    assert_true(dprintf(fd, "#!/bin/sh\nkill -SEGV $PPID\n") > 0);
    fchmod(fd, 0700);
    close(fd);
    snprintf(body, sizeof body,
             "step a exec " N1 " 3000 cmd=%s\nstep b udp " N1 " 300 addr=192.0.2.1\n", path);
    json_t *all = run_plan(body);
    unlink(path);
    assert_string_equal(member(all, 1, "result"), "crashed");
    assert_non_null(strstr(member(all, 1, "detail"), "signal 11"));
    assert_string_equal(member(all, 2, "result"), "refused");
    json_decref(all);
}

static void waits_and_tells_the_fault(void **state)
{
    struct plan plan;
    struct program program;
    (void)state;
    plan_write(&plan, "step a udp " N1 " 300 addr=192.0.2.1\nwait fault\n"
                      "step b udp " N1 " 300 addr=192.0.2.1\nwait restored\n");
    probe_start(&program, &plan);
    assert_true(program_await(&program, "\"for\":\"fault\""));
    program_say(&program, "nonsense\nfault XYZ\nfault c0ffee\n");
    assert_true(program_await(&program, "\"for\":\"restored\""));
    program_say(&program, "restored\n");
    program_end(&program);
    plan_remove(&plan);
    assert_int_equal(program.status, 0);
    json_t *all = receipts(&program);
    assert_string_equal(member(all, 1, "fault"), "(none)");
    assert_string_equal(member(all, 2, "event"), "waiting");
    assert_string_equal(member(all, 3, "event"), "resumed");
    assert_string_equal(member(all, 4, "row"), "b");
    assert_string_equal(member(all, 4, "fault"), "c0ffee");
    json_decref(all);
    program_free(&program);
}

static void an_ended_input_ends_the_plan(void **state)
{
    struct plan plan;
    struct program program;
    (void)state;
    plan_write(&plan, "wait fault\nstep a udp " N1 " 300 addr=192.0.2.1\n");
    probe_start(&program, &plan);
    program_end(&program);
    plan_remove(&plan);
    assert_int_equal(WEXITSTATUS(program.status), 66);
    json_t *all = receipts(&program);
    assert_int_equal(json_array_size(all), 3);
    assert_string_equal(member(all, 2, "event"), "input-ended");
    json_decref(all);
    program_free(&program);
}

static void repeats_for_its_time(void **state)
{
    (void)state;
    json_t *all = run_plan("repeat 1 250\nstep a udp " N1 " 200 addr=192.0.2.1\nend\n"
                           "step b udp " N1 " 200 addr=192.0.2.1\n");
    size_t size = json_array_size(all);
    assert_in_range(size, 5, 7); /* start, two to four rounds, b, end */
    json_t *first = json_array_get(all, 1), *last = json_array_get(all, size - 2);
    assert_int_equal(json_integer_value(json_object_get(first, "round")), 0);
    assert_string_equal(member(all, size - 2, "row"), "b");
    assert_null(json_object_get(last, "round"));
    long long span = json_integer_value(json_object_get(last, "t_start")) -
                     json_integer_value(json_object_get(first, "t_start"));
    assert_in_range(span, 990000000, 3000000000LL);
    json_decref(all);
}

static void values_are_unescaped_and_named(void **state)
{
    (void)state;
    json_t *all = run_plan("step a exec " N1 " 3000 cmd=echo\\x20a\\\\b\\x20%n.%n\n");
    assert_string_equal(member(all, 1, "result"), "answered");
    assert_non_null(strstr(member(all, 1, "detail"), "a\\\\b " N1 "." N1));
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_plans_name_their_line),
        cmocka_unit_test(refuses_a_foreign_plan),
        cmocka_unit_test(live_after_carries_the_digest),
        cmocka_unit_test(live_without_a_proxy_is_an_error),
        cmocka_unit_test(deadlines_hold),
        cmocka_unit_test(a_crash_is_a_receipt),
        cmocka_unit_test(waits_and_tells_the_fault),
        cmocka_unit_test(an_ended_input_ends_the_plan),
        cmocka_unit_test(repeats_for_its_time),
        cmocka_unit_test(values_are_unescaped_and_named),
    };
    world_enter();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
