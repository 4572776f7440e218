/*
 * The system calls no command of this runner gets, because a namespace does not confine them.
 *
 * - Socket families that take no notice of network namespaces: AF_VSOCK reaches the hypervisor,
 *   AF_QIPCRTR the machine's modem.
 * - io_uring: its operations are not system calls, so neither this filter nor the contract's sees
 *   what they do.
 * - The tables of other instruction sets (i386, x32; 32-bit Arm): the same calls under other
 * numbers.
 * - TIOCSTI and TIOCLINUX: they type into the terminal that the caller's shell will read.
 *
 * A denial is an error and not a kill, so that a program may find its other way. The low half of an
 * argument is compared, because that is all the kernel takes of an int: a garbage upper half would
 * otherwise slip through. See seccomp(2).
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "runner/ns/ns.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define FOREIGN_NR  0x40000000u /* the x32 table's bit */
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define FOREIGN_NR  0x40000000u /* never set */
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#define FOREIGN_NR  0x40000000u /* never set */
#else
#error "name this machine's AUDIT_ARCH here"
#endif

#ifndef AF_QIPCRTR
#define AF_QIPCRTR 42
#endif

/* Little-endian, as every machine above. */
#define LOW(n)      (offsetof(struct seccomp_data, args) + 8 * (n))
#define LOAD(where) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (where))
#define DENY(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define ALLOW       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
/* Goes on with the next instruction if the accumulator is VALUE, else skips COUNT of them. */
#define UNLESS(value, count)     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (count))
#define DENY_CALL(number, error) UNLESS((number), 1), DENY(error)
/* Two forbidden values of argument N of call NUMBER. Seven instructions. */
#define DENY_ARGUMENT(number, n, first, second, error)                                             \
    UNLESS((number), 6), LOAD(LOW(n)), UNLESS((first), 1), DENY(error), UNLESS((second), 1),       \
        DENY(error), ALLOW

static const struct sock_filter program[] = {
    LOAD(offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
    DENY(ENOSYS),
    LOAD(offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FOREIGN_NR, 0, 1),
    DENY(ENOSYS),
    DENY_CALL(SYS_io_uring_setup, ENOSYS),
    DENY_CALL(SYS_io_uring_enter, ENOSYS),
    DENY_CALL(SYS_io_uring_register, ENOSYS),
    DENY_ARGUMENT(SYS_socket, 0, AF_VSOCK, AF_QIPCRTR, EPERM),
    DENY_ARGUMENT(SYS_socketpair, 0, AF_VSOCK, AF_QIPCRTR, EPERM),
    DENY_ARGUMENT(SYS_ioctl, 1, TIOCSTI, TIOCLINUX, EPERM),
    ALLOW,
};

struct firma_guest_filter firma_ns_filter(void)
{
    /* Borrowed by a type that also owns: the kernel only reads it. */
    return (struct firma_guest_filter){.code = (struct sock_filter *)(uintptr_t)program,
                                       .count = sizeof program / sizeof program[0]};
}
