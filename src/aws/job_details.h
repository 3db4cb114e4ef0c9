/* SPDX-License-Identifier: MIT */
/* The answers of GetThirdPartyJobDetails, GetJobDetails and PollForJobs: body to details, as slices
 * into the body. All is optional in the model: what is absent has a ptr of NULL, or a count of 0.
 *
 * Secret are artifact_credentials, nonce and, though the model does not mark it, the configuration:
 * it carries the values of properties that are. */
#ifndef AWS_JOB_DETAILS_H
#define AWS_JOB_DETAILS_H

#include "aws/job.h"
#include "aws/shape.h"
#include "pipepoll/worker.h"

struct job_encryption_key {
    str id;   /* of the key, its ARN, or an alias's */
    str type; /* "KMS" */
};

/* What a worker works on: the same for third-party and custom jobs. */
struct job_data {
    struct pipepoll_action_type action_type;
    struct shape_list configuration; /* of struct shape_pair; no key is there twice */
    struct pipepoll_pipeline pipeline;
    struct shape_list input_artifacts, output_artifacts; /* of struct pipepoll_artifact */
    struct pipepoll_artifact_credentials artifact_credentials;
    str continuation_token; /* of the job that this one goes on with */
    struct job_encryption_key encryption_key;
};

struct job_details {
    str id;
    str nonce;      /* not in the answer of GetJobDetails */
    str account_id; /* whose pipeline it is; of custom jobs only */
    struct job_data data;
};

static inline const struct pipepoll_artifact *job_artifact(const struct shape_list *artifacts,
                                                           size_t i)
{
    return (const struct pipepoll_artifact *)artifacts->items + i;
}

/* The i-th property. */
static inline const struct shape_pair *job_property(const struct job_data *data, size_t i)
{
    return (const struct shape_pair *)data->configuration.items + i;
}

/* For copies. */
extern const struct shape job_details_shape;

/* Of one job, by either GetJobDetails. See shape_decode(). */
enum decode_result job_details_decode(struct job_details *out, struct decode_memory *memory,
                                      str body, struct pipepoll_error *why);

/* Of all jobs that PollForJobs found: out->details[i] is of out->jobs[i]. */
enum decode_result job_details_decode_list(struct job_list *out, struct decode_memory *memory,
                                           str body, struct pipepoll_error *why);

#endif
