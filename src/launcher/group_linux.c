/* Members of a process group, from /proc (proc_pid_stat(5)). */
#include "launcher/terminal.h"

#include "launcher/processes_linux.h"

struct search {
    pid_t group;
    pid_t self;
    bool found;
};

static bool look(const struct firma_process *process, void *context)
{
    struct search *search = context;
    search->found = process->group == search->group && process->pid != search->self;
    return !search->found;
}

bool firma_group_has_others(pid_t group, pid_t self)
{
    struct search search = {group, self, false};
    return !firma_processes_each(look, &search) || search.found;
}
