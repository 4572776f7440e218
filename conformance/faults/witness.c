/*
 * witness.c - the command of every launch: writes to ./marker how it finds itself confined, and
 * exits 42. Static, so that nothing but the runner decides whether it starts. The first line is the
 * time it began, the last one "end"; what lies between is the same in every sound launch.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { EXIT = 42, PATIENCE_S = 3, MOUNTS = 512 };

static FILE *report;

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines of FILE that begin with one of WORDS (NULL: all of them). */
static void quote(const char *path, const char *const *words)
{
    char line[1024];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fprintf(report, "%s: %s\n", path, strerror(errno));
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        for (size_t i = 0; words[i] != NULL; i++)
            if (strncmp(line, words[i], strlen(words[i])) == 0)
                fputs(line, report);
    if (file != NULL)
        fclose(file);
}

/* Namespaces by number, for the judge: none may be the host's. */
static void tell_namespaces(void)
{
    static const char *const names[] = {"user", "pid", "mnt", "net", "ipc", "uts", "cgroup"};
    char path[64], link[64];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
        ssize_t length = readlink(path, link, sizeof link - 1);
        link[length < 0 ? 0 : length] = '\0';
        fprintf(report, "namespace %s\n", link);
    }
}

struct mount {
    char target[1024];
    char options[256];
    size_t number;
};

/* What lies on one another stays in order. */
static int by_target(const void *a, const void *b)
{
    const struct mount *one = a, *other = b;
    int order = strcmp(one->target, other->target);
    return order != 0 ? order : one->number < other->number ? -1 : 1;
}

/* Mount points with their options. Identities of file systems differ from launch to launch, and so
 * does the order of what is mounted side by side. */
static void tell_mounts(void)
{
    static struct mount mounts[MOUNTS];
    char line[2048];
    size_t count = 0;
    FILE *file = fopen("/proc/self/mountinfo", "r");
    while (file != NULL && count < MOUNTS && fgets(line, sizeof line, file) != NULL) {
        struct mount *mount = &mounts[count];
        mount->number = count;
        count += sscanf(line, "%*s %*s %*s %*s %1023s %255s", mount->target, mount->options) == 2;
    }
    if (file != NULL)
        fclose(file);
    qsort(mounts, count, sizeof *mounts, by_target);
    for (size_t i = 0; i < count; i++)
        fprintf(report, "mount %s %s\n", mounts[i].target, mounts[i].options);
}

static void tell_names(const char *title, const char *path)
{
    char *names[512];
    size_t count = 0;
    DIR *list = opendir(path);
    for (struct dirent *entry; list != NULL && count < 512 && (entry = readdir(list)) != NULL;)
        names[count++] = strdup(entry->d_name);
    if (list != NULL)
        closedir(list);
    qsort(names, count, sizeof *names, by_text);
    fprintf(report, "%s", title);
    for (size_t i = 0; i < count; i++)
        fprintf(report, " %s", names[i]);
    fputc('\n', report);
}

/* The names in /proc/net/dev; its counters are of no interest. */
static void tell_interfaces(void)
{
    char line[512], name[64];
    FILE *file = fopen("/proc/net/dev", "r");
    fputs("interfaces", report);
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strchr(line, '|') == NULL && sscanf(line, " %63[^:]", name) == 1)
            fprintf(report, " %s", name);
    fputc('\n', report);
    if (file != NULL)
        fclose(file);
}

static void tell_descriptors(void)
{
    struct stat info;
    fputs("descriptors", report);
    for (int fd = 0; fd < 1024; fd++)
        if (fd != fileno(report) && fstat(fd, &info) == 0)
            fprintf(report, " %d", fd);
    fputc('\n', report);
}

static void tell_environment(void)
{
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    qsort(environ, count, sizeof *environ, by_text);
    for (size_t i = 0; i < count; i++)
        fprintf(report, "variable %.*s\n", (int)strcspn(environ[i], "="), environ[i]);
}

static void tell_self(void)
{
    static const char *const words[] = {
        "Uid:",   "Gid:",   "Groups:", "Cap",    "NoNewPrivs:", "Seccomp", "SigPnd",
        "SigBlk", "SigIgn", "SigCgt",  "ShdPnd", "Umask:",      NULL};
    char text[1024] = "";
    quote("/proc/self/status", words);
    fprintf(report, "directory %s\n", getcwd(text, sizeof text));
    gethostname(text, sizeof text);
    fprintf(report, "host %s, pid %ld, parent %ld, dumpable %d\n", text, (long)getpid(),
            (long)getppid(), prctl(PR_GET_DUMPABLE));
    fprintf(report, "init's memory: %s\n",
            open("/proc/1/mem", O_RDONLY) < 0 ? strerror(errno) : "open");
    /* KEYCTL_DESCRIBE of KEY_SPEC_SESSION_KEYRING: "type;uid;gid;permissions;name" */
    long length = syscall(SYS_keyctl, 6, -3, text, sizeof text);
    const char *name = length > 0 && length < (long)sizeof text ? strrchr(text, ';') : NULL;
    fprintf(report, "session keyring %s\n", name != NULL ? name + 1 : strerror(errno));
}

static int dial(int type, const char *host, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, type, 0);
    inet_pton(AF_INET, host, &to.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? fd : -1;
}

static void ask_proxy(void)
{
    static const char question[] = "GET http://firma.invalid/ HTTP/1.1\r\nHost: firma.invalid\r\n"
                                   "Connection: close\r\n\r\n";
    char host[64] = "", answer[64] = "";
    int port = 0;
    const char *proxy = getenv("http_proxy");
    if (proxy != NULL)
        sscanf(proxy, "http://%63[0-9.]:%d", host, &port);
    int fd = dial(SOCK_STREAM, host, port);
    if (fd >= 0 && send(fd, question, sizeof question - 1, MSG_NOSIGNAL) > 0)
        recv(fd, answer, 12, MSG_WAITALL);
    fprintf(report, "traffic proxy: %s\n", answer);
}

static void ask_stub(void)
{
    static const unsigned char question[] = {0x12, 0x34, 1, 0,   0, 1, 0, 0, 0, 0,
                                             0,    0,    1, 'x', 0, 0, 1, 0, 1};
    unsigned char answer[512] = {0};
    int fd = dial(SOCK_DGRAM, "127.0.0.1", 53);
    if (fd >= 0 && send(fd, question, sizeof question, MSG_NOSIGNAL) > 0 &&
        recv(fd, answer, sizeof answer, 0) >= 12)
        fprintf(report, "traffic stub: %02x%02x rcode %d\n", answer[0], answer[1], answer[3] & 15);
    else
        fputs("traffic stub: \n", report);
}

int main(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    report = fopen("marker", "wxe");
    if (report == NULL)
        return 3;
    setvbuf(report, NULL, _IOLBF, 0);
    fprintf(report, "began %lld\n", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
    tell_namespaces();
    tell_self();
    tell_mounts();
    tell_names("root", "/");
    tell_names("devices", "/dev");
    tell_names("etc", "/etc");
    tell_interfaces();
    tell_descriptors();
    tell_environment();
    ask_proxy();
    ask_stub();
    fputs("end\n", report);
    fflush(report);
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL)
        fputs(line, stdout);
    fflush(stdout);
    return EXIT;
}
