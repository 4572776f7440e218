/* L16: reachable and answering, refused with a bounded wait. */
#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "launcher/sidecar.h"

enum { BOUND_MS = 300 };

/* A sidecar that takes one connection, reads the request and answers in pieces. */
struct fake {
    int listener;
    const char *answer; /* "" closes without one, NULL never answers */
    char request[512];
    pthread_t thread;
};

static void *serve(void *argument)
{
    struct fake *fake = argument;
    int fd = accept(fake->listener, NULL, NULL);
    ssize_t got = fd >= 0 ? recv(fd, fake->request, sizeof fake->request - 1, 0) : 0;
    fake->request[got > 0 ? got : 0] = '\0';
    for (const char *at = fake->answer; at != NULL && *at != '\0'; at++)
        send(fd, at, 1, MSG_NOSIGNAL);
    char byte;
    if (fake->answer == NULL)
        while (recv(fd, &byte, 1, 0) > 0)
            ;
    close(fd);
    return NULL;
}

static void start(struct fake *fake, const char *answer, struct firma_endpoint *endpoint)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof name;
    char text[64];
    struct firma_error err;
    *fake = (struct fake){.listener = socket(AF_INET, SOCK_STREAM, 0), .answer = answer};
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&name, length), 0);
    assert_int_equal(listen(fake->listener, 4), 0);
    getsockname(fake->listener, (struct sockaddr *)&name, &length);
    snprintf(text, sizeof text, "tcp://127.0.0.1:%u", ntohs(name.sin_port));
    assert_int_equal(firma_endpoint_parse(endpoint, text, &err), 0);
    assert_int_equal(pthread_create(&fake->thread, NULL, serve, fake), 0);
}

static void stop(struct fake *fake)
{
    pthread_join(fake->thread, NULL);
    close(fake->listener);
}

static int check(const struct firma_endpoint *endpoint, struct firma_error *err)
{
    struct firma_loop *loop;
    int interrupted = 0;
    assert_int_equal(firma_loop_open(&loop, err), 0);
    struct firma_sidecar_question question;
    int result = firma_sidecar_ask(&question, loop, endpoint, BOUND_MS, err);
    if (result == 0)
        result = firma_sidecar_hear(&question, &interrupted, err);
    firma_loop_close(loop);
    return result;
}

static void test_L16_any_http_status_will_do(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.1 502 \r\n\r\n",
        "HTTP/1.0 400\r\n\r\n",    "HTTP/1.1 100 Continue\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct fake fake;
        struct firma_endpoint endpoint;
        struct firma_error err = {0};
        start(&fake, answers[i], &endpoint);
        assert_int_equal(check(&endpoint, &err), 0);
        stop(&fake);
        assert_memory_equal(fake.request, "OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1:", 36);
        assert_non_null(strstr(fake.request, "\r\n\r\n"));
    }
}

static void test_L16_what_is_not_http_is_refused(void **state)
{
    static const char *const answers[] = {
        "SSH-2.0-OpenSSH_9.2p1\r\n", "HTTP/2 200 OK and more\r\n", "HTTP/1.1 abc OK\r\n",
        "HTTP/1.1 2000 OK\r\n",      "http/1.1 200 OK\r\n",        "220 smtp.example ESMTP\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct fake fake;
        struct firma_endpoint endpoint;
        struct firma_error err = {0};
        start(&fake, answers[i], &endpoint);
        assert_refused(check(&endpoint, &err), err, FIRMA_E_SIDECAR, "not with HTTP");
        stop(&fake);
    }
}

static void test_L16_a_silent_sidecar_is_refused_in_time(void **state)
{
    (void)state;
    struct fake fake;
    struct firma_endpoint endpoint;
    struct firma_error err = {0};
    start(&fake, NULL, &endpoint);
    uint64_t before = firma_loop_now();
    assert_refused(check(&endpoint, &err), err, FIRMA_E_SIDECAR, "does not answer HTTP within");
    uint64_t spent = firma_loop_now() - before;
    stop(&fake);
    assert_in_range(spent, BOUND_MS - 1, BOUND_MS + 1000);
}

static void test_L16_a_sidecar_that_only_closes_is_refused(void **state)
{
    (void)state;
    struct fake fake;
    struct firma_endpoint endpoint;
    struct firma_error err = {0};
    start(&fake, "", &endpoint);
    assert_refused(check(&endpoint, &err), err, FIRMA_E_SIDECAR, "without an HTTP answer");
    stop(&fake);
}

/* A port that was ours a moment ago and is closed now. */
static void test_L16_nobody_listening_is_refused(void **state)
{
    (void)state;
    struct fake fake;
    struct firma_endpoint endpoint;
    struct firma_error err = {0};
    start(&fake, "", &endpoint);
    shutdown(fake.listener, SHUT_RDWR);
    stop(&fake);
    assert_refused(check(&endpoint, &err), err, FIRMA_E_SIDECAR, endpoint.text);
    assert_int_equal(firma_endpoint_parse(&endpoint, "unix:///nonexistent/socket", &err), 0);
    assert_refused(check(&endpoint, &err), err, FIRMA_E_SIDECAR, "/nonexistent/socket");
}

/* In a sticky directory nobody can exchange a socket, but anybody may have been the first. */
static void test_a_socket_among_others_must_be_ours(void **state)
{
    (void)state;
    char folder[64] = "/tmp/firma-place-XXXXXX", path[96];
    struct firma_error err = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    close(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    assert_int_equal(chmod(folder, 01777), 0);
    assert_int_equal(firma_sidecar_check_place(path, &err), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 54321, 54321), 0);
        assert_refused(firma_sidecar_check_place(path, &err), err, FIRMA_E_CUSTODY, "54321");
    }
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(firma_sidecar_check_place(path, &err), 0);
    assert_int_equal(chmod(folder, 0775), 0);
    assert_refused(firma_sidecar_check_place(path, &err), err, FIRMA_E_CUSTODY, "0775");
    unlink(path);
    assert_int_equal(firma_sidecar_check_place(path, &err) < 0, 1);
    rmdir(folder);
    assert_int_equal(firma_sidecar_check_place(path, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_L16_any_http_status_will_do),
        cmocka_unit_test(test_L16_what_is_not_http_is_refused),
        cmocka_unit_test(test_L16_a_silent_sidecar_is_refused_in_time),
        cmocka_unit_test(test_L16_a_sidecar_that_only_closes_is_refused),
        cmocka_unit_test(test_a_socket_among_others_must_be_ours),
        cmocka_unit_test(test_L16_nobody_listening_is_refused),
    };
    alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
