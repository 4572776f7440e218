/* guardian_process.h - what the guardian does in its own process; private to guardian*.c. */
#ifndef FIRMA_GUARDIAN_PROCESS_H
#define FIRMA_GUARDIAN_PROCESS_H

#include "launcher/guardian.h"

/* What comes first on the channel: a report, or (kind 0) why there is no runner. */
struct firma_birth {
    struct firma_report report;
    struct firma_error error;
};

/* The whole life of the guardian, from the fork on. Never returns. */
void firma_guardian_live(const struct firma_guardian_config *config, pid_t launcher, int channel)
    __attribute__((noreturn));

#endif
