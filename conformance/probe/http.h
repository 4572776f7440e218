/* http.h - as much of an HTTP client as an agent's tools show: proxy variables, GET, CONNECT. */
#ifndef PROBE_HTTP_H
#define PROBE_HTTP_H

#include "net.h"

enum { PROBE_URL = 1024 };

struct probe_url {
    bool tls;
    char host[256];
    long port;
    char path[PROBE_URL]; /* with the leading slash */
};

struct probe_answer {
    int status; /* 0: none */
    size_t length;
    size_t body; /* offset of the body in `data` */
    char data[16384];
};

bool probe_url_parse(struct probe_url *url, const char *text);
/* The step's url=, or one made of addr= and port=, ending in the nonce. */
bool probe_url_of(const struct probe_step *step, char text[PROBE_URL], struct probe_outcome *out);
/* The proxy an agent's client would take: http_proxy, HTTP_PROXY, all_proxy, ALL_PROXY. NULL: none.
 */
const char *probe_proxy(void);
/* Connects to PROXY (a URL with an IP literal). -1: OUT says why. */
int probe_proxy_connect(const struct probe_step *step, const char *proxy,
                        struct probe_outcome *out);
/* Asks for URL through PROXY (NULL: directly) and reads the answer to its end. -1 with OUT, or the
 * status; OUT then says `answered`. BODY is NULL for a GET, otherwise posted. */
int probe_http_ask(const struct probe_step *step, const char *url, const char *proxy,
                   const char *body, struct probe_answer *answer, struct probe_outcome *out);
/* Asks for a tunnel to AUTHORITY on FD, a connection to the proxy. The status, -1 without any. */
int probe_tunnel_ask(const struct probe_step *step, int fd, const char *authority);
/* Reads one answer, to its length or to the end of the connection. */
void probe_answer_read(const struct probe_step *step, int fd, struct probe_answer *answer);

#endif
