/* HTTP status and body of an answer that is not a success: to one fault, AWS's code and message. */
#ifndef AWS_ANSWER_H
#define AWS_ANSWER_H

#include "aws/json.h"
#include "base/fault.h"

struct answer {
    int http_status;
    str error_type;  /* x-amzn-ErrorType, or empty */
    str retry_after; /* x-amz-retry-after, or empty */
};

struct answer_fault {
    enum fault fault;
    str code;    /* AWS's error code without name space and tail, or empty; in body or header */
    str message; /* AWS's, or the start of a body that is not JSON; in the body */
    uint32_t retry_after_ms; /* 0: no hint, or not a plain number of milliseconds */
};

/* For http_status other than 200. Code: body `__type`, else body `code`, else header; up to the last
 * '#' and from the first ':' cut away. Message: `message`, else `Message`. Fault: by code first, then
 * by status (429 throttled, 5xx service, 401/403 denied, other 4xx refused, anything else garbled).
 * body is changed in place; tokens too few for it means the body is treated as not JSON. */
void answer_read(struct answer_fault *out, const struct answer *a, char *body, size_t len,
                 struct json_token *tokens, size_t token_cap);

#endif
