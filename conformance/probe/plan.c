#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cursor {
    struct probe_plan *plan;
    char *next;
    int line;
    bool repeating;
    struct probe_text *error;
};

static bool fail(struct cursor *at, const char *what, const char *word)
{
    probe_put(at->error, "plan line %d: %s", at->line, what);
    if (word != NULL)
        probe_put(at->error, " `%s`", word);
    return false;
}

static int hex(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = digit == '\0' ? NULL : strchr(digits, digit);
    return found == NULL ? -1 : (int)(found - digits);
}

/* In place; false when an escape is malformed or spells NUL. */
static bool unescape(char *word)
{
    char *to = word;
    for (const char *from = word; *from != '\0'; from++) {
        if (*from != '\\') {
            *to++ = *from;
        } else if (from[1] == '\\') {
            *to++ = *++from;
        } else if (from[1] == 'x' && hex(from[2]) >= 0 && hex(from[3]) >= 0) {
            *to = (char)(hex(from[2]) << 4 | hex(from[3]));
            if (*to++ == '\0')
                return false;
            from += 3;
        } else {
            return false;
        }
    }
    *to = '\0';
    return true;
}

/* A value with %n replaced; NONCE is as long as the room it needs less two. */
static char *expand(const char *value, const char *nonce)
{
    size_t count = 0;
    for (const char *at = value; (at = strstr(at, "%n")) != NULL; at += 2)
        count++;
    char *out = malloc(strlen(value) + count * PROBE_NONCE + 1);
    char *to = out;
    for (const char *at = value; out != NULL && *at != '\0';) {
        if (strncmp(at, "%n", 2) == 0) {
            to = memcpy(to, nonce, PROBE_NONCE);
            to += PROBE_NONCE;
            at += 2;
        } else {
            *to++ = *at++;
        }
    }
    if (out != NULL)
        *to = '\0';
    return out;
}

static char *next_line(struct cursor *at)
{
    char *line = at->next;
    if (line == NULL || *line == '\0')
        return NULL;
    char *end = strchr(line, '\n');
    at->next = end == NULL ? NULL : end + 1;
    if (end != NULL)
        *end = '\0';
    at->line++;
    return line;
}

static bool split(struct cursor *at, struct probe_statement *out, char *line, char **verb)
{
    char *rest = NULL;
    *verb = strtok_r(line, " ", &rest);
    for (char *word = strtok_r(NULL, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        if (out->words == PROBE_WORDS)
            return fail(at, "too many words", NULL);
        if (!unescape(word))
            return fail(at, "malformed escape in", word);
        out->word[out->words++] = word;
    }
    return *verb != NULL || fail(at, "no statement", NULL);
}

static bool check_step(struct cursor *at, struct probe_statement *statement)
{
    struct probe_step step = {0};
    if (statement->words < 4)
        return fail(at, "step needs ROW TECHNIQUE NONCE DEADLINE_MS", NULL);
    if (probe_find(statement->word[1]) == NULL)
        return fail(at, "no technique", statement->word[1]);
    if (!probe_is_hex(statement->word[2], PROBE_NONCE))
        return fail(at, "not a nonce", statement->word[2]);
    if (!probe_number(statement->word[3], 1, 600000, &statement->number[0]))
        return fail(at, "not a deadline", statement->word[3]);
    if (!probe_plan_params(&step, statement->word + 4, statement->words - 4))
        return fail(at, "parameters are key=value", NULL);
    for (size_t i = 4; i < statement->words; i++) {
        statement->word[i] = expand(statement->word[i], statement->word[2]);
        if (statement->word[i] == NULL)
            return fail(at, "out of memory", NULL);
    }
    return true;
}

static bool check_repeat(struct cursor *at, struct probe_statement *statement)
{
    if (at->repeating)
        return fail(at, "repeat inside repeat", NULL);
    at->repeating = true;
    if (statement->words != 2 ||
        !probe_number(statement->word[0], 0, 3600, &statement->number[0]) ||
        !probe_number(statement->word[1], 1, 600000, &statement->number[1]))
        return fail(at, "repeat needs SECONDS PERIOD_MS", NULL);
    return true;
}

static bool check_wait(struct cursor *at, struct probe_statement *statement)
{
    if (at->repeating)
        return fail(at, "wait inside repeat", NULL);
    if (statement->words != 1 ||
        (strcmp(statement->word[0], "fault") != 0 && strcmp(statement->word[0], "restored") != 0))
        return fail(at, "wait needs `fault` or `restored`", NULL);
    return true;
}

static bool check_live(struct cursor *at, struct probe_statement *statement)
{
    size_t url = statement->verb == PROBE_LIVE ? 2 : 1;
    statement->number[0] = 5000;
    if (statement->words == url + 2) {
        const char *word = statement->word[url + 1];
        if (strncmp(word, "deadline=", 9) != 0 ||
            !probe_number(word + 9, 1, 600000, &statement->number[0]))
            return fail(at, "not a deadline", word);
    } else if (statement->words != url + 1) {
        return fail(at, "wrong number of words", NULL);
    }
    if (!probe_is_hex(statement->word[0], PROBE_NONCE))
        return fail(at, "not a nonce", statement->word[0]);
    if (url == 2 && strcmp(statement->word[1], "proxy-get") != 0)
        return fail(at, "live knows only proxy-get, not", statement->word[1]);
    if (strncmp(statement->word[url], "http://", 7) != 0)
        return fail(at, "not an http URL", statement->word[url]);
    return true;
}

static bool check_end(struct cursor *at, struct probe_statement *statement)
{
    if (!at->repeating || statement->words != 0)
        return fail(at, "end without repeat", NULL);
    at->repeating = false;
    return true;
}

static bool check_leg(struct cursor *at, struct probe_statement *statement)
{
    return statement->words == 1 || fail(at, "leg needs a name", NULL);
}

static bool check_as_root(struct cursor *at, struct probe_statement *statement)
{
    at->plan->as_root = true;
    return statement->words == 0 || fail(at, "as-root takes no words", NULL);
}

static bool check_machine(struct cursor *at, struct probe_statement *statement)
{
    if (statement->words != 2 || strlen(statement->word[0]) != 36 ||
        !probe_number(statement->word[1], 0, 1L << 30, &at->plan->host_seconds))
        return fail(at, "machine needs BOOT_ID SECONDS", NULL);
    at->plan->host_boot = statement->word[0];
    return true;
}

static bool parse_statement(struct cursor *at, char *line)
{
    static const struct {
        const char *name;
        bool (*check)(struct cursor *at, struct probe_statement *statement);
    } verbs[] = {[PROBE_LEG] = {"leg", check_leg},
                 [PROBE_LIVE] = {"live", check_live},
                 [PROBE_WAIT] = {"wait", check_wait},
                 [PROBE_STEP] = {"step", check_step},
                 [PROBE_REPEAT] = {"repeat", check_repeat},
                 [PROBE_END] = {"end", check_end},
                 [PROBE_LIVE_AFTER] = {"live-after", check_live},
                 [PROBE_AS_ROOT] = {"as-root", check_as_root},
                 [PROBE_MACHINE] = {"machine", check_machine}};
    struct probe_plan *plan = at->plan;
    char *verb = NULL;
    if (plan->statements == PROBE_STATEMENTS)
        return fail(at, "too many statements", NULL);
    struct probe_statement *statement = &plan->statement[plan->statements];
    statement->line = at->line;
    if (!split(at, statement, line, &verb))
        return false;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verb, verbs[i].name) != 0)
            continue;
        statement->verb = (enum probe_verb)i;
        plan->statements++;
        return verbs[i].check(at, statement);
    }
    return fail(at, "no statement", verb);
}

static bool parse(struct cursor *at, const char *token)
{
    char *line = next_line(at);
    if (line == NULL || strcmp(line, "firma-probe-plan 1") != 0)
        return fail(at, "not a `firma-probe-plan 1`", NULL);
    line = next_line(at);
    if (line == NULL || strncmp(line, "token ", 6) != 0 || !probe_is_hex(line + 6, PROBE_NONCE))
        return fail(at, "needs `token` and 32 hexadecimal digits", NULL);
    if (strcmp(line + 6, token) != 0)
        return fail(at, "the token is not the one given", NULL);
    at->plan->token = line + 6;
    while ((line = next_line(at)) != NULL) {
        if (*line != '\0' && *line != '#' && !parse_statement(at, line))
            return false;
    }
    return !at->repeating || fail(at, "repeat without end", NULL);
}

static char *slurp(const char *path, struct probe_text *error)
{
    char *bytes = calloc(1, PROBE_PLAN_BYTES + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t got = -1;
    while (bytes != NULL && fd >= 0 && used < PROBE_PLAN_BYTES &&
           (got = read(fd, bytes + used, PROBE_PLAN_BYTES - used)) > 0)
        used += (size_t)got;
    if (fd < 0 || got < 0)
        probe_put(error, "%s: %s", path, strerror(errno));
    else if (got > 0)
        probe_put(error, "%s: longer than %d bytes", path, PROBE_PLAN_BYTES);
    else if (strlen(bytes) != used)
        probe_put(error, "%s: NUL byte", path);
    if (fd >= 0)
        close(fd);
    if (error->used == 0)
        return bytes;
    free(bytes);
    return NULL;
}

bool probe_plan_read(struct probe_plan *plan, const char *path, const char *token,
                     struct probe_text *error)
{
    memset(plan, 0, sizeof *plan);
    plan->bytes = slurp(path, error);
    plan->statement = calloc(PROBE_STATEMENTS, sizeof *plan->statement);
    if (plan->bytes == NULL || plan->statement == NULL)
        return false;
    struct cursor at = {.plan = plan, .next = plan->bytes, .error = error};
    return parse(&at, token);
}

/* Words lie in the plan's bytes, but for those that %n made longer. */
static void free_expanded(const struct probe_plan *plan, struct probe_statement *statement)
{
    const char *end = plan->bytes + PROBE_PLAN_BYTES;
    for (size_t i = 0; i < statement->words; i++) {
        if (statement->word[i] != NULL &&
            (statement->word[i] < plan->bytes || statement->word[i] > end))
            free((char *)statement->word[i]);
    }
}

void probe_plan_free(struct probe_plan *plan)
{
    for (size_t i = 0; i < plan->statements; i++)
        free_expanded(plan, &plan->statement[i]);
    free(plan->statement);
    free(plan->bytes);
    memset(plan, 0, sizeof *plan);
}

bool probe_plan_params(struct probe_step *step, const char *const *word, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        const char *equals = strchr(word[i], '=');
        if (equals == NULL || equals == word[i] || step->params == PROBE_PARAMS)
            return false;
        step->param[step->params++] = word[i];
    }
    return true;
}
