/* SPDX-License-Identifier: MIT */
/* The world of tests/lib/virtual.h itself, by an example of its use: one poller and one request,
 * answered by a service of some lines. */
#include <stdio.h>

#include "aws/job_details.h"
#include "client/poller.h"
#include "client/request.h"
#include "lib/check.h"
#include "lib/virtual.h"

static const uint64_t ms_ns = 1000000;

struct example {
    struct virtual_service service;
    struct pipepoll_sink sink;
    struct pipepoll *poller;
    struct pipepoll_target *target;
    struct virtual_way way;   /* of all requests */
    uint64_t answer_after_ns; /* of all answers */
    unsigned polls, details_asked, ended, delivered, closed, failed;
    uint64_t closed_ns;
    /* The request. */
    struct request request;
    struct job_input job;
    struct job_details details;
    char nonce[16];
    int status;
    uint64_t done_ns;
};

static struct example *example_of(struct virtual_service *s)
{
    return CONTAINER_OF(s, struct example, service);
}

static void depart(struct virtual_service *s, const struct virtual_request *rq,
                   struct virtual_way *way)
{
    assert_null(rq->mark);
    *way = example_of(s)->way;
    way->mark = s;
}

static void answer(struct virtual_service *s, const struct virtual_request *rq,
                   struct virtual_answer *out)
{
    struct example *e = example_of(s);
    assert_str_equal(rq->url, "http://service.test/");
    assert_str_equal(rq->method, "POST");
    assert_str_equal(virtual_header(rq, STR("Host")), "service.test");
    assert_true(str_starts(virtual_header(rq, STR("X-Amz-Date")), STR("20260101T0000")));
    assert_ptr_equal(rq->mark, s);
    out->after_ns = e->answer_after_ns;
    if (str_eq(rq->target, operation_poll_for_third_party_jobs.target)) {
        e->polls++;
        out->body = STR("{\"jobs\":[{\"clientId\":\"c\",\"jobId\":\"j\"}]}");
    } else if (e->details_asked++) {
        out->body = STR("{\"jobDetails\":{\"id\":\"j\",\"nonce\":\"n-1\"}}");
    } else {
        out->status = 503;
    }
}

static void ended(struct virtual_service *s, void *mark)
{
    assert_ptr_equal(mark, s);
    example_of(s)->ended++;
}

static void on_deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                       const struct pipepoll_answer *a)
{
    struct example *e = CONTAINER_OF(sink, struct example, sink);
    assert_ptr_equal(from, e->target);
    assert_str_equal(pipepoll_job_at(a, 0)->job_id, "j");
    e->delivered++;
}

static void on_failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                      const struct pipepoll_failure *f)
{
    struct example *e = CONTAINER_OF(sink, struct example, sink);
    e->failed++;
}

static void on_done(struct request *rq, const struct request_end *end)
{
    struct example *e = CONTAINER_OF(rq, struct example, request);
    e->status = end->status;
    e->done_ns = timers_now_ns();
    if (!end->status)
        snprintf(e->nonce, sizeof e->nonce, "%.*s", STR_ARG(e->details.nonce));
}

static void on_closed(void *ctx)
{
    struct example *e = ctx;
    e->closed++;
    e->closed_ns = timers_now_ns();
}

static void example_open(struct example *e)
{
    *e = (struct example) { .service = { depart, answer, ended }, .sink = PIPEPOLL_SINK_INIT };
    e->sink.deliver = on_deliver;
    e->sink.failed = on_failed;
    virtual_begin(1);
    virtual_serve(&e->service);
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    o.sink = &e->sink;
    o.seed = 1;
    o.request_timeout_ms = 5000;
    pipepoll_credentials_static(&o.credentials, STR("AKIDEXAMPLE"), STR("secret"), STR(""), NULL);
    assert_int_equal(pipepoll_open(&e->poller, NULL, &o, NULL), 0);
    pipepoll_credentials_unref(o.credentials);
    struct pipepoll_target_options t = PIPEPOLL_TARGET_OPTIONS_INIT;
    t.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") };
    t.region = STR("us-east-1");
    t.endpoint_url = STR("http://service.test");
    t.interval_ms = 1000;
    t.max_batch_size = 2;
    assert_int_equal(pipepoll_target_add(e->poller, &t, &e->target, NULL), 0);
}

static void example_close(struct example *e)
{
    uint64_t now_ns = timers_now_ns();
    pipepoll_close(e->poller, on_closed, e);
    virtual_run(now_ns + 6000 * ms_ns);
    assert_int_equal(e->closed, 1);
    assert_int_equal(virtual_in_flight(), 0);
    assert_int_equal(virtual_end(), 0);
}

static void ten_seconds_of_polls_pass_at_once(void **state)
{
    struct example e;
    example_open(&e);
    e.way.after_ns = 20 * ms_ns;
    e.answer_after_ns = 30 * ms_ns;
    virtual_run(virtual_s(9.9));
    assert_in_range(e.polls, 9, 12);
    assert_int_equal(e.delivered, e.polls);
    assert_int_equal(timers_now_ns(), virtual_s(9.9));
    assert_int_equal(timers_wall_ms(), VIRTUAL_WALL_MS + 9900);
    example_close(&e);
    assert_int_equal(e.ended, e.polls);
}

static void a_request_is_tried_again_until_it_is_answered(void **state)
{
    struct example e;
    example_open(&e);
    e.job = (struct job_input) { STR("j"), STR("a-client-token") };
    e.request = (struct request) { .operation = &operation_get_third_party_job_details,
                                   .input = &e.job,
                                   .result = &e.details,
                                   .on_done = on_done };
    e.status = 1;
    assert_int_equal(request_start(&e.request, e.poller, e.target->client, NULL), 0);
    virtual_run(virtual_s(2));
    assert_int_equal(e.status, PIPEPOLL_OK);
    assert_int_equal(e.details_asked, 2);
    assert_string_equal(e.nonce, "n-1");
    example_close(&e);
}

static void what_hangs_fails_at_its_deadline(void **state)
{
    struct example e;
    example_open(&e);
    e.way.after_ns = VIRTUAL_NEVER;
    virtual_run(virtual_s(5.0));
    assert_int_equal(e.failed, 0);
    virtual_run(virtual_s(6.0)); /* the first poll starts within a second */
    assert_int_equal(e.failed, 1);
    example_close(&e);
}

static void what_breaks_fails_soon(void **state)
{
    struct example e;
    example_open(&e);
    e.answer_after_ns = 4000 * ms_ns;
    virtual_run(virtual_s(1.5));
    assert_int_equal(virtual_in_flight(), 1);
    virtual_break(STR("http://other.test/"));
    virtual_run(virtual_s(1.6));
    assert_int_equal(e.failed, 0);
    virtual_break(STR("http://service.test/"));
    virtual_run(virtual_s(1.602));
    assert_int_equal(e.failed, 1);
    e.way.fault = FAULT_UNREACHABLE;
    virtual_run(virtual_s(4));
    assert_true(e.failed > 1);
    assert_int_equal(e.delivered, 0);
    example_close(&e);
}

/* Else it would take until the deadline. */
static void an_address_is_not_waited_for_at_the_end(void **state)
{
    struct example e;
    example_open(&e);
    e.way.looks_up = true;
    virtual_run(virtual_s(1.5));
    assert_int_equal(virtual_in_flight(), 1);
    uint64_t now_ns = timers_now_ns();
    example_close(&e);
    assert_int_equal(e.failed, 1);
    assert_true(e.closed_ns - now_ns < 10 * ms_ns);
}

static void the_machine_may_stand_still_and_its_calendar_be_set(void **state)
{
    struct example e;
    example_open(&e);
    virtual_run(virtual_s(1.5));
    virtual_stall(2000 * ms_ns);
    assert_int_equal(timers_now_ns(), virtual_s(3.5));
    virtual_set_wall_ms(VIRTUAL_WALL_MS + 60000);
    unsigned polls = e.polls;
    virtual_run(virtual_s(4.5));
    assert_true(e.polls > polls);
    assert_int_equal(timers_wall_ms(), VIRTUAL_WALL_MS + 61000);
    example_close(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_seconds_of_polls_pass_at_once),
        cmocka_unit_test(a_request_is_tried_again_until_it_is_answered),
        cmocka_unit_test(what_hangs_fails_at_its_deadline),
        cmocka_unit_test(what_breaks_fails_soon),
        cmocka_unit_test(an_address_is_not_waited_for_at_the_end),
        cmocka_unit_test(the_machine_may_stand_still_and_its_calendar_be_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
