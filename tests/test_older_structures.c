/* SPDX-License-Identifier: MIT */
/* A program of yesterday, whose structures are shorter, runs with today's library; one of tomorrow,
 * whose structures are longer, runs as long as it asks for nothing that is not there. And none of
 * today's members ever moves. */
#include "lib/check.h"
#include "lib/server.h"
#include "older/program.h"
#include "pipepoll/worker.h"

static const str answers[] = {
    SERVER_OK("80", "x-amzn-RequestId: r\r\n",
              "{\"jobs\":[{\"clientId\":\"one\",\"jobId\":\"1\"},"
              "{\"clientId\":\"two\",\"jobId\":\"2\"}]}          "),
    STR_INIT("HTTP/1.1 403 Forbidden\r\nx-amzn-RequestId: r\r\nContent-Length: 34\r\n\r\n"
             "{\"__type\":\"AccessDeniedException\"} "),
};

static struct server_reply answer(struct server *s, const struct server_request *rq)
{
    return (struct server_reply) { answers[rq->number > 1], SERVER_KEEP, 0 };
}

static void a_program_with_shorter_structures_polls_hears_of_trouble_and_ends(void **state)
{
    uv_loop_t loop;
    struct server server;
    struct older o = { 0 };
    uv_loop_init(&loop);
    server_open(&server, &loop, answer, NULL);
    assert_int_equal(older_open(&o, &loop, server.url), 0);
    while (!o.answers || !o.failures)
        uv_run(&loop, UV_RUN_ONCE);
    older_look(&o);
    assert_string_equal(o.client_ids, "one two ");
    assert_string_equal(o.code, "AccessDeniedException ");
    assert_int_equal(o.http_status, 403);
    assert_true(o.usable && o.polls >= 2 && o.jobs == 2);
    assert_true(o.target_bytes > 0 && strlen(o.libcurl) > 0);
    assert_true(o.fences_stand);
    older_close(&o);
    while (!o.closed)
        uv_run(&loop, UV_RUN_ONCE);
    server_close(&server);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    older_free(&o);
}

static void a_shorter_role_and_a_shorter_target_are_read_as_far_as_they_go(void **state)
{
    struct older o = { 0 };
    assert_int_equal(older_assume(&o, "arn:aws:iam::123456789012:role/Poller"), 0);
    older_free(&o);
    assert_int_equal(older_assume(&o, "nonsense"), PIPEPOLL_EINVAL);
    assert_non_null(strstr(o.why, "nonsense"));
    older_free(&o);
}

/* --- longer ones --- */

enum { MORE = 64 };

static void deliver(struct pipepoll_sink *self, struct pipepoll_target *from,
                    const struct pipepoll_answer *a)
{
    (void)self, (void)from, (void)a;
}

/* A program of tomorrow: every structure has more, which is all zero, but for one byte of one. */
struct newer {
    struct {
        struct pipepoll_sink its;
        char more[MORE];
    } sink;
    struct {
        struct pipepoll_options its;
        char more[MORE];
    } options;
    struct {
        struct pipepoll_target_options its;
        char more[MORE];
    } target;
    struct {
        struct pipepoll_role its;
        char more[MORE];
    } role;
    struct {
        struct pipepoll_handler its;
        char more[MORE];
    } handler;
    struct {
        struct pipepoll_journal its;
        char more[MORE];
    } journal;
    struct {
        struct pipepoll_worker_options its;
        char more[MORE];
    } worker;
};

static void on_token(struct pipepoll_handler *self, struct pipepoll_work *work,
                     struct pipepoll_target *from, struct pipepoll_str client_id)
{
    (void)self, (void)work, (void)from, (void)client_id;
}

static void on_start(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_job_data *data)
{
    (void)self, (void)work, (void)data;
}

static void on_ended(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_work_end *end)
{
    (void)self, (void)work, (void)end;
}

static void on_note(struct pipepoll_journal *self, const struct pipepoll_journal_entry *entry,
                    uint64_t ticket)
{
    (void)self, (void)entry, (void)ticket;
}

static void on_forget(struct pipepoll_journal *self, struct pipepoll_str region,
                      struct pipepoll_str job_id)
{
    (void)self, (void)region, (void)job_id;
}

static void newer_init_worker(struct newer *n)
{
    n->handler.its.size = sizeof n->handler;
    n->handler.its.token = on_token;
    n->handler.its.start = on_start;
    n->handler.its.ended = on_ended;
    n->journal.its.size = sizeof n->journal;
    n->journal.its.note = on_note;
    n->journal.its.forget = on_forget;
    n->worker.its.size = sizeof n->worker;
    n->worker.its.handler = &n->handler.its;
    n->worker.its.journal = &n->journal.its;
}

static void newer_init(struct newer *n)
{
    memset(n, 0, sizeof *n);
    n->sink.its.size = sizeof n->sink;
    n->sink.its.deliver = deliver;
    n->options.its.size = sizeof n->options;
    n->options.its.sink = &n->sink.its;
    n->target.its.size = sizeof n->target;
    n->target.its.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") };
    n->target.its.region = STR("us-east-1");
    n->role.its.size = sizeof n->role;
    n->role.its.arn = STR("arn:aws:iam::123456789012:role/Poller");
    newer_init_worker(n);
}

static void on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

static int worker_run(uv_loop_t *loop, const struct pipepoll_options *o,
                      const struct pipepoll_worker_options *wo, struct pipepoll_error *why)
{
    struct pipepoll_worker *worker;
    bool closed = false;
    int r = pipepoll_worker_open(&worker, loop, o, wo, why);
    if (r)
        return r;
    pipepoll_worker_close(worker, on_closed, &closed);
    while (!closed)
        uv_run(loop, UV_RUN_ONCE);
    return 0;
}

/* The first that fails decides. */
static int newer_run(struct newer *n, struct pipepoll_error *why)
{
    uv_loop_t loop;
    struct pipepoll *p = NULL;
    bool closed = false;
    uv_loop_init(&loop);
    int r = pipepoll_credentials_role(&n->options.its.credentials, NULL, &n->role.its, why);
    if (!r)
        r = pipepoll_target_check(&n->target.its, why);
    if (!r)
        r = pipepoll_open(&p, &loop, &n->options.its, why);
    if (p)
        pipepoll_close(p, on_closed, &closed);
    while (p && !closed)
        uv_run(&loop, UV_RUN_ONCE);
    if (!r)
        r = worker_run(&loop, &n->options.its, &n->worker.its, why);
    pipepoll_credentials_unref(n->options.its.credentials);
    assert_int_equal(uv_loop_close(&loop), 0);
    return r;
}

static void longer_structures_are_taken_when_all_that_is_unknown_is_zero(void **state)
{
    struct newer n;
    struct pipepoll_error why = { .text = "" };
    newer_init(&n);
    assert_int_equal(newer_run(&n, &why), 0);
    assert_string_equal(why.text, "");
}

static void longer_structures_that_ask_for_what_is_unknown_are_refused_with_both_sizes(void **state)
{
    static struct newer n;
    struct {
        char *last; /* the farthest byte of what is unknown */
        const char *name;
        size_t ours;
    } rows[] = {
        { &n.sink.more[MORE - 1], "sink", sizeof n.sink.its },
        { &n.options.more[MORE - 1], "options", sizeof n.options.its },
        { &n.target.more[MORE - 1], "target options", sizeof n.target.its },
        { &n.role.more[MORE - 1], "role", sizeof n.role.its },
        { &n.handler.more[MORE - 1], "handler", sizeof n.handler.its },
        { &n.journal.more[MORE - 1], "journal", sizeof n.journal.its },
        { &n.worker.more[MORE - 1], "worker options", sizeof n.worker.its },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char want[256];
        struct pipepoll_error why;
        newer_init(&n);
        *rows[i].last = 1;
        assert_int_equal(newer_run(&n, &why), PIPEPOLL_EINVAL);
        snprintf(want, sizeof want,
                 "the %s: of %zu bytes this library (" PIPEPOLL_VERSION
                 ") knows %zu, and the rest is not zero: use the libpipepoll that the program was "
                 "built for, or a later one",
                 rows[i].name, rows[i].ours + MORE, rows[i].ours);
        assert_string_equal(why.text, want);
    }
}

static void a_size_that_nobody_set_is_told_from_a_long_structure(void **state)
{
    static const size_t sizes[] = { 0, 1, sizeof(size_t) - 1, 1 << 20, SIZE_MAX };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
        struct pipepoll_error why;
        o.size = sizes[i];
        assert_int_equal(pipepoll_target_check(&o, &why), PIPEPOLL_EINVAL);
        assert_non_null(strstr(why.text, "the size of the target options is "));
        assert_non_null(strstr(why.text, "begin with PIPEPOLL_..._INIT"));
        struct pipepoll_versions v = { .size = sizes[i] };
        pipepoll_versions(&v);
        assert_int_equal(v.libcurl != NULL, sizes[i] >= sizeof v);
    }
    assert_int_equal(pipepoll_target_check(NULL, NULL), PIPEPOLL_EINVAL);
}

static void a_longer_structure_is_filled_as_far_as_the_library_goes_and_its_size_says_so(
    void **state)
{
    struct {
        struct pipepoll_versions its;
        const char *more;
    } newer = { .its = { .size = sizeof newer } };
    pipepoll_versions(&newer.its);
    assert_int_equal(newer.its.size, sizeof newer.its);
    assert_true(PIPEPOLL_HAS(&newer.its, libuv));
    assert_null(newer.more);
    newer.its.size = offsetof(struct pipepoll_versions, libuv);
    assert_false(PIPEPOLL_HAS(&newer.its, libuv));
    assert_true(PIPEPOLL_HAS(&newer.its, tls));
}

static void the_reserve_of_an_error_is_zero(void **state)
{
    struct pipepoll_error why;
    memset(&why, 0x55, sizeof why);
    assert_int_equal(pipepoll_target_check(NULL, &why), PIPEPOLL_EINVAL);
    for (size_t i = 0; i < sizeof why.reserved; i++)
        assert_int_equal(why.reserved[i], 0);
}

static void a_setting_that_the_library_does_not_know_is_empty(void **state)
{
    struct pipepoll_settings *s = NULL;
    struct pipepoll_str from = STR("untouched");
    assert_int_equal(pipepoll_settings_load(&s, STR(""), NULL), 0);
    struct pipepoll_str v =
        pipepoll_settings_get(s, (enum pipepoll_setting)(PIPEPOLL_SETTING_COUNT + 3), &from);
    assert_int_equal(v.len + from.len, 0);
    pipepoll_settings_free(s);
}

/* --- today's, for good --- */

#if defined(__LP64__)

/* Where each member is, in order: rows are added at the end, none is changed. */
#define AT(type, member, offset)                                                                   \
    _Static_assert(offsetof(struct type, member) == (offset), #type "." #member " has moved")

AT(pipepoll_sink, credit, 8);
AT(pipepoll_sink, deliver, 16);
AT(pipepoll_sink, failed, 24);
AT(pipepoll_sink, removed, 32);
AT(pipepoll_sink, credentials, 40);
AT(pipepoll_sink, polled, 48);
AT(pipepoll_sink, paused, 56);
AT(pipepoll_poll, status, 8);
AT(pipepoll_poll, jobs, 12);
AT(pipepoll_poll, asked, 16);
AT(pipepoll_poll, attempt, 20);
AT(pipepoll_poll, latency_us, 24);
AT(pipepoll_poll, late_us, 32);
AT(pipepoll_options, sink, 8);
AT(pipepoll_options, credentials, 16);
AT(pipepoll_options, ca_bundle, 24);
AT(pipepoll_options, max_in_flight, 40);
AT(pipepoll_options, max_in_flight_per_region, 44);
AT(pipepoll_options, max_connections, 48);
AT(pipepoll_options, max_attempts, 52);
AT(pipepoll_options, max_polls_per_s, 56);
AT(pipepoll_options, request_timeout_ms, 64);
AT(pipepoll_options, connect_timeout_ms, 68);
AT(pipepoll_options, seed, 72);
AT(pipepoll_options, resize, 80);
AT(pipepoll_options, log, 96);
AT(pipepoll_options, user_agent_app_id, 112);
AT(pipepoll_target_options, action_type, 8);
AT(pipepoll_target_options, region, 72);
AT(pipepoll_target_options, endpoint_url, 88);
AT(pipepoll_target_options, interval_ms, 104);
AT(pipepoll_target_options, max_batch_size, 116);
AT(pipepoll_target_options, fips, 120);
AT(pipepoll_target_options, dualstack, 121);
AT(pipepoll_target_options, insecure, 122);
AT(pipepoll_target_options, credentials, 128);
AT(pipepoll_target_options, user, 136);
AT(pipepoll_target_options, query_param, 144);
AT(pipepoll_target_options, paused, 176);
AT(pipepoll_target_options, first_poll_within_ms, 180);
AT(pipepoll_role, duration_s, 8);
AT(pipepoll_role, arn, 16);
AT(pipepoll_role, external_id, 48);
AT(pipepoll_job, job_id, 16);
AT(pipepoll_job, nonce, 32);
AT(pipepoll_job, account_id, 48);
AT(pipepoll_answer, jobs, 24);
AT(pipepoll_answer, job_count, 32);
AT(pipepoll_answer, job_size, 40);
AT(pipepoll_answer, attempt, 48);
AT(pipepoll_answer, latency_us, 56);
AT(pipepoll_failure, status, 8);
AT(pipepoll_failure, retry_in_ms, 20);
AT(pipepoll_failure, code, 24);
AT(pipepoll_failure, request_id, 56);
AT(pipepoll_failure, cause, 72);
AT(pipepoll_failure, subject, 80);
AT(pipepoll_identity, usable, 8);
AT(pipepoll_identity, expires_s, 16);
AT(pipepoll_identity, source, 24);
AT(pipepoll_identity, reason, 40);
AT(pipepoll_identity, cause, 56);
AT(pipepoll_identity, subject, 64);
AT(pipepoll_stats, polls, 8);
AT(pipepoll_stats, targets, 64);
AT(pipepoll_stats, max_lateness_ms, 76);
AT(pipepoll_stats, connections_open, 80);
AT(pipepoll_stats, handshakes, 88);
AT(pipepoll_stats, paused, 104);
AT(pipepoll_report, identity, 8);
AT(pipepoll_report, clock_skew_ms, 16);
AT(pipepoll_report, address, 32);
AT(pipepoll_report, proxy, 80);
AT(pipepoll_report, lookup_us, 96);
AT(pipepoll_report, interval_ms, 108);
AT(pipepoll_report, adaptive_polls_per_s, 112);
AT(pipepoll_report, throttled_ms, 120);
AT(pipepoll_footprint, max_connections, 8);
AT(pipepoll_footprint, target_bytes, 16);
AT(pipepoll_footprint, fixed_descriptors, 44);
AT(pipepoll_versions, libuv, 32);
AT(pipepoll_error, subject, 516);
AT(pipepoll_property, value, 16);
AT(pipepoll_artifact, revision, 16);
AT(pipepoll_artifact, location_type, 32);
AT(pipepoll_artifact, bucket_name, 48);
AT(pipepoll_artifact, object_key, 64);
AT(pipepoll_job_data, action_type, 8);
AT(pipepoll_job_data, pipeline, 72);
AT(pipepoll_job_data, artifact_credentials, 80);
AT(pipepoll_job_data, continuation_token, 88);
AT(pipepoll_job_data, encryption_key_id, 104);
AT(pipepoll_job_data, encryption_key_type, 120);
AT(pipepoll_job_data, property_count, 136);
AT(pipepoll_job_data, properties, 160);
AT(pipepoll_job_data, property_size, 184);
AT(pipepoll_job_data, account_id, 200);
AT(pipepoll_work_end, outcome, 8);
AT(pipepoll_work_end, ran, 12);
AT(pipepoll_work_end, status, 16);
AT(pipepoll_work_end, code, 24);
AT(pipepoll_work_end, message, 40);
AT(pipepoll_work_end, request_id, 56);
AT(pipepoll_handler, token, 8);
AT(pipepoll_handler, start, 16);
AT(pipepoll_handler, renewed, 24);
AT(pipepoll_handler, ended, 32);
AT(pipepoll_handler, found, 40);
AT(pipepoll_handler, wants, 48);
AT(pipepoll_handler, over, 56);
AT(pipepoll_success, summary, 8);
AT(pipepoll_success, execution_id, 24);
AT(pipepoll_success, revision, 40);
AT(pipepoll_success, has_percent, 48);
AT(pipepoll_success, percent_complete, 52);
AT(pipepoll_success, variables, 56);
AT(pipepoll_success, variable_count, 64);
AT(pipepoll_job_failure, type, 8);
AT(pipepoll_job_failure, message, 16);
AT(pipepoll_job_failure, execution_id, 32);
AT(pipepoll_journal_entry, state, 8);
AT(pipepoll_journal_entry, region, 16);
AT(pipepoll_journal_entry, client_id, 48);
AT(pipepoll_journal_entry, action_type, 64);
AT(pipepoll_journal_entry, claim, 128);
AT(pipepoll_journal_entry, success, 144);
AT(pipepoll_journal_entry, continuation_token, 152);
AT(pipepoll_journal_entry, failure, 168);
AT(pipepoll_journal_entry, work, 176);
AT(pipepoll_journal_entry, user, 184);
AT(pipepoll_journal_entry, is_anothers, 192);
AT(pipepoll_journal, note, 8);
AT(pipepoll_journal, forget, 16);
AT(pipepoll_worker_options, handler, 8);
AT(pipepoll_worker_options, journal, 16);
AT(pipepoll_worker_options, max_jobs, 24);
AT(pipepoll_worker_options, renew_ms, 28);
AT(pipepoll_worker_stats, claiming, 8);
AT(pipepoll_worker_stats, found, 24);
AT(pipepoll_worker_stats, started, 56);
AT(pipepoll_worker_stats, ended, 64);
AT(pipepoll_worker_stats, report_retries, 192);
AT(pipepoll_worker_stats, taken, 200);
AT(pipepoll_queued_job, job_id, 8);
AT(pipepoll_queued_job, client_id, 24);
AT(pipepoll_queued_job, nonce, 40);
_Static_assert(sizeof(struct pipepoll_artifact_credentials) == 48, "never grows");
_Static_assert(sizeof(struct pipepoll_pipeline) == 96, "never grows");
_Static_assert(sizeof(struct pipepoll_revision) == 56, "never grows");
_Static_assert(sizeof(struct pipepoll_variable) == 32, "never grows");
_Static_assert(sizeof(struct pipepoll_error) == 832, "never grows");
_Static_assert(sizeof(struct pipepoll_action_type) == 64, "never grows");
_Static_assert(sizeof(struct pipepoll_query_param) == 32, "never grows");

/* What comes next begins where today's size ends: not in padding, whose bytes are anybody's. */
#define ENDS_WITH(type, member)                                                                    \
    _Static_assert(sizeof(struct type) ==                                                          \
                       offsetof(struct type, member) + sizeof(((struct type *)0)->member),         \
                   #type " ends with padding")

ENDS_WITH(pipepoll_sink, paused);
ENDS_WITH(pipepoll_poll, late_us);
ENDS_WITH(pipepoll_options, user_agent_app_id);
ENDS_WITH(pipepoll_target_options, first_poll_within_ms);
ENDS_WITH(pipepoll_role, external_id);
ENDS_WITH(pipepoll_job, account_id);
ENDS_WITH(pipepoll_answer, latency_us);
ENDS_WITH(pipepoll_failure, subject);
ENDS_WITH(pipepoll_identity, subject);
ENDS_WITH(pipepoll_stats, paused);
ENDS_WITH(pipepoll_report, throttled_ms);
ENDS_WITH(pipepoll_footprint, fixed_descriptors);
ENDS_WITH(pipepoll_versions, libuv);
ENDS_WITH(pipepoll_property, value);
ENDS_WITH(pipepoll_artifact, object_key);
ENDS_WITH(pipepoll_job_data, account_id);
ENDS_WITH(pipepoll_work_end, request_id);
ENDS_WITH(pipepoll_handler, claims);
ENDS_WITH(pipepoll_success, variable_count);
ENDS_WITH(pipepoll_job_failure, execution_id);
ENDS_WITH(pipepoll_journal_entry, is_anothers);
ENDS_WITH(pipepoll_journal, is_well);
ENDS_WITH(pipepoll_worker_options, renew_ms);
ENDS_WITH(pipepoll_worker_stats, taken);
ENDS_WITH(pipepoll_queued_job, nonce);

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_with_shorter_structures_polls_hears_of_trouble_and_ends),
        cmocka_unit_test(a_shorter_role_and_a_shorter_target_are_read_as_far_as_they_go),
        cmocka_unit_test(longer_structures_are_taken_when_all_that_is_unknown_is_zero),
        cmocka_unit_test(
            longer_structures_that_ask_for_what_is_unknown_are_refused_with_both_sizes),
        cmocka_unit_test(a_size_that_nobody_set_is_told_from_a_long_structure),
        cmocka_unit_test(
            a_longer_structure_is_filled_as_far_as_the_library_goes_and_its_size_says_so),
        cmocka_unit_test(the_reserve_of_an_error_is_zero),
        cmocka_unit_test(a_setting_that_the_library_does_not_know_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
