/* SPDX-License-Identifier: MIT */
/* A fleet as who only looks sees it: a beat that was there before says nothing of life, and the
 * last claim of a target counts while its member is there. */
#include "fleet/roster.h"
#include "lib/check.h"

static int see_beat(struct roster *r, const char *id, uint64_t number, enum beat_state state)
{
    char text[BEAT_BODY_SIZE], name[BEAT_KEY_SIZE];
    struct buf body = BUF_ON(text), key = BUF_ON(name);
    const struct beat b = {
        .member = str_of(id), .incarnation = 7, .number = number, .state = state, .held = 3
    };
    beat_put(&body, &b);
    beat_key_put(&key, &(struct beat_key) { .kind = BEAT_KIND_BEAT, .member = str_of(id) });
    return roster_seen(r, buf_str(&key), buf_str(&body), number);
}

static int see_claim(struct roster *r, const char *id, uint64_t epoch, uint64_t incarnation,
                     bool is_free)
{
    char text[BEAT_BODY_SIZE], name[BEAT_KEY_SIZE];
    struct buf body = BUF_ON(text), key = BUF_ON(name);
    const struct beat_key k = { .kind = BEAT_KIND_CLAIM, .hash = 5, .number = epoch };
    beat_claim_put(&body, &(struct beat_claim) { str_of(id), incarnation, is_free });
    beat_key_put(&key, &k);
    return roster_seen(r, buf_str(&key), buf_str(&body), 0);
}

static const struct roster_member *holder(const struct roster *r)
{
    const struct roster_claim *c = roster_claim(r, 5);
    return c ? roster_holder(r, c) : NULL;
}

static void who_beats_again_is_alive(void **state)
{
    struct roster r = { .count = 0 };
    assert_int_equal(see_beat(&r, "a", 10, BEAT_HI), PIPEPOLL_OK);
    assert_int_equal(see_beat(&r, "b", 20, BEAT_BYE), PIPEPOLL_OK);
    assert_false(roster_is_complete(&r)); /* there may be others */
    roster_caught_up(&r);
    assert_false(roster_is_complete(&r));
    see_beat(&r, "a", 10, BEAT_HI); /* told again after the engine was away */
    assert_false(roster_find(&r, STR("a"))->is_alive);
    see_beat(&r, "a", 11, BEAT_DRAINED);
    const struct roster_member *a = roster_find(&r, STR("a"));
    assert_true(a->is_alive && a->state == BEAT_DRAINED && a->held == 3 && a->seen_ns == 11);
    assert_true(roster_is_complete(&r)); /* who left need not beat */
    see_beat(&r, "c", 1, BEAT_WAIT);
    assert_true(roster_find(&r, STR("c"))->is_alive);
    assert_false(roster_is_there(roster_find(&r, STR("b"))));
    assert_null(roster_find(&r, STR("d")));
    roster_deinit(&r);
}

static void the_last_claim_counts(void **state)
{
    struct roster r = { .count = 0 };
    assert_null(roster_claim(&r, 5));
    see_claim(&r, "a", 2, 7, false);
    assert_null(holder(&r)); /* of whom nothing else is heard */
    see_beat(&r, "a", 1, BEAT_HI);
    assert_string_equal(holder(&r)->id, "a");
    see_claim(&r, "b", 1, 7, false); /* one before */
    assert_string_equal(holder(&r)->id, "a");
    see_claim(&r, "a", 2, 7, true);
    assert_null(holder(&r)); /* given back */
    see_beat(&r, "b", 1, BEAT_HI);
    see_claim(&r, "b", 3, 7, false);
    assert_string_equal(holder(&r)->id, "b");
    assert_int_equal(roster_claim(&r, 5)->epoch, 3);
    see_claim(&r, "b", 4, 6, false); /* before it was started anew */
    assert_null(holder(&r));
    roster_deinit(&r);
}

static void what_is_no_message_is_passed_over(void **state)
{
    static const char *const keys[] = {
        "m.a", "t.0000000000000005.1", "t.5", "m.", "d.a", "x", ""
    };
    struct roster r = { .count = 0 };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(roster_seen(&r, str_of(keys[i]), STR("{\"v\":9}"), 0), PIPEPOLL_OK);
    assert_int_equal(r.count, 0);
    assert_null(roster_claim(&r, 5));
    roster_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_beats_again_is_alive),
        cmocka_unit_test(the_last_claim_counts),
        cmocka_unit_test(what_is_no_message_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
