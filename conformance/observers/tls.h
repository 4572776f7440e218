/* tls.h - the server name of a ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3). */
#ifndef CF_TLS_H
#define CF_TLS_H

#include <stddef.h>

enum cf_tls_hello {
    CF_TLS_NOT,     /* these bytes are no ClientHello */
    CF_TLS_PARTIAL, /* a prefix of one */
    CF_TLS_WHOLE,
};

/* Looks at the first LENGTH bytes of a connection. NAME (at least 256 bytes) becomes the server
 * name, or "" when a whole ClientHello carries none. The hello may span several TLS records. */
enum cf_tls_hello cf_tls_client_hello(const unsigned char *data, size_t length, char name[256]);

#endif
