/*
 * The shared directories. The file server gets one directory to serve; in it stands each mount's
 * tree, cloned by descriptor in the machine's own mount namespace with the attributes of the
 * contract. So the kernel refuses a write to a read-only mount whatever the guest or the file
 * server may do, and nothing but the mounts can be reached.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/guest/guest.h"
#include "runner/guest/mountapi_linux.h"
#include "runner/vm/qemu/qemu.h"

/* An abstract-looking name is of no use: the machine has a network namespace of its own, so an
 * abstract one would do, and leaves nothing behind. Autobind picks it (unix(7)). */
static int open_pair(int *listener, int *connection, struct firma_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address;
    FIRMA_AUTOCLOSE int server = socket(AF_UNIX, SOCK_STREAM, 0);
    FIRMA_AUTOCLOSE int client = socket(AF_UNIX, SOCK_STREAM, 0);
    if (server < 0 || client < 0 ||
        bind(server, (const struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
        listen(server, 1) < 0 || getsockname(server, (struct sockaddr *)&address, &length) < 0 ||
        connect(client, (const struct sockaddr *)&address, length) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "shared directories: socket");
    *listener = server;
    *connection = client;
    server = client = -1;
    return 0;
}

static int attach(int tree, int root, size_t number, struct firma_error *err)
{
    char name[24];
    snprintf(name, sizeof name, "%zu", number);
    if (mkdirat(root, name, 0755) < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "shared directory %zu", number);
    return firma_tree_attach(tree, root, name, err);
}

static int attach_all(const struct firma_contract *contract, const int *trees, const char *path,
                      struct firma_error *err)
{
    static const char *const options[] = {"mode", "0755", NULL};
    FIRMA_AUTOCLOSE int root =
        firma_tree_create("tmpfs", options, FIRMA_MNT_NOSUID | FIRMA_MNT_NODEV, err);
    if (root < 0)
        return root;
    int result = firma_tree_attach(root, AT_FDCWD, path, err);
    for (size_t i = 0; i < contract->mount_count && result == 0; i++)
        result = attach(trees[i], root, i, err);
    return result < 0 ? result : firma_mount_seal(root, err);
}

int firma_qemu_build_shares(const struct firma_contract *contract, char *path, int *listener,
                            int *connection, struct firma_error *err)
{
    int trees[FIRMA_MAX_MOUNTS];
    /* The runtime directory's contents are nothing for the machine: the shares cover them. */
    snprintf(path, FIRMA_MAX_PATH + 1, "%s", contract->runtime_dir);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "machine's mount namespace");
    int result = firma_guest_clone_mounts(contract, trees, err);
    if (result < 0)
        return result;
    result = attach_all(contract, trees, path, err);
    for (size_t i = 0; i < contract->mount_count; i++)
        close(trees[i]);
    return result < 0 ? result : open_pair(listener, connection, err);
}
