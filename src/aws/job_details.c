/* ThirdPartyJobDetails and what it is made of, as tables in the order of the model. What comes back
 * to the service or goes into a header (ids, nonce, tokens, credentials) is bounded, four bytes for
 * each character that the model allows; what only the worker reads may be of any length, since a
 * job that nobody can read is a job that nobody can fail. */
#include "aws/job_details.h"

#include "aws/job.h"

enum { NONCE_LEN_MAX = 4 * 50, CONTINUATION_LEN_MAX = 4 * 2048, CREDENTIAL_LEN_MAX = 16 << 10 };

#define MEMBERS(list) list, sizeof list / sizeof *list

#define TEXT(type, field, json_name, most)                                                         \
    {                                                                                              \
        .name = STR_INIT(json_name), .kind = SHAPE_TEXT, .offset = offsetof(type, field),          \
        .len_max = (most)                                                                          \
    }
#define PART(type, field, json_name, which, what)                                                  \
    {                                                                                              \
        .name = STR_INIT(json_name), .kind = (which), .offset = offsetof(type, field),             \
        .of = (what)                                                                               \
    }
/* A structure of the model that is none of ours: its members are the outer one's. */
#define INLINE(json_name, what)                                                                    \
    {                                                                                              \
        .name = STR_INIT(json_name), .kind = SHAPE_STRUCTURE, .of = (what)                         \
    }

static const struct shape_member action_type_members[] = {
    TEXT(struct pipepoll_action_type, category, "category", 0),
    TEXT(struct pipepoll_action_type, owner, "owner", 0),
    TEXT(struct pipepoll_action_type, provider, "provider", 0),
    TEXT(struct pipepoll_action_type, version, "version", 0),
};
static const struct shape action_type = { MEMBERS(action_type_members),
                                          sizeof(struct pipepoll_action_type) };

static const struct shape_member configuration_members[] = {
    PART(struct job_data, configuration, "configuration", SHAPE_MAP, NULL),
};
static const struct shape configuration = { MEMBERS(configuration_members), 0 };

static const struct shape_member stage_members[] = {
    TEXT(struct job_pipeline, stage, "name", 0),
};
static const struct shape stage = { MEMBERS(stage_members), 0 };

static const struct shape_member action_members[] = {
    TEXT(struct job_pipeline, action, "name", 0),
    TEXT(struct job_pipeline, action_execution_id, "actionExecutionId", 0),
};
static const struct shape action = { MEMBERS(action_members), 0 };

static const struct shape_member pipeline_members[] = {
    TEXT(struct job_pipeline, name, "pipelineName", 0),
    INLINE("stage", &stage),
    INLINE("action", &action),
    TEXT(struct job_pipeline, arn, "pipelineArn", 0),
    TEXT(struct job_pipeline, execution_id, "pipelineExecutionId", 0),
};
static const struct shape pipeline = { MEMBERS(pipeline_members), sizeof(struct job_pipeline) };

static const struct shape_member s3_location_members[] = {
    TEXT(struct job_artifact, bucket_name, "bucketName", 0),
    TEXT(struct job_artifact, object_key, "objectKey", 0),
};
static const struct shape s3_location = { MEMBERS(s3_location_members), 0 };

static const struct shape_member location_members[] = {
    TEXT(struct job_artifact, location_type, "type", 0),
    INLINE("s3Location", &s3_location),
};
static const struct shape location = { MEMBERS(location_members), 0 };

static const struct shape_member artifact_members[] = {
    TEXT(struct job_artifact, name, "name", 0),
    TEXT(struct job_artifact, revision, "revision", 0),
    INLINE("location", &location),
};
static const struct shape artifact = { MEMBERS(artifact_members), sizeof(struct job_artifact) };

static const struct shape_member credentials_members[] = {
    TEXT(struct job_artifact_credentials, access_key_id, "accessKeyId", CREDENTIAL_LEN_MAX),
    TEXT(struct job_artifact_credentials, secret_access_key, "secretAccessKey", CREDENTIAL_LEN_MAX),
    TEXT(struct job_artifact_credentials, session_token, "sessionToken", CREDENTIAL_LEN_MAX),
};
static const struct shape credentials = { MEMBERS(credentials_members),
                                          sizeof(struct job_artifact_credentials) };

static const struct shape_member encryption_key_members[] = {
    TEXT(struct job_encryption_key, id, "id", 0),
    TEXT(struct job_encryption_key, type, "type", 0),
};
static const struct shape encryption_key = { MEMBERS(encryption_key_members),
                                             sizeof(struct job_encryption_key) };

static const struct shape_member data_members[] = {
    PART(struct job_data, action_type, "actionTypeId", SHAPE_STRUCTURE, &action_type),
    INLINE("actionConfiguration", &configuration),
    PART(struct job_data, pipeline, "pipelineContext", SHAPE_STRUCTURE, &pipeline),
    PART(struct job_data, input_artifacts, "inputArtifacts", SHAPE_LIST, &artifact),
    PART(struct job_data, output_artifacts, "outputArtifacts", SHAPE_LIST, &artifact),
    PART(struct job_data, artifact_credentials, "artifactCredentials", SHAPE_STRUCTURE,
         &credentials),
    TEXT(struct job_data, continuation_token, "continuationToken", CONTINUATION_LEN_MAX),
    PART(struct job_data, encryption_key, "encryptionKey", SHAPE_STRUCTURE, &encryption_key),
};
static const struct shape data = { MEMBERS(data_members), sizeof(struct job_data) };

static const struct shape_member details_members[] = {
    TEXT(struct job_details, id, "id", JOB_ID_LEN_MAX),
    PART(struct job_details, data, "data", SHAPE_STRUCTURE, &data),
    TEXT(struct job_details, nonce, "nonce", NONCE_LEN_MAX),
};
static const struct shape details = { MEMBERS(details_members), sizeof(struct job_details) };

static const struct shape_member answer_members[] = { INLINE("jobDetails", &details) };
static const struct shape answer = { MEMBERS(answer_members), sizeof(struct job_details) };

enum decode_result job_details_decode(struct job_details *out, struct decode_memory *memory,
                                      str body, struct pipepoll_error *why)
{
    return shape_decode(out, &answer, memory, body, why);
}
