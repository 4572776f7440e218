/* A sidecar for a launch: fake-sidecar with a script, or one that hangs up in mid-word. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"

static const char answer[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n"
                             "Connection: close\r\n\r\n";

static int open_listener(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return -1;
    *port = ntohs(address.sin_port);
    return fd;
}

static _Noreturn void exec_fake(int listener, const char *script)
{
    int quiet = open("/dev/null", O_RDWR);
    dup2(quiet, 0);
    dup2(quiet, 1);
    dup2(quiet, 2);
    dup2(listener, 3); /* without CLOEXEC */
    execl("/lab/bin/fake-sidecar", "fake-sidecar", "--listen-fd", "3", "--script", script,
          (char *)NULL);
    _exit(99);
}

/* Says CUT bytes in all, over however many connections, and is gone. */
static _Noreturn void be_cut_short(int listener, long cut)
{
    char question[4096];
    while (cut > 0) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 || recv(fd, question, sizeof question, 0) <= 0)
            continue;
        size_t length = (size_t)cut < sizeof answer - 1 ? (size_t)cut : sizeof answer - 1;
        if (send(fd, answer, length, MSG_NOSIGNAL) > 0)
            cut -= (long)length;
        close(fd);
    }
    _exit(0);
}

pid_t fault_sidecar_start(const char *script, long cut, uint16_t *port)
{
    int listener = open_listener(port);
    pid_t pid = listener < 0 ? -1 : fork();
    if (pid == 0 && cut >= 0)
        be_cut_short(listener, cut);
    if (pid == 0)
        exec_fake(listener, script);
    close(listener);
    return pid;
}

void fault_sidecar_stop(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

long fault_sidecar_answer_length(void)
{
    return sizeof answer - 1;
}
