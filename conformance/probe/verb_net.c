/* verb_net.c - commands that ask once and say what came: marker, dns-ask. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns.h"
#include "http.h"
#include "verbs.h"

enum { PATIENCE_MS = 5000 };

static struct probe_step make_step(const char *nonce)
{
    return (struct probe_step){.row = "",
                               .nonce = nonce,
                               .deadline_ms = PATIENCE_MS,
                               .expires = probe_now() + PATIENCE_MS * 1000000ull};
}

int probe_verb_marker(int argc, char **argv, char **envp)
{
    (void)envp;
    char url[PROBE_URL];
    struct probe_outcome out = {0};
    if (argc != 3 || !probe_is_hex(argv[1], PROBE_NONCE))
        return -1;
    struct probe_answer *answer = calloc(1, sizeof *answer);
    struct probe_step step = make_step(argv[1]);
    printf("%s\n", argv[1]);
    fflush(stdout);
    bool slash = argv[2][0] != '\0' && argv[2][strlen(argv[2]) - 1] == '/';
    snprintf(url, sizeof url, "%s%s%s", argv[2], slash ? "" : "/", argv[1]);
    bool asked =
        answer != NULL && probe_http_ask(&step, url, probe_proxy(), NULL, answer, &out) >= 0;
    free(answer);
    return asked ? 0 : 1;
}

/* "udp 127.0.0.1:53":"REFUSED", or what became of the question instead of an answer. */
static void ask(struct probe_text *text, const char *where, const struct probe_address *address,
                bool tcp)
{
    struct probe_step step = make_step("");
    struct probe_outcome out = {0};
    struct probe_dns_answer answer =
        probe_dns_ask(&step, address, tcp, "firma-probe.invalid", "A", 1, &out);
    const char *said = answer.came ? probe_dns_rcode(answer.rcode) : probe_result_name(out.result);
    probe_put(text, "%s\"%s %s\":\"%s", text->used == 1 ? "" : ",", tcp ? "tcp" : "udp", where,
              said);
    if (answer.records > 0)
        probe_put(text, " and %u records", answer.records);
    probe_put(text, "\"");
}

int probe_verb_dns_ask(int argc, char **argv, char **envp)
{
    (void)argv, (void)envp;
    struct probe_text text = {0};
    struct probe_address stub, local;
    if (argc != 1)
        return -1;
    probe_put(&text, "{");
    for (int tcp = 0; tcp < 2; tcp++) {
        if (probe_dns_stub_address(&stub))
            ask(&text, "stub", &stub, tcp);
        if (probe_address_make(&local, "127.0.0.1", 53))
            ask(&text, "127.0.0.1:53", &local, tcp);
    }
    probe_put(&text, "}\n");
    return probe_write(STDOUT_FILENO, text.data, text.used) ? 0 : 74;
}
