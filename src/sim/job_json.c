/* What AWS puts into a job, with simulated values where the service here knows none: one pipeline,
 * one artifact in and one out, whose places and credentials lead nowhere. A third-party job names
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

json_t *job_json_third_party(const struct service_job *job)
{
    return json_pack("{s:o,s:o}", "clientId", text(job->client_id), "jobId", text(job->id));
}

json_t *job_json_custom(const struct service_job *job, const struct sim_scope *scope)
{
    char digits[24];
    struct buf nonce = BUF_ON(digits);
    json_t *context = json_pack("{s:s,s:s,s:o,s:{s:s},s:{s:s}}", "pipelineName", PIPELINE,
                                "pipelineArn", PIPELINE_ARN, "pipelineExecutionId", text(job->id),
                                "stage", "name", "Simulated", "action", "name", "Simulated");
    json_t *data =
        json_pack("{s:o,s:o,s:o,s:[],s:[]}", "actionTypeId", action_type(&scope->action_type),
                  "actionConfiguration", configuration(job), "pipelineContext", context,
                  "inputArtifacts", "outputArtifacts");
    return json_pack("{s:s,s:o,s:o,s:s}", "accountId", "111111111111", "data", data, "id",
                     text(job->id), "nonce", nonce_text(job, &nonce));
}

/* As CodePipeline names objects: pipeline, artifact, a few random characters. */
static json_t *artifact(const char *name, const struct service_job *job)
{
    char memory[128];
    struct buf key = BUF_ON(memory);
    buf_printf(&key, PIPELINE "/%s/%.7s", name, job->id.ptr);
    return json_pack("{s:s,s:{s:s,s:{s:s,s:s}}}", "name", name, "location", "type", "S3",
                     "s3Location", "bucketName", "codepipeline-" PIPELINE, "objectKey",
                     buf_cstr(&key));
}

static json_t *third_party_context(const struct service_job *job)
{
    return json_pack("{s:s,s:{s:s},s:{s:s,s:o}}", "pipelineName", PIPELINE, "stage", "name",
                     "Simulated", "action", "name", "Simulated", "actionExecutionId",
                     text(job->id));
}

json_t *job_json_details(const struct service_job *job, const struct sim_scope *scope)
{
    char digits[24];
    struct buf nonce = BUF_ON(digits);
    json_t *credentials =
        json_pack("{s:s,s:s,s:s}", "accessKeyId", "ASIASIMULATED0000000", "secretAccessKey",
                  "simulated-artifact-secret", "sessionToken", "simulated-artifact-token");
    json_t *data = json_pack("{s:o,s:o,s:o,s:[o],s:[o],s:o}", "actionTypeId",
                             action_type(&scope->action_type), "actionConfiguration",
                             configuration(job), "pipelineContext", third_party_context(job),
                             "inputArtifacts", artifact("SourceArtifact", job), "outputArtifacts",
                             artifact("BuildArtifact", job), "artifactCredentials", credentials);
    return json_pack("{s:o,s:o,s:s}", "id", text(job->id), "data", data, "nonce",
                     nonce_text(job, &nonce));
}
