#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder.h"

#define PROOF_FILE "enforcement-proof.json"

static const char *type_name(mode_t mode)
{
    if (S_ISREG(mode))
        return "file";
    if (S_ISDIR(mode))
        return "directory";
    if (S_ISLNK(mode))
        return "link";
    if (S_ISSOCK(mode))
        return "socket";
    return S_ISFIFO(mode) ? "fifo" : "device";
}

/* lstat of NAME in DIR. `mode` is the permission bits, in octal, as ls and chmod say it. */
static json_t *status_at(int dir, const char *name, const char *label)
{
    struct stat info;
    char mode[8];
    json_t *entry = json_object();
    json_object_set_new(entry, "name", fake_string(label));
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
        json_object_set_new(entry, "error", json_string("cannot stat"));
        return entry;
    }
    snprintf(mode, sizeof mode, "%04o", (unsigned)info.st_mode & 07777);
    json_object_set_new(entry, "type", json_string(type_name(info.st_mode)));
    json_object_set_new(entry, "mode", json_string(mode));
    json_object_set_new(entry, "uid", json_integer(info.st_uid));
    json_object_set_new(entry, "gid", json_integer(info.st_gid));
    json_object_set_new(entry, "links", json_integer((json_int_t)info.st_nlink));
    json_object_set_new(entry, "size", json_integer((json_int_t)info.st_size));
    return entry;
}

/* Every entry of the directory but the contract itself. */
static json_t *neighbours(int dir, const char *contract)
{
    json_t *list = json_array();
    int copy = dup(dir);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, contract) != 0)
            json_array_append_new(list, status_at(dir, entry->d_name, entry->d_name));
    if (entries != NULL)
        closedir(entries);
    else if (copy >= 0)
        close(copy);
    return list;
}

/* The directories above PATH's own, the nearest first, "/" last. Cuts PATH up. */
static json_t *parents(char *path)
{
    json_t *list = json_array();
    char *slash;
    while ((slash = strrchr(path, '/')) != NULL && slash != path) {
        *slash = '\0';
        json_array_append_new(list, status_at(AT_FDCWD, path, path));
    }
    if (slash != NULL)
        json_array_append_new(list, status_at(AT_FDCWD, "/", "/"));
    return list;
}

json_t *fake_custody(const char *contract_path)
{
    char path[4097];
    json_t *custody = json_object();
    const char *last = strrchr(contract_path, '/');
    if (last == NULL || last == contract_path || strlen(contract_path) >= sizeof path)
        return custody;
    const char *name = last + 1;
    memcpy(path, contract_path, (size_t)(last - contract_path));
    path[last - contract_path] = '\0';
    json_object_set_new(custody, "contract", status_at(AT_FDCWD, contract_path, name));
    json_object_set_new(custody, "directory", status_at(AT_FDCWD, path, path));
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir >= 0) {
        json_object_set_new(custody, "contract_bytes", fake_file(dir, name));
        json_object_set_new(custody, "neighbours", neighbours(dir, name));
        json_object_set_new(custody, "proof_bytes", fake_file(dir, PROOF_FILE));
        close(dir);
    }
    json_object_set_new(custody, "parents", parents(path));
    return custody;
}
