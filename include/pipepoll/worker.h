/* SPDX-License-Identifier: MIT
 *
 * What a job brings to the worker that claims it. */
#ifndef PIPEPOLL_WORKER_H
#define PIPEPOLL_WORKER_H

#include "pipepoll.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- what a job brings --- */

struct pipepoll_property {
    struct pipepoll_str key, value; /* the value may hold any bytes, NUL included */
};

/* Where to read an input from, or to write an output to. */
struct pipepoll_artifact {
    struct pipepoll_str name, revision; /* revision: of inputs */
    struct pipepoll_str location_type;  /* "S3" */
    struct pipepoll_str bucket_name, object_key;
};

/* Good for the artifacts of this job alone, for a limited time that the service does not tell. This
 * one, pipepoll_pipeline and pipepoll_revision never grow. */
struct pipepoll_artifact_credentials {
    struct pipepoll_str access_key_id, secret_access_key, session_token;
};

/* Which action of which pipeline asked. */
struct pipepoll_pipeline {
    struct pipepoll_str name;
    struct pipepoll_str arn, execution_id; /* empty in jobs of third-party actions */
    struct pipepoll_str stage, action, action_execution_id;
};

/* ThirdPartyJobData, or JobData. Texts that the service left out are empty. */
struct pipepoll_job_data {
    size_t size; /* of this; see "What may grow" in pipepoll.h */
    struct pipepoll_action_type action_type;
    const struct pipepoll_pipeline *pipeline;
    const struct pipepoll_artifact_credentials *artifact_credentials; /* secret */
    struct pipepoll_str continuation_token;  /* of a job that goes on; empty: a new one */
    struct pipepoll_str encryption_key_id;   /* for outputs; a key's id or ARN, or an alias's ARN */
    struct pipepoll_str encryption_key_type; /* "KMS" */
    /* Secret as well: it carries the values of properties that the action type calls so. */
    size_t property_count, input_count, output_count;
    const void *properties, *inputs, *outputs; /* of the sizes below, for they may grow */
    size_t property_size, artifact_size;
    struct pipepoll_str account_id; /* whose pipeline it is; of jobs of custom actions only */
};

#ifdef __cplusplus
}
#endif

#endif
