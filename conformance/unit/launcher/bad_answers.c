#include "bad_answers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
    const char *name;
    const char *answer; /* then it hangs up */
} kinds[BAD_ANSWERS] = {
    {"CLOSED", NULL}, /* bound, never listening: whoever dials is refused, and nobody takes it */
    {"SILENT", NULL}, /* listening, never accepting */
    {"HANGS_UP", ""},
    {"CUT_OFF", "HTTP/1.1 2"},
    {"SSH", "SSH-2.0-OpenSSH_9.2p1\r\n"},
    {"HTTP_2", "HTTP/2 200 OK\r\n\r\n"},
    {"STATUS_999", "HTTP/1.1 999 Beyond\r\n\r\n"},
};

static int open_one(char address[64], int listening)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, length) < 0 ||
        getsockname(fd, (struct sockaddr *)&name, &length) < 0 || (listening && listen(fd, 64) < 0))
        abort();
    snprintf(address, 64, "tcp://127.0.0.1:%u", ntohs(name.sin_port));
    return fd;
}

/* The request is read first: a close with unread bytes would be a reset. */
static void answer_one(int listener, const char *answer)
{
    char request[1024];
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
        return;
    ssize_t ignored = recv(fd, request, sizeof request, 0);
    ignored = send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    (void)ignored;
    close(fd);
}

static void serve(const struct bad_answers *answers)
{
    struct pollfd waiting[BAD_ANSWERS];
    for (size_t i = 0; i < BAD_ANSWERS; i++)
        waiting[i] = (struct pollfd){.fd = kinds[i].answer != NULL ? answers->sockets[i] : -1,
                                     .events = POLLIN};
    while (poll(waiting, BAD_ANSWERS, -1) > 0) {
        for (size_t i = 0; i < BAD_ANSWERS; i++) {
            if (waiting[i].revents != 0)
                answer_one(waiting[i].fd, kinds[i].answer);
        }
    }
}

void bad_answers_open(struct bad_answers *answers)
{
    for (size_t i = 0; i < BAD_ANSWERS; i++) {
        answers->names[i] = kinds[i].name;
        answers->sockets[i] = open_one(answers->addresses[i], i > 0);
    }
    answers->server = fork();
    if (answers->server == 0) {
        alarm(120);
        serve(answers);
        _exit(0);
    }
}

void bad_answers_close(struct bad_answers *answers)
{
    if (answers->server > 0) {
        kill(answers->server, SIGKILL);
        waitpid(answers->server, NULL, 0);
    }
    for (size_t i = 0; i < BAD_ANSWERS; i++)
        close(answers->sockets[i]);
}
