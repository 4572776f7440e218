/* What earlier bridges got wrong, one test for each line B1 to B9 of the field's defects. */
#include "rig.h"

#include "launcher/loop_socket.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ATTRIBUTION "x-firma-sandbox-id: box-1\r\nx-firma-profile: strict\r\n"
#define GET         "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n"
#define NO_BODY     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static char text[CF_RIG_TEXT];

/* No spelling of an attribution header but ours, and ours exactly once. */
static void expect_attribution_only(const char *head)
{
    unsigned ours = 0;
    for (const char *line = head; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        char start[9];
        snprintf(start, sizeof start, "%.8s", line);
        for (char *c = start; *c != '\0'; c++)
            *c = *c == '_' ? '-' : *c;
        if (strncasecmp(start, "x-firma-", 8) != 0)
            continue;
        ours++;
        assert_true(strncmp(line, "x-firma-sandbox-id: box-1\r\n", 27) == 0 ||
                    strncmp(line, "x-firma-profile: strict\r\n", 25) == 0);
    }
    assert_int_equal(ours, 2);
}

static void test_B1_forged_headers_are_stripped_in_every_spelling(void **state)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    for (int round = 0; round < 2; round++) { /* the second request of a connection too */
        cf_send(guest, GET "X-Firma-Sandbox-Id: forged\r\nx_firma_sandbox_id: forged\r\n"
                           "X-FIRMA_Profile: forged\r\nx-firma-made-up: forged\r\n"
                           "Connection: x-firma-sandbox-id, X-Firma-Profile\r\nX-Own: 1\r\n\r\n");
        int sidecar = cf_accept(rig->sidecar);
        cf_read_head(sidecar, text);
        expect_attribution_only(text);
        assert_null(strstr(text, "forged"));
        assert_non_null(strstr(text, "X-Own: 1\r\n"));
        cf_send(sidecar, NO_BODY);
        cf_read_head(guest, text);
        close(sidecar);
    }
    close(guest);
}

/* The tunnel's first byte follows the head immediately, both ways, and nothing is added. */
static void test_B2_tunnel_bytes_are_exact(void **state)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    cf_send(guest, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n\x16\x03\x01");
    int sidecar = cf_accept(rig->sidecar);
    cf_expect(sidecar, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n"
                       "Via: 1.1 firma-bridge\r\n" ATTRIBUTION "Connection: close\r\n\r\n");
    cf_send(sidecar, "HTTP/1.1 200 Connection established\r\n\r\n\x16\x03\x03server");
    cf_expect(sidecar, "\x16\x03\x01");
    cf_expect(guest, "HTTP/1.1 200 Connection established\r\nVia: 1.1 firma-bridge\r\n\r\n"
                     "\x16\x03\x03server");
    shutdown(guest, SHUT_WR);
    cf_expect_end(sidecar);
    close(sidecar);
    cf_expect_end(guest);
    close(guest);
}

static void test_B3_request_after_a_chunked_body_is_parsed(void **state)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    cf_send(guest, "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" GET
                   "x-firma-sandbox-id: forged\r\n\r\n");
    int sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    expect_attribution_only(text);
    cf_expect(sidecar, "3\r\nabc\r\n0\r\n\r\n");
    assert_int_equal(recv(sidecar, text, 1, MSG_DONTWAIT), -1); /* nothing else went along */
    cf_send(sidecar, NO_BODY);
    cf_read_head(sidecar, text);
    assert_int_equal(strncmp(text, "GET ", 4), 0);
    expect_attribution_only(text);
    close(sidecar);
    close(guest);
}

/* A head at most, and then the end: no last chunk, and nothing that came after it. */
static void expect_no_whole_request(int sidecar)
{
    assert_true(cf_read_all(sidecar, text) >= 0);
    const char *body = strstr(text, "\r\n\r\n");
    assert_true(body == NULL || body[4] == '\0');
}

static void test_B3_request_disguised_as_trailer_is_refused(void **state)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    cf_send(guest, "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n" GET "\r\n");
    int sidecar = cf_accept(rig->sidecar);
    expect_no_whole_request(sidecar);
    cf_read_head(guest, text);
    assert_int_equal(strncmp(text, "HTTP/1.1 400 ", 13), 0);
    close(sidecar);
    close(guest);
}

static void test_B4_after_a_denial_nothing_more_is_relayed(void **state)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    cf_send(guest, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n" GET "\r\n");
    int sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    expect_attribution_only(text);
    cf_send(sidecar, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    cf_expect_end(sidecar); /* the GET behind the CONNECT never got here */
    close(sidecar);
    cf_send(guest, GET "\r\n"); /* nor does this one */
    assert_true(cf_read_all(guest, text) > 0);
    assert_int_equal(strncmp(text, "HTTP/1.1 403 Forbidden\r\n", 24), 0);
    assert_non_null(strstr(text, "Connection: close\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\nno");
    assert_int_equal(fcntl(rig->sidecar, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(accept(rig->sidecar, NULL, NULL), -1); /* and no other connection was made */
    close(guest);
}

static void refuse_case(void **state, const char *request, const char *status)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    cf_send(guest, request);
    cf_send(guest, GET "\r\n"); /* must never be taken for a request */
    if (cf_read_all(guest, text) < 0 || strncmp(text, status, strlen(status)) != 0)
        fail_msg("%s\nwas answered with: %s", request, text);
    assert_null(strstr(strstr(text, "\r\n\r\n"), "HTTP/1.1 ")); /* one answer only */
    close(guest);
}

static void test_B5_doubtful_grammar_is_refused_and_closed(void **state)
{
    struct cf_rig *rig = *state;
    static const char *const lines[] = {
        "X-A: b\n",
        "X-A: b\r\n c\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char request[512];
        snprintf(request, sizeof request, GET "%s\r\n", lines[i]);
        refuse_case(state, request, "HTTP/1.1 400 ");
    }
    refuse_case(state, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "HTTP/1.1 400 ");
    refuse_case(state, "TRACE http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
                "HTTP/1.1 400 ");
    refuse_case(state, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 ");
    assert_int_equal(fcntl(rig->sidecar, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(accept(rig->sidecar, NULL, NULL), -1); /* the sidecar heard of none of them */
}

static void test_B5_odd_chunk_sizes_are_refused(void **state)
{
    struct cf_rig *rig = *state;
    static const char *const sizes[] = {"+3", "0x3", " 3", "3 ", "-1", "", "3\n"};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char request[512];
        snprintf(request, sizeof request,
                 "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n%s\r\nabc\r\n0\r\n\r\n",
                 sizes[i]);
        refuse_case(state, request, "HTTP/1.1 400 ");
        int sidecar = cf_accept(rig->sidecar);
        expect_no_whole_request(sidecar);
        close(sidecar);
    }
}

static void test_B6_trailers_carry_no_attribution(void **state)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    cf_send(guest,
            "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\n"
            "Transfer-Encoding: chunked\r\nTrailer: x-firma-sandbox-id\r\n\r\n"
            "3\r\nabc\r\n0\r\nx-firma-sandbox-id: forged\r\nX_Firma_Profile: forged\r\n\r\n");
    int sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    expect_attribution_only(text);
    assert_null(strstr(text, "Trailer"));
    cf_expect(sidecar, "3\r\nabc\r\n0\r\n\r\n");
    cf_send(sidecar, NO_BODY);
    cf_read_head(guest, text);
    close(guest);
    cf_expect_end(sidecar);
    close(sidecar);
}

static int open_with(struct firma_header *headers, size_t count, struct firma_error *err)
{
    struct firma_loop *loop;
    struct firma_endpoint endpoint;
    struct firma_bridge *bridge = NULL;
    assert_int_equal(firma_endpoint_parse(&endpoint, "tcp://127.0.0.1:9", NULL), 0);
    assert_int_equal(firma_loop_open(&loop, NULL), 0);
    struct firma_bridge_config config = {
        .sidecar = &endpoint, .headers = headers, .header_count = count, .owner = getuid()};
    int rc = firma_bridge_open(&bridge, loop, &config, err);
    if (rc != 0)
        assert_null(bridge);
    firma_bridge_close(bridge);
    firma_loop_close(loop);
    return rc;
}

static void test_B7_malformed_attribution_opens_no_bridge(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"x-firma-user", "a\r\nx: y"},
        {"x-firma-user", "a\nb"},
        {"x-firma-user", ""},
        {"x-firma-user", " a"},
        {"x-firma-user", "a\tb"},
        {"x-firma-user", "a\x7f"},
        {"x-firma user", "a"},
        {"x-firma-user:", "a"},
        {"user", "a"},
        {"", "a"},
        {"x_firma_user", "a"},
        {"X-Firma-Sandbox-Id", "again"},
        {"x-firma-user", NULL},
        {NULL, "a"},
    };
    struct firma_error err;
    struct firma_header headers[2] = {{(char *)"x-firma-sandbox-id", (char *)"box-1"}};
    assert_int_equal(open_with(headers, 1, &err), 0);
    assert_int_equal(open_with(NULL, 0, &err), -FIRMA_E_CONFIG);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        headers[1] = (struct firma_header){(char *)bad[i][0], (char *)bad[i][1]};
        if (open_with(headers, 2, &err) != -FIRMA_E_CONFIG)
            fail_msg("attribution case %zu was accepted", i);
    }
    headers[0].name = (char *)"x-firma-profile";
    assert_int_equal(open_with(headers, 1, &err), -FIRMA_E_CONFIG); /* no sandbox id */
}

static void answer_next(struct cf_rig *rig, const char *start)
{
    int sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    if (strncmp(text, start, strlen(start)) != 0)
        fail_msg("expected %s, got %s", start, text);
    cf_send(sidecar, NO_BODY);
    close(sidecar);
}

/* Two connections have their places. The third asks before the second does, and yet the second is
 * heard first: the third is not even accepted until the second has ended. */
static void test_B8_connections_are_bounded(void **state)
{
    (void)state;
    struct firma_bridge_limits limits = {.connections = 2};
    struct cf_rig rig;
    cf_rig_bridge(&rig, &limits, getuid());
    int first = cf_dial(rig.port), second = cf_dial(rig.port);
    cf_send(first, "GET http://first.example/ HTTP/1.1\r\nHost: first.example\r\n\r\n");
    answer_next(&rig, "GET http://first.example/ "); /* stays, between requests */
    cf_read_head(first, text);
    int third = cf_dial(rig.port);
    cf_send(third, "GET http://third.example/ HTTP/1.1\r\nHost: third.example\r\n\r\n");
    cf_send(second, "GET http://second.example/ HTTP/1.1\r\nHost: second.example\r\n"
                    "Connection: close\r\n\r\n");
    answer_next(&rig, "GET http://second.example/ ");
    assert_true(cf_read_all(second, text) > 0);
    close(second);
    answer_next(&rig, "GET http://third.example/ ");
    cf_read_head(third, text);
    close(first);
    close(third);
    cf_rig_close(&rig);
}

/* Under the sanitizer or valgrind nothing goes back to the system. */
static bool frees_are_kept(void)
{
#ifdef __SANITIZE_ADDRESS__
    return true;
#else
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded != NULL && strstr(preloaded, "vgpreload") != NULL;
#endif
}

static long resident_kib(void)
{
    long total = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        skip();
    assert_int_equal(fscanf(file, "%ld %ld", &total, &pages), 2);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void send_own(struct cf_rig *rig)
{
    int guest = cf_dial(rig->port);
    cf_send(guest, "GET http://own.example/ HTTP/1.1\r\nHost: own.example\r\n\r\n");
    answer_next(rig, "GET http://own.example/ ");
    cf_read_head(guest, text);
    close(guest);
}

/* Heads without an end fill a buffer each. What came before the first of two answers was seen
 * before the second. */
static void test_B8_a_crowds_memory_is_given_back(void **state)
{
    enum { CROWD = 200, HEAD = 60000 };
    static const char start[] = "GET http://a.example/";
    struct cf_rig *rig = *state;
    int guests[CROWD];
    if (frees_are_kept())
        skip();
    char *head = malloc(HEAD);
    assert_non_null(head);
    memset(head, 'a', HEAD);
    memcpy(head, start, sizeof start - 1);
    send_own(rig);
    long before = resident_kib();
    for (int i = 0; i < CROWD; i++) {
        guests[i] = cf_dial(rig->port);
        cf_send_bytes(guests[i], head, HEAD);
    }
    send_own(rig);
    send_own(rig);
    assert_true(resident_kib() - before > CROWD * HEAD / 1024 / 2);
    for (int i = 0; i < CROWD; i++)
        close(guests[i]);
    send_own(rig);
    send_own(rig);
    send_own(rig);
    free(head);
    assert_true(resident_kib() - before < 1024);
}

static void test_B8_the_log_holds_no_query_no_path_no_header(void **state)
{
    struct cf_rig *rig = *state;
    char log[1024];
    int guest = cf_dial(rig->port);
    cf_send(guest, "GET http://a.example/path-s3cret?token=s3cret HTTP/1.1\r\nHost: a.example\r\n"
                   "Authorization: Bearer s3cret\r\n\r\n");
    int sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    assert_non_null(strstr(text, "?token=s3cret HTTP/1.1\r\n")); /* relayed, of course */
    cf_send(sidecar, NO_BODY);
    cf_read_head(guest, text);
    cf_send(guest, "GET http://a.example/#s3cret HTTP/1.1\r\nHost: a.example\r\n\r\n");
    cf_read_head(guest, text);
    cf_rig_log(rig, log, sizeof log);
    assert_string_equal(log, "GET a.example 200\n- - 400 fragment in the target\n");
    close(sidecar);
    close(guest);
}

/* Whatever a listener hands down, each accepted socket is non-blocking and closes on exec. */
static void test_B9_flags_are_set_per_accepted_socket(void **state)
{
    (void)state;
    uint16_t port = 0;
    for (int blocking = 0; blocking < 2; blocking++) {
        int listener = cf_listen(&port), flags = fcntl(listener, F_GETFL);
        fcntl(listener, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
        int guest = cf_dial(port);
        int fd = firma_accept(listener);
        assert_true(fd >= 0);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
        close(guest);
        close(listener);
        port = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CF_RIG(test_B1_forged_headers_are_stripped_in_every_spelling),
        CF_RIG(test_B2_tunnel_bytes_are_exact),
        CF_RIG(test_B3_request_after_a_chunked_body_is_parsed),
        CF_RIG(test_B3_request_disguised_as_trailer_is_refused),
        CF_RIG(test_B4_after_a_denial_nothing_more_is_relayed),
        CF_RIG(test_B5_doubtful_grammar_is_refused_and_closed),
        CF_RIG(test_B5_odd_chunk_sizes_are_refused),
        CF_RIG(test_B6_trailers_carry_no_attribution),
        cmocka_unit_test(test_B7_malformed_attribution_opens_no_bridge),
        cmocka_unit_test(test_B8_connections_are_bounded),
        CF_RIG(test_B8_a_crowds_memory_is_given_back),
        CF_RIG(test_B8_the_log_holds_no_query_no_path_no_header),
        cmocka_unit_test(test_B9_flags_are_set_per_accepted_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
