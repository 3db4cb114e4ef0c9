/* SPDX-License-Identifier: MIT */
/* The engine on one real server: each function of its interface, refusals, an outage, and a close
 * that nobody waits for. */
#include "lib/engine_log.h"
#include "lib/nats_servers.h"

static struct nats_servers servers;

static int start_server(void **state)
{
    nats_servers_start(&servers, 1, NULL);
    return 0;
}

static int end_server(void **state)
{
    nats_servers_end(&servers);
    return 0;
}

static struct nats_options options(const char *fleet)
{
    static const char *urls[1];
    urls[0] = servers.at[0].url;
    return (struct nats_options) { .servers = urls,
                                   .server_count = 1,
                                   .fleet = fleet,
                                   .member = "m1",
                                   .replicas = 1,
                                   .jobs_max_bytes = 1 << 20,
                                   .jobs_max_age_ms = 86400000 };
}

static void open_ready(struct engine_user *u, const char *fleet)
{
    const struct nats_options o = options(fleet);
    engine_user_open(u, &o);
    engine_user_until_state(u, ENGINE_READY);
}

/* --- writes and watches --- */

static void test_writes_and_is_seen(void **state)
{
    struct engine_user u;
    open_ready(&u, "seen");
    assert_int_equal(engine_user_write(&u, ENGINE_LEASES, "m.a", "one", 0), ENGINE_DONE);
    assert_int_equal(engine_user_write(&u, ENGINE_LEASES, "m.b", "two", 0), ENGINE_DONE);
    assert_int_equal(engine_user_write(&u, ENGINE_LEASES, "m.a", "three", 0), ENGINE_DONE);
    u.engine->watch(u.engine, ENGINE_LEASES, STR(""));
    engine_user_until(&u, &u.caught_up, 1);
    assert_int_equal(u.seen_count, 2);
    assert_string_equal(u.seen[0].key, "m.b");
    assert_string_equal(u.seen[0].body, "two");
    assert_string_equal(u.seen[1].key, "m.a");
    assert_string_equal(u.seen[1].body, "three");
    assert_true(u.seen[1].sequence > u.seen[0].sequence);
    assert_int_equal(engine_user_write(&u, ENGINE_LEASES, "t.x.1", "", 0), ENGINE_DONE);
    engine_user_until(&u, &u.seen_count, 3);
    assert_string_equal(u.seen[2].key, "t.x.1");
    assert_string_equal(u.seen[2].body, "");
    engine_user_close(&u);
}

int main(void)
{
    nats_servers_demand();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_and_is_seen),
    };
    return cmocka_run_group_tests(tests, start_server, end_server);
}
