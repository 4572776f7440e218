#include "message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct fake_text trimmed(struct fake_text text)
{
    while (text.length > 0 && (*text.at == ' ' || *text.at == '\t'))
        text.at++, text.length--;
    while (text.length > 0 && strchr(" \t\r", text.at[text.length - 1]) != NULL)
        text.length--;
    return text;
}

bool fake_text_is(const struct fake_text *text, const char *word)
{
    struct fake_text bare = trimmed(*text);
    return bare.length == strlen(word) && strncasecmp(bare.at, word, bare.length) == 0;
}

bool fake_text_has(const struct fake_text *text, const char *part)
{
    size_t length = strlen(part);
    for (size_t i = 0; i + length <= text->length; i++) {
        if (strncasecmp(text->at + i, part, length) == 0)
            return true;
    }
    return false;
}

/* The bytes up to and including the empty line that ends a head; 0 when it is not there yet. */
static size_t head_length(const unsigned char *data, size_t used)
{
    size_t line = 0;
    for (size_t i = 0; i < used; i++) {
        if (data[i] != '\n')
            continue;
        if (i == line || (i == line + 1 && data[line] == '\r'))
            return i + 1;
        line = i + 1;
    }
    return 0;
}

/* Takes the next line off *AT, without its LF and one CR before it. */
static struct fake_text next_line(const char **at, const char *end)
{
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    stop = stop == NULL ? end : stop;
    struct fake_text line = {*at, (size_t)(stop - *at)};
    *at = stop < end ? stop + 1 : end;
    if (line.length > 0 && line.at[line.length - 1] == '\r')
        line.length--;
    return line;
}

static bool split_words(struct fake_head *head, struct fake_text line)
{
    for (int i = 0; i < 3; i++) {
        line = trimmed(line);
        const char *space = i == 2 ? NULL : memchr(line.at, ' ', line.length);
        size_t length = space == NULL ? line.length : (size_t)(space - line.at);
        head->word[i] = (struct fake_text){line.at, length};
        line.at += length;
        line.length -= length;
    }
    return head->word[0].length > 0 && head->word[1].length > 0 &&
           (strncasecmp(head->word[0].at, "HTTP/", 5) == 0 ||
            (head->word[2].length >= 5 && strncasecmp(head->word[2].at, "HTTP/", 5) == 0));
}

static void add_field(struct fake_head *head, struct fake_text line)
{
    if (head->count == FAKE_HEADERS)
        return;
    struct fake_field *field = &head->field[head->count++];
    const char *colon = memchr(line.at, ':', line.length);
    field->name =
        (struct fake_text){line.at, colon == NULL ? line.length : (size_t)(colon - line.at)};
    const char *value = colon == NULL ? line.at + line.length : colon + 1;
    field->value = trimmed((struct fake_text){value, (size_t)(line.at + line.length - value)});
}

static bool parse(struct fake_head *head)
{
    const char *at = head->bytes;
    const char *end = at + head->length;
    if (!split_words(head, next_line(&at, end)))
        return false;
    head->count = 0;
    while (at < end) {
        struct fake_text line = next_line(&at, end);
        if (line.length > 0)
            add_field(head, line);
    }
    return true;
}

static void drop_empty_lines(struct fake_stream *in)
{
    size_t count = 0;
    while (count < in->used && (in->data[count] == '\r' || in->data[count] == '\n'))
        count++;
    if (count > 0)
        fake_stream_drop(in, count);
}

enum fake_read fake_head_read(struct fake_stream *in, struct fake_head *head)
{
    size_t length;
    drop_empty_lines(in);
    while ((length = head_length(in->data, in->used)) == 0) {
        /* A head that stays incomplete must reach the log before somebody kills us. */
        int patience = in->used == 0 ? FAKE_IDLE_MS : FAKE_PARTIAL_MS;
        if (in->used > FAKE_HEAD_BYTES || fake_stream_fill(in, patience) <= 0)
            return in->used == 0 ? FAKE_READ_END : FAKE_READ_GARBAGE;
        drop_empty_lines(in);
    }
    head->length = length;
    head->bytes = malloc(length);
    if (head->bytes == NULL)
        return FAKE_READ_GARBAGE;
    memcpy(head->bytes, in->data, length);
    if (!parse(head)) {
        fake_head_free(head);
        return FAKE_READ_GARBAGE;
    }
    fake_stream_drop(in, length);
    return FAKE_READ_OK;
}

void fake_head_free(struct fake_head *head)
{
    free(head->bytes);
    head->bytes = NULL;
}

const struct fake_text *fake_head_find(const struct fake_head *head, const char *name)
{
    for (size_t i = 0; i < head->count; i++) {
        if (fake_text_is(&head->field[i].name, name))
            return &head->field[i].value;
    }
    return NULL;
}

static unsigned long long number(const struct fake_text *text, int base)
{
    char digits[32] = "";
    size_t length = text->length < sizeof digits - 1 ? text->length : sizeof digits - 1;
    memcpy(digits, text->at, length);
    return strtoull(digits, NULL, base);
}

static enum fake_framing declared(const struct fake_head *head, enum fake_framing otherwise,
                                  unsigned long long *length)
{
    const struct fake_text *coding = fake_head_find(head, "transfer-encoding");
    if (coding != NULL && fake_text_has(coding, "chunked"))
        return FAKE_BODY_CHUNKED;
    const struct fake_text *counted = fake_head_find(head, "content-length");
    if (counted == NULL)
        return otherwise;
    *length = number(counted, 10);
    return FAKE_BODY_LENGTH;
}

enum fake_framing fake_request_framing(const struct fake_head *head, unsigned long long *length)
{
    return declared(head, FAKE_BODY_NONE, length);
}

enum fake_framing fake_response_framing(const struct fake_head *head, bool to_head, int status,
                                        unsigned long long *length)
{
    if (to_head || status / 100 == 1 || status == 204 || status == 304)
        return FAKE_BODY_NONE;
    return declared(head, FAKE_BODY_CLOSE, length);
}

/* Passes COUNT bytes on, or whatever comes before the end when COUNT is UINT64_MAX. */
static bool copy_count(struct fake_stream *in, unsigned long long count, fake_sink *sink,
                       void *context)
{
    while (count > 0) {
        if (in->used == 0 && fake_stream_fill(in, FAKE_IDLE_MS) <= 0)
            return count > UINT64_MAX / 2;
        size_t run = in->used < count ? in->used : (size_t)count;
        bool taken = sink(context, in->data, run);
        fake_stream_drop(in, run);
        count -= run;
        if (!taken)
            return false;
    }
    return true;
}

/* Passes one line on; its size in *LENGTH and its leading hexadecimal number in *SIZE. */
static bool copy_line(struct fake_stream *in, fake_sink *sink, void *context, size_t *length,
                      unsigned long long *size)
{
    const unsigned char *stop;
    while (in->used == 0 || (stop = memchr(in->data, '\n', in->used)) == NULL) {
        if (in->used > FAKE_HEAD_BYTES || fake_stream_fill(in, FAKE_IDLE_MS) <= 0)
            return copy_count(in, in->used, sink, context) && false;
    }
    *length = (size_t)(stop - in->data) + 1;
    struct fake_text line = {(const char *)in->data, *length};
    *size = number(&line, 16);
    return copy_count(in, *length, sink, context);
}

static bool is_empty(size_t length)
{
    return length <= 2; /* LF or CRLF: no header is that short */
}

static bool copy_chunked(struct fake_stream *in, fake_sink *sink, void *context)
{
    size_t length = 0;
    unsigned long long size = 0;
    do {
        if (!copy_line(in, sink, context, &length, &size))
            return false;
        if (size > 0 && (!copy_count(in, size, sink, context) ||
                         !copy_line(in, sink, context, &length, &(unsigned long long){0})))
            return false;
    } while (size > 0);
    do {
        if (!copy_line(in, sink, context, &length, &size))
            return false;
    } while (!is_empty(length));
    return true;
}

bool fake_body_copy(struct fake_stream *in, enum fake_framing framing, unsigned long long length,
                    fake_sink *sink, void *context)
{
    switch (framing) {
    case FAKE_BODY_LENGTH:
        return copy_count(in, length, sink, context);
    case FAKE_BODY_CHUNKED:
        return copy_chunked(in, sink, context);
    case FAKE_BODY_CLOSE:
        return copy_count(in, UINT64_MAX, sink, context);
    case FAKE_BODY_NONE:
        break;
    }
    return true;
}
