/* report.c - what was tried, and what came of it. */
#include <stdio.h>
#include <string.h>

#include "campaign.h"

enum { KINDS = 12, OUTCOMES = 5 };

struct tally {
    char kind[32];
    size_t exist, tried, outcome[OUTCOMES];
};

static struct tally *tally_of(struct tally *tallies, const char *id)
{
    char kind[32];
    size_t i = 0;
    campaign_kind(id, kind);
    while (i < KINDS - 1 && tallies[i].kind[0] != '\0' && strcmp(tallies[i].kind, kind) != 0)
        i++;
    snprintf(tallies[i].kind, sizeof tallies[i].kind, "%s", kind);
    return &tallies[i];
}

static void count(struct tally *tallies, const json_t *all, const json_t *results)
{
    for (size_t i = 0; i < json_array_size(all); i++)
        tally_of(tallies, json_string_value(json_array_get(all, i)))->exist++;
    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *result = json_array_get(results, i);
        const char *outcome = json_string_value(json_object_get(result, "outcome"));
        struct tally *tally = tally_of(tallies, json_string_value(json_object_get(result, "id")));
        tally->tried++;
        for (int word = 0; word < OUTCOMES; word++)
            tally->outcome[word] += strcmp(fault_outcome_name(word), outcome) == 0;
    }
}

static json_t *numbers(const struct tally *tally)
{
    json_t *object =
        json_pack("{sI sI}", "exist", (json_int_t)tally->exist, "tried", (json_int_t)tally->tried);
    for (int word = 0; word < OUTCOMES; word++)
        json_object_set_new(object, fault_outcome_name(word),
                            json_integer((json_int_t)tally->outcome[word]));
    return object;
}

static void print_row(const struct tally *tally)
{
    printf("%-10s %7zu %7zu", tally->kind, tally->exist, tally->tried);
    for (int word = 0; word < OUTCOMES; word++)
        printf(" %11zu", tally->outcome[word]);
    putchar('\n');
}

static void print_table(const struct tally *tallies, const struct tally *sum)
{
    printf("%-10s %7s %7s", "kind", "exist", "tried");
    for (int word = 0; word < OUTCOMES; word++)
        printf(" %11s", fault_outcome_name(word));
    putchar('\n');
    for (size_t i = 0; i < KINDS && tallies[i].kind[0] != '\0'; i++)
        print_row(&tallies[i]);
    print_row(sum);
}

static void add_up(const struct tally *tallies, struct tally *sum)
{
    snprintf(sum->kind, sizeof sum->kind, "all");
    for (size_t i = 0; i < KINDS; i++) {
        sum->exist += tallies[i].exist;
        sum->tried += tallies[i].tried;
        for (int word = 0; word < OUTCOMES; word++)
            sum->outcome[word] += tallies[i].outcome[word];
    }
}

static void print_points(const json_t *results)
{
    for (size_t i = 0; i < json_array_size(results); i++) {
        const char *key;
        json_t *value;
        json_object_foreach (json_array_get(results, i), key, value) {
            if (json_is_string(value))
                printf("%s: %s\n", key, json_string_value(value));
            else
                printf("%s: %lld\n", key, (long long)json_integer_value(value));
        }
    }
}

static json_t *document(const struct tally *tallies, const struct tally *sum, const json_t *results,
                        unsigned seconds)
{
    json_t *kinds = json_object(), *findings = json_array(), *missed = json_array();
    for (size_t i = 0; i < KINDS && tallies[i].kind[0] != '\0'; i++)
        json_object_set_new(kinds, tallies[i].kind, numbers(&tallies[i]));
    for (size_t i = 0; i < json_array_size(results); i++) {
        json_t *result = json_array_get(results, i);
        const char *outcome = json_string_value(json_object_get(result, "outcome"));
        if (strcmp(outcome, fault_outcome_name(FAULT_WRONG)) == 0)
            json_array_append(findings, result);
        else if (strcmp(outcome, fault_outcome_name(FAULT_NOT_REACHED)) == 0)
            json_array_append(missed, json_object_get(result, "id"));
    }
    return json_pack("{ss so so so so si}", "schema", "firma-faults/1", "kinds", kinds, "all",
                     numbers(sum), "findings", findings, "not_reached", missed, "seconds",
                     (int)seconds);
}

int campaign_report(const struct campaign *campaign, const json_t *all, const json_t *results,
                    unsigned seconds)
{
    struct tally tallies[KINDS] = {{{0}, 0, 0, {0}}}, sum = {{0}, 0, 0, {0}};
    count(tallies, all, results);
    add_up(tallies, &sum);
    size_t judged = sum.tried - sum.outcome[FAULT_NOT_REACHED];
    json_t *written = document(tallies, &sum, results, seconds);
    if (campaign->json)
        json_dumpf(written, stdout, JSON_INDENT(2));
    else if (campaign->points != NULL)
        print_points(results);
    else
        print_table(tallies, &sum);
    if (!campaign->json && campaign->points == NULL)
        printf("faults: %zu points exist, %zu tried in %u s, %zu not reached, %zu wrong\n",
               sum.exist, sum.tried, seconds, sum.outcome[FAULT_NOT_REACHED],
               sum.outcome[FAULT_WRONG]);
    if (campaign->out != NULL && json_dump_file(written, campaign->out, JSON_INDENT(2)) != 0)
        perror(campaign->out);
    json_decref(written);
    for (size_t i = 0; i < json_array_size(results); i++)
        if (strcmp("no such point",
                   json_string_value(json_object_get(json_array_get(results, i), "outcome"))) == 0)
            return 2;
    if (sum.outcome[FAULT_WRONG] > 0)
        return 1;
    return judged > 0 ? 0 : 2;
}
