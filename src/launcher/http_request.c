#include "launcher/http_request.h"

#include <string.h>

static struct http_text literal(const char *text)
{
    return (struct http_text){text, strlen(text)};
}

bool firma_http_is_attribution(struct http_text name)
{
    static const char prefix[] = "x-firma-";
    if (name.length < sizeof prefix - 1)
        return false;
    char start[sizeof prefix - 1];
    for (size_t i = 0; i < sizeof start; i++)
        start[i] = name.at[i] == '_' ? '-' : name.at[i];
    return firma_http_is_nocase((struct http_text){start, sizeof start}, prefix);
}

bool firma_http_connection_has(const struct http_head *head, struct http_text option)
{
    for (size_t i = 0; i < head->field_count; i++) {
        if (!firma_http_is_nocase(head->fields[i].name, "connection"))
            continue;
        struct http_text list = head->fields[i].value, element;
        while (firma_http_next_element(&list, &element))
            if (firma_http_same_nocase(element, option))
                return true;
    }
    return false;
}

bool firma_http_is_hop_by_hop(const struct http_head *head, struct http_text name)
{
    static const char *const names[] = {
        "connection", "keep-alive",        "proxy-connection", "te",
        "trailer",    "transfer-encoding", "upgrade",          "http2-settings",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (firma_http_is_nocase(name, names[i]))
            return true;
    return firma_http_connection_has(head, name);
}

static bool check_host(const struct http_head *head, struct http_refusal *why)
{
    size_t count;
    const struct http_text *host = firma_http_field(head, "host", &count);
    if (count > 1)
        return firma_http_refuse(why, 400, "several Host fields");
    if (count == 0)
        return head->minor == 0 || firma_http_refuse(why, 400, "no Host field");
    if (host->length > 0 && !firma_http_is_authority(*host, false))
        return firma_http_refuse(why, 400, "Host is not a host");
    return true;
}

static bool check_connection(const struct http_head *head, struct http_refusal *why)
{
    size_t upgrades;
    firma_http_field(head, "upgrade", &upgrades);
    if (upgrades > 0)
        return firma_http_refuse(why, 400, "Upgrade is not relayed");
    for (size_t i = 0; i < head->field_count; i++) {
        if (!firma_http_is_nocase(head->fields[i].name, "connection"))
            continue;
        struct http_text list = head->fields[i].value, element;
        while (firma_http_next_element(&list, &element))
            if (!firma_http_is_token(element))
                return firma_http_refuse(why, 400, "Connection is not a list of tokens");
    }
    return true;
}

static bool check_expect(const struct http_head *head, struct http_refusal *why)
{
    size_t count;
    const struct http_text *expect = firma_http_field(head, "expect", &count);
    if (count == 0 || (count == 1 && firma_http_is_nocase(*expect, "100-continue")))
        return true;
    return firma_http_refuse(why, 417, "an expectation other than 100-continue");
}

static bool check_method(const struct http_request *request, struct http_refusal *why)
{
    if (firma_http_is_nocase(request->head.method, "TRACE"))
        return firma_http_refuse(why, 400, "TRACE is not relayed");
    if (request->is_connect && (request->framing.chunked || request->framing.has_length))
        return firma_http_refuse(why, 400, "CONNECT with a body");
    return true;
}

/* RFC 9110 section 9.2.1, and known here. */
static bool is_safe(struct http_text method)
{
    return firma_http_is(method, "GET") || firma_http_is(method, "HEAD") ||
           firma_http_is(method, "OPTIONS");
}

bool firma_http_read_request(struct http_request *out, struct http_text data,
                             struct http_refusal *why)
{
    struct http_head *head = &out->head;
    if (!firma_http_parse_request(head, data, why) ||
        !firma_http_read_target(&out->target, head->method, head->target, why) ||
        !firma_http_read_framing(&out->framing, head, why))
        return false;
    out->is_connect = out->target.form == HTTP_FORM_AUTHORITY;
    out->is_head = firma_http_is(head->method, "HEAD");
    out->keep_alive = head->minor == 1 && !firma_http_connection_has(head, literal("close"));
    out->persists = out->keep_alive && !out->is_connect;
    out->repeatable =
        out->persists && is_safe(head->method) && !out->framing.chunked && !out->framing.has_length;
    return check_method(out, why) && check_host(head, why) && check_connection(head, why) &&
           check_expect(head, why);
}

/* Host, framing and Connection are ours to write; Proxy-Authorization was meant for this hop. */
static bool is_relayed(const struct http_head *head, struct http_text name)
{
    static const char *const ours[] = {"host", "content-length", "proxy-authorization"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (firma_http_is_nocase(name, ours[i]))
            return false;
    if (head->minor == 0 && firma_http_is_nocase(name, "expect"))
        return false; /* an HTTP/1.0 guest cannot take the 100 it would cause */
    return !firma_http_is_attribution(name) && !firma_http_is_hop_by_hop(head, name);
}

bool firma_http_write_field(struct http_buffer *out, struct http_text name, struct http_text value)
{
    return firma_http_buffer_add(out, name) && firma_http_buffer_add(out, literal(": ")) &&
           firma_http_buffer_add(out, value) && firma_http_buffer_add(out, literal("\r\n"));
}

/* Host follows the target, whatever the guest's said (RFC 9112 section 3.2.2). */
static bool write_start(const struct http_request *request, struct http_buffer *out)
{
    return firma_http_buffer_add(out, request->head.method) &&
           firma_http_buffer_add(out, literal(" ")) &&
           firma_http_buffer_add(out, request->head.target) &&
           firma_http_buffer_add(out, literal(" HTTP/1.1\r\n")) &&
           firma_http_write_field(out, literal("Host"), request->target.authority);
}

static bool write_framing(const struct http_framing *framing, struct http_buffer *out)
{
    if (framing->chunked)
        return firma_http_buffer_add(out, literal("Transfer-Encoding: chunked\r\n"));
    return !framing->has_length || firma_http_buffer_format(out, "Content-Length: %llu\r\n",
                                                            (unsigned long long)framing->length);
}

bool firma_http_write_request(const struct http_request *request, struct http_text attribution,
                              struct http_buffer *out)
{
    const struct http_head *head = &request->head;
    const char *end = request->persists ? "\r\n" : "Connection: close\r\n\r\n";
    bool fits = write_start(request, out);
    for (size_t i = 0; i < head->field_count && fits; i++)
        if (is_relayed(head, head->fields[i].name))
            fits = firma_http_write_field(out, head->fields[i].name, head->fields[i].value);
    return fits && firma_http_buffer_format(out, "Via: 1.%d firma-bridge\r\n", head->minor) &&
           write_framing(&request->framing, out) && firma_http_buffer_add(out, attribution) &&
           firma_http_buffer_add(out, literal(end));
}
