/* SPDX-License-Identifier: MIT */
/* What leases stand on, tried on the server that is installed: of four members who claim one key at
 * once, each by a connection of its own to a cluster of three servers, exactly one has it. Not so
 * on every server for every kind of condition: a server that fails here is of no use for fleets. */
#include "lib/engine_log.h"

enum { MEMBERS = 4, ROUNDS = 1000 };

static struct nats_servers servers;
static struct engine_user members[MEMBERS];
static uv_loop_t loop;
static int answers, winners;

static void on_written(void *ctx, uint64_t ticket, enum engine_result result)
{
    answers++;
    winners += result == ENGINE_DONE;
    assert_true(result == ENGINE_DONE || result == ENGINE_PRESENT);
}

static void race(int round)
{
    char key[32];
    snprintf(key, sizeof key, "t.%d.1", round);
    const struct engine_message m = { .log = ENGINE_LEASES,
                                      .key = str_of(key),
                                      .body = STR("mine"),
                                      .absent = true,
                                      .ticket = (uint64_t)round + 1 };
    answers = winners = 0;
    for (int i = 0; i < MEMBERS; i++) { /* another is first in each round */
        struct engine *e = members[(i + round) % MEMBERS].engine;
        assert_true(e->write(e, &m));
    }
    uint64_t late = uv_hrtime() + 30 * UINT64_C(1000000000);
    while (answers < MEMBERS) {
        assert_true(uv_hrtime() < late);
        uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(winners, 1);
}

static void test_one_of_four_has_each_key(void **state)
{
    for (int round = 0; round < ROUNDS; round++)
        race(round);
    assert_true(nats_servers_agree(&servers, "PIPEPOLL_race_LEASES"));
    struct nats_held held;
    assert_true(nats_server_holds(&servers, 0, "PIPEPOLL_race_LEASES", &held));
    assert_int_equal(held.messages, ROUNDS);
}

static int start(void **state)
{
    nats_servers_start(&servers, 3, NULL);
    const struct nats_options o = engine_options(&servers, "race", 3);
    assert_int_equal(uv_loop_init(&loop), 0);
    for (int i = 0; i < MEMBERS; i++) {
        members[i].loop = &loop;
        engine_user_open(&members[i], &o);
        engine_user_until_state(&members[i], ENGINE_READY);
        engine_user_written_to(&members[i], on_written);
    }
    return 0;
}

static int end(void **state)
{
    for (int i = 0; i < MEMBERS; i++)
        engine_user_close(&members[i]);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    nats_servers_end(&servers);
    return 0;
}

int main(void)
{
    nats_servers_demand();
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_one_of_four_has_each_key) };
    return cmocka_run_group_tests(tests, start, end);
}
