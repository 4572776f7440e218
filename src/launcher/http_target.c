#include "launcher/http_target.h"

#include <string.h>

static struct http_text skip(struct http_text text, size_t count)
{
    return (struct http_text){text.at + count, text.length - count};
}

static size_t span(struct http_text text, const char *accept)
{
    size_t i = 0;
    while (i < text.length && text.at[i] != '\0' && strchr(accept, text.at[i]) != NULL)
        i++;
    return i;
}

/* The length of the host at the start of TEXT, brackets included; 0 when there is none. */
static size_t host_length(struct http_text text)
{
    if (text.length == 0 || text.at[0] != '[')
        return span(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
    size_t inner = span(skip(text, 1), "0123456789abcdefABCDEF:.");
    if (inner < 2 || inner + 1 >= text.length || text.at[inner + 1] != ']')
        return 0;
    return inner + 2;
}

bool firma_http_is_authority(struct http_text text, bool needs_port)
{
    size_t host = host_length(text);
    uint64_t port;
    if (host == 0 || host > 255)
        return false;
    if (host == text.length)
        return !needs_port;
    return text.at[host] == ':' && firma_http_number(skip(text, host + 1), 10, 5, &port) &&
           port >= 1 && port <= 65535;
}

/* The length of "http://" or "https://" at the start, in any case; 0 for anything else. */
static size_t scheme_length(struct http_text target)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t length = strlen(schemes[i]);
        if (target.length >= length &&
            firma_http_is_nocase((struct http_text){target.at, length}, schemes[i]))
            return length;
    }
    return 0;
}

static bool read_absolute(struct http_target *out, struct http_text target,
                          struct http_refusal *why)
{
    size_t scheme = scheme_length(target);
    if (scheme == 0)
        return firma_http_refuse(why, 400, "target is not an absolute http URI");
    if (memchr(target.at, '#', target.length) != NULL)
        return firma_http_refuse(why, 400, "fragment in the target");
    struct http_text rest = skip(target, scheme);
    size_t length = 0;
    while (length < rest.length && rest.at[length] != '/' && rest.at[length] != '?')
        length++;
    out->form = HTTP_FORM_ABSOLUTE;
    out->authority = (struct http_text){rest.at, length};
    if (!firma_http_is_authority(out->authority, false))
        return firma_http_refuse(why, 400, "host or port in the target");
    return true;
}

bool firma_http_read_target(struct http_target *out, struct http_text method,
                            struct http_text target, struct http_refusal *why)
{
    if (firma_http_is(method, "CONNECT")) {
        *out = (struct http_target){HTTP_FORM_AUTHORITY, target};
        return firma_http_is_authority(target, true) ||
               firma_http_refuse(why, 400, "CONNECT wants host:port");
    }
    if (firma_http_is(method, "OPTIONS") && firma_http_is(target, "*")) {
        *out = (struct http_target){HTTP_FORM_ASTERISK, {target.at, 0}};
        return true;
    }
    return read_absolute(out, target, why);
}
