/* faults - plans points, has cells play them, and sums up. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "campaign.h"

enum { USAGE = 2, IMPOSSIBLE = 3, CELLS = 32 };

static const char usage[] =
    "usage: faults [--full] [--kind WORD]... [--point ID]... [-v] [-j N] [--json] [--list]\n"
    "              [--out FILE] [--launcher FILE] [--runner FILE] --bin DIR --ignorable FILE\n";

static bool take(struct campaign *campaign, int name, const char *value)
{
    switch (name) {
    case 'f':
        campaign->full = true;
        return true;
    case 'k':
        return campaign_select(&campaign->kinds, value);
    case 'p':
        return campaign_select(&campaign->points, value);
    case 'v':
        return campaign->verbose = true;
    case 'J':
        return campaign->json = true;
    case 'L':
        return campaign->list = true;
    case 'j':
        campaign->jobs = (unsigned)strtoul(value, NULL, 10);
        return campaign->jobs > 0 && campaign->jobs <= CELLS;
    case 'o':
        campaign->out = value;
        return true;
    case 'l':
        campaign->programs.launcher = value;
        return true;
    case 'r':
        campaign->programs.runner = value;
        return true;
    case 'b':
        campaign->programs.bin = value;
        return true;
    case 'i':
        campaign->programs.ignorable = value;
        return true;
    default:
        return false;
    }
}

static bool parse(int argc, char **argv, struct campaign *campaign)
{
    static const struct option options[] = {
        {"full", 0, NULL, 'f'},    {"kind", 1, NULL, 'k'}, {"point", 1, NULL, 'p'},
        {"verbose", 0, NULL, 'v'}, {"json", 0, NULL, 'J'}, {"list", 0, NULL, 'L'},
        {"jobs", 1, NULL, 'j'},    {"out", 1, NULL, 'o'},  {"launcher", 1, NULL, 'l'},
        {"runner", 1, NULL, 'r'},  {"bin", 1, NULL, 'b'},  {"ignorable", 1, NULL, 'i'},
        {NULL, 0, NULL, 0}};
    for (int name; (name = getopt_long(argc, argv, "vj:", options, NULL)) != -1;)
        if (!take(campaign, name, optarg)) {
            fprintf(stderr, "faults: `%s` is not what this option takes\n",
                    optarg != NULL ? optarg : argv[optind - 1]);
            return false;
        }
    return optind == argc && campaign->programs.bin != NULL && campaign->programs.ignorable != NULL;
}

static void fill_programs(struct fault_programs *programs, char paths[3][1024])
{
    snprintf(paths[0], 1024, "%s/firma-run", programs->bin);
    snprintf(paths[1], 1024, "%s/firma-ns-runner", programs->bin);
    snprintf(paths[2], 1024, "%s/../faults", programs->bin);
    if (programs->launcher == NULL)
        programs->launcher = paths[0];
    if (programs->runner == NULL)
        programs->runner = paths[1];
    programs->folder = paths[2];
}

int main(int argc, char **argv)
{
    static char paths[3][1024];
    struct campaign campaign = {.jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) + 1};
    signal(SIGPIPE, SIG_IGN);
    if (!parse(argc, argv, &campaign)) {
        fputs(usage, stderr);
        return USAGE;
    }
    fill_programs(&campaign.programs, paths);
    struct fault_ignorable *list = fault_ignorable_read(campaign.programs.ignorable);
    if (list == NULL)
        return IMPOSSIBLE;
    fault_ignorable_free(list);
    return campaign_run(&campaign);
}
