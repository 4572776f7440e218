/* harness_linux.c - the process that runs the body, from opening the observers to closing them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lab/lab_linux.h"

int cf_lab_evidence(const struct cf_lab *lab, const char *name)
{
    int folder = lab->entry->config->evidence_fd;
    int flags = O_WRONLY | O_APPEND | O_CLOEXEC;
    return folder < 0 ? open("/dev/null", flags)
                      : openat(folder, name, flags | O_CREAT | O_EXCL, 0600);
}

struct cf_events *cf_lab_events(struct cf_lab *lab)
{
    return lab->harness;
}

json_t *cf_lab_facts(struct cf_lab *lab)
{
    return lab->facts;
}

static int open_harness_log(struct cf_lab *lab, struct cf_error *err)
{
    int fd = cf_lab_evidence(lab, "harness.jsonl");
    if (fd < 0)
        return cf_fail(err, CF_E_LAB, errno, "harness.jsonl");
    return cf_events_open(&lab->harness, fd, "harness", err);
}

static int prepare(struct cf_lab *lab, struct cf_error *err)
{
    lab->tick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    lab->facts = json_object();
    if (lab->tick < 0 || lab->facts == NULL)
        return cf_fail(err, CF_E_SYSTEM, errno, "lab");
    int result = open_harness_log(lab, err);
    if (result == 0 && lab->entry->config->observe) {
        result = cf_lab_open_pots(lab, err);
        if (result == 0)
            result = cf_lab_open_observers(lab, err);
    }
    return result;
}

static void emit_ready(const struct cf_lab *lab)
{
    const struct cf_lab_entry *entry = lab->entry;
    cf_events_emit(
        lab->log, "ready",
        json_pack("{sIsbsbsbsOss}", "setup_ns", (json_int_t)(cf_now() - entry->started), "observe",
                  entry->config->observe, "second_user", entry->config->second_user, "shifted",
                  entry->ids.shifted, "facts", lab->facts, "isolation",
                  "network namespace, interfaces, routes, root, processes, descriptors and the "
                  "AF_VSOCK filter verified"));
}

/* The end of everything in here: processes first, then those who watch them. */
static void conclude(struct cf_lab *lab)
{
    cf_lab_close_subject(lab);
    cf_lab_close_sidecars(lab);
    cf_lab_close_observers(lab);
    cf_events_close(lab->harness);
    cf_events_close(lab->log);
    json_decref(lab->facts);
}

_Noreturn void cf_lab_harness(struct cf_lab_entry *entry, struct cf_events *log)
{
    struct cf_error error = {0};
    struct cf_lab lab = {.entry = entry, .log = log, .tick = -1};
    int status = CF_LAB_FAILED;
    prctl(PR_SET_NAME, "lab-harness");
    close(entry->life);
    if (prepare(&lab, &error) == 0) {
        emit_ready(&lab);
        if (entry->report >= 0)
            close(entry->report);
        status = entry->body(&lab, entry->context) & 0xff;
    } else {
        if (entry->report >= 0 && dprintf(entry->report, "%s", error.text) < 0)
            errno = 0;
        cf_events_emit(log, "error", json_pack("{ss}", "text", error.text));
    }
    conclude(&lab);
    _exit(status);
}
