/*
 * etc_linux.c - the lab's /etc: the machine's entries, resolver files of its own.
 *
 * An overlay, as it is one mount: whoever makes a mount namespace in a lab copies every mount of
 * it. Where the kernel has none (it is old, or something is mounted below the machine's /etc) the
 * entries are bound in one by one. Not the whole folder with files bound over it: the machine's
 * resolv.conf is often a symbolic link to something in /run, which the lab does not have, and
 * nothing can be bound over a dangling link. Either way the resolver files are writable, as they
 * are for a machine's root: a control must be able to rewrite them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lab/lab_linux.h"

/* An internet address, so that a control's getaddrinfo(3) ends at the DNS canary. */
static const struct {
    const char *name, *text;
} FILES[] = {
    {"resolv.conf", "nameserver 9.9.9.10\n"},
    {"nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
                      "networks: files\nprotocols: files\nservices: files\n"},
    {"hosts", "127.0.0.1 localhost lab\n::1 localhost ip6-localhost ip6-loopback\n"},
    {"hostname", "lab\n"},
};

static bool is_own(const char *name)
{
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++)
        if (strcmp(name, FILES[i].name) == 0)
            return true;
    return false;
}

static int write_own(const char *folder, struct cf_error *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof FILES / sizeof FILES[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", folder, FILES[i].name);
        result = cf_lab_write_file(path, FILES[i].text, err);
    }
    return result;
}

/* What an overlay is made of lies in the folder that it covers. */
int cf_lab_build_etc(struct cf_error *err)
{
    unsigned long flags = MS_NOSUID | MS_NODEV;
    if (mkdir("etc/upper", 0755) != 0 || mkdir("etc/work", 0755) != 0)
        return cf_fail(err, CF_E_LAB, errno, "/etc");
    int result = write_own("etc/upper", err);
    if (result != 0 || mount("overlay", "etc", "overlay", flags,
                             "lowerdir=/etc,upperdir=etc/upper,workdir=etc/work") == 0)
        return result;
    if (mount("tmpfs", "etc", "tmpfs", flags, "mode=0755") != 0)
        return cf_fail(err, CF_E_LAB, errno, "/etc");
    result = cf_lab_take_over("/etc", true, is_own, err);
    return result != 0 ? result : write_own("etc", err);
}
