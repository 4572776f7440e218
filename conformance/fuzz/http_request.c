/*
 * A guest's request head. What is put to the sidecar is a head our own strict reader takes, whole,
 * with the same method and length, and the only attribution in it is the authoritative one.
 */
#include "fuzz.h"

#include <string.h>

#include "launcher/http_request.h"

#define ATTRIBUTION "x-firma-sandbox-id: box-1\r\n"

enum { ROOM = 3 * HTTP_HEAD_BYTES };

/* The head found byte by byte is the head found at once. */
static ptrdiff_t find(struct http_text text)
{
    struct http_refusal why = {0}, slow_why = {0};
    size_t scanned = 0, slow_scanned = 0;
    ptrdiff_t whole = firma_http_find_head(text, &scanned, &why), slow = 0;
    for (size_t i = 1; i <= text.length && slow == 0; i++)
        slow = firma_http_find_head((struct http_text){text.at, i}, &slow_scanned, &slow_why);
    FUZZ_MUST(whole == slow);
    FUZZ_MUST(whole >= 0 || why.status >= 400);
    return whole;
}

static void check_fields(const struct http_head *head)
{
    unsigned attributions = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        if (!firma_http_is_attribution(head->fields[i].name))
            continue;
        attributions++;
        FUZZ_MUST(firma_http_is(head->fields[i].value, "box-1"));
    }
    FUZZ_MUST(attributions == 1);
}

static void check(const struct http_request *request, const struct http_buffer *out)
{
    struct http_request again;
    struct http_refusal why = {0};
    size_t scanned = 0;
    struct http_text text = firma_http_buffer_text(out);
    ptrdiff_t head = firma_http_find_head(text, &scanned, &why);
    if (head < 0 && why.status == 431)
        return; /* it grew past what we would take ourselves */
    FUZZ_MUST(head == (ptrdiff_t)text.length);
    if (!firma_http_read_request(&again, text, &why)) {
        FUZZ_MUST(why.status == 431);
        return;
    }
    check_fields(&again.head);
    FUZZ_MUST(firma_http_same_nocase(again.head.method, request->head.method));
    FUZZ_MUST(again.framing.chunked == request->framing.chunked);
    FUZZ_MUST(again.framing.has_length == request->framing.has_length &&
              again.framing.length == request->framing.length);
    FUZZ_MUST(again.is_connect == request->is_connect && again.keep_alive == request->persists);
    FUZZ_MUST(again.repeatable == request->repeatable);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct http_text input = {(const char *)data, size},
                           ours = {ATTRIBUTION, sizeof ATTRIBUTION - 1};
    struct http_refusal why = {0};
    struct http_request request;
    struct http_buffer out;
    ptrdiff_t head = find(input);
    if (head <= 0)
        return 0;
    if (!firma_http_read_request(&request, (struct http_text){input.at, (size_t)head}, &why)) {
        FUZZ_MUST(why.status >= 400 && why.reason != NULL);
        return 0;
    }
    FUZZ_MUST(firma_http_buffer_open(&out, ROOM));
    if (firma_http_write_request(&request, ours, &out))
        check(&request, &out);
    firma_http_buffer_close(&out);
    return 0;
}
