#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "scene_bridge.h"

#define SANDBOX_ID "01900000-0000-7000-8000-000000000001"

const char *scene_path(const struct scene *scene, const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", scene->root, name);
    return path;
}

const char *scene_contract_path(const struct scene *scene)
{
    return scene_path(scene, "run/" FIRMA_CONTRACT_FILE);
}

void scene_write(const struct scene *scene, const char *name, const void *bytes, size_t size,
                 mode_t mode)
{
    const char *path = scene_path(scene, name);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void set_text(char **field, const char *text)
{
    struct firma_error err;
    assert_int_equal(firma_contract_set_text(field, text, &err), 0);
}

static void fill_contract(struct scene *scene)
{
    struct firma_contract *contract = &scene->contract;
    struct firma_error err;
    strcpy(contract->sandbox_id, SANDBOX_ID);
    set_text(&contract->runtime_dir, scene_path(scene, "run"));
    set_text(&contract->runner_path, "/opt/runner");
    set_text(&contract->kernel, "/opt/kernel");
    set_text(&contract->initrd, "/opt/initrd");
    set_text(&contract->rootfs, "/opt/rootfs");
    set_text(&contract->cwd, scene->cwd);
    contract->identity_mode = FIRMA_HOST_USER;
    assert_int_equal(firma_contract_set_env(contract, "PATH", "/usr/bin:/bin", &err), 0);
    assert_int_equal(firma_contract_set_header(contract, "x-firma-sandbox-id", SANDBOX_ID, &err),
                     0);
    assert_int_equal(firma_contract_add_mount(contract, RUNNER_HELPER_DIR, "/helper", true, &err),
                     0);
    assert_int_equal(firma_contract_add_mount(contract, scene->cwd, scene->cwd, false, &err), 0);
}

void scene_images(struct scene *scene)
{
    static const char *const names[] = {"images/kernel", "images/initrd", "images/rootfs"};
    char **fields[] = {&scene->contract.kernel, &scene->contract.initrd, &scene->contract.rootfs};
    char digest[65], manifest[512];
    assert_int_equal(mkdir(scene_path(scene, "images"), 0700), 0);
    assert_int_equal(cf_digest_bytes("x", 1, digest), 0);
    int size = snprintf(manifest, sizeof manifest,
                        "{\"version\":1,\"images\":{\"kernel\":{\"bytes\":1,\"sha256\":\"%s\"},"
                        "\"initrd\":{\"bytes\":1,\"sha256\":\"%s\"},"
                        "\"rootfs\":{\"bytes\":1,\"sha256\":\"%s\"}}}",
                        digest, digest, digest);
    scene_write(scene, "images/manifest.json", manifest, (size_t)size, 0600);
    for (size_t i = 0; i < 3; i++) {
        scene_write(scene, names[i], "x", 1, 0600);
        set_text(fields[i], scene_path(scene, names[i]));
    }
}

int scene_setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    *scene = (struct scene){
        .runner = "firma-ns-runner", .stdin_fd = -1, .bridge = -1, .run = {-1, -1, -1}};
    strcpy(scene->root, "/tmp/firma-scene-XXXXXX");
    assert_non_null(mkdtemp(scene->root));
    assert_int_equal(mkdir(scene_path(scene, "run"), 0700), 0);
    snprintf(scene->cwd, sizeof scene->cwd, "%s/cwd", scene->root);
    assert_int_equal(mkdir(scene->cwd, 0700), 0);
    fill_contract(scene);
    scene_bridge(scene, BRIDGE_ANSWERS);
    *state = scene;
    return 0;
}

static void end_process(pid_t *pid)
{
    if (*pid > 0) {
        kill(*pid, SIGKILL);
        waitpid(*pid, NULL, 0);
    }
    *pid = -1;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

int scene_teardown(void **state)
{
    struct scene *scene = *state;
    end_process(&scene->run.pid);
    end_process(&scene->bridge);
    if (scene->run.out >= 0)
        close(scene->run.out);
    if (scene->run.err >= 0)
        close(scene->run.err);
    firma_contract_clear(&scene->contract);
    nftw(scene->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(scene);
    return 0;
}

void scene_bridge(struct scene *scene, enum bridge_mode mode)
{
    char text[64];
    end_process(&scene->bridge);
    struct bridge_sockets sockets;
    assert_int_equal(bridge_open(&sockets), 0);
    scene->bridge_port = sockets.http_port;
    scene->dns_port = sockets.dns_port;
    scene->bridge = fork();
    assert_true(scene->bridge >= 0);
    if (scene->bridge == 0)
        bridge_serve(&sockets, mode);
    bridge_close(&sockets);
    snprintf(text, sizeof text, "http://127.0.0.1:%u", scene->bridge_port);
    set_text(&scene->contract.proxy_url, text);
    snprintf(text, sizeof text, "127.0.0.1:%u", scene->dns_port);
    set_text(&scene->contract.dns_stub_addr, text);
}

void scene_command(struct scene *scene, const char *const *words)
{
    struct firma_contract *contract = &scene->contract;
    struct firma_error err;
    for (size_t i = 0; i < contract->arg_count; i++)
        free(contract->args[i]);
    contract->arg_count = 0;
    set_text(&contract->executable, words[0]);
    for (words++; *words != NULL; words++)
        assert_int_equal(firma_contract_add_arg(contract, *words, &err), 0);
}

/* In the child: no asserts. */
_Noreturn static void become_runner(const struct scene *scene, const char *const *arguments,
                                    const int out[2], const int err[2])
{
    const char *words[16] = {scene->runner};
    char path[512];
    for (size_t i = 0; i < 14 && arguments[i] != NULL; i++)
        words[i + 1] = arguments[i];
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    /* CTest and shells leave descriptors of their own open in their children. */
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    int in = scene->stdin_fd >= 0 ? scene->stdin_fd : open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(in, 0);
    dup2(out[1], 1);
    dup2(err[1], 2);
    if (scene->prepare != NULL)
        scene->prepare();
    /* A sanitized runner must be able to die of SIGSEGV when the command did. */
    setenv("ASAN_OPTIONS", "handle_segv=0:exitcode=99", 1);
    snprintf(path, sizeof path, "%s/%s", getenv("FIRMA_BIN"), scene->runner);
    execv(path, (char *const *)(uintptr_t)words);
    _exit(99);
}

void scene_start_with(struct scene *scene, const char *const *arguments)
{
    int out[2];
    int err[2];
    assert_non_null(getenv("FIRMA_BIN"));
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    end_process(&scene->run.pid);
    scene->run.pid = fork();
    assert_true(scene->run.pid >= 0);
    if (scene->run.pid == 0)
        become_runner(scene, arguments, out, err);
    close(out[1]);
    close(err[1]);
    scene->run.out = out[0];
    scene->run.err = err[0];
}

void scene_start(struct scene *scene)
{
    struct firma_error err = {0};
    unlink(scene_contract_path(scene));
    int dir = open(scene_path(scene, "run"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (firma_contract_write(dir, &scene->contract, &err) < 0)
        fail_msg("contract: %s", err.text);
    close(dir);
    char path[512];
    snprintf(path, sizeof path, "%s", scene_contract_path(scene));
    scene_start_with(scene, (const char *const[]){"--launch-contract", path, NULL});
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Appends what FD has to TEXT of *SIZE; closes it at its end. */
static void take(int *fd, char *text, size_t *size)
{
    ssize_t got = read(*fd, text + *size, OUTPUT_MAX - 1 - *size);
    if (got > 0) {
        *size += (size_t)got;
    } else if (got == 0 || errno != EINTR) {
        close(*fd);
        *fd = -1;
    }
    text[*size] = '\0';
}

/* Reads until DONE (in stdout) was seen, or both ends if NULL. */
static void read_streams(struct scene *scene, struct outcome *outcome, const char *done)
{
    struct run *run = &scene->run;
    size_t err_size = strlen(outcome->err);
    int64_t deadline = now_ms() + SCENE_WAIT_MS;
    while (run->out >= 0 || run->err >= 0) {
        if (done != NULL && strstr(outcome->out, done) != NULL)
            return;
        struct pollfd watched[] = {{.fd = run->out, .events = POLLIN},
                                   {.fd = run->err, .events = POLLIN}};
        int64_t left = deadline - now_ms();
        if (left <= 0)
            fail_msg("no end within %d ms; stdout \"%s\", stderr \"%s\"", SCENE_WAIT_MS,
                     outcome->out, outcome->err);
        poll(watched, 2, (int)left);
        if (watched[0].revents != 0)
            take(&run->out, outcome->out, &outcome->out_size);
        if (watched[1].revents != 0)
            take(&run->err, outcome->err, &err_size);
    }
    if (done != NULL)
        fail_msg("\"%s\" never came; stdout \"%s\", stderr \"%s\"", done, outcome->out,
                 outcome->err);
}

void scene_expect(struct scene *scene, struct outcome *outcome, const char *text)
{
    read_streams(scene, outcome, text);
}

void scene_finish(struct scene *scene, struct outcome *outcome)
{
    read_streams(scene, outcome, NULL);
    assert_int_equal(waitpid(scene->run.pid, &outcome->status, 0), scene->run.pid);
    scene->run.pid = -1;
}

void assert_exit(const struct outcome *outcome, int status)
{
    if (!WIFEXITED(outcome->status) || WEXITSTATUS(outcome->status) != status)
        fail_msg("wait status 0x%x instead of exit %d; stdout \"%s\", stderr \"%s\"",
                 (unsigned)outcome->status, status, outcome->out, outcome->err);
}

void assert_killed(const struct outcome *outcome, int number)
{
    if (!WIFSIGNALED(outcome->status) || WTERMSIG(outcome->status) != number)
        fail_msg("wait status 0x%x instead of death by signal %d; stdout \"%s\", stderr \"%s\"",
                 (unsigned)outcome->status, number, outcome->out, outcome->err);
}

void assert_holds(const char *text, const char *expected)
{
    if (strstr(text, expected) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", expected, text);
}

void assert_refused(const struct outcome *outcome, const char *text)
{
    assert_exit(outcome, 125);
    assert_holds(outcome->err, text);
    assert_int_equal(count_of(outcome->err, "\n"), 1);
    assert_string_equal(outcome->out, "");
}

size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word))
        count++;
    return count;
}
