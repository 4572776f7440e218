#include "runner/guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "contract/custody.h"

#define FIELD "command.seccomp_filter_path"

static int check_size(off_t size, struct firma_error *err)
{
    const off_t unit = sizeof(struct sock_filter);
    if (size <= 0 || size % unit != 0 || size / unit > BPF_MAXINSNS)
        return firma_fail(err, FIRMA_E_CONTRACT, 0,
                          FIELD ": %lld bytes are not 1 to %d instructions of %d bytes",
                          (long long)size, BPF_MAXINSNS, (int)unit);
    return 0;
}

static int read_exactly(int fd, void *buffer, size_t size, struct firma_error *err)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = read(fd, (char *)buffer + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return firma_fail(err, FIRMA_E_SYSTEM, errno, FIELD ": read");
        if (got == 0)
            return firma_fail(err, FIRMA_E_CUSTODY, 0, FIELD ": shrank while it was read");
        used += (size_t)got;
    }
    return 0;
}

static int load_code(int fd, struct firma_guest_filter *out, struct firma_error *err)
{
    struct stat info;
    int result = firma_custody_file(fd, FIELD, 022, err);
    if (result < 0)
        return result;
    if (fstat(fd, &info) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, FIELD);
    result = check_size(info.st_size, err);
    if (result < 0)
        return result;
    FIRMA_AUTOFREE struct sock_filter *code = malloc((size_t)info.st_size);
    if (code == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, FIELD);
    result = read_exactly(fd, code, (size_t)info.st_size, err);
    if (result < 0)
        return result;
    out->code = code;
    out->count = (unsigned short)((size_t)info.st_size / sizeof *code);
    code = NULL;
    return 0;
}

int firma_guest_filter_read(const char *path, struct firma_guest_filter *out,
                            struct firma_error *err)
{
    struct firma_place place;
    int result = firma_custody_locate(path, false, &place, err);
    if (result < 0)
        return firma_wrap(err, FIELD);
    /* Non-blocking, so that a FIFO planted there is judged and not waited for. */
    FIRMA_AUTOCLOSE int fd =
        openat(place.dirfd, place.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int saved = errno;
    firma_place_close(&place);
    if (fd < 0)
        return firma_fail(err, FIRMA_E_CUSTODY, saved, FIELD ": %.400s", path);
    return load_code(fd, out, err);
}

void firma_guest_filter_clear(struct firma_guest_filter *filter)
{
    free(filter->code);
    *filter = (struct firma_guest_filter){0};
}

int firma_guest_filter_load(const struct firma_guest_filter *filter, struct firma_error *err)
{
    struct sock_fprog program = {.len = filter->count, .filter = filter->code};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        return firma_fail(err, FIRMA_E_CONTRACT, errno, "seccomp filter of %u instructions",
                          filter->count);
    return 0;
}
