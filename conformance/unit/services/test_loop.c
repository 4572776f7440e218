/* The event loop: descriptors, timers, signals and children. */
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct scene {
    struct firma_loop *loop;
    struct firma_watch watches[2];
    struct firma_timer timers[3];
    int order[16];
    int count;
    int pair[2];
};

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    *state = scene;
    return firma_loop_open(&scene->loop, NULL) || socketpair(AF_UNIX, SOCK_STREAM, 0, scene->pair);
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    firma_loop_close(scene->loop);
    close(scene->pair[0]);
    close(scene->pair[1]);
    free(scene);
    return 0;
}

static void run(struct scene *scene)
{
    alarm(20); /* a loop that never stops ends the program */
    assert_int_equal(firma_loop_run(scene->loop, NULL), 0);
    alarm(0);
}

static void stop(void *context)
{
    firma_loop_stop(((struct scene *)context)->loop);
}

static void fire_first(void *context)
{
    struct scene *scene = context;
    scene->order[scene->count++] = 1;
}

static void fire_second(void *context)
{
    struct scene *scene = context;
    scene->order[scene->count++] = 2;
    firma_loop_stop(scene->loop);
}

static void test_timers_fire_in_order_of_deadline(void **state)
{
    struct scene *scene = *state;
    scene->timers[0] = (struct firma_timer){.fire = fire_second, .context = scene};
    scene->timers[1] = (struct firma_timer){.fire = fire_first, .context = scene};
    uint64_t start = firma_loop_now();
    firma_loop_arm(scene->loop, &scene->timers[0], 30);
    firma_loop_arm(scene->loop, &scene->timers[1], 10);
    run(scene);
    assert_int_equal(scene->count, 2);
    assert_int_equal(scene->order[0], 1);
    assert_true(firma_loop_now() - start >= 30);
}

static void test_rearming_moves_and_disarming_removes(void **state)
{
    struct scene *scene = *state;
    scene->timers[0] = (struct firma_timer){.fire = fire_first, .context = scene};
    scene->timers[1] = (struct firma_timer){.fire = fire_second, .context = scene};
    scene->timers[2] = (struct firma_timer){.fire = fire_first, .context = scene};
    firma_loop_arm(scene->loop, &scene->timers[0], 0);
    firma_loop_arm(scene->loop, &scene->timers[0], 60000);
    firma_loop_arm(scene->loop, &scene->timers[2], 0);
    firma_loop_disarm(scene->loop, &scene->timers[2]);
    firma_loop_arm(scene->loop, &scene->timers[1], 5);
    run(scene);
    assert_int_equal(scene->count, 1);
    assert_int_equal(scene->order[0], 2);
    firma_loop_disarm(scene->loop, &scene->timers[0]);
}

static void count_and_unwatch(void *context, unsigned events)
{
    struct scene *scene = context;
    assert_int_equal(events, FIRMA_READ);
    scene->count++;
    firma_loop_unwatch(scene->loop, &scene->watches[0]);
    firma_loop_unwatch(scene->loop, &scene->watches[1]);
    memset(scene->watches, 0xff, sizeof scene->watches); /* as good as freed */
    firma_loop_arm(scene->loop, &scene->timers[0], 20);
}

/* Both descriptors are ready in one batch; the first callback takes both away. */
static void test_a_timer_armed_at_the_latest_never_moves_back(void **state)
{
    struct scene *scene = *state;
    scene->timers[0] = (struct firma_timer){.fire = fire_first, .context = scene};
    scene->timers[1] = (struct firma_timer){.fire = fire_second, .context = scene};
    firma_loop_arm(scene->loop, &scene->timers[0], 0);
    firma_loop_arm_latest(scene->loop, &scene->timers[0], 60000); /* stays */
    firma_loop_arm(scene->loop, &scene->timers[1], 60000);
    firma_loop_arm_latest(scene->loop, &scene->timers[1], 5); /* comes sooner */
    firma_loop_run(scene->loop, NULL);
    assert_int_equal(scene->count, 2);
    assert_false(scene->timers[0].active);
    assert_false(scene->timers[1].active);
}

static void test_a_callback_may_unwatch_itself_and_others(void **state)
{
    struct scene *scene = *state;
    scene->timers[0] = (struct firma_timer){.fire = stop, .context = scene};
    assert_int_equal(write(scene->pair[0], "x", 1), 1);
    assert_int_equal(write(scene->pair[1], "x", 1), 1);
    for (int i = 0; i < 2; i++) {
        scene->watches[i] = (struct firma_watch){.fd = scene->pair[i],
                                                 .events = FIRMA_READ,
                                                 .ready = count_and_unwatch,
                                                 .context = scene};
        assert_int_equal(firma_loop_watch(scene->loop, &scene->watches[i], NULL), 0);
    }
    run(scene);
    assert_int_equal(scene->count, 1);
}

static void count_events(void *context, unsigned events)
{
    struct scene *scene = context;
    scene->order[scene->count++] = (int)events;
    firma_loop_stop(scene->loop);
}

static void test_events_can_be_changed_and_a_hang_up_is_what_was_asked_for(void **state)
{
    struct scene *scene = *state;
    struct firma_watch *watch = &scene->watches[0];
    *watch = (struct firma_watch){
        .fd = scene->pair[0], .events = FIRMA_WRITE, .ready = count_events, .context = scene};
    assert_int_equal(firma_loop_watch(scene->loop, watch, NULL), 0);
    run(scene);
    shutdown(scene->pair[1], SHUT_RDWR);
    watch->events = FIRMA_READ;
    assert_int_equal(firma_loop_watch(scene->loop, watch, NULL), 0);
    run(scene);
    assert_int_equal(scene->order[0], FIRMA_WRITE);
    assert_int_equal(scene->order[1], FIRMA_READ);
    firma_loop_unwatch(scene->loop, watch);
}

static long cpu_ms(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

/* A hung-up descriptor nobody asks about must not keep the processor busy. */
static void test_a_watch_for_nothing_is_silent(void **state)
{
    struct scene *scene = *state;
    struct firma_watch *watch = &scene->watches[0];
    *watch = (struct firma_watch){
        .fd = scene->pair[0], .events = 0, .ready = count_events, .context = scene};
    assert_int_equal(firma_loop_watch(scene->loop, watch, NULL), 0);
    shutdown(scene->pair[1], SHUT_RDWR);
    scene->timers[0] = (struct firma_timer){.fire = stop, .context = scene};
    firma_loop_arm(scene->loop, &scene->timers[0], 200);
    long before = cpu_ms();
    run(scene);
    assert_int_equal(scene->count, 0);
    assert_true(cpu_ms() - before < 50);
    firma_loop_unwatch(scene->loop, watch);
}

static void keep_signal(void *context, const struct firma_signal *signal)
{
    struct scene *scene = context;
    scene->order[scene->count++] = signal->number;
    assert_false(signal->from_kernel);
    assert_true(signal->sender == getpid() || signal->sender == 0);
    if (signal->number == SIGUSR2)
        firma_loop_stop(scene->loop);
}

static void test_blocked_signals_arrive_in_the_loop(void **state)
{
    struct scene *scene = *state;
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    assert_int_equal(sigprocmask(SIG_BLOCK, &set, &old), 0);
    kill(getpid(), SIGUSR1); /* before the loop knows: nothing is lost */
    assert_int_equal(firma_loop_signals(scene->loop, &set, keep_signal, scene, NULL), 0);
    kill(getpid(), SIGUSR2);
    run(scene);
    assert_int_equal(scene->count, 2);
    assert_int_equal(scene->order[0], SIGUSR1);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static pid_t child_that_exits(int status, int waits_for)
{
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        if (waits_for >= 0 && read(waits_for, &byte, 1) < 0)
            _exit(99);
        _exit(status);
    }
    assert_true(pid > 0);
    return pid;
}

static void keep_status(void *context, pid_t child, int status)
{
    struct scene *scene = context;
    (void)child;
    scene->order[scene->count++] = status;
    if (WIFEXITED(status) || WIFSIGNALED(status))
        firma_loop_stop(scene->loop);
}

static void test_children_end_and_are_reaped(void **state)
{
    struct scene *scene = *state;
    pid_t first = child_that_exits(42, -1), second = child_that_exits(7, scene->pair[1]);
    assert_int_equal(firma_loop_child(scene->loop, first, false, keep_status, scene, NULL), 0);
    assert_int_equal(firma_loop_child(scene->loop, second, false, keep_status, scene, NULL), 0);
    run(scene);
    assert_int_equal(WEXITSTATUS(scene->order[0]), 42);
    assert_int_equal(write(scene->pair[0], "x", 1), 1);
    run(scene);
    assert_int_equal(WEXITSTATUS(scene->order[1]), 7);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void continue_then_kill(void *context, pid_t child, int status)
{
    struct scene *scene = context;
    scene->order[scene->count++] = WIFSTOPPED(status) ? 'S' : WIFCONTINUED(status) ? 'C' : 'E';
    if (WIFSTOPPED(status))
        kill(child, SIGCONT);
    else if (WIFCONTINUED(status))
        kill(child, SIGKILL);
    else
        firma_loop_stop(scene->loop);
}

static void test_stops_and_continues_are_reported(void **state)
{
    struct scene *scene = *state;
    sigset_t old;
    sigprocmask(SIG_BLOCK, NULL, &old);
    pid_t child = child_that_exits(0, scene->pair[1]);
    kill(child, SIGSTOP); /* before it is watched: found all the same */
    assert_int_equal(firma_loop_child(scene->loop, child, true, continue_then_kill, scene, NULL),
                     0);
    run(scene);
    assert_int_equal(scene->count, 3);
    assert_memory_equal(scene->order, ((int[]){'S', 'C', 'E'}), 3 * sizeof(int));
    sigprocmask(SIG_SETMASK, &old, NULL);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_timers_fire_in_order_of_deadline),
        SCENE(test_rearming_moves_and_disarming_removes),
        SCENE(test_a_timer_armed_at_the_latest_never_moves_back),
        SCENE(test_a_callback_may_unwatch_itself_and_others),
        SCENE(test_events_can_be_changed_and_a_hang_up_is_what_was_asked_for),
        SCENE(test_a_watch_for_nothing_is_silent),
        SCENE(test_blocked_signals_arrive_in_the_loop),
        SCENE(test_children_end_and_are_reaped),
        SCENE(test_stops_and_continues_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
