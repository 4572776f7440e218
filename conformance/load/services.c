/*
 * load-services: one launcher, loaded section by section.
 *
 *     load-services [--small] [--patience SECONDS] [--open-files N]
 *                   --runtime-root DIR --fake-sidecar FILE
 * SECTION... -- FIRMA-RUN ARG...
 *
 * One line of JSON a section on standard output. Exit status: 0 nothing wrong, 1 something was,
 * 2 wrong usage, 3 it could not be tried.
 */
#include "load.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct section {
    const char *name;
    void (*play)(struct load *load, struct load_report *report);
} sections[] = {
    {"connections", load_connections}, {"guest", load_guest},       {"slow", load_slow},
    {"tunnels", load_tunnels},         {"flapping", load_flapping}, {"dns", load_dns},
    {"tight", load_connections},
};

enum { SECTIONS = sizeof sections / sizeof *sections };

struct options {
    bool small;
    unsigned open_files;
    const char *runtime_root, *fake_sidecar;
    bool wanted[SECTIONS];
    char **command;
};

static bool choose(struct options *options, const char *name)
{
    for (size_t i = 0; i < SECTIONS; i++)
        if (strcmp(sections[i].name, name) == 0)
            return options->wanted[i] = true;
    return false;
}

static bool parse(struct options *options, char **argv)
{
    for (argv++; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
        if (strcmp(*argv, "--small") == 0)
            options->small = true;
        else if (strcmp(*argv, "--patience") == 0 && argv[1] != NULL && atoi(argv[1]) > 0)
            load_be_patient((unsigned)atoi(*++argv));
        else if (strcmp(*argv, "--open-files") == 0 && argv[1] != NULL && atoi(argv[1]) >= 128)
            options->open_files = (unsigned)atoi(*++argv);
        else if (strcmp(*argv, "--runtime-root") == 0 && argv[1] != NULL)
            options->runtime_root = *++argv;
        else if (strcmp(*argv, "--fake-sidecar") == 0 && argv[1] != NULL)
            options->fake_sidecar = *++argv;
        else if (!choose(options, *argv))
            return false;
    }
    options->command = *argv != NULL ? argv + 1 : argv;
    return options->runtime_root != NULL && options->fake_sidecar != NULL &&
           *options->command != NULL;
}

static void warmed(struct load_client *client)
{
    load_done(client->loop);
}

/* What is needed once is there before anything is measured. */
static void warm_up(struct load *load)
{
    struct load_client client;
    load_client_open(&client, load->loop, load->subject.bridge, warmed, NULL);
    load_client_ask(&client, "load.example", "warm", 100000, 1, SIZE_MAX);
    if (!load_wait(load->loop) || client.outcome != LOAD_RIGHT)
        load_give_up("the bridge does not work: %s", client.why);
    load_client_close(&client);
    if (!load_dns_refuses(load->subject.stub))
        load_give_up("the DNS stub does not answer");
}

static bool play(struct load *load, const struct section *section)
{
    const struct load_subject *subject = &load->subject;
    struct load_gauge before, after;
    struct load_report report;
    uint64_t start = firma_loop_now();
    load_report_open(&report, section->name);
    load_gauge(&before, subject->pid, subject->runtime_root);
    section->play(load, &report);
    load_gauge_settle(&after, &before, load->loop, subject->pid, subject->runtime_root, &report);
    if (load->sidecar.unattributed > 0)
        load_problem(&report, "%u requests without attribution", load->sidecar.unattributed);
    return load_report_close(&report, firma_loop_now() - start,
                             json_pack("{s:o, s:o}", "before", load_gauge_json(&before), "after",
                                       load_gauge_json(&after)));
}

/* The launcher's own end is a section, too: everything it had is gone. */
static bool finish(struct load *load, const struct load_gauge *first)
{
    struct load_report report;
    struct load_gauge last;
    load_report_open(&report, "end");
    load_gauge_settle(&last, first, load->loop, load->subject.pid, load->subject.runtime_root,
                      &report);
    load_subject_end(&load->subject, &report);
    return load_report_close(
        &report, 0,
        json_pack("{s:o, s:o}", "before", load_gauge_json(first), "after", load_gauge_json(&last)));
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct load load = {0};
    struct load_gauge first;
    struct firma_error err;
    bool good = true;
    (void)argc;
    if (!parse(&options, argv)) {
        fputs("usage: load-services [--small] [--patience SECONDS] [--open-files N] "
              "--runtime-root DIR --fake-sidecar FILE SECTION... -- FIRMA-RUN ARG...\n",
              stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    load.small = options.small;
    load.fake_sidecar = options.fake_sidecar;
    load_descriptors(16384);
    if (firma_loop_open(&load.loop, &err) != 0)
        load_give_up("%s", err.text);
    load_sidecar_open(&load.sidecar, load.loop);
    load_subject_start(&load.subject, load.loop,
                       &(struct load_start){.argv = options.command,
                                            .runtime_root = options.runtime_root,
                                            .sidecar = load.sidecar.port,
                                            .open_files = options.open_files});
    warm_up(&load);
    load_gauge(&first, load.subject.pid, load.subject.runtime_root);
    for (size_t i = 0; i < SECTIONS; i++)
        if (options.wanted[i])
            good &= play(&load, &sections[i]);
    good &= finish(&load, &first);
    load_sidecar_close(&load.sidecar);
    firma_loop_close(load.loop);
    return good ? 0 : 1;
}
