/*
 * Identity, applied or refused.
 *
 * Without privilege there is one id to be had, the caller's own. `host_user` keeps it;
 * `sandbox_user` puts a nested user namespace over it in which that id is called 65534, so that the
 * command sees an unprivileged stranger while the files it writes still belong to the person who
 * started it. Supplementary groups can only be left before a user namespace denies setgroups(2), so
 * they go first, or their presence is a refusal.
 *
 * Capabilities: a process that maps uid 0 would regain them at exec; an empty bounding set is what
 * prevents that. At the end the kernel is asked what it made of all this. See user_namespaces(7),
 * capabilities(7).
 *
 * In a machine of its own the guest's kernel is not the boundary, the machine is. There `host_user`
 * may become root as anywhere (`may_rise`): a command that does must find nothing more outside.
 */
#include "runner/guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int firma_guest_leave_groups(struct firma_error *err)
{
    if (getgroups(0, NULL) == 0 || setgroups(0, NULL) == 0)
        return 0;
    static const char advice[] = "identity_mode: cannot leave supplementary group";
    gid_t groups[256];
    int count = getgroups(sizeof groups / sizeof groups[0], groups);
    if (count < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "%ss", advice);
    for (int i = 0; i < count; i++)
        if (groups[i] != getegid())
            return firma_fail(err, FIRMA_E_SYSTEM, EPERM, "%s %ld", advice, (long)groups[i]);
    return 0;
}

static int write_proc(const char *path, const char *text, struct firma_error *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "%s", path);
    ssize_t written = write(fd, text, strlen(text));
    int saved = errno;
    close(fd);
    return written >= 0 ? 0 : firma_fail(err, FIRMA_E_SYSTEM, saved, "%s: write", path);
}

int firma_guest_map_ids(uid_t inside_uid, uid_t uid, gid_t inside_gid, gid_t gid,
                        struct firma_error *err)
{
    char line[64];
    snprintf(line, sizeof line, "%lu %lu 1\n", (unsigned long)inside_uid, (unsigned long)uid);
    int result = write_proc("/proc/self/uid_map", line, err);
    if (result == 0)
        result = write_proc("/proc/self/setgroups", "deny", err);
    snprintf(line, sizeof line, "%lu %lu 1\n", (unsigned long)inside_gid, (unsigned long)gid);
    return result < 0 ? result : write_proc("/proc/self/gid_map", line, err);
}

static int enter_nested(const struct firma_guest_identity *who, struct firma_error *err)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    /* The map files belong to root while pid 1's "not dumpable" is inherited. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 || unshare(CLONE_NEWUSER) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "identity_mode: nested user namespace");
    return firma_guest_map_ids(who->uid, uid, who->gid, gid, err);
}

static int switch_ids(const struct firma_guest_identity *who, struct firma_error *err)
{
    if (getegid() != who->gid && setresgid(who->gid, who->gid, who->gid) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "identity_mode: setresgid");
    if (geteuid() != who->uid && setresuid(who->uid, who->uid, who->uid) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "identity_mode: setresuid");
    return 0;
}

int firma_guest_drop_bounding_set(struct firma_error *err)
{
    int held;
    for (int cap = 0; (held = prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) >= 0; cap++)
        if (held == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return firma_fail(err, FIRMA_E_SYSTEM, errno, "drop capability %d", cap);
    if (errno != EINVAL) /* that is how the kernel names the end */
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "read the capability bounding set");
    return 0;
}

/* Nothing may pass to the next program but by its user id or its file. */
static int drop_inheritable(struct firma_error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
        syscall(SYS_capget, &header, caps) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "clear ambient capabilities");
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        caps[i].inheritable = 0;
    return syscall(SYS_capset, &header, caps) == 0
               ? 0
               : firma_fail(err, FIRMA_E_SYSTEM, errno, "drop inheritable capabilities");
}

int firma_guest_drop_privileges(struct firma_error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    int result = firma_guest_drop_bounding_set(err);
    if (result < 0)
        return result;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "clear ambient capabilities");
    if (syscall(SYS_capset, &header, none) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "drop capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "no_new_privs");
    return 0;
}

static bool is_powerless(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, caps) < 0)
        return false;
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        if (caps[i].effective != 0 || caps[i].permitted != 0 || caps[i].inheritable != 0)
            return false;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static int verify(const struct firma_guest_identity *who, struct firma_error *err)
{
    uid_t real_uid, uid, saved_uid;
    gid_t real_gid, gid, saved_gid;
    if (getresuid(&real_uid, &uid, &saved_uid) < 0 || getresgid(&real_gid, &gid, &saved_gid) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "identity_mode: read back");
    if (real_uid != who->uid || uid != who->uid || saved_uid != who->uid || real_gid != who->gid ||
        gid != who->gid || saved_gid != who->gid)
        return firma_fail(err, FIRMA_E_SYSTEM, 0,
                          "identity_mode: %ld:%ld did not take, still %ld:%ld", (long)who->uid,
                          (long)who->gid, (long)uid, (long)gid);
    if (!who->may_rise && !is_powerless())
        return firma_fail(err, FIRMA_E_SYSTEM, 0, "identity_mode: capabilities are left");
    return 0;
}

int firma_guest_become(const struct firma_guest_identity *who, struct firma_error *err)
{
    int result = who->drop_groups ? firma_guest_leave_groups(err) : 0;
    if (result == 0)
        result = who->nested ? enter_nested(who, err) : switch_ids(who, err);
    if (result == 0)
        result = who->may_rise ? drop_inheritable(err) : firma_guest_drop_privileges(err);
    return result < 0 ? result : verify(who, err);
}
