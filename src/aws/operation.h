/* SPDX-License-Identifier: MIT */
/* The API calls, a constant row each: adding a call is adding a row, its input and its decoder.
 * Pure: inputs to body bytes, answers to results, and the model's rules for both (CodePipeline API
 * 2015-07-09).
 *
 * Two families do the same for jobs of third-party and of custom actions. One input serves both: a
 * member that only one family has is refused by the other, for nobody would read it. */
#ifndef AWS_OPERATION_H
#define AWS_OPERATION_H

#include "aws/answer.h"
#include "aws/decode.h"
#include "aws/job_status.h"
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
    JOB_UNKNOWN,            /* there is no such job, or none of this kind */
    JOB_CLIENT_TOKEN_WRONG, /* the client token is not that of this job's client id */
    JOB_NONCE_INVALID,      /* as a rule a lost race: another worker has acknowledged the job */
    JOB_STATE_INVALID,      /* the job is not in progress: over, or never acknowledged */
    JOB_OUTPUT_TOO_LARGE,   /* the pipeline has no room for these output variables */
    JOB_INPUT_INVALID       /* the service's rules for the input; its message says which */
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

/* Every row of this header. */
enum { OPERATION_COUNT = 10 };
extern const struct operation *const operations[OPERATION_COUNT];

extern const struct pipepoll_str operation_content_type; /* application/x-amz-json-1.1 */

/* --- polling --- */

/* From struct poll_input to struct job_list. Jobs of custom actions come with all there is to
 * know of them. */
extern const struct operation operation_poll_for_third_party_jobs, operation_poll_for_jobs;

struct poll_input {
    const struct pipepoll_action_type *action_type; /* has passed action_type_check() */
    uint32_t max_batch_size;                        /* 0: not sent */
    str query_key, query_value; /* have passed query_param_check(); PollForJobs only */
};

/* The input rules of PollForThirdPartyJobs. PIPEPOLL_EINVAL with one sentence naming the field, the
 * value and what is allowed. max_batch_size 0 means "not sent". */
int action_type_check(const struct pipepoll_action_type *a, struct pipepoll_error *why);
int max_batch_size_check(uint32_t max_batch_size, struct pipepoll_error *why);
/* Of PollForJobs: a queryable property of the action type, 1 to 50 characters, and its value, 1 to
 * 50 of [0-9A-Za-z_-]. Both empty: not sent. */
int query_param_check(str key, str value, struct pipepoll_error *why);

/* --- one job --- */

/* From struct job_input to struct job_details. */
extern const struct operation operation_get_third_party_job_details, operation_get_job_details;

/* Which job, and what proves that the caller may know of it. */
struct job_input {
    str job_id;       /* 1 to 512 characters; of a custom job: a UUID */
    str client_token; /* 1 to 256; a secret. Third-party jobs only */
};

/* From struct acknowledge_input to enum job_status. */
extern const struct operation operation_acknowledge_third_party_job, operation_acknowledge_job;

struct acknowledge_input {
    str job_id, client_token; /* as in struct job_input */
    str nonce;                /* 1 to 50 characters; a secret */
};

/* --- the result of one job --- */

/* From struct success_input and struct failure_input to nothing, result may be NULL: the answer has
 * no members. */
extern const struct operation operation_put_third_party_job_success_result,
    operation_put_job_success_result;
extern const struct operation operation_put_third_party_job_failure_result,
    operation_put_job_failure_result;

/* A text that is empty is not sent, unless a length from 1 on is said here. */
struct success_input {
    str job_id, client_token;                /* as in struct job_input */
    const struct revision_input *revision;   /* NULL: not sent */
    str continuation_token;                  /* to 2048; a secret. Another job goes on with it */
    const struct execution_input *execution; /* NULL: not sent */
    const struct variable_input *variables;  /* custom jobs only, without a continuation */
    size_t variable_count;                   /* to OPERATION_VARIABLES_MAX */
};

/* Of the source that an action made. */
struct revision_input {
    str revision, change_identifier; /* 1 to 1500, 1 to 100 */
    int64_t created_s;               /* Unix time; 0: not sent */
    str summary;                     /* to 2048 */
};

struct execution_input {
    str summary, external_execution_id; /* to 2048, to 1500 */
    bool has_percent;
    uint32_t percent_complete; /* 0 to 100 */
};

/* The bounds are ours: the model has none, and the service one of its own. The size is of all names
 * and values as they are sent. */
enum { OPERATION_VARIABLES_MAX = 1024, OPERATION_VARIABLES_SIZE_MAX = 192 << 10 };

struct variable_input {
    str name;  /* 1 or more of [0-9A-Za-z@_-]; none twice */
    str value; /* any */
};

/* What a failure may be of: FailureType of the model, in the order of enum pipepoll_failure_type,
 * and NULL. */
enum { OPERATION_FAILURE_TYPES = 6 };
extern const char *const operation_failure_types[OPERATION_FAILURE_TYPES + 1];

struct failure_input {
    str job_id, client_token;  /* as in struct job_input */
    str type;                  /* one of operation_failure_types */
    str message;               /* 1 to 5000 */
    str external_execution_id; /* to 1500 */
};

#endif
