/* bounds.h - the stated windows and bounds: observe keeps them, judge names them. Milliseconds. */
#ifndef CF_BOUNDS_H
#define CF_BOUNDS_H

enum {
    CF_SETTLE_MS = 300,   /* after a launch, nothing may be seen for so long */
    CF_LAUNCH_MS = 60000, /* a launch that takes longer has timed out */
    CF_REFUSAL_MS = 8000, /* a refusal is said within this bound */
    CF_GONE_MS = 5000     /* after a kill, everything is gone within this bound */
};

#endif
