/* stage_strike_linux.h - something happens to a lab while a command runs in it. */
#ifndef CF_STAGE_STRIKE_H
#define CF_STAGE_STRIKE_H

#include <stdbool.h>

#include "lab/lab.h"
#include "plan.h"

enum stage_trouble {
    TROUBLE_NONE,
    TROUBLE_SIGNAL,      /* an observer gets a signal once the command has been started */
    TROUBLE_UNOBSERVED,  /* the lab opens no observers at all */
    TROUBLE_NO_PROBE,    /* there is no probe in the lab */
    TROUBLE_SECRET_DIAL, /* somebody dials out with the sidecar's address, and logs nothing */
    TROUBLE_HARNESS      /* the harness is killed */
};

struct stage_trial {
    const char *name;
    enum stage_trouble trouble;
    enum cf_leg leg;      /* whose lab it happens in */
    const char *observer; /* TROUBLE_SIGNAL */
    int signal;
    const char *when;      /* the harness record that it follows; NULL: "command" */
    int status;            /* what the run must end with */
    const char *verdict;   /* of by.tcp4 */
    const char *reason[2]; /* one of these stands in the reason, a leg or a violation */
};

/* Forks the process that waits for the trial's record in the lab's harness log and then strikes.
 * Called in the lab's body; the process dies with it. */
int stage_strike(struct cf_lab *lab, int evidence_fd, const struct stage_trial *trial);

#endif
