/* SPDX-License-Identifier: MIT */
/* Many jobs that a journal held: they begin a few at a time, in turn, and all come to their end. */
#include <stdio.h>

#include "base/list.h"
#include "lib/alone.h"
#include "lib/check.h"
#include "lib/server.h"
#include "lib/watched_memory.h"
#include "pipepoll/worker.h"

enum { JOBS = 300, MAX_JOBS = 4 };

struct world {
    struct pipepoll_handler handler;
    uv_loop_t loop;
    struct server server;
    struct pipepoll_worker *worker;
    struct pipepoll_target *target;
    struct pipepoll_work *asked[JOBS];
    const char *token; /* NULL: nobody answers */
    bool succeeds;
    unsigned tokens, started, ended[16], all_ended, closed;
    uint32_t most_beginning;
    struct watched_memory memory;
};

static struct server_reply on_request(struct server *s, const struct server_request *rq)
{
#define DETAILS                                                                                    \
    "{\"jobDetails\":{\"id\":\"j\",\"nonce\":\"n\",\"data\":{\"artifactCredentials\":{"            \
    "\"accessKeyId\":\"A\",\"secretAccessKey\":\"S\",\"sessionToken\":\"T\"}}}}"
    static char text[512];
    bool is_details = memmem(rq->head.ptr, rq->head.len, "Details", 7) != NULL;
    const char *body = is_details ? DETAILS : "{}";
    int n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                     strlen(body), body);
    return (struct server_reply) { { text, (size_t)n }, SERVER_KEEP, 0 };
}

static struct world *of_handler(struct pipepoll_handler *self)
{
    return CONTAINER_OF(self, struct world, handler);
}

static uint32_t beginning(const struct world *w)
{
    return w->tokens - w->started - w->all_ended;
}

static void on_token(struct pipepoll_handler *self, struct pipepoll_work *work,
                     struct pipepoll_target *from, str client_id)
{
    struct world *w = of_handler(self);
    assert_null(from);
    if (w->tokens < JOBS)
        w->asked[w->tokens] = work;
    w->tokens++;
    if (beginning(w) > w->most_beginning)
        w->most_beginning = beginning(w);
    if (w->token)
        assert_int_equal(pipepoll_work_token(work, str_of(w->token), NULL), 0);
}

static void on_start(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_job_data *data)
{
    struct world *w = of_handler(self);
    w->started++;
    if (w->succeeds)
        assert_int_equal(pipepoll_work_succeed(work, NULL, NULL), 0);
}

static void on_ended(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_work_end *end)
{
    struct world *w = of_handler(self);
    w->ended[end->outcome]++;
    w->all_ended += !end->ran;
}

static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed++;
}

static void resume_all(struct world *w)
{
    for (int i = 0; i < JOBS; i++) {
        struct pipepoll_journal_entry e = PIPEPOLL_JOURNAL_ENTRY_INIT;
        char id[32];
        snprintf(id, sizeof id, "job-%d", i);
        e.state = PIPEPOLL_JOURNAL_RUNNING;
        e.region = STR("us-east-1");
        e.job_id = str_of(id);
        e.client_id = STR("client-1");
        assert_int_equal(pipepoll_worker_resume(w->worker, w->target, &e, NULL, NULL), 0);
    }
}

static void world_open(struct world *w)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_worker_options wo = PIPEPOLL_WORKER_OPTIONS_INIT;
    struct pipepoll_target_options t = PIPEPOLL_TARGET_OPTIONS_INIT;
    static const char *const none[] = { NULL };
    w->memory.secrets = none;
    w->handler.size = sizeof w->handler;
    w->handler.token = on_token;
    w->handler.start = on_start;
    w->handler.ended = on_ended;
    uv_loop_init(&w->loop);
    server_open(&w->server, &w->loop, on_request, w);
    o.seed = 5;
    o.resize = watched_resize;
    o.resize_ctx = &w->memory;
    pipepoll_credentials_static(&o.credentials, STR("AKIDEXAMPLE"), STR("secret"), STR(""), NULL);
    wo.handler = &w->handler;
    wo.max_jobs = MAX_JOBS;
    assert_int_equal(pipepoll_worker_open(&w->worker, &w->loop, &o, &wo, NULL), 0);
    pipepoll_credentials_unref(o.credentials);
    t.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") };
    t.region = STR("us-east-1");
    t.endpoint_url = str_of(w->server.url);
    t.interval_ms = 50;
    assert_int_equal(pipepoll_target_add(pipepoll_worker_poller(w->worker), &t, &w->target, NULL),
                     0);
    resume_all(w);
}

static void world_close(struct world *w)
{
    pipepoll_worker_close(w->worker, on_closed, w);
    RUN_UNTIL(w, w->closed);
    server_close(&w->server);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(watched_held(&w->memory), 0);
}

static void turn(struct world *w)
{
    for (int i = 0; i < 20; i++) {
        uv_run(&w->loop, UV_RUN_NOWAIT);
        uv_sleep(1);
    }
}

static void what_is_resumed_begins_a_few_at_a_time(void **state)
{
    struct world w = { .token = NULL };
    world_open(&w);
    RUN_UNTIL(&w, w.tokens >= MAX_JOBS);
    turn(&w);
    assert_int_equal(w.tokens, MAX_JOBS);
    assert_int_equal(pipepoll_work_token(w.asked[0], STR("t"), NULL), 0);
    RUN_UNTIL(&w, w.started == 1);
    RUN_UNTIL(&w, w.tokens > MAX_JOBS); /* it runs, and the next begins */
    world_close(&w);
    assert_int_equal(w.ended[PIPEPOLL_WORK_UNREPORTED], JOBS);
}

static void all_of_them_are_worked_in_the_end(void **state)
{
    struct world w = { .token = "t", .succeeds = true };
    world_open(&w);
    RUN_UNTIL(&w, w.ended[PIPEPOLL_WORK_SUCCEEDED] == JOBS);
    assert_int_equal(w.tokens, JOBS);
    assert_in_range(w.most_beginning, 1, MAX_JOBS);
    world_close(&w);
}

static void one_that_has_to_wait_lets_others_pass(void **state)
{
    struct world w = { .token = "" }; /* not known: it is asked for again after 20 s */
    world_open(&w);
    RUN_UNTIL(&w, w.tokens == JOBS);
    turn(&w);
    assert_int_equal(w.tokens, JOBS); /* each once, and not again at once */
    world_close(&w);
    assert_int_equal(w.ended[PIPEPOLL_WORK_UNREPORTED], JOBS);
}

static void draining_goes_on_with_what_is_in_line(void **state)
{
    struct world w = { .token = "t", .succeeds = true };
    world_open(&w);
    pipepoll_worker_drain(w.worker);
    RUN_UNTIL(&w, w.ended[PIPEPOLL_WORK_SUCCEEDED] == JOBS);
    world_close(&w);
}

int main(void)
{
    alone();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_resumed_begins_a_few_at_a_time),
        cmocka_unit_test(all_of_them_are_worked_in_the_end),
        cmocka_unit_test(one_that_has_to_wait_lets_others_pass),
        cmocka_unit_test(draining_goes_on_with_what_is_in_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
