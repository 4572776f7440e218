/*
 * lab.h - a hermetic place in which one run is observed.
 *
 * A lab is a process tree of its own: fresh user (one id, optionally a second one), pid, mount,
 * network, ipc and uts namespaces, a tmpfs root with the machine's top-level folders bound
 * read-only, an empty /run, its own /tmp, /proc and resolver files. Two network namespaces, `host`
 * and `internet`, are joined by a veth pair; in `internet` every address is local, so whatever a
 * guest tries to reach ends at a canary. Observers are processes of the lab outside the subject's
 * pid and mount namespaces; their evidence goes to descriptors opened before the lab was entered.
 *
 *     guest -(runner)- host ===veth=== internet        sidecar: listens in host, dials from
 * internet
 *
 * cf_lab_start() forks; the body runs inside the lab, as an ordinary process, and its result is
 * the exit status of the returned pid. The lab dies with its parent.
 */
#ifndef CF_LAB_H
#define CF_LAB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/events.h"

/* A file copied into the lab: mode as given, owned by the lab's user. */
struct cf_lab_copy {
    const char *source; /* on the machine */
    const char *target; /* absolute, below /lab; parent folders are created 0755 */
    mode_t mode;
};

struct cf_lab_config {
    int evidence_fd;    /* a directory; each observer creates its own file there, O_EXCL */
    const char *hidden; /* a machine directory (the reports) that must be invisible; NULL: none */
    const struct cf_lab_copy *copies;
    size_t copy_count;
    bool second_user; /* map a second id (CF_LAB_SECOND_UID); -CF_E_LAB where that is impossible */
    bool observe;     /* open canary, capture, honeypots; a compare lab may do without */
};

enum { CF_LAB_SECOND_UID = 1000 };

struct cf_lab;
typedef int cf_lab_body(struct cf_lab *lab, void *context);

/* Whether a lab can be built here at all: 0, or -CF_E_LAB with one line why (forbidden namespaces,
 * masked /proc, nft missing…). Builds one and throws it away. */
int cf_lab_check(struct cf_error *err);
/* Whether a second user id can be mapped here (root, or newuidmap with a subuid range). */
bool cf_lab_has_second_user(void);

/* Whether a lab cannot drop the caller's supplementary groups: a plain user's, without newgidmap.
 */
bool cf_lab_keeps_groups(void);

/* Forks, enters a new lab in the child, verifies its isolation, opens the observers, runs BODY,
 * closes the observers and exits with BODY's result (a failed set-up: exit 70 and an `error` record
 * in the evidence file lab.jsonl; BODY's death by a signal: 128 + its number). Returns at once with
 * *PID; the caller waits for it. BODY finds no descriptor above 2 open but evidence_fd, and must
 * wait for the processes it started by pid: others are children of the same process. */
int cf_lab_start(const struct cf_lab_config *config, cf_lab_body *body, void *context, pid_t *pid,
                 struct cf_error *err);

/* ---- inside the body ---- */

/* What may happen to a host under a running guest: `host` loses all firewall rules, gets other
 * default routes and starts to forward. The harness's own roads stay. */
int cf_lab_change_roads(struct cf_error *err);

/* The harness's own log (evidence file harness.jsonl). Borrowed. */
struct cf_events *cf_lab_events(struct cf_lab *lab);

/* Sends a heartbeat over every road a leak would take (TCP and UDP, IPv4 and IPv6, DNS, the
 * honeypots) from `host`, and waits until each stands in the observer's stored evidence. LABEL is
 * "opening" or "closing". Emits
 * {"event":"heartbeat","label","road","nonce","address","port","seen":bool} per road to
 * harness.jsonl. Returns 0 even if an observer was deaf: the judge reads `seen`. */
int cf_lab_heartbeat(struct cf_lab *lab, const char *label, struct cf_error *err);

/* A fake sidecar: listens in `host` on 127.0.0.1 (a port of the system's choice, or PORT when not
 * 0: a restart), dials from `internet` with a source address only the lab knows. SCRIPT as in
 * fakes/sidecar/README.md. Evidence file sidecar-N.jsonl. */
struct cf_sidecar {
    pid_t pid;
    uint16_t port;
    int index;
};
int cf_lab_sidecar_start(struct cf_lab *lab, const char *script, uint16_t port,
                         struct cf_sidecar *out, struct cf_error *err);
/* Ends it with SIGNAL, reaps it, and emits {"event":"sidecar-stopped","index","signal"}. */
void cf_lab_sidecar_stop(struct cf_lab *lab, struct cf_sidecar *sidecar, int signal);

/* A real forward proxy ("tinyproxy" or "squid", from the machine's own packages) on the host's
 * loopback, whose one parent is the sidecar at PARENT. Stopped before the lab ends. */
struct cf_proxy {
    pid_t pid;
    uint16_t port;
};
int cf_lab_proxy_start(struct cf_lab *lab, const char *name, uint16_t parent, struct cf_proxy *out,
                       struct cf_error *err);
void cf_lab_proxy_stop(struct cf_proxy *proxy);

/* A process of the subject: in `host`'s network namespace, in a pid and mount namespace of its own
 * (one per lab, made with the first spawn), where no observer, evidence or plan of another leg is
 * visible. */
struct cf_command {
    const char *const *argv; /* argv[0] is an absolute path inside the lab */
    const char *const *envp; /* the whole environment */
    const char *cwd;         /* NULL: /lab/work */
    int fds[3];              /* dup'ed to 0-2; -1: /dev/null */
    bool closed[3];          /* of these, the ones that are not even open */
    int extra_fd;            /* dup'ed to 3 (status pipe), or -1 */
    bool new_session;        /* setsid, and a terminal among fds becomes the controlling one */
    bool second_user;        /* run as CF_LAB_SECOND_UID, no capabilities */
    bool no_capabilities;    /* run as the lab's user without any: a bare command's privileges */
    bool may_chown; /* CAP_CHOWN on top of what the lab's user has, over the lab's own ids */
};
/* *PID is visible from the body's pid namespace: kill(2) and waitpid(2) work on it. */
int cf_lab_spawn(struct cf_lab *lab, const struct cf_command *command, pid_t *pid,
                 struct cf_error *err);
/* The live processes in the subject's pid namespace, its init not counted: a new JSON array of
 * {"pid","comm","cmdline"}; `pid` is valid in the body's namespace. */
json_t *cf_lab_survivors(struct cf_lab *lab);
/* Kills everything left in the subject's pid namespace. */
void cf_lab_clear(struct cf_lab *lab);

/* Facts the plan hands to probes: ports of the loopback honeypots in `host` (TCP and UDP, v4, v6),
 * as a JSON object {"lo4_tcp":P,"lo4_udp":P,"lo6_tcp":P,"lo6_udp":P,"own4_tcp":P,"own6_tcp":P}; the
 * last two are at the addresses of `host` itself. Borrowed. */
json_t *cf_lab_facts(struct cf_lab *lab);

#endif
