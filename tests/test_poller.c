/* SPDX-License-Identifier: MIT */
/* The library through its public header, against scripted answers. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/alone.h"
#include "lib/check.h"
#include "lib/server.h"
#include "pipepoll.h"

#define NO_JOBS SERVER_OK("11", "x-amzn-RequestId: r-0\r\n", "{\"jobs\":[]}")
#define ONE_JOB                                                                                    \
    SERVER_OK("42", "x-amzn-RequestId: r-1\r\n",                                                   \
              "{\"jobs\":[{\"clientId\":\"c1\",\"jobId\":\"j1\"}]} ")

enum { EVENTS_MAX = 64 };

/* A loop, a scripted server, a poller, and what its sink was told. */
struct world {
    struct pipepoll_sink sink;
    uv_loop_t loop;
    struct server server;
    struct server_reply (*answer)(struct world *w, const struct server_request *rq);
    struct pipepoll *poller;
    struct pipepoll_target *target;
    size_t credit;
    unsigned answers, failures, removed, closed, credit_asked;
    struct pipepoll_answer last_answer;
    struct pipepoll_failure last_failure;
    char events[EVENTS_MAX + 1]; /* a: answer, f: failure, r: removed, c: closed */
    char text[512];              /* job ids, or code|message|request id */
    char body[256];              /* of the last request */
    void (*on_answer)(struct world *w, struct pipepoll_target *from);
    void (*on_failure)(struct world *w, struct pipepoll_target *from);
    void (*on_removed)(struct world *w, struct pipepoll_target *from);
    size_t allocations;
    unsigned told_of_credentials;
    uint64_t polled_us;
    unsigned leaks; /* blocks with a secret in them that were given back */
};

static void note(struct world *w, char event)
{
    size_t len = strlen(w->events);
    if (len < EVENTS_MAX)
        w->events[len] = event;
}

static size_t sink_credit(struct pipepoll_sink *self)
{
    struct world *w = (struct world *)self;
    w->credit_asked++;
    return w->credit;
}

static void sink_deliver(struct pipepoll_sink *self, struct pipepoll_target *from,
                         const struct pipepoll_answer *a)
{
    struct world *w = (struct world *)self;
    w->answers++;
    w->last_answer = *a;
    w->text[0] = '\0';
    for (size_t i = 0; i < a->job_count; i++)
        snprintf(w->text + strlen(w->text), sizeof w->text - strlen(w->text), "%.*s/%.*s ",
                 STR_ARG(a->jobs[i].client_id), STR_ARG(a->jobs[i].job_id));
    note(w, 'a');
    if (w->on_answer)
        w->on_answer(w, from);
}

static void sink_failed(struct pipepoll_sink *self, struct pipepoll_target *from,
                        const struct pipepoll_failure *f)
{
    struct world *w = (struct world *)self;
    w->failures++;
    w->last_failure = *f;
    snprintf(w->text, sizeof w->text, "%.*s|%.*s|%.*s", STR_ARG(f->code), STR_ARG(f->message),
             STR_ARG(f->request_id));
    note(w, 'f');
    if (w->on_failure)
        w->on_failure(w, from);
}

static void sink_removed(struct pipepoll_sink *self, struct pipepoll_target *from)
{
    struct world *w = (struct world *)self;
    w->removed++;
    note(w, 'r');
    if (w->on_removed)
        w->on_removed(w, from);
}

static void sink_credentials(struct pipepoll_sink *self, const struct pipepoll_identity *identity)
{
    struct world *w = (struct world *)self;
    w->told_of_credentials += identity->usable;
}

static void on_closed(void *ctx)
{
    struct world *w = ctx;
    w->closed++;
    note(w, 'c');
}

static struct server_reply on_request(struct server *s, const struct server_request *rq)
{
    struct world *w = s->ctx;
    snprintf(w->body, sizeof w->body, "%.*s", STR_ARG(rq->body));
    return w->answer(w, rq);
}

/* The padding of structs is nobody's, and valgrind says so when it is searched. */
static bool may_search(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return !preload || !strstr(preload, "vgpreload");
}

static void *counting_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct world *w = ctx;
    if (ptr && may_search() && memmem(ptr, old_size, "very-secret", 11))
        w->leaks++;
    if (!new_size) {
        free(ptr);
        return NULL;
    }
    w->allocations++;
    char *at = realloc(ptr, new_size);
    if (at && new_size > old_size)
        memset(at + old_size, 0, new_size - old_size); /* so that all of it can be searched */
    return at;
}

static struct pipepoll_options options_of(struct world *w, struct pipepoll_credentials *credentials)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    o.sink = &w->sink;
    o.credentials = credentials;
    o.seed = 1;
    o.request_timeout_ms = 3000;
    o.resize = counting_resize;
    o.resize_ctx = w;
    return o;
}

static struct pipepoll_target_options target_options_of(struct world *w)
{
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    o.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") };
    o.region = STR("us-east-1");
    o.endpoint_url = str_of(w->server.url);
    o.interval_ms = 1;
    return o;
}

static struct pipepoll_credentials *example_credentials(void)
{
    struct pipepoll_credentials *credentials = NULL;
    pipepoll_credentials_static(&credentials, STR("AKIDEXAMPLE"), STR("very-secret-key"),
                                STR("very-secret-token"), NULL);
    return credentials;
}

static void world_open(struct world *w,
                       struct server_reply (*answer)(struct world *, const struct server_request *))
{
    *w = (struct world) {
        .sink = { sizeof(struct pipepoll_sink), NULL, sink_deliver, sink_failed, sink_removed,
                  sink_credentials },
        .answer = answer,
    };
    uv_loop_init(&w->loop);
    server_open(&w->server, &w->loop, on_request, w);
}

static void world_poll(struct world *w)
{
    struct pipepoll_credentials *credentials = example_credentials();
    struct pipepoll_options o = options_of(w, credentials);
    struct pipepoll_target_options t = target_options_of(w);
    assert_int_equal(pipepoll_open(&w->poller, &w->loop, &o, NULL), 0);
    pipepoll_credentials_unref(credentials);
    assert_int_equal(pipepoll_target_add(w->poller, &t, &w->target, NULL), 0);
}

static void world_close(struct world *w)
{
    if (!w->closed)
        pipepoll_close(w->poller, on_closed, w);
    while (!w->closed)
        uv_run(&w->loop, UV_RUN_ONCE);
    server_close(&w->server);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->closed, 1);
    assert_int_equal(w->leaks, 0);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

/* --- replies --- */

static struct server_reply no_jobs(struct world *w, const struct server_request *rq)
{
    return (struct server_reply) { NO_JOBS, SERVER_KEEP, 0 };
}

static struct server_reply one_job(struct world *w, const struct server_request *rq)
{
    return (struct server_reply) { ONE_JOB, SERVER_KEEP, 0 };
}

static struct server_reply denied(struct world *w, const struct server_request *rq)
{
    return (struct server_reply) {
        STR("HTTP/1.1 400 Bad Request\r\nx-amzn-RequestId: r-2\r\nContent-Length: 75\r\n\r\n"
            "{\"__type\":\"AccessDeniedException\",\"message\":\"not you, very-secret-token\\n\"}"),
        SERVER_KEEP, 0
    };
}

static struct server_reply garbage(struct world *w, const struct server_request *rq)
{
    return (struct server_reply) { SERVER_OK("6", "", "<html>"), SERVER_KEEP, 0 };
}

static struct server_reply hang(struct world *w, const struct server_request *rq)
{
    return (struct server_reply) { STR(""), SERVER_HANG, 0 };
}

/* --- what a callback may do --- */

static void close_now(struct world *w, struct pipepoll_target *from)
{
    pipepoll_close(w->poller, on_closed, w);
    pipepoll_close(w->poller, on_closed, w); /* a second call is ignored */
    assert_int_equal(w->closed, 0);
}

static void remove_now(struct world *w, struct pipepoll_target *from)
{
    pipepoll_target_remove(from);
    pipepoll_target_remove(from);
    assert_int_equal(w->removed, 0);
}

/* --- answers --- */

static void jobs_reach_the_sink_with_their_request_id(void **state)
{
    struct world w;
    world_open(&w, one_job);
    w.on_answer = remove_now;
    world_poll(&w);
    RUN_UNTIL(&w, w.answers);
    assert_string_equal(w.text, "c1/j1 ");
    assert_int_equal(w.last_answer.job_count, 1);
    assert_int_equal(w.last_answer.attempt, 1);
    assert_string_equal(w.body,
                        "{\"actionTypeId\":{\"category\":\"Build\",\"owner\":\"ThirdParty\","
                        "\"provider\":\"Acme\",\"version\":\"1\"}}");
    world_close(&w);
    assert_string_equal(w.events, "arc");
}

static void empty_answers_reach_it_too(void **state)
{
    struct world w;
    world_open(&w, no_jobs);
    world_poll(&w);
    RUN_UNTIL(&w, w.answers >= 3);
    assert_int_equal(w.last_answer.job_count, 0);
    assert_int_equal(w.failures, 0);
    world_close(&w);
}

static void a_target_knows_who_it_is(void **state)
{
    struct world w;
    world_open(&w, no_jobs);
    world_poll(&w);
    struct pipepoll_target_options o = target_options_of(&w);
    struct pipepoll_target *t;
    char region[] = "eu-west-1";
    o.region = str_of(region);
    o.user = &w;
    assert_int_equal(pipepoll_target_add(w.poller, &o, &t, NULL), 0);
    memset(region, 'x', sizeof region - 1); /* inputs are copied */
    assert_ptr_equal(pipepoll_target_user(t), &w);
    assert_str_equal(pipepoll_target_region(t), "eu-west-1");
    assert_str_equal(pipepoll_target_action_type(t).provider, "Acme");
    world_close(&w);
    assert_string_equal(w.events, "rrc");
}

/* --- failures --- */

static void a_lasting_failure_is_told_once_in_full_and_without_secrets(void **state)
{
    struct world w;
    world_open(&w, denied);
    world_poll(&w);
    RUN_UNTIL(&w, w.failures);
    assert_int_equal(w.last_failure.status, PIPEPOLL_EDENIED);
    assert_int_equal(w.last_failure.http_status, 400);
    assert_int_equal(w.last_failure.attempt, 1);
    assert_in_range(w.last_failure.retry_in_ms, 50000, 70000);
    assert_string_equal(w.text, "AccessDeniedException|not you, *****************?|r-2");
    world_close(&w);
}

static void what_is_not_understood_is_an_error_and_never_no_jobs(void **state)
{
    struct world w;
    world_open(&w, garbage);
    world_poll(&w);
    RUN_UNTIL(&w, w.failures >= 2);
    assert_int_equal(w.answers, 0);
    assert_int_equal(w.last_failure.status, PIPEPOLL_EPROTO);
    assert_int_equal(w.last_failure.attempt, 2);
    assert_non_null(strstr(w.text, "something on the way"));
    world_close(&w);
}

static struct server_reply fail_twice(struct world *w, const struct server_request *rq)
{
    return rq->number < 3 ? (struct server_reply) { STR(""), SERVER_RESET, 0 } : one_job(w, rq);
}

static void polling_goes_on_after_failures(void **state)
{
    struct world w;
    world_open(&w, fail_twice);
    world_poll(&w);
    RUN_UNTIL(&w, w.answers);
    assert_int_equal(w.failures, 2);
    assert_int_equal(w.last_failure.status, PIPEPOLL_ETRANSPORT);
    assert_int_equal(w.last_answer.attempt, 3);
    world_close(&w);
}

/* One poll, in the order of the calls for it: its end is counted before it is told. */
static void sink_polled(struct pipepoll_sink *self, struct pipepoll_target *from,
                        const struct pipepoll_poll *poll)
{
    struct world *w = (struct world *)self;
    note(w, poll->status ? 'F' : poll->jobs ? 'J' : 'E');
    w->polled_us += poll->latency_us;
}

static void each_poll_is_counted_before_it_is_told(void **state)
{
    struct world w;
    world_open(&w, fail_twice);
    w.sink.polled = sink_polled;
    world_poll(&w);
    RUN_UNTIL(&w, w.answers);
    assert_memory_equal(w.events, "FfFfJa", 6);
    assert_true(w.polled_us > 0);
    world_close(&w);
}

/* A clock that was wrong is put right: the service seems to be an hour ahead by all answers until
 * then, and not at all from then on. */
static struct server_reply a_clock_put_right(struct world *w, const struct server_request *rq)
{
    static char text[256];
    const char *body =
        rq->number == 2 ? "{\"__type\":\"InvalidSignatureException\"}" : "{\"jobs\":[]}";
    time_t now_s = time(NULL) + (rq->number == 1 ? 3600 : 0);
    char date[64];
    struct tm tm;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now_s, &tm));
    int len =
        snprintf(text, sizeof text,
                 "HTTP/1.1 %s\r\nx-amzn-RequestId: r\r\nDate: %s\r\nContent-Length: %zu\r\n\r\n%s",
                 rq->number == 2 ? "400 Bad Request" : "200 OK", date, strlen(body), body);
    return (struct server_reply) { { text, (size_t)len }, SERVER_KEEP, 0 };
}

static void a_refusal_is_judged_by_the_time_that_the_request_was_signed_with(void **state)
{
    struct world w;
    world_open(&w, a_clock_put_right);
    world_poll(&w);
    RUN_UNTIL(&w, w.failures);
    assert_int_equal(w.answers, 1);
    assert_int_equal(w.last_failure.status, PIPEPOLL_ECREDENTIALS);
    assert_in_range(w.last_failure.retry_in_ms, 0, 1000);
    RUN_UNTIL(&w, w.answers == 2);
    assert_int_equal(w.failures, 1);
    world_close(&w);
}

/* --- credit --- */

static void without_credit_nothing_is_polled(void **state)
{
    struct world w;
    world_open(&w, one_job);
    w.sink.credit = sink_credit;
    world_poll(&w);
    RUN_UNTIL(&w, w.credit_asked);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_int_equal(w.server.requests, 0);
    struct pipepoll_stats stats = PIPEPOLL_STATS_INIT;
    pipepoll_stats(w.poller, &stats);
    assert_int_equal(stats.parked, 1);
    w.credit = 3;
    pipepoll_wake(w.poller);
    RUN_UNTIL(&w, w.answers);
    assert_non_null(strstr(w.body, "\"maxBatchSize\":3}"));
    world_close(&w);
}

static size_t close_and_want_more(struct pipepoll_sink *self)
{
    struct world *w = (struct world *)self;
    close_now(w, NULL);
    return 10;
}

static void a_sink_that_closes_when_asked_for_credit_is_sent_no_poll(void **state)
{
    struct world w;
    world_open(&w, one_job);
    w.sink.credit = close_and_want_more;
    world_poll(&w);
    RUN_UNTIL(&w, w.closed);
    assert_int_equal(w.server.requests, 0);
    world_close(&w);
}

static void jobs_on_order_count_against_the_credit(void **state)
{
    struct world w;
    world_open(&w, hang);
    w.sink.credit = sink_credit;
    w.credit = 4;
    world_poll(&w); /* takes all four */
    struct pipepoll_target_options o = target_options_of(&w);
    struct pipepoll_target *second;
    o.max_batch_size = 3;
    assert_int_equal(pipepoll_target_add(w.poller, &o, &second, NULL), 0);
    RUN_UNTIL(&w, w.server.requests);
    for (int i = 0; i < 10; i++)
        uv_run(&w.loop, UV_RUN_NOWAIT);
    struct pipepoll_stats stats = PIPEPOLL_STATS_INIT;
    pipepoll_stats(w.poller, &stats);
    assert_true(stats.in_flight <= 2); /* 4, or 3 + 1; never more than four jobs */
    server_drop_idle(&w.server, SERVER_CLOSE);
    server_close(&w.server);
    pipepoll_close(w.poller, on_closed, &w);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(w.closed, 1);
    assert_int_equal(uv_loop_close(&w.loop), 0);
}

static struct server_reply three_then_none(struct world *w, const struct server_request *rq)
{
    return rq->number <= 3 ? one_job(w, rq) : no_jobs(w, rq);
}

static void a_full_batch_is_followed_at_once(void **state)
{
    struct world w;
    world_open(&w, three_then_none);
    struct pipepoll_credentials *credentials = example_credentials();
    struct pipepoll_options o = options_of(&w, credentials);
    struct pipepoll_target_options t = target_options_of(&w);
    t.interval_ms = 2000; /* the first poll comes within it, the other three must not wait */
    t.max_batch_size = 1;
    assert_int_equal(pipepoll_open(&w.poller, &w.loop, &o, NULL), 0);
    pipepoll_credentials_unref(credentials);
    assert_int_equal(pipepoll_target_add(w.poller, &t, &w.target, NULL), 0);
    RUN_UNTIL(&w, w.answers >= 1);
    uint64_t first_ns = uv_hrtime();
    RUN_UNTIL(&w, w.answers >= 4);
    assert_true(uv_hrtime() - first_ns < 1500 * 1000000ull);
    world_close(&w);
}

/* --- regions --- */

static struct server_reply hang_in_eu(struct world *w, const struct server_request *rq)
{
    return memmem(rq->head.ptr, rq->head.len, "/eu-west-1/", 11) ? hang(w, rq) : no_jobs(w, rq);
}

static void a_region_that_hangs_delays_no_other(void **state)
{
    struct world w;
    world_open(&w, hang_in_eu);
    struct pipepoll_credentials *credentials = example_credentials();
    struct pipepoll_options o = options_of(&w, credentials);
    o.max_in_flight = 4;
    o.request_timeout_ms = 1000;
    assert_int_equal(pipepoll_open(&w.poller, &w.loop, &o, NULL), 0);
    pipepoll_credentials_unref(credentials);
    struct pipepoll_target_options t = target_options_of(&w);
    struct pipepoll_target *added;
    for (int i = 0; i < 20; i++) {
        t.region = i % 5 ? STR("eu-west-1") : STR("us-east-1");
        assert_int_equal(pipepoll_target_add(w.poller, &t, &added, NULL), 0);
    }
    RUN_UNTIL(&w, w.answers >= 40);
    assert_int_equal(w.failures, 0); /* 40 answers before the first of the other timed out */
    world_close(&w);
}

/* --- the end --- */

static void a_poller_can_be_closed_in_every_callback(void **state)
{
    struct world w;
    world_open(&w, one_job);
    w.on_answer = close_now;
    world_poll(&w);
    RUN_UNTIL(&w, w.closed);
    assert_string_equal(w.events, "arc");
    world_close(&w);

    world_open(&w, garbage);
    w.on_failure = close_now;
    world_poll(&w);
    RUN_UNTIL(&w, w.closed);
    assert_string_equal(w.events, "frc");
    world_close(&w);

    world_open(&w, one_job);
    w.on_answer = remove_now;
    w.on_removed = close_now;
    world_poll(&w);
    RUN_UNTIL(&w, w.closed);
    assert_string_equal(w.events, "arc");
    world_close(&w);
}

static void a_target_can_be_removed_in_a_failure(void **state)
{
    struct world w;
    world_open(&w, garbage);
    w.on_failure = remove_now;
    world_poll(&w);
    RUN_UNTIL(&w, w.removed);
    assert_string_equal(w.events, "fr");
    world_close(&w);
}

static void drain_waits_for_the_poll_in_flight_and_delivers_it(void **state)
{
    struct world w;
    world_open(&w, one_job);
    world_poll(&w);
    struct pipepoll_stats stats = PIPEPOLL_STATS_INIT;
    do {
        uv_run(&w.loop, UV_RUN_ONCE);
        pipepoll_stats(w.poller, &stats);
    } while (!stats.in_flight);
    pipepoll_close(w.poller, on_closed, &w);
    struct pipepoll_target_options o = target_options_of(&w);
    struct pipepoll_target *t;
    struct pipepoll_error why;
    assert_int_equal(pipepoll_target_add(w.poller, &o, &t, &why), PIPEPOLL_ECLOSING);
    RUN_UNTIL(&w, w.closed);
    assert_string_equal(w.events, "arc");
    assert_string_equal(w.text, "c1/j1 ");
    world_close(&w);
}

static void count_and_stop(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* Does the loop go on for a while with nothing but the poller to hold it? */
static bool loop_lives(struct world *w)
{
    uv_timer_t timer;
    uv_timer_init(&w->loop, &timer);
    uv_timer_start(&timer, count_and_stop, 20, 0);
    uv_unref((uv_handle_t *)&timer);
    uv_unref((uv_handle_t *)&w->server.listener);
    bool lives = uv_run(&w->loop, UV_RUN_DEFAULT) != 0;
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    return lives;
}

static void an_open_poller_keeps_the_loop_alive_even_when_parked_or_without_targets(void **state)
{
    struct world w;
    world_open(&w, no_jobs);
    w.sink.credit = sink_credit;
    struct pipepoll_credentials *credentials = example_credentials();
    struct pipepoll_options o = options_of(&w, credentials);
    assert_int_equal(pipepoll_open(&w.poller, &w.loop, &o, NULL), 0);
    pipepoll_credentials_unref(credentials);
    assert_true(loop_lives(&w));
    struct pipepoll_target_options t = target_options_of(&w);
    assert_int_equal(pipepoll_target_add(w.poller, &t, NULL, NULL), 0);
    assert_true(loop_lives(&w));
    assert_int_equal(w.server.requests, 0); /* no credit */
    world_close(&w);
}

static void the_loop_may_end_with_an_open_poller_and_idle_connections(void **state)
{
    struct world w;
    world_open(&w, no_jobs);
    struct pipepoll_credentials *credentials = example_credentials();
    struct pipepoll_options o = options_of(&w, credentials);
    struct pipepoll_target_options t = target_options_of(&w);
    t.interval_ms = 1000;
    o.seed = 3;
    assert_int_equal(pipepoll_open(&w.poller, &w.loop, &o, NULL), 0);
    pipepoll_credentials_unref(credentials);
    assert_int_equal(pipepoll_target_add(w.poller, &t, &w.target, NULL), 0);
    RUN_UNTIL(&w, w.answers);
    pipepoll_keep_loop_alive(w.poller, false);
    server_drop_idle(&w.server, SERVER_CLOSE); /* the test's own handles end */
    assert_false(loop_lives(&w));
    pipepoll_close(w.poller, on_closed, &w);
    uv_run(&w.loop, UV_RUN_DEFAULT); /* closed comes all the same */
    assert_int_equal(w.closed, 1);
    world_close(&w);
}

static void ask_for_stats(uv_check_t *check)
{
    struct world *w = check->data;
    struct pipepoll_stats stats = PIPEPOLL_STATS_INIT;
    if (!w->closed)
        pipepoll_stats(w->poller, &stats);
}

static void counters_can_be_asked_for_until_closed(void **state)
{
    struct world w;
    uv_check_t check;
    world_open(&w, one_job);
    uv_check_init(&w.loop, &check);
    check.data = &w;
    uv_check_start(&check, ask_for_stats);
    uv_unref((uv_handle_t *)&check);
    w.on_answer = close_now;
    world_poll(&w);
    RUN_UNTIL(&w, w.closed);
    uv_close((uv_handle_t *)&check, NULL);
    world_close(&w);
}

/* --- memory --- */

static void a_warm_poll_allocates_nothing(void **state)
{
    struct world w;
    world_open(&w, one_job);
    world_poll(&w);
    RUN_UNTIL(&w, w.answers >= 100);
    size_t warm = w.allocations;
    RUN_UNTIL(&w, w.answers >= 10100);
    assert_int_equal(w.allocations - warm, 0);
    assert_int_equal(w.failures, 0);
    world_close(&w);
}

/* --- credentials --- */

static void add_one_with_a_long_token(struct world *w, uint32_t interval_ms)
{
    char token[2048];
    memset(token, 'x', sizeof token);
    struct pipepoll_target_options o = target_options_of(w);
    o.interval_ms = interval_ms;
    pipepoll_credentials_static(&o.credentials, STR("AKIDOTHER"), STR("very-secret-key"),
                                (str) { token, sizeof token }, NULL);
    assert_int_equal(pipepoll_target_add(w->poller, &o, NULL, NULL), 0);
    pipepoll_credentials_unref(o.credentials);
    assert_int_equal(w->told_of_credentials, 1); /* never from inside */
}

static void add_a_lazy_one(struct world *w, struct pipepoll_target *from)
{
    add_one_with_a_long_token(w, 86400000);
}

/* The target that fails looks again in a minute, the other polls within a day. */
static void news_of_credentials_waits_for_no_poll(void **state)
{
    struct world w;
    world_open(&w, denied);
    w.on_failure = add_a_lazy_one;
    world_poll(&w);
    RUN_UNTIL(&w, w.failures);
    uint64_t since_ms = uv_now(&w.loop);
    RUN_UNTIL(&w, w.told_of_credentials == 2);
    assert_in_range(uv_now(&w.loop) - since_ms, 0, 20000);
    world_close(&w);
}

static void hand_over(struct world *w, struct pipepoll_target *from)
{
    w->on_answer = NULL;
    pipepoll_target_remove(from);
    add_one_with_a_long_token(w, 1);
}

/* The slot's memory has to grow; world_close() sees what was in it before. */
static void a_longer_token_leaves_nothing_of_the_last_behind(void **state)
{
    struct world w;
    world_open(&w, one_job);
    w.on_answer = hand_over;
    world_poll(&w);
    RUN_UNTIL(&w, w.answers >= 3);
    assert_int_equal(w.failures, 0);
    world_close(&w);
}

static struct server_reply quote_the_token(struct world *w, const struct server_request *rq)
{
    static const char padding[] =
        "<p>The Canonical String for this request should have been: POST / content-type, host, "
        "x-amz-security-token:...";
    static char text[512];
    snprintf(text, sizeof text,
             "HTTP/1.1 400 Bad Request\r\nContent-Length: %zu\r\n\r\n%svery-secret-token",
             strlen(padding) + 17, padding);
    return (struct server_reply) { str_of(text), SERVER_KEEP, 0 };
}

static void a_quotation_that_is_cut_holds_no_part_of_the_token(void **state)
{
    struct world w;
    world_open(&w, quote_the_token);
    world_poll(&w);
    RUN_UNTIL(&w, w.failures);
    assert_non_null(strstr(w.text, "x-amz-security-token"));
    assert_null(strstr(w.text, "very"));
    world_close(&w);
}

/* --- options --- */

static void wrong_options_are_refused_in_one_sentence(void **state)
{
    struct world w;
    world_open(&w, no_jobs);
    struct pipepoll_credentials *credentials = example_credentials();
    struct pipepoll_options o = options_of(&w, credentials);
    struct pipepoll_error why;
    o.max_in_flight = 70000;
    assert_int_equal(pipepoll_open(&w.poller, &w.loop, &o, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "max_in_flight 70000"));
    o = options_of(&w, credentials);
    o.sink = NULL;
    assert_int_equal(pipepoll_open(&w.poller, &w.loop, &o, &why), PIPEPOLL_EINVAL);
    o = options_of(&w, credentials);
    o.size = 0;
    assert_int_equal(pipepoll_open(&w.poller, &w.loop, &o, &why), PIPEPOLL_EINVAL);
    o = options_of(&w, credentials);
    o.ca_bundle = STR("/nowhere/ca.pem");
    assert_int_equal(pipepoll_open(&w.poller, &w.loop, &o, &why), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, "/nowhere/ca.pem"));
    o = options_of(&w, credentials);
    setenv("TEST_FOLDER", "/nowhere/else", 1);
    setenv("REQUESTS_CA_BUNDLE", "${TEST_FOLDER}/r.pem", 1);
    assert_int_equal(pipepoll_open(&w.poller, &w.loop, &o, &why), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, "/nowhere/else/r.pem"));
    setenv("AWS_CA_BUNDLE", "$TEST_FOLDER/a.pem", 1);
    assert_int_equal(pipepoll_open(&w.poller, &w.loop, &o, &why), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, "/nowhere/else/a.pem"));
    unsetenv("AWS_CA_BUNDLE");
    unsetenv("REQUESTS_CA_BUNDLE");
    pipepoll_credentials_unref(credentials);
    server_close(&w.server);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w.loop), 0);
}

static void wrong_targets_are_refused_with_field_value_and_rule(void **state)
{
    struct world w;
    world_open(&w, no_jobs);
    struct pipepoll_target_options good = target_options_of(&w), o;
    struct pipepoll_error why;
    assert_int_equal(pipepoll_target_check(&good, &why), 0);
    o = good;
    o.action_type.category = STR("Bild");
    assert_int_equal(pipepoll_target_check(&o, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "category \"Bild\""));
    o = good;
    o.action_type.category = STR("Compute");
    assert_int_equal(pipepoll_target_check(&o, &why), 0);
    o = good;
    o.region = STR("US EAST");
    assert_int_equal(pipepoll_target_check(&o, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "US EAST"));
    o = good;
    o.interval_ms = 86400001;
    assert_int_equal(pipepoll_target_check(&o, &why), PIPEPOLL_EINVAL);
    o = good;
    o.max_batch_size = 0x80000000u;
    assert_int_equal(pipepoll_target_check(&o, &why), PIPEPOLL_EINVAL);
    o = good;
    o.fips = true; /* with an endpoint override */
    assert_int_equal(pipepoll_target_check(&o, &why), PIPEPOLL_EINVAL);
    server_close(&w.server);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w.loop), 0);
}

static void facts_need_no_poller(void **state)
{
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    char text[128];
    o.action_type =
        (struct pipepoll_action_type) { STR("Test"), STR("ThirdParty"), STR("A"), STR("1") };
    o.region = STR("cn-north-1");
    assert_int_equal(pipepoll_endpoint(&o, text, sizeof text, NULL), 0);
    assert_string_equal(text, "https://codepipeline.cn-north-1.amazonaws.com.cn/");
    assert_int_equal(pipepoll_endpoint(&o, text, 10, NULL), PIPEPOLL_EINVAL);
    size_t n = 0;
    while (pipepoll_region((str) { 0 }, n))
        n++;
    assert_int_equal(n, 29);
    for (int status = -40; status <= 0; status++)
        assert_non_null(pipepoll_strerror(status));
    struct pipepoll_versions versions = PIPEPOLL_VERSIONS_INIT;
    pipepoll_versions(&versions);
    assert_non_null(strstr(versions.tls, "OpenSSL"));
}

static void credentials_come_from_the_environment(void **state)
{
    struct pipepoll_credentials *credentials = NULL;
    struct pipepoll_error why;
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SESSION_TOKEN");
    setenv("AWS_SECRET_ACCESS_KEY", "very-secret-key", 1);
    assert_int_equal(pipepoll_credentials_environment(&credentials, &why), PIPEPOLL_ECREDENTIALS);
    assert_non_null(strstr(why.text, "AWS_ACCESS_KEY_ID"));
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", " ", 1);
    assert_int_equal(pipepoll_credentials_environment(&credentials, &why), PIPEPOLL_ECREDENTIALS);
    setenv("AWS_SECRET_ACCESS_KEY", "very-secret-key\n", 1);
    assert_int_equal(pipepoll_credentials_environment(&credentials, &why), PIPEPOLL_EINVAL);
    assert_null(strstr(why.text, "very-secret"));
    setenv("AWS_SECRET_ACCESS_KEY", "very-secret-key", 1);
    assert_int_equal(pipepoll_credentials_environment(&credentials, &why), 0);
    assert_null(pipepoll_credentials_unref(credentials));
}

int main(void)
{
    alone();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_reach_the_sink_with_their_request_id),
        cmocka_unit_test(empty_answers_reach_it_too),
        cmocka_unit_test(a_target_knows_who_it_is),
        cmocka_unit_test(a_lasting_failure_is_told_once_in_full_and_without_secrets),
        cmocka_unit_test(what_is_not_understood_is_an_error_and_never_no_jobs),
        cmocka_unit_test(polling_goes_on_after_failures),
        cmocka_unit_test(each_poll_is_counted_before_it_is_told),
        cmocka_unit_test(a_refusal_is_judged_by_the_time_that_the_request_was_signed_with),
        cmocka_unit_test(without_credit_nothing_is_polled),
        cmocka_unit_test(a_sink_that_closes_when_asked_for_credit_is_sent_no_poll),
        cmocka_unit_test(jobs_on_order_count_against_the_credit),
        cmocka_unit_test(a_full_batch_is_followed_at_once),
        cmocka_unit_test(a_region_that_hangs_delays_no_other),
        cmocka_unit_test(a_poller_can_be_closed_in_every_callback),
        cmocka_unit_test(a_target_can_be_removed_in_a_failure),
        cmocka_unit_test(drain_waits_for_the_poll_in_flight_and_delivers_it),
        cmocka_unit_test(an_open_poller_keeps_the_loop_alive_even_when_parked_or_without_targets),
        cmocka_unit_test(the_loop_may_end_with_an_open_poller_and_idle_connections),
        cmocka_unit_test(counters_can_be_asked_for_until_closed),
        cmocka_unit_test(a_warm_poll_allocates_nothing),
        cmocka_unit_test(news_of_credentials_waits_for_no_poll),
        cmocka_unit_test(a_longer_token_leaves_nothing_of_the_last_behind),
        cmocka_unit_test(a_quotation_that_is_cut_holds_no_part_of_the_token),
        cmocka_unit_test(wrong_options_are_refused_in_one_sentence),
        cmocka_unit_test(wrong_targets_are_refused_with_field_value_and_rule),
        cmocka_unit_test(facts_need_no_poller),
        cmocka_unit_test(credentials_come_from_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
