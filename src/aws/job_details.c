/* SPDX-License-Identifier: MIT */
/* ThirdPartyJobDetails, JobDetails and Job differ only in members that one or the other lacks, so
 * one set of tables reads them all, in the order of the model. What goes back to the service or
 * into a header (ids, nonce, tokens, credentials) is bounded: the id as in an answer to a poll, the
 * rest by four bytes for each character that the model allows. What only the worker reads may be of
 * any length, since nobody can fail a job that nobody can read. */
#include "aws/job_details.h"

enum {
    NONCE_LEN_MAX = 4 * 50,
    ACCOUNT_LEN_MAX = 4 * 12,
    CONTINUATION_LEN_MAX = 4 * 2048,
    CREDENTIAL_LEN_MAX = 16 << 10
};

static const struct shape_member action_type_members[] = {
    SHAPE_TEXT_OF(struct pipepoll_action_type, category, "category", 0),
    SHAPE_TEXT_OF(struct pipepoll_action_type, owner, "owner", 0),
    SHAPE_TEXT_OF(struct pipepoll_action_type, provider, "provider", 0),
    SHAPE_TEXT_OF(struct pipepoll_action_type, version, "version", 0),
};
static const struct shape action_type = { SHAPE_MEMBERS(action_type_members),
                                          sizeof(struct pipepoll_action_type) };

static const struct shape_member configuration_members[] = {
    SHAPE_PART_OF(struct job_data, configuration, "configuration", SHAPE_MAP, NULL),
};
static const struct shape configuration = { SHAPE_MEMBERS(configuration_members), 0 };

static const struct shape_member stage_members[] = {
    SHAPE_TEXT_OF(struct pipepoll_pipeline, stage, "name", 0),
};
static const struct shape stage = { SHAPE_MEMBERS(stage_members), 0 };

static const struct shape_member action_members[] = {
    SHAPE_TEXT_OF(struct pipepoll_pipeline, action, "name", 0),
    SHAPE_TEXT_OF(struct pipepoll_pipeline, action_execution_id, "actionExecutionId", 0),
};
static const struct shape action = { SHAPE_MEMBERS(action_members), 0 };

static const struct shape_member pipeline_members[] = {
    SHAPE_TEXT_OF(struct pipepoll_pipeline, name, "pipelineName", 0),
    SHAPE_INLINE("stage", &stage),
    SHAPE_INLINE("action", &action),
    SHAPE_TEXT_OF(struct pipepoll_pipeline, arn, "pipelineArn", 0),
    SHAPE_TEXT_OF(struct pipepoll_pipeline, execution_id, "pipelineExecutionId", 0),
};
static const struct shape pipeline = { SHAPE_MEMBERS(pipeline_members),
                                       sizeof(struct pipepoll_pipeline) };

static const struct shape_member s3_location_members[] = {
    SHAPE_TEXT_OF(struct pipepoll_artifact, bucket_name, "bucketName", 0),
    SHAPE_TEXT_OF(struct pipepoll_artifact, object_key, "objectKey", 0),
};
static const struct shape s3_location = { SHAPE_MEMBERS(s3_location_members), 0 };

static const struct shape_member location_members[] = {
    SHAPE_TEXT_OF(struct pipepoll_artifact, location_type, "type", 0),
    SHAPE_INLINE("s3Location", &s3_location),
};
static const struct shape location = { SHAPE_MEMBERS(location_members), 0 };

static const struct shape_member artifact_members[] = {
    SHAPE_TEXT_OF(struct pipepoll_artifact, name, "name", 0),
    SHAPE_TEXT_OF(struct pipepoll_artifact, revision, "revision", 0),
    SHAPE_INLINE("location", &location),
};
static const struct shape artifact = { SHAPE_MEMBERS(artifact_members),
                                       sizeof(struct pipepoll_artifact) };

static const struct shape_member credentials_members[] = {
    SHAPE_TEXT_OF(struct pipepoll_artifact_credentials, access_key_id, "accessKeyId",
                  CREDENTIAL_LEN_MAX),
    SHAPE_TEXT_OF(struct pipepoll_artifact_credentials, secret_access_key, "secretAccessKey",
                  CREDENTIAL_LEN_MAX),
    SHAPE_TEXT_OF(struct pipepoll_artifact_credentials, session_token, "sessionToken",
                  CREDENTIAL_LEN_MAX),
};
static const struct shape credentials = { SHAPE_MEMBERS(credentials_members),
                                          sizeof(struct pipepoll_artifact_credentials) };

static const struct shape_member encryption_key_members[] = {
    SHAPE_TEXT_OF(struct job_encryption_key, id, "id", 0),
    SHAPE_TEXT_OF(struct job_encryption_key, type, "type", 0),
};
static const struct shape encryption_key = { SHAPE_MEMBERS(encryption_key_members),
                                             sizeof(struct job_encryption_key) };

static const struct shape_member data_members[] = {
    SHAPE_PART_OF(struct job_data, action_type, "actionTypeId", SHAPE_STRUCTURE, &action_type),
    SHAPE_INLINE("actionConfiguration", &configuration),
    SHAPE_PART_OF(struct job_data, pipeline, "pipelineContext", SHAPE_STRUCTURE, &pipeline),
    SHAPE_PART_OF(struct job_data, input_artifacts, "inputArtifacts", SHAPE_LIST, &artifact),
    SHAPE_PART_OF(struct job_data, output_artifacts, "outputArtifacts", SHAPE_LIST, &artifact),
    SHAPE_PART_OF(struct job_data, artifact_credentials, "artifactCredentials", SHAPE_STRUCTURE,
                  &credentials),
    SHAPE_TEXT_OF(struct job_data, continuation_token, "continuationToken", CONTINUATION_LEN_MAX),
    SHAPE_PART_OF(struct job_data, encryption_key, "encryptionKey", SHAPE_STRUCTURE,
                  &encryption_key),
};
static const struct shape data = { SHAPE_MEMBERS(data_members), sizeof(struct job_data) };

static const struct shape_member details_members[] = {
    SHAPE_TEXT_OF(struct job_details, id, "id", JOB_ID_LEN_MAX),
    SHAPE_PART_OF(struct job_details, data, "data", SHAPE_STRUCTURE, &data),
    SHAPE_TEXT_OF(struct job_details, nonce, "nonce", NONCE_LEN_MAX),
    SHAPE_TEXT_OF(struct job_details, account_id, "accountId", ACCOUNT_LEN_MAX),
};
const struct shape job_details_shape = { SHAPE_MEMBERS(details_members),
                                         sizeof(struct job_details) };

static const struct shape_member answer_members[] = { SHAPE_INLINE("jobDetails",
                                                                   &job_details_shape) };
static const struct shape answer = { SHAPE_MEMBERS(answer_members), sizeof(struct job_details) };

enum decode_result job_details_decode(struct job_details *out, struct decode_memory *memory,
                                      str body, struct pipepoll_error *why)
{
    return shape_decode(out, &answer, memory, body, why);
}

static const struct shape_member polled_members[] = {
    { .name = STR_INIT("jobs"), .kind = SHAPE_LIST, .of = &job_details_shape },
};
static const struct shape polled = { SHAPE_MEMBERS(polled_members), sizeof(struct shape_list) };

/* The jobs as every poll brings them lie behind their details, and all that those hold. */
static void list_jobs(struct job_list *out, const struct shape_list *list,
                      struct pipepoll_job *jobs)
{
    const struct job_details *d = list->items;
    for (size_t i = 0; i < list->count; i++)
        jobs[i] = (struct pipepoll_job) {
            .job_id = d[i].id,
            .nonce = d[i].nonce,
            .account_id = d[i].account_id,
        };
    *out = (struct job_list) { jobs, list->count, d };
}

/* How many there are only the shape finds out, and it may not change the body before there is
 * memory for all. So it takes so much of the items that for each details which fit there, a job
 * fits into the rest. */
enum decode_result job_details_decode_list(struct job_list *out, struct decode_memory *memory,
                                           str body, struct pipepoll_error *why)
{
    const size_t each = sizeof(struct job_details), both = each + sizeof(struct pipepoll_job);
    struct shape_list list;
    *out = (struct job_list) { NULL, 0, NULL };
    if (job_list_is_none(body))
        return DECODE_OK;
    struct decode_memory part = *memory;
    part.item_cap = memory->item_cap / both * each;
    enum decode_result result = shape_decode(&list, &polled, &part, body, why);
    memory->tokens_needed = part.tokens_needed;
    memory->items_needed = (part.items_needed + each - 1) / each * both;
    if (!result && list.count)
        list_jobs(out, &list, (struct pipepoll_job *)((char *)memory->items + part.item_cap));
    return result;
}
