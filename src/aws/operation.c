/* SPDX-License-Identifier: MIT */
/* What the rows share; the rows themselves are beside this: operation_poll.c, operation_job.c,
 * operation_result.c. */
#include "aws/operation.h"

#include "aws/operation_row.h"

const struct operation *const operations[OPERATION_COUNT] = {
    &operation_poll_for_third_party_jobs,          &operation_poll_for_jobs,
    &operation_get_third_party_job_details,        &operation_get_job_details,
    &operation_acknowledge_third_party_job,        &operation_acknowledge_job,
    &operation_put_third_party_job_success_result, &operation_put_job_success_result,
    &operation_put_third_party_job_failure_result, &operation_put_job_failure_result,
};

const struct pipepoll_str operation_content_type = STR_INIT("application/x-amz-json-1.1");

#define REFUSED(name, what)                                                                        \
    {                                                                                              \
        STR_INIT(name "Exception"), FAULT_REFUSED, PIPEPOLL_CAUSE_REQUEST, what                    \
    }

/* One table for all: what a code means does not depend on the operation that it came from, and a
 * service that sends one where the model has none is still understood. The documentation has the
 * same words for the first two: the job was not found, or its id is of the wrong format. */
const struct answer_code operation_job_codes[OPERATION_JOB_CODES] = {
    REFUSED("JobNotFound", JOB_UNKNOWN),
    REFUSED("InvalidJob", JOB_UNKNOWN),
    REFUSED("InvalidClientToken", JOB_CLIENT_TOKEN_WRONG),
    REFUSED("InvalidNonce", JOB_NONCE_INVALID),
    REFUSED("InvalidJobState", JOB_STATE_INVALID),
    REFUSED("OutputVariablesSizeExceeded", JOB_OUTPUT_TOO_LARGE),
    REFUSED("Validation", JOB_INPUT_INVALID),
};
