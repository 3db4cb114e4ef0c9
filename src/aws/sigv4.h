/* SPDX-License-Identifier: MIT */
/* AWS Signature Version 4, header form, for one service (codepipeline in production).
 * The stages carry the names of the specification ("Create a signed AWS API request", IAM User
 * Guide), each a function of its own, so that a wrong signature is found at its stage. */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include "aws/amz_date.h"
#include "aws/credentials.h"
#include "aws/digest.h"
#include "base/buf.h"
#include "base/str.h"

enum { SIGV4_HEADERS_MAX = 32 };

struct sigv4_header {
    str name, value; /* any case and order; value as sent: trimmed and folded here */
};

/* What is signed. Query strings are not supported (every call is POST without one). */
struct sigv4_request {
    str method;
    str path;           /* as sent: "/" but for an endpoint override with a path */
    bool verbatim_path; /* sign the path without removing dot segments and doubled slashes */
    const struct sigv4_header *headers; /* all of them are signed; x-amz-date must be one */
    size_t header_count;                /* at most SIGV4_HEADERS_MAX */
    str body;
    const struct amz_date *date; /* the time that x-amz-date says; used by sigv4_sign() only */
};

/* What a signing key is good for: a day ("20150830") of one service in one region. */
struct sigv4_scope {
    str day, region, service;
};

/* Stage 1. The canonical request, the hashed payload last. *signed_headers becomes the list
 * ("content-type;host;...") that lies in out. PIPEPOLL_EINVAL: too many headers; PIPEPOLL_ENOMEM:
 * it does not fit into out. */
int sigv4_canonical_request(struct buf *out, str *signed_headers, const struct sigv4_request *rq);
/* "20150830/us-east-1/codepipeline/aws4_request" */
void sigv4_credential_scope(struct buf *out, const struct sigv4_scope *scope);
/* Stage 2; scope is the text of sigv4_credential_scope(). canonical may lie in out.
 * PIPEPOLL_ENOMEM: it does not fit into out. */
int sigv4_string_to_sign(struct buf *out, str amz_date, str scope, str canonical);
/* Stage 3. The caller wipes *out. */
void sigv4_signing_key(struct sha256 *out, str secret, const struct sigv4_scope *scope);
/* Stage 4: the value of the Authorization header. */
void sigv4_authorization(struct buf *out, str access_key_id, str scope, str signed_headers,
                         const struct sha256 *signature);

enum { SIGV4_SCOPE_MAX = 128 };

/* The signing key of (credentials, day, region, service), derived when one of the first two
 * changed. */
struct sigv4_key {
    /* private */
    struct hmac_key hmac;
    struct credentials *credentials; /* whose key hmac holds, referenced; NULL: nobody's yet */
    str region, service;             /* borrowed */
    char day[8];
    char scope[SIGV4_SCOPE_MAX];
    size_t scope_len;
};
/* The bytes of region and service must outlive k. PIPEPOLL_EINVAL: the two together make a scope
 * longer than SIGV4_SCOPE_MAX. */
int sigv4_key_init(struct sigv4_key *k, str region, str service);
void sigv4_key_deinit(struct sigv4_key *k); /* wipes; fine on a zeroed one */

/* All stages: put the value of the Authorization header into out. scratch is overwritten and, on
 * success, holds the canonical request and the string to sign; room for three times the path, twice
 * the headers' text and 512 bytes is enough. c is referenced when the key changes. Nothing is
 * allocated. PIPEPOLL_EINVAL: too many headers; PIPEPOLL_ENOMEM: out or scratch is too small. */
int sigv4_sign(struct buf *out, struct buf *scratch, struct sigv4_key *k, struct credentials *c,
               const struct sigv4_request *rq);

#endif
