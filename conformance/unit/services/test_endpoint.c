/* Sidecar addresses: what is one, what is not, and dialling it. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int family; /* 0: refused */
    } table[] = {
        {"tcp://127.0.0.1:8080", AF_INET},
        {"tcp://[::1]:1", AF_INET6},
        {"tcp://[2001:db8::1]:65535", AF_INET6},
        {"unix:///run/sidecar.sock", AF_UNIX},
        {"", 0},
        {"127.0.0.1:8080", 0},
        {"TCP://127.0.0.1:8080", 0},
        {"http://127.0.0.1:8080", 0},
        {"tcp://localhost:8080", 0},
        {"tcp://127.0.0.1", 0},
        {"tcp://127.0.0.1:", 0},
        {"tcp://127.0.0.1:0", 0},
        {"tcp://127.0.0.1:65536", 0},
        {"tcp://127.0.0.1:99999999999", 0},
        {"tcp://127.0.0.1:+80", 0},
        {"tcp://127.0.0.1:080", 0},
        {"tcp://127.0.0.1:80/", 0},
        {"tcp://127.0.0.1:80 ", 0},
        {"tcp://127.1:80", 0},
        {"tcp://::1:80", 0},
        {"tcp://[::1]", 0},
        {"tcp://[::1]80", 0},
        {"tcp://[127.0.0.1]:80", 0},
        {"tcp://[fe80::1%lo]:80", 0},
        {"tcp://:80", 0},
        {"unix://relative.sock", 0},
        {"unix:///", 0},
        {"unix://", 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct firma_endpoint endpoint = {.length = 77};
        struct firma_error err = {0};
        int rc = firma_endpoint_parse(&endpoint, table[i].text, &err);
        if ((rc == 0) != (table[i].family != 0))
            fail_msg("\"%s\": %s", table[i].text, rc == 0 ? "accepted" : err.text);
        if (rc == 0) {
            assert_int_equal(endpoint.address.ss_family, table[i].family);
            assert_string_equal(endpoint.text, table[i].text);
        } else {
            assert_int_equal(rc, -FIRMA_E_CONFIG);
            assert_int_equal(endpoint.length, 77); /* untouched on failure */
        }
    }
}

static void test_unix_path_must_fit(void **state)
{
    (void)state;
    struct firma_endpoint endpoint;
    struct sockaddr_un name;
    char text[256] = "unix:///";
    memset(text + 8, 'a', sizeof name.sun_path - 2); /* with its '/', as long as sun_path - 1 */
    assert_int_equal(firma_endpoint_parse(&endpoint, text, NULL), 0);
    strcat(text, "a");
    assert_int_equal(firma_endpoint_parse(&endpoint, text, NULL), -FIRMA_E_CONFIG);
}

static void test_dial_connects_without_waiting(void **state)
{
    (void)state;
    uint16_t port = 0;
    char text[64];
    struct firma_endpoint endpoint;
    int listener = cf_listen(&port);
    snprintf(text, sizeof text, "tcp://127.0.0.1:%u", port);
    assert_int_equal(firma_endpoint_parse(&endpoint, text, NULL), 0);
    bool connected;
    int fd = firma_endpoint_dial(&endpoint, &connected, NULL);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    int peer = cf_accept(listener);
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    assert_int_equal(poll(&writable, 1, 5000), 1);
    cf_send_bytes(fd, "hello", 5);
    cf_expect(peer, "hello");
    close(fd);
    close(peer);
    close(listener);
}

static void test_dial_of_a_missing_socket_says_so(void **state)
{
    (void)state;
    struct firma_endpoint endpoint;
    struct firma_error err = {0};
    assert_int_equal(firma_endpoint_parse(&endpoint, "unix:///nonexistent/sidecar.sock", NULL), 0);
    bool connected;
    assert_int_equal(firma_endpoint_dial(&endpoint, &connected, &err), -FIRMA_E_SIDECAR);
    assert_int_equal(err.errnum, ENOENT);
    assert_non_null(strstr(err.text, "unix:///nonexistent/sidecar.sock"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_unix_path_must_fit),
        cmocka_unit_test(test_dial_connects_without_waiting),
        cmocka_unit_test(test_dial_of_a_missing_socket_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
