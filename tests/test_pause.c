/* SPDX-License-Identifier: MIT */
/* Targets that are paused and resumed, in virtual time: what is polled when, what is told of it,
 * and that nobody fetches credentials for those that are not polled. */
#include <stdio.h>
#include <stdlib.h>

#include "aws/job_details.h"
#include "client/request.h"
#include "lib/virtual_poller.h"

enum { TARGETS_MAX = 20000 };

static const uint64_t ms_ns = 1000000;

/* A service that counts polls by provider ("p0", "p1", ...), and hands out credentials. */
struct world {
    struct virtual_service service;
    struct pipepoll_sink sink;
    struct pipepoll *poller;
    unsigned polls[TARGETS_MAX], all_polls, fetches, details_asked;
    uint64_t first_ns[TARGETS_MAX], latency_ns;
    struct pipepoll_target *targets[TARGETS_MAX];
    size_t credit, count;
    bool refuses;
    unsigned delivered, failed, retry_in_ms, removed, paused, closed, unusable, usable;
    void (*on_polled)(struct world *w, struct pipepoll_target *t);
    struct request request;
    struct job_input job;
    struct job_details details;
    int status;
};

static struct world w;

static void answer_poll(const struct virtual_request *rq, struct virtual_answer *out)
{
    const char *at = memmem(rq->body.ptr, rq->body.len, ":\"p", 3);
    assert_non_null(at);
    size_t i = strtoul(at + 3, NULL, 10);
    w.polls[i]++;
    w.all_polls++;
    if (!w.first_ns[i])
        w.first_ns[i] = timers_now_ns();
    out->after_ns = w.latency_ns;
    out->body = STR("{\"jobs\":[]}");
    if (!w.refuses)
        return;
    out->status = 400;
    out->body = STR("{\"__type\":\"AccessDeniedException\"}");
}

static void answer(struct virtual_service *s, const struct virtual_request *rq,
                   struct virtual_answer *out)
{
    static char text[512];
    if (str_eq(rq->target, operation_poll_for_third_party_jobs.target)) {
        answer_poll(rq, out);
    } else if (rq->target.len) {
        w.details_asked++;
        out->body = STR("{\"jobDetails\":{\"id\":\"j\",\"nonce\":\"n-1\"}}");
    } else {
        w.fetches++;
        int64_t hour = (timers_wall_ms() - VIRTUAL_WALL_MS) / 3600000 + 2; /* 1 to 2 from now on */
        snprintf(text, sizeof text,
                 "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
                 "<AccessKeyId>AKID%u</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                 "<SessionToken>t</SessionToken><Expiration>2026-01-01T%02d:00:00Z</Expiration>"
                 "</Credentials></AssumeRoleResult></AssumeRoleResponse>",
                 w.fetches, (int)hour);
        out->body = str_of(text);
    }
}

static size_t on_credit(struct pipepoll_sink *sink)
{
    return w.credit;
}

static void on_deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                       const struct pipepoll_answer *a)
{
    assert_true(pipepoll_target_is_polling(from));
    w.delivered++;
}

static void on_failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                      const struct pipepoll_failure *f)
{
    assert_true(pipepoll_target_is_polling(from));
    w.failed++;
    w.retry_in_ms = f->retry_in_ms;
}

static void on_removed(struct pipepoll_sink *sink, struct pipepoll_target *from)
{
    assert_false(pipepoll_target_is_polling(from));
    w.removed++;
}

static void on_credentials(struct pipepoll_sink *sink, const struct pipepoll_identity *id)
{
    w.usable += id->usable;
    w.unusable += !id->usable;
}

static void on_polled(struct pipepoll_sink *sink, struct pipepoll_target *from,
                      const struct pipepoll_poll *poll)
{
    assert_true(pipepoll_target_is_polling(from));
    if (w.on_polled)
        w.on_polled(&w, from);
}

static void on_paused(struct pipepoll_sink *sink, struct pipepoll_target *from)
{
    assert_false(pipepoll_target_is_polling(from));
    w.paused++;
}

static void on_closed(void *ctx)
{
    w.closed++;
}

static void on_done(struct request *rq, const struct request_end *end)
{
    w.status = end->status;
}

static void world_open(bool has_credentials)
{
    w = (struct world) { .service = { .answer = answer }, .sink = PIPEPOLL_SINK_INIT, .credit = 5 };
    w.sink.deliver = on_deliver;
    w.sink.failed = on_failed;
    w.sink.removed = on_removed;
    w.sink.credentials = on_credentials;
    w.sink.polled = on_polled;
    w.sink.paused = on_paused;
    virtual_begin(1);
    virtual_serve(&w.service);
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    o.sink = &w.sink;
    o.seed = 1;
    o.request_timeout_ms = 5000;
    o.credentials =
        virtual_credentials(has_credentials ? NULL : "arn:aws:iam::123456789012:role/r");
    virtual_open(&w.poller, &o);
}

static struct pipepoll_target *add(bool paused, uint32_t within_ms)
{
    char provider[16];
    snprintf(provider, sizeof provider, "p%zu", w.count);
    struct pipepoll_target_options t = virtual_target(provider);
    t.paused = paused;
    t.first_poll_within_ms = within_ms;
    assert_int_equal(pipepoll_target_add(w.poller, &t, &w.targets[w.count], NULL), 0);
    return w.targets[w.count++];
}

static void world_close(void)
{
    pipepoll_close(w.poller, on_closed, &w);
    run_for(6);
    assert_int_equal(w.closed, 1);
    assert_int_equal(w.removed, w.count);
    assert_int_equal(virtual_end(), 0);
}

static uint64_t paused_now(void)
{
    struct pipepoll_stats stats = PIPEPOLL_STATS_INIT;
    pipepoll_stats(w.poller, &stats);
    return stats.paused;
}

static void a_paused_target_is_not_polled_until_it_is_resumed(void **state)
{
    world_open(true);
    struct pipepoll_target *t = add(false, 0);
    add(false, 0);
    run_for(3.5);
    unsigned polls = w.polls[0];
    assert_in_range(polls, 3, 4);
    assert_true(pipepoll_target_pause(t));
    assert_true(pipepoll_target_pause(t));
    assert_int_equal(paused_now(), 1);
    run_for(60);
    pipepoll_wake(w.poller);
    run_for(60);
    assert_int_equal(w.polls[0], polls);
    assert_in_range(w.polls[1], 110, 130);
    pipepoll_target_resume(t);
    pipepoll_target_resume(t);
    assert_int_equal(paused_now(), 0);
    run_for(1);
    assert_int_equal(w.polls[0], polls + 1);
    run_for(60);
    assert_in_range(w.polls[0], polls + 55, polls + 65);
    assert_int_equal(w.paused, 0); /* none was out */
    world_close();
}

static void a_poll_that_is_out_ends_as_ever_and_then_the_pause_is_told(void **state)
{
    world_open(true);
    w.latency_ns = 500 * ms_ns;
    struct pipepoll_target *t = add(false, 1), *other = add(false, 1), *gone = add(false, 1);
    run_for(0.1);
    assert_true(pipepoll_target_is_polling(t));
    assert_false(pipepoll_target_pause(t));
    assert_false(pipepoll_target_pause(t));
    assert_false(pipepoll_target_pause(other));
    pipepoll_target_resume(other);
    assert_false(pipepoll_target_pause(gone));
    pipepoll_target_remove(gone);
    assert_true(pipepoll_target_is_polling(gone));
    run_for(10);
    assert_int_equal(w.paused, 1);
    assert_int_equal(w.polls[0], 1);
    assert_int_equal(w.removed, 1);
    assert_true(w.polls[1] > 5);
    assert_int_equal(paused_now(), 1);
    world_close();
}

static void pause_now(struct world *x, struct pipepoll_target *t)
{
    assert_false(pipepoll_target_pause(t));
}

static void a_target_may_be_paused_in_the_callbacks_of_its_own_poll(void **state)
{
    world_open(true);
    w.refuses = true;
    w.on_polled = pause_now;
    add(false, 1);
    run_for(300);
    assert_int_equal(w.polls[0], 1);
    assert_int_equal(w.failed, 1);
    assert_int_equal(w.retry_in_ms, 0);
    assert_int_equal(w.paused, 1);
    w.refuses = false;
    pipepoll_target_resume(w.targets[0]); /* soon, not after the minute of a refusal */
    run_for(1);
    assert_int_equal(w.polls[0], 2);
    assert_int_equal(w.delivered, 1);
    world_close();
}

static void pause_first(struct world *x, struct pipepoll_target *t)
{
    pipepoll_target_pause(w.targets[0]);
}

static void targets_that_are_resumed_at_once_are_spread(void **state)
{
    enum { COUNT = 1000 };
    unsigned tenths[10] = { 0 };
    world_open(true);
    for (int i = 0; i < COUNT; i++)
        add(true, 0);
    run_for(10);
    assert_int_equal(w.all_polls, 0);
    uint64_t since_ns = timers_now_ns();
    for (int i = 0; i < COUNT; i++)
        pipepoll_target_resume(w.targets[i]);
    run_for(1);
    assert_in_range(w.all_polls, COUNT, COUNT * 11 / 10);
    for (int i = 0; i < COUNT; i++)
        tenths[(w.first_ns[i] - since_ns) / (100 * ms_ns) % 10]++;
    for (int i = 0; i < 10; i++)
        assert_in_range(tenths[i], COUNT / 20, COUNT / 5);
    world_close();
}

static void a_short_first_time_makes_no_lasting_herd(void **state)
{
    enum { COUNT = 400 };
    world_open(true);
    for (int i = 0; i < COUNT; i++)
        add(true, 50);
    run_for(5);
    for (int i = 0; i < COUNT; i++)
        pipepoll_target_resume(w.targets[i]);
    run_for(0.05);
    assert_in_range(w.all_polls, COUNT, COUNT * 11 / 10);
    run_for(2);
    unsigned most = 0;
    for (int i = 0; i < 20; i++) {
        unsigned before = w.all_polls;
        run_for(0.05);
        most = w.all_polls - before > most ? w.all_polls - before : most;
    }
    assert_in_range(most, 1, COUNT / 5);
    world_close();
}

/* A day's end: tens of thousands change hands. */
static void any_number_pauses_and_resumes_in_one_turn(void **state)
{
    world_open(true);
    for (int i = 0; i < TARGETS_MAX; i++)
        add(i % 2 == 0, 0);
    assert_int_equal(paused_now(), TARGETS_MAX / 2);
    for (int i = 0; i < TARGETS_MAX; i++)
        if (i % 2)
            pipepoll_target_pause(w.targets[i]);
        else
            pipepoll_target_resume(w.targets[i]);
    run_for(1.5);
    for (int i = 0; i < TARGETS_MAX; i++)
        assert_int_equal(w.polls[i] > 0, i % 2 == 0);
    world_close();
}

/* --- credentials --- */

static void nothing_is_fetched_for_paused_targets(void **state)
{
    world_open(false);
    struct pipepoll_target *t = add(true, 0);
    add(true, 0);
    run_for(100);
    pipepoll_refresh_credentials(w.poller);
    run_for(100);
    assert_int_equal(w.fetches + w.usable + w.unusable, 0);
    pipepoll_target_resume(t);
    run_for(1.5);
    assert_int_equal(w.fetches, 1);
    assert_int_equal(w.usable, 1);
    assert_true(w.polls[0] > 0);
    world_close();
}

static void credentials_that_expire_in_a_pause_are_fetched_after_it(void **state)
{
    world_open(false);
    struct pipepoll_target *t = add(false, 0);
    run_for(60);
    assert_int_equal(w.fetches, 1);
    pipepoll_target_pause(t);
    run_for(10 * 3600);
    assert_int_equal(w.fetches, 1);
    unsigned polls = w.polls[0];
    pipepoll_target_resume(t);
    run_for(1.5);
    assert_int_equal(w.fetches, 2);
    assert_int_equal(w.unusable + w.failed, 0);
    assert_true(w.polls[0] > polls);
    run_for(3 * 3600); /* and then again as ever */
    assert_in_range(w.fetches, 4, 6);
    assert_int_equal(w.failed, 0);
    world_close();
}

static void a_request_fetches_what_it_needs(void **state)
{
    world_open(false);
    struct pipepoll_target *t = add(true, 0);
    w.job = (struct job_input) { STR("j"), STR("a-client-token") };
    w.request = (struct request) { .operation = &operation_get_third_party_job_details,
                                   .input = &w.job,
                                   .result = &w.details,
                                   .on_done = on_done };
    w.status = 1;
    assert_int_equal(request_start(&w.request, w.poller, t->client, NULL), 0);
    run_for(1);
    assert_int_equal(w.status, PIPEPOLL_OK);
    assert_int_equal(w.fetches, 1);
    run_for(10 * 3600);
    assert_int_equal(w.fetches, 1); /* nobody needs more */
    assert_int_equal(request_start(&w.request, w.poller, t->client, NULL), 0);
    run_for(1);
    assert_int_equal(w.status, PIPEPOLL_OK);
    assert_int_equal(w.fetches, 2);
    assert_int_equal(w.all_polls, 0);
    world_close();
}

static void options_say_when_and_whether_polls_begin(void **state)
{
    struct pipepoll_error why;
    struct pipepoll_target_options t = virtual_target("A");
    t.paused = 2;
    assert_int_equal(pipepoll_target_check(&t, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text, "paused 2 is out of range: 0 or 1");
    t.paused = 1;
    t.first_poll_within_ms = 86400001;
    assert_int_equal(pipepoll_target_check(&t, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "first_poll_within_ms"));
}

static void a_target_that_waits_for_credit_can_be_paused(void **state)
{
    world_open(true);
    w.sink.credit = on_credit; /* read once, at open: so this one has no say */
    pipepoll_close(w.poller, on_closed, &w);
    run_for(6);
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    o.sink = &w.sink;
    o.credentials = NULL;
    assert_int_equal(pipepoll_credentials_anonymous(&o.credentials, NULL), 0);
    virtual_open(&w.poller, &o);
    w.closed = 0;
    w.credit = 0;
    struct pipepoll_target *t = add(false, 1);
    add(false, 1);
    run_for(5);
    assert_true(pipepoll_target_pause(t));
    w.credit = 5;
    w.on_polled = pause_first;
    pipepoll_wake(w.poller);
    run_for(5);
    assert_int_equal(w.polls[0], 0);
    assert_in_range(w.polls[1], 3, 6);
    world_close();
}

int main(void)
{
    virtual_alone();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_paused_target_is_not_polled_until_it_is_resumed),
        cmocka_unit_test(a_poll_that_is_out_ends_as_ever_and_then_the_pause_is_told),
        cmocka_unit_test(a_target_may_be_paused_in_the_callbacks_of_its_own_poll),
        cmocka_unit_test(targets_that_are_resumed_at_once_are_spread),
        cmocka_unit_test(a_short_first_time_makes_no_lasting_herd),
        cmocka_unit_test(any_number_pauses_and_resumes_in_one_turn),
        cmocka_unit_test(a_target_that_waits_for_credit_can_be_paused),
        cmocka_unit_test(nothing_is_fetched_for_paused_targets),
        cmocka_unit_test(credentials_that_expire_in_a_pause_are_fetched_after_it),
        cmocka_unit_test(a_request_fetches_what_it_needs),
        cmocka_unit_test(options_say_when_and_whether_polls_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
