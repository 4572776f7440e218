#include "http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static bool parse_authority(struct probe_url *url, const char *at, size_t length)
{
    const char *end = at + length, *close = NULL, *colon;
    char digits[8] = "";
    if (*at == '[') {
        close = memchr(at, ']', length);
        if (close == NULL)
            return false;
        at++;
    }
    const char *host_end = close;
    colon = close == NULL     ? memchr(at, ':', (size_t)(end - at))
            : close + 1 < end ? close + 1
                              : NULL;
    if (host_end == NULL)
        host_end = colon == NULL ? end : colon;
    if (host_end == at || (size_t)(host_end - at) >= sizeof url->host)
        return false;
    memcpy(url->host, at, (size_t)(host_end - at));
    url->host[host_end - at] = '\0';
    if (colon == NULL)
        return true;
    if (*colon != ':' || (size_t)(end - colon) > sizeof digits)
        return false;
    memcpy(digits, colon + 1, (size_t)(end - colon) - 1);
    return probe_number(digits, 1, 65535, &url->port);
}

bool probe_url_parse(struct probe_url *url, const char *text)
{
    memset(url, 0, sizeof *url);
    url->tls = strncmp(text, "https://", 8) == 0;
    if (!url->tls && strncmp(text, "http://", 7) != 0)
        return false;
    url->port = url->tls ? 443 : 80;
    const char *authority = text + (url->tls ? 8 : 7);
    size_t length = strcspn(authority, "/");
    const char *path = authority[length] == '\0' ? "/" : authority + length;
    snprintf(url->path, sizeof url->path, "%s", path);
    return parse_authority(url, authority, length);
}

bool probe_url_of(const struct probe_step *step, char text[PROBE_URL], struct probe_outcome *out)
{
    const char *url = probe_param(step, "url", NULL);
    const char *host = probe_param(step, "addr", NULL);
    long port = probe_param_number(step, "port", 80);
    char base[512];
    struct probe_url parsed;
    bool six = host != NULL && strchr(host, ':') != NULL;
    if (url != NULL)
        snprintf(base, sizeof base, "%s", url);
    else if (host == NULL)
        base[0] = '\0';
    else
        snprintf(base, sizeof base, six ? "http://[%s]:%ld/" : "http://%s:%ld/", host, port);
    bool named = strstr(base, step->nonce) != NULL;
    bool slash = base[0] != '\0' && base[strlen(base) - 1] == '/';
    snprintf(text, PROBE_URL, "%s%s%s", base, named || slash ? "" : "/", named ? "" : step->nonce);
    if (probe_url_parse(&parsed, text))
        return true;
    probe_try(out, PROBE_ERROR, EINVAL, "needs url= or addr=");
    return false;
}

const char *probe_proxy(void)
{
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0')
            return value;
    }
    return NULL;
}

static int dial(const struct probe_step *step, const struct probe_url *url,
                struct probe_outcome *out)
{
    struct probe_address address;
    if (!probe_address_make(&address, url->host, url->port)) {
        probe_try(out, PROBE_ERROR, EINVAL, "`%s` is not an IP literal", url->host);
        return -1;
    }
    int fd = probe_connect(&address, probe_left(step, 2));
    if (fd < 0)
        probe_try_errno(out, errno, "connect to %s", address.text);
    else
        probe_try(out, PROBE_CONNECTED, 0, "connected to %s", address.text);
    return fd;
}

int probe_proxy_connect(const struct probe_step *step, const char *proxy, struct probe_outcome *out)
{
    struct probe_url url;
    if (proxy == NULL) {
        probe_try(out, PROBE_ERROR, EDESTADDRREQ, "no proxy variable is set");
        return -1;
    }
    if (!probe_url_parse(&url, proxy)) {
        probe_try(out, PROBE_ERROR, EINVAL, "`%s` is no proxy URL", proxy);
        return -1;
    }
    return dial(step, &url, out);
}

/* The head's field NAME as a number, or -1. */
static long field_number(const struct probe_answer *answer, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = answer->data; line < answer->data + answer->body;) {
        const char *end = strstr(line, "\r\n");
        if (end == NULL)
            break;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return strtol(line + length + 1, NULL, 10);
        line = end + 2;
    }
    return -1;
}

static bool complete(const struct probe_answer *answer)
{
    if (answer->body == 0)
        return false;
    if (answer->status == 204 || answer->status == 304)
        return true;
    long length = field_number(answer, "content-length");
    return length >= 0 && answer->length - answer->body >= (size_t)length;
}

void probe_answer_read(const struct probe_step *step, int fd, struct probe_answer *answer)
{
    memset(answer, 0, sizeof *answer);
    while (!complete(answer) && answer->length < sizeof answer->data - 1 &&
           probe_readable(fd, probe_left(step, 1))) {
        ssize_t got =
            recv(fd, answer->data + answer->length, sizeof answer->data - 1 - answer->length, 0);
        if (got <= 0)
            break;
        answer->length += (size_t)got;
        const char *end = answer->body == 0 ? strstr(answer->data, "\r\n\r\n") : NULL;
        if (end == NULL)
            continue;
        answer->body = (size_t)(end - answer->data) + 4;
        sscanf(answer->data, "HTTP/%*d.%*d %d", &answer->status);
    }
}

static size_t write_request(char *request, size_t size, const struct probe_url *url,
                            const char *target, const char *body)
{
    bool six = strchr(url->host, ':') != NULL;
    char length[64] = "";
    if (body != NULL)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    int used = snprintf(request, size,
                        "%s %s HTTP/1.1\r\nHost: %s%s%s:%ld\r\nUser-Agent: firma-probe\r\n"
                        "Accept: */*\r\n%sConnection: close\r\n\r\n%s",
                        body == NULL ? "GET" : "POST", target, six ? "[" : "", url->host,
                        six ? "]" : "", url->port, length, body == NULL ? "" : body);
    return used < 0 || (size_t)used >= size ? 0 : (size_t)used;
}

int probe_http_ask(const struct probe_step *step, const char *url, const char *proxy,
                   const char *body, struct probe_answer *answer, struct probe_outcome *out)
{
    char request[8192];
    struct probe_url parsed;
    answer->status = 0;
    if (!probe_url_parse(&parsed, url)) {
        probe_try(out, PROBE_ERROR, EINVAL, "`%s` is no http URL", url);
        return -1;
    }
    int fd = proxy == NULL ? dial(step, &parsed, out) : probe_proxy_connect(step, proxy, out);
    if (fd < 0)
        return -1;
    size_t length =
        write_request(request, sizeof request, &parsed, proxy == NULL ? parsed.path : url, body);
    if (length == 0 || !probe_write(fd, request, length)) {
        probe_try_errno(out, length == 0 ? EMSGSIZE : errno, "send request");
        close(fd);
        return -1;
    }
    probe_try(out, PROBE_SENT, 0, "asked for %s", url);
    probe_answer_read(step, fd, answer);
    close(fd);
    out->status = answer->status;
    if (answer->status == 0) {
        probe_try_errno(out, ETIMEDOUT, "no answer");
        return -1;
    }
    probe_try(out, PROBE_ANSWERED, 0, "status %d", answer->status);
    return answer->status;
}

/* To the head's end and not a byte further: what follows is the tunnel's. */
int probe_tunnel_ask(const struct probe_step *step, int fd, const char *authority)
{
    char request[512];
    struct probe_answer *answer = calloc(1, sizeof *answer);
    int length = snprintf(request, sizeof request, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n",
                          authority, authority);
    int status = -1;
    if (answer != NULL && probe_write(fd, request, (size_t)length)) {
        while (answer->length < sizeof answer->data - 1 &&
               strstr(answer->data, "\r\n\r\n") == NULL &&
               probe_readable(fd, probe_left(step, 2)) &&
               recv(fd, answer->data + answer->length, 1, 0) == 1)
            answer->length++;
        if (sscanf(answer->data, "HTTP/%*d.%*d %d", &status) != 1)
            status = -1;
    }
    free(answer);
    return status;
}
