#include "observers/tls.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_HANDSHAKE = 22, CLIENT_HELLO = 1, EXTENSION_SERVER_NAME = 0 };

/* A bounded reader: once out of bytes it stays `short_`, and every read yields 0. */
struct reader {
    const unsigned char *data;
    size_t left;
    bool short_;
};

static unsigned take(struct reader *reader, int bytes)
{
    unsigned value = 0;
    if (reader->short_ || reader->left < (size_t)bytes) {
        reader->short_ = true;
        return 0;
    }
    reader->left -= (size_t)bytes;
    while (bytes-- > 0)
        value = value << 8 | *reader->data++;
    return value;
}

static struct reader part(struct reader *reader, size_t length)
{
    struct reader inner = {reader->data, length, reader->short_};
    if (reader->short_ || reader->left < length) {
        reader->short_ = inner.short_ = true;
        inner.left = 0;
        return inner;
    }
    reader->data += length;
    reader->left -= length;
    return inner;
}

static void read_server_name(struct reader extension, char name[256])
{
    take(&extension, 2); /* list length */
    take(&extension, 1); /* host_name */
    struct reader host = part(&extension, take(&extension, 2));
    if (host.short_ || host.left > 255)
        return;
    memcpy(name, host.data, host.left);
    name[host.left] = '\0';
}

static void read_hello(struct reader hello, char name[256])
{
    part(&hello, 2 + 32); /* version, random */
    part(&hello, take(&hello, 1));
    part(&hello, take(&hello, 2));
    part(&hello, take(&hello, 1));
    struct reader extensions = part(&hello, take(&hello, 2));
    while (!extensions.short_ && extensions.left > 0) {
        unsigned type = take(&extensions, 2);
        struct reader body = part(&extensions, take(&extensions, 2));
        if (type == EXTENSION_SERVER_NAME && !body.short_)
            read_server_name(body, name);
    }
}

/* Strips the record layer into OUT (as large as the input); how many bytes came out. */
static size_t handshake_bytes(const unsigned char *data, size_t length, unsigned char *out,
                              bool *foreign)
{
    size_t used = 0;
    while (length >= 5) {
        size_t body = (size_t)data[3] << 8 | data[4];
        if (data[0] != RECORD_HANDSHAKE || data[1] != 3) {
            *foreign = used == 0; /* behind a hello, anything may follow */
            return used;
        }
        size_t have = body < length - 5 ? body : length - 5;
        memcpy(out + used, data + 5, have);
        used += have;
        data += 5 + have;
        length -= 5 + have;
    }
    return used;
}

enum cf_tls_hello cf_tls_client_hello(const unsigned char *data, size_t length, char name[256])
{
    name[0] = '\0';
    if (length > 0 && data[0] != RECORD_HANDSHAKE)
        return CF_TLS_NOT;
    unsigned char *flat = malloc(length + 1);
    if (flat == NULL)
        return CF_TLS_NOT;
    bool foreign = false;
    struct reader reader = {flat, handshake_bytes(data, length, flat, &foreign), false};
    enum cf_tls_hello result = foreign ? CF_TLS_NOT : CF_TLS_PARTIAL;
    if (reader.left > 0 && flat[0] != CLIENT_HELLO)
        result = CF_TLS_NOT;
    take(&reader, 1);
    struct reader hello = part(&reader, take(&reader, 3));
    if (result != CF_TLS_NOT && !hello.short_) {
        read_hello(hello, name);
        result = CF_TLS_WHOLE;
    }
    free(flat);
    return result;
}
