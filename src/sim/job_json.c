/* SPDX-License-Identifier: MIT */
/* What AWS puts into a job, with simulated values where the service here knows none: one pipeline,
 * one artifact in and one out, whose places lead nowhere. The secret parts of their credentials
 * follow from the access key, so that who plays S3 can check a signature. A third-party job names
 * its pipeline without ARN and execution, as the model says. */
#include "sim/job_json.h"

#include "base/buf.h"

#define PIPELINE     "simulated"
#define PIPELINE_ARN "arn:aws:codepipeline:us-east-1:111111111111:" PIPELINE

/* The number of hand-outs; one that was never handed out has the nonce of its first. */
static const char *nonce_text(const struct service_job *job, struct buf *digits)
{
    buf_put_u64(digits, job->nonce ? job->nonce : 1);
    return buf_cstr(digits);
}

static json_t *text(str s)
{
    return json_stringn(s.ptr, s.len);
}

static json_t *action_type(const struct pipepoll_action_type *a)
{
    return json_pack("{s:o,s:o,s:o,s:o}", "category", text(a->category), "owner", text(a->owner),
                     "provider", text(a->provider), "version", text(a->version));
}

static json_t *configuration(const struct service_job *job)
{
    json_t *properties =
        json_loadb(job->configuration.ptr, job->configuration.len, JSON_ALLOW_NUL, NULL);
    return json_pack("{s:o}", "configuration", properties);
}

/* As CodePipeline names objects: pipeline, artifact, a few random characters of the execution. */
static json_t *artifact(const char *name, const struct service_job *job)
{
    char memory[128];
    struct buf key = BUF_ON(memory);
    buf_printf(&key, PIPELINE "/%s/%.7s", name, job->execution_id.ptr);
    return json_pack("{s:s,s:{s:s,s:{s:s,s:s}}}", "name", name, "location", "type", "S3",
                     "s3Location", "bucketName", "codepipeline-" PIPELINE, "objectKey",
                     buf_cstr(&key));
}

static json_t *context(const struct service_job *job, bool third_party)
{
    json_t *names = json_pack("{s:s,s:{s:s},s:{s:s,s:o}}", "pipelineName", PIPELINE, "stage",
                              "name", "Simulated", "action", "name", "Simulated",
                              "actionExecutionId", text(job->execution_id));
    if (third_party)
        return names;
    json_object_set_new(names, "pipelineArn", json_string(PIPELINE_ARN));
    json_object_set_new(names, "pipelineExecutionId", text(job->execution_id));
    return names;
}

static json_t *credentials(const struct service_job *job)
{
    str key = job->access_key;
    return json_pack("{s:o,s:o,s:o}", "accessKeyId", text(key), "secretAccessKey",
                     json_sprintf("simulated-secret-of-%.*s", STR_ARG(key)), "sessionToken",
                     json_sprintf("simulated-session-of-%.*s", STR_ARG(key)));
}

static json_t *data(const struct service_job *job, const struct sim_scope *scope)
{
    bool third_party = str_eq(scope->action_type.owner, STR("ThirdParty"));
    json_t *all = json_pack(
        "{s:o,s:o,s:o,s:[o],s:[o],s:o}", "actionTypeId", action_type(&scope->action_type),
        "actionConfiguration", configuration(job), "pipelineContext", context(job, third_party),
        "inputArtifacts", artifact("SourceArtifact", job), "outputArtifacts",
        artifact("BuildArtifact", job), "artifactCredentials", credentials(job));
    if (job->continuation_token.len)
        json_object_set_new(all, "continuationToken", text(job->continuation_token));
    return all;
}

json_t *job_json_third_party(const struct service_job *job)
{
    return json_pack("{s:o,s:o}", "clientId", text(job->client_id), "jobId", text(job->id));
}

json_t *job_json_custom(const struct service_job *job, const struct sim_scope *scope)
{
    char digits[24];
    struct buf nonce = BUF_ON(digits);
    json_t *all = job_json_details(job, scope);
    json_object_set_new(all, "nonce", json_string(nonce_text(job, &nonce)));
    return all;
}

json_t *job_json_third_party_details(const struct service_job *job, const struct sim_scope *scope)
{
    char digits[24];
    struct buf nonce = BUF_ON(digits);
    return json_pack("{s:o,s:o,s:s}", "id", text(job->id), "data", data(job, scope), "nonce",
                     nonce_text(job, &nonce));
}

json_t *job_json_details(const struct service_job *job, const struct sim_scope *scope)
{
    return json_pack("{s:o,s:o,s:s}", "id", text(job->id), "data", data(job, scope), "accountId",
                     "111111111111");
}
