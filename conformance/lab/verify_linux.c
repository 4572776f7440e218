/* verify_linux.c - nothing is launched in a lab that could reach the machine. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "lab/lab_linux.h"

static int refuse(struct cf_error *err, const char *what)
{
    return cf_fail(err, CF_E_LAB, 0, "%s", what);
}

static int verify_links(struct cf_error *err)
{
    struct if_nameindex *all = if_nameindex();
    int result = all == NULL ? cf_fail(err, CF_E_LAB, errno, "interfaces") : 0;
    for (const struct if_nameindex *one = all; one != NULL && result == 0 && one->if_index != 0;
         one++)
        if (strcmp(one->if_name, "lo") != 0 && strcmp(one->if_name, CF_LAB_HOST_LINK) != 0)
            result = cf_fail(err, CF_E_LAB, 0, "a foreign interface: %s", one->if_name);
    if (all != NULL)
        if_freenameindex(all);
    return result;
}

static bool is_ours(const char *link)
{
    return strcmp(link, CF_LAB_HOST_LINK) == 0 || strcmp(link, "lo") == 0;
}

/* The interface is the first column of the IPv4 table and the last of the IPv6 one. */
static int verify_routes(const char *path, bool last, struct cf_error *err)
{
    FILE *table = fopen(path, "re");
    char line[512];
    unsigned over_link = 0;
    int result = table == NULL ? cf_fail(err, CF_E_LAB, errno, "%s", path) : 0;
    if (result == 0 && !last && fgets(line, sizeof line, table) == NULL) /* headings */
        line[0] = '\0';
    while (result == 0 && fgets(line, sizeof line, table) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *blank = strrchr(line, ' ');
        line[last ? strlen(line) : strcspn(line, "\t")] = '\0';
        const char *link = last && blank != NULL ? blank + 1 : line;
        if (!is_ours(link))
            result = cf_fail(err, CF_E_LAB, 0, "a route over %s", link);
        over_link += strcmp(link, CF_LAB_HOST_LINK) == 0;
    }
    if (table != NULL)
        fclose(table);
    return result == 0 && over_link < 2 ? refuse(err, "no default route over the link") : result;
}

/* At this point init is the lab's only process. */
static int verify_processes(struct cf_error *err)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    unsigned count = 0;
    while (proc != NULL && (entry = readdir(proc)) != NULL)
        count += isdigit((unsigned char)entry->d_name[0]) != 0;
    if (proc != NULL)
        closedir(proc);
    if (getpid() != 1 || count != 1)
        return cf_fail(err, CF_E_LAB, 0, "foreign processes are visible (%u)", count);
    return 0;
}

static int verify_root(struct cf_error *err)
{
    struct statfs root;
    struct stat state;
    if (statfs("/", &root) != 0 || root.f_type != TMPFS_MAGIC || stat("/", &state) != 0 ||
        state.st_uid != 0)
        return refuse(err, "the root is not the lab's own");
    return 0;
}

static int verify_fds(const struct cf_lab_entry *entry, struct cf_error *err)
{
    DIR *fds = opendir("/proc/self/fd");
    const struct dirent *item;
    const int known[] = {entry->report, entry->config->evidence_fd, entry->life, entry->internet};
    unsigned foreign = 0;
    while (fds != NULL && (item = readdir(fds)) != NULL) {
        int fd = atoi(item->d_name);
        bool ours = fd <= 2 || fd == dirfd(fds);
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            ours = ours || fd == known[i];
        foreign += !ours;
    }
    if (fds != NULL)
        closedir(fds);
    /* One more is the log, whose descriptor only the log knows. */
    return foreign == 1 ? 0 : cf_fail(err, CF_E_LAB, 0, "%u inherited descriptors", foreign - 1);
}

static int verify_vsock(struct cf_error *err)
{
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 && errno == EPERM)
        return 0;
    if (fd >= 0)
        close(fd);
    return refuse(err, "AF_VSOCK is not denied");
}

int cf_lab_verify(struct cf_lab_entry *entry, struct cf_error *err)
{
    struct stat net;
    if (stat("/proc/self/ns/net", &net) != 0 || net.st_ino == entry->outer_net)
        return refuse(err, "the network namespace is the machine's");
    int result = verify_links(err);
    if (result == 0)
        result = verify_routes("/proc/self/net/route", false, err);
    if (result == 0)
        result = verify_routes("/proc/self/net/ipv6_route", true, err);
    if (result == 0)
        result = verify_root(err);
    if (result == 0)
        result = verify_processes(err);
    if (result == 0)
        result = verify_fds(entry, err);
    return result != 0 ? result : verify_vsock(err);
}
