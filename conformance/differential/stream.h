/* stream.h - streams of bytes as lines of hexadecimal digits. */
#ifndef DIFFERENTIAL_STREAM_H
#define DIFFERENTIAL_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Turns the digits in TEXT into bytes, in place. The number of bytes, or SIZE_MAX: no such line. */
size_t stream_from_hex(char *text);
/* Writes SIZE bytes as digits; "-" for none. */
void stream_print_hex(FILE *out, const void *data, size_t size);

#endif
