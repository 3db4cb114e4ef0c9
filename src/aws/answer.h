/* SPDX-License-Identifier: MIT */
/* HTTP status and body of an answer that is not a success: to one fault, AWS's code and message. */
#ifndef AWS_ANSWER_H
#define AWS_ANSWER_H

#include "aws/json.h"
#include "base/fault.h"
#include "base/wanted_header.h"

/* What one error code means. */
struct answer_code {
    str code;
    enum fault fault;
    enum pipepoll_cause cause;
    int meaning; /* the operation's own; 0: none */
};

/* What an answer's headers say of it, in this order. */
enum answer_header {
    ANSWER_REQUEST_ID,
    ANSWER_ERROR_TYPE,
    ANSWER_RETRY_AFTER,
    ANSWER_LOCATION,
    ANSWER_CONTENT_ENCODING,
    ANSWER_SERVER,
    ANSWER_DATE, /* for aws/clock_skew, with the next */
    ANSWER_AGE,
    ANSWER_HEADER_COUNT
};
extern const struct wanted_header answer_headers[WANTED_HEADERS_MAX];

struct answer {
    const struct answer_code *codes; /* of the operation, looked at first; NULL: none */
    size_t code_count;
    int http_status;
    str error_type;                 /* x-amzn-ErrorType, or empty */
    str retry_after;                /* x-amz-retry-after, or empty */
    str location, content_encoding; /* or empty */
    str request_id;                 /* x-amzn-RequestId, or empty */
    str server;                     /* or empty */
    bool is_metadata; /* of a service that sends none of AWS's own headers: EC2's, a container's */
};

/* One with these values of answer_headers, empty where they were not sent; without codes. */
struct answer answer_make(int http_status, const str *values);

enum { ANSWER_CODE_LEN_MAX = 128, ANSWER_QUOTE_LEN_MAX = 120, ANSWER_SERVER_LEN_MAX = 64 };

struct answer_fault {
    enum fault fault;
    enum pipepoll_cause cause;
    int meaning; /* of the code, by answer.codes */
    /* AWS's error code without name space and tail, in body or header. Empty when there is none
     * that is [0-9A-Za-z._-]{1,ANSWER_CODE_LEN_MAX}. */
    str code;
    /* AWS's, or the first ANSWER_QUOTE_LEN_MAX bytes of a body that is not JSON; of a page, its
     * title, or its words; in the body. May
     * hold control characters and, when quoted, invalid UTF-8. */
    str message;
    uint32_t retry_after_ms; /* 0: no hint, or not a plain number of milliseconds */
};

/* For an http_status that is no success. Code: body `__type`, else body `code`, else (STS)
 * `Error.Code`, in XML too, else header; from the first ':' and up to the last '#' cut away.
 * Message: `message`, else `Message`, else `Error.Message`. Fault: by code, else by status (408 and
 * 5xx service, 429 throttled, 401/403 denied, other 4xx refused, anything else malformed).
 * What has no known code and looks like no answer of AWS's (neither x-amzn-RequestId nor
 * x-amzn-ErrorType nor a code as AWS spells it, or a page of HTML) has the cause MIDDLE_BOX, and
 * denies or refuses nothing:
 * FAULT_MALFORMED.
 * FAULT_SKEWED is never it: whether the clock is behind a code, clock_skew_explains() says. body is
 * changed in place; with too few tokens for it, it counts as not JSON. */
void answer_read(struct answer_fault *out, const struct answer *a, char *body, size_t len,
                 struct json_token *tokens, size_t token_cap);

/* 2xx, as the AWS SDKs have it: a middle-box's 201 may carry the jobs of a 200. */
static inline bool answer_is_success(int http_status)
{
    return http_status / 100 == 2;
}

/* Is this what no service of AWS sends: a redirect, a status of no body or of none of its own, or a
 * body in a coding that was not asked for? Then why says so, and what was found. */
bool answer_is_odd(const struct answer *a, struct pipepoll_error *why);

/* The first ANSWER_QUOTE_LEN_MAX bytes of a text, not cut inside a UTF-8 sequence. */
str answer_quote(str text);
/* Into why: that somebody other than AWS answered, who, and what it said. */
void answer_tell_middle_box(const struct answer *a, str said, struct pipepoll_error *why);
/* Is a success, or an odd answer, not AWS's? */
bool answer_is_foreign(const struct answer *a, str body);

/* Overwrite each occurrence of a secret in text, which must be writable: a diagnostic about a
 * signature may quote the canonical request, session token included. One of fewer than
 * ANSWER_SECRET_LEN_MIN bytes is let stand: no real one is so short, and it is found everywhere. */
enum { ANSWER_SECRET_LEN_MIN = 8 };
void answer_hide(str text, str secret);

#endif
