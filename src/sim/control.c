/* SPDX-License-Identifier: MIT */
/* A table of routes leads to one handler for each command. A route that ends with a slash, but for
 * the root, takes what is behind it as the name of a thing. */
#include "sim/control_command.h"

#include "base/log.h"

/* For whoever points a browser or curl here. */
static int introduce(struct command *c)
{
    c->reply->content_type = "text/plain";
    http_message_reply_text(
        c->reply, 200,
        "This is pipepoll sim, a simulated AWS CodePipeline for third-party jobs.\n"
        "Point an AWS client at this URL: pipepoll poll --endpoint-url URL ..., or\n"
        "aws codepipeline poll-for-third-party-jobs --endpoint-url URL ...\n"
        "Its own interface: GET /_sim/stats, GET /_sim/ledger, POST /_sim/jobs, GET "
        "/_sim/jobs/ID,\n"
        "GET /_sim (all paths); see pipepoll sim --help.\n");
    return 0;
}

static const struct route {
    const char *method, *path;
    bool has_body;
    control_handler *run;
} routes[] = {
    { "GET", "/", false, introduce },
    { "GET", "/_sim/jobs/", false, control_show_job }, /* and its id */
    { "POST", "/_sim/jobs", true, control_set_jobs },
    { "POST", "/_sim/acknowledge", true, control_set_finished },
    { "POST", "/_sim/action-types", true, control_set_action_type },
    { "PUT", "/_sim/faults", true, control_set_faults },
    { "GET", "/_sim/faults", false, control_show_faults },
    { "DELETE", "/_sim/faults", false, control_set_no_faults },
    { "GET", "/_sim/ledger", false, control_show_ledger },
    { "GET", "/_sim/stats", false, control_show_stats },
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

/* Does the path lead there? *rest is what is behind it. */
static bool route_has(const struct route *route, str path, str *rest)
{
    str whole = str_of(route->path);
    bool takes_more = whole.len > 1 && whole.ptr[whole.len - 1] == '/';
    if (!str_starts(path, whole) || (path.len > whole.len) != takes_more)
        return false;
    *rest = str_skip(path, whole.len);
    return true;
}

static void reply_no_route(const struct request *rq, struct reply *reply)
{
    bool path_is_known = false;
    str rest;
    json_t *paths = json_array();
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        json_array_append_new(paths, json_sprintf("%s %s", routes[i].method, routes[i].path));
        path_is_known = path_is_known || route_has(&routes[i], http_message_path(rq), &rest);
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
    str rest = { 0 };
    reply->content_type = "application/json";
    reply->date_s = when.wall.tv_sec;
    for (size_t i = 0; i < ROUTE_COUNT; i++)
        if (str_eq(rq->method, str_of(routes[i].method)) &&
            route_has(&routes[i], http_message_path(rq), &rest))
            route = &routes[i];
    if (!route) {
        reply_no_route(rq, reply);
        return;
    }
    struct command c = { .control = control, .rq = rq, .when = when, .reply = reply, .rest = rest };
    int r = route->has_body ? read_body(&c) : 0;
    if (!r)
        r = route->run(&c);
    if (r)
        reply_error(reply, 400, c.why.text);
    json_decref(c.body);
}
