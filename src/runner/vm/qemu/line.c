/*
 * What QEMU is told. `-nodefaults -no-user-config` first: what is not named here does not exist, no
 * network device, no monitor, no second port. Its own seccomp filter forbids it to start programs.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/vm/images/images.h"
#include "runner/vm/init/init.h"
#include "runner/vm/qemu/qemu.h"

#if defined(__x86_64__)
#define PROGRAM "qemu-system-x86_64"
#define MACHINE "q35,smm=off,vmport=off,hpet=off,usb=off,graphics=off"
#define CONSOLE "console=ttyS0"
/* An emulated machine on a busy host: no clock may be found wanting for having come late. */
#define CLOCKS " tsc=unstable no_timer_check"
#elif defined(__aarch64__)
#define PROGRAM "qemu-system-aarch64"
#define MACHINE "virt,usb=off"
#define CONSOLE "console=ttyAMA0"
#define CLOCKS  ""
#else
#error "name this machine's QEMU here"
#endif

#if defined(__linux__)
#define DESCRIPTORS "/proc/self/fd/"
#else
#define DESCRIPTORS "/dev/fd/"
#endif

static const char *const programs[] = {"/usr/bin/" PROGRAM, "/usr/local/bin/" PROGRAM,
                                       "/opt/homebrew/bin/" PROGRAM};
static const char *const servers[] = {"/usr/lib/qemu/virtiofsd"};

static const char *find(const char *const *places, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

__attribute__((format(printf, 2, 3))) static void add(struct firma_qemu_line *line,
                                                      const char *format, ...)
{
    va_list list;
    if (line->failed || line->count == FIRMA_QEMU_WORDS) {
        line->failed = true;
        return;
    }
    va_start(list, format);
    line->failed = vasprintf(&line->words[line->count], format, list) < 0;
    va_end(list);
    if (line->failed)
        line->words[line->count] = NULL;
    else
        line->count++;
}

static void add_option(struct firma_qemu_line *line, const char *option, const char *value)
{
    add(line, "%s", option);
    add(line, "%s", value);
}

/* The images are read by descriptor: what was verified is what boots. */
static void add_images(struct firma_qemu_line *line, const int *images)
{
    add(line, "-kernel");
    add(line, DESCRIPTORS "%d", images[FIRMA_VM_KERNEL]);
    add(line, "-initrd");
    add(line, DESCRIPTORS "%d", images[FIRMA_VM_INITRD]);
    add_option(line, "-append", CONSOLE " quiet loglevel=4 panic=-1 oops=panic" CLOCKS);
    add(line, "-drive");
    add(line,
        "if=none,id=root,format=raw,readonly=on,file.driver=file,file.locking=off,"
        "file.filename=" DESCRIPTORS "%d",
        images[FIRMA_VM_ROOTFS]);
    add_option(line, "-device", "virtio-blk-pci,drive=root");
}

static void add_machine(struct firma_qemu_line *line, const struct firma_vmm_spec *spec)
{
    add_option(line, "-name", "firma-guest");
    add(line, "-nodefaults");
    add(line, "-no-user-config");
    add(line, "-no-reboot");
    add_option(line, "-display", "none");
    add_option(line, "-monitor", "none");
    add_option(line, "-sandbox",
               "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    add_option(line, "-machine", MACHINE ",memory-backend=memory");
    add_option(line, "-accel", firma_vm_accelerator_name(spec->accelerator));
    add_option(line, "-cpu", spec->accelerator == FIRMA_VM_TCG ? "max" : "host");
    add(line, "-smp");
    add(line, "%u", spec->processors);
    add(line, "-m");
    add(line, "%u", spec->memory_mib);
    add(line, "-object");
    add(line, "memory-backend-memfd,id=memory,size=%uM,share=on", spec->memory_mib);
    add_option(line, "-rtc", "base=utc");
}

static void add_roads(struct firma_qemu_line *line, const struct firma_vmm_spec *spec, int shares)
{
    /* The first standard descriptor is empty and the second is the log. */
    add_option(line, "-chardev", "stdio,id=log,signal=off");
    add_option(line, "-serial", "chardev:log");
    add(line, "-chardev");
    add(line, "socket,id=channel,fd=%d", spec->channel);
    add_option(line, "-device", "virtio-serial-pci,max_ports=2");
    add_option(line, "-device", "virtserialport,nr=1,chardev=channel,name=" FIRMA_INIT_PORT);
    if (shares < 0)
        return;
    add(line, "-chardev");
    add(line, "socket,id=shares,fd=%d", shares);
    add_option(line, "-device", "vhost-user-fs-pci,chardev=shares,tag=" FIRMA_INIT_SHARES);
}

static int check(struct firma_qemu_line *line, struct firma_error *err)
{
    if (!line->failed)
        return 0;
    firma_qemu_line_clear(line);
    return firma_fail(err, FIRMA_E_MEMORY, 0, "machine's command line");
}

int firma_qemu_describe(const struct firma_vmm_spec *spec, int shares, struct firma_qemu_line *line,
                        struct firma_error *err)
{
    const char *program = find(programs, sizeof programs / sizeof programs[0]);
    if (program == NULL)
        return firma_fail(err, FIRMA_E_SPAWN, 0, PROGRAM " is not installed");
    add(line, "%s", program);
    add_machine(line, spec);
    add_images(line, spec->images);
    add_roads(line, spec, shares);
    return check(line, err);
}

int firma_qemu_describe_shares(int listener, const char *directory, struct firma_qemu_line *line,
                               struct firma_error *err)
{
    const char *program = find(servers, sizeof servers / sizeof servers[0]);
    if (program == NULL)
        return firma_fail(err, FIRMA_E_SPAWN, 0, "virtiofsd is not installed");
    add(line, "%s", program);
    add(line, "-f");
    add(line, "--fd=%d", listener);
    add(line, "-o");
    add(line, "source=%s", directory);
    add_option(line, "-o",
               "sandbox=namespace,cache=auto,no_writeback,log_level=warn,"
               "announce_submounts");
    return check(line, err);
}

void firma_qemu_line_clear(struct firma_qemu_line *line)
{
    for (size_t i = 0; i < line->count; i++)
        free(line->words[i]);
    *line = (struct firma_qemu_line){.count = 0};
}
