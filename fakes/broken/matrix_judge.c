/*
 * matrix-judge - was this subject convicted by exactly the rows that its defect declares?
 *
 *     matrix-judge judge NAME SOURCE DEFECT DECLARED RESULT OUT   one subject's conformance.json
 *     matrix-judge void NAME SOURCE DEFECT DECLARED WHY OUT       one that was not built or not run
 *     matrix-judge sum SECONDS SCOPE TRACE OUT.json OUT.md VERDICT…   all of them, as a table
 *
 * DECLARED: row ids and GROUP.*, separated by commas; `-` for none (a harmless variant);
 * `+runner-deny` for "every runner row of kind deny, at least" (a runner that confines nothing).
 *
 *     FAIL, declared            convicted
 *     anything else, declared   missing: the suite does not see the defect
 *     PASS, not declared        as it must be
 *     anything else             undeclared: a false alarm, or a defect that is not only the one
 * named
 *
 * NOT_APPLICABLE counts for neither; a subject none of whose declared rows applies here is untried,
 * not caught. Exit status: 0 sound, 1 not, 3 nothing could be judged.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/broken/matrix_judge.h"

enum { REASONS = 3 };

struct tally {
    json_t *convicted, *missing, *undeclared;
    size_t rows, declared, inapplicable, innocent;
};

const char *matrix_text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value == NULL ? "" : value;
}

static bool names(const char *word, size_t length, const char *id)
{
    if (length >= 2 && strncmp(word + length - 2, ".*", 2) == 0)
        return strncmp(word, id, length - 1) == 0;
    return strlen(id) == length && strncmp(word, id, length) == 0;
}

static bool listed(const char *declared, const char *id)
{
    for (const char *word = declared; *word != '\0';) {
        size_t length = strcspn(word, ",");
        if (names(word, length, id))
            return true;
        word += length + (word[length] == ',');
    }
    return false;
}

static bool is_runner_deny(const json_t *row)
{
    return strcmp(matrix_text(row, "subject"), "runner") == 0 &&
           strcmp(matrix_text(row, "kind"), "deny") == 0;
}

static json_t *excerpt(const json_t *row)
{
    return json_pack("{ssssssss}", "id", matrix_text(row, "id"), "verdict",
                     matrix_text(row, "verdict"), "launch", matrix_text(row, "launch"), "reason",
                     matrix_text(row, "reason"));
}

static void count_row(struct tally *tally, const char *declared, const json_t *row)
{
    bool at_least = strcmp(declared, "+runner-deny") == 0;
    bool expected = at_least ? is_runner_deny(row) : listed(declared, matrix_text(row, "id"));
    const char *verdict = matrix_text(row, "verdict");
    bool failed = strcmp(verdict, "FAIL") == 0;
    tally->rows++;
    tally->declared += expected;
    if (strcmp(verdict, "NOT_APPLICABLE") == 0)
        tally->inapplicable += expected;
    else if (expected)
        json_array_append_new(failed ? tally->convicted : tally->missing, excerpt(row));
    else if (!at_least && ++tally->innocent > 0 && strcmp(verdict, "PASS") != 0)
        json_array_append_new(tally->undeclared, excerpt(row));
}

/* A declared word that names no row would be satisfied by nothing, silently. */
static size_t words_without_row(const char *declared, const json_t *rows)
{
    size_t lost = 0;
    if (declared[0] == '-' || declared[0] == '+')
        return 0;
    for (const char *word = declared; *word != '\0';) {
        size_t length = strcspn(word, ","), index;
        const json_t *row;
        bool found = false;
        json_array_foreach ((json_t *)rows, index, row)
            found = found || names(word, length, matrix_text(row, "id"));
        lost += !found;
        word += length + (word[length] == ',');
    }
    return lost;
}

static const char *outcome(const struct tally *tally, const char *declared, size_t lost)
{
    bool harmless = strcmp(declared, "-") == 0;
    if (lost > 0 || tally->rows == 0 || (tally->declared == 0 && !harmless))
        return "void";
    if (json_array_size(tally->undeclared) > 0)
        return json_array_size(tally->missing) > 0 ? "missed and false alarm" : "false alarm";
    if (json_array_size(tally->missing) > 0)
        return "missed";
    if (!harmless && tally->inapplicable == tally->declared)
        return "untried";
    return harmless ? "passed" : "caught";
}

bool matrix_is_sound(const char *word)
{
    return strcmp(word, "caught") == 0 || strcmp(word, "passed") == 0 ||
           strcmp(word, "untried") == 0;
}

int matrix_save(json_t *value, const char *path)
{
    int failed = json_dump_file(value, path, JSON_INDENT(1));
    json_decref(value);
    if (failed != 0)
        fprintf(stderr, "matrix-judge: %s cannot be written\n", path);
    return failed;
}

void matrix_print_ids(const char *label, const json_t *rows, bool verdicts)
{
    size_t index;
    const json_t *row;
    if (json_array_size(rows) == 0)
        return;
    printf("%s", label);
    json_array_foreach ((json_t *)rows, index, row)
        printf(verdicts ? " %s (%s)" : " %s", matrix_text(row, "id"), matrix_text(row, "verdict"));
}

/* Rows of one launch mostly go wrong for one reason: each reason once, with its first row. */
static bool said_before(const json_t *rows, size_t index)
{
    const json_t *row = json_array_get(rows, index);
    for (size_t i = 0; i < index; i++)
        if (strcmp(matrix_text(json_array_get(rows, i), "reason"), matrix_text(row, "reason")) == 0)
            return true;
    return false;
}

/* Why the first few rows came out wrong, so that a log alone tells the cause. */
static void print_reasons(const json_t *rows, const char *how)
{
    size_t index, said = 0;
    const json_t *row;
    json_array_foreach ((json_t *)rows, index, row) {
        if (said == REASONS || said_before(rows, index))
            continue;
        said++;
        printf("    | %s is %s, %s (launch %s): %s\n", matrix_text(row, "id"),
               matrix_text(row, "verdict"), how, matrix_text(row, "launch"),
               matrix_text(row, "reason"));
    }
}

void matrix_print_wrong(const json_t *missing, const json_t *undeclared)
{
    print_reasons(missing, "declared to FAIL");
    print_reasons(undeclared, "not declared");
}

/* The outcome and which rows made it so; then, where they are wrong, why. */
static void print_line(const char *word, const char *declared, const struct tally *tally,
                       size_t lost)
{
    printf("%s:", word);
    if (lost > 0)
        printf(" %zu declared words name no row;", lost);
    if (tally->rows == 0)
        printf(" there are no rows");
    if (declared[0] == '+')
        printf(" %zu of %zu runner rows of kind deny", json_array_size(tally->convicted),
               tally->declared - tally->inapplicable);
    else
        matrix_print_ids("", tally->convicted, false);
    matrix_print_ids("; MISSING", tally->missing, true);
    matrix_print_ids("; UNDECLARED", tally->undeclared, true);
    putchar('\n');
    matrix_print_wrong(tally->missing, tally->undeclared);
}

static int judge(char **argv)
{
    const char *declared = argv[3];
    json_t *result = json_load_file(argv[4], JSON_REJECT_DUPLICATES, NULL), *row;
    const json_t *rows = json_object_get(result, "rows");
    struct tally tally = {
        .convicted = json_array(), .missing = json_array(), .undeclared = json_array()};
    size_t index;
    json_array_foreach ((json_t *)rows, index, row)
        count_row(&tally, declared, row);
    size_t lost = words_without_row(declared, rows);
    const char *word = outcome(&tally, declared, lost);
    print_line(word, declared, &tally, lost);
    json_t *out =
        json_pack("{ss ss ss ss ss sI sI so so so}", "name", argv[0], "source", argv[1], "defect",
                  argv[2], "declared", declared, "outcome", word, "rows", (json_int_t)tally.rows,
                  "innocent", (json_int_t)tally.innocent, "convicted", tally.convicted, "missing",
                  tally.missing, "undeclared", tally.undeclared);
    json_decref(result);
    bool sound = matrix_is_sound(word);
    return matrix_save(out, argv[5]) != 0 ? TROUBLE : sound ? SOUND : UNSOUND;
}

static int make_void(char **argv)
{
    printf("VOID: %s\n", argv[4]);
    json_t *out = json_pack("{ss ss ss ss ss ss s[] s[] s[]}", "name", argv[0], "source", argv[1],
                            "defect", argv[2], "declared", argv[3], "outcome", "void", "why",
                            argv[4], "convicted", "missing", "undeclared");
    return matrix_save(out, argv[5]) != 0 ? TROUBLE : UNSOUND;
}

int main(int argc, char **argv)
{
    if (argc == 8 && strcmp(argv[1], "judge") == 0)
        return judge(argv + 2);
    if (argc == 8 && strcmp(argv[1], "void") == 0)
        return make_void(argv + 2);
    if (argc >= 7 && strcmp(argv[1], "sum") == 0)
        return matrix_sum(argc - 2, argv + 2);
    fputs("usage: matrix-judge judge|void|sum …; see the head of matrix_judge.c\n", stderr);
    return TROUBLE;
}
