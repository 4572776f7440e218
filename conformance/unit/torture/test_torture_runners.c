/*
 * The runners, with every call of theirs failed once: each run ends in time, with the command's own
 * status or with 125 and one line that says why; the guest's init and what comes before the
 * command's exec are part of it.
 */
#include "../runner/scene.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "points.h"

static void be_tortured(void)
{
    setenv("FIRMA_TORTURE", torture_path(), 1);
}

static char terminal[64]; /* its name */

/* The terminal is stdin, and ours. */
static void be_tortured_on_a_terminal(void)
{
    be_tortured();
    setsid();
    int fd = open(terminal, O_RDWR | O_CLOEXEC);
    ioctl(fd, TIOCSCTTY, 0);
    dup2(fd, 0);
}

static int open_terminal(struct scene *scene)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    assert_int_equal(ptsname_r(master, terminal, sizeof terminal), 0);
    scene->prepare = be_tortured_on_a_terminal;
    return master;
}

static void run(void *context, struct torture_outcome *out)
{
    struct scene *scene = context;
    scene_start(scene);
    torture_collect(scene->run.pid, scene->run.out, scene->run.err, out);
    scene->run = (struct run){-1, -1, -1};
}

static struct torture_subject subject;

static const char *judge(void *context, const struct torture_outcome *out)
{
    (void)context;
    const char *wrong = torture_judge(&subject, 42, out);
    if (wrong == NULL && WEXITSTATUS(out->status) == 42 && strstr(out->out, "out\n") == NULL)
        return "its output is lost";
    /* What the last call before the command comes to is the shell's convention. */
    bool no_exec = WIFEXITED(out->status) &&
                   (WEXITSTATUS(out->status) == 126 || WEXITSTATUS(out->status) == 127);
    return no_exec && out->out[0] == '\0' && out->err[0] != '\0' ? NULL : wrong;
}

static int set_up(void **state, const char *runner)
{
    if (scene_setup(state) != 0)
        return -1;
    struct scene *scene = *state;
    scene->runner = runner;
    scene->prepare = be_tortured;
    return 0;
}

static int set_up_ns(void **state)
{
    return set_up(state, "../unit/torture/firma-ns-runner");
}

static void test_ns(void **state)
{
    struct scene *scene = *state;
    char script[512];
    snprintf(script, sizeof script,
             "(exec 3<>/dev/tcp/127.0.0.1/%u && printf 'GET / HTTP/1.1\\r\\n\\r\\n' >&3 && "
             "cat <&3 >&2) 2>/dev/null; "
             "(exec 3<>/dev/udp/127.0.0.1/%u && echo question >&3 && "
             "read -r -t 1 answer <&3) 2>/dev/null; echo out; exit 42",
             scene->bridge_port, scene->dns_port);
    scene_command(scene, (const char *const[]){"bash", "-c", script, NULL});
    subject = (struct torture_subject){"firma-ns-runner", 4, scene, run, judge};
    torture(&subject);
}

/* Another user, a filter of the contract's, and a terminal. */
static void test_ns_confined(void **state)
{
    static const struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct scene *scene = *state;
    struct firma_error err;
    int master = open_terminal(scene);
    scene->contract.identity_mode = FIRMA_SANDBOX_USER;
    scene_write(scene, "filter", allow, sizeof allow, 0600);
    assert_int_equal(firma_contract_set_text(&scene->contract.seccomp_filter_path,
                                             scene_path(scene, "filter"), &err),
                     0);
    scene_command(scene, (const char *const[]){"sh", "-c", "echo out; exit 42", NULL});
    subject = (struct torture_subject){"firma-ns-runner", 2, scene, run, judge};
    torture(&subject);
    close(master);
}

/* The machine's runner, with a script for its machine (../vm/hostile.h). */
static int set_up_vm(void **state)
{
    if (set_up(state, "../unit/torture/firma-vm-runner") != 0)
        return -1;
    scene_images(*state);
    return 0;
}

static void test_vm_on_a_terminal(void **state)
{
    int master = open_terminal(*state);
    scene_command(*state, (const char *const[]){"honest-on-a-terminal", NULL});
    subject = (struct torture_subject){"firma-vm-runner", 1, *state, run, judge};
    torture(&subject);
    close(master);
}

static void test_vm(void **state)
{
    scene_command(*state, (const char *const[]){"traveller", NULL});
    subject = (struct torture_subject){"firma-vm-runner", 3, *state, run, judge};
    torture(&subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ns, set_up_ns, scene_teardown),
        cmocka_unit_test_setup_teardown(test_ns_confined, set_up_ns, scene_teardown),
        cmocka_unit_test_setup_teardown(test_vm_on_a_terminal, set_up_vm, scene_teardown),
        cmocka_unit_test_setup_teardown(test_vm, set_up_vm, scene_teardown),
    };
    return cmocka_run_group_tests_name("torture.runners", tests, NULL, NULL);
}
