/*
 * counters.c - keeps gcov's counters in a file that all processes of one program share.
 *
 * gcov writes its counters when a process ends by exit(3). What is measured here ends by _exit,
 * exec and SIGKILL, in other roots and as other users, and nothing it prints may change. So the
 * counters, which counters.ld puts on pages of their own, are replaced by a shared mapping before
 * main begins: whatever a process or its forks count is in the file at once, however they end.
 * The file is named by the program's build id; a copy of a program counts for the original.
 *
 * Pid 1 of a guest kernel can open no file of the host's before its shared directories are there,
 * and is killed with its machine. Its counters stay in memory, shared with its forks, and are
 * added, when the command has ended, to the file of that name in whichever share has one (it makes
 * none). What a machine does that fails before, is not counted.
 *
 * Started with FIRMA_COUNTERS=dump a program does nothing but write its file's numbers as .gcda.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gcov.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the folder is: as built, else as a lab's root has it (its writable mounts are its own). */
static const char *const FOLDERS[] = {FIRMA_COUNTERS_DIR, "/lab/counters"};

extern char firma_counters_begin[], firma_counters_end[];
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

int __real_main(int argc, char **argv, char **envp);
int __wrap_main(int argc, char **argv, char **envp);
void __real_sync(void);
void __wrap_sync(void);
int __real_reboot(int how);
int __wrap_reboot(int how);
void __real___gcov_exit(void);
void __wrap___gcov_exit(void);

/* Writing at exit is what would be lost, or heard, in a lab. */
void __wrap___gcov_exit(void)
{
}

static void name_from_note(const unsigned char *id, size_t size, char *name)
{
    for (size_t i = 0; i < size && i < 20; i++)
        sprintf(name + 2 * i, "%02x", id[i]);
}

/* The GNU build id: a note of the owner "GNU" (elf(5)). */
static void build_id(char name[41])
{
    const char *base = (const char *)&__ehdr_start;
    const ElfW(Phdr) *header = (const ElfW(Phdr) *)(base + __ehdr_start.e_phoff);
    for (int i = 0; i < __ehdr_start.e_phnum; i++, header++) {
        if (header->p_type != PT_NOTE)
            continue;
        /* Addresses in the headers are relative where the program is, as usual, position
         * independent. */
        const char *at =
            __ehdr_start.e_type == ET_DYN ? base + header->p_vaddr : (const char *)header->p_vaddr;
        const char *end = at + header->p_memsz;
        while (at + sizeof(ElfW(Nhdr)) < end) {
            const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
            const char *owner = at + sizeof *note;
            const char *id = owner + (note->n_namesz + 3) / 4 * 4;
            if (note->n_type == NT_GNU_BUILD_ID && memcmp(owner, "GNU", 4) == 0)
                name_from_note((const unsigned char *)id, note->n_descsz, name);
            at = id + (note->n_descsz + 3) / 4 * 4;
        }
    }
}

static int open_file(const char *name, size_t size, bool create)
{
    for (size_t i = 0; i < sizeof FOLDERS / sizeof FOLDERS[0]; i++) {
        char path[4096];
        struct stat state;
        snprintf(path, sizeof path, "%s/%s", FOLDERS[i], name);
        int fd = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0666);
        if (fd < 0)
            continue;
        fchmod(fd, 0666); /* whoever comes first makes it for all users; the others may not */
        if (fstat(fd, &state) == 0 && (state.st_size >= (off_t)size || ftruncate(fd, size) == 0))
            return fd;
        close(fd);
    }
    return -1;
}

static size_t counters_size(void)
{
    return (size_t)(firma_counters_end - firma_counters_begin);
}

/* 0, or -1: then this process and its forks count for themselves, and nobody learns of it. */
static int share_counters(bool create)
{
    size_t size = counters_size();
    char name[41] = "";
    build_id(name);
    int fd = size == 0 || name[0] == '\0' ? -1 : open_file(name, size, create);
    int flags = MAP_SHARED | MAP_FIXED | (fd < 0 ? MAP_ANONYMOUS : 0);
    if (size == 0 ||
        mmap(firma_counters_begin, size, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED)
        abort();
    if (fd >= 0)
        close(fd);
    return fd >= 0 ? 0 : -1;
}

/* ---- pid 1 of a machine ---- */

static const char place[] = "/counters";
static bool alone; /* this is one: no file could be opened */

/* Adds to FD's numbers what ours have grown by since the last time. */
static void add_to(int fd, uint64_t *told)
{
    const uint64_t *ours = (const uint64_t *)firma_counters_begin;
    for (size_t i = 0; i < counters_size() / sizeof *ours; i++) {
        uint64_t sum = 0, now = __atomic_load_n(&ours[i], __ATOMIC_RELAXED);
        off_t at = (off_t)(i * sizeof sum);
        if (now == told[i] || pread(fd, &sum, sizeof sum, at) < 0)
            continue;
        sum += now - told[i];
        if (pwrite(fd, &sum, sizeof sum, at) == (ssize_t)sizeof sum)
            told[i] = now;
    }
}

static int find_file(void)
{
    char name[41] = "", path[80];
    int fd = -1;
    build_id(name);
    for (int share = 0; fd < 0 && share < 32; share++) {
        snprintf(path, sizeof path, "%s/%d/%s", place, share, name);
        fd = open(path, O_RDWR | O_CLOEXEC);
    }
    return fd;
}

/* The last thing before the host hears of the end, and kills the machine; the command's own mount
 * of the same shares has gone with it. */
static void tell_host(void)
{
    static uint64_t *told;
    if (told == NULL)
        told = calloc(counters_size(), 1);
    if (told == NULL || (mkdir(place, 0700) < 0 && errno != EEXIST) ||
        mount("firma", place, "virtiofs", 0, NULL) < 0)
        return;
    int fd = find_file();
    if (fd >= 0) {
        add_to(fd, told);
        close(fd);
    }
    umount2(place, 0);
}

void __wrap_sync(void)
{
    if (alone)
        tell_host();
    __real_sync();
}

int __wrap_reboot(int how)
{
    if (alone)
        tell_host();
    return __real_reboot(how);
}

int __wrap_main(int argc, char **argv, char **envp)
{
    const char *order = getenv("FIRMA_COUNTERS");
    bool dump = order != NULL && strcmp(order, "dump") == 0;
    int saved = errno;
    int shared = share_counters(!dump);
    if (shared != 0 && !dump && getpid() == 1)
        alone = true;
    errno = saved;
    if (!dump)
        return __real_main(argc, argv, envp);
    if (shared == 0)
        __real___gcov_exit();
    return shared == 0 ? 0 : 1;
}
