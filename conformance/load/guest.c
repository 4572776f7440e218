/*
 * The same crowd of connections from within the guest: through the runner's relay, which must be
 * afterwards what it was, too.
 */
#include "load.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 2000 };

struct errand {
    struct load *load;
    struct firma_watch watch;
    char word;
};

static pid_t only_child(pid_t pid)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%d", &child) != 1)
        load_give_up("%s names no child", path);
    fclose(file);
    return child;
}

static void guest_speaks(void *context, unsigned events)
{
    struct errand *errand = context;
    (void)events;
    if (read(errand->watch.fd, &errand->word, 1) != 1)
        errand->word = 'x';
    load_done(errand->load->loop);
}

static void send_guest(struct errand *errand, struct load_report *report)
{
    struct firma_error err;
    errand->word = 'x';
    errand->watch = (struct firma_watch){.fd = errand->load->subject.output,
                                         .events = FIRMA_READ,
                                         .ready = guest_speaks,
                                         .context = errand};
    if (firma_loop_watch(errand->load->loop, &errand->watch, &err) != 0 ||
        write(errand->load->subject.input, "\n", 1) != 1)
        load_give_up("cannot talk to the guest");
    if (!load_wait(errand->load->loop) || errand->word != 'r')
        load_problem(report, "the guest was not content");
    firma_loop_unwatch(errand->load->loop, &errand->watch);
}

/* Launcher, guardian, runner. */
void load_guest(struct load *load, struct load_report *report)
{
    const struct load_subject *subject = &load->subject;
    pid_t runner = only_child(only_child(subject->pid));
    struct errand errand = {.load = load};
    struct load_gauge before, after;
    unsigned times = load->small ? 1 : 3;
    load_gauge(&before, runner, subject->runtime_root);
    load->sidecar.hold = MANY;
    for (unsigned i = 0; i < times && report->problem_count == 0; i++)
        send_guest(&errand, report);
    load_gauge_settle(&after, &before, load->loop, runner, subject->runtime_root, report);
    load_number(report, "in_flight_at_once", MANY);
    load_number(report, "times", times);
    load_number(report, "runner_rss_kib_before", before.rss_kib);
    load_number(report, "runner_rss_kib_after", after.rss_kib);
    load_number(report, "runner_descriptors_before", before.descriptors);
    load_number(report, "runner_descriptors_after", after.descriptors);
}
