#include "launcher/http_chunked.h"

enum state {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START, /* at the beginning of a trailer line, or of the empty line */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    DONE,
    BAD,
};

static int after_size(const struct http_chunked *decoder, int state)
{
    return decoder->digits == 0 ? BAD : state;
}

static int read_size(struct http_chunked *decoder, unsigned char c)
{
    uint64_t digit;
    char text = (char)c;
    if (c == '\r')
        return after_size(decoder, SIZE_LF);
    if (c == ';')
        return after_size(decoder, EXTENSION);
    if (!firma_http_number((struct http_text){&text, 1}, 16, 1, &digit) ||
        decoder->digits == HTTP_CHUNK_DIGITS)
        return BAD;
    decoder->left = decoder->left * 16 + digit;
    decoder->digits++;
    return SIZE;
}

static int read_extension(struct http_chunked *decoder, unsigned char c)
{
    if (c == '\r')
        return SIZE_LF;
    decoder->extension++;
    decoder->extensions++;
    if (!firma_http_is_value(c) || decoder->extension > HTTP_CHUNK_EXTENSION ||
        decoder->extensions > HTTP_CHUNK_EXTENSIONS)
        return BAD;
    return EXTENSION;
}

static int end_size_line(struct http_chunked *decoder, unsigned char c)
{
    if (c != '\n')
        return BAD;
    decoder->digits = 0;
    decoder->extension = 0;
    return decoder->left == 0 ? TRAILER_START : DATA;
}

static int read_trailer(struct http_chunked *decoder, unsigned char c)
{
    if (++decoder->trailers > HTTP_CHUNK_TRAILERS)
        return BAD;
    switch (decoder->state) {
    case TRAILER_START:
        if (c == '\r')
            return END_LF;
        return firma_http_is_tchar(c) ? TRAILER_NAME : BAD;
    case TRAILER_NAME:
        if (c == ':')
            return TRAILER_VALUE;
        return firma_http_is_tchar(c) ? TRAILER_NAME : BAD;
    case TRAILER_VALUE:
        if (c == '\r')
            return TRAILER_LF;
        return firma_http_is_value(c) ? TRAILER_VALUE : BAD;
    default:
        return c == '\n' ? TRAILER_START : BAD;
    }
}

/* The state after byte C; never called in DATA. */
static int step(struct http_chunked *decoder, unsigned char c)
{
    switch (decoder->state) {
    case SIZE:
        return read_size(decoder, c);
    case EXTENSION:
        return read_extension(decoder, c);
    case SIZE_LF:
        return end_size_line(decoder, c);
    case DATA_CR:
        return c == '\r' ? DATA_LF : BAD;
    case DATA_LF:
        return c == '\n' ? SIZE : BAD;
    case END_LF:
        return c == '\n' ? DONE : BAD;
    default:
        return read_trailer(decoder, c);
    }
}

static enum http_chunked_result take_data(struct http_chunked *decoder, struct http_text input,
                                          size_t max, size_t *consumed, struct http_text *data)
{
    size_t length = input.length - *consumed;
    if (length > max)
        length = max;
    if (length > decoder->left)
        length = (size_t)decoder->left;
    if (length == 0)
        return HTTP_CHUNKED_MORE;
    *data = (struct http_text){input.at + *consumed, length};
    *consumed += length;
    decoder->left -= length;
    if (decoder->left == 0)
        decoder->state = DATA_CR;
    return HTTP_CHUNKED_DATA;
}

enum http_chunked_result firma_http_chunked_next(struct http_chunked *decoder,
                                                 struct http_text input, size_t max,
                                                 size_t *consumed, struct http_text *data)
{
    *consumed = 0;
    while (decoder->state != DONE && decoder->state != BAD) {
        if (decoder->state == DATA)
            return take_data(decoder, input, max, consumed, data);
        if (*consumed == input.length)
            return HTTP_CHUNKED_MORE;
        decoder->state = step(decoder, (unsigned char)input.at[(*consumed)++]);
    }
    return decoder->state == DONE ? HTTP_CHUNKED_DONE : HTTP_CHUNKED_BAD;
}
