/* made.h - a small run made by hand, in which every leg of by.tcp4 holds. */
#ifndef CF_MADE_H
#define CF_MADE_H

#include "bundle.h"

#define MADE_INVOCATION "00112233445566778899aabbccddeeff"
#define MADE_CONTROL    "c0c0a1e9c1127d9599a709ce00a1b2c3"
#define MADE_ATTEMPT    "a77e3b07766780945b2358483f0e1d2c"
#define MADE_BEFORE     "be4054d4d5c99fa6a906e7707ca6b4b1"
#define MADE_AFTER      "af7efaf4f0224c62086621e16c210cb2"
#define MADE_FAULT      "fa0193c99519b0941191c1f302bbfcf5"

/* Planned: by.tcp4. Sealed; judged as it is, it passes. */
void made_run(struct bundle *bundle);

#endif
