/* SPDX-License-Identifier: MIT */
/* Jobs that a queue brought to the worker: they are worked as those that polls find, in slots that
 * both share; and who brought them learns what became of them. */
#include <stdio.h>

#include "base/list.h"
#include "lib/alone.h"
#include "lib/check.h"
#include "lib/server.h"
#include "lib/watched_memory.h"
#include "pipepoll/worker.h"

#define JOB_ID "11111111-2222-3333-4444-555555555555"

enum { MAX_JOBS = 3 };

struct world {
    struct pipepoll_handler handler;
    struct pipepoll_journal journal;
    struct pipepoll_sink sink;
    uv_loop_t loop;
    struct server server;
    struct pipepoll_worker *worker;
    struct pipepoll_target *target, *custom;
    char told[1024], acknowledged[512], polled[512]; /* events; bodies */
    const char *status;
    bool is_well, hangs;
    unsigned found, tokens, started, ended, polls, paused, closed, details;
    struct pipepoll_work *work;
    enum pipepoll_work_outcome outcome;
    bool ran;
    void *user;
    uint64_t ticket;
    struct watched_memory memory;
};

static void tell(struct world *w, const char *what)
{
    strncat(w->told, what, sizeof w->told - strlen(w->told) - 1);
    strncat(w->told, " ", sizeof w->told - strlen(w->told) - 1);
}

static bool has(str head, const char *word)
{
    return memmem(head.ptr, head.len, word, strlen(word)) != NULL;
}

static struct server_reply on_request(struct server *s, const struct server_request *rq)
{
    static char text[512];
    struct world *w = s->ctx;
    char body[256] = "{}";
    if (has(rq->head, ".PollFor")) {
        w->polls++;
        snprintf(w->polled, sizeof w->polled, "%.*s", STR_ARG(rq->body));
        if (w->hangs)
            return (struct server_reply) { STR(""), SERVER_HANG, 0 };
    } else if (has(rq->head, "JobDetails")) {
        w->details++;
        snprintf(body, sizeof body,
                 "{\"jobDetails\":{\"id\":\"" JOB_ID
                 "\",\"nonce\":\"details-nonce\",\"data\":{}}}");
    } else if (has(rq->head, ".Acknowledge")) {
        tell(w, "acknowledge");
        snprintf(w->acknowledged, sizeof w->acknowledged, "%.*s", STR_ARG(rq->body));
        snprintf(body, sizeof body, "{\"status\":\"%s\"}", w->status);
    } else {
        tell(w, "result");
    }
    int n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                     strlen(body), body);
    return (struct server_reply) { { text, (size_t)n }, SERVER_KEEP, 0 };
}

/* --- the handler, the journal, the sink --- */

static struct world *of_handler(struct pipepoll_handler *self)
{
    return CONTAINER_OF(self, struct world, handler);
}

static void on_found(struct pipepoll_handler *self, struct pipepoll_work *work,
                     struct pipepoll_target *from)
{
    struct world *w = of_handler(self);
    assert_ptr_equal(pipepoll_work_user(work), w->user);
    assert_true(from == w->target || from == w->custom);
    w->work = work;
    w->found++;
    tell(w, "found");
}

static void on_token(struct pipepoll_handler *self, struct pipepoll_work *work,
                     struct pipepoll_target *from, str client_id)
{
    struct world *w = of_handler(self);
    assert_ptr_equal(from, w->target); /* so a cache may answer */
    assert_str_equal(client_id, "client-1");
    w->tokens++;
    tell(w, "token");
    assert_int_equal(pipepoll_work_token(work, STR("the-client-token"), NULL), 0);
}

static void on_start(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_job_data *data)
{
    struct world *w = of_handler(self);
    w->started++;
    tell(w, "start");
}

static void on_ended(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_work_end *end)
{
    struct world *w = of_handler(self);
    assert_ptr_equal(pipepoll_work_user(work), w->user);
    w->ended++;
    w->outcome = end->outcome;
    w->ran = end->ran;
    tell(w, "ended");
}

static void on_note(struct pipepoll_journal *self, const struct pipepoll_journal_entry *e,
                    uint64_t ticket)
{
    static const char *const names[] = { "", "claiming", "running", "reporting" };
    struct world *w = CONTAINER_OF(self, struct world, journal);
    tell(w, names[e->state]);
    pipepoll_worker_noted(w->worker, ticket, PIPEPOLL_OK);
}

static void on_forget(struct pipepoll_journal *self, str region, str job_id)
{
}

static bool on_is_well(struct pipepoll_journal *self)
{
    return CONTAINER_OF(self, struct world, journal)->is_well;
}

static void on_paused(struct pipepoll_sink *self, struct pipepoll_target *from)
{
    CONTAINER_OF(self, struct world, sink)->paused++;
}

static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed++;
}

/* --- the world --- */

/* A turn that has rung a timer would wait for the next event, and of paused targets there is none.
 */
#define TURN_UNTIL(w, condition)                                                                   \
    while (!(condition))                                                                           \
    uv_run(&(w)->loop, UV_RUN_NOWAIT)

static struct pipepoll_target *add(struct world *w, const char *owner, bool paused)
{
    struct pipepoll_target *out;
    struct pipepoll_target_options t = PIPEPOLL_TARGET_OPTIONS_INIT;
    t.action_type =
        (struct pipepoll_action_type) { STR("Build"), str_of(owner), STR("Acme"), STR("1") };
    t.region = STR("us-east-1");
    t.endpoint_url = str_of(w->server.url);
    t.interval_ms = 20;
    t.paused = paused;
    assert_int_equal(pipepoll_target_add(pipepoll_worker_poller(w->worker), &t, &out, NULL), 0);
    return out;
}

static void world_open(struct world *w, bool paused)
{
    static const char *const secrets[] = { "the-client-token", "queue-nonce", "details-nonce",
                                           NULL };
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_worker_options wo = PIPEPOLL_WORKER_OPTIONS_INIT;
    *w = (struct world) { .handler = PIPEPOLL_HANDLER_INIT,
                          .journal = PIPEPOLL_JOURNAL_INIT,
                          .sink = PIPEPOLL_SINK_INIT,
                          .status = "InProgress",
                          .is_well = true,
                          .user = w,
                          .memory.secrets = secrets };
    w->handler.found = on_found;
    w->handler.token = on_token;
    w->handler.start = on_start;
    w->handler.ended = on_ended;
    w->journal.note = on_note;
    w->journal.forget = on_forget;
    w->journal.is_well = on_is_well;
    w->sink.paused = on_paused;
    uv_loop_init(&w->loop);
    server_open(&w->server, &w->loop, on_request, w);
    o.seed = 5;
    o.sink = &w->sink;
    o.request_timeout_ms = 2000;
    o.resize = watched_resize;
    o.resize_ctx = &w->memory;
    pipepoll_credentials_static(&o.credentials, STR("AKIDEXAMPLE"), STR("secret"), STR(""), NULL);
    wo.handler = &w->handler;
    wo.journal = &w->journal;
    wo.max_jobs = MAX_JOBS;
    assert_int_equal(pipepoll_worker_open(&w->worker, &w->loop, &o, &wo, NULL), 0);
    pipepoll_credentials_unref(o.credentials);
    w->target = add(w, "ThirdParty", paused);
    w->custom = add(w, "Custom", true);
}

static void world_close(struct world *w)
{
    if (w->worker)
        pipepoll_worker_close(w->worker, on_closed, w);
    TURN_UNTIL(w, w->closed);
    server_close(&w->server);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(watched_held(&w->memory), 0);
    assert_int_equal(w->memory.leaks, 0);
}

static int take(struct world *w, const char *job_id, struct pipepoll_error *why)
{
    struct pipepoll_queued_job job = PIPEPOLL_QUEUED_JOB_INIT;
    job.job_id = str_of(job_id);
    job.client_id = STR("client-1");
    return pipepoll_worker_take(w->worker, w->target, &job, w->user, why);
}

static struct pipepoll_worker_stats stats_of(const struct world *w)
{
    struct pipepoll_worker_stats stats = PIPEPOLL_WORKER_STATS_INIT;
    pipepoll_worker_stats(w->worker, &stats);
    return stats;
}

/* --- a job --- */

static void a_job_of_a_queue_is_worked_as_one_that_a_poll_found(void **state)
{
    struct world w;
    world_open(&w, true);
    assert_int_equal(take(&w, JOB_ID, NULL), 0);
    assert_int_equal(w.found, 0); /* nothing comes from inside */
    TURN_UNTIL(&w, w.started);
    assert_int_equal(pipepoll_work_succeed(w.work, NULL, NULL), 0);
    TURN_UNTIL(&w, w.ended);
    assert_string_equal(w.told,
                        "found token claiming acknowledge running start reporting result ended ");
    assert_non_null(strstr(w.acknowledged, "details-nonce"));
    assert_int_equal(w.outcome, PIPEPOLL_WORK_SUCCEEDED);
    assert_true(w.ran);
    assert_int_equal(w.polls, 0); /* its target is paused */
    assert_int_equal(stats_of(&w).taken, 1);
    assert_int_equal(stats_of(&w).found, 0);
    world_close(&w);
}

static void a_custom_job_is_claimed_by_the_nonce_that_the_queue_brought(void **state)
{
    struct world w;
    struct pipepoll_error why;
    struct pipepoll_queued_job job = PIPEPOLL_QUEUED_JOB_INIT;
    world_open(&w, true);
    job.job_id = STR(JOB_ID);
    assert_int_equal(pipepoll_worker_take(w.worker, w.custom, &job, w.user, &why), PIPEPOLL_EINVAL);
    job.nonce = STR("queue-nonce");
    assert_int_equal(pipepoll_worker_take(w.worker, w.custom, &job, w.user, &why), 0);
    TURN_UNTIL(&w, w.started);
    assert_string_equal(w.told, "found claiming acknowledge running start ");
    assert_non_null(strstr(w.acknowledged, "queue-nonce"));
    world_close(&w);
}

static void what_another_worker_has_is_told_as_not_run(void **state)
{
    struct world w;
    world_open(&w, true);
    w.status = "Succeeded";
    assert_int_equal(take(&w, JOB_ID, NULL), 0);
    TURN_UNTIL(&w, w.ended);
    assert_int_equal(w.outcome, PIPEPOLL_WORK_OVER);
    assert_false(w.ran);
    world_close(&w);
}

/* --- refusals --- */

static void a_job_in_hand_and_a_want_of_slots_are_told_apart(void **state)
{
    struct world w;
    struct pipepoll_error why;
    world_open(&w, true);
    assert_int_equal(pipepoll_worker_room(w.worker), MAX_JOBS);
    assert_int_equal(take(&w, "a", NULL), 0);
    assert_int_equal(take(&w, "a", &why), PIPEPOLL_EEXISTS);
    assert_string_equal(why.text, "job a is in hand");
    assert_int_equal(take(&w, "b", NULL), 0);
    assert_int_equal(take(&w, "c", NULL), 0);
    assert_int_equal(pipepoll_worker_room(w.worker), 0);
    assert_int_equal(take(&w, "c", &why), PIPEPOLL_EEXISTS);
    assert_int_equal(take(&w, "d", &why), PIPEPOLL_EBUSY);
    assert_string_equal(why.text, "no slot is free for another job");
    TURN_UNTIL(&w, w.started == MAX_JOBS);
    pipepoll_work_succeed(w.work, NULL, NULL);
    TURN_UNTIL(&w, w.ended);
    assert_int_equal(take(&w, "d", &why), 0);
    w.is_well = false;
    assert_int_equal(pipepoll_worker_room(w.worker), 0);
    assert_int_equal(take(&w, "e", &why), PIPEPOLL_EBUSY);
    assert_string_equal(why.text, "the journal cannot write now");
    pipepoll_worker_drain(w.worker);
    assert_int_equal(take(&w, "e", &why), PIPEPOLL_ECLOSING);
    world_close(&w);
}

static void what_a_queue_brings_is_not_believed(void **state)
{
    static char longest[600];
    struct world w, other;
    struct pipepoll_error why;
    struct pipepoll_queued_job job = PIPEPOLL_QUEUED_JOB_INIT;
    world_open(&w, true);
    memset(longest, 'a', sizeof longest - 1);
    assert_int_equal(take(&w, "", &why), PIPEPOLL_EINVAL);
    assert_int_equal(take(&w, longest, &why), PIPEPOLL_EINVAL);
    assert_int_equal(take(&w, "\xff", &why), PIPEPOLL_EINVAL);
    job.job_id = STR(JOB_ID);
    assert_int_equal(pipepoll_worker_take(w.worker, w.target, &job, NULL, &why), PIPEPOLL_EINVAL);
    job.nonce = str_of(longest);
    assert_int_equal(pipepoll_worker_take(w.worker, w.custom, &job, NULL, &why), PIPEPOLL_EINVAL);
    assert_null(strstr(why.text, "aaaa")); /* a nonce is a secret */
    job.size = 4;
    assert_int_equal(pipepoll_worker_take(w.worker, w.custom, &job, NULL, &why), PIPEPOLL_EINVAL);
    world_open(&other, true);
    job = (struct pipepoll_queued_job)PIPEPOLL_QUEUED_JOB_INIT;
    job.job_id = STR(JOB_ID);
    job.client_id = STR("c");
    assert_int_equal(pipepoll_worker_take(w.worker, other.target, &job, NULL, &why),
                     PIPEPOLL_EINVAL);
    world_close(&other);
    world_close(&w);
    assert_int_equal(w.ended, 0);
}

/* --- what ends before it begins --- */

static void a_job_whose_target_goes_before_the_loop_turns_is_left(void **state)
{
    struct world w;
    world_open(&w, true);
    pipepoll_target_remove(w.target);
    assert_int_equal(take(&w, JOB_ID, NULL), 0);
    TURN_UNTIL(&w, w.ended);
    assert_string_equal(w.told, "ended ");
    assert_int_equal(w.outcome, PIPEPOLL_WORK_LEFT);
    world_close(&w);
}

static void a_worker_that_drains_or_closes_leaves_what_it_has_just_taken(void **state)
{
    for (int closes = 0; closes < 2; closes++) {
        struct world w;
        world_open(&w, true);
        assert_int_equal(take(&w, JOB_ID, NULL), 0);
        if (closes)
            pipepoll_worker_close(w.worker, on_closed, &w), w.worker = NULL;
        else
            pipepoll_worker_drain(w.worker);
        TURN_UNTIL(&w, w.ended);
        assert_string_equal(w.told, "ended ");
        assert_int_equal(w.outcome, PIPEPOLL_WORK_LEFT);
        world_close(&w);
    }
}

/* --- polls and takes share the slots --- */

static void a_poll_under_way_keeps_what_it_may_bring(void **state)
{
    struct world w;
    struct pipepoll_error why;
    world_open(&w, false);
    w.hangs = true;
    TURN_UNTIL(&w, w.polls);
    assert_non_null(strstr(w.polled, "\"maxBatchSize\":3"));
    assert_int_equal(pipepoll_worker_room(w.worker), 0);
    assert_int_equal(take(&w, JOB_ID, &why), PIPEPOLL_EBUSY);
    pipepoll_worker_reserve(w.worker, 2); /* from the next poll on */
    w.polls = 0;
    TURN_UNTIL(&w, w.polls);
    assert_non_null(strstr(w.polled, "\"maxBatchSize\":1"));
    assert_int_equal(pipepoll_worker_room(w.worker), 2);
    assert_int_equal(take(&w, "a", NULL), 0);
    assert_int_equal(take(&w, "b", NULL), 0);
    assert_int_equal(take(&w, "c", NULL), PIPEPOLL_EBUSY);
    assert_false(pipepoll_target_pause(w.target));
    TURN_UNTIL(&w, w.paused);
    assert_int_equal(pipepoll_worker_room(w.worker), 1);
    world_close(&w);
}

static void slots_that_are_kept_and_not_used_are_given_back(void **state)
{
    struct world w;
    world_open(&w, false);
    pipepoll_worker_reserve(w.worker, MAX_JOBS);
    for (int i = 0; i < 50; i++) {
        uv_run(&w.loop, UV_RUN_NOWAIT);
        uv_sleep(1);
    }
    assert_int_equal(w.polls, 0);
    pipepoll_worker_reserve(w.worker, 0);
    TURN_UNTIL(&w, w.polls > 2);
    world_close(&w);
}

int main(void)
{
    alone();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_of_a_queue_is_worked_as_one_that_a_poll_found),
        cmocka_unit_test(a_custom_job_is_claimed_by_the_nonce_that_the_queue_brought),
        cmocka_unit_test(what_another_worker_has_is_told_as_not_run),
        cmocka_unit_test(a_job_in_hand_and_a_want_of_slots_are_told_apart),
        cmocka_unit_test(what_a_queue_brings_is_not_believed),
        cmocka_unit_test(a_job_whose_target_goes_before_the_loop_turns_is_left),
        cmocka_unit_test(a_worker_that_drains_or_closes_leaves_what_it_has_just_taken),
        cmocka_unit_test(a_poll_under_way_keeps_what_it_may_bring),
        cmocka_unit_test(slots_that_are_kept_and_not_used_are_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
