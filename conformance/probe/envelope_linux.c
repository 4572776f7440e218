#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verbs.h"

static const struct {
    const char *field; /* of /proc/self/status */
    const char *member;
} sets[] = {{"CapEff:", "eff"},
            {"CapPrm:", "prm"},
            {"CapInh:", "inh"},
            {"CapBnd:", "bnd"},
            {"CapAmb:", "amb"}},
  numbers[] = {{"NoNewPrivs:", "no_new_privs"}, {"Seccomp:", "seccomp"}};

/* The value of FIELD in the whole of STATUS. */
static bool find(const char *status, const char *field, char value[64])
{
    const char *at = strstr(status, field);
    return at != NULL && sscanf(at + strlen(field), "%63s", value) == 1;
}

static void put_status(struct probe_text *text, const char *status)
{
    char value[64];
    probe_put(text, "\"caps\":{");
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (find(status, sets[i].field, value))
            probe_put(text, "%s\"%s\":\"%s\"", i == 0 ? "" : ",", sets[i].member, value);
    }
    probe_put(text, "},");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (find(status, numbers[i].field, value))
            probe_put(text, "\"%s\":%d,", numbers[i].member, atoi(value));
    }
}

void probe_envelope_system(struct probe_text *text)
{
    char status[8192] = "";
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, status, sizeof status - 1);
    if (fd >= 0)
        close(fd);
    probe_put(text, "\"status\":%s,", got > 0 ? "true" : "false");
    if (got > 0)
        put_status(text, status);
}
