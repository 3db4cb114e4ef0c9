/* SPDX-License-Identifier: MIT */
/* The fleet's queue as a place where jobs go: each is confirmed when it is safe and never before,
 * is forgotten when the engine has it, and waits here while the engine does not take it. */
#include "daemon/queue_sink.h"

#include <stdio.h>
#include <uv.h>

#include "fleet/job_message.h"
#include "fleet/publishing.h"
#include "lib/check.h"

enum { WRITES_MAX = 64, MOST = 4 };

#define ID_OF_J1 "08243666f926aa4e5b884b8ef1fc3b93" /* SHA-256, half of it */

struct fixture {
    uv_loop_t loop;
    struct engine engine;
    struct queue_spool spool;
    struct sink lines, *sink;
    struct sink_listener listener;
    int64_t unix_ms;
    /* What it saw. */
    struct write {
        char key[64], body[64], once[64];
        uint64_t ticket;
    } writes[WRITES_MAX];
    size_t write_count, engine_room;
    uint64_t put[WRITES_MAX], forgotten[WRITES_MAX];
    size_t put_count, forgotten_count;
    bool spool_is_ill, spool_closed;
    unsigned records, confirmed, lost, rooms;
    uint64_t last_confirmed, last_lost;
    bool lines_gave_up, lines_closed, closed;
    char log[512];
};

/* --- what it is between --- */

static bool on_write(struct engine *self, const struct engine_message *m)
{
    struct fixture *f = CONTAINER_OF(self, struct fixture, engine);
    if (!f->engine_room)
        return false;
    f->engine_room--;
    assert_int_equal(m->log, ENGINE_JOBS);
    assert_false(m->absent);
    assert_true(f->write_count < WRITES_MAX);
    struct write *w = &f->writes[f->write_count++];
    str_copy(w->key, sizeof w->key, m->key);
    str_copy(w->body, sizeof w->body, m->body);
    str_copy(w->once, sizeof w->once, m->once);
    w->ticket = m->ticket;
    return true;
}

static bool on_is_well(struct queue_spool *self)
{
    return !CONTAINER_OF(self, struct fixture, spool)->spool_is_ill;
}

static bool on_spool_put(struct queue_spool *self, const struct spooled_job *job)
{
    struct fixture *f = CONTAINER_OF(self, struct fixture, spool);
    if (f->spool_is_ill)
        return false;
    f->put[f->put_count++] = job->number;
    return true;
}

static void on_forget(struct queue_spool *self, uint64_t number)
{
    struct fixture *f = CONTAINER_OF(self, struct fixture, spool);
    f->forgotten[f->forgotten_count++] = number;
}

static void on_spool_close(struct queue_spool *self, void (*closed)(void *ctx), void *ctx)
{
    CONTAINER_OF(self, struct fixture, spool)->spool_closed = true;
    closed(ctx);
}

static bool on_line(struct sink *self, const struct record *what, uint64_t ticket)
{
    struct fixture *f = CONTAINER_OF(self, struct fixture, lines);
    assert_int_equal(what->kind, RECORD_HEALTH);
    assert_int_equal(ticket, 0);
    f->records++;
    return true;
}

static void on_lines_awaited(struct sink *self, struct buf *out)
{
    if (CONTAINER_OF(self, struct fixture, lines)->records)
        buf_put(out, STR("the reader"));
}

static void on_lines_give_up(struct sink *self)
{
    CONTAINER_OF(self, struct fixture, lines)->lines_gave_up = true;
}

static void on_lines_close(struct sink *self, void (*closed)(void *ctx), void *ctx)
{
    struct fixture *f = CONTAINER_OF(self, struct fixture, lines);
    assert_true(f->spool_closed || !f->spool.put);
    f->lines_closed = true;
    closed(ctx);
}

static void on_room(struct sink_listener *self)
{
    CONTAINER_OF(self, struct fixture, listener)->rooms++;
}

static void on_broken(struct sink_listener *self, const char *why)
{
    fail_msg("broken: %s", why);
}

static void on_confirmed(struct sink_listener *self, uint64_t ticket)
{
    struct fixture *f = CONTAINER_OF(self, struct fixture, listener);
    f->confirmed++;
    f->last_confirmed = ticket;
}

static void on_lost(struct sink_listener *self, uint64_t ticket)
{
    struct fixture *f = CONTAINER_OF(self, struct fixture, listener);
    f->lost++;
    f->last_lost = ticket;
}

static const struct pipepoll_action_type TYPE = { STR_INIT("Build"), STR_INIT("Custom"),
                                                  STR_INIT("Acme"), STR_INIT("1") };

static bool encode(void *ctx, struct buf *key, struct buf *body, const struct record *job)
{
    buf_printf(key, "%.*s.Build", STR_ARG(job->job.from.region));
    if (job->job.nonce.len)
        job_message_put(body, &(struct job_message) { .region = job->job.from.region,
                                                      .action_type = TYPE,
                                                      .job_id = job->job.job_id,
                                                      .nonce = job->job.nonce });
    else
        buf_printf(body, "body of %.*s", STR_ARG(job->job.job_id));
    return job->job.from.region.len > 0;
}

static int64_t now_of_test;

static int64_t unix_ms(void)
{
    return now_of_test;
}

static void log_line_of(void *ctx, enum pipepoll_level level, str line)
{
    struct fixture *f = ctx;
    str_copy(f->log, sizeof f->log, line);
}

static void on_closed(void *ctx)
{
    ((struct fixture *)ctx)->closed = true;
}

/* --- its life --- */

static void open_with(struct fixture *f, bool has_spool)
{
    *f = (struct fixture) { .engine = { .write = on_write },
                            .engine_room = WRITES_MAX,
                            .lines = { .put = on_line,
                                       .put_awaited = on_lines_awaited,
                                       .give_up = on_lines_give_up,
                                       .close = on_lines_close },
                            .listener = { on_room, on_broken, on_confirmed, on_lost } };
    if (has_spool)
        f->spool = (struct queue_spool) {
            .is_well = on_is_well, .put = on_spool_put, .forget = on_forget, .close = on_spool_close
        };
    now_of_test = 1200000;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    const struct queue_sink_options o = { .loop = &f->loop,
                                          .engine = &f->engine,
                                          .lines = &f->lines,
                                          .most = MOST,
                                          .encode = encode,
                                          .unix_ms = unix_ms,
                                          .log = { log_line_of, f } };
    assert_int_equal(queue_sink_open(&f->sink, &o), 0);
    if (has_spool)
        queue_sink_set_spool(f->sink, &f->spool);
    f->sink->listener = &f->listener;
}

/* It is closed, or closes in the next turns. */
static void finish(struct fixture *f)
{
    while (!f->closed)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(f->lines_closed);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void close_it(struct fixture *f)
{
    f->sink->close(f->sink, on_closed, f);
}

static bool put_custom_job(struct fixture *f, const char *id, const char *nonce, uint64_t ticket)
{
    struct record r = { .kind = RECORD_JOB, .unix_ms = 600000 };
    r.job.job_id = str_of(id);
    r.job.nonce = str_of(nonce);
    r.job.from.region = STR("eu-west-1");
    return f->sink->put(f->sink, &r, ticket);
}

static bool put_job(struct fixture *f, const char *id, uint64_t ticket)
{
    return put_custom_job(f, id, "", ticket);
}

static void be_ready(struct fixture *f)
{
    queue_sink_on_state(f->sink, ENGINE_READY);
}

/* To the i-th write. */
static void answer(struct fixture *f, size_t i, enum engine_result result)
{
    assert_true(i < f->write_count);
    assert_true(queue_sink_on_written(f->sink, f->writes[i].ticket, result));
}

static void tell_durable(struct fixture *f, uint64_t up_to)
{
    f->spool.listener->durable(f->spool.listener, up_to);
}

/* --- */

static void a_job_goes_to_spool_and_engine_and_is_forgotten_when_that_has_it(void **state)
{
    struct fixture f;
    open_with(&f, true);
    be_ready(&f);
    assert_true(put_job(&f, "j1", 11));
    assert_int_equal(f.put_count, 1);
    assert_int_equal(f.write_count, 1);
    assert_string_equal(f.writes[0].key, "eu-west-1.Build");
    assert_string_equal(f.writes[0].body, "body of j1");
    assert_string_equal(f.writes[0].once, ID_OF_J1 ":1");
    assert_int_equal(f.confirmed, 0);
    tell_durable(&f, f.put[0]);
    assert_int_equal(f.confirmed, 1);
    assert_int_equal(f.last_confirmed, 11);
    assert_int_equal(f.forgotten_count, 0);
    answer(&f, 0, ENGINE_DONE);
    assert_int_equal(f.confirmed, 1);
    assert_int_equal(f.forgotten_count, 1);
    assert_int_equal(f.forgotten[0], f.put[0]);
    close_it(&f);
    finish(&f);
    assert_int_equal(f.lost, 0);
}

static void what_the_engine_has_needs_no_disk(void **state)
{
    struct fixture f;
    open_with(&f, true);
    be_ready(&f);
    assert_true(put_job(&f, "j1", 11));
    answer(&f, 0, ENGINE_DUPLICATE);
    assert_int_equal(f.last_confirmed, 11);
    assert_int_equal(f.forgotten_count, 1);
    tell_durable(&f, f.put[0]);
    assert_int_equal(f.confirmed, 1);
    struct queue_sink_figures figures;
    queue_sink_figures(f.sink, &figures);
    assert_int_equal(figures.held, 0);
    assert_int_equal(figures.published, 1);
    assert_int_equal(figures.duplicates, 1);
    close_it(&f);
    finish(&f);
}

static void without_a_spool_the_engine_confirms_alone(void **state)
{
    struct fixture f;
    open_with(&f, false);
    assert_true(put_job(&f, "j1", 11));
    assert_int_equal(f.confirmed, 0);
    be_ready(&f);
    close_it(&f);
    uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_false(f.closed); /* its ticket is open */
    answer(&f, 0, ENGINE_DONE);
    assert_int_equal(f.last_confirmed, 11);
    finish(&f);
}

static void what_is_not_taken_is_written_again_under_its_once_id(void **state)
{
    struct fixture f;
    open_with(&f, true);
    be_ready(&f);
    assert_true(put_job(&f, "j1", 11));
    tell_durable(&f, f.put[0]);
    answer(&f, 0, ENGINE_FULL);
    assert_string_equal(f.log, "1 found job waits here: the fleet's queue is full (are there "
                               "workers that take jobs from it?)");
    assert_int_equal(f.forgotten_count, 0);
    assert_int_equal(f.write_count, 1);
    while (f.write_count < 2) /* a pause of 250 ms */
        uv_run(&f.loop, UV_RUN_ONCE);
    assert_string_equal(f.writes[1].once, f.writes[0].once);
    answer(&f, 0, ENGINE_DONE); /* of the first write: it is not out any more */
    assert_int_equal(f.forgotten_count, 0);
    answer(&f, 1, ENGINE_DONE);
    assert_int_equal(f.forgotten_count, 1);
    assert_string_equal(f.log, "the fleet's queue has all jobs that waited for it");
    close_it(&f);
    finish(&f);
}

static void a_job_that_waited_half_an_hour_gets_another_once_id(void **state)
{
    struct fixture f;
    open_with(&f, true);
    assert_true(put_job(&f, "j1", 11));
    now_of_test = 600000 + 2400000;
    be_ready(&f);
    assert_string_equal(f.writes[0].once, ID_OF_J1 ":5");
    answer(&f, 0, ENGINE_DONE);
    close_it(&f);
    finish(&f);
}

/* The first message's nonce will not do any more. */
static void a_custom_job_that_was_handed_out_again_is_another_message(void **state)
{
    struct fixture f;
    open_with(&f, true);
    be_ready(&f);
    static const char *const nonces[] = { "3", "4", "3" };
    for (size_t i = 0; i < 3; i++) {
        assert_true(put_custom_job(&f, "j1", nonces[i], 11 + i));
        answer(&f, i, i < 2 ? ENGINE_DONE : ENGINE_DUPLICATE);
    }
    assert_string_not_equal(f.writes[0].once, f.writes[1].once);
    assert_string_equal(f.writes[0].once, f.writes[2].once);
    close_it(&f);
    finish(&f);
}

static void credit_is_the_room_that_is_left(void **state)
{
    struct fixture f;
    open_with(&f, true);
    assert_int_equal(f.sink->credit(f.sink), MOST);
    assert_true(put_job(&f, "j1", 1));
    assert_true(put_job(&f, "j2", 2));
    assert_true(put_job(&f, "j3", 3));
    assert_int_equal(f.sink->credit(f.sink), 1);
    assert_true(put_job(&f, "j4", 4));
    assert_int_equal(f.sink->credit(f.sink), 0);
    assert_false(put_job(&f, "j5", 5));
    assert_int_equal(f.put_count, MOST);
    be_ready(&f);
    assert_int_equal(f.rooms, 0);
    answer(&f, 0, ENGINE_DONE);
    assert_int_equal(f.rooms, 1);
    assert_int_equal(f.sink->credit(f.sink), 1);
    answer(&f, 1, ENGINE_DONE); /* nobody asked in vain since */
    assert_int_equal(f.rooms, 1);
    f.spool_is_ill = true;
    assert_int_equal(f.sink->credit(f.sink), 0);
    assert_false(put_job(&f, "j5", 5));
    f.spool_is_ill = false;
    f.spool.listener->room(f.spool.listener);
    assert_int_equal(f.rooms, 2);
    queue_sink_on_state(f.sink, ENGINE_AWAY);
    tell_durable(&f, UINT64_MAX);
    close_it(&f);
    finish(&f);
}

static void what_the_spool_held_goes_first(void **state)
{
    struct fixture f;
    open_with(&f, true);
    for (uint64_t i = 1; i <= MOST + 1; i++) {
        const struct spooled_job job = {
            .number = 6 + i, .found_ms = 600000, .id = STR("old"), .key = STR("k"), .body = STR("b")
        };
        assert_int_equal(queue_sink_add_held(f.sink, &job), 0);
    }
    assert_int_equal(f.sink->credit(f.sink), 0);
    be_ready(&f);
    size_t i = 0;
    for (; i < 2; i++)
        answer(&f, i, ENGINE_DONE);
    assert_int_equal(f.rooms, 1);
    assert_true(put_job(&f, "new", 1));
    for (; i < MOST + 2; i++) {
        assert_string_equal(f.writes[i].body, i < MOST + 1 ? "b" : "body of new");
        answer(&f, i, ENGINE_DONE);
    }
    assert_int_equal(f.put[0], 6 + MOST + 2);
    assert_int_equal(f.forgotten[0], 7);
    close_it(&f);
    finish(&f);
}

static void the_end_waits_for_an_engine_that_is_well(void **state)
{
    struct fixture f;
    open_with(&f, true);
    be_ready(&f);
    assert_true(put_job(&f, "j1", 1));
    tell_durable(&f, f.put[0]);
    close_it(&f);
    uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_false(f.closed);
    char text[64];
    struct buf awaited = BUF_ON(text);
    f.sink->put_awaited(f.sink, &awaited);
    assert_str_equal(buf_str(&awaited), "the fleet's queue to take 1 job");
    answer(&f, 0, ENGINE_UNKNOWN); /* it is not: the job is in the spool */
    uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_true(f.closed);
    finish(&f);
    assert_int_equal(f.forgotten_count, 0);
}

static void the_end_waits_for_the_disk_and_not_for_an_engine_that_is_away(void **state)
{
    struct fixture f;
    open_with(&f, true);
    assert_true(put_job(&f, "j1", 1));
    close_it(&f);
    uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_false(f.closed);
    char text[64];
    struct buf awaited = BUF_ON(text);
    f.sink->put_awaited(f.sink, &awaited);
    assert_str_equal(buf_str(&awaited), "the spool's disk to take 1 job");
    tell_durable(&f, f.put[0]);
    finish(&f);
    assert_int_equal(f.confirmed, 1);
}

static void giving_up_loses_what_is_not_confirmed(void **state)
{
    struct fixture f;
    open_with(&f, true);
    assert_true(put_job(&f, "j1", 1));
    tell_durable(&f, f.put[0]);
    assert_true(put_job(&f, "j2", 2));
    f.sink->give_up(f.sink);
    assert_int_equal(f.lost, 1);
    assert_int_equal(f.last_lost, 2);
    assert_true(f.lines_gave_up);
    assert_true(put_job(&f, "j3", 3));
    assert_int_equal(f.last_lost, 3);
    tell_durable(&f, f.put[1]);
    assert_int_equal(f.confirmed, 1);
    close_it(&f);
    finish(&f);
}

static void other_records_are_lines_and_other_tickets_are_not_ours(void **state)
{
    struct fixture f;
    open_with(&f, true);
    const struct record r = { .kind = RECORD_HEALTH };
    assert_true(f.sink->put(f.sink, &r, 0));
    assert_int_equal(f.records, 1);
    assert_false(queue_sink_on_written(f.sink, 5, ENGINE_DONE));
    f.lines.listener->room(f.lines.listener);
    assert_int_equal(f.rooms, 1);
    close_it(&f);
    finish(&f);
}

static void a_job_that_cannot_be_a_message_is_lost_aloud(void **state)
{
    struct fixture f;
    open_with(&f, true);
    assert_true(put_job(&f, "", 9)); /* the service left its id out */
    assert_int_equal(f.last_lost, 9);
    assert_int_equal(f.put_count, 0);
    close_it(&f);
    finish(&f);
}

static void a_full_queue_of_the_engine_is_tried_again(void **state)
{
    struct fixture f;
    open_with(&f, true);
    f.engine_room = 0;
    be_ready(&f);
    assert_true(put_job(&f, "j1", 1));
    assert_int_equal(f.write_count, 0);
    f.engine_room = 1;
    while (!f.write_count)
        uv_run(&f.loop, UV_RUN_ONCE);
    answer(&f, 0, ENGINE_DONE);
    assert_int_equal(f.confirmed, 1);
    close_it(&f);
    finish(&f);
}

/* What a spool holds may be of another version, or broken; ids may be as the service likes. */
static void what_can_never_be_written_holds_up_nobody(void **state)
{
    struct fixture f;
    char id[ENGINE_KEY_MAX + 1];
    memset(id, 'i', sizeof id);
    open_with(&f, true);
    const struct spooled_job bad = { .number = 7, .id = STR("bad"), .key = STR("no key") };
    const struct spooled_job odd = {
        .number = 8, .found_ms = 600000, .id = { id, sizeof id }, .key = STR("k"), .body = STR("b")
    };
    assert_int_equal(queue_sink_add_held(f.sink, &bad), 0);
    assert_int_equal(queue_sink_add_held(f.sink, &odd), 0);
    be_ready(&f);
    assert_string_equal(f.log, "job bad is none that the fleet's queue can take: it is dropped");
    assert_int_equal(f.forgotten_count, 1);
    assert_int_equal(f.forgotten[0], 7);
    assert_int_equal(f.write_count, 1);
    assert_string_equal(f.writes[0].body, "b");
    answer(&f, 0, ENGINE_DONE);
    close_it(&f);
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_goes_to_spool_and_engine_and_is_forgotten_when_that_has_it),
        cmocka_unit_test(what_the_engine_has_needs_no_disk),
        cmocka_unit_test(without_a_spool_the_engine_confirms_alone),
        cmocka_unit_test(what_is_not_taken_is_written_again_under_its_once_id),
        cmocka_unit_test(a_job_that_waited_half_an_hour_gets_another_once_id),
        cmocka_unit_test(a_custom_job_that_was_handed_out_again_is_another_message),
        cmocka_unit_test(credit_is_the_room_that_is_left),
        cmocka_unit_test(what_the_spool_held_goes_first),
        cmocka_unit_test(what_can_never_be_written_holds_up_nobody),
        cmocka_unit_test(the_end_waits_for_an_engine_that_is_well),
        cmocka_unit_test(the_end_waits_for_the_disk_and_not_for_an_engine_that_is_away),
        cmocka_unit_test(giving_up_loses_what_is_not_confirmed),
        cmocka_unit_test(other_records_are_lines_and_other_tickets_are_not_ours),
        cmocka_unit_test(a_job_that_cannot_be_a_message_is_lost_aloud),
        cmocka_unit_test(a_full_queue_of_the_engine_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
