/* SPDX-License-Identifier: MIT */
/* Poller and simulated service on one loop: TLS, signatures, regions, leases and faults. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <uv.h>

#include "lib/alone.h"
#include "lib/simulated.h"

enum { JOBS_MAX = 512 };

/* Both sides, and which jobs were found. */
struct world {
    struct pipepoll_sink sink;
    uv_loop_t loop;
    struct sim *sim;
    struct pipepoll *poller;
    char ca[SIMULATED_PATH_SIZE];
    unsigned answers, jobs, twice, failures, closed;
    char found[JOBS_MAX][40];
    int status, http_status; /* of the last failure */
    char code[64], message[256];
};

static void keep(struct world *w, str job_id)
{
    bool is_new = true;
    for (unsigned i = 0; i < w->jobs; i++)
        if (str_eq(str_of(w->found[i]), job_id))
            is_new = false;
    w->twice += !is_new;
    assert_true(w->jobs < JOBS_MAX);
    if (is_new)
        snprintf(w->found[w->jobs++], sizeof w->found[0], "%.*s", STR_ARG(job_id));
    sim_job_acknowledge(w->sim, job_id);
}

static uint64_t acknowledged(const struct world *w)
{
    struct sim_stats stats;
    sim_stats(w->sim, &stats);
    return stats.jobs_acknowledged;
}

static void sink_deliver(struct pipepoll_sink *self, struct pipepoll_target *from,
                         const struct pipepoll_answer *a)
{
    struct world *w = (struct world *)self;
    w->answers++;
    for (size_t i = 0; i < a->job_count; i++)
        keep(w, a->jobs[i].job_id);
}

static void sink_failed(struct pipepoll_sink *self, struct pipepoll_target *from,
                        const struct pipepoll_failure *f)
{
    struct world *w = (struct world *)self;
    w->failures++;
    w->status = f->status;
    w->http_status = f->http_status;
    snprintf(w->code, sizeof w->code, "%.*s", STR_ARG(f->code));
    snprintf(w->message, sizeof w->message, "%.*s", STR_ARG(f->message));
}

static void count_close(void *ctx)
{
    struct world *w = ctx;
    w->closed++;
}

/* secret: NULL for the right one; trust: does the client know the certificate? */
static void world_open(struct world *w, struct sim_options *so, const char *secret, bool trust)
{
    *w = (struct world) {
        .sink = { .size = sizeof w->sink, .deliver = sink_deliver, .failed = sink_failed }
    };
    struct pipepoll_error why;
    uv_loop_init(&w->loop);
    simulated_open(&w->sim, &w->loop, so, w->ca);
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    o.sink = &w->sink;
    o.ca_bundle = trust ? str_of(w->ca) : (str) { 0 };
    o.seed = 7;
    o.credentials = simulated_credentials(secret);
    if (pipepoll_open(&w->poller, &w->loop, &o, &why))
        fail_msg("%s", why.text);
    pipepoll_credentials_unref(o.credentials);
}

static struct pipepoll_target_options target_of(const struct world *w, str region, str category)
{
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    o.action_type =
        (struct pipepoll_action_type) { category, STR("ThirdParty"), STR("Acme"), STR("1") };
    o.region = region;
    o.endpoint_url = str_of(sim_url(w->sim));
    return o;
}

static void add_target(struct world *w, str region, str category, uint32_t interval_ms)
{
    struct pipepoll_target_options o = target_of(w, region, category);
    struct pipepoll_target *t;
    o.interval_ms = interval_ms;
    assert_int_equal(pipepoll_target_add(w->poller, &o, &t, NULL), 0);
}

static void add_jobs(struct world *w, str region, str category, size_t n)
{
    struct sim_scope scope = { .region = region };
    scope.action_type.category = category;
    assert_int_equal(sim_jobs_add(w->sim, &scope, n, NULL), 0);
}

static void world_close(struct world *w)
{
    pipepoll_close(w->poller, count_close, w);
    while (w->closed < 1)
        uv_run(&w->loop, UV_RUN_ONCE);
    sim_close(w->sim, count_close, w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->closed, 2);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    unlink(w->ca);
}

static const char *const regions[] = { "us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1" };
static const char *const categories[] = { "Build", "Test", "Deploy", "Compute" };
enum { REGIONS = 4, CATEGORIES = 4 };

static void add_everything(struct world *w, size_t jobs_each)
{
    for (int r = 0; r < REGIONS; r++)
        for (int c = 0; c < CATEGORIES; c++) {
            add_target(w, str_of(regions[r]), str_of(categories[c]), 10);
            if (jobs_each)
                add_jobs(w, str_of(regions[r]), str_of(categories[c]), jobs_each);
        }
}

static void every_job_of_every_region_and_action_type_is_found_once(void **state)
{
    struct world w;
    world_open(&w, &(struct sim_options) { 0 }, NULL, true);
    add_everything(&w, 23); /* more than a batch */
    RUN_UNTIL(&w, w.jobs >= REGIONS * CATEGORIES * 23);
    RUN_UNTIL(&w, w.answers > 200);
    assert_int_equal(w.jobs, REGIONS * CATEGORIES * 23);
    assert_int_equal(w.twice, 0);
    assert_int_equal(w.failures, 0);
    struct sim_stats stats;
    sim_stats(w.sim, &stats);
    assert_int_equal(stats.refused, 0); /* each signature was right */
    world_close(&w);
}

static void an_unknown_certificate_is_refused_before_anything_is_sent(void **state)
{
    struct world w;
    world_open(&w, &(struct sim_options) { 0 }, NULL, false);
    add_target(&w, STR("us-east-1"), STR("Build"), 1);
    RUN_UNTIL(&w, w.failures);
    assert_int_equal(w.status, PIPEPOLL_EUNTRUSTED);
    struct sim_stats stats;
    sim_stats(w.sim, &stats);
    assert_int_equal(stats.requests, 0);
    world_close(&w);
}

/* Of two targets that differ in nothing else, one says that it may be anybody. */
static void an_insecure_target_takes_any_certificate_and_its_neighbour_does_not(void **state)
{
    struct world w;
    world_open(&w, &(struct sim_options) { 0 }, NULL, false);
    struct pipepoll_target_options o = target_of(&w, STR("us-east-1"), STR("Build"));
    o.insecure = true;
    o.interval_ms = 1;
    assert_int_equal(pipepoll_target_add(w.poller, &o, NULL, NULL), 0);
    RUN_UNTIL(&w, w.answers);
    assert_int_equal(w.failures, 0);
    add_target(&w, STR("us-east-1"), STR("Build"), 1);
    RUN_UNTIL(&w, w.failures);
    assert_int_equal(w.status, PIPEPOLL_EUNTRUSTED);
    size_t answers = w.answers;
    RUN_UNTIL(&w, w.answers > answers + 1);
    world_close(&w);
}

static void anonymous_polls_go_unsigned(void **state)
{
    struct world w;
    world_open(&w, &(struct sim_options) { 0 }, NULL, true);
    struct pipepoll_target_options o = target_of(&w, STR("us-east-1"), STR("Build"));
    assert_int_equal(pipepoll_credentials_anonymous(&o.credentials, NULL), 0);
    assert_int_equal(pipepoll_target_add(w.poller, &o, NULL, NULL), 0);
    pipepoll_credentials_unref(o.credentials);
    RUN_UNTIL(&w, w.failures);
    assert_int_equal(w.status, PIPEPOLL_ECREDENTIALS);
    assert_string_equal(w.code, "MissingAuthenticationTokenException");
    world_close(&w);
}

/* The longest that is taken. */
static void a_session_token_of_16_kib_is_sent_whole(void **state)
{
    struct world w;
    char token[(16 << 10) + 1];
    memset(token, 'T', sizeof token - 1);
    token[sizeof token - 1] = '\0';
    world_open(&w, &(struct sim_options) { .session_token = str_of(token) }, NULL, true);
    struct pipepoll_target_options o = target_of(&w, STR("us-east-1"), STR("Build"));
    assert_int_equal(pipepoll_credentials_static(&o.credentials, STR(SIMULATED_KEY),
                                                 STR(SIMULATED_SECRET), str_of(token), NULL),
                     0);
    assert_int_equal(pipepoll_target_add(w.poller, &o, NULL, NULL), 0);
    pipepoll_credentials_unref(o.credentials);
    RUN_UNTIL(&w, w.answers || w.failures);
    assert_string_equal(w.message, "");
    assert_int_equal(w.answers, 1);
    world_close(&w);
}

static void a_wrong_secret_is_a_matter_of_credentials(void **state)
{
    struct world w;
    world_open(&w, &(struct sim_options) { 0 }, "another-secret", true);
    add_target(&w, STR("us-east-1"), STR("Build"), 1);
    RUN_UNTIL(&w, w.failures);
    assert_int_equal(w.status, PIPEPOLL_ECREDENTIALS);
    assert_string_equal(w.code, "InvalidSignatureException");
    assert_null(strstr(w.message, "another-secret"));
    world_close(&w);
}

static void an_unknown_action_type_is_told_once(void **state)
{
    struct world w;
    world_open(&w, &(struct sim_options) { .strict_action_types = true }, NULL, true);
    add_target(&w, STR("us-east-1"), STR("Build"), 1);
    RUN_UNTIL(&w, w.failures);
    assert_int_equal(w.status, PIPEPOLL_ENOTFOUND);
    assert_string_equal(w.code, "ActionTypeNotFoundException");
    world_close(&w);
}

static void throttling_is_told_apart_and_slows_down(void **state)
{
    struct world w;
    world_open(&w, &(struct sim_options) { .faults.throttle_per_s = 1 }, NULL, true);
    add_target(&w, STR("us-east-1"), STR("Build"), 1);
    RUN_UNTIL(&w, w.failures);
    assert_int_equal(w.status, PIPEPOLL_ETHROTTLED);
    assert_int_equal(w.http_status, 400);
    world_close(&w);
}

/* Every kind of fault at once, in a tenth of the requests each: nothing is lost, since what was
 * cut off on the way comes back after its lease. (So does, on a busy machine, what came too late to
 * be acknowledged: it comes twice.) */
static void no_job_is_lost_to_a_troubled_service(void **state)
{
    struct sim_options so = {
        .lease_ms = 100,
        .faults = { .error_rate = 0.1,
                    .reset_rate = 0.1,
                    .truncate_rate = 0.1,
                    .garbage_rate = 0.1,
                    .latency_jitter_ms = 5,
                    .slow_bytes_per_s = 100000 },
    };
    struct world w;
    world_open(&w, &so, NULL, true);
    add_everything(&w, 7);
    RUN_UNTIL(&w, acknowledged(&w) >= REGIONS * CATEGORIES * 7);
    assert_int_equal(w.jobs, REGIONS * CATEGORIES * 7);
    assert_true(w.failures > 0);
    world_close(&w);
}

static void the_faults_of_one_region_are_not_the_others(void **state)
{
    struct world w;
    world_open(&w, &(struct sim_options) { 0 }, NULL, true);
    struct sim_scope eu = { .region = STR("eu-west-1") };
    struct sim_faults faults = { .error_rate = 1, .error_status = 503 };
    assert_int_equal(sim_faults_set(w.sim, &eu, &faults, NULL), 0);
    add_everything(&w, 0);
    add_jobs(&w, STR("us-east-1"), STR("Build"), 5);
    add_jobs(&w, STR("cn-north-1"), STR("Test"), 5);
    RUN_UNTIL(&w, w.jobs >= 10);
    RUN_UNTIL(&w, w.failures);
    assert_int_equal(w.status, PIPEPOLL_ESERVICE);
    assert_int_equal(w.http_status, 503);
    world_close(&w);
}

int main(void)
{
    alone();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_of_every_region_and_action_type_is_found_once),
        cmocka_unit_test(an_unknown_certificate_is_refused_before_anything_is_sent),
        cmocka_unit_test(an_insecure_target_takes_any_certificate_and_its_neighbour_does_not),
        cmocka_unit_test(anonymous_polls_go_unsigned),
        cmocka_unit_test(a_session_token_of_16_kib_is_sent_whole),
        cmocka_unit_test(a_wrong_secret_is_a_matter_of_credentials),
        cmocka_unit_test(an_unknown_action_type_is_told_once),
        cmocka_unit_test(throttling_is_told_apart_and_slows_down),
        cmocka_unit_test(no_job_is_lost_to_a_troubled_service),
        cmocka_unit_test(the_faults_of_one_region_are_not_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
