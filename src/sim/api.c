/* Whose trouble a request meets is told by its scope and body before either is checked: a skewed
 * clock must already bear on the signature. It is told twice where anybody has a latency, since by
 * the time the request has arrived the troubles may be others; parsing twice is cheaper than
 * keeping a half-done call for each request under way. */
#include "sim/api.h"

#include "sim/job_json.h"
#include "sim/proof.h"
#include "sim/scope.h"
#include "sim/validate.h"

static const struct sim_trouble no_trouble;

enum { QUERY_VALUE_MAX = 20 }; /* less than the model's own limit, as the documentation has it */

/* One request on its way through. */
struct call {
    struct api *api;
    const struct request *rq;
    struct moment when;
    struct reply *reply;
    enum validate_operation op;
    str target;
    json_t *document; /* NULL: the body is not JSON */
    struct sim_place place;
    struct trouble_rule *rule; /* NULL: none */
    uint32_t max_batch;
    str query;              /* the value of the queryable property; empty: there is none */
    struct service_job job; /* that is asked about */
    json_t *jobs;           /* of the answer */
    struct refusal refusal;
    const char *code; /* of the error that is the answer; NULL: none */
};

static const struct sim_trouble *trouble_of(const struct call *c)
{
    return c->rule ? &c->rule->trouble : &no_trouble;
}

/* Slices of both. */
static struct sim_place place_of(const struct request *rq, const json_t *document)
{
    return (struct sim_place) { proof_region(rq), validate_action_type(document) };
}

static void call_begin(struct call *c)
{
    c->target = exchange_header(c->rq, STR("x-amz-target"));
    c->op = validate_operation(c->target);
    c->document = validate_document(c->rq->body);
    c->place = place_of(c->rq, c->document);
    c->rule = trouble_find(c->api->troubles, &c->place);

    const struct sim_trouble *trouble = trouble_of(c);
    c->reply->request_id = uuid_next(&c->api->ids);
    c->reply->content_type = "application/x-amz-json-1.1";
    c->reply->slow_bytes_per_s = trouble->slow_bytes_per_s;
    c->reply->date_s = c->when.wall.tv_sec + trouble->clock_skew_s;
}

static void call_end(struct call *c)
{
    json_decref(c->document);
    json_decref(c->jobs);
}

/* --- errors ---------------------------------------------------------------------------------- */

static void reply_error(struct call *c, int status, const char *code, const char *message)
{
    c->code = code;
    json_t *document = json_pack("{s:s}", "__type", code);
    if (*message)
        json_object_set_new(document, "message", json_string(message));
    exchange_reply_json(c->reply, status, document);
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

static void reply_refusal(struct call *c)
{
    c->api->stats.refused++;
    make_utf8(c->refusal.message);
    reply_error(c, c->refusal.status, c->refusal.code, c->refusal.message);
}

static void reply_throttled(struct call *c)
{
    c->api->stats.throttled++;
    c->reply->retry_after_ms = trouble_of(c)->retry_after_ms;
    reply_error(c, 400, "ThrottlingException", "Rate exceeded");
}

static void reply_failed(struct call *c)
{
    const struct sim_trouble *trouble = trouble_of(c);
    c->reply->retry_after_ms = trouble->retry_after_ms;
    switch (trouble->error_status) {
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
        reply_error(c, trouble->error_status ? trouble->error_status : 500, "InternalFailure",
                    "The request processing has failed because of an unknown error");
    }
}

/* True: the trouble is the answer, and the request did nothing. */
static bool troubled(struct call *c, enum trouble_outcome outcome)
{
    switch (outcome) {
    case TROUBLE_RESET:
        c->reply->reset = true;
        return true;
    case TROUBLE_ERROR:
        reply_failed(c);
        return true;
    case TROUBLE_GARBAGE:
        exchange_reply_text(c->reply, 200, "<html><body>It works!</body></html>\n");
        return true;
    case TROUBLE_TRUNCATE:
        c->reply->truncate = true;
        return false;
    case TROUBLE_NONE:
        return false;
    }
    return false;
}

/* --- checks ---------------------------------------------------------------------------------- */

/* AWS looks at these before it asks who is there. */
static bool check_form(struct call *c)
{
    str type = str_trim(exchange_header(c->rq, STR("content-type")));
    type.len = str_find(type, ';');
    if (!str_eq_nocase(str_trim(type), STR("application/x-amz-json-1.1"))) {
        exchange_refuse(&c->refusal, "UnknownOperationException", "%s", "");
        c->refusal.status = 404;
        return false;
    }
    return c->document || exchange_refuse(&c->refusal, "SerializationException", "%s", "");
}

static bool check_operation(struct call *c)
{
    str name = validate_operation_name(c->target);
    switch (c->op) {
    case VALIDATE_UNKNOWN:
        return exchange_refuse(&c->refusal, "UnknownOperationException",
                               "X-Amz-Target '%.*s' names no operation of this service",
                               STR_ARG(c->target));
    case VALIDATE_NOT_SIMULATED:
        exchange_refuse(&c->refusal, "NotSimulatedYetException", "%.*s is not simulated yet",
                        STR_ARG(name));
        c->refusal.status = 501;
        return false;
    case VALIDATE_POLL_FOR_JOBS:
    case VALIDATE_POLL_FOR_THIRD_PARTY_JOBS:
    case VALIDATE_GET_THIRD_PARTY_JOB_DETAILS:
        return true;
    }
    return false;
}

/* An action type with a queryable property is polled by a value of it, any other by none. */
static bool check_query(struct call *c, json_t *query)
{
    str wanted = service_queryable(c->api->service, &c->place);
    void *pair = json_object_iter(query);
    const char *key = pair ? json_object_iter_key(pair) : "";
    if (!str_eq(wanted, str_of(key)))
        return exchange_refuse(&c->refusal, "ValidationException",
                               wanted.len ? "queryParam must have the key '%.*s'"
                                          : "The action type has no queryable property%.*s",
                               STR_ARG(wanted));
    const json_t *value = pair ? json_object_iter_value(pair) : NULL;
    if (json_string_length(value) > QUERY_VALUE_MAX)
        return exchange_refuse(&c->refusal, "ValidationException",
                               "The value of queryParam has more than %d characters",
                               QUERY_VALUE_MAX);
    c->query = (str) { json_string_value(value), json_string_length(value) };
    return true;
}

/* AWS does not say which of two wrong things it tells first, nor when a job is invalid instead of
 * not found: here the job comes first, and one of another owner's action type is invalid. */
static bool check_job(struct call *c)
{
    struct validate_job in;
    str region = c->place.region;
    if (!validate_job(&c->refusal, &in, c->document))
        return false;
    if (!service_job(c->api->service, in.job_id, &c->job, &c->place, c->when.now_ns) ||
        !str_eq(c->place.region, region))
        return exchange_refuse(&c->refusal, "JobNotFoundException", "%s", "Job was not found");
    if (!str_eq(c->place.action_type.owner, STR("ThirdParty")))
        return exchange_refuse(&c->refusal, "InvalidJobException", "%s",
                               "Job is not of a third party");
    static const str prefix = STR_INIT("token-");
    bool is_its_token = str_starts(in.client_token, prefix) &&
                        str_eq(str_skip(in.client_token, prefix.len), c->job.client_id);
    return is_its_token || exchange_refuse(&c->refusal, "InvalidClientTokenException", "%s",
                                           "Client token is not valid for this job");
}

static bool check_poll(struct call *c)
{
    struct validate_input in;
    if (!validate_poll(&c->refusal, &in, c->op, c->document))
        return false;
    c->place.action_type = in.action_type;
    c->max_batch = in.max_batch;
    if (service_knows(c->api->service, &c->place))
        return check_query(c, in.query);
    const struct pipepoll_action_type *a = &in.action_type;
    return exchange_refuse(&c->refusal, "ActionTypeNotFoundException",
                           "ActionType (Category: '%.*s', Owner: '%.*s', Provider: '%.*s', "
                           "Version: '%.*s') is not available",
                           STR_ARG(a->category), STR_ARG(a->owner), STR_ARG(a->provider),
                           STR_ARG(a->version));
}

/* --- jobs ------------------------------------------------------------------------------------ */

static void put_job(void *ctx, const struct service_job *job)
{
    struct call *c = ctx;
    bool third_party = c->op == VALIDATE_POLL_FOR_THIRD_PARTY_JOBS;
    json_array_append_new(c->jobs, third_party ? job_json_third_party(job)
                                               : job_json_custom(job, &c->place));
    /* Last, for it may acknowledge this very job. */
    if (c->api->handed_out)
        c->api->handed_out(c->api->ctx, c->place.region, job->id, job->available_ns,
                           c->when.now_ns);
}

static void call_poll(struct call *c)
{
    struct service_poll poll = {
        .place = &c->place,
        .max_batch = c->max_batch,
        .query = c->query,
        .request_id = c->reply->request_id,
        .visit = put_job,
        .ctx = c,
    };
    c->jobs = json_array();
    service_poll(c->api->service, &poll, c->when.now_ns);
    c->api->stats.polls++;
    exchange_reply_json(c->reply, 200, json_pack("{s:O}", "jobs", c->jobs));
}

static void call_answer(struct call *c)
{
    bool is_poll = c->op != VALIDATE_GET_THIRD_PARTY_JOB_DETAILS;
    if (!(is_poll ? check_poll(c) : check_job(c)))
        reply_refusal(c);
    else if (is_poll)
        call_poll(c);
    else
        exchange_reply_json(c->reply, 200,
                            json_pack("{s:o}", "jobDetails", job_json_details(&c->job, &c->place)));
}

uint32_t api_receive(struct api *a, const struct request *rq)
{
    a->stats.requests++;
    if (!trouble_any_latency(a->troubles))
        return 0;
    json_t *document = validate_document(rq->body);
    struct sim_place place = place_of(rq, document);
    const struct trouble_rule *rule = trouble_find(a->troubles, &place);
    uint32_t ms = rule ? trouble_latency_ms(&rule->trouble, &a->chance) : 0;
    json_decref(document);
    return ms;
}

static void tell_served(const struct call *c)
{
    char key[PROOF_KEY_ID_SIZE];
    const struct sim_served served = {
        .operation = validate_operation_name(c->target),
        .region = c->place.region,
        .access_key_id = proof_access_key_id(c->rq, key),
        .status = c->reply->reset ? 0 : c->reply->status,
        .code = c->code,
        .jobs = json_array_size(c->jobs),
    };
    if (c->api->served)
        c->api->served(c->api->ctx, &served);
}

void api_answer(struct api *a, const struct request *rq, struct moment when, struct reply *reply)
{
    struct call c = { .api = a, .rq = rq, .when = when, .reply = reply };
    call_begin(&c);
    enum trouble_outcome outcome = trouble_outcome(trouble_of(&c), &a->chance);
    a->stats.troubled += outcome != TROUBLE_NONE;
    if (!troubled(&c, outcome)) {
        if (!check_form(&c) || !check_operation(&c) ||
            !signature_verify(&c.refusal, rq, &a->credentials, reply->date_s))
            reply_refusal(&c);
        else if (c.rule && trouble_throttles(c.rule, when.now_ns))
            reply_throttled(&c);
        else
            call_answer(&c);
    }
    tell_served(&c);
    call_end(&c);
}
