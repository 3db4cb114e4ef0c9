/* SPDX-License-Identifier: MIT */
/* Commands that change something. A handler walks through the members of the body and refuses the
 * first that it does not know, so that a typing error never passes for a default. One that fails
 * only says why: control_answer() makes the reply of it. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "sim/control_command.h"
#include "sim/pattern.h"
#include "sim/scope.h"

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
    json_object_foreach(value, name, text)
    {
        ok = ok && json_is_string(text);
    }
    return ok ? 0 : explain(&c->why, PIPEPOLL_EINVAL, "configuration must be an object of strings");
}

static int read_client_id(struct command *c, const json_t *value)
{
    static const char form[] = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    return json_is_string(value) && pattern_matches(form, text_of(value))
               ? 0
               : explain(&c->why, PIPEPOLL_EINVAL, "clientId must be a UUID in lower case");
}

/* The members of a job that are no scope and no number. */
static int add_jobs_with(struct command *c, const struct sim_scope *scope, size_t count)
{
    const json_t *configuration = json_object_get(c->body, "configuration"),
                 *client = json_object_get(c->body, "clientId");
    struct sim_scope full = scope_default(scope);
    str queryable = service_queryable(c->control->service, &full);
    const json_t *query =
        queryable.len ? json_object_getn(configuration, queryable.ptr, queryable.len) : NULL;
    char *text = configuration ? json_dumps(configuration, JSON_COMPACT) : strdup("{}");
    if (!text)
        return explain(&c->why, PIPEPOLL_ENOMEM, "out of memory");
    const struct service_job_data data = { query ? text_of(query) : (str) { 0 }, str_of(text),
                                           client ? text_of(client) : (str) { 0 } };
    const struct service_jobs jobs = { scope, count, &data };
    int r = service_jobs_add(c->control->service, &jobs, c->when.now_ns, &c->why);
    free(text);
    if (!r)
        http_message_reply_json(c->reply, 200, json_pack("{s:I}", "added", (json_int_t)count));
    return r;
}

int control_set_jobs(struct command *c)
{
    struct sim_scope scope = { 0 };
    size_t count = 1;
    const char *name;
    json_t *value;
    json_object_foreach(c->body, name, value)
    {
        int r = strcmp(name, "count") == 0           ? read_count(c, &count, value)
                : strcmp(name, "configuration") == 0 ? read_configuration(c, value)
                : strcmp(name, "clientId") == 0      ? read_client_id(c, value)
                                                     : read_scope(c, &scope, name, value);
        if (r)
            return r < 0 ? r : unknown_member(c, name);
    }
    return add_jobs_with(c, &scope, count);
}

int control_set_finished(struct command *c)
{
    const json_t *id = json_object_get(c->body, "jobId");
    const char *name;
    json_t *value;
    json_object_foreach(c->body, name, value)
    {
        if (strcmp(name, "jobId") != 0)
            return unknown_member(c, name);
    }
    if (!json_is_string(id))
        return explain(&c->why, PIPEPOLL_EINVAL, "jobId must be a string");
    if (!service_finish(c->control->service, text_of(id), c->when.now_ns))
        return explain(&c->why, PIPEPOLL_EINVAL, "no job \"%s\" is handed out now",
                       json_string_value(id));
    reply_done(c);
    return 0;
}

int control_set_action_type(struct command *c)
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

static int set_field(struct sim_faults *faults, const char *name, double value,
                     struct pipepoll_error *why)
{
    char text[32];
    struct buf given = BUF_ON(text);
    buf_printf(&given, "%.15g", value);
    return faults_field(faults, str_of(name), value, buf_str(&given), why);
}

int control_set_faults(struct command *c)
{
    struct sim_scope scope = { 0 };
    struct sim_faults faults = { 0 };
    const char *name;
    json_t *value;
    json_object_foreach(c->body, name, value)
    {
        int r = strcmp(name, "operation") == 0 && json_is_string(value)
                    ? faults_operation(&faults, text_of(value), &c->why)
                    : read_scope(c, &scope, name, value);
        if (r > 0)
            r = !json_is_number(value)
                    ? explain(&c->why, PIPEPOLL_EINVAL, "%s must be a number", name)
                    : set_field(&faults, name, json_number_value(value), &c->why);
        if (r)
            return r;
    }
    int r = faults_set(c->control->faults, &scope, &faults, &c->why);
    if (!r)
        http_message_reply_json(c->reply, 200, control_show_rule(&scope, &faults));
    return r;
}

int control_set_no_faults(struct command *c)
{
    faults_clear(c->control->faults);
    reply_done(c);
    return 0;
}
