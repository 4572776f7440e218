#include "launcher/http_head.h"

#include <string.h>

bool firma_http_refuse(struct http_refusal *why, int status, const char *reason)
{
    *why = (struct http_refusal){status, reason};
    return false;
}

/* Judges the byte at I; a CR at the very end of DATA has to wait for its LF. */
static bool legal_byte(struct http_text data, size_t i, struct http_refusal *why)
{
    unsigned char c = (unsigned char)data.at[i];
    if (c == '\n' && (i == 0 || data.at[i - 1] != '\r'))
        return firma_http_refuse(why, 400, "line feed without carriage return");
    if (c == '\r' && i + 1 < data.length && data.at[i + 1] != '\n')
        return firma_http_refuse(why, 400, "carriage return without line feed");
    if (c != '\r' && c != '\n' && !firma_http_is_value(c))
        return firma_http_refuse(why, 400, "control character");
    return true;
}

static bool ends_head(struct http_text data, size_t i)
{
    return data.at[i] == '\n' && i >= 3 && memcmp(data.at + i - 3, "\r\n\r\n", 4) == 0;
}

ptrdiff_t firma_http_find_head(struct http_text data, size_t *scanned, struct http_refusal *why)
{
    size_t i = *scanned;
    for (; i < data.length && i < HTTP_HEAD_BYTES; i++) {
        if (data.at[i] == '\r' && i + 1 == data.length && i + 1 < HTTP_HEAD_BYTES)
            break; /* its line feed may yet come, unless there is no room for it */
        if (!legal_byte(data, i, why))
            return -1;
        if (ends_head(data, i))
            return (ptrdiff_t)i + 1;
    }
    *scanned = i;
    if (i >= HTTP_HEAD_BYTES) {
        firma_http_refuse(why, 431, "head larger than 64 KiB");
        return -1;
    }
    return 0;
}

/* Takes the next line off REST, without its CRLF. */
static struct http_text take_line(struct http_text *rest)
{
    const char *end = memchr(rest->at, '\r', rest->length);
    size_t length = end == NULL ? rest->length : (size_t)(end - rest->at);
    struct http_text line = {rest->at, length};
    size_t used = end == NULL ? length : length + 2;
    rest->at += used;
    rest->length -= used;
    return line;
}

/* Takes the part up to the next single space off LINE. */
static bool take_word(struct http_text *line, struct http_text *word)
{
    const char *space = memchr(line->at, ' ', line->length);
    if (space == NULL)
        return false;
    *word = (struct http_text){line->at, (size_t)(space - line->at)};
    line->at += word->length + 1;
    line->length -= word->length + 1;
    return word->length > 0;
}

static bool parse_version(struct http_text text, int *minor)
{
    if (!firma_http_is(text, "HTTP/1.1") && !firma_http_is(text, "HTTP/1.0"))
        return false;
    *minor = text.at[7] - '0';
    return true;
}

static bool parse_field(struct http_field *field, struct http_text line, struct http_refusal *why)
{
    if (line.at[0] == ' ' || line.at[0] == '\t')
        return firma_http_refuse(why, 400, "folded line");
    const char *colon = memchr(line.at, ':', line.length);
    if (colon == NULL)
        return firma_http_refuse(why, 400, "field without colon");
    field->name = (struct http_text){line.at, (size_t)(colon - line.at)};
    if (!firma_http_is_token(field->name))
        return firma_http_refuse(why, 400, "field name is not a token");
    size_t value = field->name.length + 1;
    field->value = firma_http_trim((struct http_text){line.at + value, line.length - value});
    return true;
}

static bool parse_fields(struct http_head *head, struct http_text rest, struct http_refusal *why)
{
    head->field_count = 0;
    for (struct http_text line = take_line(&rest); line.length > 0; line = take_line(&rest)) {
        if (head->field_count == HTTP_HEAD_FIELDS)
            return firma_http_refuse(why, 431, "more than 128 fields");
        if (!parse_field(&head->fields[head->field_count], line, why))
            return false;
        head->field_count++;
    }
    return true;
}

static bool visible(struct http_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c <= 0x20 || c >= 0x7f)
            return false;
    }
    return text.length > 0;
}

bool firma_http_parse_request(struct http_head *head, struct http_text data,
                              struct http_refusal *why)
{
    struct http_text line = take_line(&data);
    head->status = 0;
    if (!take_word(&line, &head->method) || !take_word(&line, &head->target))
        return firma_http_refuse(why, 400, "request line");
    if (!parse_version(line, &head->minor))
        return firma_http_refuse(why, 400, "not HTTP/1.0 or HTTP/1.1");
    if (!firma_http_is_token(head->method))
        return firma_http_refuse(why, 400, "method is not a token");
    if (!visible(head->target))
        return firma_http_refuse(why, 400, "target holds a byte no URI has");
    return parse_fields(head, data, why);
}

bool firma_http_parse_response(struct http_head *head, struct http_text data,
                               struct http_refusal *why)
{
    struct http_text line = take_line(&data);
    struct http_text version;
    uint64_t status;
    if (!take_word(&line, &version) || !parse_version(version, &head->minor))
        return firma_http_refuse(why, 502, "status line");
    if (line.length < 3 || !firma_http_number((struct http_text){line.at, 3}, 10, 3, &status) ||
        status < 100 || status > 599 || (line.length > 3 && line.at[3] != ' '))
        return firma_http_refuse(why, 502, "status code");
    head->status = (int)status;
    head->method = head->target = (struct http_text){0};
    head->reason = line.length > 4 ? (struct http_text){line.at + 4, line.length - 4}
                                   : (struct http_text){line.at, 0};
    if (parse_fields(head, data, why))
        return true;
    why->status = 502;
    return false;
}

const struct http_text *firma_http_field(const struct http_head *head, const char *name,
                                         size_t *count)
{
    const struct http_text *first = NULL;
    *count = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        if (!firma_http_is_nocase(head->fields[i].name, name))
            continue;
        if ((*count)++ == 0)
            first = &head->fields[i].value;
    }
    return first;
}
