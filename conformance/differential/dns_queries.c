#include "dns.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 12 };

/* splitmix64: small, and the same on every system. */
static uint64_t next(struct dns_source *source)
{
    uint64_t z = source->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(struct dns_source *source, size_t limit)
{
    return (size_t)(next(source) % limit);
}

static void add_file(struct dns_source *source, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return;
    size_t room = sizeof source->seeds[0].data;
    size_t size = fread(source->seeds[source->seed_count].data, 1, room, file);
    if (size < room)
        source->seeds[source->seed_count++].size = size;
    fclose(file);
}

/* In the order of their names: a folder's own order is not the same everywhere. */
int dns_source_add(struct dns_source *source, const char *folder)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' &&
            source->seed_count < sizeof source->seeds / sizeof source->seeds[0])
            add_file(source, path);
        free(names[i]);
    }
    free(names);
    return count > 0;
}

static size_t put16(uint8_t *out, size_t at, unsigned value)
{
    out[at] = (uint8_t)(value >> 8);
    out[at + 1] = (uint8_t)value;
    return at + 2;
}

static size_t put_name(struct dns_source *source, uint8_t *out, size_t at)
{
    size_t labels = below(source, 8);
    for (size_t i = 0; i < labels; i++) {
        size_t length = 1 + below(source, below(source, 4) == 0 ? 63 : 12);
        out[at++] = (uint8_t)length;
        for (size_t k = 0; k < length; k++)
            out[at++] =
                below(source, 20) == 0 ? (uint8_t)next(source) : (uint8_t)('a' + below(source, 26));
    }
    out[at++] = 0;
    return at;
}

/* A query as its grammar has it, now and then with an OPT record behind it. */
static size_t build(struct dns_source *source, uint8_t *out)
{
    static const uint16_t types[] = {1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 65, 252, 255, 0, 65535};
    static const uint16_t classes[] = {1, 1, 1, 3, 4, 254, 255, 0, 65535};
    bool opt = below(source, 3) == 0;
    memset(out, 0, HEADER);
    put16(out, 0, (unsigned)next(source));
    out[2] = (uint8_t)below(source, 2);
    out[5] = 1;
    out[11] = opt;
    size_t at = put_name(source, out, HEADER);
    at = put16(out, at, types[below(source, sizeof types / sizeof types[0])]);
    at = put16(out, at, classes[below(source, sizeof classes / sizeof classes[0])]);
    if (!opt)
        return at;
    static const uint8_t record[] = {0, 0, 41, 4, 208, 0, 0, 128, 0, 0, 0};
    memcpy(out + at, record, sizeof record);
    return at + sizeof record;
}

static uint8_t suspicious(struct dns_source *source)
{
    static const uint8_t bytes[] = {0, 1, 2, 12, 62, 63, 64, 65, 127, 128, 191, 192, 193, 254, 255};
    return bytes[below(source, sizeof bytes)];
}

static size_t duplicate(struct dns_source *source, uint8_t *query, size_t size)
{
    size_t start = below(source, size);
    size_t length = 1 + below(source, size - start);
    if (size + length > DNS_QUERY_ROOM)
        return size;
    memmove(query + start + length, query + start, size - start);
    return size + length;
}

static size_t insert_pointer(struct dns_source *source, uint8_t *query, size_t size)
{
    if (size < HEADER + 2)
        return size;
    size_t at = HEADER + below(source, size - HEADER - 1);
    put16(query, at, 0xc000u + (unsigned)below(source, size + 4));
    return size;
}

static size_t mutate(struct dns_source *source, uint8_t *query, size_t size)
{
    if (size == 0)
        return 0;
    switch (below(source, 9)) {
    case 0:
        query[below(source, size)] ^= (uint8_t)(1u << below(source, 8));
        return size;
    case 1:
        query[below(source, size)] = suspicious(source);
        return size;
    case 2:
        return below(source, size);
    case 3: /* bytes behind it */
        for (size_t more = below(source, 24); more > 0 && size < DNS_QUERY_ROOM; more--)
            query[size++] = (uint8_t)next(source);
        return size;
    case 4: /* a flag, the opcode, a count */
        if (size >= HEADER)
            query[2 + below(source, HEADER - 2)] = suspicious(source);
        return size;
    case 5:
        return duplicate(source, query, size);
    case 6:
        return insert_pointer(source, query, size);
    case 7: /* the first label */
        if (size > HEADER)
            query[HEADER] = suspicious(source);
        return size;
    default: /* the end of the question, which a record behind it may yet hide */
        return size > HEADER + 5 ? size - 1 - below(source, 5) : size;
    }
}

size_t dns_source_next(struct dns_source *source, uint8_t query[DNS_QUERY_ROOM])
{
    size_t size;
    if (source->seed_count > 0 && below(source, 3) == 0) {
        size_t seed = below(source, source->seed_count);
        size = source->seeds[seed].size;
        memcpy(query, source->seeds[seed].data, size);
    } else {
        size = build(source, query);
    }
    for (size_t times = below(source, 4); times > 0; times--)
        size = mutate(source, query, size);
    return size;
}
