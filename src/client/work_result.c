/* SPDX-License-Identifier: MIT */
/* A result lies in one block with its variables and all texts behind it. It is judged by the rules
 * of the operation that will bring it, before it is copied; what the job brings in (its id, its
 * token) was judged when it was first used. */
#include "client/work_result.h"

#include "base/log.h"
#include "base/sized.h"

struct work_result {
    size_t size;
    enum pipepoll_work_outcome outcome;
    /* For the calls: those of a success, or a failure. */
    struct revision_input revision;
    struct execution_input execution;
    bool has_revision, has_execution;
    str continuation_token;
    str message, execution_id; /* of a failure */
    enum pipepoll_failure_type type;
    /* The same for a journal. */
    struct pipepoll_revision given_revision;
    struct pipepoll_success success;
    struct pipepoll_job_failure failure;
    size_t variable_count;
    const struct variable_input *variables; /* behind this, with their texts behind them */
};

static const struct job_input any_job = { STR_INIT("-"), STR_INIT("-") };
static const struct job_input any_custom_job = { STR_INIT("00000000-0000-0000-0000-000000000000"),
                                                 STR_INIT("") };

_Static_assert(sizeof(struct pipepoll_variable) == sizeof(struct variable_input) &&
                   offsetof(struct pipepoll_variable, value) ==
                       offsetof(struct variable_input, value),
               "variables are sent and noted as they were given");

const char *pipepoll_failure_type_name(unsigned type)
{
    return type < OPERATION_FAILURE_TYPES ? operation_failure_types[type] : NULL;
}

/* --- calls --- */

static struct success_input success_of(const struct work_result *r, struct job_input job)
{
    return (struct success_input) {
        .job_id = job.job_id,
        .client_token = job.client_token,
        .revision = r->has_revision ? &r->revision : NULL,
        .continuation_token = r->continuation_token,
        .execution = r->has_execution ? &r->execution : NULL,
        .variables = r->variables,
        .variable_count = r->variable_count,
    };
}

static struct failure_input failure_of(const struct work_result *r, struct job_input job)
{
    return (struct failure_input) {
        .job_id = job.job_id,
        .client_token = job.client_token,
        .type = str_of(operation_failure_types[r->type]),
        .message = r->message,
        .external_execution_id = r->execution_id,
    };
}

const struct operation *work_result_put(const struct work_result *r, struct job_input job,
                                        bool is_custom, union work_input *input)
{
    if (r->outcome == PIPEPOLL_WORK_FAILED) {
        input->failure = failure_of(r, job);
        return is_custom ? &operation_put_job_failure_result
                         : &operation_put_third_party_job_failure_result;
    }
    input->success = success_of(r, job);
    return is_custom ? &operation_put_job_success_result
                     : &operation_put_third_party_job_success_result;
}

enum pipepoll_work_outcome work_result_outcome(const struct work_result *r)
{
    return r->outcome;
}

/* --- copies --- */

enum { TEXT_COUNT = 8 };

/* The texts of a result, in the order that they are kept. */
static void texts_of(struct work_result *r, str *texts[TEXT_COUNT])
{
    str *const all[TEXT_COUNT] = { &r->revision.revision,
                                   &r->revision.change_identifier,
                                   &r->revision.summary,
                                   &r->execution.summary,
                                   &r->execution.external_execution_id,
                                   &r->continuation_token,
                                   &r->message,
                                   &r->execution_id };
    memcpy(texts, all, sizeof all);
}

static size_t size_of(struct work_result *r)
{
    str *texts[TEXT_COUNT];
    size_t size = sizeof *r + r->variable_count * sizeof *r->variables;
    texts_of(r, texts);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        size += texts[i]->len;
    for (size_t i = 0; i < r->variable_count; i++)
        size += r->variables[i].name.len + r->variables[i].value.len;
    return size;
}

static int keep(struct work_result **out, const struct alloc *a, struct work_result *borrowed,
                struct pipepoll_error *why)
{
    str *texts[TEXT_COUNT];
    size_t size = size_of(borrowed);
    struct work_result *r = alloc_new(a, size);
    if (!r)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    *r = *borrowed;
    r->size = size;
    struct variable_input *variables = (void *)(r + 1);
    char *at = (char *)(variables + r->variable_count);
    texts_of(r, texts);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        *texts[i] = str_keep(&at, *texts[i]);
    for (size_t i = 0; i < r->variable_count; i++) {
        variables[i].name = str_keep(&at, borrowed->variables[i].name);
        variables[i].value = str_keep(&at, borrowed->variables[i].value);
    }
    r->variables = variables;
    *out = r;
    return 0;
}

void work_result_free(struct work_result *r, const struct alloc *a)
{
    if (!r)
        return;
    size_t size = r->size;
    explicit_bzero(r, size);
    alloc_free(a, r, size);
}

static void read_revision(struct work_result *r, const struct pipepoll_revision *v)
{
    r->has_revision = true;
    r->revision = (struct revision_input) {
        .revision = v->revision,
        .change_identifier = v->change_identifier,
        .created_s = v->created_s,
        .summary = v->summary,
    };
}

static int check_success(const struct work_result *r, bool is_custom, struct pipepoll_error *why)
{
    const struct success_input input = success_of(r, is_custom ? any_custom_job : any_job);
    if (r->variable_count && !r->variables)
        return explain(why, PIPEPOLL_EINVAL, "there are %zu output variables at NULL",
                       r->variable_count);
    if (r->variable_count && !is_custom)
        return explain(why, PIPEPOLL_EINVAL,
                       "output variables are of jobs of custom actions only: those of third-party "
                       "actions have none");
    return is_custom ? operation_put_job_success_result.check(&input, why)
                     : operation_put_third_party_job_success_result.check(&input, why);
}

int work_result_success(struct work_result **out, const struct alloc *a,
                        const struct pipepoll_success *given, const struct work_result_kind *kind,
                        struct pipepoll_error *why)
{
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    int status = given ? sized_read(&s, sizeof s, given, "success", why) : PIPEPOLL_OK;
    if (status)
        return status;
    struct work_result r = {
        .outcome = kind->continuation_token.len ? PIPEPOLL_WORK_CONTINUED : PIPEPOLL_WORK_SUCCEEDED,
        .execution = { s.summary, s.execution_id, s.has_percent, s.percent_complete },
        .has_execution = s.summary.len || s.execution_id.len || s.has_percent,
        .continuation_token = kind->continuation_token,
        .variables = (const struct variable_input *)s.variables,
        .variable_count = s.variable_count,
    };
    if (s.revision)
        read_revision(&r, s.revision);
    status = check_success(&r, kind->is_custom, why);
    return status ? status : keep(out, a, &r, why);
}

int work_result_failure(struct work_result **out, const struct alloc *a,
                        const struct pipepoll_job_failure *given, struct pipepoll_error *why)
{
    struct pipepoll_job_failure f = PIPEPOLL_JOB_FAILURE_INIT;
    int status = given ? sized_read(&f, sizeof f, given, "job failure", why)
                       : explain(why, PIPEPOLL_EINVAL, "a failure needs its message");
    if (status)
        return status;
    if (!pipepoll_failure_type_name(f.type))
        return explain(why, PIPEPOLL_EINVAL, "the type of failure %d is none that the API has",
                       (int)f.type);
    struct work_result r = {
        .outcome = PIPEPOLL_WORK_FAILED,
        .message = f.message,
        .execution_id = f.execution_id,
        .type = f.type,
    };
    const struct failure_input input = failure_of(&r, any_job);
    status = operation_put_third_party_job_failure_result.check(&input, why);
    return status ? status : keep(out, a, &r, why);
}

/* --- for a journal --- */

static void describe_success(struct work_result *r)
{
    r->given_revision = (struct pipepoll_revision) {
        .revision = r->revision.revision,
        .change_identifier = r->revision.change_identifier,
        .summary = r->revision.summary,
        .created_s = r->revision.created_s,
    };
    r->success = (struct pipepoll_success) {
        .size = sizeof r->success,
        .summary = r->execution.summary,
        .execution_id = r->execution.external_execution_id,
        .revision = r->has_revision ? &r->given_revision : NULL,
        .has_percent = r->execution.has_percent,
        .percent_complete = r->execution.percent_complete,
        .variables = (const struct pipepoll_variable *)r->variables,
        .variable_count = r->variable_count,
    };
}

void work_result_describe(struct work_result *r, struct pipepoll_journal_entry *entry)
{
    if (r->outcome == PIPEPOLL_WORK_FAILED) {
        r->failure = (struct pipepoll_job_failure) {
            .size = sizeof r->failure,
            .type = r->type,
            .message = r->message,
            .execution_id = r->execution_id,
        };
        entry->failure = &r->failure;
        return;
    }
    describe_success(r);
    entry->success = &r->success;
    entry->continuation_token = r->continuation_token;
}
