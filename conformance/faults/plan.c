/* plan.c - which points a campaign tries. */
#include <stdio.h>
#include <string.h>

#include "campaign.h"

/* Of each group (an id without its last part, or two for calls), at most so many. 0: all. */
static const struct room {
    const char *prefix;
    size_t points;
} rooms[] = {
    {"call/plain/", 0},      {"call/terminal/", 120},
    {"interrupt/plain/", 0}, {"interrupt/terminal/", 20},
    {"kill/plain/", 14},     {"kill/terminal/", 6},
    {"alloc/", 0},           {"clock/", 20},
    {"sidecar/", 0},         {"limit/", 0},
};

void campaign_kind(const char *id, char out[32])
{
    snprintf(out, 32, "%.*s", (int)(strcspn(id, "/") < 31 ? strcspn(id, "/") : 31), id);
}

static size_t room_of(const char *id)
{
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++)
        if (strncmp(rooms[i].prefix, id, strlen(rooms[i].prefix)) == 0)
            return rooms[i].points;
    return 0;
}

/* What is counted together: "kill/plain/VICTIM/ROLE", "call/terminal/ROLE", "clock/PROGRAM/CLOCK".
 */
static size_t group_length(const char *id)
{
    size_t parts = strncmp(id, "kill/", 5) == 0 ? 4 : 3;
    const char *at = id;
    for (; parts > 0; parts--) {
        at += strcspn(at, "/");
        at += *at == '/';
    }
    return (size_t)(at - id);
}

static bool is_selected(const struct campaign *campaign, const char *id)
{
    char kind[32];
    if (campaign->kinds == NULL)
        return true;
    campaign_kind(id, kind);
    for (size_t i = 0; i < json_array_size(campaign->kinds); i++)
        if (strcmp(json_string_value(json_array_get(campaign->kinds, i)), kind) == 0)
            return true;
    return false;
}

static size_t group_size(const json_t *all, const char *id, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(all); i++)
        count += strncmp(json_string_value(json_array_get(all, i)), id, length) == 0;
    return count;
}

struct group {
    char name[FAULT_ID];
    size_t size, seen;
};

enum { GROUPS = 128 };

static struct group *group_of(struct group *groups, const json_t *all, const char *id)
{
    size_t length = group_length(id), i = 0;
    for (; i < GROUPS - 1 && groups[i].name[0] != '\0'; i++)
        if (strlen(groups[i].name) == length && strncmp(groups[i].name, id, length) == 0)
            return &groups[i];
    snprintf(groups[i].name, sizeof groups[i].name, "%.*s", (int)length, id);
    groups[i].size = group_size(all, id, length);
    return &groups[i];
}

/* Every SIZE/ROOM-th of a group: the one at which the quotient steps. */
static bool is_drawn(struct group *group, size_t room)
{
    size_t at = group->seen++;
    return room == 0 || group->size <= room ||
           at * room / group->size != (at + 1) * room / group->size;
}

json_t *campaign_sample(const struct campaign *campaign, const json_t *all)
{
    static struct group groups[GROUPS];
    json_t *chosen = json_array();
    memset(groups, 0, sizeof groups);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const char *id = json_string_value(json_array_get(all, i));
        bool drawn = campaign->points != NULL || campaign->full ||
                     is_drawn(group_of(groups, all, id), room_of(id));
        if (drawn && (campaign->points != NULL || is_selected(campaign, id)))
            json_array_append(chosen, json_array_get(all, i));
    }
    return chosen;
}
