/* The bridge as libcurl sees it: an independent client that nobody here has written. */
#include "rig.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* One connection of the sidecar: what it hears, and what it says to each head it reads. */
struct sidecar {
    int listener;
    const char *answers[2]; /* the second one inside a tunnel; NULL: none */
    char heard[2][CF_RIG_TEXT];
    char body[64]; /* what followed the first head */
    size_t body_size;
};

struct answer {
    char body[256];
    size_t used;
    long status, connect_status;
    CURLcode code;
};

static void *serve(void *context)
{
    struct sidecar *sidecar = context;
    int fd = cf_accept(sidecar->listener);
    for (int i = 0; i < 2 && sidecar->answers[i] != NULL; i++) {
        cf_read_head(fd, sidecar->heard[i]);
        for (size_t got = 0; i == 0 && got < sidecar->body_size;)
            got += (size_t)read(fd, sidecar->body + got, sidecar->body_size - got);
        cf_send(fd, sidecar->answers[i]);
    }
    close(fd);
    return NULL;
}

static size_t keep(char *data, size_t size, size_t count, void *context)
{
    struct answer *answer = context;
    size_t length = size * count;
    if (length > sizeof answer->body - 1 - answer->used)
        return 0;
    memcpy(answer->body + answer->used, data, length);
    answer->used += length;
    return length;
}

static CURL *make_client(const struct cf_rig *rig, struct answer *answer)
{
    char proxy[64];
    CURL *client = curl_easy_init();
    assert_non_null(client);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", rig->port);
    curl_easy_setopt(client, CURLOPT_PROXY, proxy);
    curl_easy_setopt(client, CURLOPT_NOPROXY, "");
    curl_easy_setopt(client, CURLOPT_URL, "http://a.example/path");
    curl_easy_setopt(client, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(client, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(client, CURLOPT_WRITEDATA, answer);
    return client;
}

static void perform(CURL *client, struct sidecar *sidecar, struct answer *answer)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, serve, sidecar), 0);
    answer->code = curl_easy_perform(client);
    pthread_join(thread, NULL);
    curl_easy_getinfo(client, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_easy_getinfo(client, CURLINFO_HTTP_CONNECTCODE, &answer->connect_status);
    curl_easy_cleanup(client);
}

static struct sidecar *make_sidecar(struct cf_rig *rig, const char *first, const char *second)
{
    struct sidecar *sidecar = calloc(1, sizeof *sidecar);
    assert_non_null(sidecar);
    sidecar->listener = rig->sidecar;
    sidecar->answers[0] = first;
    sidecar->answers[1] = second;
    return sidecar;
}

static void assert_attributed(const char *head)
{
    assert_non_null(strstr(head, "\r\nx-firma-sandbox-id: box-1\r\n"));
    assert_non_null(strstr(head, "\r\nx-firma-profile: strict\r\n"));
    assert_null(strstr(head, "forged"));
}

static int open_rig(void **state)
{
    struct cf_rig *rig = calloc(1, sizeof *rig);
    cf_rig_bridge(rig, NULL, getuid());
    *state = rig;
    return curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK ? 0 : -1;
}

static int close_rig(void **state)
{
    curl_global_cleanup();
    cf_rig_close(*state);
    free(*state);
    return 0;
}

static void test_a_request_is_relayed_with_attribution(void **state)
{
    struct sidecar *sidecar = make_sidecar(*state, OK, NULL);
    struct answer answer = {0};
    struct curl_slist *headers = curl_slist_append(NULL, "X-Firma-Profile: forged");
    CURL *client = make_client(*state, &answer);
    curl_easy_setopt(client, CURLOPT_HTTPHEADER, headers);
    perform(client, sidecar, &answer);
    curl_slist_free_all(headers);
    assert_int_equal(answer.code, CURLE_OK);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "hello");
    assert_non_null(strstr(sidecar->heard[0], "GET http://a.example/path HTTP/1.1\r\n"));
    assert_attributed(sidecar->heard[0]);
    free(sidecar);
}

static void test_a_body_arrives_whole(void **state)
{
    struct sidecar *sidecar = make_sidecar(*state, OK, NULL);
    struct answer answer = {0};
    CURL *client = make_client(*state, &answer);
    sidecar->body_size = strlen("a body of ours");
    curl_easy_setopt(client, CURLOPT_POSTFIELDS, "a body of ours");
    perform(client, sidecar, &answer);
    assert_int_equal(answer.code, CURLE_OK);
    assert_string_equal(answer.body, "hello");
    assert_string_equal(sidecar->body, "a body of ours");
    free(sidecar);
}

static void test_a_tunnel_carries_a_request_of_its_own(void **state)
{
    struct sidecar *sidecar = make_sidecar(*state, "HTTP/1.1 200 Connected\r\n\r\n", OK);
    struct answer answer = {0};
    CURL *client = make_client(*state, &answer);
    curl_easy_setopt(client, CURLOPT_HTTPPROXYTUNNEL, 1L);
    perform(client, sidecar, &answer);
    assert_int_equal(answer.code, CURLE_OK);
    assert_int_equal(answer.connect_status, 200);
    assert_string_equal(answer.body, "hello");
    assert_non_null(strstr(sidecar->heard[0], "CONNECT a.example:80 HTTP/1.1\r\n"));
    assert_attributed(sidecar->heard[0]);
    assert_non_null(strstr(sidecar->heard[1], "GET /path HTTP/1.1\r\n"));
    assert_null(strstr(sidecar->heard[1], "x-firma-"));
    free(sidecar);
}

static void test_a_denied_tunnel_is_told(void **state)
{
    struct sidecar *sidecar =
        make_sidecar(*state, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", NULL);
    struct answer answer = {0};
    CURL *client = make_client(*state, &answer);
    curl_easy_setopt(client, CURLOPT_HTTPPROXYTUNNEL, 1L);
    perform(client, sidecar, &answer);
    assert_int_not_equal(answer.code, CURLE_OK);
    assert_int_equal(answer.connect_status, 403);
    free(sidecar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_request_is_relayed_with_attribution, open_rig,
                                        close_rig),
        cmocka_unit_test_setup_teardown(test_a_body_arrives_whole, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_a_tunnel_carries_a_request_of_its_own, open_rig,
                                        close_rig),
        cmocka_unit_test_setup_teardown(test_a_denied_tunnel_is_told, open_rig, close_rig),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
