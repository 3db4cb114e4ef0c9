/* SPDX-License-Identifier: MIT */
/* What a member's log says of its fleet: each thing once, in few lines. */
#include "daemon/fleet_news.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/check.h"

struct fixture {
    struct fleet_news news;
    struct fleet_peer peers[FLEET_NEWS_PEERS];
    struct fleet_look look;
    char log[4096];
};

static void on_line(void *ctx, enum pipepoll_level level, struct pipepoll_str line)
{
    struct fixture *f = ctx;
    size_t len = strlen(f->log);
    snprintf(f->log + len, sizeof f->log - len, "%s %.*s\n", log_level_name(level), (int)line.len,
             line.ptr);
}

static struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->news = (struct fleet_news) { .log = { on_line, f }, .fleet = "ci", .member = "a" };
    f->look = (struct fleet_look) { .state = BEAT_WAIT,
                                    .is_ready = true,
                                    .is_fenced = true, /* as at every start */
                                    .targets = 300,
                                    .peers = f->peers };
    return f;
}

static void put(struct fixture *f, size_t i, const char *id, enum fleet_peer_state state)
{
    snprintf(f->peers[i].id, sizeof f->peers[i].id, "%s", id);
    f->peers[i].state = state;
    if (f->look.peer_count <= i)
        f->look.peer_count = i + 1;
}

/* It takes its part. */
static void is_in(struct fixture *f, size_t held)
{
    f->look.is_fenced = false;
    f->look.state = BEAT_HI;
    f->look.held = held;
}

static void is_out(struct fixture *f)
{
    f->look.is_fenced = true;
    f->look.state = BEAT_WAIT;
    f->look.held = 0;
}

static void look(struct fixture *f)
{
    f->look.now_ms += 500;
    fleet_news_look(&f->news, &f->look);
}

/* Looks twice a second for so long; what was told since the last call. */
static void check_log(struct fixture *f, int seconds, const char *want)
{
    for (int i = 0; i < 2 * seconds; i++)
        look(f);
    assert_string_equal(f->log, want);
    f->log[0] = '\0';
}

static void join(struct fixture *f, size_t held)
{
    check_log(f, 3, "");
    is_in(f, held);
    for (int i = 0; i < 200; i++)
        look(f);
    f->log[0] = '\0';
}

static void it_joins_and_polls_its_share(void **state)
{
    struct fixture *f = fixture_new();
    put(f, 0, "b", FLEET_PEER_ACTIVE);
    put(f, 1, "gone", FLEET_PEER_DEAD);
    put(f, 2, "c", FLEET_PEER_DRAINED);
    put(f, 3, "d", FLEET_PEER_WAITS);
    check_log(f, 10, "");
    is_in(f, 0);
    check_log(f, 1, "info fleet ci: joined as member a; the others: b, c\n");
    f->look.held = 40;
    check_log(f, 1, "");
    f->look.held = 100;
    check_log(f, 10, "info fleet ci: polling 100 of 300 targets\n");
    free(f);
}

static void one_without_others_says_so(void **state)
{
    struct fixture *f = fixture_new();
    is_in(f, 300);
    check_log(f, 10,
              "info fleet ci: joined as member a, the only one\n"
              "info fleet ci: polling 300 of 300 targets\n");
    free(f);
}

static void one_that_polls_nothing_has_no_share(void **state)
{
    struct fixture *f = fixture_new();
    f->look.targets = 0;
    is_in(f, 0);
    check_log(f, 10, "info fleet ci: joined as member a, the only one\n");
    free(f);
}

static void a_death_and_what_came_of_it(void **state)
{
    struct fixture *f = fixture_new();
    put(f, 0, "b", FLEET_PEER_ACTIVE);
    join(f, 100);
    f->peers[0].held = 200;
    f->peers[0].silent_ms = 10400;
    f->peers[0].state = FLEET_PEER_DEAD;
    check_log(f, 1, "warning fleet ci: member b is dead: silent for 10.4 s, and had 200 targets\n");
    f->look.held = 300;
    check_log(f, 60,
              "info fleet ci: polling 300 of 300 targets, 200 more than before (member b is "
              "dead: silent for 10.4 s, and had 200 targets)\n");
    f->peers[0].state = FLEET_PEER_WAITS;
    check_log(f, 1, "");
    f->peers[0].state = FLEET_PEER_ACTIVE;
    f->look.held = 100;
    check_log(f, 60,
              "info fleet ci: member b is back\n"
              "info fleet ci: polling 100 of 300 targets, 200 fewer than before (member b "
              "is back)\n");
    free(f);
}

static void many_changes_are_one_line(void **state)
{
    struct fixture *f = fixture_new();
    put(f, 0, "b", FLEET_PEER_ACTIVE);
    put(f, 1, "c", FLEET_PEER_ACTIVE);
    join(f, 100);
    f->peers[0].state = FLEET_PEER_DRAINED;
    f->peers[1].state = FLEET_PEER_LEFT;
    put(f, 2, "d", FLEET_PEER_ACTIVE);
    check_log(f, 60, "info fleet ci: member b is drained; member c left; member d joined\n");
    f->peers[0].state = FLEET_PEER_ACTIVE;
    check_log(f, 60, "info fleet ci: member b is drained no more\n");
    f->look.peer_count = 0;
    char name[16];
    for (size_t i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "member-%zu", i);
        put(f, i, name, FLEET_PEER_ACTIVE);
    }
    look(f);
    assert_true(strlen(f->log) < FLEET_NEWS_WHY + 64);
    assert_non_null(strstr(f->log, " more came or went\n"));
    free(f);
}

static void who_comes_and_goes_all_the_time_is_told_seldom(void **state)
{
    struct fixture *f = fixture_new();
    put(f, 0, "b", FLEET_PEER_ACTIVE);
    join(f, 100);
    size_t lines = 0;
    for (int i = 0; i < 7200; i++) { /* an hour */
        f->peers[0].state = i & 1 ? FLEET_PEER_ACTIVE : FLEET_PEER_DEAD;
        f->look.held = i / 8 & 1 ? 100 : 300;
        look(f);
        lines += f->log[0] != '\0';
        f->log[0] = '\0';
    }
    assert_in_range(lines, 2, 2 * (4 + 120));
    free(f);
}

static void one_that_is_cut_off_says_so_and_when_it_works_again(void **state)
{
    struct fixture *f = fixture_new();
    put(f, 0, "b", FLEET_PEER_ACTIVE);
    join(f, 100);
    f->look.is_ready = false;
    check_log(f, 9, "");
    is_out(f);
    check_log(f, 60,
              "warning fleet ci: member a is cut off from the servers: it polls nothing "
              "until it hears from them again, for others may have its targets\n");
    f->peers[0].state = FLEET_PEER_DEAD; /* as it seems from there */
    check_log(f, 60, "");
    f->peers[0].state = FLEET_PEER_ACTIVE;
    f->look.is_ready = true;
    f->look.is_fenced = false;
    check_log(f, 3, "");
    is_in(f, 100);
    check_log(f, 60, "info fleet ci: member a works again\n");
    free(f);
}

static void what_it_loses_by_standing_still_is_told(void **state)
{
    struct fixture *f = fixture_new();
    join(f, 100);
    f->look.is_fenced = true;
    f->look.state = BEAT_WAIT;
    f->look.held = 0;
    check_log(f, 60,
              "warning fleet ci: member a stood still, or the servers did not answer in time: it "
              "polls nothing until it hears from them again, for others may have its targets\n");
    free(f);
}

static void a_worker_that_is_cut_off_takes_no_jobs(void **state)
{
    struct fixture *f = fixture_new();
    f->look.targets = 0;
    join(f, 0);
    f->look.is_ready = false;
    f->look.is_fenced = true;
    f->look.state = BEAT_WAIT;
    check_log(f, 60,
              "warning fleet ci: member a is cut off from the servers: it takes no jobs until it "
              "hears from them again\n");
    free(f);
}

static void a_lost_log_is_told(void **state)
{
    struct fixture *f = fixture_new();
    join(f, 100);
    f->look.log_losses = 1;
    is_out(f);
    check_log(f, 60,
              "warning fleet ci: the servers have lost the log of leases (a deleted stream, or a "
              "disk): member a lets go of all its targets, and the members divide them anew\n");
    is_in(f, 100);
    check_log(f, 60, "info fleet ci: member a works again\n");
    free(f);
}

static void a_twin_is_told_once_with_what_to_do(void **state)
{
    struct fixture *f = fixture_new();
    join(f, 300);
    f->look.is_duplicate = true;
    is_out(f);
    check_log(f, 60,
              "error fleet ci: another process is member a already: this one polls nothing "
              "while both are there; give each a `member` of its own in [fleet]\n");
    f->look.is_duplicate = false;
    is_in(f, 300);
    check_log(f, 60,
              "info fleet ci: no other process is member a any more\n"
              "info fleet ci: member a works again\n");
    free(f);
}

static void the_one_that_stays_is_told_too(void **state)
{
    struct fixture *f = fixture_new();
    join(f, 300);
    f->look.has_twin = true;
    check_log(f, 60,
              "error fleet ci: another process is member a as well: that one polls nothing "
              "while both are there; give each a `member` of its own in [fleet]\n");
    f->look.has_twin = false;
    check_log(f, 60, "info fleet ci: no other process is member a any more\n");
    free(f);
}

static void a_twin_at_the_start_is_told_too(void **state)
{
    struct fixture *f = fixture_new();
    f->look.is_duplicate = true;
    check_log(f, 60,
              "error fleet ci: another process is member a already: this one polls nothing "
              "while both are there; give each a `member` of its own in [fleet]\n");
    free(f);
}

static void it_is_drained_and_back(void **state)
{
    struct fixture *f = fixture_new();
    put(f, 0, "b", FLEET_PEER_ACTIVE);
    join(f, 100);
    f->look.state = BEAT_DRAINED;
    f->look.held = 0;
    check_log(f, 60,
              "warning fleet ci: member a is drained, as was asked for: it polls nothing and "
              "takes no jobs, but what its handlers wait for, until `pipepoll fleet drain a "
              "--end`\n"
              "info fleet ci: polling 0 of 300 targets, 100 fewer than before\n");
    is_in(f, 100);
    check_log(f, 60,
              "info fleet ci: member a is drained no more: it takes its part\n"
              "info fleet ci: polling 100 of 300 targets, 100 more than before\n");
    f->look.state = BEAT_BYE;
    f->look.held = 0;
    check_log(f, 60, "");
    free(f);
}

static void one_that_is_drained_from_the_start_says_so(void **state)
{
    struct fixture *f = fixture_new();
    f->look.is_fenced = false;
    f->look.state = BEAT_DRAINED;
    check_log(f, 1,
              "warning fleet ci: member a is drained, as was asked for: it polls nothing and "
              "takes no jobs, but what its handlers wait for, until `pipepoll fleet drain a "
              "--end`\n");
    free(f);
}

static void the_dead_whom_it_never_knew_are_no_news(void **state)
{
    struct fixture *f = fixture_new();
    put(f, 0, "b", FLEET_PEER_ACTIVE);
    join(f, 100);
    put(f, 1, "long-gone", FLEET_PEER_DEAD);
    check_log(f, 60, "");
    f->peers[0].state = FLEET_PEER_WAITS; /* cut off for a while, and then in again */
    check_log(f, 60, "");
    f->peers[0].state = FLEET_PEER_ACTIVE;
    check_log(f, 60, "");
    free(f);
}

static void more_peers_than_there_is_room_for_are_left_out(void **state)
{
    struct fleet_peer peers[FLEET_NEWS_PEERS + 1] = { 0 };
    size_t count = 0;
    for (size_t i = 0; i <= FLEET_NEWS_PEERS; i++) {
        struct fleet_peer one = { .state = FLEET_PEER_ACTIVE };
        snprintf(one.id, sizeof one.id, "member-%zu", i);
        fleet_news_put_peer(peers, &count, &one);
    }
    assert_int_equal(count, FLEET_NEWS_PEERS);
    assert_string_equal(peers[FLEET_NEWS_PEERS].id, "");
}

static void of_a_member_that_was_started_anew_the_later_counts(void **state)
{
    struct fleet_peer peers[FLEET_NEWS_PEERS];
    size_t count = 0;
    struct fleet_peer old = { .id = "b", .state = FLEET_PEER_DEAD, .silent_ms = 900 };
    struct fleet_peer new = { .id = "b", .state = FLEET_PEER_ACTIVE, .silent_ms = 20 };
    fleet_news_put_peer(peers, &count, &old);
    fleet_news_put_peer(peers, &count, &new);
    fleet_news_put_peer(peers, &count, &old);
    assert_int_equal(count, 1);
    assert_int_equal(peers[0].state, FLEET_PEER_ACTIVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_joins_and_polls_its_share),
        cmocka_unit_test(one_without_others_says_so),
        cmocka_unit_test(one_that_polls_nothing_has_no_share),
        cmocka_unit_test(a_death_and_what_came_of_it),
        cmocka_unit_test(many_changes_are_one_line),
        cmocka_unit_test(who_comes_and_goes_all_the_time_is_told_seldom),
        cmocka_unit_test(one_that_is_cut_off_says_so_and_when_it_works_again),
        cmocka_unit_test(what_it_loses_by_standing_still_is_told),
        cmocka_unit_test(a_worker_that_is_cut_off_takes_no_jobs),
        cmocka_unit_test(a_lost_log_is_told),
        cmocka_unit_test(a_twin_is_told_once_with_what_to_do),
        cmocka_unit_test(the_one_that_stays_is_told_too),
        cmocka_unit_test(a_twin_at_the_start_is_told_too),
        cmocka_unit_test(it_is_drained_and_back),
        cmocka_unit_test(one_that_is_drained_from_the_start_says_so),
        cmocka_unit_test(the_dead_whom_it_never_knew_are_no_news),
        cmocka_unit_test(more_peers_than_there_is_room_for_are_left_out),
        cmocka_unit_test(of_a_member_that_was_started_anew_the_later_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
