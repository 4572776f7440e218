/*
 * vsock_linux.c - no AF_VSOCK in a lab.
 *
 * A network namespace does not confine AF_VSOCK: on a virtual machine such a socket reaches the
 * hypervisor, which is somebody else's. The filter answers EPERM, in every system call convention
 * this kernel knows: native, and on x86-64 also x32 and i386 (whose socketcall(2) hides its
 * arguments in memory and is refused altogether). seccomp(2).
 *
 * What no filter sees is a socket opened by io_uring. It is allowed all the same: a row about it
 * needs its control.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lab/lab_linux.h"

#define DENY           (SECCOMP_RET_ERRNO | EPERM)
#define LOAD(field)    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
/* Skips YES or NO instructions. */
#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)

#if defined(__x86_64__)
enum { X32_BIT = 0x40000000, I386_SOCKETCALL = 102, I386_SOCKET = 359 };
static const struct sock_filter FILTER[] = {
    LOAD(arch),
    EQUAL(AUDIT_ARCH_X86_64, 4, 0),
    /* i386 */
    LOAD(nr),
    EQUAL(I386_SOCKETCALL, 8, 0),
    EQUAL(I386_SOCKET, 4, 0),
    RETURN(SECCOMP_RET_ALLOW),
    /* x86-64 and x32 */
    LOAD(nr),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~(unsigned)X32_BIT),
    EQUAL(SYS_socket, 0, 2),
    LOAD(args[0]),
    EQUAL(AF_VSOCK, 1, 0),
    RETURN(SECCOMP_RET_ALLOW),
    RETURN(DENY),
};
#elif defined(__aarch64__)
enum { ARM_SOCKET = 281 };
static const struct sock_filter FILTER[] = {
    LOAD(arch),
    EQUAL(AUDIT_ARCH_AARCH64, 3, 0),
    /* 32-bit */
    LOAD(nr),
    EQUAL(ARM_SOCKET, 3, 0),
    RETURN(SECCOMP_RET_ALLOW),
    LOAD(nr),
    EQUAL(SYS_socket, 0, 2),
    LOAD(args[0]),
    EQUAL(AF_VSOCK, 1, 0),
    RETURN(SECCOMP_RET_ALLOW),
    RETURN(DENY),
};
#else
#error "the filter against AF_VSOCK is written for x86-64 and arm64"
#endif

int cf_lab_deny_vsock(struct cf_lab_entry *entry, struct cf_error *err)
{
    (void)entry;
    /* CAP_SYS_ADMIN instead of no_new_privs: programs in the lab shall find that flag as usual. */
    const struct sock_fprog program = {.len = sizeof FILTER / sizeof FILTER[0],
                                       .filter = (struct sock_filter *)FILTER};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return cf_fail(err, CF_E_LAB, errno, "a seccomp filter");
    return 0;
}
