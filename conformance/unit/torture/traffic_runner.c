/*
 * A runner that confines nothing and runs nothing: it talks to the bridge and to the DNS stub as a
 * guest would, whatever comes of it, says "out" and exits 42.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "firma_contract.h"

static const char requests[][160] = {
    "GET http://198.51.100.1/ HTTP/1.1\r\nHost: 198.51.100.1\r\n\r\n",
    "POST http://198.51.100.1/ HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
    "POST http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: 198.51.100.1\r\nMax-Forwards: 0\r\n\r\n",
    "CONNECT 198.51.100.1:443 HTTP/1.1\r\nHost: 198.51.100.1:443\r\n\r\nthrough",
    "nonsense\r\n\r\n",
};

/* A query for www.test, type A (RFC 1035), behind its length (TCP). */
static const uint8_t query[] = {0, 26,  0x12, 0x34, 1, 0,   0,   1,   0,   0, 0, 0, 0, 0,
                                3, 'w', 'w',  'w',  4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};

static int dial(int type, const char *host_port)
{
    const struct timeval patience = {.tv_sec = 2};
    const char *colon = strrchr(host_port, ':');
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        exit(42);
    return fd;
}

static void talk(int type, const char *host_port, const void *bytes, size_t size)
{
    char answer[4096];
    int fd = dial(type, host_port);
    if (send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size) {
        if (type == SOCK_STREAM)
            shutdown(fd, SHUT_WR);
        while (recv(fd, answer, sizeof answer, 0) > 0 && type == SOCK_STREAM)
            ;
    }
    close(fd);
}

int main(int argc, char **argv)
{
    struct firma_contract contract = {0};
    struct firma_error err = {0};
    if (argc != 3 || firma_contract_read(argv[2], &contract, &err) < 0)
        return 98;
    puts("out");
    fflush(stdout);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        talk(SOCK_STREAM, contract.proxy_url, requests[i], strlen(requests[i]));
    talk(SOCK_DGRAM, contract.dns_stub_addr, query + 2, sizeof query - 2);
    talk(SOCK_STREAM, contract.dns_stub_addr, query, sizeof query);
    firma_contract_clear(&contract);
    return 42;
}
