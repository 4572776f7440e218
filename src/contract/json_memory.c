#include "contract/json_memory.h"

#include <jansson.h>
#include <stdlib.h>

/* Of the whole process, as the library's allocator is. */
static bool starved;

static void *note_failure(size_t size)
{
    void *memory = malloc(size);
    starved = starved || memory == NULL;
    return memory;
}

void firma_json_watch(void)
{
    json_set_alloc_funcs(note_failure, free);
    starved = false;
}

bool firma_json_starved(void)
{
    return starved;
}
