#include "verbs.h"

#include <string.h>

int probe_verb(int argc, char **argv, char **envp)
{
    static const struct {
        const char *name;
        probe_verb_function *run;
    } verbs[] = {
        {"envelope", probe_verb_envelope},
        {"exit", probe_verb_exit},
        {"die", probe_verb_die},
        {"streams", probe_verb_streams},
        {"cat", probe_verb_cat},
        {"bytes", probe_verb_bytes},
        {"signals", probe_verb_signals},
        {"trap-term", probe_verb_trap_term},
        {"spin", probe_verb_spin},
        {"daemon", probe_verb_daemon},
        {"winsize", probe_verb_winsize},
        {"syscalls", probe_verb_syscalls},
        {"marker", probe_verb_marker},
        {"dns-ask", probe_verb_dns_ask},
        {"dns-odd", probe_verb_dns_odd},
#if defined(__linux__)
        {"tcp-once", probe_verb_tcp_once},
#endif
        {"tail", probe_verb_tail},
        {"fast", probe_verb_fast},
        {"pressure", probe_verb_pressure},
        {"prompt", probe_verb_prompt},
        {"orphan", probe_verb_orphan},
        {"zombies", probe_verb_zombies},
        {"raw", probe_verb_raw},
        {"type", probe_verb_type},
        {"digest", probe_verb_digest},
        {"watch-mode", probe_verb_watch_mode},
        {"with-descriptors", probe_verb_with_descriptors},
        {"listen", probe_verb_listen},
        {"name", probe_verb_name},
        {"files", probe_verb_files},
        {"crowd", probe_verb_crowd},
        {"own", probe_verb_own}
    };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(argv[0], verbs[i].name) == 0)
            return verbs[i].run(argc, argv, envp);
    }
    return -1;
}
