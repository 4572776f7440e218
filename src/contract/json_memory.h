/*
 * json_memory.h - whether the JSON library got all the memory it asked for.
 *
 * It does not always look: out of memory, its parser leaves a character out of a string and its
 * writer part of a key, and both go on. What is read or written between firma_json_watch() and a
 * firma_json_starved() that says false is whole.
 */
#ifndef FIRMA_JSON_MEMORY_H
#define FIRMA_JSON_MEMORY_H

#include <stdbool.h>

void firma_json_watch(void);
bool firma_json_starved(void);

#endif
