/*
 * message.h - HTTP/1 messages, read as leniently as bytes allow.
 *
 * A bridge in front of this program should have refused whatever is doubtful. When it did not, the
 * doubtful thing must show up in the log as what a careless server would make of it: bare LF ends
 * a line, a folded line is a header of its own, the first of several lengths counts, "+5" is 5.
 */
#ifndef FAKE_MESSAGE_H
#define FAKE_MESSAGE_H

#include "stream.h"

enum { FAKE_HEADERS = 256, FAKE_HEAD_BYTES = 262144 };

struct fake_text {
    const char *at; /* not terminated */
    size_t length;
};

struct fake_field {
    struct fake_text name; /* up to the colon, white space and all; the whole line without one */
    struct fake_text value;
};

/* A head: the three words of its first line and its fields. Owns `bytes`; the texts point into it.
 */
struct fake_head {
    char *bytes;
    size_t length;
    struct fake_text word[3];
    struct fake_field field[FAKE_HEADERS];
    size_t count;
};

enum fake_read { FAKE_READ_OK, FAKE_READ_END, FAKE_READ_GARBAGE };

/* Takes the next head off IN. END: nothing more came. GARBAGE: something came that is no head; it
 * still stands in IN. Otherwise the caller frees HEAD with fake_head_free(). */
enum fake_read fake_head_read(struct fake_stream *in, struct fake_head *head);
void fake_head_free(struct fake_head *head);
/* The value of the first field called NAME (any case, white space around it ignored), or NULL. */
const struct fake_text *fake_head_find(const struct fake_head *head, const char *name);
bool fake_text_is(const struct fake_text *text, const char *word);
bool fake_text_has(const struct fake_text *text, const char *part);

enum fake_framing { FAKE_BODY_NONE, FAKE_BODY_LENGTH, FAKE_BODY_CHUNKED, FAKE_BODY_CLOSE };
enum fake_framing fake_request_framing(const struct fake_head *head, unsigned long long *length);
enum fake_framing fake_response_framing(const struct fake_head *head, bool to_head, int status,
                                        unsigned long long *length);
/* Passes the body, chunk framing and trailers included, from IN to SINK. False: cut short. */
bool fake_body_copy(struct fake_stream *in, enum fake_framing framing, unsigned long long length,
                    fake_sink *sink, void *context);

#endif
