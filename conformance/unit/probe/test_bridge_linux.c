/*
 * Techniques that talk to a proxy. Here the proxy is the fake sidecar itself, without a bridge: the
 * control. Every hostile request must show its nonce there, or its row would prove nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

#define NONCE "0123456789abcdef0123456789abcdef"

struct proxied {
    struct sidecar sidecar;
    pid_t upstream;
    uint16_t port;
    char keys[128];
};

static const char *const variables[] = {"HTTP_PROXY",  "http_proxy", "HTTPS_PROXY",
                                        "https_proxy", "ALL_PROXY",  "all_proxy"};

static void proxied_start(struct proxied *proxied, const char *script)
{
    char proxy[64];
    proxied->upstream = world_upstream(&proxied->port);
    sidecar_start(&proxied->sidecar, script);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", proxied->sidecar.port);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        setenv(variables[i], proxy, 1);
    snprintf(proxied->keys, sizeof proxied->keys, "addr=127.0.0.1 port=%u", proxied->port);
}

static json_t *proxied_end(struct proxied *proxied)
{
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    world_kill(proxied->upstream);
    return sidecar_end(&proxied->sidecar, true);
}

static const char *text_of(json_t *record, const char *key)
{
    const char *value = json_string_value(json_object_get(record, key));
    return value == NULL ? "(none)" : value;
}

static void hostile_requests_show_without_a_bridge(void **state)
{
    static const char *const attacks[] = {"forge-header",    "forge-underscore",
                                          "forge-case",      "forge-second",
                                          "forge-pipelined", "forge-connection",
                                          "forge-trailer",   "chunk-smuggle",
                                          "connect-early",   "cl-te",
                                          "te-cl",           "te-unknown",
                                          "te-http10",       "bare-lf",
                                          "obs-fold",        "two-lengths",
                                          "plus-length",     "space-colon"};
    (void)state;
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        struct proxied proxied;
        char url[64];
        proxied_start(&proxied, "");
        snprintf(url, sizeof url, "url=http://127.0.0.1:%u/", proxied.port);
        json_t *receipt = run_step(attacks[i], NONCE, url);
        assert_string_equal(text_of(receipt, "result"), "answered");
        json_decref(receipt);
        json_t *log = proxied_end(&proxied);
        if (count_records(log, NULL, NONCE) == 0)
            fail_msg("%s: its nonce never showed", attacks[i]);
        /* Never as part of anything that may travel on: a target, a body's data, a tunnel. */
        assert_int_equal(count_records(log, "tunnel", NONCE), 0);
        assert_int_equal(count_records(log, "dial", NONCE), 0);
        json_decref(log);
    }
}

static void mediated_requests(void **state)
{
    struct proxied proxied;
    char keys[256];
    (void)state;
    proxied_start(&proxied, "");
    snprintf(keys, sizeof keys, "%s bytes=6", proxied.keys);
    json_t *receipt = run_step("http-mediated", NONCE, keys);
    assert_string_equal(text_of(receipt, "result"), "answered");
    assert_int_equal(json_integer_value(json_object_get(receipt, "status")), 200);
    json_decref(receipt);
    snprintf(keys, sizeof keys, "%s bytes=7", proxied.keys);
    receipt = run_step("http-mediated", NONCE, keys);
    assert_string_equal(text_of(receipt, "result"), "error");
    json_decref(receipt);
    snprintf(keys, sizeof keys, "%s post=2048", proxied.keys);
    receipt = run_step("http-mediated", NONCE, keys);
    assert_string_equal(text_of(receipt, "result"), "answered");
    json_decref(receipt);
    receipt = run_step("connect-mediated", NONCE, proxied.keys);
    assert_string_equal(text_of(receipt, "result"), "answered");
    json_decref(receipt);
    json_t *log = proxied_end(&proxied);
    assert_int_equal(count_records(log, "request", NONCE), 3);
    assert_int_equal(count_records(log, "tunnel", "GET /" NONCE " HTTP/1.0"), 1);
    json_t *body = find_event(log, "body");
    assert_int_equal(json_integer_value(json_object_get(body, "length")), 2048);
    json_decref(log);
}

/* B2: the tunnel's first byte is the upstream's, not a left-over line end. */
static void a_stray_line_end_in_a_tunnel_shows(void **state)
{
    uint16_t port;
    char proxy[64], body[256], text[4096];
    struct plan plan;
    struct program program;
    (void)state;
    int listener = world_socket(AF_INET, SOCK_STREAM, &port);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", port);
    setenv("HTTP_PROXY", proxy, 1);
    snprintf(body, sizeof body, "step a connect-mediated " NONCE " 3000 addr=192.0.2.1 port=1\n");
    plan_write(&plan, body);
    probe_start(&program, &plan);
    unsetenv("HTTP_PROXY");
    int fd = world_accept(listener);
    world_read(fd, text, sizeof text);
    static const char answer[] = "HTTP/1.1 200 OK\r\n\r\n\r\nHTTP/1.0 200 OK\r\n\r\n";
    assert_int_equal(write(fd, answer, strlen(answer)), strlen(answer));
    shutdown(fd, SHUT_WR);
    program_end(&program);
    close(fd);
    close(listener);
    plan_remove(&plan);
    json_t *all = receipts(&program);
    assert_string_equal(member(all, 1, "result"), "error");
    assert_non_null(strstr(member(all, 1, "detail"), "not those expected"));
    json_decref(all);
    program_free(&program);
}

static void proxy_variables_as_curl_reads_them(void **state)
{
    static const struct {
        const char *mode;
        bool through;
    } modes[] = {{"as-is", true},
                 {"unset-all", false},
                 {"no-proxy-star", false},
                 {"no-proxy-exact", false},
                 {"alt-case", false}};
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct proxied proxied;
        char keys[256];
        proxied_start(&proxied, "");
        snprintf(keys, sizeof keys, "%s mode=%s", proxied.keys, modes[i].mode);
        json_t *receipt = run_step("http-env", NONCE, keys);
        assert_string_equal(text_of(receipt, "result"), "answered");
        json_decref(receipt);
        json_t *log = proxied_end(&proxied);
        assert_int_equal(count_records(log, "request", NONCE), modes[i].through ? 1 : 0);
        json_decref(log);
    }
}

static void a_repointed_client_asks_elsewhere(void **state)
{
    struct proxied proxied;
    uint16_t port;
    char body[256], text[4096];
    struct plan plan;
    struct program program;
    (void)state;
    proxied_start(&proxied, "");
    int other = world_socket(AF_INET, SOCK_STREAM, &port);
    snprintf(body, sizeof body,
             "step a http-env " NONCE " 3000 mode=repoint addr=127.0.0.1 port=%u\n", port);
    plan_write(&plan, body);
    probe_start(&program, &plan);
    int fd = world_accept(other);
    world_read(fd, text, sizeof text);
    assert_non_null(strstr(text, "GET http://198.51.100.81/" NONCE " HTTP/1.1"));
    close(fd);
    close(other);
    program_end(&program);
    plan_remove(&plan);
    program_free(&program);
    json_t *log = proxied_end(&proxied);
    assert_int_equal(count_records(log, NULL, NONCE), 0);
    json_decref(log);
}

static void falls_back_only_when_refused(void **state)
{
    (void)state;
    for (int denied = 0; denied < 2; denied++) {
        struct proxied proxied;
        proxied_start(&proxied, denied ? "deny" : "");
        json_t *receipt = run_step("proxy-fallback", NONCE, proxied.keys);
        assert_string_equal(text_of(receipt, "result"), "answered");
        assert_non_null(strstr(text_of(receipt, "detail"), denied ? "status 403" : "status 200"));
        assert_true((strstr(text_of(receipt, "detail"), "connected") != NULL) == (denied == 1));
        json_decref(receipt);
        json_decref(proxied_end(&proxied));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_requests_show_without_a_bridge),
        cmocka_unit_test(mediated_requests),
        cmocka_unit_test(a_stray_line_end_in_a_tunnel_shows),
        cmocka_unit_test(proxy_variables_as_curl_reads_them),
        cmocka_unit_test(a_repointed_client_asks_elsewhere),
        cmocka_unit_test(falls_back_only_when_refused),
    };
    world_enter();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
