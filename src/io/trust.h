/* The roots that servers are verified against: read once, shared by every connection. libcurl would
 * parse the bundle again for each (28 ms and 900 kB a time). OpenSSL's second and last wall. */
#ifndef IO_TRUST_H
#define IO_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct trust;

/* ca_bundle: a PEM file; empty: SSL_CERT_FILE if set, else the bundle libcurl was built with, else
 * OpenSSL's default places. Blocks to read it. PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM: not readable, no
 * certificate in it, or a damaged one, which is named. */
int trust_new(struct trust **out, str ca_bundle, struct pipepoll_error *why);
struct trust *trust_free(struct trust *t); /* NULL in, NULL out; returns NULL */

/* What a handshake tells beside its error. Shared by whoever connects and by OpenSSL, since it is
 * the library's affair when a connection ends. One thread. */
struct trust_notes {
    const struct trust *trust; /* to verify against; borrowed while handshakes begin */
    bool wants_certificate;    /* the peer asked for one of us */
    bool speaks_http;          /* it answered in plain HTTP */
    unsigned char alert;       /* the number of the last alert that it sent; 0: none */
    unsigned refs;             /* private */
};
struct trust_notes *trust_notes_new(const struct trust *t); /* NULL: out of memory */
void trust_notes_release(struct trust_notes *notes);        /* NULL is fine */

/* Make an SSL_CTX (passed as void, as libcurl does) verify against the roots of notes, by TLS 1.2
 * or later. It reads from a socket all that is there instead of record by record: whoever reads
 * must go on until nothing is left. Its connections write into notes. Returns false when OpenSSL
 * refuses. */
bool trust_apply(struct trust_notes *notes, void *ssl_ctx);
/* What made a connection fail; verdict: of the verification, as libcurl tells it. UNKNOWN: nothing
 * of TLS's, as far as is known. */
enum pipepoll_cause trust_blame(const struct trust_notes *notes, long verdict);

/* Of a connection (an SSL, passed as void): has the peer said (close_notify) that it sends no more?
 * Otherwise the end of its bytes is a cut. */
bool trust_was_closed(const void *ssl);

/* Do the verdict, or libcurl's words for an error of OpenSSL, say that it had no memory? They don't
 * each time that it had none. */
bool trust_lacks_memory(const char *error, long verdict);

/* "TLSv1.3", and who issued the peer's certificate as one line of ASCII, empty if there is none.
 * Cut to size. */
void trust_describe_version(const void *ssl, char *text, size_t size);
void trust_describe_issuer(const void *ssl, char *text, size_t size);

#endif
