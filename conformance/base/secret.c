#include "base/secret.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"

void cf_secret(const char *nonce, char out[CF_SECRET_TEXT])
{
    char text[96], digest[65] = "";
    snprintf(text, sizeof text, "a secret of %.64s", nonce);
    cf_digest_bytes(text, strlen(text), digest);
    snprintf(out, CF_SECRET_TEXT, "%.32s", digest);
}
