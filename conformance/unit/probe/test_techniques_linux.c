/* Techniques against listeners of the test: what arrives, and what the receipt says of it. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

#define NONCE "0123456789abcdef0123456789abcdef"

enum { TEXT = 8192 };

static const char *text_of(json_t *record, const char *key)
{
    const char *value = json_string_value(json_object_get(record, key));
    return value == NULL ? "(none)" : value;
}

/* Starts one step; the caller serves it, then ends it. */
static void step_start(struct program *program, struct plan *plan, const char *technique,
                       const char *keys, int extra)
{
    char body[1024];
    snprintf(body, sizeof body, "step a.row %s " NONCE " 3000 %s\n", technique, keys);
    plan_write(plan, body);
    const char *argv[] = {"firma-probe", "--plan", plan->path, "--token", plan_token, NULL};
    program_start(program, argv, extra);
}

static json_t *step_end(struct program *program, struct plan *plan)
{
    program_end(program);
    plan_remove(plan);
    assert_int_equal(program->status, 0);
    json_t *all = receipts(program);
    json_t *receipt = json_incref(json_array_get(all, 1));
    json_decref(all);
    program_free(program);
    return receipt;
}

/* TECHNIQUE must connect to a stream listener of FAMILY and send the nonce there. */
static void arrives_by_tcp(const char *technique, const char *keys, int family)
{
    struct program program;
    struct plan plan;
    uint16_t port;
    char all[512], text[TEXT];
    int listener = world_socket(family, SOCK_STREAM, &port);
    snprintf(all, sizeof all, "addr=%s port=%u %s", family == AF_INET ? "127.0.0.1" : "::1", port,
             keys);
    step_start(&program, &plan, technique, all, -1);
    int fd = world_accept(listener);
    if (fd < 0)
        fail_msg("%s did not connect", technique);
    world_read(fd, text, sizeof text);
    assert_non_null(strstr(text, NONCE));
    assert_true(write(fd, "HTTP/1.0 200 OK\r\n\r\n", 19) == 19);
    close(fd);
    close(listener);
    json_t *receipt = step_end(&program, &plan);
    assert_string_equal(text_of(receipt, "result"), "answered");
    assert_string_equal(text_of(receipt, "nonce"), NONCE);
    json_decref(receipt);
}

static void tcp_family(void **state)
{
    (void)state;
    arrives_by_tcp("tcp", "", AF_INET);
    arrives_by_tcp("tcp", "", AF_INET6);
    arrives_by_tcp("lo", "proto=tcp", AF_INET6);
    arrives_by_tcp("tcp-fastopen", "", AF_INET);
    arrives_by_tcp("so-mark", "", AF_INET);
    arrives_by_tcp("metadata", "", AF_INET);
    arrives_by_tcp("http-env", "mode=unset-all", AF_INET);
    arrives_by_tcp("http-env", "mode=unset-all", AF_INET6);
}

static void elsewhere_family(void **state)
{
    (void)state;
    arrives_by_tcp("child", "then=tcp", AF_INET);
    arrives_by_tcp("double-fork", "then=tcp", AF_INET6);
    arrives_by_tcp("exec-child", "then=tcp", AF_INET);
    arrives_by_tcp("thread", "then=tcp", AF_INET);
    arrives_by_tcp("unshare-net", "then=tcp", AF_INET);
}

/* Some kernels and containers have no io_uring: then the receipt must say so. */
static void io_uring(void **state)
{
    (void)state;
    json_t *receipt = run_step("iouring", NONCE, "addr=127.0.0.1 port=1");
    bool absent = strstr(text_of(receipt, "detail"), "io_uring") != NULL;
    assert_string_equal(text_of(receipt, "result"), "refused");
    json_decref(receipt);
    if (!absent)
        arrives_by_tcp("iouring", "", AF_INET);
}

static void tls_names_its_server(void **state)
{
    struct program program;
    struct plan plan;
    uint16_t port;
    char keys[64], text[TEXT];
    (void)state;
    int listener = world_socket(AF_INET, SOCK_STREAM, &port);
    snprintf(keys, sizeof keys, "addr=127.0.0.1 port=%u", port);
    step_start(&program, &plan, "tls", keys, -1);
    int fd = world_accept(listener);
    size_t length = world_read(fd, text, sizeof text);
    close(fd);
    close(listener);
    json_decref(step_end(&program, &plan));
    assert_int_equal(text[0], 0x16);
    assert_int_equal((unsigned char)text[3] << 8 | (unsigned char)text[4], length - 5);
    assert_non_null(memmem(text, length, NONCE ".example", 40));
}

static void refusals_have_their_errno(void **state)
{
    (void)state;
    json_t *receipt = run_step("tcp", NONCE, "addr=127.0.0.1 port=1");
    assert_string_equal(text_of(receipt, "result"), "refused");
    assert_string_equal(text_of(receipt, "errno"), "ECONNREFUSED");
    json_decref(receipt);
    receipt = run_step("tcp", NONCE, "addr=2001:db8::1 port=1");
    assert_string_equal(text_of(receipt, "errno"), "ENETUNREACH");
    json_decref(receipt);
    receipt = run_step("tcp", NONCE, "port=1");
    assert_string_equal(text_of(receipt, "result"), "error");
    json_decref(receipt);
    receipt = run_step("unix", NONCE, "path=/nonexistent/socket");
    assert_string_equal(text_of(receipt, "errno"), "ENOENT");
    json_decref(receipt);
    receipt = run_step("packet", NONCE, "addr=192.0.2.1");
    assert_string_equal(text_of(receipt, "result"), "refused");
    json_decref(receipt);
}

static void ports_one_by_one(void **state)
{
    struct program program;
    struct plan plan;
    uint16_t port;
    char keys[64], text[TEXT];
    (void)state;
    int listener = world_socket(AF_INET, SOCK_STREAM, &port);
    snprintf(keys, sizeof keys, "addr=127.0.0.1 ports=1,%u,2", port);
    step_start(&program, &plan, "tcp-ports", keys, -1);
    int fd = world_accept(listener);
    world_read(fd, text, sizeof text);
    assert_non_null(strstr(text, NONCE));
    close(fd);
    close(listener);
    json_t *receipt = step_end(&program, &plan);
    assert_string_equal(text_of(receipt, "result"), "connected");
    assert_non_null(strstr(text_of(receipt, "detail"), "port 2: ECONNREFUSED"));
    json_decref(receipt);
}

/* TECHNIQUE's datagram must contain WANTED. */
static void arrives_by_udp(const char *technique, const char *keys, int family, const char *wanted,
                           size_t length)
{
    struct program program;
    struct plan plan;
    uint16_t port;
    char all[256], text[TEXT];
    int fd = world_socket(family, SOCK_DGRAM, &port);
    snprintf(all, sizeof all, "addr=%s port=%u %s", family == AF_INET ? "127.0.0.1" : "::1", port,
             keys);
    step_start(&program, &plan, technique, all, -1);
    size_t got = world_read(fd, text, sizeof text);
    if (memmem(text, got, wanted, length) == NULL)
        fail_msg("%s: not in its datagram", technique);
    json_t *receipt = step_end(&program, &plan);
    close(fd);
    assert_string_equal(text_of(receipt, "result"), "sent");
    json_decref(receipt);
}

static void udp_family(void **state)
{
    static const char label[] = "\x20" NONCE "\x06"
                                "canary\x07"
                                "example";
    (void)state;
    arrives_by_udp("udp", "", AF_INET, NONCE, 32);
    arrives_by_udp("udp", "", AF_INET6, NONCE, 32);
    arrives_by_udp("udp-connected", "", AF_INET, NONCE, 32);
    arrives_by_udp("lo", "proto=udp", AF_INET, NONCE, 32);
    arrives_by_udp("quic-initial", "", AF_INET, NONCE, 32);
    arrives_by_udp("dns-udp", "deadline=500", AF_INET6, label, sizeof label - 1);
    arrives_by_udp("burst", "for=100", AF_INET, NONCE, 32);
}

static void unix_sockets(void **state)
{
    char path[64], keys[96];
    (void)state;
    snprintf(path, sizeof path, "/tmp/firma-unix-%ld", (long)getpid());
    for (int abstract = 0; abstract < 2; abstract++) {
        struct program program;
        struct plan plan;
        char text[TEXT];
        const char *name = abstract ? path + 5 : path;
        snprintf(keys, sizeof keys, "%s=%s", abstract ? "abstract" : "path", name);
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        memcpy(address.sun_path + abstract, name, strlen(name));
        unlink(path);
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
        assert_int_equal(listen(listener, 4), 0);
        step_start(&program, &plan, "unix", keys, -1);
        int fd = world_accept(listener);
        world_read(fd, text, sizeof text);
        assert_string_equal(text, NONCE);
        json_t *receipt = step_end(&program, &plan);
        assert_string_equal(text_of(receipt, "result"), "connected");
        json_decref(receipt);
        close(fd);
        close(listener);
        unlink(path);
    }
}

static void dns_stub_is_asked_both_ways(void **state)
{
    struct program program;
    struct plan plan;
    uint16_t port, again;
    char stub[64], text[TEXT];
    (void)state;
    int udp = world_socket(AF_INET, SOCK_DGRAM, &port);
    struct sockaddr_in tcp_address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(tcp, (struct sockaddr *)&tcp_address, sizeof tcp_address), 0);
    assert_int_equal(listen(tcp, 4), 0);
    snprintf(stub, sizeof stub, "127.0.0.1:%u", port);
    setenv("FIRMA_DNS_STUB_ADDR", stub, 1);
    again = port;
    snprintf(stub, sizeof stub, "port=%u addr=127.0.0.2", again);
    step_start(&program, &plan, "dns-stub", stub, -1);
    unsetenv("FIRMA_DNS_STUB_ADDR");
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t got = recvfrom(udp, text, sizeof text, 0, (struct sockaddr *)&from, &length);
    assert_true(got > 12 && memmem(text, (size_t)got, NONCE, 32) != NULL);
    text[2] |= (char)0x80;
    text[3] = 5;
    assert_int_equal(sendto(udp, text, (size_t)got, 0, (struct sockaddr *)&from, length), got);
    int fd = world_accept(tcp);
    size_t framed = world_read(fd, text, sizeof text);
    assert_true(framed > 14);
    assert_int_equal((unsigned char)text[0] << 8 | (unsigned char)text[1], framed - 2);
    close(fd);
    json_t *receipt = step_end(&program, &plan);
    assert_string_equal(text_of(receipt, "result"), "answered");
    assert_non_null(strstr(text_of(receipt, "detail"), "answered REFUSED, 0 records"));
    json_decref(receipt);
    close(udp);
    close(tcp);
}

static void resolver_file_is_put_back(void **state)
{
    char path[] = "/tmp/firma-resolv-XXXXXX", keys[128], text[TEXT] = "";
    (void)state;
    int fd = mkostemp(path, O_CLOEXEC);
    assert_int_equal(write(fd, "nameserver 127.0.0.9\n", 21), 21);
    /* path= is a file of the test; the C library reads the machine's own, in a dead network. */
    snprintf(keys, sizeof keys, "addr=127.0.0.1 path=%s", path);
    json_t *receipt = run_step("resolv-rewrite", NONCE, keys);
    assert_non_null(strstr(text_of(receipt, "detail"), "rewritten"));
    json_decref(receipt);
    assert_int_equal(pread(fd, text, sizeof text, 0), 21);
    assert_string_equal(text, "nameserver 127.0.0.9\n");
    close(fd);
    unlink(path);
}

static void inherited_sockets_are_used(void **state)
{
    struct program program;
    struct plan plan;
    int pair[2];
    char text[TEXT];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    step_start(&program, &plan, "inherited-fds", "", pair[1]);
    close(pair[1]);
    world_read(pair[0], text, sizeof text);
    assert_string_equal(text, NONCE);
    close(pair[0]);
    json_t *receipt = step_end(&program, &plan);
    assert_string_equal(text_of(receipt, "result"), "sent");
    json_decref(receipt);
    receipt = run_step("inherited-fds", NONCE, "");
    assert_string_equal(text_of(receipt, "errno"), "EBADF");
    json_decref(receipt);
}

static void files(void **state)
{
    char path[] = "/tmp/firma-file-XXXXXX", keys[64];
    (void)state;
    int fd = mkostemp(path, O_CLOEXEC);
    close(fd);
    snprintf(keys, sizeof keys, "path=%s", path);
    json_t *receipt = run_step("write-file", NONCE, keys);
    assert_string_equal(text_of(receipt, "result"), "sent");
    json_decref(receipt);
    receipt = run_step("read-file", NONCE, keys);
    assert_non_null(strstr(text_of(receipt, "detail"), "32 bytes: " NONCE));
    json_decref(receipt);
    unlink(path);
    receipt = run_step("write-file", NONCE, "path=/proc/self/nothing/here");
    assert_string_equal(text_of(receipt, "result"), "refused");
    assert_non_null(strstr(text_of(receipt, "detail"), "remount"));
    json_decref(receipt);
}

static void exec_tells_the_status(void **state)
{
    (void)state;
    json_t *receipt = run_step("exec", NONCE, "cmd=false");
    assert_string_equal(text_of(receipt, "result"), "refused");
    assert_non_null(strstr(text_of(receipt, "detail"), "exit 1"));
    json_decref(receipt);
    receipt = run_step("exec", NONCE, "cmd=/nonexistent/command");
    assert_string_equal(text_of(receipt, "errno"), "ENOENT");
    json_decref(receipt);
}

static void every_technique_leaves_a_receipt(void **state)
{
    struct program list;
    const char *argv[] = {"firma-probe", "techniques", NULL};
    char *body = calloc(1, 65536), *rest = NULL;
    size_t used = 0, count = 0;
    (void)state;
    program_start(&list, argv, -1);
    program_end(&list);
    for (char *name = strtok_r(list.out, "\n", &rest); name != NULL;
         name = strtok_r(NULL, "\n", &rest), count++)
        used += (size_t)snprintf(body + used, 65536 - used,
                                 "step a %s " NONCE " 400 addr=192.0.2.1 path=/nonexistent/file\n",
                                 name);
    program_free(&list);
    assert_true(count > 60);
    json_t *all = run_plan(body);
    assert_int_equal(json_array_size(all), count + 2);
    for (size_t i = 1; i <= count; i++) {
        assert_string_not_equal(member(all, i, "result"), "crashed");
        assert_string_not_equal(member(all, i, "result"), "unsupported");
        assert_string_not_equal(member(all, i, "result"), "(none)");
    }
    json_decref(all);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_family),
        cmocka_unit_test(elsewhere_family),
        cmocka_unit_test(io_uring),
        cmocka_unit_test(tls_names_its_server),
        cmocka_unit_test(refusals_have_their_errno),
        cmocka_unit_test(ports_one_by_one),
        cmocka_unit_test(udp_family),
        cmocka_unit_test(unix_sockets),
        cmocka_unit_test(dns_stub_is_asked_both_ways),
        cmocka_unit_test(resolver_file_is_put_back),
        cmocka_unit_test(inherited_sockets_are_used),
        cmocka_unit_test(files),
        cmocka_unit_test(exec_tells_the_status),
        cmocka_unit_test(every_technique_leaves_a_receipt),
    };
    world_enter();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
