/* SPDX-License-Identifier: MIT */
/* The canonical request of Signature Version 4, from a request as it came. */
#ifndef SIM_CANONICAL_H
#define SIM_CANONICAL_H

#include "sim/http_message.h"
#include "sim/sha.h"

/* SHA-256 of it. signed_headers: the list as the client sent it, names with ';' between; a header
 * that is named and missing counts as empty. body_hash: in hex. False: OpenSSL refused. */
bool canonical_hash(struct sha *out, const struct request *rq, str signed_headers, str body_hash);

#endif
