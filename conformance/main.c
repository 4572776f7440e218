/* main.c - firma-conform: one driver for the front door, for CTest and for reviewers. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/invocation.h"
#include "result.h"
#include "verbs/verbs.h"

static const char help[] =
    "usage: firma-conform VERB [options]\n"
    "\n"
    "Tells from outside the guest, with evidence, whether a runner confines it.\n"
    "\n"
    "  run       plan, observe, judge and report: the whole suite, or what --row selects\n"
    "  list      the register of rows (--json for programs, --ctest for CTest)\n"
    "  trace FILE…  the register against the catalogue of techniques and the known defects; each\n"
    "               FILE is a table of broken subjects, such as fakes/broken/subjects.tsv; exit 1\n"
    "               when something has neither row nor reason\n"
    "  verify DIR   recompute every verdict of a finished run from its evidence alone\n"
    "  report DIR   show a finished run again; with --row ID, that row and its evidence\n"
    "  observe   one launch into a bundle (--launch NAME --out DIR)\n"
    "  judge     one row from a bundle of this invocation (--row ID --out DIR)\n"
    "\n"
    "  --runner WHICH    namespace, vm, null, or the path of a runner; the default is\n"
    "                    FIRMA_RUN_VZ_GUEST_RUNNER when set, else namespace\n"
    "  --kind machine    the runner given by its path boots a kernel of its own\n"
    "  --scale small     64 MiB instead of 1 GiB, 13 exit codes instead of 256, fewer repeats:\n"
    "                    what a machine that boots for every run has time for, and its default\n"
    "  --launcher PATH   another firma-run than the one built beside this program\n"
    "  --row SELECTOR    a row, group, level, invariant or launch; may be repeated\n"
    "  -v, --verbose     with --row: command, contract, timeline and packets of each row\n"
    "  -j N              observe at most N launches at once (default 4)\n"
    "  --out DIR         where runs go (default reports)\n"
    "  --profile         run, report: then where the time went, lab by lab\n"
    "  --json            print the result (run) or the register (list) as JSON\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 every row passes, 1 a row FAILs, 2 a row is INCONCLUSIVE, something planned\n"
    "was not judged or nothing was selected, 3 the suite itself could not run.\n";

static const struct verb {
    const char *name;
    int (*run)(const struct cf_options *options, struct cf_error *err);
    bool many; /* arguments */
} verbs[] = {{"run", cf_verb_run, false},       {"list", cf_verb_list, false},
             {"trace", cf_verb_trace, true},    {"verify", cf_verb_verify, false},
             {"report", cf_verb_report, false}, {"observe", cf_verb_observe, false},
             {"judge", cf_verb_judge, false}};

static int parse_jobs(struct cf_options *options, const char *text, struct cf_error *err)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text || value < 1 || value > 64)
        return cf_fail(err, CF_E_USAGE, 0, "-j %s: a number from 1 to 64 is needed", text);
    options->jobs = (unsigned)value;
    return 0;
}

static int parse(struct cf_options *options, int argc, char **argv, struct cf_error *err)
{
    static const struct option names[] = {{"runner", required_argument, NULL, 'r'},
                                          {"launcher", required_argument, NULL, 'l'},
                                          {"kind", required_argument, NULL, 'k'},
                                          {"scale", required_argument, NULL, 's'},
                                          {"row", required_argument, NULL, 'R'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"launch", required_argument, NULL, 'L'},
                                          {"bin", required_argument, NULL, 'b'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {"json", no_argument, NULL, 'J'},
                                          {"ctest", no_argument, NULL, 'C'},
                                          {"profile", no_argument, NULL, 'p'},
                                          {NULL, 0, NULL, 0}};
    int option, failed = 0;
    opterr = 0;
    while (failed == 0 && (option = getopt_long(argc, argv, ":vj:", names, NULL)) != -1) {
        switch (option) {
        case 'r':
            options->runner = optarg;
            break;
        case 'k':
            options->kind = optarg;
            break;
        case 's':
            options->scale = optarg;
            break;
        case 'l':
            options->launcher = optarg;
            break;
        case 'R':
            options->rows[options->row_count++] = optarg;
            break;
        case 'o':
            options->out = optarg;
            break;
        case 'L':
            options->launch = optarg;
            break;
        case 'b':
            options->bin = optarg;
            break;
        case 'v':
            options->verbose = true;
            break;
        case 'j':
            failed = parse_jobs(options, optarg, err);
            break;
        case 'J':
            options->json = true;
            break;
        case 'p':
            options->profile = true;
            break;
        case 'C':
            options->ctest = true;
            break;
        case ':':
            return cf_fail(err, CF_E_USAGE, 0, "%s needs a value", argv[optind - 1]);
        default:
            return cf_fail(err, CF_E_USAGE, 0, "unknown option %s", argv[optind - 1]);
        }
    }
    options->argument = optind < argc ? argv[optind] : NULL;
    options->arguments = argv + optind;
    options->argument_count = (size_t)(argc - optind);
    return failed;
}

static int complain(const struct cf_error *err)
{
    fprintf(stderr, "firma-conform: %s\n", err->text);
    if (err->code == CF_E_USAGE)
        fputs("firma-conform: see firma-conform --help\n", stderr);
    return err->code == CF_E_NOTHING ? CF_EXIT_INCONCLUSIVE : CF_EXIT_HARNESS;
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
    char bin[PATH_MAX];
    struct cf_error err = {0};
    struct cf_options options = {.runner = cf_default_runner(), .bin = bin, .jobs = 4};
    options.rows = calloc((size_t)argc + 1, sizeof *options.rows);
    if (options.rows == NULL)
        return CF_EXIT_HARNESS;
    cf_own_folder(bin, sizeof bin);
    int status = parse(&options, argc, argv, &err);
    if (status == 0 && options.argument_count > 1 && !verb->many)
        status = cf_fail(&err, CF_E_USAGE, 0, "too many arguments: %s", options.arguments[1]);
    if (status == 0)
        status = verb->run(&options, &err);
    free(options.rows);
    if (fflush(stdout) != 0 && status >= 0)
        status = cf_fail(&err, CF_E_SYSTEM, errno, "standard output");
    return status < 0 ? complain(&err) : status;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        puts("firma-conform " FIRMA_VERSION);
        return 0;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return run_verb(&verbs[i], argc - 1, argv + 1);
    fprintf(stderr, "firma-conform: %s; see firma-conform --help\n",
            argc < 2 ? "what shall it do?" : "unknown verb");
    return CF_EXIT_HARNESS;
}
