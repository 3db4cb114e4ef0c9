/* SPDX-License-Identifier: MIT */
/* The job worker against a scripted service: which calls go out and in which order, what the
 * handler and the journal are told, what is sent again and what never, and how it ends. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/list.h"
#include "lib/alone.h"
#include "lib/check.h"
#include "lib/server.h"
#include "lib/watched_memory.h"
#include "pipepoll/worker.h"

#define JOB_ID  "11111111-2222-3333-4444-555555555555"
#define ONE_JOB "{\"jobs\":[{\"clientId\":\"client-1\",\"jobId\":\"" JOB_ID "\"}]}"
#define DETAILS(secret)                                                                            \
    "{\"jobDetails\":{\"id\":\"" JOB_ID "\",\"nonce\":\"nonce-7\",\"data\":{"                      \
    "\"actionTypeId\":{\"category\":\"Build\",\"owner\":\"ThirdParty\",\"provider\":\"Acme\","     \
    "\"version\":\"1\"},\"actionConfiguration\":{\"configuration\":{\"Project\":\"p\","            \
    "\"Password\":\"hush-hush\"}},\"pipelineContext\":{\"pipelineName\":\"line\",\"stage\":"       \
    "{\"name\":\"s\"},\"action\":{\"name\":\"a\"}},\"inputArtifacts\":[{\"name\":\"in\","          \
    "\"location\":{\"type\":\"S3\",\"s3Location\":{\"bucketName\":\"b\",\"objectKey\":\"k\"}}}],"  \
    "\"outputArtifacts\":[],\"artifactCredentials\":{\"accessKeyId\":\"AKID\","                    \
    "\"secretAccessKey\":\"" secret "\",\"sessionToken\":\"session-token\"}}}}"

enum call { POLL, DETAILS_CALL, ACKNOWLEDGE, SUCCESS, FAILURE, CALL_COUNT };

static const char *const call_names[CALL_COUNT] = {
    "PollForThirdPartyJobs", "GetThirdPartyJobDetails", "AcknowledgeThirdPartyJob",
    "PutThirdPartyJobSuccessResult", "PutThirdPartyJobFailureResult"
};

/* The same of custom actions. */
static const char *const custom_names[CALL_COUNT] = { "PollForJobs", "GetJobDetails",
                                                      "AcknowledgeJob", "PutJobSuccessResult",
                                                      "PutJobFailureResult" };

/* An answer; a body of NULL: the connection is reset, as if the answer had got lost. */
struct reply {
    int status;
    const char *body;
};
static const struct reply in_progress = { 200, "{\"status\":\"InProgress\"}" };
static const struct reply done = { 200, "" }, lost = { 0, NULL }, failing = { 500, "" };

static struct reply refused(const char *body)
{
    return (struct reply) { 400, body };
}
#define ERROR(code) refused("{\"__type\":\"" code "Exception\",\"message\":\"No.\"}")

struct world {
    struct pipepoll_handler handler;
    struct pipepoll_journal journal;
    struct pipepoll_sink sink;
    uv_loop_t loop;
    struct server server;
    struct pipepoll_worker *worker;
    struct pipepoll_target *target;
    struct reply script[CALL_COUNT][4]; /* the last that there is on and on */
    unsigned script_len[CALL_COUNT], calls[CALL_COUNT];
    char bodies[CALL_COUNT][1024]; /* of the last request */
    char told[4096];               /* all that happened, in its order, one word each */
    char logged[8192];
    struct pipepoll_work *work;
    const char *token; /* that the handler knows; NULL: it keeps silent */
    char data[1024], message[512], claim[65], noted_variables[128];
    enum pipepoll_work_outcome outcome;
    bool ran, late_notes, is_custom, is_ill;
    int note_status;
    uint64_t tickets;
    struct watched_memory memory;
    unsigned tokens, started, ended, renewed, over, removed, closed;
    /* While the n-th of these calls is out for sure: the server has it, and has not answered. */
    struct {
        enum call call;
        unsigned n;
        void (*act)(struct world *w);
    } meanwhile;
    void (*on_find)(struct world *w);
    void (*on_start)(struct world *w);
    void (*on_token)(struct world *w);
    void (*on_end)(struct world *w);
};

static void tell(struct world *w, const char *what)
{
    strncat(w->told, what, sizeof w->told - strlen(w->told) - 1);
    strncat(w->told, " ", sizeof w->told - strlen(w->told) - 1);
}

/* --- the service --- */

static enum call call_of(str head)
{
    for (int i = 0; i < CALL_COUNT; i++)
        if (memmem(head.ptr, head.len, call_names[i], strlen(call_names[i])) ||
            memmem(head.ptr, head.len, custom_names[i], strlen(custom_names[i])))
            return (enum call)i;
    fail_msg("an unknown call");
    return POLL;
}

static struct server_reply on_request(struct server *s, const struct server_request *rq)
{
    static char text[8][2048];
    static unsigned next;
    struct world *w = s->ctx;
    enum call call = call_of(rq->head);
    unsigned i = w->calls[call]++, len = w->script_len[call];
    struct reply reply = w->script[call][i < len ? i : len - 1];
    snprintf(w->bodies[call], sizeof w->bodies[call], "%.*s", STR_ARG(rq->body));
    if (call != POLL)
        tell(w, call_names[call]);
    if (w->meanwhile.act && call == w->meanwhile.call && w->calls[call] == w->meanwhile.n)
        w->meanwhile.act(w);
    if (!reply.body)
        return (struct server_reply) { STR(""), SERVER_RESET, 0 };
    char *at = text[next++ % 8];
    int n = snprintf(at, sizeof text[0],
                     "HTTP/1.1 %d X\r\nx-amzn-RequestId: r\r\nContent-Length: %zu\r\n\r\n%s",
                     reply.status, strlen(reply.body), reply.body);
    return (struct server_reply) { { at, (size_t)n }, SERVER_KEEP, 0 };
}

static void script(struct world *w, enum call call, struct reply first, struct reply then)
{
    w->script[call][0] = first;
    w->script[call][1] = then;
    w->script_len[call] = 2;
}

static const char *const secrets[] = {
    "the-client-token", "nonce-7", "hush-hush", "artifact-secret", "session-token", "part-2", NULL
};

/* --- the handler, the journal --- */

static struct world *of_handler(struct pipepoll_handler *self)
{
    return CONTAINER_OF(self, struct world, handler);
}

static void on_found(struct pipepoll_handler *self, struct pipepoll_work *work,
                     struct pipepoll_target *from)
{
    struct world *w = of_handler(self);
    assert_ptr_equal(from, w->target);
    assert_null(pipepoll_work_user(work));
    assert_int_equal(w->tokens, 0);
    pipepoll_work_set_user(work, w);
    w->work = work;
    if (w->on_find)
        w->on_find(w);
}

static void on_token(struct pipepoll_handler *self, struct pipepoll_work *work,
                     struct pipepoll_target *from, str client_id)
{
    struct world *w = of_handler(self);
    tell(w, from ? "token" : "token-again");
    w->tokens++;
    w->work = work;
    if (w->token)
        assert_int_equal(pipepoll_work_token(work, str_of(w->token), NULL), 0);
    if (w->on_token)
        w->on_token(w);
}

static void describe(struct world *w, const struct pipepoll_job_data *d)
{
    struct buf b = BUF_ON(w->data);
    buf_printf(&b, "%.*s/%.*s/%.*s", STR_ARG(d->action_type.provider), STR_ARG(d->pipeline->name),
               STR_ARG(d->pipeline->stage));
    for (size_t i = 0; pipepoll_job_property(d, i); i++)
        buf_printf(&b, " %.*s=%.*s", STR_ARG(pipepoll_job_property(d, i)->key),
                   STR_ARG(pipepoll_job_property(d, i)->value));
    for (size_t i = 0; pipepoll_job_input(d, i); i++)
        buf_printf(&b, " %.*s", STR_ARG(pipepoll_job_input(d, i)->object_key));
    assert_null(pipepoll_job_output(d, 0));
    buf_printf(&b, " %.*s", STR_ARG(d->artifact_credentials->secret_access_key));
    buf_cstr(&b);
}

static void on_start(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_job_data *data)
{
    struct world *w = of_handler(self);
    tell(w, "start");
    w->work = work;
    describe(w, data);
    w->started++;
    if (w->on_start)
        w->on_start(w);
}

static void on_renewed(struct pipepoll_handler *self, struct pipepoll_work *work,
                       const struct pipepoll_artifact_credentials *c)
{
    struct world *w = of_handler(self);
    w->renewed++;
    snprintf(w->data, sizeof w->data, "%.*s", STR_ARG(c->secret_access_key));
}

static void on_over(struct pipepoll_handler *self, struct pipepoll_work *work)
{
    struct world *w = of_handler(self);
    tell(w, "over");
    assert_ptr_equal(work, w->work);
    w->over++;
}

static void on_ended(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_work_end *end)
{
    struct world *w = of_handler(self);
    tell(w, pipepoll_work_outcome_name(end->outcome));
    assert_true(!w->work || work == w->work); /* no callback tells of one that is resumed */
    assert_ptr_equal(pipepoll_work_user(work), w);
    w->ended++;
    w->outcome = end->outcome;
    w->ran = end->ran;
    snprintf(w->message, sizeof w->message, "%.*s", STR_ARG(end->message));
    if (w->on_end)
        w->on_end(w);
}

static void note_variables(struct world *w, const struct pipepoll_success *s)
{
    struct buf b = BUF_ON(w->noted_variables);
    for (size_t i = 0; s && i < s->variable_count; i++)
        buf_printf(&b, "%.*s=%.*s ", STR_ARG(s->variables[i].name), STR_ARG(s->variables[i].value));
    buf_cstr(&b);
}

static void on_note(struct pipepoll_journal *self, const struct pipepoll_journal_entry *e,
                    uint64_t ticket)
{
    static const char *const names[] = { "", "note-claiming", "note-running", "note-reporting" };
    struct world *w = CONTAINER_OF(self, struct world, journal);
    tell(w, names[e->state]);
    assert_int_equal(ticket, ++w->tickets);
    assert_true(str_eq(e->job_id, STR(JOB_ID)) && str_eq(e->region, STR("us-east-1")) &&
                (w->is_custom || str_eq(e->client_id, STR("client-1"))) &&
                str_eq(e->action_type.provider, STR("Acme")));
    assert_ptr_equal(e->user, w);
    assert_false(watched_has_secret(e->claim.ptr, e->claim.len, secrets));
    snprintf(w->claim, sizeof w->claim, "%.*s", STR_ARG(e->claim));
    note_variables(w, e->success);
    if (!w->late_notes)
        pipepoll_worker_noted(w->worker, ticket, w->note_status);
}

static void on_forget(struct pipepoll_journal *self, str region, str job_id)
{
    tell(CONTAINER_OF(self, struct world, journal), "forget");
}

static bool is_well(struct pipepoll_journal *self)
{
    return !CONTAINER_OF(self, struct world, journal)->is_ill;
}

static void on_removed(struct pipepoll_sink *self, struct pipepoll_target *from)
{
    CONTAINER_OF(self, struct world, sink)->removed++;
}

static void on_log(void *ctx, enum pipepoll_level level, str line)
{
    struct world *w = ctx;
    size_t len = strlen(w->logged);
    snprintf(w->logged + len, sizeof w->logged - len, "%.*s\n", STR_ARG(line));
}

static void on_closed(void *ctx)
{
    struct world *w = ctx;
    tell(w, "closed");
    w->closed++;
}

/* --- the world --- */

struct setup {
    bool has_journal;
    uint32_t max_jobs, renew_ms;
};

static void world_init(struct world *w)
{
    *w = (struct world) {
        .handler = PIPEPOLL_HANDLER_INIT,
        .journal = PIPEPOLL_JOURNAL_INIT,
        .sink = PIPEPOLL_SINK_INIT,
        .token = "the-client-token",
        .memory = { .secrets = secrets },
    };
    w->handler.token = on_token;
    w->handler.start = on_start;
    w->handler.renewed = on_renewed;
    w->handler.ended = on_ended;
    w->handler.found = on_found;
    w->handler.over = on_over;
    w->journal.note = on_note;
    w->journal.forget = on_forget;
    w->journal.is_well = is_well;
    w->sink.removed = on_removed;
    script(w, POLL, (struct reply) { 200, ONE_JOB }, (struct reply) { 200, "{}" });
    script(w, DETAILS_CALL, (struct reply) { 200, DETAILS("artifact-secret") },
           (struct reply) { 200, DETAILS("artifact-secret-2") });
    script(w, ACKNOWLEDGE, in_progress, in_progress);
    script(w, SUCCESS, done, done);
    script(w, FAILURE, done, done);
}

static void add_target(struct world *w)
{
    struct pipepoll_target_options t = PIPEPOLL_TARGET_OPTIONS_INIT;
    t.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") };
    if (w->is_custom)
        t.action_type.owner = STR("Custom");
    t.region = STR("us-east-1");
    t.endpoint_url = str_of(w->server.url);
    t.interval_ms = 5;
    struct pipepoll *p = pipepoll_worker_poller(w->worker);
    assert_int_equal(pipepoll_target_add(p, &t, &w->target, NULL), 0);
}

static void world_open(struct world *w, const struct setup *setup)
{
    uv_loop_init(&w->loop);
    server_open(&w->server, &w->loop, on_request, w);
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    o.sink = &w->sink;
    o.seed = 5;
    o.request_timeout_ms = 2000;
    o.log = on_log;
    o.log_ctx = w;
    o.resize = watched_resize;
    o.resize_ctx = &w->memory;
    pipepoll_credentials_static(&o.credentials, STR("AKIDEXAMPLE"), STR("poller-secret"), STR(""),
                                NULL);
    struct pipepoll_worker_options wo = PIPEPOLL_WORKER_OPTIONS_INIT;
    wo.handler = &w->handler;
    wo.journal = setup->has_journal ? &w->journal : NULL;
    wo.max_jobs = setup->max_jobs;
    wo.renew_ms = setup->renew_ms;
    assert_int_equal(pipepoll_worker_open(&w->worker, &w->loop, &o, &wo, NULL), 0);
    pipepoll_credentials_unref(o.credentials);
}

static void world_close(struct world *w)
{
    if (!w->closed)
        pipepoll_worker_close(w->worker, on_closed, w);
    RUN_UNTIL(w, w->closed);
    assert_int_equal(w->removed, w->target != NULL);
    server_close(&w->server);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(w->memory.leaks, 0);
    assert_int_equal(watched_held(&w->memory), 0);
    assert_false(watched_has_secret(w->logged, sizeof w->logged, secrets));
    assert_false(watched_has_secret(w->message, sizeof w->message, secrets));
}

static const struct setup plain, with_journal = { .has_journal = true };

/* One job, from the first poll to its end. */
static void work_one(struct world *w, const struct setup *setup)
{
    world_open(w, setup);
    add_target(w);
    RUN_UNTIL(w, w->ended);
}

static void succeed(struct world *w)
{
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    s.summary = STR("built \"it\"");
    s.execution_id = STR("run-1");
    assert_int_equal(pipepoll_work_succeed(w->work, &s, NULL), 0);
}

static void fail_it(struct world *w)
{
    struct pipepoll_job_failure f = PIPEPOLL_JOB_FAILURE_INIT;
    f.type = PIPEPOLL_FAILURE_CONFIGURATION;
    f.message = STR("no such project");
    assert_int_equal(pipepoll_work_fail(w->work, &f, NULL), 0);
}

static void go_on(struct world *w)
{
    assert_int_equal(pipepoll_work_continue(w->work, STR("part-2"), NULL, NULL), 0);
}

static void close_worker(struct world *w)
{
    pipepoll_worker_close(w->worker, on_closed, w);
}

static void turn(struct world *w, int ms)
{
    for (int i = 0; i < ms; i++) {
        uv_run(&w->loop, UV_RUN_NOWAIT);
        uv_sleep(1);
    }
}

static unsigned in_flight(struct world *w)
{
    struct pipepoll_stats s = PIPEPOLL_STATS_INIT;
    pipepoll_stats(pipepoll_worker_poller(w->worker), &s);
    return s.in_flight;
}

/* The server's handles keep the loop alive, or not: what is left are the library's. */
static void server_hold(struct world *w, bool hold)
{
    for (size_t i = 0; i < sizeof w->server.links / sizeof *w->server.links; i++)
        if (w->server.links[i] && hold)
            uv_ref(w->server.links[i]);
        else if (w->server.links[i])
            uv_unref(w->server.links[i]);
    if (hold)
        uv_ref((uv_handle_t *)&w->server.listener);
    else
        uv_unref((uv_handle_t *)&w->server.listener);
}

/* --- the whole life --- */

static void a_job_is_claimed_run_and_reported(void **state)
{
    struct world w;
    world_init(&w);
    w.on_start = succeed;
    work_one(&w, &plain);
    assert_string_equal(w.told, "token GetThirdPartyJobDetails AcknowledgeThirdPartyJob start "
                                "PutThirdPartyJobSuccessResult succeeded ");
    assert_string_equal(w.data, "Acme/line/s Project=p Password=hush-hush k artifact-secret");
    assert_non_null(strstr(w.bodies[ACKNOWLEDGE], "\"nonce\":\"nonce-7\""));
    assert_non_null(strstr(w.bodies[ACKNOWLEDGE], "\"clientToken\":\"the-client-token\""));
    assert_non_null(strstr(w.bodies[SUCCESS], "\"jobId\":\"" JOB_ID "\""));
    assert_non_null(strstr(w.bodies[SUCCESS], "\"summary\":\"built \\\"it\\\"\""));
    assert_non_null(strstr(w.bodies[SUCCESS], "\"externalExecutionId\":\"run-1\""));
    assert_null(strstr(w.bodies[SUCCESS], "percentComplete"));
    assert_true(w.ran);
    assert_string_equal(w.message, "");
    struct pipepoll_worker_stats stats = PIPEPOLL_WORKER_STATS_INIT;
    pipepoll_worker_stats(w.worker, &stats);
    assert_int_equal(stats.found, 1);
    assert_int_equal(stats.started, 1);
    assert_int_equal(stats.ended[PIPEPOLL_WORK_SUCCEEDED], 1);
    world_close(&w);
}

static void a_failure_is_reported_with_its_type(void **state)
{
    struct world w;
    world_init(&w);
    w.on_start = fail_it;
    work_one(&w, &plain);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_FAILED);
    assert_non_null(strstr(w.bodies[FAILURE], "\"type\":\"ConfigurationError\""));
    assert_non_null(strstr(w.bodies[FAILURE], "\"message\":\"no such project\""));
    world_close(&w);
}

static void a_job_goes_on_in_a_follow_up_job(void **state)
{
    struct world w;
    world_init(&w);
    w.on_start = go_on;
    work_one(&w, &plain);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_CONTINUED);
    assert_non_null(strstr(w.bodies[SUCCESS], "\"continuationToken\":\"part-2\""));
    world_close(&w);
}

static void a_result_may_come_at_any_time_and_once(void **state)
{
    struct world w;
    struct pipepoll_error why;
    world_init(&w);
    world_open(&w, &plain);
    add_target(&w);
    RUN_UNTIL(&w, w.started);
    unsigned polls = w.calls[POLL];
    RUN_UNTIL(&w, w.calls[POLL] > polls + 1);
    assert_int_equal(w.calls[DETAILS_CALL], 1); /* renewed much later only */
    succeed(&w);
    assert_int_equal(pipepoll_work_succeed(w.work, NULL, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text, "the job is not running, or has its result");
    RUN_UNTIL(&w, w.ended);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    world_close(&w);
}

static void a_result_that_breaks_a_rule_is_refused_and_the_job_runs_on(void **state)
{
    struct world w;
    struct pipepoll_error why;
    struct pipepoll_job_failure f = PIPEPOLL_JOB_FAILURE_INIT;
    world_init(&w);
    world_open(&w, &plain);
    add_target(&w);
    RUN_UNTIL(&w, w.started);
    assert_int_equal(pipepoll_work_fail(w.work, &f, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "message"));
    assert_int_equal(pipepoll_work_continue(w.work, STR(""), NULL, NULL), PIPEPOLL_EINVAL);
    succeed(&w);
    RUN_UNTIL(&w, w.ended);
    world_close(&w);
}

#define CUSTOM_JOB                                                                                 \
    "{\"jobs\":[{\"id\":\"" JOB_ID "\",\"nonce\":\"nonce-7\",\"accountId\":\"123456789012\"}]}"

static void custom_init(struct world *w)
{
    world_init(w);
    w->is_custom = true;
    script(w, POLL, (struct reply) { 200, CUSTOM_JOB }, (struct reply) { 200, "{}" });
}

static void a_job_of_a_custom_action_needs_no_token(void **state)
{
    struct world w;
    custom_init(&w);
    w.on_start = succeed;
    world_open(&w, &plain);
    add_target(&w);
    RUN_UNTIL(&w, w.ended);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    assert_int_equal(w.tokens, 0);
    assert_string_equal(w.bodies[DETAILS_CALL], "{\"jobId\":\"" JOB_ID "\"}");
    assert_string_equal(w.bodies[ACKNOWLEDGE], "{\"jobId\":\"" JOB_ID "\",\"nonce\":\"nonce-7\"}");
    assert_null(strstr(w.bodies[SUCCESS], "clientToken"));
    world_close(&w);
}

static const struct pipepoll_variable variables[] = { { STR_INIT("Artifact@1"), STR_INIT("a\"b") },
                                                      { STR_INIT("empty"), STR_INIT("") } };
#define VARIABLES_SENT "\"outputVariables\":{\"Artifact@1\":\"a\\\"b\",\"empty\":\"\"}"

static struct pipepoll_success with_variables(void)
{
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    s.variables = variables;
    s.variable_count = 2;
    return s;
}

static void succeed_with_variables(struct world *w)
{
    struct pipepoll_error why;
    struct pipepoll_success s = with_variables();
    struct pipepoll_variable bad = { STR("a b"), STR("") };
    if (!w->is_custom) {
        assert_int_equal(pipepoll_work_succeed(w->work, &s, &why), PIPEPOLL_EINVAL);
        assert_non_null(strstr(why.text, "custom actions only"));
        succeed(w);
        return;
    }
    assert_int_equal(pipepoll_work_continue(w->work, STR("more"), &s, NULL), PIPEPOLL_EINVAL);
    s.variables = NULL;
    assert_int_equal(pipepoll_work_succeed(w->work, &s, NULL), PIPEPOLL_EINVAL);
    s.variables = &bad;
    s.variable_count = 1;
    assert_int_equal(pipepoll_work_succeed(w->work, &s, NULL), PIPEPOLL_EINVAL);
    s = with_variables();
    assert_int_equal(pipepoll_work_succeed(w->work, &s, NULL), 0);
}

static void a_custom_job_has_output_variables(void **state)
{
    struct world w;
    custom_init(&w);
    w.on_start = succeed_with_variables;
    work_one(&w, &with_journal);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    assert_non_null(strstr(w.bodies[SUCCESS], VARIABLES_SENT));
    assert_string_equal(w.noted_variables, "Artifact@1=a\"b empty= ");
    world_close(&w);
}

static void a_third_party_job_has_no_output_variables(void **state)
{
    struct world w;
    world_init(&w);
    w.on_start = succeed_with_variables;
    work_one(&w, &plain);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    assert_null(strstr(w.bodies[SUCCESS], "outputVariables"));
    world_close(&w);
}

/* --- what does not run --- */

static void without_a_client_token_nothing_is_asked(void **state)
{
    struct world w;
    world_init(&w);
    w.token = "";
    work_one(&w, &plain);
    assert_string_equal(w.told, "token no token ");
    assert_string_equal(w.message, "no client token is known for client id client-1");
    world_close(&w);
}

static void a_wrong_token_is_asked_for_again_once(void **state)
{
    struct world w;
    world_init(&w);
    script(&w, DETAILS_CALL, ERROR("InvalidClientToken"), ERROR("InvalidClientToken"));
    work_one(&w, &plain);
    assert_string_equal(w.told, "token GetThirdPartyJobDetails token-again "
                                "GetThirdPartyJobDetails no token ");
    world_close(&w);
}

static void details_that_are_asked_for_again_leave_nothing_behind(void **state)
{
    struct world w;
    world_init(&w);
    script(&w, ACKNOWLEDGE, ERROR("InvalidClientToken"), in_progress);
    w.on_start = succeed;
    work_one(&w, &plain);
    assert_int_equal(w.calls[DETAILS_CALL], 2);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    world_close(&w);
}

static void a_lost_race_gets_no_result(void **state)
{
    struct world w;
    world_init(&w);
    script(&w, ACKNOWLEDGE, ERROR("InvalidNonce"), in_progress);
    w.on_start = fail_it;
    work_one(&w, &plain);
    assert_string_equal(w.told,
                        "token GetThirdPartyJobDetails AcknowledgeThirdPartyJob lost race ");
    assert_false(w.ran);
    world_close(&w);
}

static void only_in_progress_runs(void **state)
{
    struct world w;
    world_init(&w);
    script(&w, ACKNOWLEDGE, (struct reply) { 200, "{\"status\":\"Succeeded\"}" }, in_progress);
    work_one(&w, &plain);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_OVER);
    assert_int_equal(w.started, 0);
    world_close(&w);
}

/* --- answers that get lost --- */

static void a_claim_whose_answer_was_lost_runs_once(void **state)
{
    struct world w;
    world_init(&w);
    script(&w, ACKNOWLEDGE, lost, in_progress);
    w.on_start = succeed;
    work_one(&w, &plain);
    assert_int_equal(w.calls[ACKNOWLEDGE], 2);
    assert_int_equal(w.started, 1);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    world_close(&w);
}

static void a_claim_that_nobody_can_tell_gets_no_result(void **state)
{
    struct world w;
    world_init(&w);
    script(&w, ACKNOWLEDGE, lost, ERROR("InvalidNonce"));
    work_one(&w, &plain);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_UNRESOLVED);
    assert_int_equal(w.started + w.calls[SUCCESS] + w.calls[FAILURE], 0);
    world_close(&w);
}

static void a_result_whose_answer_was_lost_is_sent_again(void **state)
{
    struct world w;
    world_init(&w);
    script(&w, SUCCESS, lost, ERROR("InvalidJobState"));
    w.on_start = succeed;
    work_one(&w, &plain);
    assert_int_equal(w.calls[SUCCESS], 2);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    world_close(&w);
}

static void a_result_is_kept_while_its_token_is_wrong(void **state)
{
    struct world w;
    world_init(&w);
    script(&w, SUCCESS, ERROR("InvalidClientToken"), done);
    w.on_start = succeed;
    world_open(&w, &plain);
    add_target(&w);
    RUN_UNTIL(&w, w.started);
    w.token = ""; /* to the second question: not known */
    RUN_UNTIL(&w, w.tokens == 2);
    turn(&w, 20);
    assert_int_equal(w.calls[SUCCESS], 1);
    assert_int_equal(w.ended, 0);
    pipepoll_worker_close(w.worker, on_closed, &w);
    RUN_UNTIL(&w, w.closed);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_UNREPORTED);
    world_close(&w);
}

static void a_job_in_hand_keeps_the_loop(void **state)
{
    struct world w;
    world_init(&w);
    script(&w, SUCCESS, failing, failing);
    w.script[SUCCESS][2] = w.script[SUCCESS][3] = failing;
    w.script_len[SUCCESS] = 4;
    w.on_start = succeed;
    world_open(&w, &plain);
    add_target(&w);
    RUN_UNTIL(&w, w.calls[SUCCESS] == 3);
    pipepoll_target_remove(w.target);
    pipepoll_keep_loop_alive(pipepoll_worker_poller(w.worker), false);
    server_hold(&w, false);
    RUN_UNTIL(&w, !in_flight(&w) && w.removed);
    assert_true(uv_loop_alive(&w.loop));
    server_hold(&w, true);
    world_close(&w);
}

static void a_result_that_came_too_late_is_told(void **state)
{
    struct world w;
    world_init(&w);
    script(&w, SUCCESS, ERROR("InvalidJobState"), done);
    w.on_start = succeed;
    work_one(&w, &plain);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_OVER);
    assert_true(w.ran);
    assert_non_null(strstr(w.message, "No."));
    world_close(&w);
}

static void a_failing_service_gets_the_result_in_the_end(void **state)
{
    struct world w;
    world_init(&w);
    for (int i = 0; i < 3; i++)
        w.script[SUCCESS][i] = failing;
    w.script[SUCCESS][3] = done;
    w.script_len[SUCCESS] = 4;
    w.on_start = succeed;
    work_one(&w, &plain);
    assert_int_equal(w.calls[SUCCESS], 4);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    assert_non_null(strstr(w.logged, "the result of job " JOB_ID " is not confirmed"));
    world_close(&w);
}

static void a_success_that_is_refused_fails_the_job(void **state)
{
    struct world w;
    world_init(&w);
    script(&w, SUCCESS, ERROR("Validation"), done);
    w.on_start = succeed;
    work_one(&w, &with_journal);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_FAILED);
    assert_non_null(strstr(w.told, "note-reporting PutThirdPartyJobSuccessResult note-reporting "
                                   "PutThirdPartyJobFailureResult forget failed "));
    assert_non_null(strstr(w.bodies[FAILURE], "\"type\":\"JobFailed\""));
    assert_non_null(
        strstr(w.bodies[FAILURE], "\"message\":\"the result was refused: ValidationException\""));
    assert_non_null(strstr(w.message, "No."));
    assert_non_null(strstr(w.logged, "refused the result of job " JOB_ID));
    world_close(&w);
}

static void a_failure_that_is_refused_is_the_end(void **state)
{
    struct world w;
    world_init(&w);
    script(&w, SUCCESS, ERROR("Validation"), done);
    script(&w, FAILURE, ERROR("Validation"), done);
    w.on_start = succeed;
    work_one(&w, &plain);
    assert_int_equal(w.calls[FAILURE], 1);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_REJECTED);
    world_close(&w);
}

/* --- slots --- */

static void no_job_is_asked_for_without_a_slot(void **state)
{
    struct world w;
    const struct setup one = { .max_jobs = 1 };
    world_init(&w);
    world_open(&w, &one);
    add_target(&w);
    RUN_UNTIL(&w, w.started);
    assert_non_null(strstr(w.bodies[POLL], "\"maxBatchSize\":1"));
    unsigned polls = w.calls[POLL];
    turn(&w, 50); /* many intervals of 5 ms */
    assert_int_equal(w.calls[POLL], polls);
    succeed(&w);
    RUN_UNTIL(&w, w.calls[POLL] > polls);
    world_close(&w);
}

static void few_slots_are_shared_by_the_targets_that_are_due(void **state)
{
    struct world w;
    const struct setup few = { .max_jobs = 8 };
    world_init(&w);
    script(&w, POLL, (struct reply) { 200, "{}" }, (struct reply) { 200, "{}" });
    world_open(&w, &few);
    for (int i = 0; i < 8; i++)
        add_target(&w);
    RUN_UNTIL(&w, in_flight(&w) > 1); /* one would ask for all eight */
    pipepoll_worker_close(w.worker, on_closed, &w);
    RUN_UNTIL(&w, w.closed);
    assert_int_equal(w.removed, 8);
    w.removed = 1;
    world_close(&w);
}

static void a_job_in_hand_is_not_taken_twice(void **state)
{
    struct world w;
    struct pipepoll_worker_stats stats = PIPEPOLL_WORKER_STATS_INIT;
    world_init(&w);
    script(&w, POLL, (struct reply) { 200, ONE_JOB }, (struct reply) { 200, ONE_JOB });
    world_open(&w, &plain);
    add_target(&w);
    RUN_UNTIL(&w, w.calls[POLL] > 3 && w.started);
    pipepoll_worker_stats(w.worker, &stats);
    assert_int_equal(stats.found, 1);
    assert_true(stats.repeated > 0);
    assert_int_equal(w.tokens, 1);
    world_close(&w);
}

static void artifact_credentials_are_renewed_while_it_runs(void **state)
{
    struct world w;
    const struct setup quick = { .renew_ms = 5 };
    world_init(&w);
    world_open(&w, &quick);
    add_target(&w);
    RUN_UNTIL(&w, w.renewed >= 2);
    assert_string_equal(w.data, "artifact-secret-2");
    succeed(&w);
    RUN_UNTIL(&w, w.ended);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    world_close(&w);
}

static void a_slot_that_is_free_again_is_polled_for(void **state)
{
    struct world w;
    const struct setup one = { .max_jobs = 1 };
    world_init(&w);
    w.token = NULL;
    world_open(&w, &one);
    add_target(&w);
    RUN_UNTIL(&w, w.tokens);
    unsigned polls = w.calls[POLL];
    assert_int_equal(pipepoll_work_token(w.work, STR(""), NULL), 0);
    assert_int_equal(w.ended, 0); /* no callback from inside */
    RUN_UNTIL(&w, w.calls[POLL] > polls);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_NO_TOKEN);
    world_close(&w);
}

static void a_result_waits_for_a_renewal_that_is_out(void **state)
{
    struct world w;
    const struct setup quick = { .renew_ms = 5 };
    world_init(&w);
    world_open(&w, &quick);
    w.meanwhile.call = DETAILS_CALL;
    w.meanwhile.n = 2;
    w.meanwhile.act = succeed;
    add_target(&w);
    RUN_UNTIL(&w, w.ended);
    assert_int_equal(w.renewed, 0); /* nobody needs them now */
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    world_close(&w);
}

static void closing_waits_for_a_renewal_that_is_out(void **state)
{
    struct world w;
    const struct setup quick = { .renew_ms = 5 };
    world_init(&w);
    world_open(&w, &quick);
    w.meanwhile.call = DETAILS_CALL;
    w.meanwhile.n = 2;
    w.meanwhile.act = close_worker;
    add_target(&w);
    RUN_UNTIL(&w, w.closed);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_UNREPORTED);
    world_close(&w);
}

static void details_then(struct world *w, struct reply second)
{
    w->script[DETAILS_CALL][2] = w->script[DETAILS_CALL][1];
    w->script[DETAILS_CALL][1] = second;
    w->script_len[DETAILS_CALL] = 3;
}

static void a_job_that_is_over_while_it_runs_is_told(void **state)
{
    struct world w;
    const struct setup quick = { .renew_ms = 5 };
    world_init(&w);
    w.handler.renewed = NULL; /* who wants no credentials is told as well */
    details_then(&w, ERROR("JobNotFound"));
    script(&w, SUCCESS, ERROR("InvalidJobState"), done);
    world_open(&w, &quick);
    add_target(&w);
    RUN_UNTIL(&w, w.over);
    turn(&w, 20);
    assert_int_equal(w.calls[DETAILS_CALL], 2);
    assert_int_equal(w.ended, 0);
    succeed(&w);
    RUN_UNTIL(&w, w.ended);
    assert_int_equal(w.over, 1);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_OVER);
    world_close(&w);
}

static void a_renewal_asks_for_a_wrong_token_again(void **state)
{
    struct world w;
    const struct setup quick = { .renew_ms = 5 };
    world_init(&w);
    details_then(&w, ERROR("InvalidClientToken"));
    world_open(&w, &quick);
    add_target(&w);
    RUN_UNTIL(&w, w.started);
    w.token = "the-client-token-2";
    RUN_UNTIL(&w, w.renewed);
    assert_int_equal(w.tokens, 2);
    assert_non_null(strstr(w.bodies[DETAILS_CALL], "\"the-client-token-2\""));
    world_close(&w);
}

static void a_renewal_asks_for_a_token_once(void **state)
{
    struct world w;
    const struct setup quick = { .renew_ms = 5 };
    world_init(&w);
    details_then(&w, ERROR("InvalidClientToken"));
    w.script_len[DETAILS_CALL] = 2;
    world_open(&w, &quick);
    add_target(&w);
    RUN_UNTIL(&w, w.calls[DETAILS_CALL] == 3);
    turn(&w, 30); /* the next comes after a minute */
    assert_int_equal(w.calls[DETAILS_CALL], 3);
    assert_int_equal(w.tokens, 2);
    succeed(&w);
    RUN_UNTIL(&w, w.ended);
    world_close(&w);
}

static void a_result_does_not_wait_for_the_token_of_a_renewal(void **state)
{
    struct world w;
    const struct setup quick = { .renew_ms = 5 };
    world_init(&w);
    details_then(&w, ERROR("InvalidClientToken"));
    world_open(&w, &quick);
    add_target(&w);
    RUN_UNTIL(&w, w.started);
    w.token = NULL;
    RUN_UNTIL(&w, w.tokens == 2);
    succeed(&w);
    assert_int_equal(pipepoll_work_token(w.work, STR("late"), NULL), PIPEPOLL_EINVAL);
    RUN_UNTIL(&w, w.ended);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    world_close(&w);
}

/* --- the journal --- */

static void each_step_is_noted_before_its_call(void **state)
{
    struct world w;
    world_init(&w);
    w.on_start = succeed;
    work_one(&w, &with_journal);
    assert_string_equal(w.told, "token GetThirdPartyJobDetails note-claiming "
                                "AcknowledgeThirdPartyJob note-running start note-reporting "
                                "PutThirdPartyJobSuccessResult forget succeeded ");
    world_close(&w);
}

static void a_note_is_waited_for(void **state)
{
    struct world w;
    world_init(&w);
    w.late_notes = true;
    w.on_start = succeed;
    world_open(&w, &with_journal);
    add_target(&w);
    for (uint64_t ticket = 1; ticket <= 3; ticket++) {
        RUN_UNTIL(&w, w.tickets == ticket);
        unsigned polls = w.calls[POLL];
        RUN_UNTIL(&w, w.calls[POLL] > polls + 1);
        assert_int_equal(w.calls[ACKNOWLEDGE], ticket > 1);
        assert_int_equal(w.started, ticket > 2);
        assert_int_equal(w.calls[SUCCESS], 0);
        pipepoll_worker_noted(w.worker, ticket, PIPEPOLL_OK);
    }
    RUN_UNTIL(&w, w.ended);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    world_close(&w);
}

static void without_a_note_nothing_is_claimed(void **state)
{
    struct world w;
    world_init(&w);
    w.note_status = PIPEPOLL_ESYSTEM;
    work_one(&w, &with_journal);
    assert_int_equal(w.calls[ACKNOWLEDGE], 0);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_LEFT);
    world_close(&w);
}

static void no_result_is_taken_before_the_start(void **state)
{
    struct world w;
    world_init(&w);
    w.late_notes = true;
    world_open(&w, &with_journal);
    add_target(&w);
    RUN_UNTIL(&w, w.tickets == 1);
    pipepoll_worker_noted(w.worker, 1, PIPEPOLL_OK);
    RUN_UNTIL(&w, w.tickets == 2); /* claimed, and not noted as running yet */
    assert_int_equal(pipepoll_work_succeed(w.work, NULL, NULL), PIPEPOLL_EINVAL);
    pipepoll_worker_noted(w.worker, 2, PIPEPOLL_OK);
    RUN_UNTIL(&w, w.started);
    world_close(&w);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_UNREPORTED);
}

static void a_claim_that_comes_while_closing_is_noted(void **state)
{
    struct world w;
    world_init(&w);
    world_open(&w, &with_journal);
    w.meanwhile.call = ACKNOWLEDGE;
    w.meanwhile.n = 1;
    w.meanwhile.act = close_worker;
    add_target(&w);
    RUN_UNTIL(&w, w.closed);
    world_close(&w);
    assert_string_equal(w.told, "token GetThirdPartyJobDetails note-claiming "
                                "AcknowledgeThirdPartyJob note-running unreported closed ");
}

static void a_note_of_a_job_that_has_ended_is_passed_over(void **state)
{
    struct world w;
    world_init(&w);
    w.late_notes = true;
    world_open(&w, &with_journal);
    add_target(&w);
    RUN_UNTIL(&w, w.tickets);
    pipepoll_worker_close(w.worker, on_closed, &w);
    RUN_UNTIL(&w, w.ended);
    pipepoll_worker_noted(w.worker, 99, PIPEPOLL_OK);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_LEFT);
    world_close(&w);
}

static bool declines(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_job_data *data)
{
    struct world *w = of_handler(self);
    tell(w, "claims");
    assert_true(str_eq(data->pipeline->name, STR("line")));
    return false;
}

static void a_job_that_the_handler_declines_is_left(void **state)
{
    struct world w;
    world_init(&w);
    w.handler.claims = declines;
    world_open(&w, &with_journal);
    add_target(&w);
    RUN_UNTIL(&w, w.ended);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_LEFT);
    assert_int_equal(w.calls[DETAILS_CALL], 1);
    assert_int_equal(w.calls[ACKNOWLEDGE], 0);
    assert_int_equal(w.tickets, 0);
    world_close(&w);
}

static void no_job_is_asked_for_while_the_journal_is_ill(void **state)
{
    struct world w;
    world_init(&w);
    w.is_ill = true;
    world_open(&w, &with_journal);
    add_target(&w);
    struct pipepoll_stats s = PIPEPOLL_STATS_INIT;
    for (s.parked = 0; !s.parked; pipepoll_stats(pipepoll_worker_poller(w.worker), &s))
        uv_run(&w.loop, UV_RUN_ONCE);
    assert_int_equal(w.calls[POLL], 0);
    w.is_ill = false;
    pipepoll_wake(pipepoll_worker_poller(w.worker));
    RUN_UNTIL(&w, w.started);
    succeed(&w);
    RUN_UNTIL(&w, w.ended);
    world_close(&w);
}

static struct pipepoll_journal_entry entry_of(enum pipepoll_journal_state state)
{
    struct pipepoll_journal_entry e = PIPEPOLL_JOURNAL_ENTRY_INIT;
    e.state = state;
    e.region = STR("us-east-1");
    e.job_id = STR(JOB_ID);
    e.client_id = STR("client-1");
    return e;
}

static void resume_one(struct world *w, const struct pipepoll_journal_entry *entry,
                       const struct pipepoll_job_failure *failure)
{
    struct pipepoll_journal_entry with_user = *entry, *e = &with_user;
    with_user.user = w;
    script(w, POLL, (struct reply) { 200, "{}" }, (struct reply) { 200, "{}" });
    world_open(w, &with_journal);
    add_target(w);
    assert_int_equal(pipepoll_worker_resume(w->worker, w->target, e, failure, NULL), 0);
    assert_int_equal(pipepoll_worker_resume(w->worker, w->target, e, failure, NULL),
                     PIPEPOLL_EINVAL);
    RUN_UNTIL(w, w->ended);
}

static void what_was_being_claimed_is_claimed_again(void **state)
{
    struct world w;
    const struct pipepoll_journal_entry e = entry_of(PIPEPOLL_JOURNAL_CLAIMING);
    world_init(&w);
    w.on_start = succeed;
    resume_one(&w, &e, NULL);
    assert_string_equal(w.told, "token-again GetThirdPartyJobDetails AcknowledgeThirdPartyJob "
                                "note-running start note-reporting "
                                "PutThirdPartyJobSuccessResult forget succeeded ");
    world_close(&w);
}

static void what_was_handed_out_anew_meanwhile_is_not_claimed(void **state)
{
    struct world w;
    struct pipepoll_journal_entry e = entry_of(PIPEPOLL_JOURNAL_CLAIMING);
    e.claim = STR("0123456789abcdef0123456789abcdef"); /* of another nonce */
    world_init(&w);
    resume_one(&w, &e, NULL);
    assert_string_equal(w.told, "token-again GetThirdPartyJobDetails forget left ");
    world_close(&w);
}

static void what_was_noted_is_known_again(void **state)
{
    struct world w;
    char claim[65];
    struct pipepoll_journal_entry e = entry_of(PIPEPOLL_JOURNAL_CLAIMING);
    world_init(&w);
    w.on_start = succeed;
    work_one(&w, &with_journal);
    assert_int_equal(strlen(w.claim), 32);
    memcpy(claim, w.claim, sizeof claim);
    world_close(&w);

    e.claim = str_of(claim);
    world_init(&w);
    w.on_start = succeed;
    resume_one(&w, &e, NULL);
    assert_int_equal(w.started, 1);
    world_close(&w);
}

static void what_was_running_runs_again_without_a_claim(void **state)
{
    struct world w;
    const struct pipepoll_journal_entry e = entry_of(PIPEPOLL_JOURNAL_RUNNING);
    world_init(&w);
    w.on_start = succeed;
    resume_one(&w, &e, NULL);
    assert_int_equal(w.calls[ACKNOWLEDGE], 0);
    assert_int_equal(w.started, 1);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    world_close(&w);
}

static void what_was_running_is_failed_where_that_is_wanted(void **state)
{
    struct world w;
    const struct pipepoll_journal_entry e = entry_of(PIPEPOLL_JOURNAL_RUNNING);
    struct pipepoll_job_failure f = PIPEPOLL_JOB_FAILURE_INIT;
    f.message = STR("the worker was restarted");
    world_init(&w);
    resume_one(&w, &e, &f);
    assert_string_equal(w.told, "token-again note-reporting PutThirdPartyJobFailureResult "
                                "forget failed ");
    world_close(&w);
}

static void a_result_is_sent_after_a_restart(void **state)
{
    struct world w;
    struct pipepoll_journal_entry e = entry_of(PIPEPOLL_JOURNAL_REPORTING);
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    s.summary = STR("done before");
    e.success = &s;
    world_init(&w);
    script(&w, SUCCESS, ERROR("InvalidJobState"), done); /* it had arrived */
    resume_one(&w, &e, NULL);
    assert_string_equal(w.told, "token-again PutThirdPartyJobSuccessResult forget succeeded ");
    assert_non_null(strstr(w.bodies[SUCCESS], "done before"));
    world_close(&w);
}

static void variables_are_sent_after_a_restart(void **state)
{
    struct world w;
    struct pipepoll_journal_entry e = entry_of(PIPEPOLL_JOURNAL_REPORTING);
    struct pipepoll_success s = with_variables();
    e.success = &s;
    custom_init(&w);
    resume_one(&w, &e, NULL);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    assert_non_null(strstr(w.bodies[SUCCESS], VARIABLES_SENT));
    world_close(&w);
}

/* --- the end --- */

static void drain(struct world *w)
{
    pipepoll_worker_drain(w->worker);
}

static void shut(struct world *w)
{
    pipepoll_worker_close(w->worker, on_closed, w);
}

static void draining_leaves_what_is_not_claimed(void **state)
{
    struct world w;
    world_init(&w);
    w.on_token = drain;
    work_one(&w, &plain);
    assert_string_equal(w.told, "token left ");
    world_close(&w);
}

static void draining_lets_running_jobs_finish(void **state)
{
    struct world w;
    world_init(&w);
    w.on_start = drain;
    world_open(&w, &plain);
    add_target(&w);
    RUN_UNTIL(&w, w.started);
    RUN_UNTIL(&w, !in_flight(&w));
    unsigned polls = w.calls[POLL];
    succeed(&w);
    RUN_UNTIL(&w, w.ended);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    turn(&w, 50); /* many intervals of 5 ms */
    assert_int_equal(w.calls[POLL], polls);
    world_close(&w);
}

static void closing_tells_each_end_and_closes_last(void **state)
{
    struct world w;
    world_init(&w);
    w.on_start = shut;
    world_open(&w, &with_journal);
    add_target(&w);
    RUN_UNTIL(&w, w.closed);
    assert_string_equal(w.told, "token GetThirdPartyJobDetails note-claiming "
                                "AcknowledgeThirdPartyJob note-running start unreported closed ");
    world_close(&w);
}

static void closing_is_fine_in_every_callback(void **state)
{
    struct world w;
    world_init(&w);
    w.on_token = shut;
    world_open(&w, &plain);
    add_target(&w);
    RUN_UNTIL(&w, w.closed);
    assert_string_equal(w.told, "token left closed ");
    world_close(&w);

    world_init(&w);
    w.on_find = shut;
    world_open(&w, &plain);
    add_target(&w);
    RUN_UNTIL(&w, w.closed);
    assert_string_equal(w.told, "left closed ");
    world_close(&w);

    world_init(&w);
    w.on_start = succeed;
    w.on_end = shut;
    world_open(&w, &plain);
    add_target(&w);
    RUN_UNTIL(&w, w.closed);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    world_close(&w);
}

static void a_worker_needs_a_whole_handler(void **state)
{
    struct pipepoll_worker *worker;
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_worker_options wo = PIPEPOLL_WORKER_OPTIONS_INIT;
    struct pipepoll_handler h = PIPEPOLL_HANDLER_INIT;
    struct pipepoll_error why;
    uv_loop_t loop;
    uv_loop_init(&loop);
    assert_int_equal(pipepoll_worker_open(&worker, &loop, &o, &wo, &why), PIPEPOLL_EINVAL);
    wo.handler = &h;
    assert_int_equal(pipepoll_worker_open(&worker, &loop, &o, &wo, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text, "handler is missing, or its token, start or ended()");
    h.token = on_token;
    h.start = on_start;
    h.ended = on_ended;
    wo.max_jobs = 65537;
    assert_int_equal(pipepoll_worker_open(&worker, &loop, &o, &wo, &why), PIPEPOLL_EINVAL);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void options_of_a_later_program_are_fine(void **state)
{
    struct later {
        struct pipepoll_options known;
        char unknown[64];
    } *later = calloc(1, sizeof *later); /* of its exact size */
    struct pipepoll_worker_options wo = PIPEPOLL_WORKER_OPTIONS_INIT;
    struct world w;
    world_init(&w);
    assert_non_null(later);
    uv_loop_init(&w.loop);
    later->known.size = sizeof *later;
    wo.handler = &w.handler;
    assert_int_equal(pipepoll_worker_open(&w.worker, &w.loop, &later->known, &wo, NULL), 0);
    free(later);
    pipepoll_worker_close(w.worker, on_closed, &w);
    RUN_UNTIL(&w, w.closed);
    assert_int_equal(uv_loop_close(&w.loop), 0);
}

int main(void)
{
    alone();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_claimed_run_and_reported),
        cmocka_unit_test(a_failure_is_reported_with_its_type),
        cmocka_unit_test(a_job_goes_on_in_a_follow_up_job),
        cmocka_unit_test(a_result_may_come_at_any_time_and_once),
        cmocka_unit_test(a_result_that_breaks_a_rule_is_refused_and_the_job_runs_on),
        cmocka_unit_test(a_job_of_a_custom_action_needs_no_token),
        cmocka_unit_test(a_custom_job_has_output_variables),
        cmocka_unit_test(a_third_party_job_has_no_output_variables),
        cmocka_unit_test(without_a_client_token_nothing_is_asked),
        cmocka_unit_test(a_wrong_token_is_asked_for_again_once),
        cmocka_unit_test(details_that_are_asked_for_again_leave_nothing_behind),
        cmocka_unit_test(a_lost_race_gets_no_result),
        cmocka_unit_test(only_in_progress_runs),
        cmocka_unit_test(a_claim_whose_answer_was_lost_runs_once),
        cmocka_unit_test(a_claim_that_nobody_can_tell_gets_no_result),
        cmocka_unit_test(a_result_whose_answer_was_lost_is_sent_again),
        cmocka_unit_test(a_result_is_kept_while_its_token_is_wrong),
        cmocka_unit_test(a_job_in_hand_keeps_the_loop),
        cmocka_unit_test(a_result_that_came_too_late_is_told),
        cmocka_unit_test(a_failing_service_gets_the_result_in_the_end),
        cmocka_unit_test(a_success_that_is_refused_fails_the_job),
        cmocka_unit_test(a_failure_that_is_refused_is_the_end),
        cmocka_unit_test(no_job_is_asked_for_without_a_slot),
        cmocka_unit_test(few_slots_are_shared_by_the_targets_that_are_due),
        cmocka_unit_test(a_job_in_hand_is_not_taken_twice),
        cmocka_unit_test(artifact_credentials_are_renewed_while_it_runs),
        cmocka_unit_test(a_slot_that_is_free_again_is_polled_for),
        cmocka_unit_test(a_result_waits_for_a_renewal_that_is_out),
        cmocka_unit_test(closing_waits_for_a_renewal_that_is_out),
        cmocka_unit_test(a_job_that_is_over_while_it_runs_is_told),
        cmocka_unit_test(a_renewal_asks_for_a_wrong_token_again),
        cmocka_unit_test(a_renewal_asks_for_a_token_once),
        cmocka_unit_test(a_result_does_not_wait_for_the_token_of_a_renewal),
        cmocka_unit_test(each_step_is_noted_before_its_call),
        cmocka_unit_test(a_note_is_waited_for),
        cmocka_unit_test(without_a_note_nothing_is_claimed),
        cmocka_unit_test(no_result_is_taken_before_the_start),
        cmocka_unit_test(a_claim_that_comes_while_closing_is_noted),
        cmocka_unit_test(a_note_of_a_job_that_has_ended_is_passed_over),
        cmocka_unit_test(a_job_that_the_handler_declines_is_left),
        cmocka_unit_test(no_job_is_asked_for_while_the_journal_is_ill),
        cmocka_unit_test(what_was_being_claimed_is_claimed_again),
        cmocka_unit_test(what_was_handed_out_anew_meanwhile_is_not_claimed),
        cmocka_unit_test(what_was_noted_is_known_again),
        cmocka_unit_test(what_was_running_runs_again_without_a_claim),
        cmocka_unit_test(what_was_running_is_failed_where_that_is_wanted),
        cmocka_unit_test(a_result_is_sent_after_a_restart),
        cmocka_unit_test(variables_are_sent_after_a_restart),
        cmocka_unit_test(draining_leaves_what_is_not_claimed),
        cmocka_unit_test(draining_lets_running_jobs_finish),
        cmocka_unit_test(closing_tells_each_end_and_closes_last),
        cmocka_unit_test(closing_is_fine_in_every_callback),
        cmocka_unit_test(a_worker_needs_a_whole_handler),
        cmocka_unit_test(options_of_a_later_program_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
