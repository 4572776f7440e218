#include "launcher/http_framing.h"

enum { LENGTH_DIGITS = 18 }; /* below 10^18: no sum of such numbers overflows */

static bool read_length(struct http_framing *out, const struct http_text *value, size_t count,
                        struct http_refusal *why)
{
    if (count > 1)
        return firma_http_refuse(why, 400, "several Content-Length fields");
    if (!firma_http_number(*value, 10, LENGTH_DIGITS, &out->length))
        return firma_http_refuse(why, 400, "Content-Length is not one number");
    out->has_length = true;
    return true;
}

static bool read_coding(struct http_framing *out, const struct http_head *head,
                        const struct http_text *value, size_t count, struct http_refusal *why)
{
    if (count > 1)
        return firma_http_refuse(why, 400, "several Transfer-Encoding fields");
    if (head->minor == 0)
        return firma_http_refuse(why, 400, "Transfer-Encoding in HTTP/1.0");
    if (!firma_http_is_nocase(*value, "chunked"))
        return firma_http_refuse(why, 400, "a Transfer-Encoding other than chunked");
    out->chunked = true;
    return true;
}

bool firma_http_read_framing(struct http_framing *out, const struct http_head *head,
                             struct http_refusal *why)
{
    size_t lengths, codings;
    const struct http_text *length = firma_http_field(head, "content-length", &lengths);
    const struct http_text *coding = firma_http_field(head, "transfer-encoding", &codings);
    *out = (struct http_framing){0};
    if (lengths > 0 && codings > 0)
        return firma_http_refuse(why, 400, "Content-Length with Transfer-Encoding");
    if (lengths > 0)
        return read_length(out, length, lengths, why);
    return codings == 0 || read_coding(out, head, coding, codings, why);
}
