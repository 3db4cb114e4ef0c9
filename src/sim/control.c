/* A table of routes leads to one handler for each command. A handler walks through the members of
 * the body and refuses the first that it does not know, so that a typing error never passes for a
 * default. One that fails only says why: control_answer() makes the reply of it. */
#include "sim/control.h"

#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "sim/scope.h"

enum { LEDGER_PAGE = 1000 };

struct command {
    struct control *control;
    const struct request *rq;
    struct instant when;
    struct reply *reply;
    json_t *body; /* an object; NULL for a method without one */
    struct pipepoll_error why;
};

/* Each answers, or returns a status with `why` set. */
typedef int handler(struct command *c);

static void reply_done(struct command *c)
{
    http_message_reply_json(c->reply, 200, json_object());
}

static str text_of(const json_t *string)
{
    return (str) { json_string_value(string), json_string_length(string) };
}

/* --- members --------------------------------------------------------------------------------- */

static int unknown_member(struct command *c, const char *name)
{
    return explain(&c->why, PIPEPOLL_EINVAL, "there is no member \"%s\" here", name);
}

/* Take the member if it belongs to a scope. 0, or EINVAL: the wrong type; 1: it does not belong. */
static int read_scope(struct command *c, struct sim_scope *scope, const char *name,
                      const json_t *value)
{
    for (size_t i = 0; i < SCOPE_MEMBERS; i++) {
        if (strcmp(name, scope_rules[i].name) != 0)
            continue;
        if (!json_is_string(value))
            return explain(&c->why, PIPEPOLL_EINVAL, "%s must be a string", name);
        *scope_at(scope, i) = text_of(value);
        return 0;
    }
    return 1;
}

static int read_count(struct command *c, size_t *count, const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > UINT32_MAX)
        return explain(&c->why, PIPEPOLL_EINVAL, "count must be a whole number from 1");
    *count = (size_t)json_integer_value(value);
    return 0;
}

/* --- commands -------------------------------------------------------------------------------- */

static int read_configuration(struct command *c, json_t *value)
{
    const char *name;
    json_t *text;
    bool ok = json_is_object(value);
    json_object_foreach(value, name, text) ok = ok && json_is_string(text);
    return ok ? 0 : explain(&c->why, PIPEPOLL_EINVAL, "configuration must be an object of strings");
}

/* The members of a job that are no scope and no number. */
static int add_jobs_with(struct command *c, const struct sim_scope *scope, size_t count,
                         const json_t *configuration)
{
    struct sim_scope full = scope_default(scope);
    str queryable = service_queryable(c->control->service, &full);
    const json_t *query =
        queryable.len ? json_object_getn(configuration, queryable.ptr, queryable.len) : NULL;
    char *text = configuration ? json_dumps(configuration, JSON_COMPACT) : strdup("{}");
    if (!text)
        return explain(&c->why, PIPEPOLL_ENOMEM, "out of memory");
    const struct service_job_data data = { query ? text_of(query) : (str) { 0 }, str_of(text) };
    const struct service_jobs jobs = { scope, count, &data };
    int r = service_jobs_add(c->control->service, &jobs, c->when.now_ns, &c->why);
    free(text);
    if (!r)
        http_message_reply_json(c->reply, 200, json_pack("{s:I}", "added", (json_int_t)count));
    return r;
}

static int add_jobs(struct command *c)
{
    struct sim_scope scope = { 0 };
    size_t count = 1;
    const char *name;
    json_t *value, *configuration = json_object_get(c->body, "configuration");
    json_object_foreach(c->body, name, value)
    {
        int r = strcmp(name, "count") == 0 ? read_count(c, &count, value)
                : value == configuration   ? read_configuration(c, value)
                                           : read_scope(c, &scope, name, value);
        if (r)
            return r < 0 ? r : unknown_member(c, name);
    }
    return add_jobs_with(c, &scope, count, configuration);
}

static int acknowledge(struct command *c)
{
    const json_t *id = json_object_get(c->body, "jobId");
    const char *name;
    json_t *value;
    json_object_foreach(c->body, name,
                        value) if (strcmp(name, "jobId") != 0) return unknown_member(c, name);
    if (!json_is_string(id))
        return explain(&c->why, PIPEPOLL_EINVAL, "jobId must be a string");
    if (!service_acknowledge(c->control->service, text_of(id), c->when.now_ns))
        return explain(&c->why, PIPEPOLL_EINVAL, "no job \"%s\" is handed out now",
                       json_string_value(id));
    reply_done(c);
    return 0;
}

static int add_action_type(struct command *c)
{
    struct sim_scope scope = { 0 };
    const char *name;
    json_t *value, *queryable = json_object_get(c->body, "queryable");
    if (queryable && !json_is_string(queryable))
        return explain(&c->why, PIPEPOLL_EINVAL, "queryable must be the name of a property");
    json_object_foreach(c->body, name, value)
    {
        int r = value == queryable ? 0 : read_scope(c, &scope, name, value);
        if (r)
            return r < 0 ? r : unknown_member(c, name);
    }
    int r = service_action_type_add(c->control->service, &scope,
                                    queryable ? text_of(queryable) : (str) { 0 }, &c->why);
    if (!r)
        reply_done(c);
    return r;
}

/* As it would be set: whose it is, and what is not zero. */
static json_t *describe_faults(const struct sim_scope *where, const struct sim_faults *faults)
{
    json_t *rule = json_object();
    for (size_t i = 0; i < SCOPE_MEMBERS; i++) {
        str text = scope_get(where, i);
        if (text.len)
            json_object_set_new(rule, scope_rules[i].name, json_stringn(text.ptr, text.len));
    }
    for (size_t i = 0; faults_name(i); i++) {
        double value = faults_value(faults, i);
        if (value != 0)
            json_object_set_new(rule, faults_name(i),
                                value == floor(value) ? json_integer((json_int_t)value)
                                                      : json_real(value));
    }
    return rule;
}

static int set_field(struct sim_faults *faults, const char *name, double value,
                     struct pipepoll_error *why)
{
    char text[32];
    struct buf given = BUF_ON(text);
    buf_printf(&given, "%.15g", value);
    return faults_field(faults, str_of(name), value, buf_str(&given), why);
}

static int set_faults(struct command *c)
{
    struct sim_scope scope = { 0 };
    struct sim_faults faults = { 0 };
    const char *name;
    json_t *value;
    json_object_foreach(c->body, name, value)
    {
        int r = read_scope(c, &scope, name, value);
        if (r > 0)
            r = !json_is_number(value)
                    ? explain(&c->why, PIPEPOLL_EINVAL, "%s must be a number", name)
                    : set_field(&faults, name, json_number_value(value), &c->why);
        if (r)
            return r;
    }
    int r = faults_set(c->control->faults, &scope, &faults, &c->why);
    if (!r)
        http_message_reply_json(c->reply, 200, describe_faults(&scope, &faults));
    return r;
}

static int show_faults(struct command *c)
{
    const struct faults_table *table = c->control->faults;
    json_t *rules = json_array();
    for (struct list *l = table->rules.next; l != &table->rules; l = l->next) {
        const struct faults_rule *rule = CONTAINER_OF(l, struct faults_rule, link);
        json_array_append_new(rules, describe_faults(&rule->where, &rule->faults));
    }
    http_message_reply_json(c->reply, 200, json_pack("{s:o}", "faults", rules));
    return 0;
}

static int clear_faults(struct command *c)
{
    faults_clear(c->control->faults);
    reply_done(c);
    return 0;
}

/* --- reading --------------------------------------------------------------------------------- */

/* The events' instants are told in Unix time, to be laid beside a client's log. */
static double unix_time(const struct command *c, uint64_t at_ns)
{
    double now = (double)c->when.wall.tv_sec + (double)c->when.wall.tv_nsec / 1e9;
    return now - (double)(c->when.now_ns - at_ns) / 1e9;
}

static json_t *ledger_event(const struct command *c, const struct ledger_entry *e, uint64_t serial)
{
    json_t *event =
        json_pack("{s:I,s:s,s:f,s:f,s:s%,s:s%}", "serial", (json_int_t)serial, "event",
                  ledger_event_name(e->event), "time", unix_time(c, e->at_ns), "available",
                  unix_time(c, e->available_ns), "jobId", e->job_id.text, sizeof e->job_id.text,
                  "clientId", e->client_id.text, sizeof e->client_id.text);
    for (size_t i = 0; i < SCOPE_MEMBERS; i++) {
        str text = scope_get(e->scope, i);
        json_object_set_new(event, scope_rules[i].name, json_stringn(text.ptr, text.len));
    }
    if (e->event == LEDGER_HANDED_OUT)
        json_object_set_new(event, "requestId",
                            json_stringn(e->request_id.text, sizeof e->request_id.text));
    return event;
}

static int read_since(struct command *c, uint64_t *since)
{
    str query = http_message_query(c->rq);
    if (query.len == 0)
        return 0;
    bool ok = str_starts(query, STR("since=")) && query.len > 6 && query.len < 6 + 19;
    for (size_t i = 6; ok && i < query.len; i++) {
        ok = query.ptr[i] >= '0' && query.ptr[i] <= '9';
        *since = *since * 10 + (uint64_t)(query.ptr[i] - '0');
    }
    return ok ? 0
              : explain(&c->why, PIPEPOLL_EINVAL,
                        "the query must be since=N with the serial number of an event");
}

static int show_ledger(struct command *c)
{
    service_tick(c->control->service, c->when.now_ns);
    const struct ledger *ledger = service_ledger(c->control->service);
    uint64_t since = 0;
    int r = read_since(c, &since);
    if (r)
        return r;
    uint64_t serial = since + 1 > ledger_first(ledger) ? since + 1 : ledger_first(ledger);
    json_t *events = json_array();
    for (; serial <= ledger->last && json_array_size(events) < LEDGER_PAGE; serial++)
        json_array_append_new(events, ledger_event(c, ledger_get(ledger, serial), serial));
    http_message_reply_json(c->reply, 200,
                            json_pack("{s:o,s:I,s:I}", "events", events, "first",
                                      (json_int_t)ledger_first(ledger), "last",
                                      (json_int_t)ledger->last));
    return 0;
}

static int show_stats(struct command *c)
{
    struct sim_stats s;
    c->control->stats(c->control->ctx, &s);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "requests", s.requests },
        { "polls", s.polls },
        { "refused", s.refused },
        { "throttled", s.throttled },
        { "faulted", s.faulted },
        { "jobsAdded", s.jobs_added },
        { "jobsHandedOut", s.jobs_handed_out },
        { "jobsHandedOutAgain", s.jobs_handed_out_again },
        { "jobsAcknowledged", s.jobs_acknowledged },
        { "jobsWaiting", s.jobs_waiting },
        { "jobsLeased", s.jobs_leased },
        { "connections", s.connections },
    };
    json_t *document = json_object();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        json_object_set_new(document, rows[i].name, json_integer((json_int_t)rows[i].value));
    http_message_reply_json(c->reply, 200, document);
    return 0;
}

/* --- routes ---------------------------------------------------------------------------------- */

/* For whoever points a browser or curl here. */
static int introduce(struct command *c)
{
    c->reply->content_type = "text/plain";
    http_message_reply_text(
        c->reply, 200,
        "This is pipepoll sim, a simulated AWS CodePipeline for third-party jobs.\n"
        "Point an AWS client at this URL: pipepoll poll --endpoint-url URL ..., or\n"
        "aws codepipeline poll-for-third-party-jobs --endpoint-url URL ...\n"
        "Its own interface: GET /_sim/stats, GET /_sim/ledger, POST /_sim/jobs,\n"
        "GET /_sim (all paths); see pipepoll sim --help.\n");
    return 0;
}

static const struct route {
    const char *method, *path;
    bool has_body;
    handler *run;
} routes[] = {
    { "GET", "/", false, introduce },
    { "POST", "/_sim/jobs", true, add_jobs },
    { "POST", "/_sim/acknowledge", true, acknowledge },
    { "POST", "/_sim/action-types", true, add_action_type },
    { "PUT", "/_sim/faults", true, set_faults },
    { "GET", "/_sim/faults", false, show_faults },
    { "DELETE", "/_sim/faults", false, clear_faults },
    { "GET", "/_sim/ledger", false, show_ledger },
    { "GET", "/_sim/stats", false, show_stats },
};

enum { ROUTE_COUNT = sizeof routes / sizeof *routes };

static void reply_error(struct reply *reply, int status, const char *text)
{
    json_t *document = json_pack("{s:s}", "error", text);
    /* The sentence may quote a header or a path, which need not be UTF-8. */
    if (!document)
        document = json_pack("{s:s}", "error", "this was not understood");
    http_message_reply_json(reply, status, document);
}

static void reply_no_route(const struct request *rq, struct reply *reply)
{
    bool path_is_known = false;
    json_t *paths = json_array();
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        json_array_append_new(paths, json_sprintf("%s %s", routes[i].method, routes[i].path));
        path_is_known = path_is_known || str_eq(http_message_path(rq), str_of(routes[i].path));
    }
    http_message_reply_json(reply, path_is_known ? 405 : 404,
                            json_pack("{s:s,s:o}", "error",
                                      path_is_known ? "not with this method" : "no such path",
                                      "paths", paths));
}

/* The body must be one object; an absent one is empty. */
static int read_body(struct command *c)
{
    json_error_t error = { .text = "out of memory" };
    str body = str_trim(c->rq->body);
    c->body =
        body.len ? json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &error) : json_object();
    if (!c->body)
        return explain(&c->why, PIPEPOLL_EINVAL, "the body is not JSON: %s in line %d", error.text,
                       error.line);
    if (!json_is_object(c->body))
        return explain(&c->why, PIPEPOLL_EINVAL, "the body must be an object");
    return 0;
}

bool control_wants(const struct request *rq)
{
    /* A signed GET is a client's mistake, which the service answers. */
    bool is_bare = str_eq(rq->method, STR("GET")) && str_eq(rq->target, STR("/")) &&
                   !http_message_header(rq, STR("authorization")).len;
    return is_bare || str_starts(rq->target, STR("/_sim"));
}

void control_answer(struct control *control, const struct request *rq, struct instant when,
                    struct reply *reply)
{
    const struct route *route = NULL;
    reply->content_type = "application/json";
    reply->date_s = when.wall.tv_sec;
    for (size_t i = 0; i < ROUTE_COUNT; i++)
        if (str_eq(http_message_path(rq), str_of(routes[i].path)) &&
            str_eq(rq->method, str_of(routes[i].method)))
            route = &routes[i];
    if (!route) {
        reply_no_route(rq, reply);
        return;
    }
    struct command c = { .control = control, .rq = rq, .when = when, .reply = reply };
    int r = route->has_body ? read_body(&c) : 0;
    if (!r)
        r = route->run(&c);
    if (r)
        reply_error(reply, 400, c.why.text);
    json_decref(c.body);
}
