#include "contract/json_memory.h"

#include <jansson.h>
#include <stddef.h>

/* Of the whole process, as the library's allocator is. */
static json_malloc_t allocate;
static bool starved;

static void *note_failure(size_t size)
{
    void *memory = allocate(size);
    starved = starved || memory == NULL;
    return memory;
}

void firma_json_watch(void)
{
    json_malloc_t taken;
    json_free_t release;
    json_get_alloc_funcs(&taken, &release);
    if (taken != note_failure) {
        allocate = taken;
        json_set_alloc_funcs(note_failure, release);
    }
    starved = false;
}

bool firma_json_starved(void)
{
    return starved;
}
