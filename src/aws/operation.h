/* The API calls, a constant row each: adding a call is adding a row, its input and its decoder.
 * Pure: inputs to body bytes, answers to results, and the model's rules for both (CodePipeline API
 * 2015-07-09). */
#ifndef AWS_OPERATION_H
#define AWS_OPERATION_H

#include "aws/answer.h"
#include "aws/decode.h"
#include "base/buf.h"

enum operation_repeat {
    /* Asked again after every fault that passes: nothing comes of asking twice. */
    OPERATION_MAY_REPEAT,
    /* Only when the last time surely had no effect: no connection, or an answer that says so. */
    OPERATION_IF_UNDONE
};

/* What the service says of a job, beyond the fault: the `meaning` of its codes. */
enum job_refusal {
    JOB_NOT_REFUSED,
    JOB_UNKNOWN,           /* there is no such job, or none of this kind */
    JOB_CLIENT_TOKEN_WRONG /* the client token is not that of this job's client id */
};

/* input and result are of the operation's own types, named beside its row below. */
struct operation {
    str target; /* X-Amz-Target: "CodePipeline_20150709.PollForThirdPartyJobs" */
    enum operation_repeat repeat;
    bool has_secrets; /* in input or answer: no memory keeps either */
    const struct answer_code *codes;
    size_t code_count;
    /* The model's rules for the input: PIPEPOLL_EINVAL with one sentence that names the field and
     * what is allowed. NULL: whoever makes the input has checked it. */
    int (*check)(const void *input, struct pipepoll_error *why);
    /* The input has passed the check. Sets out->overflow, and can then be asked again. */
    void (*encode)(struct buf *out, const void *input);
    /* See the decoder's own function. */
    enum decode_result (*decode)(void *result, struct decode_memory *memory, str body,
                                 struct pipepoll_error *why);
    /* The i-th secret of the input, which the service may quote and nobody shall read: empty past
     * the last. NULL: it has none. */
    str (*secret)(const void *input, size_t i);
};

enum { OPERATION_BODY_MAX = 256 << 10 };

extern const struct pipepoll_str operation_content_type; /* application/x-amz-json-1.1 */

/* From struct poll_input to struct job_list. */
extern const struct operation operation_poll_for_third_party_jobs;

struct poll_input {
    const struct pipepoll_action_type *action_type; /* has passed action_type_check() */
    uint32_t max_batch_size;                        /* 0: not sent */
};

/* The input rules of PollForThirdPartyJobs. PIPEPOLL_EINVAL with one sentence naming the field, the
 * value and what is allowed. max_batch_size 0 means "not sent". */
int action_type_check(const struct pipepoll_action_type *a, struct pipepoll_error *why);
int max_batch_size_check(uint32_t max_batch_size, struct pipepoll_error *why);

/* From struct job_input to struct job_details. */
extern const struct operation operation_get_third_party_job_details;

/* Which job, and what proves that the caller may know of it. */
struct job_input {
    str job_id;       /* 1 to 512 characters */
    str client_token; /* 1 to 256; a secret */
};

#endif
