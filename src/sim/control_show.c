/* SPDX-License-Identifier: MIT */
/* Commands that show something. Instants are told in Unix time, to be laid beside a client's
 * log. */
#include <math.h>

#include "base/log.h"
#include "sim/control_command.h"
#include "sim/scope.h"

enum { LEDGER_PAGE = 1000 };

/* As it would be set: whose it is, and what is not zero. */
static void put_text(json_t *object, const char *name, str text)
{
    if (text.len)
        json_object_set_new(object, name, json_stringn(text.ptr, text.len));
}

static void put_scope(json_t *object, const struct sim_scope *scope)
{
    for (size_t i = 0; i < SCOPE_MEMBERS; i++)
        put_text(object, scope_rules[i].name, scope_get(scope, i));
}

json_t *control_show_rule(const struct sim_scope *where, const struct sim_faults *faults)
{
    json_t *rule = json_object();
    put_scope(rule, where);
    put_text(rule, "operation", faults->operation);
    for (size_t i = 0; faults_name(i); i++) {
        double value = faults_value(faults, i);
        if (value != 0)
            json_object_set_new(rule, faults_name(i),
                                value == floor(value) ? json_integer((json_int_t)value)
                                                      : json_real(value));
    }
    return rule;
}

int control_show_faults(struct command *c)
{
    const struct faults_table *table = c->control->faults;
    json_t *rules = json_array();
    for (struct list *l = table->rules.next; l != &table->rules; l = l->next) {
        const struct faults_rule *rule = CONTAINER_OF(l, struct faults_rule, link);
        json_array_append_new(rules, control_show_rule(&rule->where, &rule->faults));
    }
    http_message_reply_json(c->reply, 200, json_pack("{s:o}", "faults", rules));
    return 0;
}

/* --- the ledger ------------------------------------------------------------------------------ */

/* The events' instants are told in Unix time, to be laid beside a client's log. */
static double unix_time(const struct command *c, uint64_t at_ns)
{
    double now = (double)c->when.wall.tv_sec + (double)c->when.wall.tv_nsec / 1e9;
    return now - (double)(int64_t)(c->when.now_ns - at_ns) / 1e9; /* it may be to come */
}

static void put_uuid(json_t *object, const char *name, const struct uuid *id)
{
    if (id->text[0])
        put_text(object, name, uuid_str(id));
}

/* A nonce is a text to the API. 0: there is none yet. */
static void put_nonce(json_t *object, uint64_t nonce)
{
    if (nonce)
        json_object_set_new(object, "nonce", json_sprintf("%llu", (unsigned long long)nonce));
}

/* Credentials of artifacts and when they end. */
static void put_credentials(const struct command *c, json_t *object, str access_key,
                            uint64_t end_ns)
{
    if (!access_key.len)
        return;
    put_text(object, "accessKeyId", access_key);
    json_object_set_new(object, "expires", json_real(unix_time(c, end_ns)));
}

static json_t *ledger_event(const struct command *c, const struct ledger_entry *e, uint64_t serial)
{
    json_t *event =
        json_pack("{s:I,s:s,s:f,s:f,s:s%,s:s%}", "serial", (json_int_t)serial, "event",
                  ledger_event_name(e->event), "time", unix_time(c, e->at_ns), "available",
                  unix_time(c, e->available_ns), "jobId", e->job_id.text, sizeof e->job_id.text,
                  "clientId", e->client_id.text, sizeof e->client_id.text);
    put_scope(event, e->scope);
    put_uuid(event, "requestId", &e->request_id);
    put_uuid(event, e->event == LEDGER_ADDED ? "follows" : "followedBy", &e->other_id);
    put_nonce(event, e->nonce);
    put_credentials(c, event, (str) { e->access_key, e->access_key[0] ? sizeof e->access_key : 0 },
                    e->credentials_end_ns);
    return event;
}

static int read_since(struct command *c, uint64_t *since)
{
    str query = http_message_query(c->rq);
    if (query.len == 0)
        return 0;
    bool ok = str_starts(query, STR("since=")) && query.len > 6 && query.len < 6 + 19;
    for (size_t i = 6; ok && i < query.len; i++) {
        ok = ascii_is_digit(query.ptr[i]);
        *since = *since * 10 + (uint64_t)(query.ptr[i] - '0');
    }
    return ok ? 0
              : explain(&c->why, PIPEPOLL_EINVAL,
                        "the query must be since=N with the serial number of an event");
}

int control_show_ledger(struct command *c)
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

int control_show_stats(struct command *c)
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
        { "jobsAcknowledgedAgain", s.jobs_acknowledged_again },
        { "jobsLostRaces", s.jobs_lost_races },
        { "jobsSucceeded", s.jobs_succeeded },
        { "jobsContinued", s.jobs_continued },
        { "jobsFailed", s.jobs_failed },
        { "jobsTimedOut", s.jobs_timed_out },
        { "resultsRefused", s.results_refused },
        { "jobsWaiting", s.jobs_waiting },
        { "jobsLeased", s.jobs_leased },
        { "jobsInProgress", s.jobs_in_progress },
        { "connections", s.connections },
    };
    json_t *document = json_object();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        json_object_set_new(document, rows[i].name, json_integer((json_int_t)rows[i].value));
    http_message_reply_json(c->reply, 200, document);
    return 0;
}

/* --- a job ----------------------------------------------------------------------------------- */

/* NULL for an empty text. */
static json_t *document_of(str text)
{
    return json_loadb(text.ptr ? text.ptr : "", text.len, JSON_ALLOW_NUL, NULL);
}

static json_t *describe_job(const struct command *c, const struct service_job *job,
                            const struct sim_scope *scope)
{
    json_t *all = json_pack("{s:s,s:f,s:o*,s:o*}", "status", job_life_status(job->state),
                            "available", unix_time(c, job->available_ns), "configuration",
                            document_of(job->configuration), "result", document_of(job->result));
    json_t *credentials = json_object();
    put_scope(all, scope);
    put_text(all, "jobId", job->id);
    put_text(all, "clientId", job->client_id);
    put_nonce(all, job->nonce);
    put_text(all, "actionExecutionId", job->execution_id);
    put_text(all, "continuationToken", job->continuation_token);
    put_text(all, "follows", job->follows);
    put_text(all, "followedBy", job->followed_by);
    put_credentials(c, credentials, job->access_key, job->credentials_end_ns);
    if (json_object_size(credentials))
        json_object_set(all, "artifactCredentials", credentials);
    json_decref(credentials);
    return all;
}

int control_show_job(struct command *c)
{
    struct service_job job;
    struct sim_scope scope;
    if (service_job(c->control->service, c->rest, &job, &scope, c->when.now_ns))
        http_message_reply_json(c->reply, 200, describe_job(c, &job, &scope));
    else
        http_message_reply_json(c->reply, 404, json_pack("{s:s}", "error", "no such job is known"));
    return 0;
}
