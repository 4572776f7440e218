/* tech_ports.c - many ports, many times: what a filter by port or by count would let through. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "techniques.h"

enum {
    SWEEP_PORTS = 96,
    SWEEP_UDP = 48,
    SWEEP_FIRST = 8,
    SWEEP_LOW = 28000,
    SWEEP_RANGE = 23000,
    AGAIN = 48
};

void probe_tech_udp_ports(const struct probe_step *step, struct probe_outcome *out)
{
    const char *addr = probe_param(step, "addr", "");
    for (const char *at = probe_param(step, "ports", "123,500,4500"); *at != '\0';) {
        struct probe_address address;
        char *end = NULL;
        long port = strtol(at, &end, 10);
        if (end == at || port < 1 || port > 65535 || !probe_address_make(&address, addr, port)) {
            probe_try(out, PROBE_ERROR, EINVAL, "needs addr=IP and ports=N,N");
            return;
        }
        probe_datagram(step, &address, NULL, step->nonce, PROBE_NONCE, 0, out);
        at = *end == ',' ? end + 1 : end;
    }
}

/* The first ports of all, then a sample of high ones that only the nonce foretells: other rows name
 * their ports lower, so that a leak of one port is one row's. */
static long sweep_port(const char *nonce, unsigned index)
{
    char digits[9] = "";
    if (index < SWEEP_FIRST)
        return (long)index + 1;
    memcpy(digits, nonce + index % (PROBE_NONCE - 8), 8);
    unsigned long mixed = strtoul(digits, NULL, 16) * 2654435761u + index * 40503u;
    return (long)(SWEEP_LOW + mixed % SWEEP_RANGE);
}

void probe_tech_sweep(const struct probe_step *step, struct probe_outcome *out)
{
    const char *addr = probe_param(step, "addr", "");
    bool udp = strcmp(probe_param(step, "proto", "tcp"), "udp") == 0;
    struct probe_outcome one;
    unsigned ports = udp ? SWEEP_UDP : SWEEP_PORTS; /* nobody slows datagrams down */
    for (unsigned i = 0; i < ports; i++) {
        struct probe_address address;
        memset(&one, 0, sizeof one);
        if (!probe_address_make(&address, addr, sweep_port(step->nonce, i))) {
            probe_try(out, PROBE_ERROR, EINVAL, "needs addr=IP");
            return;
        }
        if (udp)
            probe_datagram(step, &address, NULL, step->nonce, PROBE_NONCE, 0, &one);
        else
            probe_tcp_once(step, &address, NULL, ports - i, &one);
        /* One line for all of them: the strongest, and its words once. */
        if (i == 0 || one.result > out->result) {
            out->detail[0] = '\0';
            probe_try(out, (enum probe_result)one.result, one.errnum, "%.300s", one.detail);
        }
    }
}

/* One port, again and again: a limit that opens, a table that is full, a first packet forgotten. */
void probe_tech_again(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    struct probe_outcome one;
    if (!probe_address_of(step, 443, &address, out))
        return;
    for (unsigned i = 0; i < AGAIN; i++) {
        memset(&one, 0, sizeof one);
        probe_tcp_once(step, &address, NULL, AGAIN - i, &one);
        if (i == 0 || one.result > out->result) {
            out->detail[0] = '\0';
            probe_try(out, (enum probe_result)one.result, one.errnum, "try %u: %.300s", i + 1,
                      one.detail);
        }
    }
}
