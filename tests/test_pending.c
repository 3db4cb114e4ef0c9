/* SPDX-License-Identifier: MIT */
/* Records that find no room: which of them are kept, in what order they go, and that none goes
 * without a word. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "daemon/pending.h"
#include "lib/check.h"

enum { SEEN_MAX = PENDING_OTHERS_MAX + 64 };

struct fixture {
    struct intake intake;
    struct pending pending;
    struct logger logger;
    size_t room, seen_count;
    char (*seen)[32]; /* what was put, in order */
    char log[256];
};

static struct fixture *now; /* for the logger's words */

static bool put(void *ctx, const struct record *what)
{
    struct fixture *f = ctx;
    if (!f->room)
        return false;
    f->room--;
    assert_true(f->seen_count < SEEN_MAX);
    char *at = f->seen[f->seen_count++];
    if (what->kind == RECORD_CREDENTIALS)
        snprintf(at, sizeof *f->seen, "%.*s %s", STR_ARG(what->credentials.source),
                 what->credentials.usable ? "usable" : "unusable");
    else
        snprintf(at, sizeof *f->seen, "%.*s/%.*s %s", STR_ARG(what->health.from.name),
                 STR_ARG(what->health.from.region),
                 what->health.removed                 ? "removed"
                 : what->health.health == HEALTH_WELL ? "well"
                                                      : "ill");
    return true;
}

/* Instead of the real one. */
void logger_printf(const struct logger *log, enum pipepoll_level level, const struct subject *about,
                   const char *format, ...)
{
    va_list args;
    assert_ptr_equal(log, &now->logger);
    assert_int_equal(level, PIPEPOLL_WARNING);
    va_start(args, format);
    vsnprintf(now->log, sizeof now->log, format, args);
    va_end(args);
}

static void set_up(struct fixture *f)
{
    *f = (struct fixture) { .intake = { .put = put, .ctx = f } };
    f->seen = calloc(SEEN_MAX, sizeof *f->seen);
    pending_init(&f->pending, &f->intake, &f->logger);
    now = f;
}

static void tear_down(struct fixture *f)
{
    pending_give_up(&f->pending);
    free(f->seen);
}

static void put_health(struct fixture *f, const char *name, const char *region, enum health health,
                       bool removed)
{
    char borrowed[32], where[32];
    struct record r = { .kind = RECORD_HEALTH };
    snprintf(borrowed, sizeof borrowed, "%s", name);
    snprintf(where, sizeof where, "%s", region);
    r.health.from = (struct record_target) { .name = str_of(borrowed), .region = str_of(where) };
    r.health.health = health;
    r.health.removed = removed;
    pending_put(&f->pending, &r);
    memset(borrowed, '?', sizeof borrowed);
    memset(where, '?', sizeof where);
}

static void put_credentials(struct fixture *f, const char *source, bool usable)
{
    struct record r = { .kind = RECORD_CREDENTIALS };
    r.credentials.source = str_of(source);
    r.credentials.usable = usable;
    pending_put(&f->pending, &r);
}

static void make_room(struct fixture *f, size_t room)
{
    f->room = room;
    pending_on_room(&f->pending);
}

static void with_room_a_record_goes_at_once(void **state)
{
    struct fixture f;
    set_up(&f);
    f.room = 2;
    put_health(&f, "a", "r", HEALTH_ILL, false);
    put_credentials(&f, "s", true);
    assert_int_equal(f.seen_count, 2);
    assert_int_equal(f.pending.count, 0);
    tear_down(&f);
}

static void the_newest_of_each_target_and_source_waits_and_goes_in_order(void **state)
{
    struct fixture f;
    set_up(&f);
    put_health(&f, "a", "r", HEALTH_ILL, false);
    put_credentials(&f, "env", false);
    put_health(&f, "a", "q", HEALTH_ILL, false);
    put_credentials(&f, "file", false);
    put_health(&f, "a", "r", HEALTH_WELL, false);
    put_credentials(&f, "env", true);
    assert_int_equal(f.pending.count, 4);
    make_room(&f, SIZE_MAX);
    assert_int_equal(f.seen_count, 4);
    assert_string_equal(f.seen[0], "a/q ill");
    assert_string_equal(f.seen[1], "file unusable");
    assert_string_equal(f.seen[2], "a/r well");
    assert_string_equal(f.seen[3], "env usable");
    assert_string_equal(f.log, "");
    tear_down(&f);
}

static void the_last_record_of_a_removed_target_waits_as_well(void **state)
{
    struct fixture f;
    set_up(&f);
    put_health(&f, "a", "r", HEALTH_ILL, false);
    put_health(&f, "a", "r", HEALTH_ILL, true);
    assert_int_equal(f.pending.count, 1);
    make_room(&f, 1);
    assert_int_equal(f.seen_count, 1);
    assert_string_equal(f.seen[0], "a/r removed");
    tear_down(&f);
}

static void no_record_overtakes_one_that_waits(void **state)
{
    struct fixture f;
    set_up(&f);
    put_health(&f, "a", "r", HEALTH_ILL, false);
    put_health(&f, "b", "r", HEALTH_ILL, false);
    make_room(&f, 1);
    f.room = 1;
    put_health(&f, "c", "r", HEALTH_ILL, false);
    assert_int_equal(f.seen_count, 1);
    make_room(&f, 2);
    assert_string_equal(f.seen[0], "a/r ill");
    assert_string_equal(f.seen[1], "b/r ill");
    assert_string_equal(f.seen[2], "c/r ill");
    tear_down(&f);
}

static void targets_that_differ_in_their_action_type_alone_are_two(void **state)
{
    struct fixture f;
    struct record r = { .kind = RECORD_HEALTH, .health = { .from = { .name = STR_INIT("a") } } };
    set_up(&f);
    r.health.from.action_type.version = STR("1");
    pending_put(&f.pending, &r);
    r.health.from.action_type.version = STR("2");
    pending_put(&f.pending, &r);
    assert_int_equal(f.pending.count, 2);
    tear_down(&f);
}

static void what_has_no_live_target_is_bounded_and_the_rest_counted(void **state)
{
    struct fixture f;
    char name[32];
    set_up(&f);
    put_health(&f, "live", "r", HEALTH_ILL, false);
    for (unsigned i = 0; i < PENDING_OTHERS_MAX + 3; i++) {
        snprintf(name, sizeof name, "%u", i);
        put_health(&f, name, "r", HEALTH_ILL, true);
    }
    put_health(&f, "another", "r", HEALTH_ILL, false);
    put_health(&f, "0", "r", HEALTH_ILL, true); /* takes the place of its older one */
    assert_int_equal(f.pending.count, PENDING_OTHERS_MAX + 2);
    make_room(&f, 1);
    assert_string_equal(f.log, "");
    make_room(&f, SIZE_MAX);
    assert_int_equal(f.seen_count, PENDING_OTHERS_MAX + 2);
    assert_non_null(strstr(f.log, "left out: 3;"));
    put_credentials(&f, "s", true);
    assert_string_equal(f.seen[f.seen_count - 1], "s usable");
    tear_down(&f);
}

static void the_end_takes_what_room_there_is_and_counts_the_rest(void **state)
{
    struct fixture f;
    set_up(&f);
    put_health(&f, "a", "r", HEALTH_ILL, false);
    put_credentials(&f, "s", false);
    put_credentials(&f, "t", false);
    f.room = 1;
    tear_down(&f);
    assert_int_equal(f.seen_count, 1);
    assert_non_null(strstr(f.log, "left out: 2;"));
}

static void ending_a_zeroed_one_is_fine(void **state)
{
    struct pending zeroed = { .count = 0 };
    pending_give_up(&zeroed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_room_a_record_goes_at_once),
        cmocka_unit_test(the_newest_of_each_target_and_source_waits_and_goes_in_order),
        cmocka_unit_test(the_last_record_of_a_removed_target_waits_as_well),
        cmocka_unit_test(no_record_overtakes_one_that_waits),
        cmocka_unit_test(targets_that_differ_in_their_action_type_alone_are_two),
        cmocka_unit_test(what_has_no_live_target_is_bounded_and_the_rest_counted),
        cmocka_unit_test(the_end_takes_what_room_there_is_and_counts_the_rest),
        cmocka_unit_test(ending_a_zeroed_one_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
