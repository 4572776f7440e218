/*
 * Frames a guest put on its link, as the capture holds them. Input: the length of each (a byte) and
 * its bytes. Every frame is read back, attributed and described; the numbers agree.
 */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "judge/evidence.h"
#include "report/dissect.h"

struct header {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, digits, longest, link;
};

struct record {
    uint32_t seconds, fraction, captured, length;
};

static size_t write_capture(int fd, struct fuzz_input input)
{
    const struct header header = {0xa1b2c3d4, 2, 4, 0, 0, 65535, 1};
    size_t count = 0;
    FUZZ_MUST(write(fd, &header, sizeof header) == (ssize_t)sizeof header);
    while (input.left > 0) {
        size_t length = fuzz_take(&input, 1);
        length = length < input.left ? length : input.left;
        const struct record record = {1, 1, (uint32_t)length, (uint32_t)length};
        FUZZ_MUST(write(fd, &record, sizeof record) == (ssize_t)sizeof record);
        FUZZ_MUST(write(fd, input.at, length) == (ssize_t)length);
        input.at += length;
        input.left -= length;
        count++;
    }
    return count;
}

static void check_text(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    FUZZ_MUST(length < size);
    for (size_t i = 0; i < length; i++)
        FUZZ_MUST(text[i] >= 0x20 && text[i] < 0x7f);
}

static void check(const struct cf_frame *frame)
{
    struct cf_dissection seen;
    cf_dissect(frame->bytes, frame->length, &seen);
    check_text(seen.protocol, sizeof seen.protocol);
    check_text(seen.source, sizeof seen.source);
    check_text(seen.target, sizeof seen.target);
    check_text(frame->source, sizeof frame->source);
    check_text(frame->target, sizeof frame->target);
    FUZZ_MUST(seen.source_port >= -1 && seen.source_port <= 65535);
    FUZZ_MUST(seen.payload_length == 0 ||
              (seen.payload >= frame->bytes &&
               seen.payload + seen.payload_length <= frame->bytes + frame->length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct cf_evidence evidence = {.directory = ""};
    struct cf_leg_evidence *leg = &evidence.legs[CF_SUBJECT];
    struct cf_error err = {0};
    int fd = memfd_create("capture", MFD_CLOEXEC);
    FUZZ_MUST(fd >= 0);
    size_t count = write_capture(fd, (struct fuzz_input){data, size});
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    FUZZ_MUST(cf_frames_load(leg, path, &err) == 0);
    FUZZ_MUST(leg->frame_count == count);
    for (size_t i = 0; i < leg->frame_count; i++)
        check(&leg->frames[i]);
    close(fd);
    cf_evidence_release(&evidence);
    return 0;
}
