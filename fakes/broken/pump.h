/* pump.h - a standard stream through a process of the runner's, with one thing wrong. */
#ifndef FAKE_PUMP_H
#define FAKE_PUMP_H

enum fake_pump {
    FAKE_PUMP_SEVEN_BITS, /* the eighth bit is lost */
    FAKE_PUMP_HOARDS,     /* everything is taken, whoever reads it or not */
    FAKE_PUMP_TERMINAL,   /* nothing, but that it stands before a terminal */
    FAKE_PUMP_GATHERS,    /* less than eight bytes and no line's end: it waits for more */
    FAKE_PUMP_TAILLESS    /* the rest behind the last line's end of a write waits, and is lost */
};

/* From here on, where standard output is a pipe (or, by name, the terminal it is in front of). -1
 * and errno when that cannot be. */
int fake_pump_start(enum fake_pump kind);
/* Standard input, where it is a pipe or no terminal's device: one that ends before anything came in
 * stays open. -1 and errno when that cannot be. */
int fake_pump_input(void);
/* Waits for what is on its way, and ends what feeds the input. */
void fake_pump_end(void);

#endif
