#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder.h"

extern char **environ;

json_t *fake_arguments(char **argv)
{
    json_t *list = json_array();
    for (; *argv != NULL; argv++)
        json_array_append_new(list, fake_string(*argv));
    return list;
}

/* A list of NAME=VALUE, not a map: a name may come twice, or without a value. */
json_t *fake_environment(void)
{
    return fake_arguments(environ);
}

static json_t *groups(void)
{
    gid_t ids[1024];
    int count = getgroups(sizeof ids / sizeof ids[0], ids);
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_integer(ids[i]));
    return list;
}

json_t *fake_process(void)
{
    char cwd[4096];
    mode_t mask = umask(0);
    umask(mask);
    json_t *process = json_object();
    json_object_set_new(process, "pid", json_integer(getpid()));
    json_object_set_new(process, "ppid", json_integer(getppid()));
    json_object_set_new(process, "pgid", json_integer(getpgrp()));
    json_object_set_new(process, "sid", json_integer(getsid(0)));
    json_object_set_new(process, "uid", json_integer(getuid()));
    json_object_set_new(process, "euid", json_integer(geteuid()));
    json_object_set_new(process, "gid", json_integer(getgid()));
    json_object_set_new(process, "egid", json_integer(getegid()));
    json_object_set_new(process, "groups", groups());
    json_object_set_new(process, "umask", json_integer(mask));
    json_object_set_new(process, "cwd", fake_string(getcwd(cwd, sizeof cwd)));
    return process;
}

static const struct {
    const char *name;
    int resource;
} limits[] = {
    {"as", RLIMIT_AS},         {"core", RLIMIT_CORE},   {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},     {"fsize", RLIMIT_FSIZE}, {"memlock", RLIMIT_MEMLOCK},
    {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"stack", RLIMIT_STACK},
};

/* -1 stands for no limit. */
static json_t *limit_value(rlim_t value)
{
    return json_integer(value == RLIM_INFINITY ? -1 : (json_int_t)value);
}

json_t *fake_limits(void)
{
    json_t *all = json_object();
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct rlimit limit;
        if (getrlimit(limits[i].resource, &limit) < 0)
            continue;
        json_t *pair = json_array();
        json_array_append_new(pair, limit_value(limit.rlim_cur));
        json_array_append_new(pair, limit_value(limit.rlim_max));
        json_object_set_new(all, limits[i].name, pair);
    }
    return all;
}
