/* SPDX-License-Identifier: MIT */
/* A job as the JSON document that a handler reads: one line,
 *
 *     {"jobId", "clientId", "region", "actionTypeId": {"category", "owner", "provider", "version"},
 *      "configuration": {KEY: VALUE}, "pipelineContext": {"pipelineName", "stage": {"name"},
 *      "action": {"name", "actionExecutionId"}, "pipelineArn", "pipelineExecutionId"},
 *      "inputArtifacts": [{"name", "revision", "location": {"type", "s3Location": {"bucketName",
 *      "objectKey"}}}], "outputArtifacts": [the same], "artifactCredentials": {"accessKeyId",
 *      "secretAccessKey", "sessionToken"}, "continuationToken", "encryptionKey": {"id", "type"}}
 *
 * in the words of the API; what the service left out is left out, but for configuration and the
 * artifacts, which may be empty. It holds secrets. Pure. */
#ifndef HANDLER_JOB_DOCUMENT_H
#define HANDLER_JOB_DOCUMENT_H

#include "pipepoll/worker.h"

#include "base/str.h"

enum { JOB_DOCUMENT_MAX = 16 << 20, JOB_SECRETS_MAX = 3 };

struct job_document {
    char *text;
    size_t len, cap;
};

/* PIPEPOLL_ENOMEM; PIPEPOLL_EINVAL: it would be longer than max bytes, which `why` says (a failure
 * of the job, ConfigurationError). Nothing is to be freed then. */
int job_document_make(struct job_document *out, str job_id, str client_id, str region,
                      const struct pipepoll_job_data *data, size_t max, struct pipepoll_error *why);
/* The line of `document` with one more member, "environment": {NAME: VALUE} of NAME=VALUE
 * (NULL-terminated, or NULL: no such member), for a handler that starts no program for the job.
 * PIPEPOLL_ENOMEM. */
int job_document_with_environment(struct job_document *out, str document, char *const *environment);
void job_document_deinit(struct job_document *d); /* wipes; fine on a zeroed one */

/* The secrets of a job, borrowed from data: of its artifact credentials, and its continuation
 * token. How many. */
size_t job_secrets(const struct pipepoll_job_data *data, str secrets[JOB_SECRETS_MAX]);

#endif
