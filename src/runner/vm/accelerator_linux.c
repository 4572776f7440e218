#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/vm/cache.h"
#include "runner/vm/machine.h"

#define FILE_NAME "accelerator"

enum { BOOT_ID = 37 };

static bool read_boot_id(char id[BOOT_ID])
{
    FIRMA_AUTOCLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    id[BOOT_ID - 1] = '\0';
    return fd >= 0 && read(fd, id, BOOT_ID - 1) == BOOT_ID - 1;
}

enum firma_vm_finding firma_vm_accelerator_known(int cache, enum firma_vm_accelerator accelerator)
{
    char id[BOOT_ID], text[128], expected[128];
    if (!read_boot_id(id) || !firma_vm_cache_read(cache, FILE_NAME, text, sizeof text))
        return FIRMA_VM_UNKNOWN;
    int length =
        snprintf(expected, sizeof expected, "%s %s ", id, firma_vm_accelerator_name(accelerator));
    if (strncmp(text, expected, (size_t)length) != 0)
        return FIRMA_VM_UNKNOWN;
    if (strcmp(text + length, "works\n") == 0)
        return FIRMA_VM_WORKS;
    return strcmp(text + length, "fails\n") == 0 ? FIRMA_VM_FAILS : FIRMA_VM_UNKNOWN;
}

void firma_vm_accelerator_learn(int cache, enum firma_vm_accelerator accelerator, bool works)
{
    char id[BOOT_ID], text[128];
    if (!read_boot_id(id))
        return;
    snprintf(text, sizeof text, "%s %s %s\n", id, firma_vm_accelerator_name(accelerator),
             works ? "works" : "fails");
    firma_vm_cache_write(cache, FILE_NAME, text);
}

void firma_vm_accelerator_forget(int cache)
{
    if (cache >= 0)
        (void)unlinkat(cache, FILE_NAME, 0);
}

bool firma_vm_accelerator_await(int channel, struct firma_vm_console *console, int limit_ms)
{
    int64_t deadline = firma_vm_now_ms() + limit_ms;
    struct pollfd polled[] = {{.fd = channel, .events = POLLIN},
                              {.fd = console->input, .events = POLLIN}};
    for (;;) {
        int64_t left = deadline - firma_vm_now_ms();
        if (left <= 0)
            return false;
        (void)poll(polled, 2, (int)left);
        if (polled[0].revents != 0)
            return (polled[0].revents & POLLIN) != 0 && (polled[0].revents & POLLHUP) == 0;
        if (polled[1].revents != 0 && !firma_vm_console_serve(console))
            polled[1].fd = -1;
    }
}
