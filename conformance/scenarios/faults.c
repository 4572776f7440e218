/* faults.c - finding a fault by its name, and making the changes it says in words. */
#include "scenarios/faults.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct cf_fault *cf_fault_find(const char *name)
{
    const struct cf_fault *const lists[] = {cf_launcher_faults, cf_contract_faults, cf_host_faults,
                                            cf_machine_faults};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (const struct cf_fault *fault = lists[i]; fault->name != NULL; fault++)
            if (strcmp(fault->name, name) == 0)
                return fault;
    return NULL;
}

void cf_fault_sidecar(struct cf_attempt *attempt, const char *script)
{
    struct cf_stage *stage = attempt->stage;
    uint16_t port = stage->sidecar.port;
    attempt->sidecar_moved = true;
    cf_lab_sidecar_stop(stage->lab, &stage->sidecar, SIGKILL);
    if (script != NULL)
        cf_lab_sidecar_start(stage->lab, script, port, &stage->sidecar, NULL);
}

static void change_environment(struct cf_words *env, const char *set)
{
    char name[64];
    const char *equals = strchr(set, '=');
    size_t length = equals != NULL ? (size_t)(equals - set) : strlen(set);
    snprintf(name, sizeof name, "%.*s", (int)length, set);
    if (equals != NULL)
        cf_words_set(env, name, equals + 1);
    else
        cf_words_unset(env, name);
}

/* Before the "--" that ends the options. */
static void add_options(struct cf_words *argv, const char *options)
{
    char *copy = strdup(options), *state = NULL;
    struct cf_words words = {0};
    size_t end = 0;
    while (end < argv->count && strcmp(argv->items[end], "--") != 0)
        end++;
    for (char *word = strtok_r(copy, " ", &state); word != NULL; word = strtok_r(NULL, " ", &state))
        cf_words_add(&words, "%s", word);
    cf_words_insert(argv, end, &words);
    cf_words_release(&words);
    free(copy);
}

/* The member of PARENT that WORD names; a number names a list's item. */
static json_t *member(json_t *parent, const char *word)
{
    return json_is_array(parent) ? json_array_get(parent, strtoul(word, NULL, 10))
                                 : json_object_get(parent, word);
}

static int change_contract(json_t *contract, const char *at, const char *value)
{
    char path[128], *state = NULL;
    json_t *parent = contract;
    snprintf(path, sizeof path, "%s", at);
    char *word = strtok_r(path, ".", &state), *next;
    for (; (next = strtok_r(NULL, ".", &state)) != NULL; word = next)
        parent = member(parent, word);
    if (value == NULL)
        return json_object_del(parent, word);
    json_t *made = json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    return json_is_array(parent) ? json_array_set_new(parent, strtoul(word, NULL, 10), made)
                                 : json_object_set_new(parent, word, made);
}

int cf_fault_apply(const struct cf_fault *fault, struct cf_attempt *attempt, struct cf_error *err)
{
    if (fault->set != NULL)
        change_environment(&attempt->start.env, fault->set);
    if (fault->options != NULL)
        add_options(&attempt->start.argv, fault->options);
    if (fault->at != NULL && change_contract(attempt->contract, fault->at, fault->value) != 0)
        return cf_fail(err, CF_E_SYSTEM, 0, "%s: the contract has no %s", fault->name, fault->at);
    return 0;
}
