#include "techniques.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *name;
    probe_technique *run;
} table[] = {
#define ANY(name, function)   {name, probe_tech_##function},
#define LINUX(name, function) {name, probe_tech_##function},
#include "techniques.def"
#undef ANY
#undef LINUX
};

probe_technique *probe_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].name, name) == 0)
            return table[i].run;
    }
    return NULL;
}

const char *probe_name(size_t index)
{
    return index < sizeof table / sizeof *table ? table[index].name : NULL;
}

void probe_then(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_step inner = *step;
    inner.technique = probe_param(step, "then", "tcp");
    /* Without its own then=, so that nothing can call itself for ever. */
    inner.params = 0;
    for (size_t i = 0; i < step->params; i++) {
        if (strncmp(step->param[i], "then=", 5) != 0)
            inner.param[inner.params++] = step->param[i];
    }
    probe_technique *technique = probe_find(inner.technique);
    if (technique == NULL)
        probe_try(out, PROBE_ERROR, EINVAL, "then=%s is no technique", inner.technique);
    else
        technique(&inner, out);
}
