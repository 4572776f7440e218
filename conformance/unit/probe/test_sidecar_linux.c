/* The fake sidecar: what it answers, what it writes down, and each of its scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

enum { TEXT = 65536 };

/* Sends REQUEST on a new connection and reads to the end. */
static void ask(uint16_t port, const char *request, char text[TEXT])
{
    int fd = world_connect(port);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    shutdown(fd, SHUT_WR);
    world_read_all(fd, text, TEXT);
    close(fd);
}

static const char *text_of(json_t *record, const char *key)
{
    const char *value = json_string_value(json_object_get(record, key));
    return value == NULL ? "(none)" : value;
}

static void answers_options_itself(void **state)
{
    struct sidecar sidecar;
    char text[TEXT];
    (void)state;
    sidecar_start(&sidecar, "");
    ask(sidecar.port, "OPTIONS * HTTP/1.1\r\nHost: x\r\nx-firma-user:  me \r\n\r\n", text);
    assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\nServer: fake-sidecar\r\n"));
    json_t *log = sidecar_end(&sidecar, true);
    json_t *request = find_event(log, "request");
    assert_string_equal(text_of(request, "method"), "OPTIONS");
    assert_string_equal(text_of(request, "target"), "*");
    char *headers = json_dumps(json_object_get(request, "headers"), JSON_COMPACT);
    assert_string_equal(headers, "[[\"Host\",\"x\"],[\"x-firma-user\",\"me\"]]");
    free(headers);
    assert_null(find_event(log, "dial"));
    json_decref(log);
}

static void forwards_in_origin_form(void **state)
{
    struct sidecar sidecar;
    uint16_t port;
    char request[256], text[TEXT];
    (void)state;
    int listener = world_socket(AF_INET, SOCK_STREAM, &port);
    sidecar_start(&sidecar, "");
    int fd = world_connect(sidecar.port);
    snprintf(request, sizeof request,
             "POST http://127.0.0.1:%u/a?b HTTP/1.1\r\nHost: h\r\nx-firma-user: me\r\n"
             "Content-Length: 3\r\n\r\nabc",
             port);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    int upstream = world_accept(listener);
    world_read(upstream, text, sizeof text);
    assert_string_equal(text, "POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                              "Connection: close\r\n\r\nabc");
    assert_true(write(upstream, "HTTP/1.0 404 No\r\n\r\nbody", 23) == 23);
    close(upstream);
    world_read_all(fd, text, sizeof text);
    assert_string_equal(text, "HTTP/1.1 404 No\r\nConnection: close\r\n\r\nbody");
    close(fd);
    close(listener);
    json_t *log = sidecar_end(&sidecar, true);
    assert_string_equal(text_of(find_event(log, "body"), "data"), "abc");
    assert_string_equal(text_of(find_event(log, "dial"), "dst"), "127.0.0.1");
    assert_int_equal(json_integer_value(json_object_get(find_event(log, "dial"), "dport")), port);
    assert_int_equal(json_integer_value(json_object_get(find_event(log, "response"), "status")),
                     404);
    json_decref(log);
}

static void names_are_never_resolved(void **state)
{
    struct sidecar sidecar;
    char text[TEXT];
    (void)state;
    sidecar_start(&sidecar, "");
    ask(sidecar.port, "GET http://some.name:81/ HTTP/1.1\r\n\r\n", text);
    assert_non_null(strstr(text, "502 Bad Gateway"));
    assert_non_null(strstr(text, "Proxy-Status: fake-sidecar; error=connection_refused"));
    json_t *log = sidecar_end(&sidecar, true);
    assert_string_equal(text_of(find_event(log, "dial"), "dst"), "198.51.100.80");
    assert_string_equal(text_of(find_event(log, "dial"), "name"), "some.name");
    assert_true(json_is_false(json_object_get(find_event(log, "dial"), "ok")));
    json_decref(log);
}

static void tunnels_with_half_close(void **state)
{
    struct sidecar sidecar;
    uint16_t port;
    char request[256], text[TEXT];
    (void)state;
    int listener = world_socket(AF_INET6, SOCK_STREAM, &port);
    sidecar_start(&sidecar, "");
    int fd = world_connect(sidecar.port);
    snprintf(request, sizeof request, "CONNECT [::1]:%u HTTP/1.1\r\n\r\nearly", port);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    int upstream = world_accept(listener);
    world_read(upstream, text, sizeof text);
    assert_string_equal(text, "early");
    world_read(fd, text, sizeof text);
    assert_string_equal(text, "HTTP/1.1 200 Connection Established\r\n\r\n");
    assert_true(write(fd, "\0late", 5) == 5);
    shutdown(fd, SHUT_WR);
    assert_int_equal(world_read_all(upstream, text, sizeof text), 5);
    assert_true(write(upstream, "answer", 6) == 6);
    close(upstream);
    world_read_all(fd, text, sizeof text);
    assert_string_equal(text, "answer");
    close(fd);
    close(listener);
    json_t *log = sidecar_end(&sidecar, true);
    assert_int_equal(count_records(log, "tunnel", "early"), 1);
    assert_int_equal(count_records(log, "tunnel", "\\\\x00late"), 1);
    json_t *end = find_event(log, "tunnel-end");
    assert_int_equal(json_integer_value(json_object_get(end, "up")), 10);
    assert_int_equal(json_integer_value(json_object_get(end, "down")), 6);
    json_decref(log);
}

/* What a careful bridge refuses must show here as what a careless one would make of it. */
static void reads_leniently(void **state)
{
    static const struct {
        const char *request;
        const char *event;
        const char *shows;
    } cases[] = {
        {"GET /1 HTTP/1.1\r\nA: b\nx-firma-user: N1\r\n\r\n", "request", "N1"},
        {"GET /1 HTTP/1.1\r\nA: b\r\n x-firma-user: N2\r\n\r\n", "request", "N2"},
        {"GET /1 HTTP/1.1\r\nx-firma-user : N3\r\n\r\n", "request", "x-firma-user \", \"N3"},
        {"POST /1 HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\nx-firma-user: N4\r\n\r\n",
         "body", "N4"},
        {"POST /1 HTTP/1.1\r\nContent-Length: +1\r\n\r\nxGET /2 HTTP/1.1\r\nA: N5\r\n\r\n",
         "request", "N5"},
        {"rubbish N6\r\n\r\n", "garbage", "N6"},
    };
    char text[TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sidecar sidecar;
        sidecar_start(&sidecar, "");
        ask(sidecar.port, cases[i].request, text);
        json_t *log = sidecar_end(&sidecar, true);
        assert_int_equal(count_records(log, cases[i].event, cases[i].shows), 1);
        json_decref(log);
    }
}

static void script_hang(void **state)
{
    struct sidecar sidecar;
    char text[TEXT];
    (void)state;
    sidecar_start(&sidecar, "hang");
    ask(sidecar.port, "OPTIONS * HTTP/1.1\r\n\r\n", text);
    assert_string_equal(text, "");
    json_t *log = sidecar_end(&sidecar, true);
    assert_non_null(find_event(log, "request"));
    assert_null(find_event(log, "response"));
    json_decref(log);
}

static void script_refuse(void **state)
{
    struct sidecar sidecar;
    char text[TEXT];
    (void)state;
    sidecar_start(&sidecar, "refuse");
    int fd = world_connect(sidecar.port);
    assert_int_equal(world_read_all(fd, text, sizeof text), 0);
    close(fd);
    json_t *log = sidecar_end(&sidecar, true);
    assert_string_equal(text_of(find_event(log, "end"), "reason"), "refused");
    assert_null(find_event(log, "request"));
    json_decref(log);
}

static void script_deny(void **state)
{
    struct sidecar sidecar;
    char text[TEXT];
    (void)state;
    sidecar_start(&sidecar, "deny");
    ask(sidecar.port,
        "CONNECT 127.0.0.1:9 HTTP/1.1\r\n\r\nGET http://127.0.0.1:9/ HTTP/1.1\r\n\r\n"
        "OPTIONS * HTTP/1.1\r\n\r\n",
        text);
    const char *first = strstr(text, "403 Forbidden");
    assert_non_null(first);
    const char *second = strstr(first + 1, "403 Forbidden");
    assert_non_null(second);
    assert_non_null(strstr(second, "200 OK"));
    json_t *log = sidecar_end(&sidecar, true);
    assert_int_equal(count_records(log, "request", "target"), 3);
    assert_null(find_event(log, "dial"));
    json_decref(log);
}

static void script_deny_some(void **state)
{
    struct sidecar sidecar;
    char text[TEXT];
    (void)state;
    sidecar_start(&sidecar, "deny=Secret");
    ask(sidecar.port,
        "GET /secret HTTP/1.1\r\n\r\nGET /other HTTP/1.1\r\n\r\n"
        "CONNECT denied.invalid:443 HTTP/1.1\r\n\r\n",
        text);
    const char *first = strstr(text, "403 Forbidden");
    assert_non_null(first);
    const char *second = strstr(first, "200 OK");
    assert_non_null(second);
    assert_non_null(strstr(second, "403 Forbidden"));
    json_decref(sidecar_end(&sidecar, true));
}

static void script_close_after_check(void **state)
{
    struct sidecar sidecar;
    char text[TEXT];
    (void)state;
    sidecar_start(&sidecar, "close-after-check");
    ask(sidecar.port, "GET / HTTP/1.1\r\n\r\n", text);
    assert_non_null(strstr(text, "200 OK"));
    ask(sidecar.port, "OPTIONS * HTTP/1.1\r\n\r\n", text);
    assert_non_null(strstr(text, "200 OK"));
    json_t *log = sidecar_end(&sidecar, false);
    assert_int_equal(world_connect(sidecar.port), -1);
    json_decref(log);
}

static void script_close_after(void **state)
{
    struct sidecar sidecar;
    char text[TEXT];
    (void)state;
    sidecar_start(&sidecar, "close-after=2");
    ask(sidecar.port, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n",
        text);
    json_t *log = sidecar_end(&sidecar, false);
    assert_int_equal(count_records(log, "response", "200"), 2);
    assert_int_equal(world_connect(sidecar.port), -1);
    json_decref(log);
}

static void script_die_after(void **state)
{
    struct sidecar sidecar;
    uint16_t port;
    char request[128], text[TEXT];
    (void)state;
    pid_t upstream = world_upstream(&port);
    sidecar_start(&sidecar, "die-after=10");
    snprintf(request, sizeof request, "GET http://127.0.0.1:%u/ HTTP/1.1\r\n\r\n", port);
    ask(sidecar.port, request, text);
    assert_string_equal(text, "HTTP/1.1 2");
    json_decref(sidecar_end(&sidecar, false));
    world_kill(upstream);
}

static void script_slow(void **state)
{
    struct sidecar sidecar;
    char text[TEXT];
    (void)state;
    sidecar_start(&sidecar, "slow=300");
    ask(sidecar.port, "OPTIONS * HTTP/1.1\r\n\r\n", text);
    json_t *log = sidecar_end(&sidecar, true);
    json_int_t asked = json_integer_value(json_object_get(find_event(log, "request"), "t"));
    json_int_t answered = json_integer_value(json_object_get(find_event(log, "response"), "t"));
    assert_true(answered - asked >= 290000000);
    json_decref(log);
}

static void bad_scripts_are_refused(void **state)
{
    static const char *const words[] = {"hangs", "deny=", "slow=x", "close-after", "hang=1"};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct program program;
        const char *argv[] = {"fake-sidecar", "--listen-fd", "0", "--script", words[i], NULL};
        program_start(&program, argv, -1);
        program_end(&program);
        assert_true(WIFEXITED(program.status));
        assert_int_equal(WEXITSTATUS(program.status), 64);
        assert_non_null(strstr(program.err, "is not a script word"));
        program_free(&program);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_options_itself),
        cmocka_unit_test(forwards_in_origin_form),
        cmocka_unit_test(names_are_never_resolved),
        cmocka_unit_test(tunnels_with_half_close),
        cmocka_unit_test(reads_leniently),
        cmocka_unit_test(script_hang),
        cmocka_unit_test(script_refuse),
        cmocka_unit_test(script_deny),
        cmocka_unit_test(script_deny_some),
        cmocka_unit_test(script_close_after_check),
        cmocka_unit_test(script_close_after),
        cmocka_unit_test(script_die_after),
        cmocka_unit_test(script_slow),
        cmocka_unit_test(bad_scripts_are_refused),
    };
    world_enter();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
