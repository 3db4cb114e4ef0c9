/* SPDX-License-Identifier: MIT */
/* The engine on a cluster of three real servers, each log three times: servers die and freeze, and
 * nothing is lost, written twice or left different on any of them. Says how long writes stood
 * still. */
#include <signal.h>

#include "lib/engine_log.h"

enum { PACE_MS = 5, QUIET_MS = 1000 };

static struct nats_servers servers;
static struct engine_user user;

/* Jobs that are written until each is there, the same id as often as it takes. */
static struct {
    int count, done, asked, refused;
    bool is_done[4096], is_out[4096];
    uint64_t last_ms, gap_ms;
} jobs;

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

static void on_written(void *ctx, uint64_t ticket, enum engine_result result)
{
    uint64_t now = now_ms();
    int i = (int)ticket - 1;
    jobs.is_out[i] = false;
    if (result != ENGINE_DONE && result != ENGINE_DUPLICATE)
        return;
    if (jobs.last_ms && now - jobs.last_ms > jobs.gap_ms)
        jobs.gap_ms = now - jobs.last_ms;
    jobs.last_ms = now;
    jobs.done += !jobs.is_done[i];
    jobs.is_done[i] = true;
}

static void write_job(int i)
{
    char once[32], body[32];
    snprintf(once, sizeof once, "job-%d:1", i);
    snprintf(body, sizeof body, "%d", i);
    const struct engine_message m = { .log = ENGINE_JOBS,
                                      .key = STR("r.o.c.p.1"),
                                      .body = str_of(body),
                                      .once = str_of(once),
                                      .ticket = (uint64_t)i + 1 };
    jobs.is_out[i] = user.engine->write(user.engine, &m);
    jobs.asked++;
}

/* A new one each PACE_MS, and what failed again, for so long; then until all are there. */
static void write_for(unsigned ms)
{
    uint64_t end = now_ms() + ms, late = end + ENGINE_PATIENT_MS;
    for (uint64_t now; (now = now_ms()) < end || jobs.done < jobs.count;) {
        assert_true(now < late);
        if (now < end && jobs.count < 4096)
            write_job(jobs.count++);
        for (int i = 0; i < jobs.count; i++)
            if (!jobs.is_done[i] && !jobs.is_out[i])
                write_job(i);
        uint64_t next = now + PACE_MS;
        while (now_ms() < next) {
            uv_run(user.loop, UV_RUN_NOWAIT);
            uv_sleep(1);
        }
    }
}

static void begin(void)
{
    jobs.last_ms = 0;
    jobs.gap_ms = 0;
    write_for(300);
}

static void check_all(const char *what)
{
    struct nats_held held;
    const char *streams[] = { "PIPEPOLL_c_JOBS", "PIPEPOLL_c_LEASES" };
    for (int i = 0; i < 2; i++)
        assert_true(nats_servers_agree(&servers, streams[i]));
    assert_true(nats_server_holds(&servers, 0, "PIPEPOLL_c_JOBS", &held));
    assert_int_equal(held.messages, jobs.count);
    print_message("%s: writes stood still for %llu ms at most\n", what,
                  (unsigned long long)jobs.gap_ms);
}

/* A server that thaws may still believe that it leads, and take what lay in its sockets. On 2.9.10
 * its replica is different from then on in some of these runs: it misses messages that were
 * written again by the same ids meanwhile, and nobody but a comparison tells. So of such a server
 * no more is demanded here than that the others, of which a leader is, have all. */
static void check_all_but(const char *what, int thawed)
{
    struct engine_stats s;
    struct nats_held held;
    bool agree = nats_servers_agree(&servers, "PIPEPOLL_c_JOBS");
    user.engine->stats(user.engine, &s);
    if (!agree)
        print_message("%s: nats-server %s left a replica different\n", what, s.version);
    assert_true(agree || strncmp(s.version, "2.9.", 4) == 0);
    for (int i = 0; i < 3; i++) {
        assert_true(nats_server_holds(&servers, i, "PIPEPOLL_c_JOBS", &held));
        assert_true(i == thawed || held.messages == (unsigned)jobs.count);
    }
    print_message("%s: writes stood still for %llu ms at most\n", what,
                  (unsigned long long)jobs.gap_ms);
}

static int start_cluster(void **state)
{
    nats_servers_start(&servers, 3, NULL);
    static struct nats_options o;
    o = engine_options(&servers, "c", 3);
    o.jobs_max_bytes = 64 << 20;
    engine_user_open_with(&user, &o, engine_on_state);
    engine_user_until_state(&user, ENGINE_READY);
    engine_user_written_to(&user, on_written);
    return 0;
}

static int end_cluster(void **state)
{
    engine_user_close(&user);
    nats_servers_end(&servers);
    return 0;
}

static int leader(const char *stream)
{
    int found = -1;
    for (int i = 0; i < 3 && found < 0; i++)
        found = nats_servers_leader(&servers, stream, i);
    assert_true(found >= 0);
    return found;
}

static int connected(void)
{
    struct engine_stats s;
    user.engine->stats(user.engine, &s);
    for (int i = 0; i < 3; i++)
        if (strcmp(servers.at[i].url, s.server) == 0)
            return i;
    fail_msg("connected to %s", s.server);
    return -1;
}

static void test_writes_and_their_time(void **state)
{
    begin();
    struct engine_stats s;
    uint64_t began = uv_hrtime();
    for (int i = 0; i < 200; i++) {
        int before = jobs.done;
        write_job(jobs.count++);
        while (jobs.done == before)
            uv_run(user.loop, UV_RUN_ONCE);
    }
    print_message("one write after the other: %llu us each\n",
                  (unsigned long long)((uv_hrtime() - began) / 1000 / 200));
    user.engine->stats(user.engine, &s);
    assert_int_equal(s.state, ENGINE_READY);
    check_all("all well");
}

static void test_the_leader_is_killed(void **state)
{
    begin();
    int i = leader("PIPEPOLL_c_JOBS");
    nats_server_kill(&servers, i, SIGKILL);
    write_for(QUIET_MS);
    nats_server_start(&servers, i);
    write_for(QUIET_MS);
    check_all("leader, kill -9");
}

static void test_our_server_is_killed(void **state)
{
    begin();
    int i = connected();
    nats_server_kill(&servers, i, SIGKILL);
    write_for(QUIET_MS);
    assert_int_not_equal(connected(), i);
    nats_server_start(&servers, i);
    write_for(QUIET_MS);
    check_all("our server, kill -9");
}

static void test_the_leader_stops_in_order(void **state)
{
    begin();
    int i = leader("PIPEPOLL_c_JOBS");
    nats_server_kill(&servers, i, SIGTERM);
    write_for(QUIET_MS);
    nats_server_start(&servers, i);
    write_for(QUIET_MS);
    check_all("leader, SIGTERM");
}

static void test_our_server_freezes(void **state)
{
    begin();
    int i = connected();
    nats_server_signal(&servers, i, SIGSTOP);
    write_for(8000);
    assert_int_not_equal(connected(), i);
    nats_server_signal(&servers, i, SIGCONT);
    write_for(QUIET_MS);
    check_all_but("our server, SIGSTOP for 8 s", i);
}

static void test_all_are_killed(void **state)
{
    begin();
    for (int i = 0; i < 3; i++)
        nats_server_kill(&servers, i, SIGKILL);
    engine_user_until_state(&user, ENGINE_AWAY);
    for (int i = 0; i < 3; i++)
        nats_server_start(&servers, i);
    write_for(QUIET_MS);
    check_all("all, kill -9, and started again");
}

int main(int argc, char **argv)
{
    nats_servers_demand();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_and_their_time),
        cmocka_unit_test(test_the_leader_is_killed),
        cmocka_unit_test(test_our_server_is_killed),
        cmocka_unit_test(test_the_leader_stops_in_order),
        cmocka_unit_test(test_all_are_killed),
        cmocka_unit_test(test_our_server_freezes),
    };
    return cmocka_run_group_tests(tests, start_cluster, end_cluster);
}
