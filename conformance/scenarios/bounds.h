/* bounds.h - the stated windows and bounds: observe keeps them, judge names them. Milliseconds. */
#ifndef CF_BOUNDS_H
#define CF_BOUNDS_H

enum {
    CF_SETTLE_MS = 300, /* after a launch, nothing may be seen for so long */
    CF_LAUNCH_MS =
        60000,          /* a launch that takes longer than its steps may, and this, has timed out */
    CF_WORD_MS = 20000, /* so has a command that leaves a word of its script unanswered */
    CF_MACHINE_LAUNCH_MS = 300000, /* the same for a guest whose processor may be emulated: */
    CF_MACHINE_WORD_MS = 100000,   /* ten times slower, and it boots first */
    CF_REFUSAL_MS = 8000,          /* a refusal is said within this bound */
    CF_GONE_MS = 5000              /* after a kill, everything is gone within this bound */
};

#endif
