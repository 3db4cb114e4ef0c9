/* SPDX-License-Identifier: MIT */
/* What the service answers to a worker: both families, without a wire, on a clock of the test's
 * own. */
#include "sim/api_call.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/check.h"
#include "sim/client_tokens.h"
#include "sim/validate.h"

#define SECOND_NS UINT64_C(1000000000)

struct world {
    struct service *service;
    struct client_tokens tokens;
    struct api api;
    uint64_t now_ns;
    char id[40], client_id[40], nonce[24];
    struct refusal refusal; /* of the last request; code NULL: none */
    char answer[4096];
};

static struct sim_scope scope_of(bool third_party)
{
    return (struct sim_scope) {
        STR("eu-west-1"),
        { STR("Build"), third_party ? STR("ThirdParty") : STR("Custom"), STR("Acme"), STR("1") },
    };
}

static void world_open(struct world *w, struct sim_undocumented undocumented)
{
    *w = (struct world) { .now_ns = SECOND_NS };
    undocumented.job_timeout_ms = 600000;
    undocumented.artifact_credentials_ms = 3600000;
    assert_int_equal(service_new(&w->service,
                                 &(struct service_options) { .lease_ns = 60 * SECOND_NS,
                                                             .default_batch = 10,
                                                             .queue_max = 100,
                                                             .ledger_max = 1000,
                                                             .over_max = 100,
                                                             .undocumented = undocumented,
                                                             .arrivals = { .seed = 7 } },
                                 NULL),
                     0);
    w->api = (struct api) {
        .service = w->service,
        .client_tokens = &w->tokens,
        .acknowledge_without_status = undocumented.acknowledge_without_status,
    };
}

static void world_close(struct world *w)
{
    client_tokens_deinit(&w->tokens);
    service_free(w->service);
}

static void take(void *ctx, const struct service_job *job)
{
    struct world *w = ctx;
    snprintf(w->id, sizeof w->id, "%.*s", STR_ARG(job->id));
    snprintf(w->client_id, sizeof w->client_id, "%.*s", STR_ARG(job->client_id));
    snprintf(w->nonce, sizeof w->nonce, "%llu", (unsigned long long)job->nonce);
}

static void poll_one(struct world *w, bool third_party)
{
    struct sim_scope scope = scope_of(third_party);
    w->id[0] = '\0';
    service_poll(
        w->service,
        &(struct service_poll) { .scope = &scope, .max_batch = 1, .visit = take, .ctx = w },
        w->now_ns);
}

/* One comes in and is handed out. */
static void hand_out(struct world *w, bool third_party)
{
    struct sim_scope scope = scope_of(third_party);
    static const struct service_job_data data = { .configuration =
                                                      STR_INIT("{\"Project\":\"P\"}") };
    const struct service_jobs jobs = { .scope = &scope, .count = 1, .data = &data };
    assert_int_equal(service_jobs_add(w->service, &jobs, w->now_ns, NULL), 0);
    poll_one(w, third_party);
    assert_int_equal(strlen(w->id), 36);
}

/* True: the answer is in w->answer; false: the refusal is in w->refusal. */
static bool send_body(struct world *w, enum model_operation op, const char *body)
{
    struct reply reply = { .request_id = { "aaaaaaaa-aaaa-4aaa-aaaa-aaaaaaaaaaaa" } };
    struct api_call c = {
        .api = &w->api,
        .op = op,
        .when.now_ns = w->now_ns,
        .reply = &reply,
        .document = validate_document(str_of(body)),
        .scope.region = STR("eu-west-1"),
    };
    bool ok = api_job_answer(&c);
    w->refusal = c.refusal;
    if (ok)
        snprintf(w->answer, sizeof w->answer, "%s", reply.body);
    json_decref(c.document);
    http_message_reply_deinit(&reply);
    return ok;
}

/* Of the last job, by its right token; more is what follows, as ",\"nonce\":\"1\"". */
static bool ask(struct world *w, enum model_operation op, const char *more)
{
    char body[1024];
    int n = model_is_third_party(op)
                ? snprintf(body, sizeof body, "{\"jobId\":\"%s\",\"clientToken\":\"token-%s\"%s}",
                           w->id, w->client_id, more)
                : snprintf(body, sizeof body, "{\"jobId\":\"%s\"%s}", w->id, more);
    assert_in_range(n, 1, sizeof body - 1);
    return send_body(w, op, body);
}

static void assert_answered(struct world *w, bool ok, const char *part)
{
    if (!ok || !strstr(w->answer, part))
        fail_msg("%s: %s has no %s", ok ? "answered" : w->refusal.code, w->answer, part);
}

static void assert_refused(struct world *w, bool ok, const char *code)
{
    assert_false(ok);
    assert_string_equal(w->refusal.code, code);
    assert_int_equal(w->refusal.status, 400);
}

/* The operations of a family. */
struct family {
    bool third_party;
    enum model_operation details, acknowledge, success, failure;
};
static const struct family families[] = {
    { false, MODEL_GET_JOB_DETAILS, MODEL_ACKNOWLEDGE_JOB, MODEL_PUT_JOB_SUCCESS_RESULT,
      MODEL_PUT_JOB_FAILURE_RESULT },
    { true, MODEL_GET_THIRD_PARTY_JOB_DETAILS, MODEL_ACKNOWLEDGE_THIRD_PARTY_JOB,
      MODEL_PUT_THIRD_PARTY_JOB_SUCCESS_RESULT, MODEL_PUT_THIRD_PARTY_JOB_FAILURE_RESULT },
};
enum { FAMILIES = sizeof families / sizeof *families };

#define NONCE_1 ",\"nonce\":\"1\""
#define FAILURE ",\"failureDetails\":{\"type\":\"JobFailed\",\"message\":\"m\"}"

static void a_job_is_claimed_and_reported_once(void **state)
{
    for (size_t i = 0; i < FAMILIES; i++) {
        const struct family *f = &families[i];
        struct world w;
        world_open(&w, (struct sim_undocumented) { 0 });
        hand_out(&w, f->third_party);
        assert_answered(&w, ask(&w, f->details, ""), "\"configuration\":{\"Project\":\"P\"}");
        assert_answered(&w, ask(&w, f->details, ""),
                        f->third_party ? "\"nonce\":\"1\"" : "\"accountId\":\"111111111111\"");
        assert_refused(&w, ask(&w, f->success, ""), "InvalidJobStateException");
        assert_refused(&w, ask(&w, f->acknowledge, ",\"nonce\":\"2\""), "InvalidNonceException");
        assert_answered(&w, ask(&w, f->acknowledge, NONCE_1), "{\"status\":\"InProgress\"}");
        assert_refused(&w, ask(&w, f->acknowledge, NONCE_1), "InvalidNonceException");
        assert_answered(&w, ask(&w, f->details, ""), "\"accessKeyId\":\"ASIA");
        assert_answered(&w, ask(&w, f->success, ",\"executionDetails\":{\"summary\":\"s\"}"), "{}");
        assert_refused(&w, ask(&w, f->success, ""), "InvalidJobStateException");
        assert_refused(&w, ask(&w, f->failure, FAILURE), "InvalidJobStateException");
        assert_refused(&w, ask(&w, f->details, ""), "JobNotFoundException");
        world_close(&w);
    }
}

static void a_failure_ends_a_job_too(void **state)
{
    for (size_t i = 0; i < FAMILIES; i++) {
        const struct family *f = &families[i];
        struct world w;
        world_open(&w, (struct sim_undocumented) { 0 });
        hand_out(&w, f->third_party);
        ask(&w, f->acknowledge, NONCE_1);
        assert_refused(&w, ask(&w, f->failure, ""), "ValidationException");
        assert_answered(&w, ask(&w, f->failure, FAILURE), "{}");
        assert_refused(&w, ask(&w, f->success, ""), "InvalidJobStateException");
        struct service_job job;
        struct sim_scope scope;
        assert_true(service_job(w.service, str_of(w.id), &job, &scope, w.now_ns));
        assert_int_equal(job.state, JOB_FAILED);
        assert_str_equal(job.result,
                         "{\"failureDetails\":{\"type\":\"JobFailed\",\"message\":\"m\"}}");
        world_close(&w);
    }
}

static void a_continuation_comes_back_with_its_token(void **state)
{
    for (size_t i = 0; i < FAMILIES; i++) {
        const struct family *f = &families[i];
        struct world w;
        char first[40], client_id[40];
        world_open(&w, (struct sim_undocumented) { 0 });
        hand_out(&w, f->third_party);
        memcpy(first, w.id, sizeof first);
        memcpy(client_id, w.client_id, sizeof client_id);
        ask(&w, f->acknowledge, NONCE_1);
        assert_answered(&w, ask(&w, f->success, ",\"continuationToken\":\"go on\""), "{}");
        poll_one(&w, f->third_party);
        assert_string_not_equal(w.id, first);
        assert_string_equal(w.client_id, client_id);
        assert_answered(&w, ask(&w, f->details, ""), "\"continuationToken\":\"go on\"");
        char execution[64];
        snprintf(execution, sizeof execution, "\"actionExecutionId\":\"%s\"", first);
        assert_answered(&w, ask(&w, f->details, ""), execution);
        assert_answered(&w, ask(&w, f->acknowledge, NONCE_1), "InProgress");
        world_close(&w);
    }
}

static void each_family_knows_its_own_jobs_alone(void **state)
{
    struct world w;
    world_open(&w, (struct sim_undocumented) { 0 });
    for (size_t i = 0; i < FAMILIES; i++) {
        const struct family *other = &families[1 - i];
        hand_out(&w, families[i].third_party);
        assert_refused(&w, ask(&w, other->details, ""),
                       other->third_party ? "InvalidJobException" : "JobNotFoundException");
        assert_refused(&w, ask(&w, other->acknowledge, NONCE_1), "JobNotFoundException");
        assert_refused(&w, ask(&w, other->success, ""), "JobNotFoundException");
        assert_refused(&w, ask(&w, other->failure, FAILURE), "JobNotFoundException");
    }
    world_close(&w);
}

static void every_third_party_operation_wants_the_clients_token(void **state)
{
    static const char *const more[] = { "", NONCE_1, "", FAILURE };
    const struct family *f = &families[1];
    const enum model_operation ops[] = { f->details, f->acknowledge, f->success, f->failure };
    struct world w;
    world_open(&w, (struct sim_undocumented) { 0 });
    hand_out(&w, true);
    for (size_t i = 0; i < 4; i++) {
        char body[512];
        snprintf(body, sizeof body, "{\"jobId\":\"%s\",\"clientToken\":\"wrong\"%s}", w.id,
                 more[i]);
        assert_refused(&w, send_body(&w, ops[i], body), "InvalidClientTokenException");
        snprintf(body, sizeof body, "{\"jobId\":\"other\",\"clientToken\":\"wrong\"%s}", more[i]);
        assert_refused(&w, send_body(&w, ops[i], body), "JobNotFoundException");
    }
    char text[80], body[256];
    snprintf(text, sizeof text, "%s of-the-file\n", w.client_id);
    assert_int_equal(client_tokens_read(&w.tokens, str_of(text), NULL), 0);
    assert_refused(&w, ask(&w, f->acknowledge, NONCE_1), "InvalidClientTokenException");
    snprintf(body, sizeof body, "{\"jobId\":\"%s\",\"clientToken\":\"of-the-file\"" NONCE_1 "}",
             w.id);
    assert_answered(&w, send_body(&w, f->acknowledge, body), "InProgress");
    world_close(&w);
}

static void what_is_not_documented_is_an_option(void **state)
{
    struct world w;
    world_open(&w, (struct sim_undocumented) { .repeated_nonce = SIM_NONCE_STATUS,
                                               .wrong_nonce = SIM_NONCE_STATUS });
    hand_out(&w, false);
    assert_answered(&w, ask(&w, MODEL_ACKNOWLEDGE_JOB, ",\"nonce\":\"9\""), "\"Dispatched\"");
    assert_answered(&w, ask(&w, MODEL_ACKNOWLEDGE_JOB, NONCE_1), "\"InProgress\"");
    assert_answered(&w, ask(&w, MODEL_ACKNOWLEDGE_JOB, NONCE_1), "\"InProgress\"");
    ask(&w, MODEL_PUT_JOB_SUCCESS_RESULT, "");
    assert_answered(&w, ask(&w, MODEL_ACKNOWLEDGE_JOB, NONCE_1), "\"Succeeded\"");
    world_close(&w);
    world_open(&w, (struct sim_undocumented) { .acknowledge_without_status = true });
    hand_out(&w, false);
    ask(&w, MODEL_ACKNOWLEDGE_JOB, NONCE_1);
    assert_string_equal(w.answer, "{}");
    world_close(&w);
}

static void a_result_after_the_time_out_comes_too_late(void **state)
{
    struct world w;
    world_open(&w, (struct sim_undocumented) { 0 });
    hand_out(&w, true);
    ask(&w, MODEL_ACKNOWLEDGE_THIRD_PARTY_JOB, NONCE_1);
    w.now_ns += 600 * SECOND_NS;
    assert_refused(&w, ask(&w, MODEL_PUT_THIRD_PARTY_JOB_SUCCESS_RESULT, ""),
                   "InvalidJobStateException");
    world_close(&w);
}

static void output_variables_are_bounded_in_all(void **state)
{
    enum { MAX = 122880 };
    struct world w;
    char *body = malloc(MAX + 256);
    assert_non_null(body);
    world_open(&w, (struct sim_undocumented) { 0 });
    hand_out(&w, false);
    ask(&w, MODEL_ACKNOWLEDGE_JOB, NONCE_1);
    int head = snprintf(body, 256, "{\"jobId\":\"%s\",\"outputVariables\":{\"a\":\"", w.id);
    memset(body + head, 'v', MAX);
    memcpy(body + head + MAX, "\"}}", 4); /* and the name: one byte too many */
    assert_refused(&w, send_body(&w, MODEL_PUT_JOB_SUCCESS_RESULT, body),
                   "OutputVariablesSizeExceededException");
    memcpy(body + head + MAX - 1, "\"}}", 4);
    assert_answered(&w, send_body(&w, MODEL_PUT_JOB_SUCCESS_RESULT, body), "{}");
    free(body);
    world_close(&w);
}

static void a_job_of_another_region_is_not_known(void **state)
{
    struct world w;
    world_open(&w, (struct sim_undocumented) { 0 });
    struct sim_scope scope = scope_of(false);
    scope.region = STR("us-east-1");
    assert_int_equal(service_jobs_add(w.service,
                                      &(struct service_jobs) { .scope = &scope, .count = 1 },
                                      w.now_ns, NULL),
                     0);
    service_poll(w.service, &(struct service_poll) { .scope = &scope, .visit = take, .ctx = &w },
                 w.now_ns);
    assert_refused(&w, ask(&w, MODEL_ACKNOWLEDGE_JOB, NONCE_1), "JobNotFoundException");
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_claimed_and_reported_once),
        cmocka_unit_test(a_failure_ends_a_job_too),
        cmocka_unit_test(a_continuation_comes_back_with_its_token),
        cmocka_unit_test(each_family_knows_its_own_jobs_alone),
        cmocka_unit_test(every_third_party_operation_wants_the_clients_token),
        cmocka_unit_test(what_is_not_documented_is_an_option),
        cmocka_unit_test(a_result_after_the_time_out_comes_too_late),
        cmocka_unit_test(output_variables_are_bounded_in_all),
        cmocka_unit_test(a_job_of_another_region_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
