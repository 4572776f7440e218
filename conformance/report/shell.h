/* shell.h - words as a shell reads them back, byte for byte, and safe to print. */
#ifndef CF_REPORT_SHELL_H
#define CF_REPORT_SHELL_H

#include <stdio.h>

/* Writes WORD bare, in single quotes, or, when it is not printable ASCII, as $'…' with \xHH. */
void cf_shell_put(FILE *out, const char *word);

#endif
