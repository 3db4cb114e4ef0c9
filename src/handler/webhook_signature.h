/* SPDX-License-Identifier: MIT */
/* How both sides of a webhook prove who they are: a time and an HMAC of it and the body. Pure. */
#ifndef HANDLER_WEBHOOK_SIGNATURE_H
#define HANDLER_WEBHOOK_SIGNATURE_H

#include "aws/digest.h"

enum {
    WEBHOOK_SIGNATURE_SIZE = 3 + SHA256_HEX_SIZE, /* no NUL */
    WEBHOOK_AGE_MAX_S = 300                       /* either way: of a time that is believed */
};

/* "v1=HEX" of a body at this time, as it stands in Pipepoll-Timestamp. Returns out. */
str webhook_sign(char out[WEBHOOK_SIGNATURE_SIZE], const struct hmac_key *key, str timestamp,
                 str body);

/* Is this a signature of the body, of about now? In a time that tells nothing of how wrong it is.
 * NULL, or why not. */
const char *webhook_signature_problem(const struct hmac_key *key, str timestamp, str signature,
                                      str body, int64_t now_s);

#endif
