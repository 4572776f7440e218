#include "launcher/http_chunked.h"

enum state {
    SIZE,
    EXTENSION_START, /* after ';' */
    EXTENSION_NAME,
    EXTENSION_VALUE_START, /* after '=' */
    EXTENSION_TOKEN,
    EXTENSION_QUOTED,
    EXTENSION_ESCAPED,
    EXTENSION_END, /* after the closing quote */
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
        return after_size(decoder, EXTENSION_START);
    if (!firma_http_number((struct http_text){&text, 1}, 16, 1, &digit) ||
        decoder->digits == HTTP_CHUNK_DIGITS)
        return BAD;
    decoder->left = decoder->left * 16 + digit;
    decoder->digits++;
    return SIZE;
}

/* Another extension, or the end of them. */
static int after_extension(unsigned char c)
{
    return c == ';' ? EXTENSION_START : c == '\r' ? SIZE_LF : BAD;
}

/* The state after byte C of `1*( ";" token [ "=" ( token / quoted-string ) ] )`: not the white
 * space that RFC 9112 section 7.1.1 would have us suffer. */
static int step_extension(int state, unsigned char c)
{
    bool token = firma_http_is_tchar(c);
    switch (state) {
    case EXTENSION_START:
        return token ? EXTENSION_NAME : BAD;
    case EXTENSION_NAME:
        return token ? EXTENSION_NAME : c == '=' ? EXTENSION_VALUE_START : after_extension(c);
    case EXTENSION_VALUE_START:
        return token ? EXTENSION_TOKEN : c == '"' ? EXTENSION_QUOTED : BAD;
    case EXTENSION_TOKEN:
        return token ? EXTENSION_TOKEN : after_extension(c);
    case EXTENSION_QUOTED:
        if (c == '"')
            return EXTENSION_END;
        return c == '\\' ? EXTENSION_ESCAPED : firma_http_is_value(c) ? EXTENSION_QUOTED : BAD;
    case EXTENSION_ESCAPED:
        return firma_http_is_value(c) ? EXTENSION_QUOTED : BAD;
    default:
        return after_extension(c);
    }
}

static int read_extension(struct http_chunked *decoder, unsigned char c)
{
    int next = step_extension(decoder->state, c);
    if (next == SIZE_LF)
        return next;
    decoder->extension++;
    decoder->extensions++;
    if (decoder->extension > HTTP_CHUNK_EXTENSION || decoder->extensions > HTTP_CHUNK_EXTENSIONS)
        return BAD;
    return next;
}

static int end_size_line(struct http_chunked *decoder, unsigned char c)
{
    if (c != '\n')
        return BAD;
    decoder->digits = 0;
    decoder->extension = 0;
    return decoder->left == 0 ? TRAILER_START : DATA;
}

/* Notes byte C of a trailer's name. */
static int read_name(struct http_chunked *decoder, unsigned char c)
{
    if (!firma_http_is_tchar(c))
        return BAD;
    if (decoder->name < HTTP_CHUNK_NAME)
        decoder->name_start[decoder->name] = (char)c;
    decoder->name++;
    return TRAILER_NAME;
}

static int end_name(const struct http_chunked *decoder)
{
    struct http_text name = {decoder->name_start, decoder->name};
    if (decoder->name > HTTP_CHUNK_NAME)
        return TRAILER_VALUE;
    return firma_http_is_nocase(name, "content-length") ||
                   firma_http_is_nocase(name, "transfer-encoding")
               ? BAD
               : TRAILER_VALUE;
}

static int read_trailer(struct http_chunked *decoder, unsigned char c)
{
    if (++decoder->trailers > HTTP_CHUNK_TRAILERS)
        return BAD;
    switch (decoder->state) {
    case TRAILER_START:
        if (c == '\r')
            return END_LF;
        decoder->name = 0;
        return read_name(decoder, c);
    case TRAILER_NAME:
        return c == ':' ? end_name(decoder) : read_name(decoder, c);
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
    case EXTENSION_START:
    case EXTENSION_NAME:
    case EXTENSION_VALUE_START:
    case EXTENSION_TOKEN:
    case EXTENSION_QUOTED:
    case EXTENSION_ESCAPED:
    case EXTENSION_END:
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
