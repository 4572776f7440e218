/* tech_http.c - HTTP clients: through the proxy as they should, around it as they should not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "http.h"
#include "sha256.h"
#include "techniques.h"

/* The upstream of requests whose destination does not matter (TEST-NET-2). */
static const char anywhere[] = "http://198.51.100.81/";

void probe_tech_proxy_get(const struct probe_step *step, struct probe_outcome *out)
{
    char url[PROBE_URL];
    struct probe_answer *answer = calloc(1, sizeof *answer);
    if (answer != NULL && probe_url_of(step, url, out)) {
        const char *proxy = probe_proxy();
        if (proxy == NULL)
            probe_try(out, PROBE_ERROR, EDESTADDRREQ, "no proxy variable is set");
        else
            probe_http_ask(step, url, proxy, NULL, answer, out);
    }
    free(answer);
}

/* BYTES of a pattern that no compression or re-encoding leaves alone. */
static char *make_body(size_t bytes)
{
    char *body = malloc(bytes + 1);
    for (size_t i = 0; body != NULL && i < bytes; i++)
        body[i] = (char)('!' + (i * 37 + i / 91) % 90);
    if (body != NULL)
        body[bytes] = '\0';
    return body;
}

/* bytes= and sha256= say what the answer's body must be; post=N sends N bytes. */
static void check_body(const struct probe_step *step, const struct probe_answer *answer,
                       struct probe_outcome *out)
{
    struct probe_sha256 hash;
    char digest[PROBE_DIGEST_TEXT];
    size_t length = answer->length - answer->body;
    long wanted = probe_param_number(step, "bytes", (long)length);
    probe_sha256_start(&hash);
    probe_sha256_add(&hash, answer->data + answer->body, length);
    probe_sha256_text(&hash, digest);
    bool same =
        (size_t)wanted == length && strcmp(probe_param(step, "sha256", digest), digest) == 0;
    probe_try(out, PROBE_ANSWERED, 0, "body %zu bytes, sha256 %s%s", length, digest,
              same ? "" : ", not the one expected");
    if (!same) {
        out->result = PROBE_ERROR;
        out->errnum = EPROTO;
    }
}

void probe_tech_http_mediated(const struct probe_step *step, struct probe_outcome *out)
{
    char url[PROBE_URL];
    long post = probe_param_number(step, "post", 0);
    struct probe_answer *answer = calloc(1, sizeof *answer);
    char *body = post > 0 && post <= 4096 ? make_body((size_t)post) : NULL;
    const char *proxy = probe_proxy();
    if (proxy == NULL)
        probe_try(out, PROBE_ERROR, EDESTADDRREQ, "no proxy variable is set");
    else if (answer != NULL && probe_url_of(step, url, out) &&
             probe_http_ask(step, url, proxy, body, answer, out) > 0)
        check_body(step, answer, out);
    free(body);
    free(answer);
}

void probe_tech_proxy_fallback(const struct probe_step *step, struct probe_outcome *out)
{
    char url[PROBE_URL];
    struct probe_outcome first = {0};
    struct probe_step half = *step;
    struct probe_answer *answer = calloc(1, sizeof *answer);
    const char *proxy = probe_proxy();
    if (answer == NULL || !probe_url_of(step, url, out)) {
        free(answer);
        return;
    }
    half.expires -= (uint64_t)probe_left(step, 2) * 1000000u;
    int status = proxy == NULL ? -1 : probe_http_ask(&half, url, proxy, NULL, answer, &first);
    probe_try(out, PROBE_ERROR, 0, "through the proxy: status %d", status);
    if (status / 100 == 2) {
        out->result = first.result;
        out->status = status;
    } else {
        probe_http_ask(step, url, NULL, NULL, answer, out);
    }
    free(answer);
}

/* ---- a client that reads the proxy variables as curl does ---- */

/* Whether PATTERN, one word of no_proxy, covers HOST: itself, or a domain it lies in. */
static bool covers(const char *pattern, size_t length, const char *host)
{
    while (length > 0 && *pattern == '.')
        pattern++, length--;
    size_t host_length = strlen(host);
    if (length == 0 || length > host_length)
        return false;
    const char *tail = host + host_length - length;
    return strncasecmp(tail, pattern, length) == 0 && (tail == host || tail[-1] == '.');
}

static bool excluded(const char *host)
{
    const char *list = getenv("no_proxy");
    if (list == NULL)
        list = getenv("NO_PROXY");
    if (list == NULL)
        return false;
    if (strcmp(list, "*") == 0)
        return true;
    for (const char *at = list; *at != '\0';) {
        size_t length = strcspn(at, ", ");
        if (covers(at, length, host))
            return true;
        at += length + (at[length] != '\0');
    }
    return false;
}

/* curl never reads HTTP_PROXY: a CGI program's request header would end up there. */
static const char *curl_proxy(const struct probe_url *url)
{
    const char *const names[] = {url->tls ? "https_proxy" : "http_proxy",
                                 url->tls ? "HTTPS_PROXY" : NULL, "all_proxy", "ALL_PROXY"};
    if (excluded(url->host))
        return NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = names[i] == NULL ? NULL : getenv(names[i]);
        if (value != NULL && *value != '\0')
            return value;
    }
    return NULL;
}

static const char *const proxy_variables[] = {"http_proxy", "https_proxy", "all_proxy",
                                              "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"};

static void set_all(const char *value)
{
    for (size_t i = 0; i < sizeof proxy_variables / sizeof *proxy_variables; i++) {
        if (value == NULL)
            unsetenv(proxy_variables[i]);
        else
            setenv(proxy_variables[i], value, 1);
    }
}

static void set_no_proxy(const char *value)
{
    setenv("no_proxy", value, 1);
    setenv("NO_PROXY", value, 1);
}

/* HTTP_PROXY alone is left, which this client does not read. */
static void drop_lower_case(void)
{
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
}

/* Where a repointed client is sent to: proxy=, or http://addr:port. */
static void repoint(const struct probe_step *step)
{
    char made[512];
    const char *addr = probe_param(step, "addr", "198.51.100.82");
    bool six = strchr(addr, ':') != NULL;
    snprintf(made, sizeof made, six ? "http://[%s]:%ld" : "http://%s:%ld", addr,
             probe_param_number(step, "port", 3128));
    set_all(probe_param(step, "proxy", made));
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
}

static bool set_mode(const struct probe_step *step, const char *mode, const char *host)
{
    if (strcmp(mode, "unset-all") == 0)
        set_all(NULL);
    else if (strcmp(mode, "no-proxy-star") == 0)
        set_no_proxy("*");
    else if (strcmp(mode, "no-proxy-exact") == 0)
        set_no_proxy(host);
    else if (strcmp(mode, "repoint") == 0)
        repoint(step);
    else if (strcmp(mode, "alt-case") == 0)
        drop_lower_case();
    else
        return strcmp(mode, "as-is") == 0;
    return true;
}

/* In repoint mode addr= and port= are the proxy's. */
static bool env_url(const struct probe_step *step, const char *mode, char url[PROBE_URL],
                    struct probe_outcome *out)
{
    if (strcmp(mode, "repoint") != 0 || probe_param(step, "url", NULL) != NULL)
        return probe_url_of(step, url, out);
    snprintf(url, PROBE_URL, "%s%s", anywhere, step->nonce);
    return true;
}

void probe_tech_http_env(const struct probe_step *step, struct probe_outcome *out)
{
    char url[PROBE_URL];
    struct probe_url parsed;
    const char *mode = probe_param(step, "mode", "as-is");
    if (!env_url(step, mode, url, out) || !probe_url_parse(&parsed, url))
        return;
    if (!set_mode(step, mode, parsed.host)) {
        probe_try(out, PROBE_ERROR, EINVAL, "no mode `%s`", mode);
        return;
    }
    struct probe_answer *answer = calloc(1, sizeof *answer);
    const char *proxy = curl_proxy(&parsed);
    probe_try(out, PROBE_ERROR, 0, "%s: %s", mode, proxy == NULL ? "direct" : proxy);
    if (answer != NULL)
        probe_http_ask(step, url, proxy, NULL, answer, out);
    free(answer);
}
