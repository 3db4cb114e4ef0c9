/* SPDX-License-Identifier: MIT */
#include "handler/token_cache.h"

#include <stdio.h>

#include "lib/check.h"

enum { MAX = 3, TTL_MS = 300000, UNKNOWN_MS = 30000 };

static int set_up(void **state)
{
    static struct token_cache c;
    token_cache_init(&c, MAX, TTL_MS, UNKNOWN_MS, 7);
    *state = &c;
    return 0;
}

static int tear_down(void **state)
{
    token_cache_deinit(*state);
    return 0;
}

static void check(struct token_cache *c, const char *id, uint64_t now_ms, enum token_cached want,
                  const char *token)
{
    str got;
    assert_int_equal(token_cache_get(c, str_of(id), now_ms, &got), want);
    assert_str_equal(got, token);
}

static void put(struct token_cache *c, const char *id, const char *token, uint64_t now_ms)
{
    token_cache_put(c, str_of(id), str_of(token), now_ms);
}

static void a_token_is_known_for_its_time(void **state)
{
    struct token_cache *c = *state;
    check(c, "a", 0, TOKEN_NOT_CACHED, "");
    put(c, "a", "token", 1000);
    check(c, "a", 1000 + TTL_MS - 1, TOKEN_CACHED, "token");
    check(c, "a", 1000 + TTL_MS, TOKEN_NOT_CACHED, "");
    assert_int_equal(c->count, 0);
}

static void an_unknown_client_is_known_as_such_for_less(void **state)
{
    struct token_cache *c = *state;
    put(c, "a", "", 1000);
    check(c, "a", 1000 + UNKNOWN_MS - 1, TOKEN_CACHED_UNKNOWN, "");
    check(c, "a", 1000 + UNKNOWN_MS, TOKEN_NOT_CACHED, "");
}

static void a_later_answer_replaces_the_earlier(void **state)
{
    struct token_cache *c = *state;
    put(c, "a", "", 0);
    put(c, "a", "one", 10);
    put(c, "a", "two", 20);
    check(c, "a", 20 + TTL_MS - 1, TOKEN_CACHED, "two");
    assert_int_equal(c->count, 1);
}

static void being_asked_for_does_not_prolong_a_token(void **state)
{
    struct token_cache *c = *state;
    put(c, "a", "token", 0);
    check(c, "a", TTL_MS - 1, TOKEN_CACHED, "token");
    check(c, "a", TTL_MS, TOKEN_NOT_CACHED, "");
}

static void the_one_not_asked_for_the_longest_gives_way(void **state)
{
    struct token_cache *c = *state;
    put(c, "a", "1", 0);
    put(c, "b", "2", 0);
    put(c, "c", "3", 0);
    check(c, "a", 1, TOKEN_CACHED, "1");
    put(c, "d", "4", 1);
    check(c, "b", 2, TOKEN_NOT_CACHED, "");
    check(c, "a", 2, TOKEN_CACHED, "1");
    check(c, "c", 2, TOKEN_CACHED, "3");
    check(c, "d", 2, TOKEN_CACHED, "4");
    put(c, "a", "5", 3); /* one that is there pushes out nobody */
    assert_int_equal(c->count, MAX);
}

static void what_is_forgotten_is_not_known(void **state)
{
    struct token_cache *c = *state;
    put(c, "a", "token", 0);
    token_cache_forget(c, STR("a"));
    token_cache_forget(c, STR("a"));
    check(c, "a", 0, TOKEN_NOT_CACHED, "");
}

static void it_stays_within_its_bound(void **state)
{
    struct token_cache *c = *state;
    char id[16];
    for (int i = 0; i < 10000; i++) {
        snprintf(id, sizeof id, "%d", i);
        put(c, id, i % 2 ? "token" : "", (uint64_t)i);
        assert_true(c->count <= MAX);
    }
    check(c, "9999", 10000, TOKEN_CACHED, "token");
    check(c, "9996", 10000, TOKEN_NOT_CACHED, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_is_known_for_its_time),
        TEST(an_unknown_client_is_known_as_such_for_less),
        TEST(a_later_answer_replaces_the_earlier),
        TEST(being_asked_for_does_not_prolong_a_token),
        TEST(the_one_not_asked_for_the_longest_gives_way),
        TEST(what_is_forgotten_is_not_known),
        TEST(it_stays_within_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
