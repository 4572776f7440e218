#include "base/nonce.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

int cf_nonce(char text[CF_NONCE_TEXT], struct cf_error *err)
{
    unsigned char bytes[CF_NONCE_BYTES];
    if (getentropy(bytes, sizeof bytes) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "getentropy");
    for (int i = 0; i < CF_NONCE_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

int cf_nonce_bytes(const char *text, unsigned char bytes[CF_NONCE_BYTES])
{
    if (text == NULL || strlen(text) != CF_NONCE_TEXT - 1 ||
        strspn(text, "0123456789abcdef") != CF_NONCE_TEXT - 1)
        return -CF_E_BUNDLE;
    for (int i = 0; i < CF_NONCE_BYTES; i++) {
        unsigned value = 0;
        sscanf(text + 2 * i, "%2x", &value);
        bytes[i] = (unsigned char)value;
    }
    return 0;
}
