/* SPDX-License-Identifier: MIT */
/* Whose faults a request meets is told by its scope and body before either is checked: a skewed
 * clock must already bear on the signature. It is told twice where anybody has a latency, since by
 * the time the request has arrived the faults may be others; parsing twice is cheaper than
 * keeping a half-done call for each request under way. */
#include "sim/api_call.h"
#include "sim/job_json.h"
#include "sim/proof.h"
#include "sim/scope.h"
#include "sim/validate.h"

static const struct sim_faults no_faults;

enum { QUERY_VALUE_MAX = 20 }; /* less than the model's own limit, as the documentation has it */

static const struct sim_faults *faults_of(const struct api_call *c)
{
    return c->rule ? &c->rule->faults : &no_faults;
}

/* The action type of what is polled for, or of the job that is named. Slices of all three. */
static struct sim_scope scope_of(const struct api *a, const struct request *rq,
                                 const json_t *document)
{
    struct sim_scope scope;
    if (!service_scope(a->service, validate_job_id(document), &scope))
        scope.action_type = validate_action_type(document);
    scope.region = proof_region(rq);
    return scope;
}

static void call_begin(struct api_call *c)
{
    c->target = http_message_header(c->rq, STR("x-amz-target"));
    c->op = model_operation(c->target);
    c->document = validate_document(c->rq->body);
    c->scope = scope_of(c->api, c->rq, c->document);
    c->rule = faults_find(c->api->faults, &c->scope, model_target_name(c->target));

    const struct sim_faults *faults = faults_of(c);
    c->reply->request_id = uuid_next(&c->api->ids);
    c->reply->content_type = "application/x-amz-json-1.1";
    c->reply->slow_bytes_per_s = faults->slow_bytes_per_s;
    c->reply->date_s = c->when.wall.tv_sec + faults->clock_skew_s;
}

static void call_end(struct api_call *c)
{
    json_decref(c->document);
    json_decref(c->jobs);
}

/* --- errors ---------------------------------------------------------------------------------- */

static void reply_error(struct api_call *c, int status, const char *code, const char *message)
{
    c->code = code;
    json_t *document = json_pack("{s:s}", "__type", code);
    if (*message)
        json_object_set_new(document, "message", json_string(message));
    http_message_reply_json(c->reply, status, document);
}

/* A message may quote a header, which may hold any bytes; JSON holds only UTF-8. */
static void make_utf8(char *message)
{
    json_t *text = json_string(message);
    for (char *c = message; !text && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    json_decref(text);
}

static void reply_refusal(struct api_call *c)
{
    c->api->stats.refused++;
    make_utf8(c->refusal.message);
    reply_error(c, c->refusal.status, c->refusal.code, c->refusal.message);
}

static void reply_throttled(struct api_call *c)
{
    c->api->stats.throttled++;
    c->reply->retry_after_ms = faults_of(c)->retry_after_ms;
    reply_error(c, 400, "ThrottlingException", "Rate exceeded");
}

static void reply_failed(struct api_call *c)
{
    const struct sim_faults *faults = faults_of(c);
    c->reply->retry_after_ms = faults->retry_after_ms;
    switch (faults->error_status) {
    case 502:
        reply_error(c, 502, "BadGatewayException", "Bad gateway");
        break;
    case 503:
        reply_error(c, 503, "ServiceUnavailable", "Service is unavailable");
        break;
    case 504:
        reply_error(c, 504, "GatewayTimeoutException", "Gateway timeout");
        break;
    default:
        reply_error(c, faults->error_status ? faults->error_status : 500, "InternalFailure",
                    "The request processing has failed because of an unknown error");
    }
}

/* True: a fault is the answer, and the request did nothing. */
static bool faulted(struct api_call *c, enum faults_outcome outcome)
{
    switch (outcome) {
    case FAULTS_RESET:
        c->reply->reset = true;
        return true;
    case FAULTS_ERROR:
        reply_failed(c);
        return true;
    case FAULTS_GARBAGE:
        http_message_reply_text(c->reply, 200, "<html><body>It works!</body></html>\n");
        return true;
    case FAULTS_TRUNCATE:
        c->reply->truncate = true;
        return false;
    case FAULTS_LOSE: /* when there is an answer to lose */
    case FAULTS_NONE:
        return false;
    }
    return false;
}

/* --- checks ---------------------------------------------------------------------------------- */

/* AWS looks at these before it asks who is there. */
static bool check_form(struct api_call *c)
{
    str type = str_trim(http_message_header(c->rq, STR("content-type")));
    type.len = str_find(type, ';');
    if (!str_eq_nocase(str_trim(type), STR("application/x-amz-json-1.1"))) {
        http_message_refuse(&c->refusal, "UnknownOperationException", "%s", "");
        c->refusal.status = 404;
        return false;
    }
    return c->document || http_message_refuse(&c->refusal, "SerializationException", "%s", "");
}

static bool check_operation(struct api_call *c)
{
    return c->op != MODEL_UNKNOWN ||
           http_message_refuse(&c->refusal, "UnknownOperationException",
                               "X-Amz-Target '%.*s' names no job operation of this service",
                               STR_ARG(c->target));
}

/* An action type with a queryable property is polled by a value of it, any other by none. */
static bool check_query(struct api_call *c, json_t *query)
{
    str wanted = service_queryable(c->api->service, &c->scope);
    void *pair = json_object_iter(query);
    const char *key = pair ? json_object_iter_key(pair) : "";
    if (!str_eq(wanted, str_of(key)))
        return http_message_refuse(&c->refusal, "ValidationException",
                                   wanted.len ? "queryParam must have the key '%.*s'"
                                              : "The action type has no queryable property%.*s",
                                   STR_ARG(wanted));
    const json_t *value = pair ? json_object_iter_value(pair) : NULL;
    if (json_string_length(value) > QUERY_VALUE_MAX)
        return http_message_refuse(&c->refusal, "ValidationException",
                                   "The value of queryParam has more than %d characters",
                                   QUERY_VALUE_MAX);
    c->query = (str) { json_string_value(value), json_string_length(value) };
    return true;
}

static bool check_poll(struct api_call *c)
{
    struct validate_poll in;
    if (!validate_poll(&c->refusal, &in, c->op, c->document))
        return false;
    c->scope.action_type = in.action_type;
    c->max_batch = in.max_batch;
    if (service_knows(c->api->service, &c->scope))
        return check_query(c, in.query);
    const struct pipepoll_action_type *a = &in.action_type;
    return http_message_refuse(&c->refusal, "ActionTypeNotFoundException",
                               "ActionType (Category: '%.*s', Owner: '%.*s', Provider: '%.*s', "
                               "Version: '%.*s') is not available",
                               STR_ARG(a->category), STR_ARG(a->owner), STR_ARG(a->provider),
                               STR_ARG(a->version));
}

/* --- jobs ------------------------------------------------------------------------------------ */

/* Custom jobs come with all that belongs to them, credentials too. */
static json_t *custom_job(struct api_call *c, const struct service_job *job)
{
    struct service_job full;
    struct sim_scope scope;
    const struct service_request by = { job->id, c->reply->request_id, c->when.now_ns };
    return service_credentials(c->api->service, &by, &full, &scope) ? job_json_custom(&full, &scope)
                                                                    : NULL;
}

static void put_job(void *ctx, const struct service_job *job)
{
    struct api_call *c = ctx;
    json_array_append_new(c->jobs, model_is_third_party(c->op) ? job_json_third_party(job)
                                                               : custom_job(c, job));
    /* Last, for it may finish this very job. */
    if (c->api->handed_out)
        c->api->handed_out(c->api->ctx, c->scope.region, job->id, job->available_ns,
                           c->when.now_ns);
}

static bool call_poll(struct api_call *c)
{
    if (!check_poll(c))
        return false;
    struct service_poll poll = {
        .scope = &c->scope,
        .max_batch = c->max_batch,
        .query = c->query,
        .request_id = c->reply->request_id,
        .visit = put_job,
        .ctx = c,
    };
    c->jobs = json_array();
    service_poll(c->api->service, &poll, c->when.now_ns);
    c->api->stats.polls++;
    http_message_reply_json(c->reply, 200, json_pack("{s:O}", "jobs", c->jobs));
    return true;
}

static void call_answer(struct api_call *c)
{
    bool is_poll = c->op == MODEL_POLL_FOR_JOBS || c->op == MODEL_POLL_FOR_THIRD_PARTY_JOBS;
    if (!(is_poll ? call_poll(c) : api_job_answer(c)))
        reply_refusal(c);
}

uint32_t api_receive(struct api *a, const struct request *rq)
{
    a->stats.requests++;
    if (!faults_any_latency(a->faults))
        return 0;
    json_t *document = validate_document(rq->body);
    struct sim_scope scope = scope_of(a, rq, document);
    str operation = model_target_name(http_message_header(rq, STR("x-amz-target")));
    const struct faults_rule *rule = faults_find(a->faults, &scope, operation);
    uint32_t ms = rule ? faults_latency_ms(&rule->faults, &a->chance) : 0;
    json_decref(document);
    return ms;
}

static void tell_served(const struct api_call *c)
{
    char key[PROOF_KEY_ID_SIZE];
    const struct sim_served served = {
        .operation = model_target_name(c->target),
        .region = c->scope.region,
        .provider = c->scope.action_type.provider,
        .user_agent = http_message_header(c->rq, STR("user-agent")),
        .access_key_id = proof_access_key_id(c->rq, key),
        .status = c->reply->reset ? 0 : c->reply->status,
        .code = c->code,
        .jobs = json_array_size(c->jobs),
    };
    if (c->api->served)
        c->api->served(c->api->ctx, &served);
}

void api_answer(struct api *a, const struct request *rq, struct instant when, struct reply *reply)
{
    struct api_call c = { .api = a, .rq = rq, .when = when, .reply = reply };
    call_begin(&c);
    enum faults_outcome outcome = faults_outcome(faults_of(&c), &a->chance);
    a->stats.faulted += outcome != FAULTS_NONE;
    if (!faulted(&c, outcome)) {
        if (!check_form(&c) || !check_operation(&c) ||
            !signature_verify(&c.refusal, rq, &a->credentials, reply->date_s))
            reply_refusal(&c);
        else if (c.rule && faults_throttles(c.rule, when.now_ns))
            reply_throttled(&c);
        else
            call_answer(&c);
        reply->reset = outcome == FAULTS_LOSE;
    }
    tell_served(&c);
    call_end(&c);
}
