/* SPDX-License-Identifier: MIT */
/* client/request against scripted answers: what is tried again and what is not, whom it waits for,
 * and how it ends. */
#include <stdio.h>
#include <stdlib.h>

#include "aws/job_details.h"
#include "client/poller.h"
#include "client/request.h"
#include "lib/alone.h"
#include "lib/check.h"
#include "lib/server.h"

#define DETAILS SERVER_OK("37", "", "{\"jobDetails\":{\"id\":\"j\",\"nonce\":\"n\"}}")
#define NO_JOBS SERVER_OK("11", "", "{\"jobs\":[]}")

struct world {
    struct pipepoll_sink sink;
    uv_loop_t loop;
    struct server server;
    struct pipepoll *poller;
    struct pipepoll_target *target;
    const struct server_reply *script; /* to requests for details; the last one on and on */
    unsigned script_len, asked, polls, closed, credentials_given;
    bool polls_hang;
    /* The one that is asked for. */
    struct request request;
    struct job_input job;
    struct job_details details;
    struct request_end end;
    char message[512];
    unsigned done;
    void (*then)(struct world *w);
};

static bool is_details(const struct server_request *rq)
{
    return memmem(rq->head.ptr, rq->head.len, "GetThirdPartyJobDetails", 23) != NULL;
}

static struct server_reply on_request(struct server *s, const struct server_request *rq)
{
    static char text[4][256];
    struct world *w = s->ctx;
    if (str_starts(rq->head, STR("GET /keys"))) {
        char *reply = text[w->credentials_given++ % 4];
        int len = snprintf(reply, sizeof text[0],
                           "HTTP/1.1 200 OK\r\nContent-Length: 93\r\n\r\n"
                           "{\"AccessKeyId\":\"AKID%u\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
                           "\"Expiration\":\"2100-01-01T00:00:00Z\"}",
                           w->credentials_given % 10);
        return (struct server_reply) { { reply, (size_t)len }, SERVER_KEEP, 0 };
    }
    if (!is_details(rq)) {
        w->polls++;
        return w->polls_hang ? (struct server_reply) { STR(""), SERVER_HANG, 0 }
                             : (struct server_reply) { NO_JOBS, SERVER_KEEP, 0 };
    }
    unsigned n = w->asked++ < w->script_len ? w->asked - 1 : w->script_len - 1;
    return w->script[n];
}

static void sink_deliver(struct pipepoll_sink *self, struct pipepoll_target *from,
                         const struct pipepoll_answer *a)
{
}

static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed++;
}

static void on_done(struct request *rq, const struct request_end *end)
{
    struct world *w = CONTAINER_OF(rq, struct world, request);
    w->end = *end;
    snprintf(w->message, sizeof w->message, "%.*s", STR_ARG(end->message));
    w->done++;
    if (w->then)
        w->then(w);
}

struct setup {
    struct pipepoll_credentials *credentials; /* NULL: fixed ones */
    uint32_t request_timeout_ms, interval_ms, max_in_flight;
    bool uses_container; /* its credentials are the server's */
};

static void world_open(struct world *w, const struct setup *setup,
                       const struct server_reply *script, unsigned script_len)
{
    *w = (struct world) { .sink = PIPEPOLL_SINK_INIT, .script = script, .script_len = script_len };
    w->sink.deliver = sink_deliver;
    uv_loop_init(&w->loop);
    server_open(&w->server, &w->loop, on_request, w);
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    o.sink = &w->sink;
    o.seed = 3;
    o.request_timeout_ms = setup->request_timeout_ms ? setup->request_timeout_ms : 3000;
    o.max_in_flight = setup->max_in_flight;
    o.credentials = setup->credentials;
    if (setup->uses_container) {
        char url[128];
        snprintf(url, sizeof url, "%skeys", w->server.url);
        setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
        assert_int_equal(pipepoll_credentials_default(&o.credentials, NULL), 0);
    }
    if (!o.credentials)
        pipepoll_credentials_static(&o.credentials, STR("AKIDEXAMPLE"), STR("secret"), STR(""),
                                    NULL);
    assert_int_equal(pipepoll_open(&w->poller, &w->loop, &o, NULL), 0);
    pipepoll_credentials_unref(o.credentials);
    struct pipepoll_target_options t = PIPEPOLL_TARGET_OPTIONS_INIT;
    t.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") };
    t.region = STR("us-east-1");
    t.endpoint_url = str_of(w->server.url);
    t.interval_ms = setup->interval_ms ? setup->interval_ms : 3600000;
    assert_int_equal(pipepoll_target_add(w->poller, &t, &w->target, NULL), 0);
    w->job = (struct job_input) { STR("j"), STR("a-client-token") };
    w->request = (struct request) { .operation = &operation_get_third_party_job_details,
                                    .input = &w->job,
                                    .result = &w->details,
                                    .on_done = on_done };
}

static void start(struct world *w)
{
    assert_int_equal(request_start(&w->request, w->poller, w->target->client, NULL), 0);
}

static void run(struct world *w)
{
    start(w);
    RUN_UNTIL(w, w->done);
}

static void world_close(struct world *w)
{
    if (!w->closed)
        pipepoll_close(w->poller, on_closed, w);
    RUN_UNTIL(w, w->closed);
    server_close(&w->server);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static const struct setup plain;
static const struct server_reply details_reply[] = { { DETAILS, SERVER_KEEP, 0 } };
static const struct server_reply reset_reply[] = { { STR_INIT(""), SERVER_RESET, 0 },
                                                   { DETAILS, SERVER_KEEP, 0 } };
static const struct server_reply failing_reply[] = {
    { STR_INIT("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"), SERVER_KEEP, 0 },
    { STR_INIT("HTTP/1.1 503 Oh\r\nContent-Length: 0\r\n\r\n"), SERVER_KEEP, 0 },
    { DETAILS, SERVER_KEEP, 0 }
};
#define ERROR(length, code)                                                                        \
    STR_INIT("HTTP/1.1 400 Bad\r\nContent-Length: " length "\r\n\r\n{\"__type\":\"" code "\"}")

/* --- what is tried again --- */

static void a_failing_service_is_asked_three_times_in_all(void **state)
{
    struct world w;
    world_open(&w, &plain, failing_reply, 3);
    run(&w);
    assert_int_equal(w.end.status, PIPEPOLL_OK);
    assert_int_equal(w.end.attempts, 3);
    assert_false(w.end.is_uncertain);
    world_close(&w);

    world_open(&w, &plain, failing_reply, 1);
    run(&w);
    assert_int_equal(w.end.status, PIPEPOLL_ESERVICE);
    assert_int_equal(w.end.attempts, 3);
    assert_int_equal(w.end.http_status, 500);
    assert_true(w.end.is_uncertain);
    assert_int_equal(w.asked, 3);
    world_close(&w);
}

static void an_answer_that_makes_no_sense_is_no_success(void **state)
{
    static const struct server_reply odd[] = {
        { SERVER_OK("29", "", "{\"jobDetails\":{\"nonce\":1234}} "), SERVER_KEEP, 0 }
    };
    struct world w;
    world_open(&w, &plain, odd, 1);
    run(&w);
    assert_int_equal(w.end.status, PIPEPOLL_EPROTO);
    assert_string_equal(w.message, "jobDetails.nonce is a number, not a string");
    assert_true(w.end.is_uncertain);
    world_close(&w);
}

/* --- what may not be repeated --- */

static struct operation once(void)
{
    struct operation o = operation_get_third_party_job_details;
    o.repeat = OPERATION_IF_UNDONE;
    return o;
}

static void what_may_have_had_its_effect_is_not_repeated_where_that_would_harm(void **state)
{
    const struct operation operation = once();
    struct world w;
    world_open(&w, &plain, reset_reply, 2);
    run(&w); /* the same for one that may be repeated */
    assert_int_equal(w.end.status, PIPEPOLL_OK);
    assert_int_equal(w.end.attempts, 2);
    world_close(&w);

    world_open(&w, &plain, reset_reply, 2);
    w.request.operation = &operation;
    run(&w);
    assert_int_equal(w.end.status, PIPEPOLL_ETRANSPORT);
    assert_int_equal(w.end.attempts, 1);
    assert_true(w.end.is_uncertain);
    assert_int_equal(w.asked, 1);
    world_close(&w);
}

static void what_surely_had_none_is_repeated_everywhere(void **state)
{
    static const struct server_reply throttled[] = {
        { STR_INIT("HTTP/1.1 400 Bad\r\nContent-Length: 32\r\n\r\n"
                   "{\"__type\":\"ThrottlingException\"}"),
          SERVER_KEEP, 0 },
        { DETAILS, SERVER_KEEP, 0 }
    };
    const struct operation operation = once();
    struct world w;
    world_open(&w, &plain, throttled, 2);
    w.request.operation = &operation;
    run(&w);
    assert_int_equal(w.end.status, PIPEPOLL_OK);
    assert_int_equal(w.end.attempts, 2);
    world_close(&w);

    world_open(&w, &plain, details_reply, 1);
    w.request.operation = &operation;
    server_close(&w.server); /* nobody is there */
    run(&w);
    assert_int_equal(w.end.status, PIPEPOLL_ETRANSPORT);
    assert_int_equal(w.end.attempts, 3);
    assert_false(w.end.is_uncertain);
    server_open(&w.server, &w.loop, on_request, &w);
    world_close(&w);
}

static void no_answer_in_time_is_uncertain(void **state)
{
    static const struct server_reply hang[] = { { STR_INIT(""), SERVER_HANG, 0 } };
    const struct operation operation = once();
    struct world w;
    world_open(&w, &(struct setup) { .request_timeout_ms = 50 }, hang, 1);
    w.request.operation = &operation;
    run(&w);
    assert_int_equal(w.end.status, PIPEPOLL_ETIMEDOUT);
    assert_int_equal(w.end.attempts, 1);
    assert_true(w.end.is_uncertain);
    world_close(&w);
}

/* --- credentials --- */

static void refused_credentials_end_it(void **state)
{
    static const struct server_reply expired[] = { { ERROR("34", "ExpiredTokenException"),
                                                     SERVER_KEEP, 0 } };
    struct world w;
    world_open(&w, &plain, expired, 1);
    run(&w);
    assert_int_equal(w.end.status, PIPEPOLL_ECREDENTIALS);
    assert_int_equal(w.end.attempts, 1);
    assert_false(w.end.is_uncertain);
    world_close(&w);
}

static void expired_ones_are_fetched_anew_and_it_goes_on(void **state)
{
    static const struct server_reply expired[] = {
        { ERROR("34", "ExpiredTokenException"), SERVER_KEEP, 0 }, { DETAILS, SERVER_KEEP, 0 }
    };
    struct world w;
    struct setup from_container = { .uses_container = true };
    world_open(&w, &from_container, expired, 2);
    run(&w);
    assert_int_equal(w.end.status, PIPEPOLL_OK);
    assert_int_equal(w.end.attempts, 2);
    assert_int_equal(w.credentials_given, 2);
    world_close(&w);
    unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
}

static void without_credentials_it_waits_for_them_until_its_deadline(void **state)
{
    struct world w;
    struct setup none = { 0 };
    assert_int_equal(pipepoll_credentials_profile(&none.credentials, STR("nobody"), NULL), 0);
    world_open(&w, &none, details_reply, 1);
    w.request.deadline_ms = 30;
    run(&w);
    assert_int_equal(w.end.status, PIPEPOLL_ECREDENTIALS);
    assert_int_equal(w.end.attempts, 0);
    assert_string_equal(w.message, "no credentials came in time");
    world_close(&w);
}

/* --- the deadline --- */

static void without_a_slot_it_waits_until_its_deadline(void **state)
{
    struct world w;
    world_open(&w, &(struct setup) { .max_in_flight = 1, .interval_ms = 1 }, details_reply, 1);
    w.polls_hang = true;
    RUN_UNTIL(&w, w.polls);
    w.request.deadline_ms = 30;
    run(&w);
    assert_int_equal(w.end.status, PIPEPOLL_ETIMEDOUT);
    assert_non_null(strstr(w.message, "no slot was free in time"));
    assert_int_equal(w.polls, 1); /* which was not ended for it */
    server_drop_idle(&w.server, SERVER_CLOSE);
    world_close(&w);
}

/* --- the end --- */

static void again(struct world *w)
{
    w->then = NULL;
    w->request.deadline_ms = 0;
    start(w);
}

static void close_now(struct world *w)
{
    w->then = NULL;
    pipepoll_close(w->poller, on_closed, w);
    assert_int_equal(w->closed, 0);
}

static void it_may_be_started_again_and_the_poller_closed_from_its_end(void **state)
{
    struct world w;
    world_open(&w, &plain, details_reply, 1);
    w.then = again;
    start(&w);
    RUN_UNTIL(&w, w.done == 2);
    assert_int_equal(w.end.status, PIPEPOLL_OK);
    w.then = close_now;
    start(&w);
    RUN_UNTIL(&w, w.closed);
    assert_int_equal(w.done, 3);
    world_close(&w);
}

static void the_target_that_it_came_by_may_be_removed(void **state)
{
    struct world w;
    world_open(&w, &plain, details_reply, 1);
    start(&w);
    pipepoll_target_remove(w.target);
    RUN_UNTIL(&w, w.done);
    assert_int_equal(w.end.status, PIPEPOLL_OK);
    assert_str_equal(w.end.message, "");
    RUN_UNTIL(&w, w.poller->clients.principals.open == 0);
    world_close(&w);
}

static void closing_ends_a_back_off_and_tells_what_is_uncertain(void **state)
{
    static const struct server_reply throttled[] = {
        { STR_INIT("HTTP/1.1 500 Oh\r\nx-amz-retry-after: 4000\r\nContent-Length: 0\r\n\r\n"),
          SERVER_KEEP, 0 }
    };
    struct world w;
    world_open(&w, &plain, throttled, 1);
    start(&w);
    RUN_UNTIL(&w, w.request.state == REQUEST_WAITING);
    pipepoll_close(w.poller, on_closed, &w);
    RUN_UNTIL(&w, w.closed);
    assert_int_equal(w.end.status, PIPEPOLL_ECLOSING);
    assert_int_equal(w.end.http_status, 500);
    assert_int_equal(w.end.attempts, 1);
    assert_true(w.end.is_uncertain);
    world_close(&w);
}

/* It failed, and is not asked again: that is what is told. */
static void closing_waits_for_the_attempt_in_flight_and_tells_its_end(void **state)
{
    static const struct server_reply hang[] = { { STR_INIT(""), SERVER_HANG, 0 } };
    struct world w;
    world_open(&w, &(struct setup) { .request_timeout_ms = 50 }, hang, 1);
    start(&w);
    RUN_UNTIL(&w, w.asked);
    pipepoll_close(w.poller, on_closed, &w);
    RUN_UNTIL(&w, w.closed);
    assert_int_equal(w.end.status, PIPEPOLL_ETIMEDOUT);
    assert_int_equal(w.end.attempts, 1);
    assert_true(w.end.is_uncertain);
    world_close(&w);
}

/* Many that are ready, in flight and backing off; none is told twice or not at all. */
static void closing_with_many_ends_each_once(void **state)
{
    enum { MANY = 300 };
    static struct world others[MANY]; /* only their requests */
    struct world w;
    unsigned done = 0;
    world_open(&w, &(struct setup) { .max_in_flight = 3 }, failing_reply, 1);
    memset(others, 0, sizeof others);
    for (int i = 0; i < MANY; i++) {
        others[i].request = w.request;
        others[i].request.result = &others[i].details;
        assert_int_equal(request_start(&others[i].request, w.poller, w.target->client, NULL), 0);
    }
    RUN_UNTIL(&w, w.asked > 20);
    pipepoll_close(w.poller, on_closed, &w);
    RUN_UNTIL(&w, w.closed);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(others[i].done, 1);
        done += others[i].end.status == PIPEPOLL_ECLOSING;
    }
    assert_true(done > MANY / 2);
    world_close(&w);
}

/* --- bodies --- */

static void encode_without_end(struct buf *out, const void *input)
{
    while (!out->overflow)
        buf_put(out, STR("{\"jobId\":\"0123456789\"}"));
}

static void a_body_that_is_too_long_is_never_sent(void **state)
{
    struct operation operation = operation_get_third_party_job_details;
    struct world w;
    operation.encode = encode_without_end;
    world_open(&w, &plain, details_reply, 1);
    w.request.operation = &operation;
    run(&w);
    assert_int_equal(w.end.status, PIPEPOLL_ESYSTEM);
    assert_int_equal(w.end.attempts, 0);
    assert_int_equal(w.asked, 0);
    world_close(&w);
}

int main(void)
{
    alone();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_service_is_asked_three_times_in_all),
        cmocka_unit_test(an_answer_that_makes_no_sense_is_no_success),
        cmocka_unit_test(what_may_have_had_its_effect_is_not_repeated_where_that_would_harm),
        cmocka_unit_test(what_surely_had_none_is_repeated_everywhere),
        cmocka_unit_test(no_answer_in_time_is_uncertain),
        cmocka_unit_test(refused_credentials_end_it),
        cmocka_unit_test(expired_ones_are_fetched_anew_and_it_goes_on),
        cmocka_unit_test(without_credentials_it_waits_for_them_until_its_deadline),
        cmocka_unit_test(without_a_slot_it_waits_until_its_deadline),
        cmocka_unit_test(it_may_be_started_again_and_the_poller_closed_from_its_end),
        cmocka_unit_test(the_target_that_it_came_by_may_be_removed),
        cmocka_unit_test(closing_ends_a_back_off_and_tells_what_is_uncertain),
        cmocka_unit_test(closing_waits_for_the_attempt_in_flight_and_tells_its_end),
        cmocka_unit_test(closing_with_many_ends_each_once),
        cmocka_unit_test(a_body_that_is_too_long_is_never_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
