/*
 * recorder.c - what a launcher hands to its runner, recorded by a runner that is an instrument.
 *
 * Subject: `firma-run` with the recorder as its runner. Control: the recorder started by hand with
 * everything wrong on purpose (a stray argument, variable, descriptor and signal setting, a
 * readable contract with a secret in it, no proof): each check must object to that record, or it
 * could not have objected to the subject's.
 */
#include "base/socket.h"
#include "scenarios/stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char recorder[] = "/lab/bin/recorder-runner";
static const char record_path[] = "/lab/work/recorder.json";
static const char soiled_contract[] = "/lab/run/soiled/vz-guest-launch.json";
static const char *const command[] = {"/lab/bin/firma-probe", "exit", "0", "", "a\nb", NULL};

/* What an operator's shell may hold that steers loaders, interpreters and clients. */
static const char *const steering[] = {"LD_LIBRARY_PATH=/lab/work",
                                       "GCONV_PATH=/lab/work",
                                       "BASH_ENV=/lab/work/planted",
                                       "ENV=/lab/work/planted",
                                       "PYTHONPATH=/lab/work",
                                       "NODE_OPTIONS=--require=/lab/work/planted",
                                       "PERL5OPT=-I/lab/work",
                                       "GIT_CONFIG_GLOBAL=/lab/work/planted",
                                       "SSL_CERT_FILE=/lab/work/planted",
                                       "HTTP_PROXY=http://203.0.113.9:3128",
                                       "https_proxy=http://203.0.113.9:3128",
                                       "ALL_PROXY=socks5://203.0.113.9:1080",
                                       NULL};

/* The whole world may read and write what is made, and descriptors stand open far and wide. */
static const char *const careless[] = {
    "/bin/sh",          "-c", "umask 0; exec \"$@\"", "/bin/sh", "/lab/bin/firma-probe",
    "with-descriptors", NULL};

static void make_careless(struct cf_start *start)
{
    struct cf_words words = {0};
    for (const char *const *word = careless; *word != NULL; word++)
        cf_words_add(&words, "%s", *word);
    for (const char *const *variable = steering; *variable != NULL; variable++)
        cf_words_add(&start->env, "%s", *variable);
    cf_words_insert(&start->argv, 0, &words);
    cf_words_release(&words);
}

/* Whether somebody listens at PORT. Where nobody does, the system may pick that very port for our
 * own end, and we are connected to ourselves. */
static bool answers(unsigned port)
{
    struct sockaddr_in own = {0};
    socklen_t length = sizeof own;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = cf_socket(AF_INET, SOCK_STREAM);
    bool connected = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
                     getsockname(fd, (struct sockaddr *)&own, &length) == 0 &&
                     own.sin_port != to.sin_port;
    if (fd >= 0)
        close(fd);
    return connected;
}

/* The port behind KEY in the contract's escaped bytes, 0 when there is none. */
static unsigned port_behind(const char *bytes, const char *key)
{
    const char *at = bytes == NULL ? NULL : strstr(bytes, key);
    const char *address = at == NULL ? NULL : strstr(at, "127.0.0.1:");
    return address == NULL ? 0 : (unsigned)strtoul(address + strlen("127.0.0.1:"), NULL, 10);
}

/* Whether bridge and stub still listen when the run is over; in a control, which has neither, the
 * sidecar stands for both. */
static void knock(struct cf_stage *stage, const json_t *seen)
{
    const json_t *custody = json_object_get(seen, "custody");
    const char *bytes = json_string_value(json_object_get(custody, "contract_bytes"));
    unsigned ports[2] = {port_behind(bytes, "\"proxy_url\""),
                         port_behind(bytes, "\"dns_stub_addr\"")};
    if (stage->leg == CF_CONTROL)
        ports[0] = ports[1] = stage->sidecar.port;
    cf_events_emit(stage->events, "knocked",
                   json_pack("{sisisbsb}", "bridge", (int)ports[0], "stub", (int)ports[1],
                             "bridge_answers", answers(ports[0]), "stub_answers",
                             answers(ports[1])));
}

static void record(struct cf_stage *stage)
{
    json_t *seen = json_load_file(record_path, 0, NULL);
    knock(stage, seen);
    cf_events_emit(stage->events, "record", json_pack("{so?}", "record", seen));
}

static int run(struct cf_stage *stage, const struct cf_start *start, int extra_fd,
               struct cf_error *err)
{
    struct cf_process process;
    int failed = cf_stage_start(stage, &process, start, extra_fd, err);
    if (failed != 0)
        return failed;
    cf_process_close_input(&process);
    cf_process_finish(&process, stage->lab, stage->launch_ms);
    record(stage);
    cf_stage_ended(stage, &process, "ended", NULL);
    return 0;
}

static int soil(struct cf_error *err)
{
    static const char text[] = "{\"command\":{\"cwd\":\"/lab/work\",\"args\":[],\"env\":"
                               "{\"FIRMA_CAPABILITY_TOKEN\":\"firma-secret-token\"}},"
                               "\"version\":1,\"surprise\":true}\n";
    if (mkdir("/lab/run/soiled", 0755) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "/lab/run/soiled");
    int fd = open(soiled_contract, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", soiled_contract);
    ssize_t written = write(fd, text, sizeof text - 1);
    close(fd);
    return written == (ssize_t)(sizeof text - 1)
               ? 0
               : cf_fail(err, CF_E_SYSTEM, EIO, "%s", soiled_contract);
}

static int control(struct cf_stage *stage, struct cf_error *err)
{
    struct cf_start start = {0};
    int failed = soil(err);
    if (failed != 0)
        return failed;
    static const char *const argv[] = {"/usr/bin/env",
                                       "--ignore-signal=USR1",
                                       "--block-signal=USR2",
                                       recorder,
                                       "--launch-contract",
                                       soiled_contract,
                                       "--stray",
                                       NULL};
    for (const char *const *word = argv; *word != NULL; word++)
        cf_words_add(&start.argv, "%s", *word);
    cf_words_add(&start.env, "FIRMA_CAPABILITY_TOKEN=firma-secret-token");
    make_careless(&start);
    int stray = open("/dev/null", O_RDONLY | O_CLOEXEC);
    failed = run(stage, &start, stray, err);
    if (stray >= 0)
        close(stray);
    cf_start_release(&start);
    return failed;
}

int cf_scenario_recorder(struct cf_stage *stage, struct cf_error *err)
{
    struct cf_start start;
    if (stage->leg == CF_CONTROL)
        return control(stage, err);
    cf_start_launcher(&start, stage, NULL, command);
    cf_words_set(&start.env, "FIRMA_RUN_VZ_GUEST_RUNNER", recorder);
    make_careless(&start);
    /* A descriptor an operator's shell left open. */
    int stray = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int failed = run(stage, &start, stray, err);
    if (stray >= 0)
        close(stray);
    cf_start_release(&start);
    return failed;
}
