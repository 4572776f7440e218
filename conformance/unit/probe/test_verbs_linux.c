/* The small commands: each does exactly what README.md says. */
#include <arpa/inet.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

static void start(struct program *program, const char *verb, const char *one, const char *two)
{
    const char *argv[] = {"firma-probe", verb, one, two, NULL};
    program_start(program, argv, -1);
}

static void statuses(void **state)
{
    static const char *const numbers[] = {"0", "1", "42", "125", "255"};
    struct program program;
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        start(&program, "exit", numbers[i], NULL);
        program_end(&program);
        assert_int_equal(WEXITSTATUS(program.status), atoi(numbers[i]));
        assert_int_equal(program.out_used + program.err_used, 0);
        program_free(&program);
    }
    start(&program, "exit", "256", NULL);
    program_end(&program);
    assert_int_equal(WEXITSTATUS(program.status), 64);
    program_free(&program);
    start(&program, "no-such-verb", NULL, NULL);
    program_end(&program);
    assert_int_equal(WEXITSTATUS(program.status), 64);
    program_free(&program);
}

static void deaths(void **state)
{
    static const int numbers[] = {SIGTERM, SIGKILL, SIGABRT, SIGSEGV, SIGPIPE};
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct program program;
        char text[8];
        snprintf(text, sizeof text, "%d", numbers[i]);
        start(&program, "die", text, NULL);
        program_end(&program);
        assert_true(WIFSIGNALED(program.status));
        assert_int_equal(WTERMSIG(program.status), numbers[i]);
        program_free(&program);
    }
}

static void streams_are_the_same_every_time(void **state)
{
    struct program first, second;
    (void)state;
    start(&first, "streams", "300000", "200000");
    program_end(&first);
    start(&second, "streams", "300000", "200000");
    program_end(&second);
    assert_int_equal(first.out_used, 300000);
    assert_int_equal(first.err_used, 200000);
    assert_memory_equal(first.out, second.out, 300000);
    assert_memory_equal(first.err, second.err, 200000);
    assert_memory_not_equal(first.out, first.err, 200);
    program_free(&first);
    program_free(&second);
}

static void cat_and_bytes(void **state)
{
    struct program program;
    (void)state;
    start(&program, "cat", NULL, NULL);
    assert_int_equal(write(program.input, "a\0b\xff", 4), 4);
    program_end(&program);
    assert_int_equal(program.out_used, 4);
    assert_memory_equal(program.out, "a\0b\xff", 4);
    program_free(&program);
    start(&program, "bytes", NULL, NULL);
    program_end(&program);
    assert_int_equal(program.out_used, 256 * 16);
    for (size_t i = 0; i < 256 * 16; i++)
        assert_int_equal((unsigned char)program.out[i], i % 256);
    program_free(&program);
}

static void signals_are_counted(void **state)
{
    struct program program;
    (void)state;
    start(&program, "signals", NULL, NULL);
    assert_true(program_await(&program, "ready\n"));
    kill(program.pid, SIGINT);
    assert_true(program_await(&program, "INT 1\n"));
    kill(program.pid, SIGINT);
    assert_true(program_await(&program, "INT 2\n"));
    kill(program.pid, SIGTSTP);
    assert_true(program_await(&program, "TSTP 1\n"));
    program_say(&program, "report\n");
    assert_true(program_await(&program, "\"TERM\":0,"));
    program_end(&program);
    assert_int_equal(program.status, 0);
    assert_non_null(strstr(program.out, "{\"INT\":2,"));
    program_free(&program);
}

static void term_is_trapped(void **state)
{
    struct program program;
    (void)state;
    start(&program, "trap-term", NULL, NULL);
    assert_true(program_await(&program, "ready\n"));
    kill(program.pid, SIGTERM);
    program_end(&program);
    assert_int_equal(WEXITSTATUS(program.status), 7);
    assert_string_equal(program.out, "ready\ncaught\n");
    program_free(&program);
    start(&program, "spin", NULL, NULL);
    assert_true(program_await(&program, "ready\n"));
    kill(program.pid, SIGINT);
    program_end(&program);
    assert_true(WIFSIGNALED(program.status) && WTERMSIG(program.status) == SIGINT);
    program_free(&program);
}

static void a_daemon_stays(void **state)
{
    struct program program;
    (void)state;
    start(&program, "daemon", NULL, NULL);
    program_end(&program); /* both streams end: the daemon holds none of them */
    assert_int_equal(program.status, 0);
    pid_t daemon = (pid_t)strtol(program.out, NULL, 10);
    assert_true(daemon > 1);
    assert_int_equal(kill(daemon, 0), 0);
    assert_int_equal(getsid(daemon) == getsid(0), 0);
    kill(daemon, SIGKILL);
    program_free(&program);
}

static json_t *envelope(const char *one, const char *two)
{
    struct program program;
    start(&program, "envelope", one, two);
    program_end(&program);
    assert_int_equal(program.status, 0);
    json_t *json = json_loads(program.out, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    program_free(&program);
    return json;
}

static const char *item(json_t *json, const char *key, size_t index)
{
    const char *value = json_string_value(json_array_get(json_object_get(json, key), index));
    return value == NULL ? "(none)" : value;
}

static void envelopes_tell_all(void **state)
{
    char cwd[4096];
    (void)state;
    json_t *json = envelope("", "new\nline \"\\\xc3");
    assert_string_equal(item(json, "argv", 1), "");
    assert_string_equal(item(json, "argv", 2), "new\\x0aline \"\\\\\\xc3");
    assert_string_equal(json_string_value(json_object_get(json, "cwd")), getcwd(cwd, sizeof cwd));
    assert_int_equal(json_integer_value(json_object_get(json, "uid")), getuid());
    assert_int_equal(json_array_size(json_object_get(json, "fds")), 0);
    assert_true(json_is_false(json_array_get(json_object_get(json, "isatty"), 0)));
    assert_int_equal(json_integer_value(json_object_get(json, "seccomp")), 0);
    json_t *caps = json_object_get(json, "caps");
    assert_int_equal(json_object_size(caps), 5);
    assert_int_equal(strlen(json_string_value(json_object_get(caps, "eff"))), 16);
    json_t *env = json_object_get(json, "env");
    for (size_t i = 1; i < json_array_size(env); i++)
        assert_true(strcmp(item(json, "env", i - 1), item(json, "env", i)) <= 0);
    json_decref(json);
}

static void syscalls_say_what_happened(void **state)
{
    struct program program;
    (void)state;
    start(&program, "syscalls", NULL, NULL);
    program_end(&program);
    json_t *json = json_loads(program.out, 0, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "getppid")), "ok");
    assert_non_null(json_object_get(json, "mkdir"));
    json_decref(json);
    program_free(&program);
}

static void a_marker_asks_the_proxy(void **state)
{
    static const char nonce[] = "0123456789abcdef0123456789abcdef";
    struct sidecar sidecar;
    struct program program;
    uint16_t port;
    char proxy[64], url[64];
    (void)state;
    pid_t upstream = world_upstream(&port);
    sidecar_start(&sidecar, "");
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", sidecar.port);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    setenv("http_proxy", proxy, 1);
    start(&program, "marker", nonce, url);
    unsetenv("http_proxy");
    program_end(&program);
    assert_int_equal(program.status, 0);
    assert_memory_equal(program.out, nonce, 32);
    program_free(&program);
    json_t *log = sidecar_end(&sidecar, true);
    assert_int_equal(count_records(log, "request", nonce), 1);
    json_decref(log);
    world_kill(upstream);
}

static void dns_ask_without_a_stub(void **state)
{
    struct program program;
    (void)state;
    start(&program, "dns-ask", NULL, NULL);
    program_end(&program);
    json_t *json = json_loads(program.out, 0, NULL);
    assert_int_equal(json_object_size(json), 2);
    assert_string_equal(json_string_value(json_object_get(json, "tcp 127.0.0.1:53")), "refused");
    json_decref(json);
    program_free(&program);
}

/* A stub that refuses over UDP and answers with records it does not have over TCP. */
static void dns_ask_tells_the_codes(void **state)
{
    struct program program;
    struct sockaddr_in from,
        address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof from;
    uint16_t port;
    char stub[64], text[1024];
    (void)state;
    int udp = world_socket(AF_INET, SOCK_DGRAM, &port);
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_port = htons(port);
    assert_int_equal(bind(tcp, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(tcp, 4), 0);
    snprintf(stub, sizeof stub, "127.0.0.1:%u", port);
    setenv("FIRMA_DNS_STUB_ADDR", stub, 1);
    start(&program, "dns-ask", NULL, NULL);
    unsetenv("FIRMA_DNS_STUB_ADDR");
    ssize_t got = recvfrom(udp, text, sizeof text, 0, (struct sockaddr *)&from, &length);
    assert_true(got > 12);
    text[2] |= (char)0x80;
    text[3] = 5;
    assert_int_equal(sendto(udp, text, (size_t)got, 0, (struct sockaddr *)&from, length), got);
    int fd = world_accept(tcp);
    size_t framed = world_read(fd, text, sizeof text);
    text[4] |= (char)0x80;
    text[9] = 2;
    assert_int_equal(write(fd, text, framed), framed);
    program_end(&program);
    close(fd);
    close(udp);
    close(tcp);
    json_t *json = json_loads(program.out, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "udp stub")), "REFUSED");
    assert_string_equal(json_string_value(json_object_get(json, "tcp stub")),
                        "NOERROR and 2 records");
    json_decref(json);
    program_free(&program);
}

/* The probe on a terminal of its own. */
static void winsize_follows_the_terminal(void **state)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    char text[256], path[512];
    int master, all = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/firma-probe", getenv("FIRMA_BIN"));
    pid_t pid = forkpty(&master, NULL, NULL, &size);
    assert_true(pid >= 0);
    if (pid == 0) {
        execl(path, path, "winsize", (char *)NULL);
        _exit(127);
    }
    while (all < 7)
        all += (int)world_read(master, text + all, sizeof text - (size_t)all);
    assert_string_equal(text, "24 80\r\n");
    size.ws_row = 40;
    size.ws_col = 100;
    assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
    for (all = 0; all < 8;)
        all += (int)world_read(master, text + all, sizeof text - (size_t)all);
    assert_string_equal(text, "40 100\r\n");
    int status = -1;
    assert_int_equal(write(master, "\x04", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses),
        cmocka_unit_test(deaths),
        cmocka_unit_test(streams_are_the_same_every_time),
        cmocka_unit_test(cat_and_bytes),
        cmocka_unit_test(signals_are_counted),
        cmocka_unit_test(term_is_trapped),
        cmocka_unit_test(a_daemon_stays),
        cmocka_unit_test(envelopes_tell_all),
        cmocka_unit_test(syscalls_say_what_happened),
        cmocka_unit_test(a_marker_asks_the_proxy),
        cmocka_unit_test(dns_ask_without_a_stub),
        cmocka_unit_test(dns_ask_tells_the_codes),
        cmocka_unit_test(winsize_follows_the_terminal),
    };
    world_enter();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
