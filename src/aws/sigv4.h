/* AWS Signature Version 4, header form, for one service (codepipeline in production).
 * The stages carry the names of the specification ("Create a signed AWS API request", IAM User
 * Guide), each a function of its own, so that a wrong signature is found at its stage. */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include <stdint.h>

#include "aws/credentials.h"
#include "aws/digest.h"
#include "base/buf.h"
#include "base/str.h"

enum { SIGV4_HEADERS_MAX = 32 };

struct sigv4_header {
    str name, value; /* any case and order; value as sent: trimmed and folded here */
};

/* What is signed. x-amz-date must be among the headers; query strings are not supported (every call
 * is POST without one). */
struct sigv4_request {
    str method, path; /* path as sent, "/" for all calls without an endpoint override */
    const struct sigv4_header *headers; /* all of them are signed */
    size_t header_count;                /* at most SIGV4_HEADERS_MAX */
    str body;
};

/* A time as signing needs it: "20150830T123600Z", whose first eight are the date of the scope. */
struct amz_date {
    char text[16];
    int64_t unix_s; /* what text stands for: kept, so that text is made once a second */
};
static inline str amz_date_str(const struct amz_date *d)
{
    return (str){ d->text, sizeof d->text };
}
static inline str amz_date_day(const struct amz_date *d)
{
    return (str){ d->text, 8 };
}
/* Does nothing when *d stands for unix_s already. Years 1970 to 9999. */
void amz_date_set(struct amz_date *d, int64_t unix_s);

/* Stage 1. Canonical request, hashed payload last. PIPEPOLL_EINVAL: too many headers; ENOMEM: does
 * not fit into out. signed_headers gets its own copy of the list ("content-type;host;..."). */
int sigv4_canonical_request(struct buf *out, struct buf *signed_headers, struct digest *d,
                            const struct sigv4_request *rq);
/* "20150830/us-east-1/codepipeline/aws4_request" */
void sigv4_credential_scope(struct buf *out, str day, str region, str service);
/* Stage 2. */
int sigv4_string_to_sign(struct buf *out, struct digest *d, str amz_date, str scope, str canonical);
/* Stage 3. */
int sigv4_signing_key(struct sha256 *out, struct digest *d, str secret, str day, str region,
                      str service);
/* Stage 4: the value of the Authorization header. */
void sigv4_authorization(struct buf *out, str access_key_id, str scope, str signed_headers,
                         const struct sha256 *signature);

/* The signing key of (credentials, day, region, service), derived when one of the first two changed.
 * region and service are borrowed for its life; the credentials are referenced. */
struct sigv4_key {
    struct hmac_key *hmac;
    struct credentials *credentials;
    str region, service;
    char day[8];
    char scope[96];
    size_t scope_len;
};
int sigv4_key_init(struct sigv4_key *k, struct digest *d, str region, str service);
void sigv4_key_deinit(struct sigv4_key *k); /* wipes; fine on a zeroed one */

/* All stages: put the value of the Authorization header into out. scratch is overwritten; it needs
 * room for twice the headers' text and 512 bytes. Allocates only when the key changes.
 * PIPEPOLL_EINVAL, PIPEPOLL_ENOMEM (out or scratch too small), PIPEPOLL_ESYSTEM. */
int sigv4_sign(struct buf *out, struct buf *scratch, struct digest *d, struct sigv4_key *k,
               struct credentials *c, const struct amz_date *date, const struct sigv4_request *rq);

#endif
