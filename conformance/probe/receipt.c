#include "receipt.h"

#include <string.h>
#include <unistd.h>

void probe_receipts_start(struct probe_receipts *receipts)
{
    memset(receipts, 0, sizeof *receipts);
    receipts->round = -1;
    probe_sha256_start(&receipts->hash);
}

void probe_receipt_begin(struct probe_receipts *receipts, struct probe_text *text,
                         const char *event)
{
    memset(text, 0, sizeof *text);
    probe_put(text, "{\"receipt\":%u,\"event\":\"%s\"", receipts->next++, event);
    probe_put(text, ",\"fault\":");
    probe_put_word(text, receipts->fault[0] == '\0' ? NULL : receipts->fault);
    if (receipts->round >= 0)
        probe_put(text, ",\"round\":%ld", receipts->round);
    probe_put(text, ",\"priv\":{\"uid\":%ld,\"caps\":\"%016llx\",\"userns\":%llu}", (long)geteuid(),
              (unsigned long long)probe_capabilities(), (unsigned long long)probe_user_namespace());
}

bool probe_receipt_emit(struct probe_receipts *receipts, struct probe_text *text)
{
    probe_put(text, "}\n");
    probe_sha256_add(&receipts->hash, text->data, text->used);
    return probe_write(STDOUT_FILENO, text->data, text->used);
}

void probe_receipt_outcome(struct probe_text *text, const struct probe_outcome *out, pid_t pid,
                           uint64_t start, uint64_t end)
{
    probe_put(text, ",\"result\":\"%s\",\"errno\":", probe_result_name(out->result));
    probe_put_word(text, probe_errno_name(out->errnum));
    if (out->status != 0)
        probe_put(text, ",\"status\":%d", out->status);
    probe_put(text, ",\"detail\":");
    probe_put_word(text, out->detail);
    probe_put(text, ",\"t_start\":%llu,\"t_end\":%llu,\"pid\":%ld", (unsigned long long)start,
              (unsigned long long)end, (long)pid);
}
