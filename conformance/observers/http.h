/* http.h - just enough of RFC 9112 to answer a client: where requests end, and an answer. */
#ifndef CF_HTTP_H
#define CF_HTTP_H

#include <stdbool.h>
#include <stddef.h>

enum { CF_HTTP_ECHO = 64, CF_HTTP_ANSWER = 256 };

struct cf_http_request {
    bool head;               /* HEAD: an answer without a body */
    bool persist;            /* the connection stays open */
    char echo[CF_HTTP_ECHO]; /* field X-Echo, "" without it: the answer brings it back */
};

/* Whether DATA may be the start of a request: an upper-case method and a space. */
bool cf_http_looks_like(const unsigned char *data, size_t length);
/* The length of the first whole request in DATA (head, and body by length or chunked), or 0 when
 * more bytes are needed. */
size_t cf_http_request(const unsigned char *data, size_t length, struct cf_http_request *request);
/* Writes the canary's answer to REQUEST; its length. */
size_t cf_http_answer(const struct cf_http_request *request, char answer[CF_HTTP_ANSWER]);

#endif
