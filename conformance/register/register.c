#include "register/register.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

const struct cf_launch cf_launches[] = {
#define LAUNCH(name, scenario, detail, statement) {#name, scenario, detail, statement},
#include "register/launches.def"
#undef LAUNCH
};
const size_t cf_launch_count = sizeof cf_launches / sizeof cf_launches[0];

const struct cf_row cf_rows[] = {
#define ROW(id, level, invariant, subject, kind, launch, observers, attempt, source, statement)    \
    {id, level, CF_##invariant, subject, kind, #launch, observers, attempt, source, statement},
#include "register/bypass.def"
#include "register/contract.def"
#include "register/dns.def"
#include "register/egress.def"
#include "register/envelope.def"
#include "register/guest_root.def"
#include "register/host.def"
#include "register/launcher.def"
#include "register/programs.def"
#include "register/runtime.def"
#include "register/startup.def"
#include "register/stdio.def"
#undef ROW
};
const size_t cf_row_count = sizeof cf_rows / sizeof cf_rows[0];

const struct cf_launch *cf_launch_find(const char *name)
{
    for (size_t i = 0; i < cf_launch_count; i++)
        if (strcmp(cf_launches[i].name, name) == 0)
            return &cf_launches[i];
    return NULL;
}

bool cf_launch_kills(const struct cf_launch *launch)
{
    static const char *const faults[] = {"runner-killed", "launcher-killed", "guardian-killed",
                                         "hung-up"};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (launch->scenario == CF_OUTAGE && strcmp(launch->detail, faults[i]) == 0)
            return true;
    return false;
}

bool cf_launch_has_second_user(const struct cf_launch *launch)
{
    return launch->scenario == CF_NEIGHBOUR || strcmp(launch->detail, "second-user") == 0;
}

const struct cf_row *cf_row_find(const char *id)
{
    for (size_t i = 0; id != NULL && i < cf_row_count; i++)
        if (strcmp(cf_rows[i].id, id) == 0)
            return &cf_rows[i];
    return NULL;
}

const char *cf_row_group(const struct cf_row *row)
{
    static const char *const groups[] = {"by", "ct", "dn", "eg", "en",
                                         "fr", "fs", "hs", "io", "la"};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (strncmp(row->id, groups[i], 2) == 0 && row->id[2] == '.')
            return groups[i];
    return "other";
}

const char *cf_invariant_name(enum cf_invariant invariant)
{
    static const char *const names[] = {
#define X(name) #name,
        CF_INVARIANTS(X)
#undef X
    };
    return names[invariant];
}

const char *cf_level_name(enum cf_level level)
{
    static const char *const names[] = {"MUST", "SHOULD", "INFO"};
    return names[level];
}

const char *cf_subject_name(enum cf_subject subject)
{
    static const char *const names[] = {"launcher", "runner", "pair"};
    return names[subject];
}

const char *cf_kind_name(enum cf_kind kind)
{
    static const char *const names[] = {"deny", "outage", "refuse", "compare"};
    return names[kind];
}

static void hash_text(EVP_MD_CTX *hash, const char *text)
{
    EVP_DigestUpdate(hash, text, strlen(text) + 1);
}

static void hash_row(EVP_MD_CTX *hash, const struct cf_row *row)
{
    hash_text(hash, row->id);
    hash_text(hash, cf_level_name(row->level));
    hash_text(hash, cf_invariant_name(row->invariant));
    hash_text(hash, cf_subject_name(row->subject));
    hash_text(hash, cf_kind_name(row->kind));
    hash_text(hash, row->launch);
    hash_text(hash, row->observers);
    hash_text(hash, row->attempt);
    hash_text(hash, row->source);
    hash_text(hash, row->statement);
}

int cf_register_digest(char text[65], struct cf_error *err)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(hash);
        return cf_fail(err, CF_E_SYSTEM, 0, "SHA-256 is not available");
    }
    for (size_t i = 0; i < cf_launch_count; i++) {
        hash_text(hash, cf_launches[i].name);
        hash_text(hash, cf_launches[i].detail);
        EVP_DigestUpdate(hash, &cf_launches[i].scenario, sizeof cf_launches[i].scenario);
    }
    for (size_t i = 0; i < cf_row_count; i++)
        hash_row(hash, &cf_rows[i]);
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_DigestFinal_ex(hash, digest, NULL);
    EVP_MD_CTX_free(hash);
    for (int i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

int cf_row_matches(const struct cf_row *row, const char *selector)
{
    return strcmp(selector, row->id) == 0 || strcmp(selector, cf_row_group(row)) == 0 ||
           strcmp(selector, cf_level_name(row->level)) == 0 ||
           strcmp(selector, cf_invariant_name(row->invariant)) == 0 ||
           strcmp(selector, row->launch) == 0;
}
