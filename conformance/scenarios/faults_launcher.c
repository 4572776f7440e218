/* faults_launcher.c - launches that no launcher may make. */
#include "scenarios/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/socket.h"
#include "scenarios/gate.h"

#define ODD   "/lab/odd/"
#define TWINS ODD "twins/" /* what a relative path leads to, for whoever starts there */

/* ---- what is planted ---- */

static int copy_file(const char *from, const char *to, mode_t mode)
{
    char block[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t got = -1;
    while (in >= 0 && out >= 0 && (got = read(in, block, sizeof block)) > 0)
        if (write(out, block, (size_t)got) != got)
            got = -1;
    int failed = got != 0 || fchmod(out, mode) != 0 ? -1 : 0;
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return failed;
}

static int plant_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = cf_socket(AF_UNIX, SOCK_STREAM);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int failed = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof address);
    if (fd >= 0)
        close(fd);
    return failed;
}

/* Copies are the recorder: a launcher that starts one is caught. */
static int plant_copies(void)
{
    static const struct {
        const char *path;
        mode_t mode;
    } copies[] = {{ODD "setuid", 04755},
                  {ODD "setgid", 02755},
                  {ODD "plain", 0644},
                  {ODD "others-folder/runner", 0755},
                  {TWINS "planted-runner", 0755},
                  {TWINS "artifacts/kernel", 0644}};
    int failed = 0;
    for (size_t i = 0; i < sizeof copies / sizeof copies[0] && failed == 0; i++)
        failed = copy_file(cf_recorder, copies[i].path, copies[i].mode);
    return failed;
}

/* What somebody has put where the launcher would make a directory of its own. */
static int plant_roots(void)
{
    char link[128], open_root[128];
    long user = (long)geteuid();
    snprintf(link, sizeof link, ODD "linked-runtime/firma-run-%ld", user);
    snprintf(open_root, sizeof open_root, ODD "open-runtime/firma-run-%ld", user);
    return mkdir(ODD "linked-runtime", 0700) != 0 || mkdir(ODD "elsewhere", 0700) != 0 ||
                   symlink(ODD "elsewhere", link) != 0 || mkdir(ODD "open-runtime", 0700) != 0 ||
                   mkdir(open_root, 0700) != 0 || chmod(open_root, 0770) != 0
               ? -1
               : 0;
}

int cf_plant_odd_files(struct cf_error *err)
{
    static const char *const folders[] = {ODD, ODD "others-folder", ODD "others-runtime", TWINS,
                                          TWINS "artifacts"};
    static const char *const empty[] = {ODD "empty", ODD "open", ODD "filter"};
    int failed = 0;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && failed == 0; i++)
        failed = mkdir(folders[i], 0755);
    for (size_t i = 0; i < sizeof empty / sizeof empty[0] && failed == 0; i++)
        failed = close(open(empty[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));
    failed = failed || plant_copies() != 0 || mkfifo(ODD "fifo", 0755) != 0 ||
             plant_socket(ODD "socket") != 0 || symlink("/lab/none", ODD "dangling") != 0 ||
             chmod(ODD "open", 0666) != 0 || chmod(ODD "others-folder", 0777) != 0 ||
             chmod(ODD "others-runtime", 0777) != 0 || plant_roots() != 0;
    return failed ? cf_fail(err, CF_E_SYSTEM, errno, "%s", ODD) : 0;
}

/* ---- what has to be done ---- */

static void sidecar_down(struct cf_attempt *attempt)
{
    cf_fault_sidecar(attempt, NULL);
}

static void sidecar_silent(struct cf_attempt *attempt)
{
    cf_fault_sidecar(attempt, "hang");
}

static void sidecar_closing(struct cf_attempt *attempt)
{
    cf_fault_sidecar(attempt, "refuse");
}

static void sidecar_gone(struct cf_attempt *attempt)
{
    cf_fault_sidecar(attempt, "close-after-check");
}

/* It answers like any other: only where it stands tells that it may be anybody's. */
static void sidecar_impostor(struct cf_attempt *attempt)
{
    cf_gate_open(&attempt->gate, ODD "others-folder/sidecar", NULL);
    cf_gate_serve(&attempt->gate, attempt->stage->sidecar.port);
    cf_words_set(&attempt->start.env, "FIRMA_RUN_SIDECAR", "unix://" ODD "others-folder/sidecar");
}

static void no_impostor(struct cf_attempt *attempt)
{
    cf_gate_close(&attempt->gate);
    unlink(ODD "others-folder/sidecar");
}

static void runner_writable(struct cf_attempt *attempt)
{
    chmod(attempt->runner, 0777);
}

static void runner_private(struct cf_attempt *attempt)
{
    chmod(attempt->runner, 0755);
}

static void long_argument(struct cf_attempt *attempt)
{
    char word[5001];
    memset(word, 'w', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    cf_words_add(&attempt->start.argv, "%s", word);
}

static void many_arguments(struct cf_attempt *attempt)
{
    for (int i = 0; i < 300; i++)
        cf_words_add(&attempt->start.argv, "%d", i);
}

/* Not in the command's directory: there a writable mount would have the launch refused, whatever
 * the launcher makes of a relative path. */
static void start_among_twins(struct cf_attempt *attempt)
{
    static char env[] = "/usr/bin/env", there[] = "--chdir=" TWINS;
    char *words[] = {env, there};
    cf_words_insert(&attempt->start.argv, 0, &(struct cf_words){words, 2});
}

static void strange_argument(struct cf_attempt *attempt)
{
    cf_words_add(&attempt->start.argv, "\xff\xfe");
}

#define RUNNER "FIRMA_RUN_VZ_GUEST_RUNNER"
#define KERNEL "FIRMA_RUN_VZ_GUEST_KERNEL"
#define INITRD "FIRMA_RUN_VZ_GUEST_INITRD"
#define ROOTFS "FIRMA_RUN_VZ_GUEST_ROOTFS"
#define SET(name, set)                                                                             \
    {                                                                                              \
        name, CF_RECORDED, set, NULL, NULL, NULL, NULL, NULL, NULL, NULL                           \
    }
#define OPTION(name, word)                                                                         \
    {                                                                                              \
        name, CF_RECORDED, NULL, word, NULL, NULL, NULL, NULL, NULL, NULL                          \
    }
#define AMONG_TWINS(name, set)                                                                     \
    {                                                                                              \
        name, CF_RECORDED, set, NULL, NULL, NULL, start_among_twins, NULL, NULL, NULL              \
    }
#define MAKE(name, make)                                                                           \
    {                                                                                              \
        name, CF_RECORDED, NULL, NULL, NULL, NULL, make, NULL, NULL, NULL                          \
    }

const struct cf_fault cf_launcher_faults[] = {
    MAKE("sidecar-down", sidecar_down),
    MAKE("sidecar-silent", sidecar_silent),
    MAKE("sidecar-closing", sidecar_closing),
    {"sidecar-gone", CF_THROUGH, NULL, NULL, NULL, NULL, sidecar_gone, NULL, NULL, NULL},
    {"sidecar-impostor", CF_RECORDED, NULL, NULL, NULL, NULL, sidecar_impostor, NULL, NULL,
     no_impostor},
    SET("sidecar-unset", "FIRMA_RUN_SIDECAR"),
    SET("sidecar-syntax", "FIRMA_RUN_SIDECAR=127.0.0.1"),
    SET("kernel-missing", KERNEL "=/lab/artifacts/none"),
    SET("kernel-unset", KERNEL),
    SET("kernel-empty-name", KERNEL "="),
    AMONG_TWINS("kernel-relative", KERNEL "=artifacts/kernel"),
    SET("kernel-fifo", KERNEL "=" ODD "fifo"),
    SET("initrd-device", INITRD "=/dev/null"),
    SET("initrd-dangling", INITRD "=" ODD "dangling"),
    SET("rootfs-directory", ROOTFS "=/lab/artifacts"),
    SET("rootfs-writable", ROOTFS "=" ODD "open"),
    SET("rootfs-socket", ROOTFS "=" ODD "socket"),
    {"runner-writable", CF_RECORDED, NULL, NULL, NULL, NULL, runner_writable, NULL, NULL,
     runner_private},
    AMONG_TWINS("runner-relative", RUNNER "=planted-runner"),
    AMONG_TWINS("runner-relative-dot", RUNNER "=./planted-runner"),
    SET("runner-fifo", RUNNER "=" ODD "fifo"),
    SET("runner-empty", RUNNER "=" ODD "empty"),
    SET("runner-plain", RUNNER "=" ODD "plain"),
    SET("runner-setuid", RUNNER "=" ODD "setuid"),
    SET("runner-setgid", RUNNER "=" ODD "setgid"),
    SET("runner-folder-writable", RUNNER "=" ODD "others-folder/runner"),
    SET("flag-typo", "FIRMA_RUN_VZ_GUEST=ture"),
    SET("flag-unset", "FIRMA_RUN_VZ_GUEST"),
    SET("flag-false", "FIRMA_RUN_VZ_GUEST=no"),
    SET("flag-structural", "FIRMA_RUN_VZ_STRUCTURAL_NETWORK=1"),
    SET("sandbox-id-given", "FIRMA_RUN_SANDBOX_ID=01890a5d-ac96-774b-bcce-b302099a8057"),
    SET("sandbox-id-empty", "FIRMA_RUN_SANDBOX_ID="),
    SET("session-newline", "FIRMA_RUN_SESSION_ID=one\r\nx-firma-user: root"),
    SET("user-newline", "USER=one\r\nx-firma-agent: two"),
    SET("runtime-relative", "XDG_RUNTIME_DIR=run"),
    SET("runtime-file", "XDG_RUNTIME_DIR=" ODD "empty"),
    SET("runtime-others", "XDG_RUNTIME_DIR=" ODD "others-runtime"),
    SET("runtime-linked", "XDG_RUNTIME_DIR=" ODD "linked-runtime"),
    SET("runtime-open", "XDG_RUNTIME_DIR=" ODD "open-runtime"),
    OPTION("runtime-foreign", "--runtime-dir /usr/firma-run"),
    OPTION("reserved-target", "--mount /lab/plan:/etc:ro"),
    OPTION("reserved-target-twisted", "--mount /lab/plan:/lab/../proc:ro"),
    OPTION("mount-runtime", "--mount /lab/run:/lab/run"),
    OPTION("mount-runner", "--mount /lab/bin:/mnt"),
    OPTION("mount-artifacts", "--mount /lab/artifacts:/mnt"),
    OPTION("mount-above", "--mount /lab:/mnt"),
    OPTION("mount-absent", "--mount /lab/no-such-folder:/mnt:ro"),
    OPTION("directory-above", "--cwd /lab"),
    OPTION("directory-absent", "--cwd /lab/no-such-folder"),
    OPTION("identity-unknown", "--identity root"),
    OPTION("identity-number", "--identity 0"),
    OPTION("filter-absent", "--seccomp /lab/artifacts/no-filter"),
    OPTION("filter-empty", "--seccomp " ODD "filter"),
    OPTION("variable-proxy", "--env HTTPS_PROXY=http://203.0.113.9:3128"),
    OPTION("variable-token", "--env FIRMA_CAPABILITY_TOKEN=a-token"),
    OPTION("option-unknown", "--allow-direct"),
    MAKE("argument-long", long_argument),
    MAKE("arguments-many", many_arguments),
    MAKE("argument-not-utf8", strange_argument),
    {.name = NULL},
};
