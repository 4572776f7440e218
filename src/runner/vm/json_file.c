#include "runner/vm/json_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "contract/custody.h"
#include "contract/json_memory.h"

/* O_NONBLOCK, so that a FIFO cannot hold us. */
static int open_file(int dirfd, const char *name, enum firma_error_code code,
                     struct firma_error *err)
{
    FIRMA_AUTOCLOSE int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP)
        return firma_fail(err, FIRMA_E_CUSTODY, 0, "%s: is a symbolic link", name);
    if (fd < 0)
        return firma_fail(err, errno == ENOENT ? code : FIRMA_E_SYSTEM, errno, "%s", name);
    int result = firma_custody_file(fd, name, 022, err);
    if (result < 0)
        return result;
    result = fd;
    fd = -1;
    return result;
}

static ssize_t read_all(int fd, char *text, size_t room)
{
    size_t used = 0;
    while (used < room) {
        ssize_t got = read(fd, text + used, room - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

int firma_vm_json_read(int dirfd, const char *name, enum firma_error_code code, json_t **out,
                       struct firma_error *err)
{
    json_error_t where;
    FIRMA_AUTOCLOSE int fd = open_file(dirfd, name, code, err);
    if (fd < 0)
        return fd;
    FIRMA_AUTOFREE char *text = malloc(FIRMA_VM_JSON_MAX + 1);
    if (text == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "%s", name);
    ssize_t length = read_all(fd, text, FIRMA_VM_JSON_MAX + 1);
    if (length < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "%s", name);
    if (length > FIRMA_VM_JSON_MAX)
        return firma_fail(err, code, 0, "%s: has more than %d bytes", name, FIRMA_VM_JSON_MAX);
    firma_json_watch();
    json_t *root = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &where);
    if (firma_json_starved()) {
        json_decref(root);
        return firma_fail(err, FIRMA_E_MEMORY, 0, "%s", name);
    }
    if (root == NULL)
        return firma_fail(err, code, 0, "%s: line %d: is not JSON, or has a key twice", name,
                          where.line);
    if (!json_is_object(root)) {
        json_decref(root);
        return firma_fail(err, code, 0, "%s: must be an object", name);
    }
    *out = root;
    return 0;
}
