/* fake-sidecar - an HTTP forward proxy that records everything and judges nothing. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sidecar.h"

static const char usage[] =
    "usage: fake-sidecar (--listen-fd N | --listen 127.0.0.1:PORT) [--log-fd N]\n"
    "                    [--source4 ADDRESS] [--source6 ADDRESS] [--script WORDS] [--ready-fd N]\n";

struct options {
    int listen_fd;
    int log_fd;
    int ready_fd; /* closed once the log is open and signals are watched; -1: none */
    const char *listen;
    const char *script;
};

void fake_finish(struct fake_sidecar *sidecar, int status)
{
    /* Never unlocked: no record may follow the last one, and accept(), which fails when its socket
     * is shut down, must not get as far as to end the process in its own way. */
    pthread_mutex_lock(&sidecar->lock);
    shutdown(sidecar->listen_fd, SHUT_RDWR);
    close(sidecar->listen_fd);
    if (cf_events_close(sidecar->events) != 0 && status == 0)
        status = 74;
    _exit(status);
}

struct accepted {
    struct fake_sidecar *sidecar;
    int fd;
    uint64_t id;
    struct sockaddr_storage peer;
};

static void *serve_thread(void *context)
{
    struct accepted accepted = *(struct accepted *)context;
    struct fake_sidecar *sidecar = accepted.sidecar;
    free(context);
    fake_serve(sidecar, accepted.fd, accepted.id, (struct sockaddr *)&accepted.peer);
    pthread_mutex_lock(&sidecar->lock);
    sidecar->live--;
    pthread_mutex_unlock(&sidecar->lock);
    return NULL;
}

static bool admit(struct fake_sidecar *sidecar, uint64_t *id)
{
    pthread_mutex_lock(&sidecar->lock);
    *id = ++sidecar->connections;
    bool room = sidecar->live < FAKE_CONNECTIONS;
    if (room)
        sidecar->live++;
    else
        cf_events_emit(sidecar->events, "end",
                       json_pack("{sI ss}", "conn", (json_int_t)*id, "reason", "too many"));
    pthread_mutex_unlock(&sidecar->lock);
    return room;
}

static void start_thread(struct accepted *accepted)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, serve_thread, accepted) != 0)
        fake_finish(accepted->sidecar, 71);
    pthread_attr_destroy(&attributes);
}

static void accept_loop(struct fake_sidecar *sidecar)
{
    for (;;) {
        struct accepted *accepted = calloc(1, sizeof *accepted);
        if (accepted == NULL)
            fake_finish(sidecar, 71);
        socklen_t length = sizeof accepted->peer;
        accepted->sidecar = sidecar;
        accepted->fd =
            fake_cloexec(accept(sidecar->listen_fd, (struct sockaddr *)&accepted->peer, &length));
        if (accepted->fd < 0) {
            int errnum = errno;
            free(accepted);
            if (errnum == EINTR || errnum == ECONNABORTED)
                continue;
            fake_finish(sidecar, 71);
        }
        /* BSD: the listener's O_NONBLOCK is inherited. */
        fcntl(accepted->fd, F_SETFL, 0);
        if (admit(sidecar, &accepted->id)) {
            start_thread(accepted);
        } else {
            close(accepted->fd);
            free(accepted);
        }
    }
}

static void *signal_thread(void *context)
{
    sigset_t set;
    int number = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigwait(&set, &number);
    fake_finish(context, 0);
}

static bool watch_signals(struct fake_sidecar *sidecar)
{
    sigset_t set;
    pthread_t thread;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    return pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 &&
           pthread_create(&thread, NULL, signal_thread, sidecar) == 0 &&
           pthread_detach(thread) == 0;
}

/* For people: listens on TEXT ("127.0.0.1:0") and prints the port. */
static int listen_on(const char *text)
{
    char host[256];
    uint16_t port = 0;
    struct fake_text authority = {text, strlen(text)};
    struct sockaddr_in address = {.sin_family = AF_INET};
    const char *colon = strrchr(text, ':');
    bool any = colon != NULL && strcmp(colon, ":0") == 0;
    if (any)
        authority.length = (size_t)(colon - text);
    if (!fake_authority(&authority, any ? 1 : 0, host, sizeof host, &port) ||
        inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
        ntohl(address.sin_addr.s_addr) >> 24 != 127)
        return -1;
    address.sin_port = htons(any ? 0 : port);
    socklen_t length = sizeof address;
    int fd = fake_cloexec(socket(AF_INET, SOCK_STREAM, 0));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static bool number(const char *text, int *out)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < 0 || value > 1 << 20)
        return false;
    *out = (int)value;
    return true;
}

static bool set_source(struct fake_sidecar *sidecar, const char *text, int family)
{
    if (family == AF_INET6) {
        sidecar->source6.sin6_family = AF_INET6;
        return inet_pton(AF_INET6, text, &sidecar->source6.sin6_addr) == 1;
    }
    sidecar->source4.sin_family = AF_INET;
    return inet_pton(AF_INET, text, &sidecar->source4.sin_addr) == 1;
}

static bool parse_options(int argc, char **argv, struct options *out, struct fake_sidecar *sidecar)
{
    static const struct option names[] = {
        {"listen-fd", required_argument, NULL, 'l'}, {"listen", required_argument, NULL, 'L'},
        {"log-fd", required_argument, NULL, 'o'},    {"ready-fd", required_argument, NULL, 'r'},
        {"source4", required_argument, NULL, '4'},   {"source6", required_argument, NULL, '6'},
        {"script", required_argument, NULL, 's'},    {NULL, 0, NULL, 0}};
    int name;
    bool good = true;
    while (good && (name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (name) {
        case 'l':
            good = number(optarg, &out->listen_fd);
            break;
        case 'L':
            out->listen = optarg;
            break;
        case 'o':
            good = number(optarg, &out->log_fd);
            break;
        case 'r':
            good = number(optarg, &out->ready_fd);
            break;
        case '4':
            good = set_source(sidecar, optarg, AF_INET);
            break;
        case '6':
            good = set_source(sidecar, optarg, AF_INET6);
            break;
        case 's':
            out->script = optarg;
            break;
        default:
            return false;
        }
        if (!good)
            fprintf(stderr, "fake-sidecar: `%s` is not what this option takes\n", optarg);
    }
    return good && optind == argc && (out->listen_fd >= 0) != (out->listen != NULL);
}

int main(int argc, char **argv)
{
    struct options options = {
        .listen_fd = -1, .log_fd = STDERR_FILENO, .ready_fd = -1, .script = ""};
    struct fake_sidecar sidecar = {.listen_fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct cf_error err;
    if (!parse_options(argc, argv, &options, &sidecar)) {
        fputs(usage, stderr);
        return 64;
    }
    if (!fake_script_parse(&sidecar.script, options.script))
        return 64;
    sidecar.listen_fd = options.listen != NULL ? listen_on(options.listen) : options.listen_fd;
    if (sidecar.listen_fd < 0) {
        fprintf(stderr, "fake-sidecar: cannot listen on `%s`: a loopback IPv4 address and port\n",
                options.listen);
        return 71;
    }
    fake_cloexec(sidecar.listen_fd);
    fcntl(sidecar.listen_fd, F_SETFL, 0);
    if (cf_events_open(&sidecar.events, fake_cloexec(options.log_fd), "sidecar", &err) != 0) {
        fprintf(stderr, "fake-sidecar: %s\n", err.text);
        return 74;
    }
    if (!watch_signals(&sidecar))
        fake_finish(&sidecar, 71);
    if (options.ready_fd >= 0)
        close(options.ready_fd);
    accept_loop(&sidecar);
}
