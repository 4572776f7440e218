/*
 * lab_linux.h - what the lab's files share.
 *
 * Theory of operation. Five kinds of process make a lab:
 *
 *     caller
 *      `- guard    the pid that cf_lab_start() returns; outside, writes the id maps, relays the
 * status
 *          `- init     pid 1 of the lab: builds root, network and filter, verifies, reaps
 *              `- harness   runs the body; parent of everything below, `host` network namespace
 *                  |- canary, capture   `internet` network namespace
 *                  |- honeypots, sidecars
 *                  |- subject's init    pid 1 of the nested pid namespace, own mount namespace
 *                  `- subject's commands, in that pid and mount namespace
 *
 * Each has its parent's death as its own (guard and init by signal, the rest because init is pid
 * 1), so SIGKILL anywhere above empties everything below.
 *
 * Ids. A lab has one user namespace. A plain user is uid 0 in it. A lab of the machine's root maps
 * its uid 0 to an unprivileged id instead: files below /proc/sys and device nodes ask for the
 * machine's root by number, not for a capability, and a hostile subject must not be that number.
 * The owner of the evidence folder is then mapped too (CF_LAB_OWNER_UID), so that the harness with
 * its capabilities can write there; the guard gives the files back when the lab has ended.
 *
 * Capabilities. The subject is uid 0 of the lab, with the network capabilities a probe's control
 * needs and no others: without CAP_SYS_ADMIN it can neither lift the cover from the evidence nor
 * make a bound-in folder writable, and what it builds for its guest inherits both, locked.
 */
#ifndef CF_LAB_LINUX_H
#define CF_LAB_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab/lab.h"
#include "observers/observer.h"

#define CF_LAB_HOST_LINK     "veth0"
#define CF_LAB_INTERNET_LINK "veth1"
#define CF_LAB_HOST4         "203.0.113.2"
#define CF_LAB_HOST6         "2001:db8:1::2"

enum {
    CF_LAB_FAILED = 70, /* the exit status of a lab that could not be set up */
    CF_LAB_OWNER_UID = 65533,
    CF_LAB_CANARY_PORT = 4000, /* in a network namespace of our own: nobody else's */
    CF_LAB_POTS = 32,
    CF_LAB_SIDECARS = 32,
    CF_LAB_DEADLINE_MS = 20000, /* for an observer to end, a killed process to vanish */
};

/* ---- idmap_linux.c ---- */
struct cf_lab_ids {
    bool shifted;    /* uid 0 of the lab is not the machine's */
    bool helper;     /* newuidmap and newgidmap write the maps */
    bool set_groups; /* setgroups(2) is allowed */
    uid_t owner_uid, shifted_uid;
    gid_t owner_gid, shifted_gid;
    char uid_map[160], gid_map[160];
};
int cf_lab_ids_plan(struct cf_lab_ids *ids, const struct cf_lab_config *config,
                    struct cf_error *err);
int cf_lab_ids_write(const struct cf_lab_ids *ids, pid_t pid, struct cf_error *err);
/* Hands evidence files of a shifted lab to the folder's owner. */
void cf_lab_ids_return(const struct cf_lab_ids *ids, int evidence_fd);

/* ---- fds_linux.c ---- */
/* Closes every descriptor above 2 but those in KEEP (-1 allowed). */
void cf_lab_keep_fds(const int *keep, size_t count);
/* Puts /dev/null on descriptors 0 to LAST. */
int cf_lab_null_fds(int last);
/* Waits until FD is readable or at its end: 1, 0 after TIMEOUT_MS, or -1. */
int cf_lab_wait_fd(int fd, int timeout_ms);
/* Writes TEXT to a file that exists (a control file). */
int cf_lab_put(const char *path, const char *text);

/* ---- exec_linux.c ---- */
/* Runs the program NAME from the trusted folders with INPUT on stdin; -CF_E_LAB with the first
 * line of its stderr when it fails. */
int cf_lab_run(const char *name, const char *const *argv, const char *input, struct cf_error *err);

/* What init needs, made before the lab was entered. */
struct cf_lab_entry {
    const struct cf_lab_config *config;
    cf_lab_body *body;
    void *context;
    pid_t caller;
    int report; /* where a failure's text goes too, or -1 */
    int life;   /* the guard lives while this has not ended; it also says that the ids are mapped */
    int *copies;
    char *hidden;       /* canonical, or NULL */
    char **sockets;     /* the machine's unix sockets with a path; ends with NULL */
    uint64_t outer_net; /* inode of the machine's network namespace */
    struct cf_lab_ids ids;
    uint64_t started; /* cf_now() */
    /* filled by init */
    char source4[16], source6[40];
    int internet; /* network namespace */
};

/* ---- the steps of init, in this order ---- */
int cf_lab_build_root(struct cf_lab_entry *entry, struct cf_error *err); /* root_linux.c */
int cf_lab_deny_vsock(struct cf_lab_entry *entry, struct cf_error *err); /* vsock_linux.c */
int cf_lab_build_net(struct cf_lab_entry *entry, struct cf_error *err);  /* net_linux.c */
int cf_lab_verify(struct cf_lab_entry *entry, struct cf_error *err);     /* verify_linux.c */
int cf_lab_init(struct cf_lab_entry *entry);                             /* init_linux.c */
_Noreturn void cf_lab_harness(struct cf_lab_entry *entry, struct cf_events *log);

/* Parts of the root: paths are below the new root, which is the working directory. */
/* takeover_linux.c: of every entry of the machine's FOLDER ("" or absolute) that is not the lab's
 * own, one of the same name: a symbolic link is made again; a folder, and if FILES is set a regular
 * file, is bound in with all below it, read-only, nosuid, nodev. Nothing else is taken over. */
int cf_lab_take_over(const char *folder, bool files, bool (*is_own)(const char *name),
                     struct cf_error *err);
int cf_lab_build_dev(struct cf_error *err); /* dev_linux.c */
int cf_lab_build_etc(struct cf_error *err); /* etc_linux.c */
int cf_lab_write_file(const char *path, const char *text, struct cf_error *err);
int cf_lab_copy_in(const struct cf_lab_entry *entry, struct cf_error *err); /* copies_linux.c */
int cf_lab_open_copies(struct cf_lab_entry *entry, struct cf_error *err);
char **cf_lab_list_sockets(void); /* sockets_linux.c */
int cf_lab_cover_sockets(char *const *paths, struct cf_error *err);

/* ---- the harness's side ---- */
struct cf_lab_observer {
    const char *name;
    pid_t pid; /* 0: not running */
    int stop;
};

struct cf_lab_subject {
    pid_t init; /* 0: not made yet */
    int control;
    int pid_ns, mount_ns, own_pid_ns;
};

struct cf_lab {
    const struct cf_lab_entry *entry;
    struct cf_events *log;     /* lab.jsonl */
    struct cf_events *harness; /* harness.jsonl */
    int tick;
    struct cf_lab_observer observers[3];
    struct cf_honeypot pots[CF_LAB_POTS];
    size_t pot_count;
    json_t *facts;
    pid_t sidecars[CF_LAB_SIDECARS]; /* by index; 0: ended */
    int next_sidecar;
    struct cf_lab_subject subject;
};

/* Creates an evidence file, O_APPEND | O_EXCL; a descriptor, or -1 with errno. */
int cf_lab_evidence(const struct cf_lab *lab, const char *name);
int cf_lab_open_pots(struct cf_lab *lab, struct cf_error *err); /* pots_linux.c */
/* Where the honeypot NAME of the internet families listens. */
const char *cf_lab_pot_address(const char *name);
int cf_lab_open_observers(struct cf_lab *lab, struct cf_error *err); /* watch_linux.c */
void cf_lab_close_observers(struct cf_lab *lab);
void cf_lab_close_sidecars(struct cf_lab *lab); /* sidecar_linux.c */
void cf_lab_close_subject(struct cf_lab *lab);  /* subject_linux.c */
int cf_lab_open_subject(struct cf_lab *lab, struct cf_error *err);
/* A fork whose child lies in the subject's pid namespace (and cannot be traced before it execs);
 * like fork(2). */
pid_t cf_lab_subject_fork(struct cf_lab *lab);
/* Reduces the calling process to the subject's capabilities, or to none. */
int cf_lab_drop_capabilities(bool all, bool may_chown); /* caps_linux.c */
/* Waits for PID's end; its wait status, or -1 when the deadline passed (it is killed then). */
int cf_lab_reap(pid_t pid, int timeout_ms); /* fds_linux.c */

#endif
