/* SPDX-License-Identifier: MIT */
/* Tables, in the order of the model, so that what is wrong is told in that order. Lengths are in
 * characters. */
#include "sim/model.h"

#include "sim/scope.h"

#define UUID "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
#define NAME "[0-9A-Za-z_-]+"

/* A string of 1 to `most` characters. */
#define TEXT(name_, required_, most)                                                               \
    {                                                                                              \
        .name = name_, .required = required_, .min = 1, .max = most                                \
    }
#define STRUCTURE(name_, required_, of)                                                            \
    {                                                                                              \
        .name = name_, .type = MODEL_STRUCTURE, .required = required_, .members = of               \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

static const struct model_member action_type[] = {
    { .name = "category", .required = true, .values = scope_rules[SCOPE_CATEGORY].values },
    { .name = "owner", .required = true, .values = scope_rules[SCOPE_OWNER].values },
    { .name = "provider", .required = true, .min = 1, .max = 35, .pattern = NAME },
    { .name = "version", .required = true, .min = 1, .max = 9, .pattern = NAME },
    END,
};

static const struct model_member query[] = {
    TEXT("key", true, 50),
    { .name = "value", .required = true, .min = 1, .max = 50, .pattern = "[a-zA-Z0-9_-]+" },
    END,
};

static const struct model_member variables[] = {
    { .name = "key", .required = true, .pattern = "[A-Za-z0-9@\\-_]+" },
    { .name = "value", .required = true },
    END,
};

static const struct model_member current_revision[] = {
    TEXT("revision", true, 1500),
    TEXT("changeIdentifier", true, 100),
    { .name = "created", .type = MODEL_TIMESTAMP },
    TEXT("revisionSummary", false, 2048),
    END,
};

static const struct model_member execution_details[] = {
    TEXT("summary", false, 2048),
    TEXT("externalExecutionId", false, 1500),
    { .name = "percentComplete", .type = MODEL_INTEGER, .max = 100 },
    END,
};

static const char *const failure_types[] = { "JobFailed",
                                             "ConfigurationError",
                                             "PermissionError",
                                             "RevisionOutOfSync",
                                             "RevisionUnavailable",
                                             "SystemUnavailable",
                                             NULL };

static const struct model_member failure_details[] = {
    { .name = "type", .required = true, .values = failure_types },
    TEXT("message", true, 5000),
    TEXT("externalExecutionId", false, 1500),
    END,
};

/* --- inputs ---------------------------------------------------------------------------------- */

#define JOB_ID                                                                                     \
    {                                                                                              \
        .name = "jobId", .required = true, .pattern = UUID                                         \
    }
#define THIRD_JOB_ID TEXT("jobId", true, 512)
#define NONCE        TEXT("nonce", true, 50)
#define CLIENT_TOKEN TEXT("clientToken", true, 256)
#define BATCH                                                                                      \
    {                                                                                              \
        .name = "maxBatchSize", .type = MODEL_INTEGER, .min = 1                                    \
    }
#define REVISION     STRUCTURE("currentRevision", false, current_revision)
#define CONTINUATION TEXT("continuationToken", false, 2048)
#define EXECUTION    STRUCTURE("executionDetails", false, execution_details)
#define FAILURE      STRUCTURE("failureDetails", true, failure_details)

static const struct model_member poll_for_jobs[] = {
    STRUCTURE("actionTypeId", true, action_type),
    BATCH,
    { .name = "queryParam", .type = MODEL_MAP, .max = 1, .members = query },
    END,
};
static const struct model_member get_job_details[] = { JOB_ID, END };
static const struct model_member acknowledge_job[] = { JOB_ID, NONCE, END };
static const struct model_member put_job_success_result[] = {
    JOB_ID,
    REVISION,
    CONTINUATION,
    EXECUTION,
    { .name = "outputVariables", .type = MODEL_MAP, .members = variables },
    END,
};
static const struct model_member put_job_failure_result[] = { JOB_ID, FAILURE, END };

static const struct model_member poll_for_third_party_jobs[] = {
    STRUCTURE("actionTypeId", true, action_type),
    BATCH,
    END,
};
static const struct model_member get_third_party_job_details[] = { THIRD_JOB_ID, CLIENT_TOKEN,
                                                                   END };
static const struct model_member acknowledge_third_party_job[] = { THIRD_JOB_ID, NONCE,
                                                                   CLIENT_TOKEN, END };
static const struct model_member put_third_party_job_success_result[] = {
    THIRD_JOB_ID, CLIENT_TOKEN, REVISION, CONTINUATION, EXECUTION, END,
};
static const struct model_member put_third_party_job_failure_result[] = { THIRD_JOB_ID,
                                                                          CLIENT_TOKEN, FAILURE,
                                                                          END };

/* --- operations ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    const struct model_member *input;
} operations[] = {
    [MODEL_POLL_FOR_JOBS] = { "PollForJobs", poll_for_jobs },
    [MODEL_GET_JOB_DETAILS] = { "GetJobDetails", get_job_details },
    [MODEL_ACKNOWLEDGE_JOB] = { "AcknowledgeJob", acknowledge_job },
    [MODEL_PUT_JOB_SUCCESS_RESULT] = { "PutJobSuccessResult", put_job_success_result },
    [MODEL_PUT_JOB_FAILURE_RESULT] = { "PutJobFailureResult", put_job_failure_result },
    [MODEL_POLL_FOR_THIRD_PARTY_JOBS] = { "PollForThirdPartyJobs", poll_for_third_party_jobs },
    [MODEL_GET_THIRD_PARTY_JOB_DETAILS] = { "GetThirdPartyJobDetails",
                                            get_third_party_job_details },
    [MODEL_ACKNOWLEDGE_THIRD_PARTY_JOB] = { "AcknowledgeThirdPartyJob",
                                            acknowledge_third_party_job },
    [MODEL_PUT_THIRD_PARTY_JOB_SUCCESS_RESULT] = { "PutThirdPartyJobSuccessResult",
                                                   put_third_party_job_success_result },
    [MODEL_PUT_THIRD_PARTY_JOB_FAILURE_RESULT] = { "PutThirdPartyJobFailureResult",
                                                   put_third_party_job_failure_result },
};

str model_target_name(str target)
{
    static const str service = STR_INIT("CodePipeline_20150709.");
    return str_starts(target, service) ? str_skip(target, service.len) : (str) { 0 };
}

enum model_operation model_named(str name)
{
    for (size_t i = MODEL_UNKNOWN + 1; i < sizeof operations / sizeof *operations; i++)
        if (str_eq(name, str_of(operations[i].name)))
            return (enum model_operation)i;
    return MODEL_UNKNOWN;
}

enum model_operation model_operation(str target)
{
    return model_named(model_target_name(target));
}

const struct model_member *model_input(enum model_operation op)
{
    return operations[op].input;
}

bool model_is_third_party(enum model_operation op)
{
    return strstr(operations[op].name, "ThirdParty") != NULL;
}
