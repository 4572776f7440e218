#include "report/report.h"

#include "report/output.h"
#include "report/rundir.h"
#include "report/scope.h"
#include "report/shown.h"

int cf_report_write(const char *dir, const json_t *result, struct cf_error *err)
{
    json_auto_t *clean = NULL;
    json_auto_t *notes = json_array();
    CF_AUTOCLOSE int fd = -1;
    int code = cf_shown_clean(&clean, result, err);
    if (code == 0)
        code = cf_rundir_open(dir, &fd, err);
    if (code == 0)
        code = cf_output_conformance(fd, clean, err);
    if (code == 0)
        code = cf_output_junit(fd, clean, err);
    if (code == 0)
        code = cf_output_capture(fd, notes, err);
    if (code == 0)
        code = cf_output_events(fd, notes, err);
    if (code == 0)
        code = cf_output_summary(fd, clean, notes, err);
    return code == 0 ? 0 : cf_wrap(err, "%s: report", dir);
}
