/*
 * streams.c - what one connection carried, joined from the pieces in which it came.
 *
 * An observer logs bytes as they arrive, so a nonce may stand across two records. Every record with
 * a connection and data is also seen as part of a stream: {"event","conn","seq",…,"data"}, where
 * everything but the data is the first piece's.
 */
#include <stdlib.h>
#include <string.h>

#include "judge/evidence.h"

static bool same_stream(const json_t *stream, const json_t *piece)
{
    return json_equal(json_object_get(stream, "conn"), json_object_get(piece, "conn")) &&
           json_equal(json_object_get(stream, "event"), json_object_get(piece, "event"));
}

static json_t *find_stream(const json_t *streams, const json_t *piece)
{
    for (size_t i = json_array_size(streams); i > 0; i--)
        if (same_stream(json_array_get(streams, i - 1), piece))
            return json_array_get(streams, i - 1);
    return NULL;
}

/* Escaped texts (escape.h) join to the escaped text of the joined bytes. */
static void append(json_t *stream, const char *data)
{
    const char *before = json_string_value(json_object_get(stream, "data"));
    size_t had = strlen(before), more = strlen(data);
    char *joined = malloc(had + more + 1);
    if (joined == NULL)
        return;
    memcpy(joined, before, had);
    memcpy(joined + had, data, more + 1);
    json_object_set_new(stream, "data", json_string(joined));
    free(joined);
}

json_t *cf_streams_join(const json_t *records)
{
    json_t *streams = json_array();
    size_t index;
    json_t *piece;
    json_array_foreach ((json_t *)records, index, piece) {
        const char *data = json_string_value(json_object_get(piece, "data"));
        if (data == NULL || json_object_get(piece, "conn") == NULL)
            continue;
        json_t *stream = find_stream(streams, piece);
        if (stream != NULL)
            append(stream, data);
        else
            json_array_append_new(streams, json_copy(piece));
    }
    return streams;
}
