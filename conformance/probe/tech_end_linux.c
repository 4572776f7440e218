/*
 * tech_end_linux.c - the guest's root ends its own machine.
 *
 * Only where the kernel is the guest's own. Everywhere else the step goes on as then= says, which
 * is how the control shows that it would be heard.
 */
#include <errno.h>
#include <linux/reboot.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net.h"
#include "root_linux.h"
#include "techniques.h"

static int restart(unsigned command)
{
    long failed = syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, command, NULL);
    return failed == 0 ? 0 : errno;
}

/* In a pid namespace reboot(2) only ends that namespace; sysrq asks nobody. */
static int end_machine(const char *how)
{
    probe_put_file("/proc/sys/kernel/sysrq", "1");
    if (strcmp(how, "panic") == 0)
        return probe_put_file("/proc/sysrq-trigger", "c");
    if (strcmp(how, "reset") == 0)
        return probe_put_file("/proc/sysrq-trigger", "b");
    if (strcmp(how, "poweroff") == 0)
        return probe_put_file("/proc/sysrq-trigger", "o");
    if (strcmp(how, "reboot") == 0)
        return restart(LINUX_REBOOT_CMD_RESTART);
    if (strcmp(how, "kexec") == 0) {
        long failed = syscall(SYS_kexec_load, 0ul, 0ul, NULL, 0ul);
        return failed == 0 ? restart(LINUX_REBOOT_CMD_KEXEC) : errno;
    }
    return EINVAL;
}

void probe_tech_machine_end(const struct probe_step *step, struct probe_outcome *out)
{
    const char *how = probe_param(step, "how", "panic");
    if (probe_owns_kernel(step->self)) {
        int failed = end_machine(how);
        probe_try_errno(out, failed == 0 ? EINPROGRESS : failed, "%s", how);
        probe_readable(-1, probe_left(step, 1)); /* what was asked for takes a moment */
        return;
    }
    probe_try(out, PROBE_ERROR, 0, "not a kernel of its own: left alone");
    probe_then(step, out);
}
