/*
 * The runner's whole supervision of a machine (supervise.c) against a guest that says anything and
 * then is gone. The roads are socket pairs, the sidecar always answers.
 *
 * First byte: which of the proper first words the guest says before the rest. The rest is raw bytes
 * and frames in short. Whatever comes: nothing goes anywhere before the sidecar was asked, the
 * terminal and the streams are left alone, and a status is one that a command can have.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/vm/vm.h"

enum { SPEECH = 48 * 1024, FAR = 1024 };

static const char contract_text[] =
    "{\"version\":1,\"sandbox_id\":\"01900000-0000-7000-8000-000000000001\","
    "\"runtime_dir\":\"/r\",\"runner\":{\"path\":\"/r/r\"},\"guest\":{\"kernel\":\"/k\","
    "\"initrd\":\"/i\",\"rootfs\":\"/o\"},\"command\":{\"executable\":\"x\",\"args\":[],"
    "\"cwd\":\"/w\",\"env\":{},\"identity_mode\":\"host_user\",\"seccomp_filter_path\":null},"
    "\"mounts\":[{\"source\":\"/w\",\"target\":\"/w\",\"read_only\":false}],"
    "\"network\":{\"proxy_url\":\"http://127.0.0.1:9\",\"dns_stub_addr\":\"127.0.0.1:9\","
    "\"attribution_headers\":{\"x-firma-sandbox-id\":\"01900000-0000-7000-8000-000000000001\"}},"
    "\"invariants\":[{\"name\":\"sidecar_only_egress\",\"mode\":\"required\"},"
    "{\"name\":\"dns_confined\",\"mode\":\"required\"},"
    "{\"name\":\"fail_closed_startup\",\"mode\":\"required\"},"
    "{\"name\":\"fail_closed_runtime\",\"mode\":\"required\"},"
    "{\"name\":\"direct_bypass_resistant\",\"mode\":\"required\"},"
    "{\"name\":\"preserve_stdio_signals_exit\",\"mode\":\"required\"}]}";

static struct firma_contract contract;
static bool asked; /* the sidecar was, since the machine exists */
static int far_ends[FAR];
static unsigned dialled;

/* ---- what stands in for the runner's roads ---- */

int firma_runner_check_sidecar(uint16_t port, struct firma_error *err)
{
    (void)err;
    FUZZ_MUST(port == 9);
    asked = true;
    return 0;
}

void firma_vm_roads_open(struct firma_vm_roads *roads, const struct firma_contract *of)
{
    roads->proxy = firma_contract_proxy_port(of);
    roads->dns = firma_contract_dns_port(of);
    for (size_t i = 0; i < FIRMA_FLOW_COUNT; i++)
        roads->flows[i] = -1;
}

void firma_vm_roads_close(struct firma_vm_roads *roads)
{
    (void)roads;
}

/* By turns: a service that answers and ends, one that is silent, one that has gone, none. */
int firma_vm_roads_dial(const struct firma_vm_roads *roads, uint8_t service)
{
    int pair[2];
    (void)roads;
    FUZZ_MUST(asked && (service == FIRMA_SERVICE_PROXY || service == FIRMA_SERVICE_DNS));
    unsigned kind = dialled++ % 4;
    if (kind == 3 || dialled >= FAR)
        return -1;
    FUZZ_MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    if (kind == 0)
        FUZZ_MUST(write(pair[1], "answer", 6) == 6 && shutdown(pair[1], SHUT_WR) == 0);
    if (kind == 2)
        close(pair[1]);
    else
        far_ends[dialled] = pair[1];
    return pair[0];
}

void firma_vm_roads_send(struct firma_vm_roads *roads, uint16_t flow, const uint8_t *bytes,
                         size_t length)
{
    (void)roads;
    (void)bytes;
    FUZZ_MUST(asked && flow < FIRMA_FLOW_COUNT && length <= FIRMA_FRAME_PAYLOAD);
}

void firma_vm_roads_watch(const struct firma_vm_roads *roads, struct pollfd *polled)
{
    for (size_t i = 0; i < FIRMA_FLOW_COUNT; i++)
        polled[i] = (struct pollfd){.fd = roads->flows[i], .events = POLLIN};
}

void firma_vm_roads_serve(struct firma_vm_roads *roads, struct firma_mux *mux,
                          const struct pollfd *polled)
{
    (void)roads;
    (void)polled;
    if (asked)
        firma_mux_send_datagram(mux, 3, "answer", 6);
}

/* ---- what the guest says ---- */

struct speech {
    uint8_t bytes[SPEECH];
    size_t used;
};

static void say(struct speech *speech, enum firma_frame_kind kind, uint16_t stream,
                const uint8_t *payload, size_t length)
{
    const struct firma_frame frame = {kind, stream, payload, length};
    if (SPEECH - speech->used >= FIRMA_FRAME_HEADER + length)
        speech->used += firma_frame_encode(&frame, speech->bytes + speech->used);
}

static void say_word(struct speech *speech, uint32_t word, uint32_t value)
{
    uint8_t payload[8];
    firma_put32(payload, word);
    firma_put32(payload + 4, value);
    say(speech, FIRMA_FRAME_WORD, 0, payload, sizeof payload);
}

static void say_raw(struct speech *speech, struct fuzz_input *input)
{
    size_t size = fuzz_take(input, 1);
    size = size < input->left ? size : input->left;
    size = size < SPEECH - speech->used ? size : SPEECH - speech->used;
    memcpy(speech->bytes + speech->used, input->at, size);
    speech->used += size;
    input->at += size;
    input->left -= size;
}

static void say_frame(struct speech *speech, struct fuzz_input *input)
{
    static uint8_t payload[FIRMA_FRAME_PAYLOAD];
    uint32_t kind = fuzz_take(input, 1) % 10, stream = fuzz_take(input, 2);
    size_t length = fuzz_take(input, 2) % (FIRMA_FRAME_PAYLOAD + 1);
    uint32_t number = fuzz_take(input, 4);
    memset(payload, (int)number, length);
    if (length >= 4)
        firma_put32(payload, number);
    say(speech, (enum firma_frame_kind)kind, (uint16_t)stream, payload, length);
}

static void compose(struct speech *speech, struct fuzz_input *input)
{
    uint32_t first = fuzz_take(input, 1);
    speech->used = 0;
    if ((first & 1) != 0)
        say_word(speech, FIRMA_WORD_HELLO, FIRMA_VM_PROTOCOL);
    if ((first & 2) != 0)
        say_word(speech, FIRMA_WORD_READY, 0);
    while (input->left > 0 && speech->used < SPEECH) {
        uint32_t what = fuzz_take(input, 1) % 4;
        if (what == 0)
            say_raw(speech, input);
        else if (what == 1)
            say_word(speech, fuzz_take(input, 1), fuzz_take(input, 4));
        else
            say_frame(speech, input);
        if (speech->used + FIRMA_FRAME_MAX > SPEECH)
            break;
    }
}

/* ---- one machine ---- */

static void set_descriptor(int number, int fd)
{
    FUZZ_MUST(dup2(fd, number) == number);
    close(fd);
}

/* Standard input has a little to say, standard output takes all; standard error is the fuzzer's,
 * and looks closed to the runner. */
static void set_streams(void)
{
    int pair[2];
    FUZZ_MUST(pipe2(pair, O_CLOEXEC) == 0 && write(pair[1], "typed", 5) == 5);
    close(pair[1]);
    set_descriptor(0, pair[0]);
    set_descriptor(1, open("/dev/null", O_WRONLY | O_CLOEXEC));
    FUZZ_MUST(fcntl(2, F_SETFD, FD_CLOEXEC) == 0);
}

static void set_up(void)
{
    struct firma_error err;
    signal(SIGPIPE, SIG_IGN);
    FUZZ_MUST(firma_contract_decode(contract_text, sizeof contract_text - 1, &contract, &err) == 0);
    for (size_t i = 0; i < FAR; i++)
        far_ends[i] = -1;
}

static void check(int result, int status, const struct firma_error *err)
{
    FUZZ_MUST(result == 0 || (result == -err->code && err->text[0] != '\0'));
    for (const char *c = err->text; *c != '\0'; c++)
        FUZZ_MUST(*c >= 0x20 && *c < 0x7f);
    if (result != 0)
        return;
    FUZZ_MUST(asked && (WIFEXITED(status) || WIFSIGNALED(status)));
    FUZZ_MUST(!WIFEXITED(status) || (status & ~0xff00) == 0);
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : SIGKILL;
    FUZZ_MUST(number != SIGSTOP && number != SIGTSTP && number != SIGTTIN && number != SIGTTOU);
    FUZZ_MUST(number != SIGCHLD && number != SIGCONT && number != SIGURG && number != SIGWINCH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct speech speech;
    static const struct firma_runner_origin origin;
    struct fuzz_input input = {data, size};
    struct firma_error err = {0};
    struct firma_vm_machine machine;
    int channel[2], status = -1;
    if (contract.cwd == NULL)
        set_up();
    set_streams();
    asked = false;
    dialled = 0;
    compose(&speech, &input);
    FUZZ_MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, channel) == 0);
    FUZZ_MUST(send(channel[1], speech.bytes, speech.used, MSG_NOSIGNAL) == (ssize_t)speech.used);
    FUZZ_MUST(shutdown(channel[1], SHUT_WR) == 0);
    firma_vm_machine_init(&machine);
    machine.channel = channel[0];
    machine.options.start_seconds = 100;
    int result = firma_vm_supervise(&contract, &origin, &machine, &status, &err);
    check(result, status, &err);
    close(channel[0]);
    close(channel[1]);
    for (size_t i = 0; i < FAR; i++)
        if (far_ends[i] >= 0) {
            close(far_ends[i]);
            far_ends[i] = -1;
        }
    return 0;
}
