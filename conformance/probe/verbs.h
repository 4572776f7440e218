/*
 * verbs.h - small programs in one: commands whose behaviour a harness compares from outside.
 *
 * Each prints only what README.md says, and nothing on standard error unless that is its purpose.
 */
#ifndef PROBE_VERBS_H
#define PROBE_VERBS_H

#include <sys/types.h>

#include "text.h"

/* Runs the verb argv[0] names; -1 when there is no such verb. */
int probe_verb(int argc, char **argv, char **envp);

typedef int probe_verb_function(int argc, char **argv, char **envp);
probe_verb_function probe_verb_envelope, probe_verb_exit, probe_verb_die, probe_verb_streams,
    probe_verb_cat, probe_verb_bytes, probe_verb_signals, probe_verb_trap_term, probe_verb_spin,
    probe_verb_daemon, probe_verb_winsize, probe_verb_syscalls, probe_verb_marker,
    probe_verb_dns_ask, probe_verb_dns_odd, probe_verb_tail, probe_verb_fast, probe_verb_pressure,
    probe_verb_prompt, probe_verb_orphan, probe_verb_zombies, probe_verb_raw, probe_verb_type,
    probe_verb_digest, probe_verb_watch_mode, probe_verb_with_descriptors, probe_verb_tcp_once,
    probe_verb_listen, probe_verb_name, probe_verb_files, probe_verb_crowd, probe_verb_own;

/* Adds the members only one system has: caps, no_new_privs, seccomp, fds. */
void probe_envelope_system(struct probe_text *text);

#endif
