/* SPDX-License-Identifier: MIT */
/* The roots that servers are verified against: read once, shared by every connection. Parsing the
 * bundle takes 28 ms and 900 kB each time. */
#ifndef IO_TRUST_STORE_H
#define IO_TRUST_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct trust_store;

/* ca_bundle: a PEM file; empty: SSL_CERT_FILE if set, else the bundle libcurl was built with, else
 * OpenSSL's default places. Blocks to read it. PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM: not readable, no
 * certificate in it, or a damaged one, which is named. */
int trust_store_new(struct trust_store **out, str ca_bundle, struct pipepoll_error *why);
struct trust_store *trust_store_free(
    struct trust_store *store); /* NULL in, NULL out; returns NULL */

/* The set-up of a connection (an SSL_CTX): verified against the roots, by TLS 1.2 or later, without
 * renegotiation, HTTP/1.1 offered. It reads from a socket all that is there instead of record by
 * record, and what it has deciphered is wiped. Lives as long as t. */
void *trust_store_context(const struct trust_store *store);
/* Make another SSL_CTX, of libcurl's for a proxy, verify against the same roots. false when OpenSSL
 * refuses. */
bool trust_store_apply(const struct trust_store *store, void *ssl_ctx);

/* What a verification (its end as an X509_V_ERR) asks to be mended; UNKNOWN: nothing. */
enum pipepoll_cause trust_store_cause(long verdict);
const char *trust_store_verdict_text(long verdict);

#endif
