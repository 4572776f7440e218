/* terminal.h - how wide a stream is. */
#ifndef CF_REPORT_TERMINAL_H
#define CF_REPORT_TERMINAL_H

#include <stddef.h>
#include <stdio.h>

/* The columns of the terminal behind OUT (at least 60), or USUAL when there is none. */
size_t cf_terminal_columns(FILE *out, size_t usual);

#endif
