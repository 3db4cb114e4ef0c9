/* SPDX-License-Identifier: MIT */
/* One job as the embedder sees it: its data, what can be asked about it, and what is said of it,
 * which the timer carries out. */
#include "aws/input.h"
#include "client/work.h"

/* --- the data --- */

_Static_assert(sizeof(struct pipepoll_property) == sizeof(struct shape_pair) &&
                   offsetof(struct pipepoll_property, value) == offsetof(struct shape_pair, value),
               "properties are handed out as they were read");

struct pipepoll_job_data work_data(const struct job_details *details)
{
    const struct job_data *d = &details->data;
    return (struct pipepoll_job_data) {
        .size = sizeof(struct pipepoll_job_data),
        .action_type = d->action_type,
        .pipeline = &d->pipeline,
        .artifact_credentials = &d->artifact_credentials,
        .continuation_token = d->continuation_token,
        .encryption_key_id = d->encryption_key.id,
        .encryption_key_type = d->encryption_key.type,
        .property_count = d->configuration.count,
        .input_count = d->input_artifacts.count,
        .output_count = d->output_artifacts.count,
        .properties = d->configuration.items,
        .inputs = d->input_artifacts.items,
        .outputs = d->output_artifacts.items,
        .property_size = sizeof(struct pipepoll_property),
        .artifact_size = sizeof(struct pipepoll_artifact),
        .account_id = details->account_id,
    };
}

/* Elements lie as far apart as the library that filled them in says. */
static const void *at(const void *items, size_t count, size_t size, size_t i)
{
    return i < count ? (const char *)items + i * size : NULL;
}

const struct pipepoll_property *pipepoll_job_property(const struct pipepoll_job_data *d, size_t i)
{
    return at(d->properties, d->property_count, d->property_size, i);
}

const struct pipepoll_artifact *pipepoll_job_input(const struct pipepoll_job_data *d, size_t i)
{
    return at(d->inputs, d->input_count, d->artifact_size, i);
}

const struct pipepoll_artifact *pipepoll_job_output(const struct pipepoll_job_data *d, size_t i)
{
    return at(d->outputs, d->output_count, d->artifact_size, i);
}

/* --- the end --- */

const char *pipepoll_work_outcome_name(enum pipepoll_work_outcome outcome)
{
    static const char *const names[] = {
        [PIPEPOLL_WORK_SUCCEEDED] = "succeeded",   [PIPEPOLL_WORK_CONTINUED] = "continued",
        [PIPEPOLL_WORK_FAILED] = "failed",         [PIPEPOLL_WORK_LOST_RACE] = "lost race",
        [PIPEPOLL_WORK_NO_TOKEN] = "no token",     [PIPEPOLL_WORK_LEFT] = "left",
        [PIPEPOLL_WORK_UNRESOLVED] = "unresolved", [PIPEPOLL_WORK_OVER] = "over",
        [PIPEPOLL_WORK_REJECTED] = "rejected",     [PIPEPOLL_WORK_UNREPORTED] = "unreported",
    };
    return (size_t)outcome < sizeof names / sizeof *names ? names[outcome] : "unknown";
}

/* What is said of an end that no answer explains. */
const char *work_outcome_words(enum pipepoll_work_outcome outcome)
{
    switch (outcome) {
    case PIPEPOLL_WORK_SUCCEEDED:
    case PIPEPOLL_WORK_CONTINUED:
    case PIPEPOLL_WORK_FAILED:
        return "";
    case PIPEPOLL_WORK_LOST_RACE:
        return "another worker has claimed the job";
    case PIPEPOLL_WORK_NO_TOKEN:
        return "no client token is known for the job";
    case PIPEPOLL_WORK_LEFT:
        return "the job was not claimed: the service will hand it out again";
    case PIPEPOLL_WORK_UNRESOLVED:
        return "the service did not say whether the job is claimed by this worker";
    case PIPEPOLL_WORK_OVER:
        return "the job ended without this worker's result";
    case PIPEPOLL_WORK_REJECTED:
        return "the service gave no nonce to claim the job by";
    case PIPEPOLL_WORK_UNREPORTED:
        return "the worker closed before the service confirmed a result";
    }
    return "";
}

/* --- questions --- */

str pipepoll_work_job_id(const struct pipepoll_work *k)
{
    return k->job_id;
}

str pipepoll_work_client_id(const struct pipepoll_work *k)
{
    return k->client_id;
}

str pipepoll_work_nonce(const struct pipepoll_work *k)
{
    return k->is_custom && !k->has_run ? (str) { k->nonce, k->nonce_len } : STR("");
}

str pipepoll_work_region(const struct pipepoll_work *k)
{
    return client_name(k->client);
}

void pipepoll_work_set_user(struct pipepoll_work *k, void *user)
{
    k->user = user;
}

void *pipepoll_work_user(const struct pipepoll_work *k)
{
    return k->user;
}

/* --- answers --- */

int pipepoll_work_token(struct pipepoll_work *k, str token, struct pipepoll_error *why)
{
    if (!k->is_asked)
        return explain(why, PIPEPOLL_EINVAL, "no client token was asked for, or one was given");
    int r = input_check_optional("client token", token, 256, why);
    if (r)
        return r;
    k->is_asked = false;
    if (token.len) { /* else the one before may still do */
        k->token_len = token.len;
        memcpy(k->token, token.ptr, token.len);
    }
    if (k->life.state == WORK_RUNNING) {
        work_renewal_on_token(k, token.len > 0);
        return 0;
    }
    if (!token.len && !k->said.status) {
        k->said.status = PIPEPOLL_ENOTFOUND;
        explain(&k->said.why, PIPEPOLL_ENOTFOUND, "no client token is known for client id %.*s",
                STR_ARG(k->client_id));
    }
    work_plan(k, work_on_token(&k->life, token.len > 0, timers_now_ns()));
    return 0;
}

/* The result becomes the job's. */
static int give_result(struct pipepoll_work *k, int r, struct work_result *result,
                       struct pipepoll_error *why)
{
    if (r)
        return r;
    if (!k->has_run || !work_on_result(&k->life, work_result_outcome(result))) {
        work_result_free(result, &k->worker->alloc);
        return explain(why, PIPEPOLL_EINVAL, "the job is not running, or has its result");
    }
    k->result = result;
    k->is_asked = false; /* by a renewal, which is not needed any more */
    work_plan(k, WORK_REPORT);
    return 0;
}

int pipepoll_work_continue(struct pipepoll_work *k, str token, const struct pipepoll_success *given,
                           struct pipepoll_error *why)
{
    struct work_result *result = NULL;
    const struct work_result_kind kind = { k->is_custom, token };
    int r = input_check_text("continuation token", token, 2048, why);
    if (!r)
        r = work_result_success(&result, &k->worker->alloc, given, &kind, why);
    return give_result(k, r, result, why);
}

int pipepoll_work_fail(struct pipepoll_work *k, const struct pipepoll_job_failure *given,
                       struct pipepoll_error *why)
{
    struct work_result *result = NULL;
    int r = work_result_failure(&result, &k->worker->alloc, given, why);
    return give_result(k, r, result, why);
}

int pipepoll_work_succeed(struct pipepoll_work *k, const struct pipepoll_success *given,
                          struct pipepoll_error *why)
{
    struct work_result *result = NULL;
    const struct work_result_kind kind = { k->is_custom, STR("") };
    int r = work_result_success(&result, &k->worker->alloc, given, &kind, why);
    return give_result(k, r, result, why);
}
