/* pump.h - standard output through a process of the runner's, with one thing wrong. */
#ifndef FAKE_PUMP_H
#define FAKE_PUMP_H

enum fake_pump {
    FAKE_PUMP_SEVEN_BITS, /* the eighth bit is lost */
    FAKE_PUMP_HOARDS,     /* everything is taken, whoever reads it or not */
    FAKE_PUMP_TERMINAL    /* nothing, but that it stands before a terminal */
};

/* From here on, where standard output is a pipe (or, by name, a terminal). -1 and errno when that
 * cannot be. */
int fake_pump_start(enum fake_pump kind);
/* Waits for what is on its way. */
void fake_pump_end(void);

#endif
