#include "runner/vm/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "contract/custody.h"

#define BELOW_HOME "/.cache/firma-vz"

static bool is_out_of_reach(const struct firma_contract *contract, const char *path)
{
    struct firma_error ignored;
    const char *const guarded[] = {path};
    return firma_contract_check_mounts(contract->mounts, contract->mount_count, guarded, 1,
                                       &ignored) == 0;
}

/* Makes NAME in PLACE's directory if it is not there. */
static int open_private(const struct firma_place *place)
{
    struct firma_error ignored;
    if (mkdirat(place->dirfd, place->name, 0700) < 0 && errno != EEXIST)
        return -1;
    int fd = openat(place->dirfd, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && firma_custody_private_dir(fd, place->path, &ignored) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int firma_vm_cache_open(const char *home, const struct firma_contract *contract)
{
    struct firma_error ignored;
    struct firma_place place;
    char path[FIRMA_MAX_PATH + sizeof BELOW_HOME];
    if (home == NULL || home[0] != '/' || strlen(home) > FIRMA_MAX_PATH)
        return -1;
    snprintf(path, sizeof path, "%s/.cache", home);
    (void)mkdir(path, 0700);
    snprintf(path, sizeof path, "%s" BELOW_HOME, home);
    if (firma_custody_locate(path, false, &place, &ignored) < 0)
        return -1;
    int fd = is_out_of_reach(contract, place.path) ? open_private(&place) : -1;
    firma_place_close(&place);
    return fd;
}

bool firma_vm_cache_read(int cache, const char *name, char *text, size_t size)
{
    struct firma_error ignored;
    FIRMA_AUTOCLOSE int fd =
        cache < 0 ? -1 : openat(cache, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || firma_custody_file(fd, name, 077, &ignored) < 0)
        return false;
    ssize_t got = read(fd, text, size - 1);
    text[got < 0 ? 0 : got] = '\0';
    return got >= 0;
}

void firma_vm_cache_write(int cache, const char *name, const char *text)
{
    char temporary[64];
    size_t length = strlen(text);
    snprintf(temporary, sizeof temporary, ".%s.%ld", name, (long)getpid());
    FIRMA_AUTOCLOSE int fd =
        cache < 0
            ? -1
            : openat(cache, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    if (write(fd, text, length) != (ssize_t)length || renameat(cache, temporary, cache, name) < 0)
        unlinkat(cache, temporary, 0);
}
