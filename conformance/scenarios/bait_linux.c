#include "scenarios/bait.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"

enum { CONTENT = 4096, LETTER = 256, MEMORY = 4096 };

/* A bait is what a technique aims at; these are the ones that aim at any. */
struct bait {
    const char *technique;
    int (*plant)(struct cf_stage *stage, const struct cf_plan_row *planned, struct cf_error *err);
    void (*record)(struct cf_stage *stage, const struct cf_plan_row *planned);
};

static void value(const struct cf_plan_row *planned, const char *key, char *out, size_t size)
{
    out[0] = '\0';
    cf_plan_value(planned->row->attempt, key, "", out, size);
}

static void record(struct cf_stage *stage, const char *what, const void *data, size_t length)
{
    cf_events_emit(
        stage->events, "file",
        json_pack("{ssso}", "path", what, "data", cf_events_data(data, length, CONTENT)));
}

/* ---- files ---- */

static int plant_file(const char *path, mode_t mode, const char *content, struct cf_error *err)
{
    char folder[256];
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    size_t length = strlen(content);
    bool done = fd >= 0 && fchmod(fd, mode) == 0 && write(fd, content, length) == (ssize_t)length;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    return done ? 0 : cf_fail(err, CF_E_SYSTEM, saved, "%s", path);
}

static bool writes(const struct cf_plan_row *planned)
{
    char what[16];
    value(planned, "do", what, sizeof what);
    return strcmp(what, "write") == 0;
}

static int plant_reach(struct cf_stage *stage, const struct cf_plan_row *planned,
                       struct cf_error *err)
{
    char path[256], secret[CF_SECRET_TEXT] = "";
    value(planned, "path", path, sizeof path);
    if (writes(planned))
        return plant_file(path, 0666, "", err);
    cf_secret(planned->nonce[stage->leg], secret);
    return plant_file(path, 0644, secret, err);
}

static int plant_writable(struct cf_stage *stage, const struct cf_plan_row *planned,
                          struct cf_error *err)
{
    char path[256];
    (void)stage;
    value(planned, "path", path, sizeof path);
    if (strncmp(path, "/lab/readonly/", 14) == 0)
        return 0; /* the stage's own */
    return plant_file(path, 0666, "", err);
}

/* The image that the guest's disk is made of is there already. */
static int plant_nothing(struct cf_stage *stage, const struct cf_plan_row *planned,
                         struct cf_error *err)
{
    (void)stage, (void)planned, (void)err;
    return 0;
}

static void record_file(struct cf_stage *stage, const struct cf_plan_row *planned)
{
    char path[256], content[CONTENT];
    value(planned, "path", path, sizeof path);
    bool reads = strncmp(planned->row->attempt, "reach ", 6) == 0 && !writes(planned);
    if (reads || strncmp(path, "/lab/readonly/", 14) == 0)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t got = fd < 0 ? -1 : read(fd, content, sizeof content);
    record(stage, path, content, got > 0 ? (size_t)got : 0);
    if (fd >= 0)
        close(fd);
}

/* ---- objects of the kernel's ---- */

static key_t key_of(const struct cf_plan_row *planned)
{
    char text[32];
    value(planned, "key", text, sizeof text);
    return (key_t)strtol(text, NULL, 10);
}

static int plant_queue(struct cf_stage *stage, const struct cf_plan_row *planned,
                       struct cf_error *err)
{
    (void)stage;
    if (msgget(key_of(planned), IPC_CREAT | IPC_EXCL | 0666) >= 0)
        return 0;
    return cf_fail(err, CF_E_SYSTEM, errno, "a message queue");
}

static void record_queue(struct cf_stage *stage, const struct cf_plan_row *planned)
{
    struct {
        long type;
        char text[LETTER];
    } letter;
    int queue = msgget(key_of(planned), 0);
    for (int i = 0; i < 16; i++) {
        ssize_t got = msgrcv(queue, &letter, sizeof letter.text, 0, IPC_NOWAIT | MSG_NOERROR);
        if (got < 0)
            return;
        record(stage, "message queue", letter.text, (size_t)got);
    }
}

static int plant_memory(struct cf_stage *stage, const struct cf_plan_row *planned,
                        struct cf_error *err)
{
    (void)stage;
    if (shmget(key_of(planned), MEMORY, IPC_CREAT | IPC_EXCL | 0666) >= 0)
        return 0;
    return cf_fail(err, CF_E_SYSTEM, errno, "shared memory");
}

static void record_memory(struct cf_stage *stage, const struct cf_plan_row *planned)
{
    void *memory = shmat(shmget(key_of(planned), 0, 0), NULL, SHM_RDONLY);
    if (memory == (void *)-1)
        return;
    record(stage, "shared memory", memory, LETTER);
    shmdt(memory);
}

static mqd_t open_posix(const struct cf_plan_row *planned, int flags)
{
    char name[64];
    struct mq_attr limits = {.mq_maxmsg = 8, .mq_msgsize = LETTER};
    value(planned, "name", name, sizeof name);
    return mq_open(name, flags | O_NONBLOCK | O_CLOEXEC, 0666, &limits);
}

static int plant_posix(struct cf_stage *stage, const struct cf_plan_row *planned,
                       struct cf_error *err)
{
    (void)stage;
    mode_t before = umask(0);
    mqd_t queue = open_posix(planned, O_RDONLY | O_CREAT | O_EXCL);
    int saved = errno;
    umask(before);
    if (queue == (mqd_t)-1)
        return cf_fail(err, CF_E_SYSTEM, saved, "a POSIX message queue");
    mq_close(queue);
    return 0;
}

static void record_posix(struct cf_stage *stage, const struct cf_plan_row *planned)
{
    char text[LETTER];
    mqd_t queue = open_posix(planned, O_RDONLY);
    for (int i = 0; i < 16 && queue != (mqd_t)-1; i++) {
        ssize_t got = mq_receive(queue, text, sizeof text, NULL);
        if (got < 0)
            break;
        record(stage, "POSIX message queue", text, (size_t)got);
    }
    if (queue != (mqd_t)-1)
        mq_close(queue);
}

static const struct bait baits[] = {
    {"reach", plant_reach, record_file},        {"write-file", plant_writable, record_file},
    {"sysv-queue", plant_queue, record_queue},  {"sysv-memory", plant_memory, record_memory},
    {"posix-queue", plant_posix, record_posix}, {"disk", plant_nothing, record_file},
};

static const struct bait *bait_of(const struct cf_plan_row *planned)
{
    const char *attempt = planned->row->attempt;
    size_t length = strcspn(attempt, " ");
    for (size_t i = 0; i < sizeof baits / sizeof baits[0]; i++)
        if (strlen(baits[i].technique) == length &&
            strncmp(baits[i].technique, attempt, length) == 0)
            return &baits[i];
    return NULL;
}

int cf_bait_plant(struct cf_stage *stage, struct cf_error *err)
{
    int failed = 0;
    for (size_t i = 0; i < stage->launch->count && failed == 0; i++) {
        const struct bait *bait = bait_of(&stage->launch->rows[i]);
        if (bait != NULL)
            failed = bait->plant(stage, &stage->launch->rows[i], err);
    }
    return failed;
}

void cf_bait_record(struct cf_stage *stage)
{
    for (size_t i = 0; i < stage->launch->count; i++) {
        const struct bait *bait = bait_of(&stage->launch->rows[i]);
        if (bait != NULL)
            bait->record(stage, &stage->launch->rows[i]);
    }
}
