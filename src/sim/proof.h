/* SPDX-License-Identifier: MIT */
/* What a request says of its signature, in its Authorization header or in its query string. */
#ifndef SIM_PROOF_H
#define SIM_PROOF_H

#include "sim/http_message.h"

enum { PROOF_QUERY_SIZE = 12 * 1024, PROOF_KEY_ID_SIZE = 160 };

extern const str proof_algorithm; /* AWS4-HMAC-SHA256 */

struct proof_scope {
    str access_key_id, day, region, service, terminator;
};

struct proof {
    str credential, signed_headers, signature, date, token;
    str expires; /* of a query string; else empty */
    struct proof_scope scope;
    bool in_query;
    char memory[PROOF_QUERY_SIZE]; /* of what had to be unescaped */
    size_t used;
};

/* Absent parts are empty. Where there are both, the header is read. Slices die with both. */
void proof_read(struct proof *out, const struct request *rq);
/* The Authorization header, trimmed; and a parameter of the query string, as it was sent. */
str proof_header(const struct request *rq);
str proof_parameter(const struct request *rq, const char *name);

/* The region that the credential scope names, unverified; empty when there is none to be read. */
str proof_region(const struct request *rq);
/* The access key id that it names, unverified, in printable ASCII and cut to size. */
str proof_access_key_id(const struct request *rq, char out[PROOF_KEY_ID_SIZE]);

#endif
