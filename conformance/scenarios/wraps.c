#include "scenarios/wraps.h"

#include <stddef.h>
#include <string.h>

#define SHELL "/bin/sh"

static const struct {
    const char *name;
    const char *words[8];
} wraps[] = {
    /* What nohup(1) does. */
    {"nohup", {"/usr/bin/env", "--ignore-signal=HUP", NULL}},
    /* A shell with job control: the job is stopped, brought back, and ends. */
    {"job",
     {SHELL, "-ic", "\"$@\"; [ $? -gt 128 ] && echo stopped; fg >/dev/null; echo ended $?", SHELL,
      NULL}},
    {"background",
     {SHELL, "-ic",
      "\"$@\" & wait $!; [ $? -gt 128 ] && echo stopped; fg >/dev/null; echo ended $?", SHELL,
      NULL}},
    /* The terminal's mode before, and after whatever happened. */
    {"mode", {"/lab/bin/firma-probe", "watch-mode", NULL}},
    /* Reads, once the command has ended, what was typed while it ran. */
    {"listen",
     {SHELL, "-ic", "\"$@\"; echo ended; read -r line; echo \"got $line\"; cat >/dev/null", SHELL,
      NULL}},
    {"umask", {SHELL, "-c", "umask 077; exec \"$@\"", SHELL, NULL}},
    {"descriptors", {"/lab/bin/firma-probe", "with-descriptors", NULL}},
};

const char *const *cf_wrapper(const char *name)
{
    for (size_t i = 0; i < sizeof wraps / sizeof wraps[0]; i++)
        if (strcmp(wraps[i].name, name) == 0)
            return wraps[i].words;
    return NULL;
}
