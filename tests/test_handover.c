/* SPDX-License-Identifier: MIT */
/* The bargain between the daemon and a sink, with a sink that does what a test wants: so many
 * places, and confirmation in any order, as of programs that work jobs off or of a queue that
 * acknowledges. What the log says goes to stderr, which is a file here. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"
#include "daemon/handover.h"
#include "lib/check.h"

enum { PLACES = 4 };

struct places {
    struct sink sink;
    uint64_t tickets[PLACES]; /* 0: free */
    size_t others;
    uint64_t first; /* ticket that it ever had */
    bool gives_up_all;
};

static struct places *places_of(struct sink *s)
{
    return CONTAINER_OF(s, struct places, sink);
}

static size_t credit(struct sink *self)
{
    size_t n = 0;
    for (size_t i = 0; i < PLACES; i++)
        n += !places_of(self)->tickets[i];
    return n;
}

static bool put(struct sink *self, const struct record *what, uint64_t ticket)
{
    struct places *p = places_of(self);
    if (what->kind != RECORD_JOB) {
        assert_int_equal(ticket, 0);
        p->others++;
        return true;
    }
    assert_true(ticket != 0);
    for (size_t i = 0; i < PLACES; i++)
        if (!p->tickets[i]) {
            p->tickets[i] = ticket;
            p->first = p->first ? p->first : ticket;
            return true;
        }
    return false;
}

static void give_up(struct sink *self)
{
    struct places *p = places_of(self);
    for (size_t i = 0; p->gives_up_all && i < PLACES; i++)
        if (p->tickets[i])
            sink_lose(self, p->tickets[i]);
}

struct fixture {
    struct places places;
    struct handover handover;
    struct logger logger;
    unsigned rooms, settled[2];
    const char *broken;
    FILE *log;
    int saved_stderr;
};

static void on_room(void *ctx)
{
    ((struct fixture *)ctx)->rooms++;
}

static void on_broken(void *ctx, const char *why)
{
    ((struct fixture *)ctx)->broken = why;
}

static void on_settled(void *ctx, uint32_t giver)
{
    ((struct fixture *)ctx)->settled[giver]++;
}

static void fixture_open(struct fixture *f)
{
    *f = (struct fixture) { .places.sink = { .undone = "not done",
                                             .capacity = PLACES,
                                             .credit = credit,
                                             .put = put,
                                             .give_up = give_up },
                            .logger.level = PIPEPOLL_INFO };
    f->handover =
        (struct handover) { .room = on_room, .broken = on_broken, .settled = on_settled, .ctx = f };
    f->log = tmpfile();
    fflush(stderr);
    f->saved_stderr = dup(STDERR_FILENO);
    dup2(fileno(f->log), STDERR_FILENO);
    handover_open(&f->handover, &f->places.sink, &f->logger);
}

/* How often the log has this. */
static unsigned logged(struct fixture *f, const char *what)
{
    static char text[65536];
    unsigned count = 0;
    ssize_t len = pread(fileno(f->log), text, sizeof text - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

static void fixture_close(struct fixture *f)
{
    handover_deinit(&f->handover);
    dup2(f->saved_stderr, STDERR_FILENO);
    close(f->saved_stderr);
    fclose(f->log);
}

static bool put_job(struct fixture *f, const char *id, uint32_t giver)
{
    const struct record r = { .kind = RECORD_JOB,
                              .job = { .job_id = str_of(id), .nonce = STR("secret-nonce") } };
    return handover_put(&f->handover, &r, giver);
}

static void confirm(struct fixture *f, size_t place)
{
    uint64_t ticket = f->places.tickets[place];
    f->places.tickets[place] = 0;
    sink_confirm(&f->places.sink, ticket);
}

static void jobs_are_open_until_they_are_confirmed_in_any_order(void **state)
{
    struct fixture f;
    fixture_open(&f);
    assert_true(put_job(&f, "a", 0) && put_job(&f, "b", 1) && put_job(&f, "c", 0));
    assert_int_equal(f.handover.open, 3);
    confirm(&f, 2);
    confirm(&f, 0);
    assert_int_equal(f.handover.open, 1);
    assert_int_equal(f.settled[0], 2);
    assert_int_equal(f.settled[1], 0);
    assert_true(put_job(&f, "d", 0)); /* in a place that was used before */
    confirm(&f, 1);
    confirm(&f, 0);
    assert_int_equal(f.handover.open, 0);
    assert_int_equal(f.settled[0] + f.settled[1], 4);
    assert_int_equal(logged(&f, "not done"), 0);
    fixture_close(&f);
}

static void a_job_that_finds_no_room_stays_with_its_giver(void **state)
{
    struct fixture f;
    fixture_open(&f);
    for (int i = 0; i < PLACES; i++)
        assert_true(put_job(&f, "a", 0));
    assert_false(put_job(&f, "late", 0));
    assert_int_equal(f.handover.open, PLACES);
    assert_int_equal(f.handover.lost, 0);
    assert_int_equal(logged(&f, "late"), 0);
    confirm(&f, 0);
    assert_true(put_job(&f, "late", 0));
    fixture_close(&f);
}

static void a_job_that_is_lost_is_named_whole_and_once(void **state)
{
    struct fixture f;
    fixture_open(&f);
    put_job(&f, "kept", 0);
    put_job(&f, "gone", 1);
    uint64_t ticket = f.places.tickets[1];
    sink_lose(&f.places.sink, ticket);
    sink_lose(&f.places.sink, ticket);
    sink_confirm(&f.places.sink, ticket);
    assert_int_equal(f.handover.open, 1);
    assert_int_equal(f.handover.lost, 1);
    assert_int_equal(f.settled[1], 1);
    assert_int_equal(logged(&f, "not done: {\"event\":\"job\""), 1);
    assert_int_equal(logged(&f, "\"jobId\":\"gone\""), 1);
    assert_int_equal(logged(&f, "secret-nonce"), 0);
    fixture_close(&f);
}

/* Of a sink that confirms twice, the second time when another job has the place. */
static void an_old_ticket_is_not_that_of_the_next_job(void **state)
{
    struct fixture f;
    fixture_open(&f);
    put_job(&f, "old", 0);
    confirm(&f, 0);
    put_job(&f, "new", 0);
    sink_confirm(&f.places.sink, f.places.first);
    sink_lose(&f.places.sink, f.places.first);
    sink_confirm(&f.places.sink, 0);
    sink_confirm(&f.places.sink, UINT64_MAX);
    assert_int_equal(f.handover.open, 1);
    assert_int_equal(logged(&f, "new"), 0);
    fixture_close(&f);
}

static void at_the_end_every_job_that_is_not_confirmed_is_named_once(void **state)
{
    for (int all = 0; all < 2; all++) { /* does the sink say so itself? */
        struct fixture f;
        fixture_open(&f);
        f.places.gives_up_all = all;
        put_job(&f, "a", 0);
        put_job(&f, "b", 0);
        put_job(&f, "c", 0);
        confirm(&f, 1);
        handover_give_up(&f.handover);
        assert_true(put_job(&f, "d", 1)); /* from a queue, or by a poll that ends just now */
        assert_int_equal(f.handover.lost, 3);
        assert_int_equal(f.handover.open, 0);
        assert_int_equal(logged(&f, "\"jobId\":\"a\""), 1);
        assert_int_equal(logged(&f, "\"jobId\":\"b\""), 0);
        assert_int_equal(logged(&f, "\"jobId\":\"c\""), 1);
        assert_int_equal(logged(&f, "\"jobId\":\"d\""), 1);
        fixture_close(&f);
    }
}

static void other_records_pass_without_a_ticket(void **state)
{
    struct fixture f;
    const struct record r = { .kind = RECORD_HEALTH };
    fixture_open(&f);
    assert_true(handover_put(&f.handover, &r, 0));
    assert_int_equal(f.places.others, 1);
    assert_int_equal(f.handover.open, 0);
    sink_tell_room(&f.places.sink);
    assert_int_equal(f.rooms, 1);
    sink_tell_broken(&f.places.sink, "no more");
    assert_string_equal(f.broken, "no more");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_open_until_they_are_confirmed_in_any_order),
        cmocka_unit_test(a_job_that_finds_no_room_stays_with_its_giver),
        cmocka_unit_test(a_job_that_is_lost_is_named_whole_and_once),
        cmocka_unit_test(an_old_ticket_is_not_that_of_the_next_job),
        cmocka_unit_test(at_the_end_every_job_that_is_not_confirmed_is_named_once),
        cmocka_unit_test(other_records_pass_without_a_ticket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
