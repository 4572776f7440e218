/*
 * http_request.h - a guest's request: what is legal to ask, and how it is put to the sidecar.
 *
 * Nothing is copied through that says how a message travels: Host, Connection and the framing are
 * written from what was understood, hop-by-hop fields and those Connection names are dropped, and
 * so is every field the attribution owns (`x-firma-*` in any case, `_` for `-`). The authoritative
 * fields come last, after any dropping, so nothing the guest says can remove them.
 */
#ifndef FIRMA_HTTP_REQUEST_H
#define FIRMA_HTTP_REQUEST_H

#include "launcher/http_buffer.h"
#include "launcher/http_framing.h"
#include "launcher/http_target.h"

struct http_request {
    struct http_head head;
    struct http_target target;
    struct http_framing framing;
    bool is_connect;
    bool is_head;    /* its answer has no body */
    bool keep_alive; /* the guest can take another answer on this connection */
    bool persists;   /* so can we on the sidecar's */
    bool repeatable; /* safe and without a body: it may be sent twice */
};

/* Reads the complete head in DATA; slices point into DATA. False with WHY. */
bool firma_http_read_request(struct http_request *out, struct http_text data,
                             struct http_refusal *why);
/* Appends the head for the sidecar to OUT. ATTRIBUTION is complete field lines. False when it does
 * not fit, and then OUT holds a part of it. */
bool firma_http_write_request(const struct http_request *request, struct http_text attribution,
                              struct http_buffer *out);

/* True for every spelling of a name the attribution owns. */
bool firma_http_is_attribution(struct http_text name);
/* True when HEAD's field NAME concerns one connection only, by its name or because Connection says
 * so (RFC 9110 section 7.6.1). */
bool firma_http_is_hop_by_hop(const struct http_head *head, struct http_text name);
/* True when a Connection field of HEAD lists OPTION. */
bool firma_http_connection_has(const struct http_head *head, struct http_text option);
/* Appends "NAME: VALUE" CR LF. */
bool firma_http_write_field(struct http_buffer *out, struct http_text name, struct http_text value);

#endif
