/* SPDX-License-Identifier: MIT */
/* An identity in virtual time: the clock, the timer and the fetch are this file's. */
#include <stdio.h>
#include <stdlib.h>

#include "credentials/identity.h"
#include "credentials/watch.h"
#include "lib/check.h"

static const uint64_t s_ns = 1000000000;
static const uint64_t never_s = UINT64_MAX;

/* --- the world below --- */

static uint64_t now_ns, timer_ns;
static struct timer *the_timer;
static struct fetch_order order; /* of the fetch under way */
static unsigned fetches, stopped, changes, closed;
static bool under_way, at_hand, no_memory;

uint64_t timers_now_ns(void)
{
    return now_ns;
}

int timer_init(struct timer *timer, struct timers *timers, void (*fire)(struct timer *timer))
{
    timer->fire = fire;
    the_timer = timer;
    timer_ns = TIMER_OFF;
    return 0;
}

void timer_deinit(struct timer *timer)
{
    the_timer = NULL;
}

void timer_set(struct timer *timer, uint64_t due_ns)
{
    timer_ns = due_ns;
}

int64_t timers_wall_ms(void)
{
    return (int64_t)(now_ns / 1000000);
}

/* The file that credentials are read from: looks end when the test says so. */
static struct file_stamp file_now;
static struct file_look *looking;
static unsigned looks;

bool file_stamp_eq(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->inode == b->inode;
}

int file_look_start(struct file_look *l, struct worker *w, const char *path)
{
    assert_string_equal(path, "/keys");
    assert_null(looking);
    looking = l;
    looks++;
    return 0;
}

void file_look_forget(struct file_look *l)
{
    if (looking == l)
        looking = NULL;
}

const struct alloc provider_lasting_alloc;

static struct credentials *credentials_of(const char *id, uint64_t expires_s)
{
    struct credentials_text text = { .access_key_id = str_of(id), .secret_access_key = STR("s") };
    struct credentials *credentials = NULL;
    credentials_new(&credentials, &(struct alloc) { 0 }, &text, expires_s);
    return credentials;
}

bool fetch_at_once(struct fetch_outcome *out, const struct credentials_config *config,
                   const struct provider_host *host)
{
    if (at_hand)
        *out = (struct fetch_outcome) { .credentials = credentials_of("AKIDHAND", never_s),
                                        .label = "given" };
    return at_hand;
}

int fetch_start(struct fetch **out, const struct fetch_order *o)
{
    assert_false(under_way);
    if (no_memory)
        return PIPEPOLL_ENOMEM;
    order = *o;
    *out = (struct fetch *)&order;
    under_way = true;
    fetches++;
    return 0;
}

void fetch_stop(struct fetch *f)
{
    stopped++;
}

/* --- the identity under test --- */

static int64_t wall_s(void *ctx)
{
    return (int64_t)(now_ns / s_ns);
}

static void on_change(struct identity *id, void *ctx)
{
    changes++;
}

static void on_closed(void *ctx)
{
    closed++;
}

static struct rng dice;
static const struct provider_host host = { .rng = &dice, .now_s = wall_s };
static struct pipepoll_credentials config;

static struct identity *open_identity(void)
{
    struct identity_options o = { .host = &host, .config = &config, .on_change = on_change };
    struct identity *id = NULL;
    now_ns = 1000 * s_ns;
    fetches = stopped = changes = closed = 0;
    under_way = no_memory = false;
    dice.state = 7;
    config.refs = 1;
    assert_int_equal(identity_open(&id, &o), 0);
    identity_want(id, true);
    return id;
}

static void close_identity(struct identity *id)
{
    identity_close(id, on_closed, NULL);
    if (under_way) {
        under_way = false;
        order.on_done(order.ctx, &(struct fetch_outcome) { .why = { .text = "stopped" } });
    }
    assert_int_equal(closed, 0);
    the_timer->fire(the_timer);
    assert_int_equal(closed, 1);
    assert_null(the_timer);
    assert_int_equal(config.refs, 1);
}

/* Let time pass to this instant, and timers fire. */
static void pass_to(uint64_t to_ns)
{
    while (timer_ns <= to_ns && !under_way) {
        now_ns = timer_ns > now_ns ? timer_ns : now_ns;
        timer_ns = TIMER_OFF;
        the_timer->fire(the_timer);
    }
    now_ns = to_ns;
}

static void bring(const char *key, uint64_t lives_s, bool outlives)
{
    struct fetch_outcome got = {
        .credentials = credentials_of(key, lives_s == never_s ? never_s : now_ns / s_ns + lives_s),
        .dated_s = (int64_t)(now_ns / s_ns),
        .outlives_expiry = outlives,
        .may_change = true,
        .label = "profile p",
    };
    assert_true(under_way);
    under_way = false;
    order.on_done(order.ctx, &got);
}

static void fail_fetch(bool lasting)
{
    assert_true(under_way);
    under_way = false;
    order.on_done(order.ctx, &(struct fetch_outcome) { .lasting = lasting,
                                                       .why = { .text = "the service is away" } });
}

static void assert_key(const struct identity *id, const char *want)
{
    const struct credentials *credentials = identity_current(id);
    assert_str_equal(credentials ? credentials->access_key_id : STR("none"), want);
}

/* --- tests --- */

static void credentials_at_hand_are_current_at_once_and_for_ever(void **state)
{
    at_hand = true;
    struct identity *id = open_identity();
    at_hand = false;
    struct identity_report report;
    identity_report(id, &report);
    assert_key(id, "AKIDHAND");
    assert_true(report.usable && !report.degraded);
    assert_true(report.expires_s == INT64_MAX);
    assert_string_equal(report.label, "given");
    assert_false(identity_refused(id, &(struct pipepoll_error) { .text = "why" }));
    pass_to(now_ns + 365 * 86400 * s_ns);
    assert_int_equal(fetches, 0);
    close_identity(id);
}

static void credentials_are_refreshed_before_they_expire(void **state)
{
    struct identity *id = open_identity();
    assert_int_equal(fetches, 1);
    assert_key(id, "none");
    bring("AKID1", 3600, false);
    assert_int_equal(changes, 1);
    assert_key(id, "AKID1");
    pass_to(now_ns + 3600 * s_ns - 20 * 60 * s_ns);
    assert_int_equal(fetches, 1);
    pass_to(now_ns + 9 * 60 * s_ns);
    assert_int_equal(fetches, 2);
    assert_key(id, "AKID1"); /* while the next set comes */
    bring("AKID2", 3600, false);
    assert_key(id, "AKID2");
    close_identity(id);
}

static void a_failing_refresh_keeps_the_credentials_until_they_expire(void **state)
{
    struct identity *id = open_identity();
    struct identity_report report;
    bring("AKID1", 3600, false);
    uint64_t end_ns = now_ns + 3600 * s_ns;
    while (now_ns < end_ns - 1 * s_ns) {
        pass_to(now_ns + s_ns);
        assert_key(id, "AKID1");
        if (under_way)
            fail_fetch(false);
    }
    identity_report(id, &report);
    assert_true(report.degraded);
    assert_string_equal(report.why, "the service is away");
    changes = 0;
    pass_to(end_ns);
    assert_key(id, "none");
    assert_int_equal(changes, 1);
    while (!under_way)
        pass_to(now_ns + s_ns);
    bring("AKID2", 3600, false);
    assert_key(id, "AKID2");
    identity_report(id, &report);
    assert_string_equal(report.why, "");
    close_identity(id);
}

static void credentials_of_a_metadata_service_outlive_their_expiry(void **state)
{
    struct identity *id = open_identity();
    bring("AKID1", 3600, true);
    uint64_t end_ns = now_ns + 2 * 3600 * s_ns;
    while (now_ns < end_ns) {
        pass_to(now_ns + s_ns);
        if (under_way)
            fail_fetch(false);
    }
    assert_key(id, "AKID1");
    close_identity(id);
}

static void a_refusal_by_the_service_forces_one_fetch_a_minute(void **state)
{
    struct identity *id = open_identity();
    bring("AKID1", never_s, false);
    assert_int_equal(fetches, 1);
    assert_true(identity_refused(id, &(struct pipepoll_error) { .text = "expired" }));
    assert_true(identity_is_fetching(id));
    pass_to(now_ns);
    assert_int_equal(fetches, 2);
    assert_true(identity_refused(
        id, &(struct pipepoll_error) { .text = "expired" })); /* the one under way */
    changes = 0;
    bring("AKID2", never_s, false);
    assert_int_equal(changes, 1);
    assert_key(id, "AKID2");
    assert_false(identity_is_refused(id));
    assert_false(identity_refused(id, &(struct pipepoll_error) { .text = "expired" }));
    pass_to(now_ns + 59 * s_ns);
    assert_int_equal(fetches, 2);
    pass_to(now_ns + 2 * s_ns); /* by itself, when the minute is over */
    assert_int_equal(fetches, 3);
    changes = 0;
    fail_fetch(true); /* whoever waits must hear of the end, good or bad */
    assert_int_equal(changes, 1);
    assert_key(id, "AKID2");
    close_identity(id);
}

static void credentials_that_are_refused_are_not_usable_until_the_service_accepts_them(void **state)
{
    struct identity *id = open_identity();
    struct identity_report report;
    bring("AKID1", never_s, false);
    uint32_t serial = identity_serial(id);
    changes = 0;
    identity_refused(id, &(struct pipepoll_error) { .text = "SignatureDoesNotMatch" });
    assert_int_equal(changes, 1);
    identity_report(id, &report);
    assert_false(report.usable);
    assert_true(report.refused);
    assert_string_equal(report.why, "SignatureDoesNotMatch");
    assert_key(id, "AKID1"); /* to be tried again */
    pass_to(now_ns);
    bring("AKID1", never_s, false); /* the same */
    identity_report(id, &report);
    assert_false(report.usable);
    assert_int_equal(identity_serial(id), serial);
    changes = 0;
    identity_accepted(id);
    identity_accepted(id);
    assert_int_equal(changes, 1);
    identity_report(id, &report);
    assert_true(report.usable && !report.refused);
    assert_string_equal(report.why, "");
    pass_to(now_ns + 3600 * s_ns); /* and nothing is fetched any more */
    assert_int_equal(fetches, 2);
    close_identity(id);
}

static void the_same_credentials_are_asked_for_once_a_minute_while_they_are_refused(void **state)
{
    struct identity *id = open_identity();
    bring("AKID1", never_s, false);
    identity_refused(id, &(struct pipepoll_error) { .text = "expired" });
    uint64_t end_ns = now_ns + 3600 * s_ns;
    while (now_ns < end_ns) {
        pass_to(now_ns + s_ns);
        if (under_way)
            bring("AKID1", never_s, false);
        identity_refused(id, &(struct pipepoll_error) { .text = "expired" });
    }
    assert_in_range(fetches, 55, 62);
    close_identity(id);
}

/* What the fetch under way read. */
static void read_file(uint64_t inode)
{
    file_now.inode = inode;
    watch_note(order.watch, "/keys", &file_now);
}

static void end_look(void)
{
    struct file_look *l = looking;
    assert_non_null(l);
    looking = NULL;
    l->on_done(l, &file_now);
}

static void a_file_is_looked_at_each_second_while_its_credentials_are_refused(void **state)
{
    struct identity *id = open_identity();
    looks = 0;
    read_file(1);
    bring("AKID1", never_s, false);
    pass_to(now_ns + 60 * s_ns);
    assert_int_equal(looks, 0); /* the credentials are good: nobody looks */
    identity_refused(id, &(struct pipepoll_error) { .text = "expired" });
    pass_to(now_ns);
    read_file(1);
    bring("AKID1", never_s, false);
    for (unsigned i = 1; i <= 10; i++) {
        pass_to(now_ns + 1250 * s_ns / 1000);
        assert_int_equal(looks, i);
        end_look();
    }
    assert_int_equal(fetches, 2);
    file_now.inode = 2;
    pass_to(now_ns + 1250 * s_ns / 1000);
    end_look();
    pass_to(now_ns);
    assert_int_equal(fetches, 3);
    read_file(2);
    bring("AKID2", never_s, false);
    assert_true(identity_serial(id) == 2);
    looks = 0;
    pass_to(now_ns + 60 * s_ns);
    assert_int_equal(looks, 0);
    close_identity(id);
}

static void a_file_without_credentials_is_looked_at_each_second(void **state)
{
    struct identity *id = open_identity();
    looks = 0;
    read_file(1);
    fail_fetch(true);
    pass_to(now_ns + 1250 * s_ns / 1000);
    assert_int_equal(looks, 1);
    file_now.inode = 2;
    end_look();
    pass_to(now_ns);
    assert_int_equal(fetches, 2);
    read_file(2);
    bring("AKID1", never_s, false);
    assert_key(id, "AKID1");
    close_identity(id);
}

static void a_file_that_changed_as_it_was_read_is_read_once_more(void **state)
{
    struct identity *id = open_identity();
    file_now = (struct file_stamp) { .inode = 1, .changed_ns = (int64_t)now_ns };
    watch_note(order.watch, "/keys", &file_now);
    assert_int_equal(order.watch->files[0].stamp.changed_ns, 0);
    fail_fetch(true);
    close_identity(id);
    file_now = (struct file_stamp) { 0 };
}

static void closing_forgets_the_look_under_way(void **state)
{
    struct identity *id = open_identity();
    read_file(1);
    fail_fetch(true);
    pass_to(now_ns + 2 * s_ns);
    assert_non_null(looking);
    close_identity(id);
    assert_null(looking);
}

static void a_retry_asks_at_once_for_credentials_that_do_not_serve(void **state)
{
    struct identity *id = open_identity();
    fail_fetch(true);
    pass_to(now_ns + s_ns);
    assert_int_equal(fetches, 1);
    identity_retry(id);
    pass_to(now_ns);
    assert_int_equal(fetches, 2);
    identity_retry(id); /* the one under way */
    bring("AKID1", never_s, false);
    identity_retry(id); /* all is well */
    pass_to(now_ns + s_ns);
    assert_int_equal(fetches, 2);
    identity_refused(id, &(struct pipepoll_error) { .text = "expired" });
    pass_to(now_ns);
    bring("AKID1", never_s, false);
    identity_retry(id); /* although it was asked for within the minute */
    pass_to(now_ns);
    assert_int_equal(fetches, 4);
    bring("AKID2", never_s, false);
    close_identity(id);
}

static void credentials_that_expire_while_others_are_fetched_say_so(void **state)
{
    struct identity *id = open_identity();
    struct identity_report report;
    bring("AKID1", 3600, false);
    uint64_t end_ns = now_ns + 3600 * s_ns;
    while (!under_way)
        pass_to(now_ns + s_ns); /* and this fetch does not end */
    now_ns = end_ns;
    the_timer->fire(the_timer);
    identity_report(id, &report);
    assert_false(report.usable);
    assert_non_null(strstr(report.why, "have expired"));
    close_identity(id);
}

static void credentials_that_had_expired_when_they_came_are_no_credentials(void **state)
{
    struct identity *id = open_identity();
    struct identity_report report;
    bring("AKID1", 0, false);
    assert_key(id, "none");
    identity_report(id, &report);
    assert_non_null(strstr(report.why, "expired"));
    close_identity(id);
}

/* "9999-12-31T23:59:59Z" is some tools' word for never; 2611 is where 64 bits of ns end. */
static void credentials_that_expire_in_centuries_are_good_credentials(void **state)
{
    static const uint64_t years[] = { 100, 584, 585, 650, 7973 };
    for (size_t i = 0; i < sizeof years / sizeof *years; i++) {
        struct identity *id = open_identity();
        bring("AKID1", years[i] * 365 * 86400, false);
        pass_to(now_ns + 50 * 365 * 86400 * s_ns);
        assert_key(id, "AKID1");
        assert_int_equal(fetches, 1);
        close_identity(id);
    }
}

static void expired_credentials_that_serve_on_say_why(void **state)
{
    struct identity *id = open_identity();
    struct identity_report report;
    bring("AKID1", 0, true);
    assert_key(id, "AKID1");
    identity_report(id, &report);
    assert_true(report.degraded);
    assert_non_null(strstr(report.why, "expired"));
    close_identity(id);
}

static void whoever_waits_hears_that_there_was_no_memory(void **state)
{
    struct identity *id = open_identity();
    bring("AKID1", never_s, false);
    assert_true(identity_refused(id, &(struct pipepoll_error) { .text = "expired" }));
    no_memory = true;
    changes = 0;
    pass_to(now_ns);
    assert_true(changes > 0);
    close_identity(id);
}

static void a_step_of_the_calendar_clock_changes_nothing(void **state)
{
    struct identity *id = open_identity();
    struct fetch_outcome got = {
        .credentials = credentials_of("AKID1", 5000000 + 3600),
        .dated_s = 5000000, /* the service's clock: far from ours */
        .may_change = true,
        .label = "profile p",
    };
    under_way = false;
    order.on_done(order.ctx, &got);
    pass_to(now_ns + 3600 * s_ns - 20 * 60 * s_ns);
    assert_int_equal(fetches, 1);
    assert_key(id, "AKID1");
    pass_to(now_ns + 9 * 60 * s_ns);
    assert_int_equal(fetches, 2);
    close_identity(id);
}

static void without_memory_for_a_fetch_it_tries_again(void **state)
{
    struct identity *id = open_identity();
    bring("AKID1", 3600, false);
    no_memory = true;
    pass_to(now_ns + 3000 * s_ns);
    assert_int_equal(fetches, 1);
    assert_key(id, "AKID1");
    no_memory = false;
    while (!under_way)
        pass_to(now_ns + s_ns);
    assert_int_equal(fetches, 2);
    close_identity(id);
}

static void closing_stops_the_fetch_and_waits_for_its_end(void **state)
{
    struct identity *id = open_identity();
    identity_close(id, on_closed, NULL);
    assert_int_equal(stopped, 1);
    assert_true(timer_ns == TIMER_OFF);
    under_way = false;
    struct fetch_outcome late = { .credentials = credentials_of("AKIDLATE", never_s) };
    order.on_done(order.ctx, &late);
    assert_int_equal(closed, 0);
    the_timer->fire(the_timer);
    assert_int_equal(closed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_at_hand_are_current_at_once_and_for_ever),
        cmocka_unit_test(credentials_are_refreshed_before_they_expire),
        cmocka_unit_test(a_failing_refresh_keeps_the_credentials_until_they_expire),
        cmocka_unit_test(credentials_of_a_metadata_service_outlive_their_expiry),
        cmocka_unit_test(a_refusal_by_the_service_forces_one_fetch_a_minute),
        cmocka_unit_test(
            credentials_that_are_refused_are_not_usable_until_the_service_accepts_them),
        cmocka_unit_test(the_same_credentials_are_asked_for_once_a_minute_while_they_are_refused),
        cmocka_unit_test(a_file_is_looked_at_each_second_while_its_credentials_are_refused),
        cmocka_unit_test(a_file_without_credentials_is_looked_at_each_second),
        cmocka_unit_test(a_file_that_changed_as_it_was_read_is_read_once_more),
        cmocka_unit_test(closing_forgets_the_look_under_way),
        cmocka_unit_test(a_retry_asks_at_once_for_credentials_that_do_not_serve),
        cmocka_unit_test(credentials_that_expire_while_others_are_fetched_say_so),
        cmocka_unit_test(credentials_that_had_expired_when_they_came_are_no_credentials),
        cmocka_unit_test(credentials_that_expire_in_centuries_are_good_credentials),
        cmocka_unit_test(expired_credentials_that_serve_on_say_why),
        cmocka_unit_test(whoever_waits_hears_that_there_was_no_memory),
        cmocka_unit_test(a_step_of_the_calendar_clock_changes_nothing),
        cmocka_unit_test(without_memory_for_a_fetch_it_tries_again),
        cmocka_unit_test(closing_stops_the_fetch_and_waits_for_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
