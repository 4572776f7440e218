#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar.h"

static bool count(const char *text, long long max, long long *out)
{
    char *end = NULL;
    long long value = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < 0 || value > max)
        return false;
    *out = value;
    return true;
}

/* VALUE is what follows the equals sign, or NULL. */
static bool set_counted(struct fake_script *script, const char *word, const char *value)
{
    long long number = 0;
    if (strcmp(word, "close-after") == 0 && count(value, 1000000, &number))
        script->close_after = (long)number;
    else if (strcmp(word, "die-after") == 0 && count(value, 1LL << 40, &number))
        script->die_after = number;
    else if (strcmp(word, "slow") == 0 && count(value, 600000, &number))
        script->slow_ms = (int)number;
    else if (strcmp(word, "deny") == 0 && *value != '\0' &&
             strlen(value) < sizeof script->deny_match)
        snprintf(script->deny_match, sizeof script->deny_match, "%s", value);
    else
        return false;
    return true;
}

static bool set_plain(struct fake_script *script, const char *word)
{
    const struct {
        const char *word;
        bool *flag;
    } flags[] = {{"hang", &script->hang},
                 {"refuse", &script->refuse},
                 {"deny", &script->deny},
                 {"close-after-check", &script->close_after_check}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (strcmp(word, flags[i].word) == 0)
            return *flags[i].flag = true;
    }
    return false;
}

bool fake_script_parse(struct fake_script *script, const char *words)
{
    *script = (struct fake_script){.close_after = -1, .die_after = -1};
    char *copy = strdup(words);
    char *rest = NULL;
    bool good = copy != NULL;
    for (char *word = good ? strtok_r(copy, ",", &rest) : NULL; good && word != NULL;
         word = strtok_r(NULL, ",", &rest)) {
        char *value = strchr(word, '=');
        if (value != NULL)
            *value++ = '\0';
        good = value == NULL ? set_plain(script, word) : set_counted(script, word, value);
        if (!good)
            fprintf(stderr, "fake-sidecar: --script: `%s` is not a script word\n", word);
    }
    free(copy);
    return good;
}
