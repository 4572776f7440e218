/* symbols.c - an offset in a program of the cell's to the name of the function it is in. */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"

static const struct {
    const char *name, *path;
} programs[] = {{"firma-run", "/lab/bin/firma-run"},
                {"firma-ns-runner", "/lab/runner/firma-ns-runner"}};

/* The symbol of TABLE that OFFSET is in; NULL without one. */
static const char *search(const char *file, const ElfW(Shdr) * table, const char *names,
                          unsigned long offset)
{
    const ElfW(Sym) *symbol = (const void *)(file + table->sh_offset);
    const ElfW(Sym) *end = symbol + table->sh_size / sizeof *symbol;
    for (; symbol < end; symbol++)
        if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && offset >= symbol->st_value &&
            offset - symbol->st_value < symbol->st_size)
            return names + symbol->st_name;
    return NULL;
}

static void name_in(const char *file, unsigned long offset, char *out, size_t size)
{
    const ElfW(Ehdr) *head = (const void *)file;
    const ElfW(Shdr) *sections = (const void *)(file + head->e_shoff);
    for (unsigned i = 0; i < head->e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB)
            continue;
        const char *names = file + sections[sections[i].sh_link].sh_offset;
        const char *found = search(file, &sections[i], names, offset);
        if (found != NULL)
            snprintf(out, size, "%s", found);
    }
}

static void name_offset(const char *path, unsigned long offset, char *out, size_t size)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0)
        return;
    void *file = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (file == MAP_FAILED)
        return;
    name_in(file, offset, out, size);
    munmap(file, (size_t)info.st_size);
}

void fault_symbols_name(const char *caller, char *out, size_t size)
{
    char function[64] = "", program[40], name[64];
    unsigned long offset;
    const char *mark = strchr(caller, '<');
    snprintf(out, size, "%s", caller);
    if (mark == NULL || sscanf(mark + 1, "%39[^+]+%lx", program, &offset) != 2)
        return;
    snprintf(function, sizeof function, "%.*s", (int)(mark - caller), caller);
    snprintf(name, sizeof name, "%#lx", offset);
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        if (strcmp(programs[i].name, program) == 0)
            name_offset(programs[i].path, offset, name, sizeof name);
    snprintf(out, size, "%s<%s", function, name);
}
