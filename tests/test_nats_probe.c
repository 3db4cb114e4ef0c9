/* SPDX-License-Identifier: MIT */
/* What `doctor` finds about a fleet's servers: what is well, what is missing, what is wrong. */
#include <signal.h>

#include "fleet/nats_probe.h"
#include "lib/engine_log.h"

static struct nats_servers servers;

struct findings {
    int count, bad;
    char text[8192]; /* a line each */
};

static void on_found(void *ctx, const struct nats_finding *f)
{
    static const char *const kinds[] = { "good", "hint", "bad" };
    struct findings *all = ctx;
    size_t len = strlen(all->text);
    all->count++;
    all->bad += f->kind == NATS_FINDING_BAD;
    snprintf(all->text + len, sizeof all->text - len, "%s %s: %.*s\n", kinds[f->kind],
             f->server ? f->server : "-", STR_ARG(f->text));
}

static int probe(const struct nats_options *o, struct findings *f)
{
    memset(f, 0, sizeof *f);
    int r = nats_engine_probe(o, 3000, on_found, f);
    assert_true((r != PIPEPOLL_OK) == (f->bad > 0));
    return r;
}

static void check_said(const struct findings *f, const char *said)
{
    if (!strstr(f->text, said))
        fail_msg("%s\nlacks: %s", f->text, said);
}

static void test_a_new_fleet_and_one_that_runs(void **state)
{
    struct findings f;
    struct engine_user u = { 0 };
    nats_servers_start(&servers, 1, NULL);
    struct nats_options o = engine_options(&servers, "f", 1);
    assert_int_equal(probe(&o, &f), PIPEPOLL_OK);
    check_said(&f, ": nats-server 2.");
    check_said(&f, ": lets us in\n");
    check_said(&f, ": JetStream answers\n");
    check_said(&f, "hint -: fleet f is not there yet: the first member makes it\n");
    engine_user_open(&u, &o);
    engine_user_until_state(&u, ENGINE_READY);
    engine_user_close(&u);
    assert_int_equal(probe(&o, &f), PIPEPOLL_OK);
    assert_int_equal(f.count, 7);
    check_said(&f, "good -: stream PIPEPOLL_f_JOBS is as it must be\n");
    o.jobs_max_age_ms = 7200000;
    assert_int_equal(probe(&o, &f), PIPEPOLL_ESYSTEM);
    check_said(&f, "bad -: stream PIPEPOLL_f_JOBS has max_age 24h, and must have 2h: ");
    assert_int_equal(f.bad, 1);
}

static void test_servers_that_are_away(void **state)
{
    struct findings f;
    struct nats_options o = engine_options(&servers, "f", 1);
    const char *two[] = { "nats://127.0.0.1:1", servers.at[0].url };
    o.servers = two;
    o.server_count = 2;
    assert_int_equal(probe(&o, &f), PIPEPOLL_ESYSTEM);
    check_said(&f, "bad nats://127.0.0.1:1: Connection refused: does nats-server run there?\n");
    check_said(&f, "good -: stream PIPEPOLL_f_LEASES is as it must be\n");
    assert_int_equal(f.bad, 1);
    nats_server_signal(&servers, 0, SIGSTOP);
    uint64_t began = uv_hrtime();
    o = engine_options(&servers, "f", 1);
    assert_int_equal(probe(&o, &f), PIPEPOLL_ESYSTEM);
    check_said(&f, "it says nothing: is it frozen");
    assert_true(uv_hrtime() - began < UINT64_C(5000000000));
    nats_server_signal(&servers, 0, SIGCONT);
    o.replicas = 0;
    assert_int_equal(probe(&o, &f), PIPEPOLL_EINVAL);
    nats_servers_end(&servers);
}

/* --- a hub of leaf nodes --- */

/* A single server without JetStream, as clients see it; those of a cluster dial it. */
static void start_hub(struct nats_servers *hub, struct nats_servers *cluster)
{
    static const char shared[] = "default_js_domain { \"$G\": \"\" }"; /* by all */
    static char listen[192], remote[192];
    char answer[256] = "";
    nats_servers_start(hub, 1, NULL);
    int port = hub->at[0].route_port; /* free, for it has no routes */
    snprintf(listen, sizeof listen, "jetstream: disabled\nleafnodes { listen: 127.0.0.1:%d }\n%s",
             port, shared);
    snprintf(remote, sizeof remote,
             "leafnodes { remotes: [ { url: \"nats://127.0.0.1:%d\" } ] }\n%s", port, shared);
    nats_server_kill(hub, 0, SIGKILL);
    hub->more = listen;
    nats_server_start(hub, 0);
    nats_servers_start(cluster, 3, remote);
    for (int tries = 0; tries < 6 && !answer[0]; tries++)
        nats_server_ask(hub, 0, "$JS.API.INFO", "", answer, sizeof answer);
    assert_string_not_equal(answer, "");
}

static void test_a_single_server_before_a_cluster(void **state)
{
    static const char single[] = "it is a single server, which keeps one copy, and 3 are asked for";
    struct nats_servers hub, cluster;
    struct findings f;
    struct engine_user u = { 0 };
    start_hub(&hub, &cluster);
    const char *before[] = { hub.at[0].url };
    struct nats_options o = engine_options(&cluster, "f", 3);
    struct nats_options through = o;
    through.servers = before;
    through.server_count = 1;
    assert_int_equal(probe(&through, &f), PIPEPOLL_ESYSTEM); /* there is no fleet to tell */
    check_said(&f, single);
    assert_int_equal(f.bad, 1);
    engine_user_open(&u, &o);
    engine_user_until_state(&u, ENGINE_READY);
    engine_user_close(&u);
    if (probe(&through, &f) != PIPEPOLL_OK)
        fail_msg("%s", f.text);
    assert_null(strstr(f.text, single));
    check_said(&f, "good -: stream PIPEPOLL_f_LEASES is as it must be\n");
    nats_servers_end(&hub);
    nats_servers_end(&cluster);
}

int main(void)
{
    nats_servers_demand();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_fleet_and_one_that_runs),
        cmocka_unit_test(test_servers_that_are_away),
        cmocka_unit_test(test_a_single_server_before_a_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
