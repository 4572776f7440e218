/* sample.h - a small run directory and its judged result, made by hand for the report's tests. */
#ifndef CF_SAMPLE_H
#define CF_SAMPLE_H

#include <jansson.h>
#include <stddef.h>

#define SAMPLE_CONTROL "0123456789abcdef0123456789abcdef"
#define SAMPLE_ATTEMPT "fedcba9876543210fedcba9876543210"
#define SAMPLE_BEFORE  "11111111111111112222222222222222"
#define SAMPLE_AFTER   "33333333333333334444444444444444"

/* Everything that could break a report: markup of three kinds, control characters, an escape
 * sequence, a right-to-left override, a line separator, a non-character. Valid UTF-8. */
#define SAMPLE_HOSTILE                                                                             \
    "<b>&\"'`|*_[x](http://h)#!\\ ]]> -->\x1b[31m\a\n\r\t\x7f\u202e\u2028\uffff\U0001f600 @all"

struct sample {
    char dir[64]; /* the run directory, below a temporary directory */
    char top[48];
};

/* Makes the directory with launches/net/{control,subject}; asserts that it can. */
void sample_make(struct sample *sample);
void sample_remove(struct sample *sample);

/* Writes TEXT to FILE, relative to the run directory, whose folder exists. */
void sample_put(const struct sample *sample, const char *file, const char *text);
/* A capture of FRAMES UDP datagrams 203.0.113.2:4000 -> 1.1.1.1:443 that carry PAYLOAD, at SECOND
 * and a further STEP nanoseconds each, of link type LINK. */
void sample_capture(const struct sample *sample, const char *file, int link, long second, long step,
                    int frames, const char *payload);

/* A result with rows by.tcp4 (FAIL), by.udp4 (PASS), dn.udp (INCONCLUSIVE), io.tty
 * (NOT_APPLICABLE) and xx.new, whose invariant and verdict nobody knows. New reference. */
json_t *sample_result(void);
/* The result's row ID. Borrowed. */
json_t *sample_row(json_t *result, const char *id);
/* Replaces every string of every row but id, invariant and verdict. */
void sample_poison(json_t *result, const char *text, size_t length);

/* The content of FILE, the caller's to free; NULL when it cannot be read. */
char *sample_read(const struct sample *sample, const char *file);
/* How often WORD stands in TEXT. */
size_t sample_count(const char *text, const char *word);

#endif
