/* bad_answers.h - sidecars that will not do, each under an address of its own on loopback. */
#ifndef UNIT_BAD_ANSWERS_H
#define UNIT_BAD_ANSWERS_H

#include <sys/types.h>

enum { BAD_ANSWERS = 7 };

struct bad_answers {
    const char *names[BAD_ANSWERS]; /* "CLOSED", "SILENT" … */
    char addresses[BAD_ANSWERS][64];
    int sockets[BAD_ANSWERS];
    pid_t server; /* serves those that answer */
};

void bad_answers_open(struct bad_answers *answers);
void bad_answers_close(struct bad_answers *answers);

#endif
