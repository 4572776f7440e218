#include "runner/vm/console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "contract/custody.h"

#define PANIC "Kernel panic - not syncing"

enum { STEP = 4096, STEPS = 16 };

static int open_log_dir(const struct firma_contract *contract, const char *path,
                        struct firma_error *err)
{
    char real[PATH_MAX];
    const char *const guarded[] = {real};
    if (realpath(path, real) == NULL)
        return firma_fail(err, FIRMA_E_CONFIG, errno, FIRMA_VM_OPTIONS_FILE ": log_dir");
    int result =
        firma_contract_check_mounts(contract->mounts, contract->mount_count, guarded, 1, err);
    if (result == 0)
        result = firma_custody_parents(real, err);
    FIRMA_AUTOCLOSE int fd =
        result < 0 ? result : open(real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (result == 0)
        result = fd < 0 ? firma_fail(err, FIRMA_E_SYSTEM, errno, "log_dir")
                        : firma_custody_private_dir(fd, "log_dir", err);
    if (result < 0)
        return firma_wrap(err, FIRMA_VM_OPTIONS_FILE);
    result = fd;
    fd = -1;
    return result;
}

static int open_file(const struct firma_contract *contract, const struct firma_vm_options *options,
                     struct firma_error *err)
{
    char name[FIRMA_UUID_SIZE + 8];
    bool stays = options->log_dir[0] != '\0';
    FIRMA_AUTOCLOSE int dir = stays
                                  ? open_log_dir(contract, options->log_dir, err)
                                  : open(contract->runtime_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return stays ? dir : firma_fail(err, FIRMA_E_SYSTEM, errno, "runtime_dir");
    snprintf(name, sizeof name, "%s.log", contract->sandbox_id);
    int fd = openat(dir, stays ? name : FIRMA_VM_LOG_NAME,
                    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : firma_fail(err, FIRMA_E_SYSTEM, errno, "the machine's log");
}

int firma_vm_console_open(const struct firma_contract *contract,
                          const struct firma_vm_options *options, struct firma_vm_console *out,
                          struct firma_error *err)
{
    int ends[2];
    FIRMA_AUTOCLOSE int file = open_file(contract, options, err);
    if (file < 0)
        return file;
    if (pipe(ends) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "the machine's log");
    *out = (struct firma_vm_console){.input = ends[0], .output = ends[1], .file = file};
    file = -1;
    if (fcntl(ends[0], F_SETFD, FD_CLOEXEC) < 0 || fcntl(ends[1], F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
        int saved = errno;
        firma_vm_console_close(out);
        return firma_fail(err, FIRMA_E_SYSTEM, saved, "the machine's log");
    }
    return 0;
}

static void end_line(struct firma_vm_console *console)
{
    bool blank = strspn(console->line, " ") == console->used;
    /* A kernel goes on talking after its panic, but says nothing more. */
    bool final = strstr(console->last, PANIC) != NULL && strstr(console->line, PANIC) == NULL;
    if (!blank && !final)
        memcpy(console->last, console->line, sizeof console->last);
    console->used = 0;
    console->line[0] = '\0';
}

/* Firmware clears screens: an escape sequence (ECMA-48) is no part of what was said. True while
 * BYTE belongs to one. */
static bool is_escape(struct firma_vm_console *console, char byte)
{
    switch (console->escape) {
    case FIRMA_VM_ESCAPE_NONE:
        if (byte == '\033')
            console->escape = FIRMA_VM_ESCAPE_BEGUN;
        return byte == '\033';
    case FIRMA_VM_ESCAPE_BEGUN:
        console->escape = byte == '[' ? FIRMA_VM_ESCAPE_CONTROL : FIRMA_VM_ESCAPE_NONE;
        return true;
    default:
        if (byte >= 0x40 && byte < 0x7f)
            console->escape = FIRMA_VM_ESCAPE_NONE;
        return true;
    }
}

/* The line may end up on a terminal: nothing but printable characters passes. */
static void remember(struct firma_vm_console *console, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\n') {
            console->escape = FIRMA_VM_ESCAPE_NONE;
            end_line(console);
        } else if (!is_escape(console, bytes[i]) && bytes[i] != '\r' &&
                   console->used + 1 < sizeof console->line) {
            console->line[console->used++] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '?';
            console->line[console->used] = '\0';
        }
    }
}

/* That a log cannot be written is no reason to end a machine. */
static void keep(struct firma_vm_console *console, const char *bytes, size_t count)
{
    if (console->kept == FIRMA_VM_LOG_MAX)
        return;
    size_t room = FIRMA_VM_LOG_MAX - console->kept;
    size_t part = count < room ? count : room;
    (void)!write(console->file, bytes, part);
    console->kept += part;
    if (console->kept == FIRMA_VM_LOG_MAX)
        firma_vm_console_note(console, "what the machine says from here on is not kept");
}

bool firma_vm_console_serve(struct firma_vm_console *console)
{
    char bytes[STEP];
    bool any = false;
    for (int i = 0; i < STEPS; i++) {
        ssize_t got = read(console->input, bytes, sizeof bytes);
        if (got == 0) { /* nobody is left who could say something; poll(2) would not tire of that */
            close(console->input);
            console->input = -1;
        }
        if (got <= 0)
            break;
        any = true;
        keep(console, bytes, (size_t)got);
        remember(console, bytes, (size_t)got);
    }
    return any;
}

const char *firma_vm_console_last(struct firma_vm_console *console)
{
    /* Bounded: a machine that is still talking has no last word. */
    for (int i = 0; i < STEPS && firma_vm_console_serve(console); i++)
        ;
    if (console->used > 0)
        end_line(console);
    return console->last;
}

void firma_vm_console_note(struct firma_vm_console *console, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    dprintf(console->file, "\nfirma-vm-runner: ");
    vdprintf(console->file, format, list);
    dprintf(console->file, "\n");
    va_end(list);
}

void firma_vm_console_close(struct firma_vm_console *console)
{
    const int mine[] = {console->input, console->output, console->file};
    for (size_t i = 0; i < sizeof mine / sizeof mine[0]; i++)
        if (mine[i] >= 0)
            close(mine[i]);
    *console = (struct firma_vm_console){.input = -1, .output = -1, .file = -1};
}
