/* SPDX-License-Identifier: MIT */
/* One member by hand: the test is the log, the engine and the clock. What many of them make
 * together is in test_lease_simulation.c; here what a simulation does not reach, and what it costs
 * at scale. */
#include "fleet/lease.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fleet/catalogue.h"
#include "fleet/rendezvous.h"
#include "lib/check.h"
#include "lib/lease_look.h"

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

enum { QUEUE = 4096 };

/* What the lease asked for; the first writes are answered first. */
struct bench {
    struct lease *lease;
    uint64_t now_ns, sequence;
    struct {
        char key[BEAT_KEY_SIZE], *body;
        size_t len;
        uint64_t ticket;
    } queue[QUEUE];
    size_t first, queued;
    bool is_full, swallows; /* takes nothing; answers nothing */
    unsigned watches, removes, starts, stops, wakes;
    unsigned drains, catalogues; /* written */
    uint64_t last_start, last_epoch, last_stop;
    bool ends_at_once; /* no poll is ever in flight */
    uint64_t ended[QUEUE];
    size_t ended_count;
    char name[64]; /* of the log, as it was written; empty: it has none */
    uint64_t name_sequence;
};

static bool out_write(void *ctx, str key, str body, bool absent, uint64_t ticket)
{
    struct bench *b = ctx;
    if (b->is_full || b->queued == QUEUE)
        return false;
    assert_true(ticket && ticket < UINT64_C(1) << 48);
    size_t at = (b->first + b->queued++) % QUEUE;
    str_copy(b->queue[at].key, sizeof b->queue[at].key, key);
    b->queue[at].body = malloc(body.len + 1);
    memcpy(b->queue[at].body, body.ptr, body.len);
    b->queue[at].len = body.len;
    b->queue[at].ticket = ticket;
    return true;
}

static void out_watch(void *ctx)
{
    ((struct bench *)ctx)->watches++;
}

static void out_remove(void *ctx, str key)
{
    ((struct bench *)ctx)->removes++;
}

static void out_start(void *ctx, uint64_t target, uint64_t epoch)
{
    struct bench *b = ctx;
    b->starts++;
    b->last_start = target;
    b->last_epoch = epoch;
}

static void out_stop(void *ctx, uint64_t target)
{
    struct bench *b = ctx;
    b->stops++;
    b->last_stop = target;
    if (b->ends_at_once)
        b->ended[b->ended_count++] = target;
}

static void out_may_poll(void *ctx)
{
    ((struct bench *)ctx)->wakes++;
}

static void open_bench(struct bench *b, struct lease_times times)
{
    memset(b, 0, sizeof *b);
    b->now_ns = 1000 * S;
    const struct lease_config config = { .member = STR("me"),
                                         .incarnation = 7,
                                         .times = times,
                                         .output = { out_write, out_watch, out_remove, out_start,
                                                     out_stop, out_may_poll, b } };
    assert_int_equal(lease_open(&b->lease, &config, b->now_ns), 0);
}

static void close_bench(struct bench *b)
{
    lease_close(b->lease);
    for (; b->queued; b->queued--, b->first++)
        free(b->queue[b->first % QUEUE].body);
}

static void see(struct bench *b, const char *key, str body)
{
    lease_seen(b->lease, str_of(key), body, ++b->sequence, b->now_ns);
}

/* The log takes the oldest write, and shows it. */
static void answer(struct bench *b, enum engine_result result)
{
    size_t at = b->first++ % QUEUE;
    b->queued--;
    lease_written(b->lease, b->queue[at].ticket, result, b->now_ns);
    str body = { b->queue[at].body, b->queue[at].len };
    if (result == ENGINE_DONE)
        see(b, b->queue[at].key, body);
    b->drains += b->queue[at].key[0] == 'd';
    b->catalogues += b->queue[at].key[0] == 'c';
    if (result == ENGINE_DONE && b->queue[at].key[0] == 'l') {
        str_copy(b->name, sizeof b->name, body);
        b->name_sequence = b->sequence;
    }
    free(b->queue[at].body);
}

/* The watch has brought all again, the name of the log as well. */
static void pass(struct bench *b)
{
    if (b->name[0])
        lease_seen(b->lease, STR("l.name"), str_of(b->name), b->name_sequence, b->now_ns);
    lease_caught_up(b->lease, b->now_ns);
}

/* For so long, with an engine that answers at once. */
static void run(struct bench *b, uint64_t ns)
{
    uint64_t until_ns = b->now_ns + ns;
    for (;;) {
        uint64_t next_ns = lease_tick(b->lease, b->now_ns);
        for (; b->ended_count; next_ns = b->now_ns)
            lease_ended(b->lease, b->ended[--b->ended_count], b->now_ns);
        while (b->queued && !b->swallows) {
            answer(b, ENGINE_DONE);
            next_ns = b->now_ns;
        }
        if (next_ns > until_ns)
            break;
        b->now_ns = next_ns;
    }
    b->now_ns = until_ns;
    (void)lease_tick(b->lease, until_ns);
}

static void start(struct bench *b, const uint64_t *targets, size_t count)
{
    open_bench(b, LEASE_TIMES_DEFAULT);
    assert_int_equal(lease_set_targets(b->lease, targets, count, b->now_ns), 0);
    lease_engine(b->lease, true, b->now_ns);
    (void)lease_tick(b->lease, b->now_ns);
    assert_int_equal(b->watches, 1);
}

/* Alone in its fleet: has all targets. */
static void start_alone(struct bench *b, const uint64_t *targets, size_t count)
{
    start(b, targets, count);
    lease_caught_up(b->lease, b->now_ns);
    run(b, S);
}

static struct lease_summary summary(const struct bench *b)
{
    struct lease_summary s;
    lease_summary(b->lease, &s);
    return s;
}

/* A beat of somebody else. */
static void beat(struct bench *b, const char *who, uint64_t incarnation, enum beat_state state,
                 uint64_t catalogue, uint64_t held)
{
    char room[BEAT_BODY_SIZE], key[BEAT_KEY_SIZE];
    struct buf out = BUF_ON(room);
    beat_put(&out, &(struct beat) { .member = str_of(who),
                                    .incarnation = incarnation,
                                    .number = 1,
                                    .state = state,
                                    .catalogue = catalogue,
                                    .held = held });
    snprintf(key, sizeof key, "m.%s", who);
    see(b, key, buf_str(&out));
}

/* incarnation 0: given back */
static void claim(struct bench *b, uint64_t target, uint64_t epoch, const char *who,
                  uint64_t incarnation)
{
    char room[BEAT_BODY_SIZE], key[BEAT_KEY_SIZE];
    struct buf out = BUF_ON(room), name = BUF_ON(key);
    beat_claim_put(&out, &(struct beat_claim) { str_of(who), incarnation, !incarnation });
    beat_key_put(&name, &(struct beat_key) { BEAT_KIND_CLAIM, .hash = target, .number = epoch });
    see(b, buf_cstr(&name), buf_str(&out));
}

/* --- tests --- */

static const uint64_t THREE[] = { 30, 10, 20, 10 };

static void who_is_alone_takes_all_and_each_once(void **state)
{
    static struct bench b;
    struct lease_target_view view;
    start_alone(&b, THREE, 4);
    assert_int_equal(b.starts, 3);
    assert_int_equal(summary(&b).held, 3);
    assert_int_equal(summary(&b).targets, 3);
    assert_true(lease_find(b.lease, 20, &view) && view.is_ours && view.epoch == 1);
    assert_str_equal(view.holder, "me");
    assert_true(lease_may_poll(b.lease, b.now_ns));
    close_bench(&b);
}

static void nothing_is_claimed_before_the_log_was_read(void **state)
{
    static struct bench b;
    start(&b, THREE, 4);
    run(&b, 5 * S);
    assert_int_equal(summary(&b).claims, 0);
    assert_false(lease_may_poll(b.lease, b.now_ns));
    close_bench(&b);
}

static void a_claim_goes_on_from_the_highest_epoch(void **state)
{
    static struct bench b;
    start(&b, THREE, 1);
    claim(&b, 30, 7, "old", 0);
    claim(&b, 30, 6, "old", 3);
    lease_caught_up(b.lease, b.now_ns);
    run(&b, S);
    assert_true(b.last_start == 30 && b.last_epoch == 8);
    close_bench(&b);
}

static void the_fence_falls_without_acknowledged_beats(void **state)
{
    static struct bench b;
    start_alone(&b, THREE, 4);
    b.swallows = true;
    run(&b, 7 * S);
    assert_true(lease_may_poll(b.lease, b.now_ns));
    run(&b, 3 * S);
    assert_false(lease_may_poll(b.lease, b.now_ns));
    assert_int_equal(b.stops, 3);
    assert_true(summary(&b).is_fenced && summary(&b).held == 0);
    close_bench(&b);
}

/* A poll is refused, and before the tick that would have stopped its target an answer comes: the
 * target stays ours, and nothing but a wake-up makes it poll again. */
static void who_was_refused_is_woken_though_nothing_was_stopped(void **state)
{
    static struct bench b;
    (void)state;
    start_alone(&b, THREE, 4);
    b.swallows = true;
    while (lease_may_poll(b.lease, b.now_ns + 20 * MS))
        run(&b, 10 * MS);
    b.now_ns += 20 * MS; /* the fence has fallen, and we were not ticked since */
    assert_false(lease_may_poll(b.lease, b.now_ns));
    assert_int_equal(b.wakes, 0);
    b.swallows = false;
    while (b.queued)
        answer(&b, ENGINE_DONE);
    run(&b, MS);
    assert_int_equal(b.stops, 0);
    assert_true(lease_may_poll(b.lease, b.now_ns));
    assert_int_equal(b.wakes, 1);
    run(&b, 60 * S);
    assert_int_equal(b.wakes, 1); /* once is enough */
    close_bench(&b);
}

static void who_was_refused_is_woken_after_a_fence(void **state)
{
    static struct bench b;
    (void)state;
    start_alone(&b, THREE, 4);
    b.ends_at_once = true;
    b.now_ns += 9900 * MS;
    assert_false(lease_may_poll(b.lease, b.now_ns));
    (void)lease_tick(b.lease, b.now_ns);
    assert_int_equal(b.stops, 3);
    assert_int_equal(b.wakes, 0);
    run(&b, 60 * S);
    assert_int_equal(b.wakes, 1);
    assert_int_equal(summary(&b).held, 3);
    close_bench(&b);
}

static void the_fence_falls_for_one_who_stood_still(void **state)
{
    static struct bench b;
    start_alone(&b, THREE, 4);
    b.now_ns += 11 * S; /* asked before anything else of the loop runs */
    assert_false(lease_may_poll(b.lease, b.now_ns));
    (void)lease_tick(b.lease, b.now_ns);
    assert_int_equal(b.stops, 3);
    close_bench(&b);
}

static uint64_t patience_with(const struct bench *b, const char *who)
{
    struct lease_member m;
    for (size_t at = 0; lease_next_member(b->lease, &at, b->now_ns, &m);)
        if (str_eq(m.id, str_of(who)))
            return m.patience_ns;
    return 0;
}

/* A member that beats more rarely than we do, or does not say how often, is waited for. */
static void the_slower_of_two_says_when_the_other_is_dead(void **state)
{
    const struct lease_times slow = LEASE_TIMES_DEFAULT, fast = LEASE_TIMES_FAST;
    const struct {
        struct lease_times own;
        uint64_t every_ms, dead_ns;
    } rows[] = {
        { fast, 700, 2800 * MS },
        { fast, 2500, 10 * S },
        { fast, 0, 10 * S },
        { fast, 3500, 10 * S },
        { fast, UINT64_MAX / 10, 10 * S },
        { slow, 700, 10 * S },
        { slow, 2500, 10 * S },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct bench b;
        char room[BEAT_BODY_SIZE];
        struct buf out = BUF_ON(room);
        const struct beat other = { .member = STR("other"),
                                    .incarnation = 9,
                                    .number = 1,
                                    .state = BEAT_HI,
                                    .every_ms = rows[i].every_ms };
        open_bench(&b, rows[i].own);
        lease_engine(b.lease, true, b.now_ns);
        (void)lease_tick(b.lease, b.now_ns);
        lease_caught_up(b.lease, b.now_ns);
        run(&b, 20 * S);
        beat_put(&out, &other);
        see(&b, "m.other", buf_str(&out));
        assert_true(patience_with(&b, "other") == rows[i].dead_ns);
        run(&b, rows[i].dead_ns - 200 * MS);
        assert_true(lease_is_alive(b.lease, STR("other")));
        run(&b, S);
        assert_false(lease_is_alive(b.lease, STR("other")));
        close_bench(&b);
    }
}

/* Another process of our name, whose next beat is as far away as its times say. */
static void a_process_of_our_name_that_beats_rarely_is_stood_back_from(void **state)
{
    static struct bench b;
    open_bench(&b, LEASE_TIMES_FAST);
    assert_int_equal(lease_set_targets(b.lease, THREE, 4, b.now_ns), 0);
    lease_engine(b.lease, true, b.now_ns);
    (void)lease_tick(b.lease, b.now_ns);
    for (uint64_t number = 1; number <= 2; number++) {
        char room[BEAT_BODY_SIZE];
        struct buf out = BUF_ON(room);
        beat_put(&out, &(struct beat) { .member = STR("me"),
                                        .incarnation = 3,
                                        .number = number,
                                        .state = BEAT_HI,
                                        .every_ms = 2500 });
        see(&b, "m.me", buf_str(&out));
        if (number == 1)
            lease_caught_up(b.lease, b.now_ns);
        run(&b, 100 * MS);
    }
    run(&b, 4 * S);
    assert_int_equal(summary(&b).claims, 0);
    run(&b, 10 * S);
    assert_int_equal(summary(&b).held, 3);
    close_bench(&b);
}

static void it_claims_anew_only_when_the_poll_has_ended(void **state)
{
    static struct bench b;
    start_alone(&b, THREE, 1);
    b.now_ns += 11 * S;
    run(&b, 20 * S);
    assert_int_equal(b.starts, 1);
    lease_ended(b.lease, 30, b.now_ns);
    run(&b, S);
    assert_int_equal(b.starts, 2);
    assert_true(b.last_epoch == 2);
    close_bench(&b);
}

static void fill(uint64_t *targets, size_t count)
{
    for (size_t i = 0; i < count; i++) /* sorted: a step that goes round does not come back */
        targets[i] = (i + 1) * (UINT64_MAX / (count + 1));
}

static void what_was_ours_is_taken_again_before_the_others_are_known(void **state)
{
    static struct bench b;
    start_alone(&b, THREE, 1);
    beat(&b, "other", 9, BEAT_HI, 0, 0);
    b.now_ns += 11 * S;
    (void)lease_tick(b.lease, b.now_ns);
    assert_int_equal(b.stops, 1);
    lease_ended(b.lease, 30, b.now_ns);
    run(&b, 100 * MS);
    assert_int_equal(summary(&b).state, BEAT_WAIT); /* is the other still there? */
    assert_int_equal(b.starts, 2);
    run(&b, 11 * S);
    assert_int_equal(summary(&b).state, BEAT_HI); /* it is not */
    assert_int_equal(b.starts, 2);
    close_bench(&b);
}

static void what_belongs_to_another_is_given_back_after_its_poll(void **state)
{
    static struct bench b;
    struct lease_target_view view;
    uint64_t targets[64];
    fill(targets, 64);
    start_alone(&b, targets, 64);
    beat(&b, "other", 9, BEAT_HI, catalogue_digest(targets, 64), 0);
    run(&b, 100 * MS);
    assert_true(b.stops > 16 && b.stops < 48);
    assert_true(lease_find(b.lease, b.last_stop, &view) && view.epoch == 1);
    assert_str_equal(view.holder, ""); /* we do not hold it, and the log does not say so yet */
    lease_ended(b.lease, b.last_stop, b.now_ns);
    run(&b, 100 * MS);
    claim(&b, b.last_stop, 2, "other", 9);
    assert_true(lease_find(b.lease, b.last_stop, &view) && view.epoch == 2);
    assert_str_equal(view.holder, "other");
    close_bench(&b);
}

static void a_member_without_the_target_gets_none(void **state)
{
    static struct bench b;
    uint64_t targets[64], digest;
    fill(targets, 64);
    digest = catalogue_digest(targets + 1, 63);
    start_alone(&b, targets, 64);
    beat(&b, "worker", 8, BEAT_HI, 0, 0);
    beat(&b, "other", 9, BEAT_HI, digest, 0);
    run(&b, 100 * MS);
    assert_int_equal(b.stops, 0); /* nobody knows the other's catalogue yet */
    char body[2048], key[BEAT_KEY_SIZE];
    struct buf out = BUF_ON(body);
    catalogue_put(&out, targets + 1, 63, 0);
    snprintf(key, sizeof key, "c.%016" PRIx64 ".0", digest);
    see(&b, key, buf_str(&out));
    run(&b, 100 * MS);
    assert_true(b.stops > 16 && b.stops < 48);
    close_bench(&b);
}

static void a_target_that_left_the_config_is_given_back(void **state)
{
    static struct bench b;
    struct lease_target_view view;
    start_alone(&b, THREE, 4);
    assert_int_equal(lease_set_targets(b.lease, THREE, 1, b.now_ns), 0);
    run(&b, 100 * MS);
    assert_int_equal(b.stops, 2);
    lease_ended(b.lease, 10, b.now_ns);
    lease_ended(b.lease, 20, b.now_ns);
    run(&b, 100 * MS);
    assert_true(lease_find(b.lease, 10, &view) && !view.holder.len);
    assert_int_equal(summary(&b).held, 1);
    assert_int_equal(summary(&b).targets, 1);
    close_bench(&b);
}

static void one_who_leaves_is_gone_when_all_is_given_back(void **state)
{
    static struct bench b;
    start_alone(&b, THREE, 1);
    lease_leave(b.lease, b.now_ns);
    run(&b, S);
    assert_false(lease_is_gone(b.lease));
    lease_ended(b.lease, 30, b.now_ns);
    run(&b, 100 * MS);
    assert_true(lease_is_gone(b.lease));
    close_bench(&b);
}

static void a_drained_member_holds_nothing_until_it_is_told(void **state)
{
    static struct bench b;
    start_alone(&b, THREE, 1);
    see(&b, "d.me", STR("{\"v\":1,\"drain\":true}"));
    run(&b, 100 * MS);
    assert_int_equal(b.stops, 1);
    lease_ended(b.lease, 30, b.now_ns);
    run(&b, 20 * S);
    assert_int_equal(summary(&b).state, BEAT_DRAINED);
    assert_int_equal(b.starts, 1);
    see(&b, "d.other", STR("{\"v\":1,\"drain\":false}"));
    see(&b, "d.me", STR("{\"v\":1,\"drain\":false}"));
    run(&b, S);
    assert_int_equal(b.starts, 2);
    close_bench(&b);
}

static void drain(struct bench *b, bool is_drained)
{
    char room[BEAT_BODY_SIZE];
    struct buf body = BUF_ON(room);
    beat_drain_put(&body, is_drained);
    see(b, "d.me", buf_str(&body));
}

/* The only one that polls: a run waits for the follow-up job. */
static void a_drained_member_keeps_what_it_waits_for_while_nobody_else_takes_it(void **state)
{
    static struct bench b;
    uint64_t digest = catalogue_digest((const uint64_t[]) { 10, 20, 30 }, 3);
    (void)state;
    start_alone(&b, THREE, 4);
    b.ends_at_once = true;
    lease_wait_for(b.lease, 20, true);
    drain(&b, true);
    run(&b, 30 * S);
    assert_int_equal(b.stops, 2);
    assert_int_equal(summary(&b).held, 1);
    assert_int_equal(summary(&b).state, BEAT_DRAINED);
    lease_wait_for(b.lease, 20, true); /* a second run does */
    lease_wait_for(b.lease, 20, false);
    run(&b, 30 * S);
    assert_int_equal(summary(&b).held, 1);
    lease_wait_for(b.lease, 30, true); /* one that it gave back already */
    run(&b, S);
    assert_int_equal(summary(&b).held, 2);
    lease_wait_for(b.lease, 30, false);
    run(&b, S);
    assert_int_equal(summary(&b).held, 1);
    beat(&b, "other", 8, BEAT_HI, digest, 0); /* whose it is from now on */
    run(&b, S);
    assert_int_equal(summary(&b).held, 0);
    run(&b, 60 * S); /* and that is dead */
    assert_int_equal(summary(&b).held, 1);
    lease_wait_for(b.lease, 20, false);
    run(&b, S);
    assert_int_equal(summary(&b).held, 0);
    lease_wait_for(b.lease, 20, false); /* too much is nothing */
    lease_wait_for(b.lease, 99, true);
    lease_wait_for(b.lease, 10, true);
    run(&b, S);
    lease_leave(b.lease, b.now_ns);
    run(&b, S);
    assert_true(lease_is_gone(b.lease));
    close_bench(&b);
}

static void a_second_process_of_one_name_stands_back(void **state)
{
    static struct bench b;
    start(&b, THREE, 4);
    beat(&b, "me", 99, BEAT_HI, 0, 3);
    lease_caught_up(b.lease, b.now_ns);
    for (int i = 0; i < 40; i++) {
        run(&b, S);
        beat(&b, "me", 99, BEAT_HI, 0, 3);
    }
    assert_true(summary(&b).is_duplicate);
    assert_int_equal(b.starts, 0);
    run(&b, 25 * S); /* the other has ended */
    assert_false(summary(&b).is_duplicate);
    assert_int_equal(b.starts, 3);
    close_bench(&b);
}

static void what_it_cannot_read_stays_as_it_is(void **state)
{
    static struct bench b;
    start(&b, THREE, 4);
    see(&b, "t.000000000000000a.3", STR("{\"v\":2,\"holder\":\"new\"}"));
    see(&b, "m.new", STR("{\"v\":2}"));
    see(&b, "m.bad", STR("nothing"));
    see(&b, "z.new", STR("{\"v\":1}"));
    lease_caught_up(b.lease, b.now_ns);
    run(&b, 60 * S);
    assert_int_equal(b.starts, 2);
    assert_int_equal(summary(&b).unreadable, 3);
    close_bench(&b);
}

/* It says hello, and is gone; its next process does the same. */
static void a_member_that_restarts_for_months_does_no_harm(void **state)
{
    static struct bench b;
    uint64_t digest = catalogue_digest((const uint64_t[]) { 10, 20, 30 }, 3);
    start_alone(&b, THREE, 4);
    b.ends_at_once = true;
    for (uint64_t i = 1; i <= 5000; i++) {
        beat(&b, "often", 1000 + i, BEAT_WAIT, digest, 0);
        run(&b, S);
    }
    /* Its last process takes all, and dies: we have them again. */
    claim(&b, 10, 9, "often", 6000);
    claim(&b, 20, 9, "often", 6000);
    claim(&b, 30, 9, "often", 6000);
    run(&b, 60 * S);
    assert_int_equal(summary(&b).held, 3);
    assert_int_equal(summary(&b).unheld, 0);
    assert_int_equal(summary(&b).members, 1);
    /* A new one is seen, whose turn it is. */
    beat(&b, "other", 1, BEAT_HI, digest, 0);
    assert_int_equal(summary(&b).members, 2);
    close_bench(&b);
}

/* Another log: all that it held is let go of and claimed anew, by epochs from 1 on. */
static void check_claimed_anew(struct bench *b, unsigned starts)
{
    unsigned watches = b->watches;
    b->catalogues = 0;
    run(b, 5 * S);
    assert_int_equal(b->watches, watches + 1);
    pass(b);
    run(b, 30 * S);
    assert_int_equal(summary(b).held, 3);
    assert_int_equal(b->starts, starts);
    assert_int_equal(b->last_epoch, 1);
    assert_int_equal(b->catalogues, 1);
}

static void a_log_that_was_lost_is_noticed(void **state)
{
    static struct bench b;
    struct lease_standing standing;
    start_alone(&b, THREE, 4);
    b.ends_at_once = true;
    run(&b, 30 * S);
    assert_int_equal(b.starts, 3);
    pass(&b); /* the same one */
    run(&b, 30 * S);
    assert_int_equal(b.starts, 3);
    b.name[0] = '\0'; /* without its name */
    pass(&b);
    check_claimed_anew(&b, 6);
    str_copy(b.name, sizeof b.name, STR("{\"v\":1,\"name\":\"000000000000abcd\"}"));
    b.name_sequence = b.sequence + 1;
    see(&b, "l.name", str_of(b.name));
    check_claimed_anew(&b, 9);
    b.sequence = 0; /* a state that is older, whatever its name */
    check_claimed_anew(&b, 12);
    lease_standing(b.lease, &standing);
    assert_int_equal(standing.log_losses, 3);
    close_bench(&b);
}

static void in_another_log_nothing_is_taken_before_the_living_were_heard(void **state)
{
    static struct bench b;
    uint64_t targets[64], digest;
    fill(targets, 64);
    digest = catalogue_digest(targets, 64);
    start_alone(&b, targets, 64);
    b.ends_at_once = true;
    beat(&b, "other", 8, BEAT_HI, digest, 0);
    run(&b, S);
    unsigned starts = b.starts;
    b.name[0] = '\0';
    pass(&b);
    run(&b, S);
    pass(&b);
    run(&b, 4 * S);
    assert_int_equal(b.starts, starts);
    beat(&b, "other", 8, BEAT_HI, digest, 0);
    run(&b, S);
    assert_true(b.starts > starts + 16 && b.starts < starts + 48);
    close_bench(&b);
}

static void who_is_drained_stays_drained_in_another_log(void **state)
{
    static struct bench b;
    start_alone(&b, THREE, 4);
    b.ends_at_once = true;
    run(&b, 30 * S);
    drain(&b, true);
    run(&b, S);
    assert_int_equal(summary(&b).state, BEAT_DRAINED);
    b.name[0] = '\0';
    b.sequence = 0; /* it counts from 1 */
    b.drains = 0;
    pass(&b);
    run(&b, 5 * S);
    assert_int_equal(b.drains, 1); /* which whoever looks has to see */
    pass(&b);
    run(&b, 30 * S);
    assert_int_equal(summary(&b).state, BEAT_DRAINED);
    drain(&b, false); /* by a lower number than it was asked for */
    run(&b, S);
    assert_int_equal(summary(&b).held, 3);
    close_bench(&b);
}

/* As in a log that has been there for long: nobody knows yet who of them is there. */
static void more_processes_than_places_leave_no_target_alone(void **state)
{
    enum { COUNT = 3000 };
    static struct bench b;
    static uint64_t targets[COUNT];
    for (uint64_t i = 0; i < COUNT; i++)
        targets[i] = i + 1;
    start(&b, targets, COUNT);
    for (unsigned reading = 0; reading < b.watches; reading++) {
        uint64_t last = b.sequence;
        b.sequence = 0; /* the log is told anew */
        for (uint64_t i = 0; i < COUNT; i++)
            claim(&b, i + 1, 1, "gone", i + 1);
        b.sequence = last > COUNT ? last : COUNT;
        pass(&b);
        run(&b, 60 * S);
        assert_true(reading < 10);
    }
    assert_int_equal(summary(&b).held, COUNT);
    close_bench(&b);
}

/* Each of its processes has another config, but for the targets that all have. */
static void catalogues_of_the_dead_make_room(void **state)
{
    static struct bench b;
    uint64_t targets[65];
    fill(targets, 64);
    start_alone(&b, targets, 64);
    b.ends_at_once = true;
    for (uint64_t i = 1; i <= 200; i++) {
        char body[2048], key[BEAT_KEY_SIZE];
        struct buf out = BUF_ON(body), name = BUF_ON(key);
        unsigned stops = b.stops;
        targets[64] = UINT64_MAX - i;
        uint64_t digest = catalogue_digest(targets, 65);
        catalogue_put(&out, targets, 65, 0);
        beat_key_put(&name, &(struct beat_key) { BEAT_KIND_CATALOGUE, .hash = digest });
        see(&b, buf_cstr(&name), buf_str(&out));
        beat(&b, "often", 1000 + i, BEAT_HI, digest, 0);
        run(&b, 100 * MS);
        assert_true(b.stops > stops + 16 && b.stops < stops + 48);
        run(&b, 30 * S);
        assert_int_equal(summary(&b).held, 64);
    }
    close_bench(&b);
}

static void a_catalogue_that_nobody_names_leaves_the_log_after_an_hour(void **state)
{
    static struct bench b;
    char body[512], key[BEAT_KEY_SIZE];
    struct buf out = BUF_ON(body), name = BUF_ON(key);
    const uint64_t targets[] = { 77, 78 };
    start_alone(&b, THREE, 4);
    catalogue_put(&out, targets, 2, 0);
    beat_key_put(&name,
                 &(struct beat_key) { BEAT_KIND_CATALOGUE, .hash = catalogue_digest(targets, 2) });
    see(&b, buf_cstr(&name), buf_str(&out));
    run(&b, 3590 * S);
    assert_int_equal(b.removes, 0);
    run(&b, 20 * S);
    assert_int_equal(b.removes, 1);
    close_bench(&b);
}

/* More configs than a member keeps: our own is among them. */
static void we_take_our_part_however_many_configs_there_are(void **state)
{
    enum { OTHERS = 100 };
    static struct bench b;
    uint64_t digests[OTHERS], ours = 77;
    char member[16];
    start(&b, &ours, 1);
    for (uint64_t i = 0; i < OTHERS; i++) {
        char body[512], key[BEAT_KEY_SIZE];
        struct buf out = BUF_ON(body), name = BUF_ON(key);
        const uint64_t targets[] = { 77, 1000 + i };
        digests[i] = catalogue_digest(targets, 2);
        catalogue_put(&out, targets, 2, 0);
        beat_key_put(&name, &(struct beat_key) { BEAT_KIND_CATALOGUE, .hash = digests[i] });
        see(&b, buf_cstr(&name), buf_str(&out));
    }
    lease_caught_up(b.lease, b.now_ns);
    for (int s = 0; s < 30; s++) {
        for (unsigned i = 0; i < OTHERS; i++) {
            snprintf(member, sizeof member, "m%u", i);
            beat(&b, member, 100 + i, BEAT_HI, digests[i], 1);
        }
        run(&b, S);
    }
    struct lease_standing standing;
    lease_standing(b.lease, &standing);
    assert_int_equal(standing.state, BEAT_HI);
    close_bench(&b);
}

static void a_full_queue_only_delays(void **state)
{
    static struct bench b;
    start(&b, THREE, 4);
    lease_caught_up(b.lease, b.now_ns);
    b.is_full = true;
    run(&b, 5 * S);
    assert_int_equal(b.starts, 0);
    b.is_full = false;
    run(&b, S);
    assert_int_equal(b.starts, 3);
    close_bench(&b);
}

static void a_lost_claim_is_not_repeated_at_once(void **state)
{
    static struct bench b;
    start_alone(&b, NULL, 0);
    assert_int_equal(lease_set_targets(b.lease, THREE, 1, b.now_ns), 0);
    (void)lease_tick(b.lease, b.now_ns);
    pass(&b);
    for (int i = 0; i < 10 && !summary(&b).claims; i++) {
        while (b.queued)
            answer(&b, ENGINE_DONE);
        (void)lease_tick(b.lease, b.now_ns += 20 * MS);
    }
    assert_int_equal(summary(&b).claims, 1);
    while (b.queued)
        answer(&b, b.queue[b.first % QUEUE].key[0] == 't' ? ENGINE_PRESENT : ENGINE_DONE);
    run(&b, 2 * S);
    assert_int_equal(summary(&b).claims, 1);
    run(&b, 2 * S);
    assert_int_equal(summary(&b).claims, 2);
    assert_int_equal(b.starts, 1);
    close_bench(&b);
}

static void old_epochs_leave_the_log(void **state)
{
    static struct bench b;
    start(&b, THREE, 1);
    for (uint64_t epoch = 1; epoch <= 40; epoch++)
        claim(&b, 30, epoch, "old", 0);
    lease_caught_up(b.lease, b.now_ns);
    run(&b, 10 * S);
    assert_int_equal(b.removes, 41 - 16);
    close_bench(&b);
}

/* --- at scale --- */

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* All slices of what a change starts, and the longest of them. */
static void settle(struct bench *b, double *all_ms, double *longest_ms)
{
    uint64_t next_ns;
    *all_ms = *longest_ms = 0;
    do {
        double began_ms = cpu_ms();
        next_ns = lease_tick(b->lease, b->now_ns);
        double took_ms = cpu_ms() - began_ms;
        *all_ms += took_ms;
        *longest_ms = took_ms > *longest_ms ? took_ms : *longest_ms;
    } while (next_ns <= b->now_ns);
}

/* Of `count` targets among members that all are there, one more comes: what it takes, and what it
 * costs us to see it. */
static void join(size_t count, unsigned members, double most_ms)
{
    static struct bench b;
    uint64_t *targets = malloc(count * sizeof *targets);
    char name[16];
    double all_ms, longest_ms, first_ms = cpu_ms();
    fill(targets, count);
    uint64_t digest = catalogue_digest(targets, count);
    start(&b, targets, count);
    lease_caught_up(b.lease, b.now_ns);
    for (unsigned i = 1; i < members - 1; i++) {
        snprintf(name, sizeof name, "m%u", i);
        beat(&b, name, i, BEAT_HI, digest, 0);
    }
    run(&b, 100 * MS);
    for (unsigned i = 1; i < members - 1; i++) {
        snprintf(name, sizeof name, "m%u", i);
        beat(&b, name, i, BEAT_HI, digest, 0);
    }
    b.swallows = false;
    run(&b, 2 * S);
    first_ms = cpu_ms() - first_ms;
    unsigned held = b.starts;
    assert_true(held * (members - 1) > count * 9 / 10 && held * (members - 1) < count * 11 / 10);
    beat(&b, "joiner", 4711, BEAT_HI, digest, 0);
    settle(&b, &all_ms, &longest_ms);
    printf("%zu targets, %u members: start %.0f ms, %u held; a join moves %u, %.2f ms in slices of"
           " %.2f ms\n",
           count, members, first_ms, held, b.stops, all_ms, longest_ms);
    double expected = (double)held / members, off = (double)b.stops - expected;
    assert_true(off * off < 16 * expected); /* within four standard deviations */
    assert_true(longest_ms < most_ms);
    close_bench(&b);
    free(targets);
}

static void a_join_moves_one_part_of_n_and_costs_little(void **state)
{
    join(10000, 3, 50); /* 5 ms are stated; a machine under a sanitizer or load takes longer */
    join(100000, 100, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_alone_takes_all_and_each_once),
        cmocka_unit_test(nothing_is_claimed_before_the_log_was_read),
        cmocka_unit_test(a_claim_goes_on_from_the_highest_epoch),
        cmocka_unit_test(the_fence_falls_without_acknowledged_beats),
        cmocka_unit_test(who_was_refused_is_woken_though_nothing_was_stopped),
        cmocka_unit_test(who_was_refused_is_woken_after_a_fence),
        cmocka_unit_test(the_fence_falls_for_one_who_stood_still),
        cmocka_unit_test(the_slower_of_two_says_when_the_other_is_dead),
        cmocka_unit_test(a_process_of_our_name_that_beats_rarely_is_stood_back_from),
        cmocka_unit_test(it_claims_anew_only_when_the_poll_has_ended),
        cmocka_unit_test(what_was_ours_is_taken_again_before_the_others_are_known),
        cmocka_unit_test(what_belongs_to_another_is_given_back_after_its_poll),
        cmocka_unit_test(a_member_without_the_target_gets_none),
        cmocka_unit_test(a_target_that_left_the_config_is_given_back),
        cmocka_unit_test(one_who_leaves_is_gone_when_all_is_given_back),
        cmocka_unit_test(a_drained_member_holds_nothing_until_it_is_told),
        cmocka_unit_test(a_drained_member_keeps_what_it_waits_for_while_nobody_else_takes_it),
        cmocka_unit_test(a_second_process_of_one_name_stands_back),
        cmocka_unit_test(what_it_cannot_read_stays_as_it_is),
        cmocka_unit_test(a_member_that_restarts_for_months_does_no_harm),
        cmocka_unit_test(a_log_that_was_lost_is_noticed),
        cmocka_unit_test(in_another_log_nothing_is_taken_before_the_living_were_heard),
        cmocka_unit_test(who_is_drained_stays_drained_in_another_log),
        cmocka_unit_test(more_processes_than_places_leave_no_target_alone),
        cmocka_unit_test(catalogues_of_the_dead_make_room),
        cmocka_unit_test(a_catalogue_that_nobody_names_leaves_the_log_after_an_hour),
        cmocka_unit_test(we_take_our_part_however_many_configs_there_are),
        cmocka_unit_test(a_full_queue_only_delays),
        cmocka_unit_test(a_lost_claim_is_not_repeated_at_once),
        cmocka_unit_test(old_epochs_leave_the_log),
        cmocka_unit_test(a_join_moves_one_part_of_n_and_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
