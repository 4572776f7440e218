#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verbs.h"

static const struct {
    const char *field; /* of /proc/self/status */
    const char *member;
    bool number;
} fields[] = {{"CapEff:", "cap_eff", false}, {"CapPrm:", "cap_prm", false},
              {"CapInh:", "cap_inh", false}, {"CapBnd:", "cap_bnd", false},
              {"CapAmb:", "cap_amb", false}, {"NoNewPrivs:", "no_new_privs", true},
              {"Seccomp:", "seccomp", true}};

static void put_field(struct probe_text *text, const char *line)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t length = strlen(fields[i].field);
        char value[64] = "";
        if (strncmp(line, fields[i].field, length) != 0 ||
            sscanf(line + length, "%63s", value) != 1)
            continue;
        if (fields[i].number)
            probe_put(text, "\"%s\":%d,", fields[i].member, atoi(value));
        else
            probe_put(text, "\"%s\":\"%s\",", fields[i].member, value);
    }
}

void probe_envelope_system(struct probe_text *text)
{
    char line[4096];
    FILE *status = fopen("/proc/self/status", "re");
    probe_put(text, "\"status\":%s,", status == NULL ? "false" : "true");
    if (status == NULL)
        return;
    while (fgets(line, sizeof line, status) != NULL)
        put_field(text, line);
    fclose(status);
}
