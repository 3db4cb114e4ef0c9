/* SPDX-License-Identifier: MIT */
/* GetThirdPartyJobDetails, the second row of the table of operations, over the real poller and
 * against the simulated service by TLS, while polls go on: what arrives, what is told, what is
 * asked again, what closing waits for, and what memory is left with. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <uv.h>

#include "aws/job_details.h"
#include "client/poller.h"
#include "client/request.h"
#include "lib/alone.h"
#include "lib/simulated.h"
#include "lib/watched_memory.h"

struct asking {
    struct request request;
    struct job_input job;
    struct job_details details;
    struct world *world;
    struct request_end end; /* its texts are copied */
    char message[512], code[128];
    unsigned done, enough;          /* enough: answers to polls, and it is asked no more */
    void (*look)(struct asking *a); /* while the result is there */
};

struct world {
    struct pipepoll_sink sink;
    uv_loop_t loop;
    struct sim *sim;
    struct pipepoll *poller;
    struct pipepoll_target *target;
    char ca[SIMULATED_PATH_SIZE], job_id[64], token[128];
    unsigned answers, failures, closed;
    int status;                 /* of a poll's last failure */
    unsigned served, throttled; /* requests for details */
    bool stop_faults;           /* as soon as one was throttled */
    struct watched_memory memory;
};

/* --- the world --- */

static void sink_deliver(struct pipepoll_sink *self, struct pipepoll_target *from,
                         const struct pipepoll_answer *a)
{
    struct world *w = (struct world *)self;
    w->answers++;
    if (!a->job_count)
        return;
    snprintf(w->job_id, sizeof w->job_id, "%.*s", STR_ARG(a->jobs[0].job_id));
    snprintf(w->token, sizeof w->token, "token-%.*s", STR_ARG(a->jobs[0].client_id));
}

static void sink_failed(struct pipepoll_sink *self, struct pipepoll_target *from,
                        const struct pipepoll_failure *f)
{
    struct world *w = (struct world *)self;
    w->failures++;
    w->status = f->status;
}

static void count_close(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void on_served(void *ctx, const struct sim_served *what)
{
    struct world *w = ctx;
    if (!str_eq(what->operation, STR("GetThirdPartyJobDetails")))
        return;
    w->served++;
    if (!what->code || strcmp(what->code, "ThrottlingException") != 0)
        return;
    w->throttled++;
    if (w->stop_faults)
        assert_int_equal(
            sim_faults_set(w->sim, &(struct sim_scope) { 0 }, &(struct sim_faults) { 0 }, NULL), 0);
}

static void poll_region(struct world *w, str region, uint32_t interval_ms)
{
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    o.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") };
    o.region = region;
    o.endpoint_url = str_of(sim_url(w->sim));
    o.interval_ms = interval_ms;
    assert_int_equal(pipepoll_target_add(w->poller, &o, &w->target, NULL), 0);
}

static void world_open(struct world *w, uint32_t max_in_flight)
{
    *w = (struct world) { .sink = PIPEPOLL_SINK_INIT };
    w->sink.deliver = sink_deliver;
    w->sink.failed = sink_failed;
    struct pipepoll_error why;
    struct sim_options so = { .served = on_served, .ctx = w };
    uv_loop_init(&w->loop);
    simulated_open(&w->sim, &w->loop, &so, w->ca);
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    o.sink = &w->sink;
    o.ca_bundle = str_of(w->ca);
    o.seed = 7;
    o.max_in_flight = max_in_flight;
    o.request_timeout_ms = 5000;
    o.resize = watched_resize;
    o.resize_ctx = &w->memory;
    o.credentials = simulated_credentials(NULL);
    if (pipepoll_open(&w->poller, &w->loop, &o, &why))
        fail_msg("%s", why.text);
    pipepoll_credentials_unref(o.credentials);
}

/* A job that was found by polling, and polls that go on. */
static void find_job(struct world *w, str configuration)
{
    assert_int_equal(sim_job_add(w->sim, &(struct sim_scope) { 0 }, configuration, NULL), 0);
    poll_region(w, STR("us-east-1"), 5);
    RUN_UNTIL(w, w->job_id[0]);
}

static void world_close(struct world *w)
{
    if (!w->closed)
        pipepoll_close(w->poller, count_close, &w->closed);
    RUN_UNTIL(w, w->closed);
    sim_close(w->sim, count_close, &w->closed);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->closed, 2);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(watched_held(&w->memory), 0);
    assert_int_equal(w->memory.leaks, 0);
    unlink(w->ca);
}

/* --- asking --- */

static void on_details(struct request *rq, const struct request_end *end)
{
    struct asking *a = CONTAINER_OF(rq, struct asking, request);
    a->end = *end;
    snprintf(a->message, sizeof a->message, "%.*s", STR_ARG(end->message));
    snprintf(a->code, sizeof a->code, "%.*s", STR_ARG(end->code));
    if (a->look)
        a->look(a);
    a->done++;
}

static void ask(struct world *w, struct asking *a)
{
    if (!a->job.job_id.len)
        a->job = (struct job_input) { str_of(w->job_id), str_of(w->token) };
    if (!a->request.operation)
        a->request.operation = &operation_get_third_party_job_details;
    a->world = w;
    a->request.input = &a->job;
    a->request.result = &a->details;
    a->request.on_done = on_details;
    assert_int_equal(request_start(&a->request, w->poller, w->target->client, NULL), 0);
    assert_int_equal(a->done, 0); /* never from inside */
}

static void run(struct world *w, struct asking *a)
{
    ask(w, a);
    RUN_UNTIL(w, a->done);
    assert_int_equal(a->done, 1);
}

static void see_all_of_it(struct asking *a)
{
    const struct job_data *data = &a->details.data;
    assert_str_equal(a->details.id, a->world->job_id);
    assert_str_equal(a->details.nonce, "1");
    assert_str_equal(data->action_type.provider, "Acme");
    assert_int_equal(data->configuration.count, 1);
    assert_str_equal(job_property(data, 0)->key, "Project");
    assert_str_equal(job_property(data, 0)->value, "P\n");
    assert_str_equal(data->pipeline.stage, "Simulated");
    assert_int_equal(data->input_artifacts.count, 1);
    assert_str_equal(job_artifact(&data->input_artifacts, 0)->location_type, "S3");
    str session = data->artifact_credentials.session_token;
    assert_true(str_starts(session, STR("simulated-session-of-ASIA")));
    assert_null(data->continuation_token.ptr);
}

static void the_details_of_a_job_arrive_while_polls_go_on(void **state)
{
    struct world w;
    struct asking a = { .look = see_all_of_it };
    world_open(&w, 0);
    find_job(&w, STR("{\"Project\":\"P\\n\"}"));
    unsigned answers = w.answers;
    run(&w, &a);
    assert_int_equal(a.end.status, PIPEPOLL_OK);
    assert_int_equal(a.end.http_status, 200);
    assert_int_equal(a.end.attempts, 1);
    assert_false(a.end.is_uncertain);
    assert_string_equal(a.message, "");
    RUN_UNTIL(&w, w.answers >= answers + 3);
    assert_int_equal(w.failures, 0);
    world_close(&w);
}

/* Some are always ready, so that they could keep the one slot to themselves. */
static void ask_again(struct request *rq, const struct request_end *end)
{
    struct asking *a = CONTAINER_OF(rq, struct asking, request);
    assert_int_equal(end->status, PIPEPOLL_OK);
    assert_int_equal(a->world->poller->schedule.in_flight, 0);
    a->done++;
    if (a->world->answers < a->enough)
        assert_int_equal(request_start(rq, a->world->poller, a->world->target->client, NULL), 0);
}

static void one_slot_serves_polls_and_requests_by_turns(void **state)
{
    enum { MANY = 8, POLLS = 30 };
    static struct asking a[MANY];
    struct world w;
    unsigned done = 0;
    memset(a, 0, sizeof a);
    world_open(&w, 1);
    find_job(&w, STR("{}"));
    for (int i = 0; i < MANY; i++) {
        a[i].enough = w.answers + POLLS;
        ask(&w, &a[i]);
        a[i].request.on_done = ask_again;
    }
    RUN_UNTIL(&w, w.answers >= a[0].enough);
    RUN_UNTIL(&w, list_empty(&w.poller->requests));
    for (int i = 0; i < MANY; i++)
        done += a[i].done;
    assert_true(done >= POLLS / 2);
    world_close(&w);
}

static void assert_refused(str job_id, str token, enum job_refusal meaning, const char *code)
{
    struct world w;
    struct asking a = { 0 };
    world_open(&w, 0);
    find_job(&w, STR("{}"));
    a.job = (struct job_input) { job_id.len ? job_id : str_of(w.job_id),
                                 token.len ? token : str_of(w.token) };
    run(&w, &a);
    assert_int_equal(a.end.status, PIPEPOLL_EREFUSED);
    assert_int_equal(a.end.meaning, meaning);
    assert_int_equal(a.end.attempts, 1);
    assert_int_equal(w.served, 1);
    assert_string_equal(a.code, code);
    assert_int_equal(a.end.http_status, 400);
    assert_false(a.end.is_uncertain);
    assert_non_null(a.message[0] ? a.message : NULL);
    RUN_UNTIL(&w, w.answers >= 5);
    assert_int_equal(w.failures, 0);
    world_close(&w);
}

static void a_wrong_client_token_and_an_unknown_job_are_told_apart(void **state)
{
    assert_refused(STR(""), STR("token-wrong"), JOB_CLIENT_TOKEN_WRONG,
                   "InvalidClientTokenException");
    assert_refused(STR("nobody's"), STR(""), JOB_UNKNOWN, "JobNotFoundException");
}

static void an_input_against_the_model_is_refused_before_it_is_sent(void **state)
{
    struct world w;
    struct asking a = { 0 };
    struct pipepoll_error why;
    world_open(&w, 0);
    find_job(&w, STR("{}"));
    a.job = (struct job_input) { str_of(w.job_id), STR("") };
    a.request =
        (struct request) { .operation = &operation_get_third_party_job_details, .input = &a.job };
    assert_int_equal(request_start(&a.request, w.poller, w.target->client, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text, "clientToken has 0 characters, not 1 to 256");
    world_close(&w);
    assert_int_equal(w.served, 0);
}

static void faults(struct world *w, const struct sim_faults *t)
{
    assert_int_equal(sim_faults_set(w->sim, &(struct sim_scope) { 0 }, t, NULL), 0);
}

/* Polls of 1 ms use up the one request a second, so that the first attempt meets throttling. */
static void throttle(struct world *w)
{
    faults(w, &(struct sim_faults) { .throttle_per_s = 1 });
    RUN_UNTIL(w, w->failures);
    assert_int_equal(w->status, PIPEPOLL_ETHROTTLED);
}

static void a_throttled_request_is_asked_again_and_answered(void **state)
{
    struct world w;
    struct asking a = { .look = NULL };
    world_open(&w, 0);
    find_job(&w, STR("{}"));
    throttle(&w);
    w.stop_faults = true;
    while (!w.throttled) { /* one may be the first of a second, and is not throttled */
        a = (struct asking) { 0 };
        run(&w, &a);
        assert_int_equal(a.end.status, PIPEPOLL_OK);
    }
    assert_int_equal(a.end.attempts, 2);
    world_close(&w);
}

static void a_request_that_stays_throttled_ends_by_its_deadline(void **state)
{
    struct world w;
    struct asking a;
    world_open(&w, 0);
    find_job(&w, STR("{}"));
    throttle(&w);
    do {
        a = (struct asking) { .request.deadline_ms = 1 };
        run(&w, &a);
    } while (a.end.status == PIPEPOLL_OK);
    assert_int_equal(a.end.status, PIPEPOLL_ETHROTTLED);
    assert_string_equal(a.code, "ThrottlingException");
    assert_false(a.end.is_uncertain); /* it was not looked at */
    world_close(&w);
}

/* --- large ones --- */

enum { PROPERTIES = 400, VALUE_LEN = 1000 };

static char *large_configuration(void)
{
    size_t size = PROPERTIES * (VALUE_LEN + 32), len = 1;
    char *text = malloc(size);
    assert_non_null(text);
    text[0] = '{';
    for (int i = 0; i < PROPERTIES; i++) {
        len += (size_t)sprintf(text + len, "%s\"key-%d\":\"", i ? "," : "", i);
        memset(text + len, 'a' + i % 26, VALUE_LEN);
        len += VALUE_LEN;
        text[len++] = '"';
    }
    strcpy(text + len, "}");
    return text;
}

static void see_the_large_one(struct asking *a)
{
    const struct job_data *data = &a->details.data;
    assert_int_equal(data->configuration.count, PROPERTIES);
    for (size_t i = 0; i < PROPERTIES; i++) {
        str value = job_property(data, i)->value;
        assert_int_equal(value.len, VALUE_LEN);
        assert_int_equal(value.ptr[VALUE_LEN - 1], 'a' + i % 26);
    }
    assert_true(watched_held(&a->world->memory) > PROPERTIES * VALUE_LEN);
}

static void an_answer_of_400_kib_arrives_whole_and_its_memory_goes_with_it(void **state)
{
    struct world w;
    struct asking a = { .look = see_the_large_one };
    char *configuration = large_configuration();
    world_open(&w, 0);
    find_job(&w, str_of(configuration));
    RUN_UNTIL(&w, w.answers >= 5);
    size_t before = watched_held(&w.memory);
    run(&w, &a);
    assert_int_equal(a.end.status, PIPEPOLL_OK);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_in_range(watched_held(&w.memory), 0, before + (96 << 10));
    world_close(&w);
    free(configuration);
}

/* The same operation, with a member that nobody knows and that makes the body 256 KiB. */
static void encode_padded(struct buf *out, const void *input)
{
    static const size_t frame = sizeof ",\"padding\":\"\"" - 1;
    operation_get_third_party_job_details.encode(out, input);
    if (out->overflow)
        return;
    out->len--; /* the last brace */
    buf_put(out, STR(",\"padding\":\""));
    size_t padding = OPERATION_BODY_MAX - out->len - (frame - 12) - 1;
    for (size_t i = 0; i < padding; i++)
        buf_put(out, STR("x"));
    buf_put(out, STR("\"}"));
}

static void a_request_of_256_kib_goes_and_its_memory_goes_with_it(void **state)
{
    struct operation padded = operation_get_third_party_job_details;
    struct world w;
    struct asking a = { .request.operation = &padded };
    padded.encode = encode_padded;
    world_open(&w, 0);
    find_job(&w, STR("{}"));
    RUN_UNTIL(&w, w.answers >= 5);
    size_t before = watched_held(&w.memory);
    run(&w, &a);
    assert_string_equal(a.message, "");
    assert_int_equal(a.end.status, PIPEPOLL_OK);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_in_range(watched_held(&w.memory), 0, before + (96 << 10));
    world_close(&w);
}

/* --- the end --- */

static void closing_waits_for_what_is_in_flight_and_ends_what_waits(void **state)
{
    struct world w;
    struct asking flies = { 0 }, waits = { 0 };
    struct sim_stats stats;
    world_open(&w, 1);
    find_job(&w, STR("{}"));
    pipepoll_target_remove(w.target);
    struct client *client = client_ref(w.target->client);
    RUN_UNTIL(&w, !w.poller->stats.targets);
    faults(&w, &(struct sim_faults) { .latency_ms = 100 });
    flies.job = waits.job = (struct job_input) { str_of(w.job_id), str_of(w.token) };
    flies.request = waits.request =
        (struct request) { .operation = &operation_get_third_party_job_details };
    flies.request.input = waits.request.input = &flies.job;
    flies.request.result = &flies.details;
    waits.request.result = &waits.details;
    flies.request.on_done = waits.request.on_done = on_details;
    sim_stats(w.sim, &stats);
    uint64_t requests = stats.requests;
    assert_int_equal(request_start(&flies.request, w.poller, client, NULL), 0);
    assert_int_equal(request_start(&waits.request, w.poller, client, NULL), 0);
    client_leave(&w.poller->clients, client); /* the requests keep it */
    for (; stats.requests == requests; sim_stats(w.sim, &stats))
        uv_run(&w.loop, UV_RUN_ONCE);
    pipepoll_close(w.poller, count_close, &w.closed);
    RUN_UNTIL(&w, waits.done);
    assert_int_equal(waits.end.status, PIPEPOLL_ECLOSING);
    assert_int_equal(waits.end.attempts, 0);
    assert_int_equal(flies.done, 0);
    assert_int_equal(w.closed, 0);
    assert_int_equal(request_start(&waits.request, w.poller, flies.request.client, NULL),
                     PIPEPOLL_ECLOSING);
    RUN_UNTIL(&w, w.closed);
    assert_int_equal(flies.done, 1);
    assert_int_equal(flies.end.status, PIPEPOLL_OK);
    assert_str_equal(flies.details.id.len ? STR("answered") : STR(""), "answered");
    world_close(&w);
}

/* --- what is left --- */

static void see_the_secrets(struct asking *a)
{
    assert_int_not_equal(
        watched_blocks_with(&a->world->memory, a->world->memory.secrets) || !!under_valgrind(), 0);
}

/* Every block that the library holds is looked at, and each that it gives back. */
static void nothing_is_left_of_what_was_secret(void **state)
{
    static const char *secrets[] = {
        NULL,     "simulated-secret-of-ASIA", "simulated-session-of-ASIA",
        "\"ASIA", "configured-password",      NULL
    };
    struct world w;
    struct asking a = { .look = see_the_secrets }, b = { 0 };
    world_open(&w, 0);
    find_job(&w, STR("{\"Password\":\"configured-\\u0070assword\"}"));
    secrets[0] = w.token;
    w.memory.secrets = secrets;
    run(&w, &a);
    assert_int_equal(a.end.status, PIPEPOLL_OK);
    assert_int_equal(watched_blocks_with(&w.memory, secrets), 0);
    b.job = (struct job_input) { STR("nobody's"), str_of(w.token) };
    run(&w, &b); /* an error leaves none either */
    assert_int_equal(b.end.meaning, JOB_UNKNOWN);
    assert_int_equal(watched_blocks_with(&w.memory, secrets), 0);
    world_close(&w);
}

static int check_nothing(const void *input, struct pipepoll_error *why)
{
    return 0;
}

/* The service quotes a value that breaks a rule. */
static void a_token_that_the_service_quotes_is_hidden(void **state)
{
    struct operation unchecked = operation_get_third_party_job_details;
    struct world w;
    struct asking a = { .request.operation = &unchecked };
    char token[300];
    unchecked.check = check_nothing;
    memset(token, 's', sizeof token - 1);
    token[sizeof token - 1] = '\0';
    world_open(&w, 0);
    find_job(&w, STR("{}"));
    a.job = (struct job_input) { str_of(w.job_id), str_of(token) };
    run(&w, &a);
    assert_string_equal(a.code, "ValidationException");
    assert_int_equal(a.end.meaning, JOB_INPUT_INVALID);
    assert_non_null(strstr(a.message, "Value '*****"));
    assert_null(strstr(a.message, "ssss"));
    world_close(&w);
}

int main(void)
{
    alone();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_details_of_a_job_arrive_while_polls_go_on),
        cmocka_unit_test(one_slot_serves_polls_and_requests_by_turns),
        cmocka_unit_test(a_wrong_client_token_and_an_unknown_job_are_told_apart),
        cmocka_unit_test(an_input_against_the_model_is_refused_before_it_is_sent),
        cmocka_unit_test(a_throttled_request_is_asked_again_and_answered),
        cmocka_unit_test(a_request_that_stays_throttled_ends_by_its_deadline),
        cmocka_unit_test(an_answer_of_400_kib_arrives_whole_and_its_memory_goes_with_it),
        cmocka_unit_test(a_request_of_256_kib_goes_and_its_memory_goes_with_it),
        cmocka_unit_test(closing_waits_for_what_is_in_flight_and_ends_what_waits),
        cmocka_unit_test(nothing_is_left_of_what_was_secret),
        cmocka_unit_test(a_token_that_the_service_quotes_is_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
