#include "launcher/http_response.h"

#include <string.h>

static struct http_text literal(const char *text)
{
    return (struct http_text){text, strlen(text)};
}

const char *firma_http_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } table[] = {
        {400, "Bad Request"},        {408, "Request Timeout"},
        {417, "Expectation Failed"}, {431, "Request Header Fields Too Large"},
        {502, "Bad Gateway"},        {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].status == status)
            return table[i].phrase;
    return "Error";
}

/* RFC 9112 section 6.3, in its order: what has no body, whatever its fields say, comes first. */
static void frame_body(struct http_response *response, const struct http_asked *asked)
{
    int status = response->head.status;
    struct http_body *body = &response->body;
    *body = (struct http_body){.kind = HTTP_BODY_UNTIL_CLOSE};
    if (asked->is_head || status < 200 || status == 204 || status == 304 ||
        response->opens_tunnel) {
        body->kind = HTTP_BODY_NONE;
    } else if (response->framing.chunked) {
        body->kind = HTTP_BODY_CHUNKED;
        body->write_chunked = asked->minor == 1;
    } else if (response->framing.has_length) {
        body->kind = HTTP_BODY_LENGTH;
        body->left = response->framing.length;
    }
}

static bool ends_connection(const struct http_response *response, const struct http_asked *asked)
{
    if (response->interim || response->opens_tunnel)
        return false;
    return !asked->keep_alive || asked->is_connect ||
           response->body.kind == HTTP_BODY_UNTIL_CLOSE ||
           (response->body.kind == HTTP_BODY_CHUNKED && !response->body.write_chunked);
}

bool firma_http_read_response(struct http_response *out, struct http_text data,
                              const struct http_asked *asked, struct http_refusal *why)
{
    if (!firma_http_parse_response(&out->head, data, why))
        return false;
    if (!firma_http_read_framing(&out->framing, &out->head, why)) {
        why->status = 502;
        return false;
    }
    int status = out->head.status;
    if (status == 101)
        return firma_http_refuse(why, 502, "switching protocols is not relayed");
    out->interim = status < 200;
    out->opens_tunnel = asked->is_connect && status >= 200 && status < 300;
    frame_body(out, asked);
    out->last = ends_connection(out, asked);
    out->persists = asked->keep_alive && !asked->is_connect && out->head.minor == 1 &&
                    out->body.kind != HTTP_BODY_UNTIL_CLOSE &&
                    !firma_http_connection_has(&out->head, literal("close"));
    return true;
}

static bool mentions_bridge(struct http_text value)
{
    static const char own[] = "firma-bridge";
    for (size_t i = 0; i + sizeof own - 1 <= value.length; i++)
        if (firma_http_is_nocase((struct http_text){value.at + i, sizeof own - 1}, own))
            return true;
    return false;
}

/* A Proxy-Status in our name is ours alone: a runner reads "no sidecar" from it. */
static bool is_relayed(const struct http_head *head, const struct http_field *field)
{
    if (firma_http_is_nocase(field->name, "content-length"))
        return false;
    if (firma_http_is_nocase(field->name, "proxy-status") && mentions_bridge(field->value))
        return false;
    return !firma_http_is_hop_by_hop(head, field->name);
}

/* A Content-Length without a body (HEAD, 304) says what a GET would have brought. */
static bool write_framing(const struct http_response *response, struct http_buffer *out)
{
    bool forbidden = response->interim || response->opens_tunnel || response->head.status == 204;
    if (response->framing.has_length && !forbidden)
        return firma_http_buffer_format(out, "Content-Length: %llu\r\n",
                                        (unsigned long long)response->framing.length);
    return !response->body.write_chunked ||
           firma_http_buffer_add(out, literal("Transfer-Encoding: chunked\r\n"));
}

bool firma_http_write_response(const struct http_response *response, struct http_buffer *out)
{
    const struct http_head *head = &response->head;
    bool fits = firma_http_buffer_format(out, "HTTP/1.1 %03d ", head->status) &&
                firma_http_buffer_add(out, head->reason) &&
                firma_http_buffer_add(out, literal("\r\n"));
    for (size_t i = 0; i < head->field_count && fits; i++)
        if (is_relayed(head, &head->fields[i]))
            fits = firma_http_write_field(out, head->fields[i].name, head->fields[i].value);
    return fits && firma_http_buffer_format(out, "Via: 1.%d firma-bridge\r\n", head->minor) &&
           write_framing(response, out) &&
           (!response->last || firma_http_buffer_add(out, literal("Connection: close\r\n"))) &&
           firma_http_buffer_add(out, literal("\r\n"));
}
