#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/events.h"

const char plan_token[] = "00112233445566778899aabbccddeeff";

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "world: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
    close(fd);
}

static void leave_machine(void)
{
    char users[64], groups[64];
    snprintf(users, sizeof users, "0 %ld 1", (long)geteuid());
    snprintf(groups, sizeof groups, "0 %ld 1", (long)getegid());
    must(unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET) == 0, "new namespaces");
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", users);
    write_file("/proc/self/gid_map", groups);
}

/* The tests go on in a child; this process is only its exit status. */
static void hand_over(void)
{
    int status;
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child > 0) {
        must(waitpid(child, &status, 0) == child, "waitpid");
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Nothing of the machine's can be written. The programs are taken along, for the build may be in
 * /tmp. */
static void mount_own(void)
{
    struct mount_attr unchanged = {.attr_set = MOUNT_ATTR_RDONLY};
    const char *folder = getenv("FIRMA_BIN");
    int programs = open_tree(AT_FDCWD, folder == NULL ? "." : folder, OPEN_TREE_CLONE);
    must(programs >= 0, "FIRMA_BIN");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
    must(mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &unchanged, sizeof unchanged) == 0,
         "read-only mounts");
    must(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0, "/proc");
    must(mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") == 0, "/tmp");
    must(mkdir("/tmp/bin", 0755) == 0, "/tmp/bin");
    must(move_mount(programs, "", AT_FDCWD, "/tmp/bin", MOVE_MOUNT_F_EMPTY_PATH) == 0, "/tmp/bin");
    close(programs);
    setenv("FIRMA_BIN", "/tmp/bin", 1);
}

static void raise_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0, "loopback");
    request.ifr_flags |= IFF_UP;
    must(ioctl(fd, SIOCSIFFLAGS, &request) == 0, "loopback");
    close(fd);
}

void world_enter(void)
{
    /* What leaked into this program must not leak into those it starts. */
    for (int fd = 3; fd < 256; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    leave_machine();
    hand_over(); /* to the first process of the namespace, at whose end all others end */
    hand_over(); /* and from it, for LeakSanitizer cannot stop a first process */
    mount_own();
    raise_loopback();
    signal(SIGPIPE, SIG_IGN);
}

/* ---- programs ---- */

static void become(const char *const *argv, int in, int out, int err, int extra)
{
    char path[512];
    const char *folder = getenv("FIRMA_BIN");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid(); /* no terminal of the developer's in reach */
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    if (extra == 3)
        fcntl(3, F_SETFD, 0);
    else if (extra >= 0)
        dup2(extra, 3);
    signal(SIGPIPE, SIG_DFL);
    snprintf(path, sizeof path, "%s/%s", folder == NULL ? "." : folder, argv[0]);
    execv(path, (char *const *)argv);
    _exit(127);
}

void program_start(struct program *program, const char *const *argv, int extra)
{
    int in[2], out[2], err[2];
    must(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0,
         "pipes");
    *program = (struct program){.input = in[1],
                                .output = out[0],
                                .errors = err[0],
                                .out = calloc(1, WORLD_OUTPUT),
                                .err = calloc(1, WORLD_OUTPUT)};
    program->pid = fork();
    must(program->pid >= 0, "fork");
    if (program->pid == 0)
        become(argv, in[0], out[1], err[1], extra);
    close(in[0]);
    close(out[1]);
    close(err[1]);
}

void program_say(struct program *program, const char *text)
{
    assert_int_equal(write(program->input, text, strlen(text)), strlen(text));
}

void program_close_input(struct program *program)
{
    if (program->input >= 0)
        close(program->input);
    program->input = -1;
}

static uint64_t deadline(void)
{
    return cf_now() + (uint64_t)WORLD_PATIENCE_MS * 1000000u;
}

static int left(uint64_t until)
{
    uint64_t now = cf_now();
    return now >= until ? 0 : (int)((until - now) / 1000000u) + 1;
}

static void drain(int *fd, char *text, size_t *used)
{
    ssize_t got = read(*fd, text + *used, WORLD_OUTPUT - 1 - *used);
    if (got > 0) {
        *used += (size_t)got;
        return;
    }
    close(*fd);
    *fd = -1;
}

/* Reads whatever is there; false when nothing came in time or both streams have ended. */
static bool read_some(struct program *program, int ms)
{
    struct pollfd wait[2] = {{.fd = program->output, .events = POLLIN},
                             {.fd = program->errors, .events = POLLIN}};
    if ((wait[0].fd < 0 && wait[1].fd < 0) || poll(wait, 2, ms) <= 0)
        return false;
    if (wait[0].fd >= 0 && wait[0].revents != 0)
        drain(&program->output, program->out, &program->out_used);
    if (wait[1].fd >= 0 && wait[1].revents != 0)
        drain(&program->errors, program->err, &program->err_used);
    return true;
}

bool program_await(struct program *program, const char *text)
{
    uint64_t until = deadline();
    while (memmem(program->out, program->out_used, text, strlen(text)) == NULL) {
        if (program->output < 0 || !read_some(program, left(until)))
            return false;
    }
    return true;
}

void program_end(struct program *program)
{
    uint64_t until = deadline();
    program_close_input(program);
    while (read_some(program, left(until)))
        ;
    if (program->output >= 0 || program->errors >= 0)
        kill(program->pid, SIGKILL); /* it overstayed: the status will tell */
    must(waitpid(program->pid, &program->status, 0) == program->pid, "waitpid");
}

void program_free(struct program *program)
{
    program_close_input(program);
    if (program->output >= 0)
        close(program->output);
    if (program->errors >= 0)
        close(program->errors);
    free(program->out);
    free(program->err);
}

/* ---- sockets ---- */

int world_socket(int family, int type, uint16_t *port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t length = family == AF_INET ? sizeof v4 : sizeof v6;
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    must(fd >= 0 && bind(fd, address, length) == 0, "bind");
    must(type == SOCK_DGRAM || listen(fd, 64) == 0, "listen");
    must(getsockname(fd, address, &length) == 0, "getsockname");
    *port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    return fd;
}

static bool readable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, WORLD_PATIENCE_MS) > 0;
}

int world_accept(int fd)
{
    return readable(fd) ? accept4(fd, NULL, NULL, SOCK_CLOEXEC) : -1;
}

size_t world_read(int fd, char *text, size_t size)
{
    ssize_t got = readable(fd) ? read(fd, text, size - 1) : 0;
    text[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

size_t world_read_all(int fd, char *text, size_t size)
{
    size_t used = 0, got = 1;
    while (used < size - 1 && got > 0) {
        got = world_read(fd, text + used, size - used);
        used += got;
    }
    return used;
}

int world_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void serve_http(int listener)
{
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\ncanary";
    char request[8192];
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            _exit(0);
        size_t used = 0;
        ssize_t got = 1;
        while (got > 0 && used < sizeof request - 1 &&
               memmem(request, used, "\r\n\r\n", 4) == NULL) {
            got = read(fd, request + used, sizeof request - 1 - used);
            used += got > 0 ? (size_t)got : 0;
        }
        if (used > 0 && write(fd, answer, strlen(answer)) < 0)
            _exit(1);
        shutdown(fd, SHUT_WR);
        while (read(fd, request, sizeof request) > 0)
            ;
        close(fd);
    }
}

pid_t world_upstream(uint16_t *port)
{
    int listener = world_socket(AF_INET, SOCK_STREAM, port);
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve_http(listener);
    }
    close(listener);
    return pid;
}

void world_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* ---- the sidecar ---- */

void sidecar_start(struct sidecar *sidecar, const char *script)
{
    char path[] = "/tmp/firma-sidecar-XXXXXX", log[16], listen[16];
    int listener = world_socket(AF_INET, SOCK_STREAM, &sidecar->port);
    sidecar->log = mkostemp(path, O_CLOEXEC | O_APPEND);
    must(sidecar->log >= 0, path);
    unlink(path);
    /* Its own descriptor numbers: inheritable in the child that is about to be made. */
    int inherited = dup(sidecar->log), given = dup(listener);
    snprintf(log, sizeof log, "%d", inherited);
    snprintf(listen, sizeof listen, "%d", given);
    const char *argv[] = {"fake-sidecar", "--listen-fd", listen, "--log-fd", log,
                          "--script",     script,        NULL};
    /* A SIGTERM that comes before it looks for one must wait for it, not kill it. */
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    program_start(&sidecar->program, argv, -1);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(inherited);
    close(given);
    close(listener);
}

static json_t *read_log(int fd)
{
    json_t *log = json_array();
    char *text = calloc(1, WORLD_OUTPUT), *rest = NULL;
    ssize_t got = pread(fd, text, WORLD_OUTPUT - 1, 0);
    assert_true(got > 0);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(record);
        assert_int_equal(json_integer_value(json_object_get(record, "seq")), json_array_size(log));
        json_array_append_new(log, record);
    }
    free(text);
    return log;
}

json_t *sidecar_end(struct sidecar *sidecar, bool ask)
{
    if (ask)
        kill(sidecar->program.pid, SIGTERM);
    program_end(&sidecar->program);
    assert_int_equal(sidecar->program.status, 0);
    json_t *log = read_log(sidecar->log);
    json_t *last = json_array_get(log, json_array_size(log) - 1);
    assert_string_equal(json_string_value(json_object_get(last, "event")), "close");
    close(sidecar->log);
    program_free(&sidecar->program);
    return log;
}

json_t *find_event(json_t *log, const char *event)
{
    size_t index;
    json_t *record;
    json_array_foreach (log, index, record) {
        if (strcmp(json_string_value(json_object_get(record, "event")), event) == 0)
            return record;
    }
    return NULL;
}

size_t count_records(json_t *log, const char *event, const char *text)
{
    size_t index, count = 0;
    json_t *record;
    json_array_foreach (log, index, record) {
        if (event != NULL &&
            strcmp(json_string_value(json_object_get(record, "event")), event) != 0)
            continue;
        char *dump = json_dumps(record, 0);
        count += strstr(dump, text) != NULL;
        free(dump);
    }
    return count;
}

/* ---- the probe ---- */

void plan_write(struct plan *plan, const char *body)
{
    strcpy(plan->path, "/tmp/firma-plan-XXXXXX");
    int fd = mkostemp(plan->path, O_CLOEXEC);
    must(fd >= 0 && dprintf(fd, "firma-probe-plan 1\ntoken %s\n%s", plan_token, body) > 0,
         plan->path);
    close(fd);
}

void plan_remove(struct plan *plan)
{
    unlink(plan->path);
}

void probe_start(struct program *program, const struct plan *plan)
{
    const char *argv[] = {"firma-probe", "--plan", plan->path, "--token", plan_token, NULL};
    program_start(program, argv, -1);
}

json_t *receipts(const struct program *program)
{
    json_t *all = json_array();
    char *copy = strdup(program->out), *rest = NULL;
    for (char *line = strtok_r(copy, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        json_error_t why;
        json_t *receipt = json_loads(line, JSON_REJECT_DUPLICATES, &why);
        if (receipt == NULL)
            fail_msg("%s: %s", why.text, line);
        assert_int_equal(json_integer_value(json_object_get(receipt, "receipt")),
                         json_array_size(all));
        assert_true(json_is_object(json_object_get(receipt, "priv")));
        json_array_append_new(all, receipt);
    }
    free(copy);
    return all;
}

const char *member(json_t *all, size_t index, const char *key)
{
    const char *value = json_string_value(json_object_get(json_array_get(all, index), key));
    return value == NULL ? "(none)" : value;
}

json_t *run_plan(const char *body)
{
    struct plan plan;
    struct program program;
    plan_write(&plan, body);
    probe_start(&program, &plan);
    program_end(&program);
    plan_remove(&plan);
    /* Nobody speaks there but a guest that floods its log (tech_bomb.c). */
    assert_string_equal(program.err + strspn(program.err, "#\n"), "");
    assert_int_equal(program.status, 0);
    json_t *all = receipts(&program);
    program_free(&program);
    assert_string_equal(member(all, 0, "event"), "start");
    assert_string_equal(member(all, json_array_size(all) - 1, "event"), "end");
    return all;
}

json_t *run_step(const char *technique, const char *nonce, const char *keys)
{
    char body[2048];
    snprintf(body, sizeof body, "step a.row %s %s 3000%s%s\n", technique, nonce,
             *keys == '\0' ? "" : " ", keys);
    json_t *all = run_plan(body);
    assert_int_equal(json_array_size(all), 3);
    json_t *receipt = json_incref(json_array_get(all, 1));
    json_decref(all);
    return receipt;
}
