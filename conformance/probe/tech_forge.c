/*
 * tech_forge.c - requests at the bridge that hide an attribution header of the guest's making.
 *
 * Each attack is text with directives. Whatever an attack carries, its nonce stands only as the
 * value of a header the sidecar must never see: %F is that header, %S a whole request with it.
 *
 *     %u the URL   %h its host and port   %d a target the fake sidecar denies   %n the nonce
 *     %F "x-firma-user: NONCE" CRLF       %S a smuggled request                 %l its length
 *     %x its length in hexadecimal        %r wait here for one whole answer
 *     %L its length and no more           %b 70,000 bytes of padding
 *     %p a hundred fields                 %0 a NUL byte
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http.h"
#include "techniques.h"

enum { PADDING_BLOCKS = 70, PADDING_FIELDS = 100 };

#define GET  "GET %u HTTP/1.1\r\nHost: %h\r\n"
#define POST "POST %u HTTP/1.1\r\nHost: %h\r\n"

static const struct {
    const char *name;
    const char *text;
} attacks[] = {
    {"forge-header", GET "%FConnection: close\r\n\r\n"},
    {"forge-underscore", GET "X_Firma_User: %n\r\nx_firma-user: %n\r\nConnection: close\r\n\r\n"},
    {"forge-case", GET "X-FiRmA-UsEr: %n\r\nConnection: close\r\n\r\n"},
    {"forge-second", GET "\r\n%r" GET "%FConnection: close\r\n\r\n"},
    {"forge-pipelined", GET "\r\n" GET "%FConnection: close\r\n\r\n"},
    {"forge-connection", GET "Connection: x-firma-sandbox-id, x-firma-user, close\r\n%F"
                             "Keep-Alive: x-firma-user\r\n\r\n"},
    {"forge-trailer", POST "Transfer-Encoding: chunked\r\nTrailer: x-firma-user\r\n"
                           "Connection: close\r\n\r\n3\r\nabc\r\n0\r\n%F\r\n"},
    /* B3: a reader that takes what follows the last chunk for trailers passes this on. */
    {"chunk-smuggle", POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n%S"},
    /* B4: raw before the 2xx, a bridge hands the rest to a sidecar that has just said no. */
    {"connect-early", "CONNECT %d HTTP/1.1\r\nHost: %d\r\n\r\n%S"},
    {"cl-te", POST "Content-Length: %l\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%S"},
    {"te-cl", POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n%x\r\n%S\r\n0\r\n\r\n"},
    {"te-unknown", POST "Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n%S"},
    {"te-http10", "POST %u HTTP/1.0\r\nHost: %h\r\nTransfer-Encoding: chunked\r\n"
                  "Connection: keep-alive\r\n\r\n0\r\n\r\n%S"},
    {"bare-lf", GET "X-Pad: a\n%FConnection: close\r\n\r\n"},
    {"obs-fold", GET "X-Pad: a\r\n %FConnection: close\r\n\r\n"},
    {"two-lengths", POST "Content-Length: 0\r\nContent-Length: %l\r\n\r\n%S"},
    {"plus-length", POST "Content-Length: +%L\r\nConnection: close\r\n\r\n%S"},
    {"space-colon", GET "x-firma-user : %n\r\nConnection: close\r\n\r\n"},
    /* Names that no list of known ones has, and one of ours that is not the usual suspect. */
    {"forge-unknown", GET "x-firma-role: %n\r\nConnection: close\r\n\r\n"},
    {"forge-session", GET "X-Firma-Session-Id: %n\r\nConnection: close\r\n\r\n"},
    {"forge-connect", "CONNECT %h HTTP/1.1\r\nHost: %h\r\n%F\r\n"},
    {"forge-fifth",
     GET "\r\n%r" GET "\r\n%r" GET "\r\n%r" GET "\r\n%r" GET "%FConnection: close\r\n\r\n"},
    {"forge-denied", "GET http://denied.invalid/ HTTP/1.1\r\nHost: denied.invalid\r\n\r\n%r" GET
                     "%FConnection: close\r\n\r\n"},
    {"forge-after-body",
     POST "Content-Length: 70000\r\n\r\n%b%r" GET "%FConnection: close\r\n\r\n"},
    {"forge-padded", GET "%p%FConnection: close\r\n\r\n"},
    {"forge-far", GET "X-Pad: %b\r\n%FConnection: close\r\n\r\n"},
    {"host-differs", "GET %u HTTP/1.1\r\nHost: %n.example\r\nConnection: close\r\n\r\n"},
    {"host-twice", GET "Host: %n.example\r\nConnection: close\r\n\r\n"},
    {"userinfo", "GET http://%n@%h/ HTTP/1.1\r\nHost: %h\r\nConnection: close\r\n\r\n"},
    {"header-nul", GET "X-Pad: a%0%FConnection: close\r\n\r\n"},
    {"bare-cr", GET "X-Pad: a\r%FConnection: close\r\n\r\n"},
    {"length-list", POST "Content-Length: %L, %L\r\nConnection: close\r\n\r\n%S"},
    {"length-hex", POST "Content-Length: 0x%x\r\nConnection: close\r\n\r\n%S"},
    {"websocket", GET "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Pad: %n\r\n\r\n"},
    {"h2c", GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                "HTTP2-Settings: AAMAAABkAAQAAP__\r\nX-Pad: %n\r\n\r\n"},
    {"h2-preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n%n\r\n\r\n"},
    /* RFC 1928 and SOCKS 4a, everything at once: the name to be dialled is the nonce. */
    {"socks5", "\x05\x01%0\x05\x01%0\x03\x20%n%0P"},
    {"socks4", "\x04\x01%0P%0%0%0\x01user%0%n%0"},
    {"trace", "TRACE %u HTTP/1.1\r\nHost: %h\r\nX-Pad: %n\r\nConnection: close\r\n\r\n"},
    {"connect-body", "CONNECT %h HTTP/1.1\r\nHost: %h\r\nContent-Length: %L\r\n\r\n%S"},
    {"chunk-bare-lf", POST "Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n%S"},
    {"http09", "GET %u%n\r\n\r\n"},
    {"proxy-authorization", GET "Proxy-Authorization: Basic %n\r\nConnection: close\r\n\r\n"},
};

struct attack {
    const struct probe_step *step;
    struct probe_url url;
    const char *target; /* %u */
    char smuggled[512]; /* %S */
    char pending[8192];
    size_t used;
    int fd;
    struct probe_answer answer;
};

static void add_bytes(struct attack *attack, const char *bytes, size_t length)
{
    if (attack->used + length > sizeof attack->pending)
        return;
    memcpy(attack->pending + attack->used, bytes, length);
    attack->used += length;
}

static void add(struct attack *attack, const char *text)
{
    add_bytes(attack, text, strlen(text));
}

static bool flush(struct attack *attack)
{
    bool sent = probe_write(attack->fd, attack->pending, attack->used);
    attack->used = 0;
    return sent;
}

/* More than fits: what is pending goes first. */
static bool pad(struct attack *attack)
{
    char block[1000];
    memset(block, 'p', sizeof block);
    bool sent = flush(attack);
    for (int i = 0; i < PADDING_BLOCKS && sent; i++)
        sent = probe_write(attack->fd, block, sizeof block);
    return sent;
}

static void add_fields(struct attack *attack)
{
    char field[32];
    for (int i = 0; i < PADDING_FIELDS; i++) {
        snprintf(field, sizeof field, "X-Pad-%d: p\r\n", i);
        add(attack, field);
    }
}

static bool direct(struct attack *attack, char directive)
{
    const char *nonce = attack->step->nonce;
    char text[512] = "";
    switch (directive) {
    case 'u':
        snprintf(text, sizeof text, "%s", attack->target);
        break;
    case 'h':
        snprintf(text, sizeof text, strchr(attack->url.host, ':') ? "[%s]:%ld" : "%s:%ld",
                 attack->url.host, attack->url.port);
        break;
    case 'd':
        snprintf(text, sizeof text, "%s",
                 probe_param(attack->step, "target", "denied.invalid:443"));
        break;
    case 'n':
        snprintf(text, sizeof text, "%s", nonce);
        break;
    case 'F':
        snprintf(text, sizeof text, "x-firma-user: %s\r\n", nonce);
        break;
    case 'S':
        snprintf(text, sizeof text, "%s", attack->smuggled);
        break;
    case 'l': /* cl-te: the last chunk counts too */
        snprintf(text, sizeof text, "%zu", strlen(attack->smuggled) + 5);
        break;
    case 'x':
        snprintf(text, sizeof text, "%zx", strlen(attack->smuggled));
        break;
    case 'L':
        snprintf(text, sizeof text, "%zu", strlen(attack->smuggled));
        break;
    case 'b':
        return pad(attack);
    case 'p':
        add_fields(attack);
        break;
    case '0':
        add_bytes(attack, "", 1);
        break;
    case 'r':
        if (!flush(attack))
            return false;
        probe_answer_read(attack->step, attack->fd, &attack->answer);
        return attack->answer.status != 0;
    default:
        return false;
    }
    add(attack, text);
    return true;
}

static bool perform(struct attack *attack, const char *text)
{
    for (; *text != '\0'; text++) {
        char one[2] = {*text, '\0'};
        if (*text != '%')
            add(attack, one);
        else if (!direct(attack, *++text))
            return false;
    }
    return flush(attack);
}

/* Everything the bridge says until it stops: a second answer is worth knowing of. */
static void read_answers(struct attack *attack, struct probe_outcome *out)
{
    int answers = 0;
    /* A bridge that waits for more must not cost the whole deadline once it has answered. */
    while (answers < 3 &&
           probe_readable(attack->fd, answers == 0 ? probe_left(attack->step, 1) : 200)) {
        probe_answer_read(attack->step, attack->fd, &attack->answer);
        if (attack->answer.status == 0)
            break;
        answers++;
        out->status = attack->answer.status;
        probe_try(out, PROBE_ANSWERED, 0, "status %d", attack->answer.status);
    }
    if (answers == 0)
        probe_try(out, PROBE_SENT, 0, "no answer");
}

static const char *find(const char *name)
{
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        if (strcmp(attacks[i].name, name) == 0)
            return attacks[i].text;
    }
    return NULL;
}

void probe_tech_forge(const struct probe_step *step, struct probe_outcome *out)
{
    struct attack *attack = calloc(1, sizeof *attack);
    const char *text = find(step->technique);
    if (attack == NULL || text == NULL) {
        probe_try(out, PROBE_ERROR, EINVAL, "no attack `%s`", step->technique);
        free(attack);
        return;
    }
    attack->step = step;
    attack->target = probe_param(step, "url", "http://198.51.100.81/");
    if (!probe_url_parse(&attack->url, attack->target)) {
        probe_try(out, PROBE_ERROR, EINVAL, "`%s` is no http URL", attack->target);
    } else if ((attack->fd = probe_proxy_connect(step, probe_proxy(), out)) >= 0) {
        snprintf(attack->smuggled, sizeof attack->smuggled,
                 "GET %.300s HTTP/1.1\r\nHost: %.100s\r\nx-firma-user: %s\r\n\r\n", attack->target,
                 attack->url.host, step->nonce);
        if (perform(attack, text))
            read_answers(attack, out);
        else
            probe_try_errno(out, errno == 0 ? EPROTO : errno, "the attack was cut short");
        close(attack->fd);
    }
    free(attack);
}
