#include "observers/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool cf_http_looks_like(const unsigned char *data, size_t length)
{
    size_t at = 0;
    while (at < length && at < 16 && data[at] >= 'A' && data[at] <= 'Z')
        at++;
    return at >= 3 && at < length && data[at] == ' ';
}

/* The value of field NAME in the head of LENGTH bytes, copied to VALUE; false: no such field. */
static bool field(const char *head, size_t length, const char *name, char *value, size_t size)
{
    size_t wanted = strlen(name);
    const char *end = head + length;
    const char *line = memchr(head, '\n', length);
    while (line != NULL && ++line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t have = (size_t)((next == NULL ? end : next) - line);
        if (have > wanted && line[wanted] == ':' && strncasecmp(line, name, wanted) == 0) {
            const char *from = line + wanted + 1;
            size_t left = have - wanted - 1;
            size_t keep = left < size - 1 ? left : size - 1;
            memcpy(value, from, keep);
            value[keep] = '\0';
            return true;
        }
        line = next;
    }
    return false;
}

/* Only what is no space, so that it stays one field. */
static void read_echo(const char *head, size_t length, char echo[CF_HTTP_ECHO])
{
    char value[CF_HTTP_ECHO] = "";
    field(head, length, "x-echo", value, sizeof value);
    char *from = value + strspn(value, " \t");
    from[strcspn(from, " \t\r\n")] = '\0';
    snprintf(echo, CF_HTTP_ECHO, "%s", from);
}

/* The length of a chunked body with its trailers, or 0: unfinished. */
static size_t chunked_length(const unsigned char *body, size_t length)
{
    size_t at = 0;
    for (;;) {
        const unsigned char *line = memchr(body + at, '\n', length - at);
        if (line == NULL)
            return 0;
        char digits[9] = "";
        size_t have = (size_t)(line - (body + at));
        memcpy(digits, body + at, have < 8 ? have : 8);
        size_t chunk = strtoul(digits, NULL, 16);
        at = (size_t)(line + 1 - body);
        if (chunk == 0)
            break;
        if (chunk + 2 > length - at)
            return 0;
        at += chunk + 2;
    }
    for (;;) { /* trailers, up to the empty line */
        const unsigned char *line = memchr(body + at, '\n', length - at);
        if (line == NULL)
            return 0;
        size_t have = (size_t)(line - (body + at));
        bool blank = have == 0 || (have == 1 && body[at] == '\r');
        at = (size_t)(line + 1 - body);
        if (blank)
            return at;
    }
}

size_t cf_http_request(const unsigned char *data, size_t length, struct cf_http_request *request)
{
    const unsigned char *blank = memmem(data, length, "\r\n\r\n", 4);
    if (blank == NULL)
        return 0;
    const char *text = (const char *)data;
    size_t head = (size_t)(blank + 4 - data);
    char value[64];
    bool old = memmem(data, head, " HTTP/1.0\r\n", 11) != NULL;
    request->head = strncmp(text, "HEAD ", 5) == 0;
    request->persist = !old;
    read_echo(text, head, request->echo);
    if (field(text, head, "connection", value, sizeof value))
        request->persist =
            old ? strcasestr(value, "keep-alive") != NULL : strcasestr(value, "close") == NULL;
    if (field(text, head, "transfer-encoding", value, sizeof value) &&
        strcasestr(value, "chunked") != NULL) {
        size_t body = chunked_length(data + head, length - head);
        return body == 0 ? 0 : head + body;
    }
    size_t body = 0;
    if (field(text, head, "content-length", value, sizeof value))
        body = strtoul(value, NULL, 10);
    return body > length - head ? 0 : head + body;
}

size_t cf_http_answer(const struct cf_http_request *request, char answer[CF_HTTP_ANSWER])
{
    bool echoes = request->echo[0] != '\0';
    return (size_t)snprintf(answer, CF_HTTP_ANSWER,
                            "HTTP/1.1 200 OK\r\nServer: canary\r\nContent-Type: text/plain\r\n"
                            "Content-Length: 6\r\n%s%s%s%s\r\n%s",
                            echoes ? "X-Echo: " : "", request->echo, echoes ? "\r\n" : "",
                            request->persist ? "" : "Connection: close\r\n",
                            request->head ? "" : "canary");
}
