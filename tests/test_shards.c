/* SPDX-License-Identifier: MIT */
/* Shards before a sink that holds few jobs at once and confirms them in whatever order, as one
 * that runs programs or waits for acknowledgements: no more is asked for than it holds, on one
 * loop and on several, and no job is lost or put twice. */
#include <stdio.h>
#include <stdlib.h>

#include <uv.h>

#include "base/list.h"
#include "config/config.h"
#include "daemon/shards.h"
#include "lib/check.h"
#include "lib/server.h"

enum { CAPACITY = 4, JOBS = 300 };

struct fixture {
    struct sink sink;
    uint64_t tickets[CAPACITY]; /* 0: free */
    unsigned open, most_open, put, seen[JOBS];
    uv_loop_t loop;
    struct server server;
    unsigned handed_out; /* by the service */
    char *answers[4 * JOBS];
    unsigned answer_count;
    struct config config;
    struct logger logger;
    struct shards shards;
    bool changed, closed;
    const char *broken;
};

/* --- the sink --- */

static struct fixture *fixture_of(struct sink *s)
{
    return CONTAINER_OF(s, struct fixture, sink);
}

static size_t credit(struct sink *self)
{
    return CAPACITY - fixture_of(self)->open;
}

static bool put(struct sink *self, const struct record *what, uint64_t ticket)
{
    struct fixture *f = fixture_of(self);
    char id[16] = "";
    if (what->kind != RECORD_JOB)
        return true;
    for (size_t i = 0; i < CAPACITY; i++) {
        if (f->tickets[i])
            continue;
        f->tickets[i] = ticket;
        f->most_open = ++f->open > f->most_open ? f->open : f->most_open;
        f->put++;
        snprintf(id, sizeof id, "%.*s", STR_ARG(what->job.job_id));
        f->seen[atoi(id)]++;
        return true;
    }
    fail_msg("a job was put without credit");
    return false;
}

static void give_up(struct sink *self)
{
}

/* One or none of those that are open: by chance, so in any order. */
static void confirm_some(struct fixture *f)
{
    size_t i = (size_t)rand() % (2 * CAPACITY);
    if (i >= CAPACITY || !f->tickets[i])
        return;
    uint64_t ticket = f->tickets[i];
    f->tickets[i] = 0;
    f->open--;
    sink_confirm(&f->sink, ticket);
    sink_tell_room(&f->sink);
}

/* --- the service: as many jobs as it is asked for, until none is left --- */

static unsigned batch_of(str body)
{
    char text[512];
    snprintf(text, sizeof text, "%.*s", STR_ARG(body));
    const char *at = strstr(text, "\"maxBatchSize\":");
    return at ? (unsigned)atoi(at + strlen("\"maxBatchSize\":")) : 10;
}

static struct server_reply answer(struct server *s, const struct server_request *rq)
{
    struct fixture *f = s->ctx;
    char text[1024], *whole = NULL;
    struct buf body = BUF_ON(text);
    unsigned batch = batch_of(rq->body);
    assert_true(batch <= CAPACITY);
    buf_put(&body, STR("{\"jobs\":["));
    for (unsigned i = 0; i < batch && f->handed_out < JOBS; i++)
        buf_printf(&body, "%s{\"clientId\":\"c\",\"jobId\":\"%u\"}", i ? "," : "", f->handed_out++);
    buf_put(&body, STR("]}"));
    int len = asprintf(&whole,
                       "HTTP/1.1 200 OK\r\nx-amzn-RequestId: r\r\n"
                       "Content-Length: %zu\r\n\r\n%.*s",
                       body.len, STR_ARG(buf_str(&body)));
    assert_true(len > 0);
    assert_true(f->answer_count < sizeof f->answers / sizeof *f->answers);
    f->answers[f->answer_count++] = whole;
    return (struct server_reply) { { whole, (size_t)len }, SERVER_KEEP, 0 };
}

/* --- --- */

static void on_broken(void *ctx, const char *why)
{
    ((struct fixture *)ctx)->broken = why;
}

static void on_changed(void *ctx, const struct shards_change *what)
{
    struct fixture *f = ctx;
    assert_int_equal(what->added, 4);
    f->changed = true;
}

static void on_closed(void *ctx)
{
    ((struct fixture *)ctx)->closed = true;
}

static void read_config(struct fixture *f)
{
    struct diagnostics c = { .file = STR("c.ini") };
    char *text = malloc(1024);
    snprintf(text, 1024,
             "[pipepoll]\nregions = us-east-1, eu-west-1\ncategory = Build\nversion = 1\n"
             "interval = 20ms\nendpoint-url = %s\n[target a]\nprovider = A\n"
             "[target b]\nprovider = B\n",
             f->server.url);
    assert_int_equal(config_parse(&f->config, text, strlen(text), NULL, &c), 0);
}

static void fixture_open(struct fixture *f, uint32_t loops)
{
    *f = (struct fixture) { .sink = { .undone = "not done",
                                      .capacity = CAPACITY,
                                      .credit = credit,
                                      .put = put,
                                      .give_up = give_up },
                            .logger.level = PIPEPOLL_ERROR };
    uv_loop_init(&f->loop);
    server_open(&f->server, &f->loop, answer, f);
    read_config(f);
    const struct shards_options o = { .home = &f->loop,
                                      .loops = loops,
                                      .config = &f->config,
                                      .logger = &f->logger,
                                      .sink = &f->sink,
                                      .broken = on_broken,
                                      .changed = on_changed,
                                      .ctx = f };
    assert_int_equal(shards_open(&f->shards, &o, NULL), 0);
    assert_int_equal(shards_split(&f->shards, &f->config.plan), 0);
    shards_change(&f->shards);
}

static void fixture_close(struct fixture *f)
{
    shards_close(&f->shards, on_closed, f);
    while (!f->closed) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        confirm_some(f);
    }
    while (f->open)
        confirm_some(f);
    assert_int_equal(shards_unsettled(&f->shards).jobs, 0);
    assert_int_equal(shards_lost(&f->shards), 0);
    server_close(&f->server);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    shards_deinit(&f->shards);
    config_deinit(&f->config);
    for (unsigned i = 0; i < f->answer_count; i++)
        free(f->answers[i]);
}

static void work_all_jobs(uint32_t loops)
{
    static struct fixture f;
    fixture_open(&f, loops);
    while (f.put < JOBS) {
        uv_run(&f.loop, UV_RUN_NOWAIT);
        confirm_some(&f);
        assert_true(shards_unsettled(&f.shards).jobs <= CAPACITY);
    }
    assert_true(f.changed && !f.broken);
    assert_true(f.most_open <= CAPACITY);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(f.seen[i], 1);
    fixture_close(&f);
}

static void one_loop_asks_for_no_more_than_the_sink_holds_and_loses_nothing(void **state)
{
    work_all_jobs(1);
}

static void several_loops_share_what_the_sink_holds_and_lose_nothing(void **state)
{
    work_all_jobs(2);
}

static void an_end_in_the_middle_waits_for_jobs_of_polls_in_flight(void **state)
{
    for (uint32_t loops = 1; loops <= 2; loops++) {
        static struct fixture f;
        fixture_open(&f, loops);
        while (f.put < 20) {
            uv_run(&f.loop, UV_RUN_NOWAIT);
            confirm_some(&f);
        }
        fixture_close(&f);
        unsigned seen = 0;
        for (int i = 0; i < JOBS; i++) {
            assert_true(f.seen[i] <= 1);
            seen += f.seen[i];
        }
        assert_int_equal(seen, f.handed_out);
    }
}

static int set_keys(void **state)
{
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    setenv("HOME", "/nowhere", 1);
    unsetenv("AWS_PROFILE");
    unsetenv("HTTPS_PROXY");
    unsetenv("https_proxy");
    srand(1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_loop_asks_for_no_more_than_the_sink_holds_and_loses_nothing),
        cmocka_unit_test(several_loops_share_what_the_sink_holds_and_lose_nothing),
        cmocka_unit_test(an_end_in_the_middle_waits_for_jobs_of_polls_in_flight),
    };
    return cmocka_run_group_tests(tests, set_keys, NULL);
}
