/*
 * receipt.h - one JSON line per thing done, on standard output, one write each.
 *
 * {"receipt":N,"event":E,…}. Everything printed is hashed: the digest of all receipts so far is
 * what live-after carries out, so that a receipt edited on its way shows.
 */
#ifndef PROBE_RECEIPT_H
#define PROBE_RECEIPT_H

#include "probe.h"
#include "sha256.h"

struct probe_receipts {
    unsigned next;
    long round;     /* of a repeat, from 0; -1 outside */
    char fault[65]; /* what the harness said when it made the fault; empty before */
    struct probe_sha256 hash;
};

void probe_receipts_start(struct probe_receipts *receipts);
/* Begins a receipt: number, event and priv. The caller adds `,"key":value` and calls emit. */
void probe_receipt_begin(struct probe_receipts *receipts, struct probe_text *text,
                         const char *event);
/* Closes and prints it; false: standard output is gone. */
bool probe_receipt_emit(struct probe_receipts *receipts, struct probe_text *text);
/* The members an attempt adds. */
void probe_receipt_outcome(struct probe_text *text, const struct probe_outcome *out, pid_t pid,
                           uint64_t start, uint64_t end);

#endif
