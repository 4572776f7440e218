#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/events.h"
#include "report/report.h"
#include "report/terminal.h"
#include "report/text.h"

#define CLEAR_LINE "\r\033[K"

void cf_report_progress_begin(struct cf_progress *progress, FILE *out)
{
    const char *term = getenv("TERM");
    bool able = term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
    *progress =
        (struct cf_progress){.out = out, .terminal = able && isatty(fileno(out)), .now = cf_now};
    progress->printed = progress->now();
}

void cf_report_progress(struct cf_progress *progress, const char *stage, const char *name,
                        size_t done, size_t total)
{
    uint64_t now = progress->now();
    char line[512];
    if (!progress->terminal &&
        now - progress->printed < (uint64_t)CF_PROGRESS_INTERVAL_MS * 1000000u)
        return;
    snprintf(line, sizeof line, "%s %s (%zu/%zu)…", stage, name, done, total);
    if (progress->terminal) {
        fputs(CLEAR_LINE, progress->out);
        /* One column less: writing the last one makes some terminals wrap. */
        cf_text_fit(progress->out, line, cf_terminal_columns(progress->out, 80) - 1, false);
    } else {
        cf_text_put(progress->out, CF_TEXT_PLAIN, line);
        fputc('\n', progress->out);
    }
    fflush(progress->out);
    progress->drawn = progress->terminal;
    progress->printed = now;
}

void cf_report_progress_end(struct cf_progress *progress)
{
    if (!progress->drawn)
        return;
    fputs(CLEAR_LINE, progress->out);
    fflush(progress->out);
    progress->drawn = false;
}
