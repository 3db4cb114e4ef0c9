/* SPDX-License-Identifier: MIT */
/* Custom actions over the real poller and against the simulated service by TLS: a target of owner
 * Custom is polled by PollForJobs, and what its answer brought is enough for the whole life of a
 * job. What was secret is in no memory afterwards. */
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

struct world {
    struct pipepoll_sink sink;
    uv_loop_t loop;
    struct sim *sim;
    struct pipepoll *poller;
    struct pipepoll_target *target;
    char ca[SIMULATED_PATH_SIZE], job_id[64], nonce[64], account_id[64], operation[64],
        message[512];
    size_t client_id_len;
    unsigned answers, jobs, failures, closed;
    int status;
    struct watched_memory memory;
    struct request request;
    struct request_end end;
    unsigned done;
    void (*look)(const void *result); /* while it is there */
};

static void keep(char *out, size_t size, str text)
{
    snprintf(out, size, "%.*s", STR_ARG(text));
}

static void sink_deliver(struct pipepoll_sink *self, struct pipepoll_target *from,
                         const struct pipepoll_answer *a)
{
    struct world *w = (struct world *)self;
    const struct pipepoll_job *job = pipepoll_job_at(a, 0);
    w->answers++;
    w->jobs += (unsigned)a->job_count;
    if (!job)
        return;
    assert_true(a->job_size >= offsetof(struct pipepoll_job, account_id) + sizeof(str));
    keep(w->job_id, sizeof w->job_id, job->job_id);
    keep(w->nonce, sizeof w->nonce, job->nonce);
    keep(w->account_id, sizeof w->account_id, job->account_id);
    w->client_id_len = job->client_id.len;
}

static void sink_failed(struct pipepoll_sink *self, struct pipepoll_target *from,
                        const struct pipepoll_failure *f)
{
    struct world *w = (struct world *)self;
    w->failures++;
    w->status = f->status;
    keep(w->message, sizeof w->message, f->message);
}

static void count_close(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void on_served(void *ctx, const struct sim_served *what)
{
    struct world *w = ctx;
    keep(w->operation, sizeof w->operation, what->operation);
}

static void world_open(struct world *w)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct sim_options so = { .served = on_served, .ctx = w };
    *w = (struct world) { .sink = PIPEPOLL_SINK_INIT };
    w->sink.deliver = sink_deliver;
    w->sink.failed = sink_failed;
    uv_loop_init(&w->loop);
    simulated_open(&w->sim, &w->loop, &so, w->ca);
    o.sink = &w->sink;
    o.ca_bundle = str_of(w->ca);
    o.seed = 7;
    o.resize = watched_resize;
    o.resize_ctx = &w->memory;
    o.credentials = simulated_credentials(NULL);
    assert_int_equal(pipepoll_open(&w->poller, &w->loop, &o, NULL), 0);
    pipepoll_credentials_unref(o.credentials);
}

static struct pipepoll_target_options options(const struct world *w)
{
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    o.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("Custom"), STR("Acme"), STR("1") };
    o.region = STR("us-east-1");
    o.endpoint_url = str_of(sim_url(w->sim));
    o.interval_ms = 5;
    return o;
}

static void find_job(struct world *w, str configuration)
{
    const struct sim_scope scope = { .action_type.owner = STR("Custom") };
    struct pipepoll_target_options o = options(w);
    assert_int_equal(sim_job_add(w->sim, &scope, configuration, NULL), 0);
    assert_int_equal(pipepoll_target_add(w->poller, &o, &w->target, NULL), 0);
    RUN_UNTIL(w, w->jobs);
}

static void world_close(struct world *w)
{
    pipepoll_close(w->poller, count_close, &w->closed);
    RUN_UNTIL(w, w->closed);
    sim_close(w->sim, count_close, &w->closed);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(w->memory.leaks, 0);
    unlink(w->ca);
}

static void on_done(struct request *rq, const struct request_end *end)
{
    struct world *w = CONTAINER_OF(rq, struct world, request);
    w->end = *end;
    keep(w->message, sizeof w->message, end->message);
    if (!end->status && w->look)
        w->look(rq->result);
    w->done++;
}

/* Its meaning, or 0. */
static int ask(struct world *w, const struct operation *operation, const void *input, void *result)
{
    w->done = 0;
    w->request = (struct request) {
        .operation = operation, .input = input, .result = result, .on_done = on_done
    };
    assert_int_equal(request_start(&w->request, w->poller, w->target->client, NULL), 0);
    RUN_UNTIL(w, w->done);
    assert_int_equal(w->end.status, w->end.meaning ? PIPEPOLL_EREFUSED : PIPEPOLL_OK);
    return w->end.meaning;
}

static void a_target_of_owner_custom_is_polled_for_custom_jobs(void **state)
{
    struct world w;
    world_open(&w);
    find_job(&w, STR("{}"));
    assert_int_equal(strlen(w.job_id), 36);
    assert_string_equal(w.nonce, "1");
    assert_string_equal(w.account_id, "111111111111");
    assert_int_equal(w.client_id_len, 0);
    assert_string_equal(w.operation, "PollForJobs");
    unsigned answers = w.answers;
    RUN_UNTIL(&w, w.answers >= answers + 3);
    assert_int_equal(w.failures, 0);
    world_close(&w);
}

static void see_details(const void *result)
{
    const struct job_details *d = result;
    assert_str_equal(d->account_id, "111111111111");
    assert_null(d->nonce.ptr);
    assert_str_equal(job_property(&d->data, 0)->value, "P1");
    assert_true(
        str_starts(d->data.artifact_credentials.session_token, STR("simulated-session-of-")));
}

static void what_a_poll_brought_is_enough_for_the_life_of_a_job(void **state)
{
    static const struct variable_input variable = { STR_INIT("Image"), STR_INIT("a/b:1\n") };
    struct job_details details;
    enum job_status status = JOB_STATUS_ABSENT;
    struct world w;
    world_open(&w);
    find_job(&w, STR("{\"Project\":\"P1\"}"));
    const struct job_input job = { str_of(w.job_id), STR("") };
    const struct acknowledge_input wrong = { str_of(w.job_id), STR(""), STR("other") };
    const struct acknowledge_input right = { str_of(w.job_id), STR(""), str_of(w.nonce) };
    const struct success_input success = { .job_id = str_of(w.job_id),
                                           .variables = &variable,
                                           .variable_count = 1 };
    const struct failure_input failure = { .job_id = str_of(w.job_id),
                                           .type = STR("JobFailed"),
                                           .message = STR("m") };
    w.look = see_details;
    assert_int_equal(ask(&w, &operation_get_job_details, &job, &details), 0);
    w.look = NULL;
    assert_int_equal(ask(&w, &operation_put_job_success_result, &success, NULL),
                     JOB_STATE_INVALID); /* it is nobody's yet */
    assert_int_equal(ask(&w, &operation_acknowledge_job, &wrong, &status), JOB_NONCE_INVALID);
    assert_int_equal(ask(&w, &operation_acknowledge_job, &right, &status), 0);
    assert_int_equal(status, JOB_STATUS_IN_PROGRESS);
    assert_int_equal(ask(&w, &operation_put_job_success_result, &success, NULL), 0);
    assert_int_equal(ask(&w, &operation_put_job_failure_result, &failure, NULL), JOB_STATE_INVALID);
    const struct job_input nobodys = { STR("0123abcd-4567-89ef-0123-456789abcdef"), STR("") };
    assert_int_equal(ask(&w, &operation_get_job_details, &nobodys, &details), JOB_UNKNOWN);
    world_close(&w);
}

static void nothing_is_left_of_what_the_poll_brought(void **state)
{
    static const char *const secrets[] = { "simulated-session-of-", "a-password-of-theirs", NULL };
    struct world w;
    world_open(&w);
    w.memory.secrets = secrets;
    find_job(&w, STR("{\"Password\":\"a-password-of-theirs\"}"));
    assert_int_equal(watched_blocks_with(&w.memory, secrets), 0);
    world_close(&w);
}

static void a_query_goes_along_with_each_poll(void **state)
{
    const struct sim_scope scope = { .action_type.owner = STR("Custom") };
    struct world w;
    world_open(&w);
    struct pipepoll_target_options o = options(&w);
    o.query_param = (struct pipepoll_query_param) { STR("Project"), STR("P1") };
    assert_int_equal(pipepoll_target_add(w.poller, &o, &w.target, NULL), 0);
    assert_str_equal(w.target->query_param.key, "Project");
    assert_str_equal(w.target->query_param.value, "P1");
    assert_int_equal(sim_job_add(w.sim, &scope, STR("{\"Project\":\"P1\"}"), NULL), 0);
    RUN_UNTIL(&w, w.failures || w.jobs);
    assert_int_equal(w.failures, 1);
    assert_int_equal(w.status, PIPEPOLL_EREFUSED);
    assert_string_equal(w.message, "The action type has no queryable property");
    world_close(&w);
}

static void a_query_is_for_custom_jobs_and_aws_has_none(void **state)
{
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    struct pipepoll_error why;
    o.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") };
    o.region = STR("us-east-1");
    o.query_param = (struct pipepoll_query_param) { STR("k"), STR("v") };
    assert_int_equal(pipepoll_target_check(&o, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text,
                        "query_param goes with owner \"Custom\" only: jobs of third-party "
                        "actions cannot be queried");
    o.action_type.owner = STR("Custom");
    assert_int_equal(pipepoll_target_check(&o, &why), 0);
    o.query_param.value = STR("a b");
    assert_int_equal(pipepoll_target_check(&o, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text,
                        "the value of queryParam \"a b\" is not 1 to 50 of a-z, A-Z, 0-9, "
                        "'_' and '-'");
    o.action_type.owner = STR("AWS");
    assert_int_equal(pipepoll_target_check(&o, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "owner \"AWS\" has no jobs for others"));
}

int main(void)
{
    static const char *const names[] = { "http_proxy", "HTTPS_PROXY", "https_proxy",
                                         "ALL_PROXY",  "all_proxy",   "AWS_CA_BUNDLE" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_of_owner_custom_is_polled_for_custom_jobs),
        cmocka_unit_test(what_a_poll_brought_is_enough_for_the_life_of_a_job),
        cmocka_unit_test(nothing_is_left_of_what_the_poll_brought),
        cmocka_unit_test(a_query_goes_along_with_each_poll),
        cmocka_unit_test(a_query_is_for_custom_jobs_and_aws_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
