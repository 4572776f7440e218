/* matrix_judge.h - what the two halves of matrix-judge share: one subject, and all of them. */
#ifndef FAKE_MATRIX_JUDGE_H
#define FAKE_MATRIX_JUDGE_H

#include <jansson.h>
#include <stdbool.h>

enum { SOUND = 0, UNSOUND = 1, TROUBLE = 3 };

/* OBJECT's string called KEY; "" when it has none. */
const char *matrix_text(const json_t *object, const char *key);
bool matrix_is_sound(const char *outcome);
/* Takes ownership of VALUE. */
int matrix_save(json_t *value, const char *path);
void matrix_print_ids(const char *label, const json_t *rows, bool verdicts);
void matrix_print_wrong(const json_t *missing, const json_t *undeclared);

/* SECONDS SCOPE TRACE OUT.json OUT.md VERDICT…: the exit status. */
int matrix_sum(int count, char **argv);

#endif
