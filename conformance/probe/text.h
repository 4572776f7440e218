/* text.h - bounded text, JSON strings in it, errno by name. */
#ifndef PROBE_TEXT_H
#define PROBE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROBE_TEXT_MAX = 16384 };

/* Zero it before use. What does not fit is dropped and `cut` says so. */
struct probe_text {
    size_t used;
    bool cut;
    char data[PROBE_TEXT_MAX];
};

void probe_put(struct probe_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A JSON string: printable ASCII as it is, backslash doubled, every other byte \xHH. */
void probe_put_string(struct probe_text *text, const void *data, size_t length);
void probe_put_word(struct probe_text *text, const char *word);

/* "ECONNREFUSED"; "EOTHER" for a number without a name here; NULL for 0. */
const char *probe_errno_name(int number);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t probe_now(void);
/* Whether TEXT is LENGTH lower-case hexadecimal digits. */
bool probe_is_hex(const char *text, size_t length);
/* A decimal number from LOW to HIGH, nothing around it. */
bool probe_number(const char *text, long low, long high, long *out);
/* Writes everything or says false. */
bool probe_write(int fd, const void *data, size_t length);

#endif
