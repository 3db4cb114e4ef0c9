/* The roots that servers are verified against: read once, shared by every connection. libcurl would
 * parse the bundle again for each (28 ms and 900 kB a time). OpenSSL's second and last wall. */
#ifndef IO_TRUST_H
#define IO_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct trust;

/* ca_bundle: a PEM file; empty: SSL_CERT_FILE if set, else the bundle libcurl was built with, else
 * OpenSSL's default places. Blocks to read it. PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM: not readable, or
 * no certificate in it. */
int trust_new(struct trust **out, str ca_bundle, struct pipepoll_error *why);
struct trust *trust_free(struct trust *t); /* NULL in, NULL out; returns NULL */

/* Make an SSL_CTX (passed as void, as libcurl does) verify against t, with TLS 1.2 or later. It
 * reads from a socket all that is there instead of record by record: whoever reads must go on until
 * nothing is left. Returns false when OpenSSL refuses. */
bool trust_apply(const struct trust *t, void *ssl_ctx);

/* Of a connection (an SSL, passed as void): has the peer said (close_notify) that it sends no more?
 * Otherwise the end of its bytes is a cut. */
bool trust_was_closed(const void *ssl);
/* "TLSv1.3", and who issued the peer's certificate as one line of ASCII, empty if there is none.
 * Cut to size. */
void trust_describe_version(const void *ssl, char *text, size_t size);
void trust_describe_issuer(const void *ssl, char *text, size_t size);

#endif
