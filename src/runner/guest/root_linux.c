#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/guest/mountapi_linux.h"
#include "runner/guest/root_linux.h"

int firma_root_directory(int dir, const char *name, mode_t mode, struct firma_error *err)
{
    if (mkdirat(dir, name, mode) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's directory %s", name);
    return 0;
}

int firma_root_file(int dir, const char *name, struct firma_error *err)
{
    if (mknodat(dir, name, S_IFREG | 0644, 0) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's file %s", name);
    return 0;
}

int firma_root_link(int dir, const char *name, const char *target, struct firma_error *err)
{
    if (symlinkat(target, dir, name) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's link %s", name);
    return 0;
}

int firma_root_mount(int dir, const char *name, const char *type, const char *const *options,
                     unsigned attributes, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int tree = firma_tree_create(type, options, attributes, err);
    return tree < 0 ? tree : firma_tree_attach(tree, dir, name, err);
}

int firma_root_part(int dir, const char *name, unsigned attributes, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int tree = firma_tree_clone(dir, name, attributes, err);
    return tree < 0 ? tree : firma_tree_attach(tree, dir, name, err);
}

int firma_root_bind(int dir, const char *name, const char *source, unsigned attributes,
                    struct firma_error *err)
{
    FIRMA_AUTOCLOSE int tree = firma_tree_clone(AT_FDCWD, source, attributes, err);
    return tree < 0 ? tree : firma_tree_attach(tree, dir, name, err);
}
