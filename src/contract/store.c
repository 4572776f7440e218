/* The contract as a file: created so that nobody ever sees half of it or reads it unasked, and read
 * from the very descriptor whose custody was checked. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "contract/custody.h"
#include "firma_contract.h"

struct temporary {
    char name[sizeof FIRMA_CONTRACT_FILE + FIRMA_UUID_SIZE + 1];
};

static int write_all(int fd, const char *text, size_t length, struct firma_error *err)
{
    while (length > 0) {
        ssize_t written = write(fd, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return firma_fail(err, FIRMA_E_SYSTEM, errno, "cannot write %s", FIRMA_CONTRACT_FILE);
        text += written;
        length -= (size_t)written;
    }
    return 0;
}

/* Creates NAME, private from birth, with the whole text in it. */
static int create_file(int dirfd, const char *name, const char *text, size_t length,
                       struct firma_error *err)
{
    FIRMA_AUTOCLOSE int fd =
        openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "cannot create %s", name);
    if (fchmod(fd, 0600) < 0) /* gives back what a narrow umask took; never widens */
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "cannot set the mode of %s", name);
    return write_all(fd, text, length, err);
}

/* link(2) refuses any existing name, dangling links included, where rename(2) would replace it. */
static int publish(int dirfd, const char *name, struct firma_error *err)
{
    if (linkat(dirfd, name, dirfd, FIRMA_CONTRACT_FILE, 0) == 0)
        return 0;
    if (errno == EEXIST)
        return firma_fail(err, FIRMA_E_CUSTODY, 0,
                          "%s already exists in the runtime directory; it was not made by this "
                          "launch and is left alone",
                          FIRMA_CONTRACT_FILE);
    return firma_fail(err, FIRMA_E_SYSTEM, errno, "cannot create %s", FIRMA_CONTRACT_FILE);
}

int firma_contract_write(int dirfd, const struct firma_contract *contract, struct firma_error *err)
{
    FIRMA_AUTOFREE char *text = NULL;
    size_t length = 0;
    char unique[FIRMA_UUID_SIZE];
    int result = firma_custody_private_dir(dirfd, "runtime directory", err);
    if (result == 0)
        result = firma_contract_encode(contract, &text, &length, err);
    if (result == 0)
        result = firma_uuid7(unique, err);
    if (result < 0)
        return result;
    struct temporary temporary;
    snprintf(temporary.name, sizeof temporary.name, ".%s.%s", FIRMA_CONTRACT_FILE, unique);
    result = create_file(dirfd, temporary.name, text, length, err);
    if (result == 0)
        result = publish(dirfd, temporary.name, err);
    if (unlinkat(dirfd, temporary.name, 0) < 0 && result == 0)
        result = firma_fail(err, FIRMA_E_SYSTEM, errno, "cannot remove %s", temporary.name);
    return result;
}

/* Reads up to SIZE bytes; fewer than that are all there are. */
static int read_up_to(int fd, const char *path, char *buffer, size_t size, size_t *used,
                      struct firma_error *err)
{
    while (*used < size) {
        ssize_t got = read(fd, buffer + *used, size - *used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return firma_fail(err, FIRMA_E_SYSTEM, errno, "%.400s", path);
        if (got == 0)
            break;
        *used += (size_t)got;
    }
    return 0;
}

/* Reads FD to its end; refuses more than a contract may have, whatever fstat(2) said. */
static int read_all(int fd, const char *path, char **text, size_t *length, struct firma_error *err)
{
    enum { USUAL = 16 * 1024, MOST = FIRMA_CONTRACT_MAX_BYTES + 1 };
    FIRMA_AUTOFREE char *buffer = NULL;
    size_t used = 0;
    for (size_t room = USUAL; used < MOST; room = MOST) {
        char *larger = realloc(buffer, room);
        if (larger == NULL)
            return firma_fail(err, FIRMA_E_MEMORY, 0, "%.400s: out of memory", path);
        buffer = larger;
        int result = read_up_to(fd, path, buffer, room, &used, err);
        if (result < 0)
            return result;
        if (used < room)
            break;
    }
    if (used == MOST)
        return firma_fail(err, FIRMA_E_CONTRACT, 0, "%.400s: has more than %u bytes", path,
                          FIRMA_CONTRACT_MAX_BYTES);
    *text = buffer;
    *length = used;
    buffer = NULL;
    return 0;
}

/* Opens NAME in DIRFD for reading; O_NONBLOCK so that a FIFO cannot hold us. */
static int open_file(int dirfd, const char *name, const char *path, struct firma_error *err)
{
    int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (errno == ELOOP)
        return firma_fail(err, FIRMA_E_CUSTODY, 0, "%.400s: is a symbolic link", path);
    return firma_fail(err, FIRMA_E_SYSTEM, errno, "%.400s", path);
}

static int read_place(const struct firma_place *place, char **text, size_t *length,
                      struct firma_error *err)
{
    int result = firma_custody_private_dir(place->dirfd, "the contract's directory", err);
    if (result < 0)
        return result;
    FIRMA_AUTOCLOSE int fd = open_file(place->dirfd, place->name, place->path, err);
    if (fd < 0)
        return fd;
    result = firma_custody_file(fd, place->path, 077, err);
    return result < 0 ? result : read_all(fd, place->path, text, length, err);
}

int firma_contract_read(const char *path, struct firma_contract *out, struct firma_error *err)
{
    struct firma_place place;
    FIRMA_AUTOFREE char *text = NULL;
    size_t length = 0;
    int result = firma_custody_locate(path, false, &place, err);
    if (result < 0)
        return result;
    result = read_place(&place, &text, &length, err);
    firma_place_close(&place);
    return result < 0 ? result : firma_contract_decode(text, length, out, err);
}
