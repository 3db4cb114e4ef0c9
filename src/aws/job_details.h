/* The answer of GetThirdPartyJobDetails: body to details, as slices into the body. All is optional
 * in the model: what is absent has a ptr of NULL, or a count of 0.
 *
 * Secret are artifact_credentials, nonce and, though the model does not mark it, the configuration:
 * it carries the values of properties that are. */
#ifndef AWS_JOB_DETAILS_H
#define AWS_JOB_DETAILS_H

#include "aws/shape.h"

struct job_artifact {
    str name, revision;
    str location_type; /* "S3" */
    str bucket_name, object_key;
};

/* pipelineContext. The service sends arn and execution_id for custom jobs only. */
struct job_pipeline {
    str name, arn, execution_id;
    str stage, action, action_execution_id;
};

struct job_artifact_credentials {
    str access_key_id, secret_access_key, session_token;
};

struct job_encryption_key {
    str id;   /* of the key, its ARN, or an alias's */
    str type; /* "KMS" */
};

/* What a worker works on: the same for third-party and custom jobs. */
struct job_data {
    struct pipepoll_action_type action_type;
    struct shape_list configuration; /* of struct shape_pair; no key is there twice */
    struct job_pipeline pipeline;
    struct shape_list input_artifacts, output_artifacts; /* of struct job_artifact */
    struct job_artifact_credentials artifact_credentials;
    str continuation_token; /* of the job that this one goes on with */
    struct job_encryption_key encryption_key;
};

struct job_details {
    str id, nonce;
    struct job_data data;
};

static inline const struct job_artifact *job_artifact(const struct shape_list *artifacts, size_t i)
{
    return (const struct job_artifact *)artifacts->items + i;
}

/* The i-th property, or by its key: NULL when there is none. */
static inline const struct shape_pair *job_property(const struct job_data *data, size_t i)
{
    return (const struct shape_pair *)data->configuration.items + i;
}

/* See shape_decode(). */
enum decode_result job_details_decode(struct job_details *out, struct decode_memory *memory,
                                      str body, struct pipepoll_error *why);

#endif
