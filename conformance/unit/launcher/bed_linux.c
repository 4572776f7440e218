#include "bed.h"

#include <sys/prctl.h>

void bed_adopt_orphans(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}
