/* platform.c - rows that this platform cannot show, each with its reason. */
#include <string.h>

#include "lab/lab.h"
#include "register/register.h"
#include "verbs/verbs.h"

const char *cf_platform_excuse(const struct cf_row *row)
{
    const struct cf_launch *launch = cf_launch_find(row->launch);
    if (launch->scenario == CF_NEIGHBOUR && !cf_lab_has_second_user())
        return "no second user id can be mapped on this machine (as a plain user: install uidmap "
               "and have ranges in /etc/subuid and /etc/subgid)";
    if (strcmp(row->attempt, "sandbox-user") == 0 && cf_lab_keeps_groups())
        return "your supplementary groups cannot be dropped on this machine (install uidmap and "
               "have ranges in /etc/subuid and /etc/subgid)";
    return NULL;
}
