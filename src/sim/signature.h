/* SPDX-License-Identifier: MIT */
/* AWS Signature Version 4, seen from the service: is this request signed by whom it says, now, and
 * for here? Written apart from the client's principal, so that each is a witness of the other. */
#ifndef SIM_SIGNATURE_H
#define SIM_SIGNATURE_H

#include "sim/http_message.h"

struct signature_credentials {
    str access_key_id, secret_access_key;
    str session_token; /* empty: requests must not carry one */
};

/* True, or false with AWS's error. The method and the path are those of the request, the service is
 * codepipeline, and the date (X-Amz-Date, or Date in the same form) must be within 5 minutes of
 * unix_s, or as many seconds before it as a query string's X-Amz-Expires says. */
bool signature_verify(struct refusal *out, const struct request *rq,
                      const struct signature_credentials *credentials, int64_t unix_s);

#endif
