/* platform.c - rows that this platform cannot show, each with its reason. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/lab.h"
#include "plan.h"
#include "register/register.h"
#include "verbs/verbs.h"

/* Where the lab's commands look; the lab has the machine's folders. */
static bool has_program(const char *name)
{
    static const char *const folders[] = {"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"};
    char path[128];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folders[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* Without the program there is no control, whatever the guest has. */
static const char *program_excuse(const struct cf_row *row)
{
    static const struct {
        const char *name, *excuse;
    } known[] = {
        {"curl", "curl is not installed on this machine"},
        {"wget", "wget is not installed on this machine"},
        {"python3", "python3 is not installed on this machine"},
        {"git", "git is not installed on this machine"},
        {"node", "node is not installed on this machine"},
        {"dig", "dig is not installed on this machine"},
        {"ssh", "ssh is not installed on this machine"},
        {"openssl", "openssl is not installed on this machine"},
        {"bash", "bash is not installed on this machine"},
        {"nc", "nc is not installed on this machine"},
        {"perl", "perl is not installed on this machine"},
        {"tinyproxy", "tinyproxy is not installed on this machine"},
        {"squid", "squid is not installed on this machine"},
    };
    char name[32];
    if (!cf_plan_value(row->attempt, "uses", "", name, sizeof name) || has_program(name))
        return NULL;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].excuse;
    return "a program is not installed on this machine";
}

/* Since Linux 6.2 a kernel may refuse TIOCSTI to everybody. */
static bool types_into_terminals(void)
{
    int allowed = 1;
    FILE *in = fopen("/proc/sys/dev/tty/legacy_tiocsti", "re");
    if (in != NULL && fscanf(in, "%d", &allowed) != 1)
        allowed = 1;
    if (in != NULL)
        fclose(in);
    return allowed != 0;
}

/* Protocols that a kernel may have been built without: no control could use them. */
static const struct {
    const char *technique;
    int type, protocol;
    const char *reason;
} protocols[] = {
    {"udplite", SOCK_DGRAM, 136, "this kernel has no UDP-Lite"},
    {"mptcp", SOCK_STREAM, 262, "this kernel has no multipath TCP"},
};

static bool technique_is(const struct cf_row *row, const char *technique)
{
    size_t length = strlen(technique);
    return strncmp(row->attempt, technique, length) == 0 && row->attempt[length] == ' ';
}

static const char *protocol_excuse(const struct cf_row *row)
{
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        if (!technique_is(row, protocols[i].technique))
            continue;
        int fd = socket(AF_INET, protocols[i].type, protocols[i].protocol);
        if (fd < 0)
            return protocols[i].reason;
        close(fd);
    }
    return NULL;
}

const char *cf_platform_excuse(const struct cf_row *row)
{
    const struct cf_launch *launch = cf_launch_find(row->launch);
    if (cf_launch_has_second_user(launch) && !cf_lab_has_second_user())
        return "no second user id can be mapped on this machine (as a plain user: install uidmap "
               "and have ranges in /etc/subuid and /etc/subgid)";
    if (strcmp(row->attempt, "type untyped") == 0 && !types_into_terminals())
        return "this kernel types into no terminal (dev.tty.legacy_tiocsti is 0), so no control "
               "can";
    if (strncmp(row->attempt, "sandbox-user", strlen("sandbox-user")) == 0 && cf_lab_keeps_groups())
        return "your supplementary groups cannot be dropped on this machine (install uidmap and "
               "have ranges in /etc/subuid and /etc/subgid)";
    const char *excuse = program_excuse(row);
    return excuse != NULL ? excuse : protocol_excuse(row);
}
