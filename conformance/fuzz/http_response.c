/* The sidecar's answer. First byte: what was asked. What the guest gets reads back the same way. */
#include "fuzz.h"

#include <string.h>

#include "launcher/http_response.h"

enum { ROOM = 3 * HTTP_HEAD_BYTES };

static void check(const struct http_response *response, const struct http_asked *asked,
                  const struct http_buffer *out)
{
    struct http_response again;
    struct http_refusal why = {0};
    size_t scanned = 0;
    struct http_text text = firma_http_buffer_text(out);
    ptrdiff_t head = firma_http_find_head(text, &scanned, &why);
    if (head < 0 && why.status == 431)
        return;
    FUZZ_MUST(head == (ptrdiff_t)text.length);
    if (!firma_http_read_response(&again, text, asked, &why)) {
        FUZZ_MUST(response->head.field_count + 8 > HTTP_HEAD_FIELDS);
        return;
    }
    FUZZ_MUST(again.head.status == response->head.status);
    FUZZ_MUST(again.interim == response->interim && again.opens_tunnel == response->opens_tunnel);
    bool decoded = response->body.kind == HTTP_BODY_CHUNKED && !response->body.write_chunked;
    FUZZ_MUST(again.body.kind == (decoded ? HTTP_BODY_UNTIL_CLOSE : response->body.kind));
    FUZZ_MUST(again.body.left == response->body.left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const struct http_asked asked = {.is_connect = (data[0] & 1) != 0,
                                     .is_head = (data[0] & 2) != 0,
                                     .keep_alive = (data[0] & 4) != 0,
                                     .minor = (data[0] & 8) != 0};
    struct http_text input = {(const char *)data + 1, size - 1};
    struct http_refusal why = {0};
    struct http_response response;
    struct http_buffer out;
    size_t scanned = 0;
    ptrdiff_t head = firma_http_find_head(input, &scanned, &why);
    FUZZ_MUST(head >= 0 || why.status >= 400);
    if (head <= 0)
        return 0;
    input.length = (size_t)head;
    if (!firma_http_read_response(&response, input, &asked, &why)) {
        FUZZ_MUST(why.status == 502 && why.reason != NULL);
        return 0;
    }
    FUZZ_MUST(firma_http_buffer_open(&out, ROOM));
    if (firma_http_write_response(&response, &out))
        check(&response, &asked, &out);
    firma_http_buffer_close(&out);
    return 0;
}
