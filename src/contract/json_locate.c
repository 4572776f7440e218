#include <stdbool.h>

#include "contract/contract_json.h"

enum { MAX_DEPTH = 8 };

struct frame {
    bool is_array;
    bool has_key;
    size_t index;
    const char *key;
    size_t key_length;
};

struct locator {
    struct frame frames[MAX_DEPTH];
    size_t depth; /* may exceed MAX_DEPTH */
};

static struct frame *top(struct locator *locator)
{
    size_t depth = locator->depth;
    return depth > 0 && depth <= MAX_DEPTH ? &locator->frames[depth - 1] : NULL;
}

static void open_frame(struct locator *locator, bool is_array)
{
    locator->depth++;
    struct frame *frame = top(locator);
    if (frame != NULL)
        *frame = (struct frame){.is_array = is_array};
}

/* Consumes the string whose first byte after the quote is at START; returns the offset after it. */
static size_t pass_string(struct locator *locator, const char *text, size_t start, size_t end)
{
    size_t at = start;
    while (at < end && text[at] != '"')
        at += text[at] == '\\' ? 2 : 1;
    if (at > end)
        at = end;
    struct frame *frame = top(locator);
    if (frame != NULL && !frame->is_array && !frame->has_key) {
        frame->key = text + start;
        frame->key_length = at - start;
        frame->has_key = true;
    }
    return at < end ? at + 1 : end;
}

static void next_member(struct locator *locator)
{
    struct frame *frame = top(locator);
    if (frame == NULL)
        return;
    frame->index++;
    frame->has_key = false;
}

static void show(const struct locator *locator, struct firma_trail *trail)
{
    for (size_t i = 0; i < locator->depth && i < MAX_DEPTH; i++) {
        const struct frame *frame = &locator->frames[i];
        if (frame->is_array)
            firma_trail_index(trail, frame->index);
        else if (frame->has_key)
            firma_trail_key(trail, frame->key, frame->key_length);
    }
}

void firma_json_locate(const char *text, size_t position, struct firma_trail *trail)
{
    struct locator locator = {.depth = 0};
    size_t at = 0;
    while (at < position) {
        char byte = text[at++];
        if (byte == '"')
            at = pass_string(&locator, text, at, position);
        else if (byte == '{' || byte == '[')
            open_frame(&locator, byte == '[');
        else if ((byte == '}' || byte == ']') && locator.depth > 0)
            locator.depth--;
        else if (byte == ',')
            next_member(&locator);
    }
    show(&locator, trail);
}
