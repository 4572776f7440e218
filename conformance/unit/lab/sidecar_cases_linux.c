/* sidecar_cases_linux.c - mediated traffic takes no frame on the link. */
#include <signal.h>
#include <stdlib.h>

#include "lab_test.h"

static int mediated(struct cf_lab *lab, void *context)
{
    struct cf_sidecar sidecar, again;
    struct cf_error error = {0};
    char output[256], port[8];
    (void)context;
    CHECK(cf_lab_heartbeat(lab, "opening", &error) == 0);
    CHECK(cf_lab_sidecar_start(lab, NULL, 0, &sidecar, &error) == 0);
    snprintf(port, sizeof port, "%u", sidecar.port);
    CHECK(subject(lab, false, output, "request", "127.0.0.1", port, "http://1.1.1.1:80/nonce-m4",
                  NULL) == 0);
    CHECK_TEXT(output, "HTTP/1.1 200 OK");
    CHECK(subject(lab, false, output, "request", "127.0.0.1", port,
                  "http://[2606:4700::1111]:8080/nonce-m6", NULL) == 0);
    CHECK_TEXT(output, "HTTP/1.1 200 OK");
    cf_lab_sidecar_stop(lab, &sidecar, SIGKILL);
    CHECK(subject(lab, false, output, "request", "127.0.0.1", port, "http://1.1.1.1/", NULL) == 1);
    CHECK_TEXT(output, "ECONNREFUSED");
    /* A restart finds the port free although connections were just open. */
    CHECK(cf_lab_sidecar_start(lab, NULL, (uint16_t)atoi(port), &again, &error) == 0);
    CHECK(again.index == 1 && again.port == atoi(port));
    CHECK(subject(lab, false, output, "request", "127.0.0.1", port, "http://1.1.1.1/nonce-r",
                  NULL) == 0);
    return cf_lab_heartbeat(lab, "closing", &error);
}

static int mediated_arrived(int evidence)
{
    int foreign = -1;
    CHECK(records(evidence, "canary.jsonl", "tcp-data", "data", "nonce-m4") == 1);
    CHECK(records(evidence, "canary.jsonl", "tcp-data", "data", "nonce-m6") == 1);
    CHECK(records(evidence, "canary.jsonl", "tcp-data", "data", "nonce-r") == 1);
    CHECK(records(evidence, "canary.jsonl", "tcp-open", "via", "sidecar") == 3);
    CHECK(records(evidence, "sidecar-0.jsonl", "request", "target", "nonce-m4") == 1);
    CHECK(records(evidence, "sidecar-1.jsonl", "close", NULL, NULL) == 1);
    CHECK(records(evidence, "harness.jsonl", "sidecar-stopped", NULL, NULL) == 2);
    CHECK(frames(evidence, &foreign) > 0 && foreign == 0);
    return 0;
}

static int scripted(struct cf_lab *lab, void *context)
{
    struct cf_sidecar sidecar;
    struct cf_error error = {0};
    char output[256], port[8];
    (void)context;
    CHECK(cf_lab_sidecar_start(lab, "deny", 0, &sidecar, &error) == 0);
    snprintf(port, sizeof port, "%u", sidecar.port);
    CHECK(subject(lab, false, output, "request", "127.0.0.1", port, "http://1.1.1.1/x", NULL) == 0);
    CHECK_TEXT(output, "HTTP/1.1 403 Forbidden");
    return 0;
}

const struct lab_case SIDECAR_CASES[] = {
    {"mediated requests stay off the link", mediated, mediated_arrived, false, false},
    {"a sidecar follows its script", scripted, NULL, false, false},
    {NULL, NULL, NULL, false, false},
};
