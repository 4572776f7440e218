/*
 * lab_test.h - the lab's tests: each starts a lab, does something in it, and then reads the
 * evidence.
 *
 * A plain program, not cmocka: a lab's body runs in another process, where a failing assertion must
 * not carry on with the rest of the suite. CHECK prints what it found and leaves the function
 * with 1.
 */
#ifndef LAB_TEST_H
#define LAB_TEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lab/lab.h"

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)
/* The same with the text that was found. */
#define CHECK_TEXT(found, wanted)                                                                  \
    do {                                                                                           \
        if (strcmp(found, wanted) != 0) {                                                          \
            fprintf(stderr, "%s:%d: '%s', not '%s'\n", __FILE__, __LINE__, found, wanted);         \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

struct lab_case {
    const char *name;
    cf_lab_body *body;
    int (*check)(int evidence); /* afterwards, in the caller; NULL: the body's word is enough */
    bool second_user;
    bool hidden; /* a machine folder is covered; its path is the body's context */
};

extern const struct lab_case ISOLATION_CASES[], ROAD_CASES[], SUBJECT_CASES[], SIDECAR_CASES[];
/* Not of that form: it needs a caller to kill. */
int check_death_of_the_caller(void);
int check_death_of_an_observer(void);

/* ---- for bodies ---- */
/* Runs lab-subject with up to four words, waits, and puts its stdout's first line into OUTPUT (256
 * bytes). Its exit status. */
int subject(struct cf_lab *lab, bool second_user, char output[256], const char *verb, ...);
/* The same left running with OUT on its stdout (-1: none). */
int subject_start(struct cf_lab *lab, int out, const char *verb, pid_t *pid);

/* ---- evidence.c: for checks ---- */
/* The COUNT of records in FILE with this event and, unless KEY is NULL, a member KEY equal to
 * (text) or containing VALUE. */
size_t records(int evidence, const char *file, const char *event, const char *key,
               const char *value);
/* The whole file as bytes, NUL added; the caller's. */
char *slurp(int evidence, const char *file, size_t *length);
/* Frames in capture.pcap; FOREIGN: those without a heartbeat's address at either end. -1: no file.
 */
int frames(int evidence, int *foreign);
/* All records, as an array; the caller's. */
json_t *load_records(int evidence, const char *file);

#endif
