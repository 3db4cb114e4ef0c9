/* SPDX-License-Identifier: MIT */
/* A worker's poller whose targets are not all the handler's: who gets which jobs, who learns of
 * answers, and that neither side's want of credit keeps the other from being polled. */
#include <stdio.h>

#include "base/list.h"
#include "lib/alone.h"
#include "lib/check.h"
#include "lib/server.h"
#include "lib/watched_memory.h"
#include "pipepoll/worker.h"

enum side { WANTED, OTHER, SIDES };

static const char *const providers[SIDES] = { "Acme", "Other" };

struct world {
    struct pipepoll_handler handler;
    struct pipepoll_sink sink;
    uv_loop_t loop;
    struct server server;
    struct pipepoll_worker *worker;
    struct pipepoll_target *targets[SIDES];
    unsigned polls[SIDES];
    unsigned answers[SIDES], jobs[SIDES]; /* as the sink was told */
    unsigned tokens, ended, removed, closed;
    bool has_jobs, stops_wanting;
    size_t credit; /* of the sink */
    struct pipepoll_work *work;
    struct watched_memory memory;
};

static struct server_reply on_request(struct server *s, const struct server_request *rq)
{
    static char text[8][512];
    static unsigned next;
    struct world *w = s->ctx;
    enum side side = memmem(rq->body.ptr, rq->body.len, "Other", 5) ? OTHER : WANTED;
    char body[128] = "{}", *at = text[next++ % 8];
    w->polls[side]++;
    if (w->has_jobs)
        snprintf(body, sizeof body, "{\"jobs\":[{\"clientId\":\"c\",\"jobId\":\"%s\"}]}",
                 providers[side]);
    int n = snprintf(at, sizeof text[0], "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                     strlen(body), body);
    return (struct server_reply) { { at, (size_t)n }, SERVER_KEEP, 0 };
}

/* --- the handler and the sink --- */

static struct world *of_handler(struct pipepoll_handler *self)
{
    return CONTAINER_OF(self, struct world, handler);
}

static enum side side_of(const struct pipepoll_target *t)
{
    return str_eq(pipepoll_target_action_type(t).provider, STR("Other")) ? OTHER : WANTED;
}

static bool on_wants(struct pipepoll_handler *self, struct pipepoll_target *from)
{
    struct world *w = of_handler(self);
    return side_of(from) == WANTED && !w->stops_wanting;
}

/* Nobody answers: the job stays in hand. */
static void on_token(struct pipepoll_handler *self, struct pipepoll_work *work,
                     struct pipepoll_target *from, str client_id)
{
    struct world *w = of_handler(self);
    assert_int_equal(side_of(from), WANTED);
    assert_true(w->answers[WANTED] > 0);
    w->tokens++;
    w->work = work;
}

static void on_start(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_job_data *data)
{
    fail_msg("nothing is claimed here");
}

static void on_ended(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_work_end *end)
{
    of_handler(self)->ended++;
}

static struct world *of_sink(struct pipepoll_sink *self)
{
    return CONTAINER_OF(self, struct world, sink);
}

static size_t on_credit(struct pipepoll_sink *self)
{
    return of_sink(self)->credit;
}

static void on_deliver(struct pipepoll_sink *self, struct pipepoll_target *from,
                       const struct pipepoll_answer *answer)
{
    struct world *w = of_sink(self);
    enum side side = side_of(from);
    w->answers[side]++;
    w->jobs[side] += (unsigned)answer->job_count;
    if (answer->job_count)
        assert_str_equal(pipepoll_job_at(answer, 0)->job_id, "Other");
    else
        assert_null(pipepoll_job_at(answer, 0));
}

static void on_removed(struct pipepoll_sink *self, struct pipepoll_target *from)
{
    of_sink(self)->removed++;
}

static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed++;
}

/* --- the world --- */

static void world_init(struct world *w)
{
    static const char *const none[] = { NULL };
    *w = (struct world) {
        .handler = { .size = sizeof w->handler,
                     .token = on_token,
                     .start = on_start,
                     .ended = on_ended,
                     .wants = on_wants },
        .sink = { .size = sizeof w->sink,
                  .credit = on_credit,
                  .deliver = on_deliver,
                  .removed = on_removed },
        .memory = { .secrets = none },
        .credit = SIZE_MAX,
    };
}

static void add_target(struct world *w, enum side side)
{
    struct pipepoll_target_options t = PIPEPOLL_TARGET_OPTIONS_INIT;
    t.action_type = (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"),
                                                    str_of(providers[side]), STR("1") };
    t.region = STR("us-east-1");
    t.endpoint_url = str_of(w->server.url);
    t.interval_ms = 5;
    struct pipepoll *p = pipepoll_worker_poller(w->worker);
    assert_int_equal(pipepoll_target_add(p, &t, &w->targets[side], NULL), 0);
}

static void world_open(struct world *w, uint32_t max_jobs)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_worker_options wo = PIPEPOLL_WORKER_OPTIONS_INIT;
    uv_loop_init(&w->loop);
    server_open(&w->server, &w->loop, on_request, w);
    o.sink = &w->sink;
    o.seed = 5;
    o.resize = watched_resize;
    o.resize_ctx = &w->memory;
    pipepoll_credentials_static(&o.credentials, STR("AKIDEXAMPLE"), STR("poller-secret"), STR(""),
                                NULL);
    wo.handler = &w->handler;
    wo.max_jobs = max_jobs;
    assert_int_equal(pipepoll_worker_open(&w->worker, &w->loop, &o, &wo, NULL), 0);
    pipepoll_credentials_unref(o.credentials);
    add_target(w, WANTED);
    add_target(w, OTHER);
}

static void world_close(struct world *w)
{
    pipepoll_worker_close(w->worker, on_closed, w);
    RUN_UNTIL(w, w->closed);
    assert_int_equal(w->removed, SIDES);
    server_close(&w->server);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(watched_held(&w->memory), 0);
}

static struct pipepoll_worker_stats stats_of(const struct world *w)
{
    struct pipepoll_worker_stats stats = PIPEPOLL_WORKER_STATS_INIT;
    pipepoll_worker_stats(w->worker, &stats);
    return stats;
}

static uint32_t parked(const struct world *w)
{
    struct pipepoll_stats stats = PIPEPOLL_STATS_INIT;
    pipepoll_stats(pipepoll_worker_poller(w->worker), &stats);
    return stats.parked;
}

/* --- who gets what --- */

static void jobs_go_where_they_are_wanted_and_answers_to_the_sink_too(void **state)
{
    struct world w;
    world_init(&w);
    w.has_jobs = true;
    world_open(&w, 4);
    RUN_UNTIL(&w, w.tokens && w.jobs[OTHER] > 6 && w.answers[WANTED] > 1);
    assert_int_equal(w.jobs[WANTED], 0);
    assert_int_equal(w.tokens, 1); /* the others are repetitions */
    assert_int_equal(stats_of(&w).found, 1);
    assert_int_equal(stats_of(&w).overflowed, 0);
    world_close(&w);
}

static void a_target_may_change_hands_between_polls(void **state)
{
    struct world w;
    world_init(&w);
    w.stops_wanting = true;
    world_open(&w, 4);
    RUN_UNTIL(&w, w.answers[WANTED] > 1);
    w.stops_wanting = false;
    unsigned answers = w.answers[WANTED] + 1; /* one may be out */
    RUN_UNTIL(&w, w.answers[WANTED] > answers);
    w.has_jobs = true;
    RUN_UNTIL(&w, w.tokens);
    world_close(&w);
}

static void without_a_sink_there_is_nobody_for_the_rest(void **state)
{
    struct world w;
    struct pipepoll_error why;
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_worker_options wo = PIPEPOLL_WORKER_OPTIONS_INIT;
    world_init(&w);
    uv_loop_init(&w.loop);
    wo.handler = &w.handler;
    assert_int_equal(pipepoll_worker_open(&w.worker, &w.loop, &o, &wo, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "wants()"));
    assert_int_equal(uv_loop_close(&w.loop), 0);
}

/* --- credit --- */

static void a_sink_without_credit_stalls_no_handler(void **state)
{
    struct world w;
    world_init(&w);
    w.credit = 0;
    world_open(&w, 4);
    RUN_UNTIL(&w, w.polls[WANTED] > 20);
    assert_int_equal(w.polls[OTHER], 0);
    assert_int_equal(parked(&w), 1);
    w.credit = 1;
    pipepoll_wake(pipepoll_worker_poller(w.worker));
    RUN_UNTIL(&w, w.polls[OTHER] > 2);
    world_close(&w);
}

static void a_worker_without_slots_stalls_no_sink(void **state)
{
    struct world w;
    world_init(&w);
    w.has_jobs = true;
    world_open(&w, 1);
    RUN_UNTIL(&w, w.tokens);
    unsigned polls = w.polls[WANTED], jobs = w.jobs[OTHER];
    RUN_UNTIL(&w, w.jobs[OTHER] > jobs + 20);
    assert_int_equal(w.polls[WANTED], polls);
    assert_int_equal(pipepoll_work_token(w.work, STR(""), NULL), 0);
    RUN_UNTIL(&w, w.ended && w.polls[WANTED] > polls);
    world_close(&w);
}

static void with_no_credit_at_all_nothing_is_polled_and_all_ends(void **state)
{
    struct world w;
    world_init(&w);
    w.has_jobs = true;
    world_open(&w, 1);
    RUN_UNTIL(&w, w.tokens && w.jobs[OTHER]);
    w.credit = 0;
    RUN_UNTIL(&w, parked(&w) == SIDES);
    unsigned polls = w.polls[OTHER];
    pipepoll_wake(pipepoll_worker_poller(w.worker));
    uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_int_equal(w.polls[OTHER], polls);
    world_close(&w);
}

static void a_target_that_waits_for_credit_may_change_hands(void **state)
{
    struct world w;
    world_init(&w);
    w.credit = 0;
    world_open(&w, 4);
    RUN_UNTIL(&w, w.polls[WANTED] > 1 && parked(&w) == 1);
    w.stops_wanting = true;
    RUN_UNTIL(&w, parked(&w) == SIDES);
    w.stops_wanting = false;
    unsigned polls = w.polls[WANTED];
    pipepoll_wake(pipepoll_worker_poller(w.worker));
    uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_int_equal(parked(&w), SIDES); /* nobody was asked */
    pipepoll_worker_ask_wants(w.worker, w.targets[WANTED]);
    RUN_UNTIL(&w, w.polls[WANTED] > polls);
    world_close(&w);
}

static void draining_asks_no_more_for_the_handler_alone(void **state)
{
    struct world w;
    world_init(&w);
    world_open(&w, 4);
    RUN_UNTIL(&w, w.answers[WANTED] && w.answers[OTHER]);
    pipepoll_worker_drain(w.worker);
    unsigned answers = w.answers[OTHER];
    RUN_UNTIL(&w, w.answers[OTHER] > answers + 2);
    unsigned polls = w.polls[WANTED];
    RUN_UNTIL(&w, w.answers[OTHER] > answers + 20);
    assert_int_equal(w.polls[WANTED], polls);
    world_close(&w);
}

int main(void)
{
    alone();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_go_where_they_are_wanted_and_answers_to_the_sink_too),
        cmocka_unit_test(a_target_may_change_hands_between_polls),
        cmocka_unit_test(without_a_sink_there_is_nobody_for_the_rest),
        cmocka_unit_test(a_sink_without_credit_stalls_no_handler),
        cmocka_unit_test(a_worker_without_slots_stalls_no_sink),
        cmocka_unit_test(with_no_credit_at_all_nothing_is_polled_and_all_ends),
        cmocka_unit_test(a_target_that_waits_for_credit_may_change_hands),
        cmocka_unit_test(draining_asks_no_more_for_the_handler_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
