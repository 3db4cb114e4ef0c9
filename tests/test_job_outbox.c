/* SPDX-License-Identifier: MIT */
/* The outbox of one member between a fleet that the test makes up and an engine in memory: whose
 * results it sends, how many at a time, and what is left in the engine afterwards. Time is the
 * test's own. */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "daemon/job_outbox_parts.h"
#include "lib/check.h"
#include "lib/fake_engine.h"
#include "lib/freed_memory.h"

#define MS UINT64_C(1000000)

enum { SENT_MAX = 256, OF_OTHERS_MAX = 64, BYTES_OF_OTHERS_MAX = 4 << 20, A_WEEK_OF_LOOKS = 170 };

struct bench {
    uv_loop_t loop;
    uint64_t now_ms;
    struct fake *fake;
    struct engine *engine;
    struct fleet_listener *listener;
    struct job_outbox *outbox;
    bool is_dead_there; /* the other member's beats are missing */
    bool has_no_target, is_joining;
    unsigned more_dead; /* besides */
    struct outbox_entry *sent[SENT_MAX];
    size_t sent_count, sent_bytes;
};

static struct bench *bench; /* of whom struct fleet is */

/* --- the fleet --- */

uint64_t __wrap_uv_now(const uv_loop_t *loop);

uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
    (void)loop;
    return bench->now_ms;
}

struct engine *fleet_engine(struct fleet *f)
{
    (void)f;
    return bench->engine;
}

str fleet_member(const struct fleet *f)
{
    (void)f;
    return STR("me");
}

bool fleet_is_ready(const struct fleet *f)
{
    (void)f;
    return true;
}

struct lease *fleet_lease(const struct fleet *f)
{
    (void)f;
    return NULL;
}

void fleet_listen(struct fleet *f, struct fleet_listener *l)
{
    (void)f;
    bench->listener = l;
}

void fleet_listen_no_more(struct fleet *f, struct fleet_listener *l)
{
    (void)f, (void)l;
    bench->listener = NULL;
}

bool lease_next_member(const struct lease *l, size_t *at, uint64_t now_ns, struct lease_member *out)
{
    size_t i = (*at)++;
    (void)l, (void)now_ns;
    *out = (struct lease_member) { .id = i ? STR("other") : STR("me"),
                                   .incarnation = i + 7,
                                   .is_self = i == 0,
                                   .state = bench->is_joining ? BEAT_WAIT : BEAT_HI,
                                   .is_dead = i && bench->is_dead_there };
    if (i > 1) {
        static char ids[128][32];
        snprintf(ids[i % 128], sizeof ids[0], "dead-%zu", i);
        out->id = str_of(ids[i % 128]);
        out->is_dead = true;
    }
    return i < 2 + bench->more_dead;
}

bool lease_is_alive(const struct lease *l, str member)
{
    return str_eq(member, STR("other")) && !bench->is_dead_there;
}

/* --- the engine's events --- */

static void on_state(void *ctx, enum engine_state state, str why)
{
    struct bench *b = ctx;
    (void)why;
    if (b->listener)
        b->listener->engine(b->listener, state);
}

static void on_written(void *ctx, uint64_t ticket, enum engine_result result)
{
    struct bench *b = ctx;
    if (b->listener)
        b->listener->written(b->listener, ticket, result);
}

static void on_seen(void *ctx, enum engine_log log, str key, str body, uint64_t sequence)
{
    struct bench *b = ctx;
    (void)sequence;
    if (b->listener)
        b->listener->seen(b->listener, log, key, body);
}

static void on_caught_up(void *ctx, enum engine_log log)
{
    struct bench *b = ctx;
    if (b->listener)
        b->listener->caught_up(b->listener, log);
}

/* --- those who send --- */

static bool can_send(void *ctx, const struct result_message *m)
{
    struct bench *b = ctx;
    return !b->has_no_target && m->target == 7;
}

static bool send_it(void *ctx, const struct result_message *m, struct outbox_entry *e)
{
    struct bench *b = ctx;
    assert_true(b->sent_count < SENT_MAX);
    b->sent[b->sent_count++] = e;
    b->sent_bytes += m->entry.success->summary.len;
    return true;
}

/* The service has answered all of them; is_settled: it knows the result. */
static void end_all(struct bench *b, bool is_settled)
{
    while (b->sent_count)
        job_outbox_ended(b->sent[--b->sent_count], is_settled);
    b->sent_bytes = 0;
}

/* --- --- */

/* The moment is over in which results of ours are gathered. */
static void write_own(struct bench *b)
{
    uv_timer_t *timer = &b->outbox->gather_timer;
    if (uv_is_active((uv_handle_t *)timer))
        timer->timer_cb(timer);
}

static void settle(struct bench *b)
{
    write_own(b);
    fake_run(b->fake, fake_now(b->fake) + 4000 * MS);
}

/* There is one look at a time: at the other's results, at our own, at whose there are. */
static void pass(struct bench *b, uint64_t ms)
{
    b->now_ms += ms;
    for (int looks = 0; looks < 3; looks++) {
        outbox_on_timer(&b->outbox->timer);
        settle(b);
    }
}

static void open_bench(struct bench *b)
{
    const struct engine_events events = { on_state, on_written, on_seen, on_caught_up, NULL, b };
    *b = (struct bench) { .now_ms = 1000000, .is_dead_there = true };
    bench = b;
    assert_int_equal(uv_loop_init(&b->loop), 0);
    b->fake = fake_open(1);
    b->engine =
        fake_join(b->fake, &(struct fake_member) { .least_ns = 1000, .most_ns = 2000 }, &events);
    const struct job_outbox_options o = {
        .loop = &b->loop, .takes = true, .can_send = can_send, .send = send_it, .ctx = b
    };
    assert_int_equal(job_outbox_open(&b->outbox, &o), PIPEPOLL_OK);
    b->engine->watch(b->engine, ENGINE_LEASES, STR("")); /* as the leases do */
    settle(b);
}

static void on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

static void close_bench(struct bench *b)
{
    bool is_closed = false;
    end_all(b, false);
    job_outbox_close(b->outbox, on_closed, &is_closed);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_true(is_closed);
    fake_close(b->fake);
    assert_int_equal(uv_loop_close(&b->loop), 0);
}

static struct pipepoll_journal_entry entry_of(const char *job_id, struct pipepoll_success *s)
{
    struct pipepoll_journal_entry e = PIPEPOLL_JOURNAL_ENTRY_INIT;
    e.state = PIPEPOLL_JOURNAL_REPORTING;
    e.region = STR("eu-west-1");
    e.job_id = str_of(job_id);
    e.client_id = STR("client");
    e.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") };
    e.success = s;
    return e;
}

/* A member left so many results, of so many bytes each. */
static void leave_results(struct bench *b, const char *member, unsigned count, size_t size)
{
    char *text = malloc(size + 1024), *summary = calloc(1, size + 1), key[64], id[32];
    memset(summary, 'x', size);
    for (unsigned i = 0; i < count; i++) {
        struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
        s.summary = str_of(summary);
        snprintf(id, sizeof id, "job-%u", i);
        const struct result_message m = { .target = 7,
                                          .member = str_of(member),
                                          .entry = entry_of(id, &s) };
        struct buf body = { .at = text, .cap = size + 1024 };
        result_message_put(&body, &m);
        assert_false(body.overflow);
        snprintf(key, sizeof key, "%s.%s", member, id);
        fake_put(b->fake, ENGINE_OUTBOX, str_of(key), buf_str(&body));
    }
    free(summary);
    free(text);
}

/* --- tests --- */

static void results_of_a_dead_member_are_sent_and_leave_nothing(void **state)
{
    static struct bench b;
    open_bench(&b);
    leave_results(&b, "other", 3, 10);
    b.is_dead_there = false;
    pass(&b, 0);
    assert_int_equal(b.sent_count, 0);
    b.is_dead_there = true;
    pass(&b, 0);
    assert_int_equal(b.sent_count, 3);
    assert_int_equal(fake_count(b.fake, ENGINE_LEASES), 3); /* the claims */
    end_all(&b, true);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    assert_int_equal(fake_count(b.fake, ENGINE_LEASES), 0);
    close_bench(&b);
}

static void at_most_64_results_of_others_are_in_hand_and_the_rest_follows(void **state)
{
    static struct bench b;
    open_bench(&b);
    leave_results(&b, "other", 100, 10);
    pass(&b, 0);
    assert_int_equal(b.sent_count, OF_OTHERS_MAX);
    pass(&b, 60000);
    assert_int_equal(b.sent_count, OF_OTHERS_MAX); /* none has ended */
    end_all(&b, true);
    pass(&b, 5000);
    assert_int_equal(b.sent_count, 100 - OF_OTHERS_MAX);
    end_all(&b, true);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    assert_int_equal(fake_count(b.fake, ENGINE_LEASES), 0);
    close_bench(&b);
}

static void at_most_4_MiB_of_others_are_in_hand_and_the_rest_follows(void **state)
{
    enum { SIZE = 500000, COUNT = 20 };
    static struct bench b;
    unsigned sent = 0;
    open_bench(&b);
    leave_results(&b, "other", COUNT, SIZE);
    for (unsigned looks = 0; looks < 5 && sent < COUNT; looks++) {
        pass(&b, 5000);
        assert_true(b.sent_count > 0 && b.sent_bytes <= BYTES_OF_OTHERS_MAX);
        sent += (unsigned)b.sent_count;
        end_all(&b, true);
    }
    assert_int_equal(sent, COUNT);
    close_bench(&b);
}

static void a_result_without_a_token_is_left_and_claimed_again_later(void **state)
{
    static struct bench b;
    open_bench(&b);
    leave_results(&b, "other", 1, 10);
    pass(&b, 0);
    assert_int_equal(b.sent_count, 1);
    end_all(&b, false); /* NO_TOKEN */
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 1);
    assert_int_equal(b.outbox->taken, 0); /* it keeps no place */
    pass(&b, 30000);
    assert_int_equal(b.sent_count, 0); /* the pause: a third member has its turn */
    pass(&b, 30000);
    assert_int_equal(b.sent_count, 1);
    end_all(&b, true);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    assert_int_equal(fake_count(b.fake, ENGINE_LEASES), 0);
    close_bench(&b);
}

static void what_another_has_claimed_is_not_sent(void **state)
{
    static struct bench b;
    open_bench(&b);
    leave_results(&b, "other", 1, 10);
    fake_put(b.fake, ENGINE_LEASES, STR("o.other.job-0.0000000000000008.0"), STR("{\"v\":1}"));
    pass(&b, 0);
    assert_int_equal(b.sent_count, 0);
    pass(&b, 60000); /* that one has died as well */
    assert_int_equal(b.sent_count, 1);
    close_bench(&b);
}

static void what_nobody_could_send_in_a_week_is_dropped(void **state)
{
    static struct bench b;
    open_bench(&b);
    leave_results(&b, "other", 1, 10);
    for (int i = 0; i < A_WEEK_OF_LOOKS; i++) {
        pass(&b, 64 * 60000);
        end_all(&b, false);
    }
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    assert_int_equal(fake_count(b.fake, ENGINE_LEASES), 0);
    close_bench(&b);
}

/* Its beat left the log, and whoever is there now has never heard of it. */
static void results_of_one_whom_nobody_remembers_are_sent(void **state)
{
    static struct bench b;
    open_bench(&b);
    b.is_dead_there = false;
    leave_results(&b, "forgotten", 2, 10);
    leave_results(&b, "other", 1, 10); /* which is alive */
    b.is_joining = true;               /* and does not know who is there */
    pass(&b, 0);
    pass(&b, 60000);
    pass(&b, 1000);
    assert_int_equal(b.sent_count, 0);
    b.is_joining = false;
    pass(&b, 60000);
    pass(&b, 1000);
    assert_int_equal(b.sent_count, 2);
    end_all(&b, true);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 1);
    assert_int_equal(fake_count(b.fake, ENGINE_LEASES), 0);
    close_bench(&b);
}

static void of_more_dead_members_than_places_each_has_its_turn(void **state)
{
    static struct bench b;
    open_bench(&b);
    b.more_dead = 40;
    leave_results(&b, "dead-41", 1, 10);
    for (int i = 0; i < 200 && !b.sent_count; i++)
        pass(&b, 60000);
    assert_int_equal(b.sent_count, 1);
    close_bench(&b);
}

static void our_result_goes_when_it_has_ended_and_its_write_is_answered(void **state)
{
    static struct bench b;
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    open_bench(&b);
    const struct pipepoll_journal_entry entry = entry_of("mine", &s);
    struct outbox_entry *e = job_outbox_note(b.outbox, 7, &entry, false);
    assert_non_null(e);
    settle(&b);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 1);
    job_outbox_ended(e, true);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    e = job_outbox_note(b.outbox, 7, &entry, false);
    write_own(&b);
    job_outbox_ended(e, true); /* before the answer */
    settle(&b);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    job_outbox_ended(job_outbox_note(b.outbox, 7, &entry, false), true); /* before it was written */
    settle(&b);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    job_outbox_ended(job_outbox_note(b.outbox, 7, &entry, false),
                     false); /* another member has to send it */
    settle(&b);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 1);
    close_bench(&b);
}

/* Who stood still was dead for another member, which claimed the result, and died. */
static void claims_on_our_result_go_with_it(void **state)
{
    static struct bench b;
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    open_bench(&b);
    const struct pipepoll_journal_entry entry = entry_of("mine", &s);
    struct outbox_entry *e = job_outbox_note(b.outbox, 7, &entry, false);
    settle(&b);
    fake_put(b.fake, ENGINE_LEASES, STR("o.me.mine.0000000000000007.0"), STR("{\"v\":1}"));
    fake_put(b.fake, ENGINE_LEASES, STR("o.men.mine.0000000000000007.0"), STR("{\"v\":1}"));
    settle(&b);
    job_outbox_ended(e, true);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    assert_int_equal(fake_count(b.fake, ENGINE_LEASES), 1); /* of a member of another name */
    close_bench(&b);
}

static void our_result_is_written_when_it_could_not_be_at_first(void **state)
{
    static struct bench b;
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    open_bench(&b);
    const struct pipepoll_journal_entry entry = entry_of("mine", &s);
    fake_refuse(b.fake, ENGINE_OUTBOX, ENGINE_FULL);
    struct outbox_entry *e = job_outbox_note(b.outbox, 7, &entry, false);
    settle(&b);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    fake_refuse(b.fake, ENGINE_OUTBOX, ENGINE_DONE);
    settle(&b);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 1);
    job_outbox_ended(e, true);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    close_bench(&b);
}

/* Its stream was deleted, say, and is made again. */
static void our_result_is_written_anew_when_the_engine_comes_back(void **state)
{
    static struct bench b;
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    open_bench(&b);
    const struct pipepoll_journal_entry entry = entry_of("mine", &s);
    struct outbox_entry *e = job_outbox_note(b.outbox, 7, &entry, false);
    settle(&b);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 1);
    fake_outage(b.fake, true);
    fake_lose(b.fake);
    settle(&b);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    fake_outage(b.fake, false);
    settle(&b);
    settle(&b);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 1);
    job_outbox_ended(e, true);
    settle(&b);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    close_bench(&b);
}

static void a_result_that_the_journal_brought_back_is_written_and_goes(void **state)
{
    static struct bench b;
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    open_bench(&b);
    const struct pipepoll_journal_entry entry = entry_of("mine", &s);
    struct outbox_entry *e = job_outbox_note(b.outbox, 7, &entry, true);
    settle(&b);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 1);
    job_outbox_ended(e, true);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    fake_put(b.fake, ENGINE_OUTBOX, STR("me.mine"), STR("{}")); /* by the earlier run */
    fake_put(b.fake, ENGINE_LEASES, STR("o.me.mine.0000000000000007.0"), STR("{\"v\":1}"));
    job_outbox_ended(job_outbox_note(b.outbox, 7, &entry, true), true);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    assert_int_equal(fake_count(b.fake, ENGINE_LEASES), 0);
    close_bench(&b);
}

static void our_result_leaves_no_copy(void **state)
{
    static struct bench b;
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    s.summary = STR(CANARY);
    open_bench(&b);
    const struct pipepoll_journal_entry entry = entry_of("mine", &s);
    job_outbox_ended(job_outbox_note(b.outbox, 7, &entry, false), true); /* before it was written */
    assert_int_equal(freed_with_canary, 0);
    close_bench(&b);
}

/* Else it would be sent once more. */
static void at_the_end_what_is_settled_goes_though_its_write_is_not_answered(void **state)
{
    static struct bench b;
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    bool is_closed = false;
    open_bench(&b);
    uint64_t most_ns = fake_now(b.fake) + MS;
    const struct pipepoll_journal_entry entry = entry_of("mine", &s);
    struct outbox_entry *e = job_outbox_note(b.outbox, 7, &entry, false);
    write_own(&b);
    while (!fake_count(b.fake, ENGINE_OUTBOX) && fake_now(b.fake) < most_ns) /* unanswered */
        fake_run(b.fake, fake_now(b.fake) + 100);
    assert_int_equal(e->state, OUTBOX_WRITING);
    job_outbox_ended(e, true);
    job_outbox_close(b.outbox, on_closed, &is_closed);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    assert_true(is_closed);
    fake_run(b.fake, fake_now(b.fake) + 4000 * MS);
    assert_int_equal(fake_count(b.fake, ENGINE_OUTBOX), 0);
    fake_close(b.fake);
    assert_int_equal(uv_loop_close(&b.loop), 0);
}

static void claims_of_results_that_are_gone_go_at_the_next_look(void **state)
{
    static struct bench b;
    open_bench(&b);
    fake_put(b.fake, ENGINE_LEASES, STR("o.other.old.0000000000000008.0"), STR("{\"v\":1}"));
    fake_put(b.fake, ENGINE_LEASES, STR("o.me.old.0000000000000007.3"), STR("{\"v\":1}"));
    settle(&b);
    pass(&b, 1000);
    pass(&b, 60000);
    pass(&b, 1000);
    assert_int_equal(fake_count(b.fake, ENGINE_LEASES), 0);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_of_a_dead_member_are_sent_and_leave_nothing),
        cmocka_unit_test(at_most_64_results_of_others_are_in_hand_and_the_rest_follows),
        cmocka_unit_test(at_most_4_MiB_of_others_are_in_hand_and_the_rest_follows),
        cmocka_unit_test(a_result_without_a_token_is_left_and_claimed_again_later),
        cmocka_unit_test(what_another_has_claimed_is_not_sent),
        cmocka_unit_test(what_nobody_could_send_in_a_week_is_dropped),
        cmocka_unit_test(results_of_one_whom_nobody_remembers_are_sent),
        cmocka_unit_test(of_more_dead_members_than_places_each_has_its_turn),
        cmocka_unit_test(our_result_goes_when_it_has_ended_and_its_write_is_answered),
        cmocka_unit_test(claims_on_our_result_go_with_it),
        cmocka_unit_test(our_result_is_written_when_it_could_not_be_at_first),
        cmocka_unit_test(our_result_is_written_anew_when_the_engine_comes_back),
        cmocka_unit_test(a_result_that_the_journal_brought_back_is_written_and_goes),
        cmocka_unit_test(our_result_leaves_no_copy),
        cmocka_unit_test(at_the_end_what_is_settled_goes_though_its_write_is_not_answered),
        cmocka_unit_test(claims_of_results_that_are_gone_go_at_the_next_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
