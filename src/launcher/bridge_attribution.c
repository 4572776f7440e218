/* bridge_attribution.c - the authoritative headers: all of them sound, or no bridge at all. */
#include "launcher/bridge_private.h"

#include <string.h>

enum { MAX_HEADERS = 32, MAX_NAME = 128, MAX_VALUE = 1024 }; /* the launch contract's limits */

static struct http_text text_of(const char *text)
{
    return (struct http_text){text, strlen(text)};
}

static bool sound_name(const char *name)
{
    struct http_text text = text_of(name);
    return text.length <= MAX_NAME && firma_http_is_token(text) &&
           firma_http_is_attribution(text) && strchr(name, '_') == NULL;
}

static bool sound_value(const char *value)
{
    struct http_text text = text_of(value);
    for (size_t i = 0; i < text.length; i++)
        if (text.at[i] == '\t' || !firma_http_is_value((unsigned char)text.at[i]))
            return false;
    return text.length > 0 && text.length <= MAX_VALUE &&
           firma_http_trim(text).length == text.length;
}

static bool repeated(const struct firma_header *headers, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (firma_http_is_nocase(text_of(headers[i].name), headers[index].name))
            return true;
    return false;
}

static int check(const struct firma_header *headers, size_t index, struct firma_error *err)
{
    const struct firma_header *header = &headers[index];
    if (header->name == NULL || !sound_name(header->name))
        return firma_fail(err, FIRMA_E_CONFIG, 0, "attribution header %zu is not called x-firma-…",
                          index);
    if (header->value == NULL || !sound_value(header->value))
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          "attribution header %s: empty, too long, or a control character in it",
                          header->name);
    if (repeated(headers, index))
        return firma_fail(err, FIRMA_E_CONFIG, 0, "attribution header %s is given twice",
                          header->name);
    return 0;
}

static int check_all(const struct firma_header *headers, size_t count, struct firma_error *err)
{
    bool named = false;
    if (count > MAX_HEADERS)
        return firma_fail(err, FIRMA_E_CONFIG, 0, "more than %d attribution headers", MAX_HEADERS);
    for (size_t i = 0; i < count; i++) {
        int rc = check(headers, i, err);
        if (rc != 0)
            return rc;
        named |= firma_http_is_nocase(text_of(headers[i].name), "x-firma-sandbox-id");
    }
    return named ? 0
                 : firma_fail(err, FIRMA_E_CONFIG, 0,
                              "attribution without x-firma-sandbox-id: nothing may be relayed");
}

int firma_bridge_attribution(struct http_buffer *out, const struct firma_header *headers,
                             size_t count, struct firma_error *err)
{
    int rc = check_all(headers, count, err);
    if (rc != 0)
        return rc;
    if (!firma_http_buffer_open(out, count * (MAX_NAME + MAX_VALUE + 4)))
        return firma_fail(err, FIRMA_E_MEMORY, 0, "bridge");
    for (size_t i = 0; i < count; i++)
        firma_http_write_field(out, text_of(headers[i].name), text_of(headers[i].value));
    return 0;
}
