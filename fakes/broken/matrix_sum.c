/*
 * matrix_sum.c - all subjects of a matrix: the table, and how far it can be trusted.
 *
 * Three numbers, and what they are of:
 *
 *     mutation score     defects caught by exactly their declared rows, of the defects tried: one
 *                        that is VOID is not caught, one whose rows all are not applicable is not
 *                        tried
 *     false-alarm rate   verdicts other than PASS, of the verdicts of rows that nothing declares; a
 *                        sound variant with one of them is rejected
 *     unproven           rows that no subject of any table declares; TRACE, which is what
 *                        `firma-conform trace --json` says, tells them and the register's digest
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/broken/matrix_judge.h"

static void write_ids(FILE *out, const json_t *rows)
{
    size_t index;
    const json_t *row;
    json_array_foreach ((json_t *)rows, index, row) {
        const char *verdict = matrix_text(row, "verdict");
        fprintf(out, "%s%s", index == 0 ? "" : " ", matrix_text(row, "id"));
        if (strcmp(verdict, "FAIL") != 0)
            fprintf(out, " (%s)", verdict);
    }
}

static void write_line(FILE *out, const json_t *subject)
{
    bool many = matrix_text(subject, "declared")[0] == '+';
    fprintf(out, "| %s | %s | %s | **%s** | ", matrix_text(subject, "name"),
            matrix_text(subject, "source"), matrix_text(subject, "defect"),
            matrix_text(subject, "outcome"));
    if (many)
        fprintf(out, "%zu rows", json_array_size(json_object_get(subject, "convicted")));
    else
        write_ids(out, json_object_get(subject, "convicted"));
    fputs(" | ", out);
    write_ids(out, json_object_get(subject, "missing"));
    fputs(" | ", out);
    write_ids(out, json_object_get(subject, "undeclared"));
    fprintf(out, "%s |\n", matrix_text(subject, "why"));
}

static int write_table(const char *path, const char *summary, const json_t *subjects)
{
    FILE *out = fopen(path, "we");
    size_t index;
    const json_t *subject;
    if (out == NULL)
        return -1;
    fprintf(out,
            "# Matrix: can the suite fail?\n\n%s\n\n"
            "| subject | source | defect | outcome | convicted by | missing | undeclared |\n"
            "|---|---|---|---|---|---|---|\n",
            summary);
    json_array_foreach ((json_t *)subjects, index, subject)
        write_line(out, subject);
    return fclose(out);
}

struct score {
    size_t defects, caught, variants, passed, alarms, innocent, untried, voids, unproven;
    bool sound;
};

static double percent(size_t part, size_t whole)
{
    return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

static void count_subject(struct score *score, const json_t *subject)
{
    const char *word = matrix_text(subject, "outcome");
    bool variant = strcmp(matrix_text(subject, "declared"), "-") == 0;
    score->variants += variant;
    score->defects += !variant;
    score->passed += strcmp(word, "passed") == 0;
    score->caught += strcmp(word, "caught") == 0;
    score->untried += strcmp(word, "untried") == 0;
    score->voids += strcmp(word, "void") == 0;
    score->innocent += (size_t)json_integer_value(json_object_get(subject, "innocent"));
    score->alarms += json_array_size(json_object_get(subject, "undeclared"));
    score->sound = score->sound && matrix_is_sound(word);
}

/* All subjects that can be read; one that cannot be makes the whole unsound. */
static json_t *load_subjects(struct score *score, int count, char **paths)
{
    json_t *subjects = json_array();
    *score = (struct score){.sound = count > 0};
    for (int i = 0; i < count; i++) {
        json_t *subject = json_load_file(paths[i], 0, NULL);
        if (subject == NULL) {
            fprintf(stderr, "matrix-judge: %s cannot be read\n", paths[i]);
            score->sound = false;
            continue;
        }
        count_subject(score, subject);
        json_array_append_new(subjects, subject);
    }
    return subjects;
}

/* One line; a report of the same register may repeat it. */
static void write_words(const struct score *score, char *words, size_t size)
{
    size_t tried = score->defects - score->untried;
    snprintf(words, size,
             "mutation score %.1f %% (%zu of %zu defects caught by exactly their declared rows); "
             "false-alarm rate %.3f %% (%zu of %zu verdicts), %zu of %zu sound variants rejected; "
             "%zu rows unproven",
             percent(score->caught, tried), score->caught, tried,
             percent(score->alarms, score->innocent), score->alarms, score->innocent,
             score->variants - score->passed, score->variants, score->unproven);
}

static json_t *make_matrix(const struct score *score, const char *scope, const char *words,
                           const json_t *trace, json_t *subjects)
{
    size_t tried = score->defects - score->untried;
    json_t *counts =
        json_pack("{sI sI sI sI sI sI sI sI sI}", "defects", (json_int_t)score->defects, "caught",
                  (json_int_t)score->caught, "sound_variants", (json_int_t)score->variants,
                  "sound_variants_passed", (json_int_t)score->passed, "innocent_verdicts",
                  (json_int_t)score->innocent, "false_alarms", (json_int_t)score->alarms, "void",
                  (json_int_t)score->voids, "untried", (json_int_t)score->untried, "unproven",
                  (json_int_t)score->unproven);
    json_t *matrix = json_pack(
        "{ss ss ss* ss sb sf sf so}", "schema", "firma-matrix/1", "scope", scope, "register_sha256",
        json_string_value(json_object_get(trace, "register_sha256")), "score", words, "sound",
        score->sound, "mutation_score", percent(score->caught, tried), "false_alarm_rate",
        percent(score->alarms, score->innocent), "subjects", subjects);
    json_object_update_missing(matrix, counts);
    json_decref(counts);
    return matrix;
}

/* Once more at the very end: whoever reads the end of a log only must see what was wrong. */
static void print_unsound(const json_t *subjects)
{
    size_t index;
    const json_t *subject;
    json_array_foreach ((json_t *)subjects, index, subject) {
        const json_t *missing = json_object_get(subject, "missing");
        const json_t *undeclared = json_object_get(subject, "undeclared");
        if (matrix_is_sound(matrix_text(subject, "outcome")))
            continue;
        printf("%s: %s", matrix_text(subject, "name"), matrix_text(subject, "outcome"));
        printf("%s%s", json_object_get(subject, "why") != NULL ? ": " : "",
               matrix_text(subject, "why"));
        matrix_print_ids("; MISSING", missing, true);
        matrix_print_ids("; UNDECLARED", undeclared, true);
        putchar('\n');
        matrix_print_wrong(missing, undeclared);
    }
}

int matrix_sum(int count, char **argv)
{
    struct score score;
    char words[512], summary[640];
    json_t *trace = json_load_file(argv[2], 0, NULL);
    json_t *subjects = load_subjects(&score, count - 5, argv + 5);
    score.unproven = json_array_size(json_object_get(trace, "unproven"));
    if (trace == NULL) {
        fprintf(stderr, "matrix-judge: %s cannot be read\n", argv[2]);
        score.sound = false;
    }
    write_words(&score, words, sizeof words);
    snprintf(summary, sizeof summary, "%s; %zu void; %zu untried; scope %s; %s s", words,
             score.voids, score.untried, argv[1], argv[0]);
    json_t *matrix = make_matrix(&score, argv[1], words, trace, subjects);
    json_object_set_new(matrix, "seconds", json_integer(strtol(argv[0], NULL, 10)));
    print_unsound(subjects);
    puts(summary);
    int failed = write_table(argv[4], summary, subjects);
    failed |= matrix_save(matrix, argv[3]);
    json_decref(trace);
    return failed != 0 ? TROUBLE : score.sound ? SOUND : UNSOUND;
}
