/* SPDX-License-Identifier: MIT */
/* Many targets of many identities on one loop: joining costs each the same, and no turn of the loop
 * is long, whatever happens to all of them at once. Nothing is polled: nobody listens at port 9 and
 * the first polls are hours away. */
#include <stdio.h>
#include <time.h>

#include <uv.h>

#include "lib/check.h"
#include "pipepoll.h"

enum { CALLBACK_MS = 1, CALLBACKS_A_TURN = 6 /* 2 ms of them is enough; twice, and some noise */ };

struct crowd {
    struct pipepoll_sink sink;
    struct pipepoll *poller;
    uv_loop_t loop;
    uv_prepare_t turn;
    bool takes_time;
    unsigned targets, removed, told, closed;
    unsigned this_turn, longest; /* callbacks */
};

static void called(struct crowd *c)
{
    uint64_t start_ns = uv_hrtime();
    c->this_turn++;
    if (c->this_turn > c->longest)
        c->longest = c->this_turn;
    while (c->takes_time && uv_hrtime() - start_ns < CALLBACK_MS * 1000000)
        ;
}

static void on_turn(uv_prepare_t *turn)
{
    ((struct crowd *)turn->data)->this_turn = 0;
}

static void deliver(struct pipepoll_sink *self, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    (void)self, (void)from, (void)answer;
}

static void removed(struct pipepoll_sink *self, struct pipepoll_target *from)
{
    struct crowd *c = (struct crowd *)self;
    c->removed++;
    called(c);
}

static void credentials(struct pipepoll_sink *self, const struct pipepoll_identity *identity)
{
    struct crowd *c = (struct crowd *)self;
    assert_true(identity->usable);
    c->told++;
    called(c);
}

static void on_closed(void *ctx)
{
    struct crowd *c = ctx;
    c->closed++;
    uv_close((uv_handle_t *)&c->turn, NULL);
}

static struct pipepoll_credentials *credentials_of(unsigned i)
{
    struct pipepoll_credentials *credentials = NULL;
    char id[20];
    snprintf(id, sizeof id, "AKID%08u", i);
    assert_int_equal(pipepoll_credentials_static(&credentials, str_of(id), STR("s"), STR(""), NULL),
                     0);
    return credentials;
}

static void add(struct crowd *c, struct pipepoll_credentials *credentials, const char *region,
                const char *provider)
{
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    o.action_type = (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"),
                                                    str_of(provider), STR("1") };
    o.region = str_of(region);
    o.endpoint_url = STR("http://127.0.0.1:9");
    o.interval_ms = 86400000;
    o.credentials = credentials;
    assert_int_equal(pipepoll_target_add(c->poller, &o, NULL, NULL), 0);
    c->targets++;
}

static void crowd_open(struct crowd *c)
{
    *c = (struct crowd) { .sink = { .size = sizeof c->sink,
                                    .deliver = deliver,
                                    .removed = removed,
                                    .credentials = credentials } };
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_credentials *credentials = credentials_of(0);
    o.sink = &c->sink;
    o.credentials = credentials;
    uv_loop_init(&c->loop);
    uv_prepare_init(&c->loop, &c->turn);
    uv_prepare_start(&c->turn, on_turn);
    uv_unref((uv_handle_t *)&c->turn);
    c->turn.data = c;
    assert_int_equal(pipepoll_open(&c->poller, &c->loop, &o, NULL), 0);
    pipepoll_credentials_unref(credentials);
}

static void add_all(struct crowd *c, unsigned identities, unsigned types)
{
    for (unsigned i = 0; i < identities; i++) {
        struct pipepoll_credentials *credentials = credentials_of(i);
        const char *region;
        for (size_t r = 0; (region = pipepoll_region(STR(""), r)) != NULL; r++)
            for (unsigned k = 0; k < types; k++)
                add(c, credentials, region, k ? "Another" : "One");
        pipepoll_credentials_unref(credentials);
    }
}

static void crowd_close(struct crowd *c)
{
    pipepoll_close(c->poller, on_closed, c);
    assert_int_equal(c->removed, 0); /* never from within the call */
    uv_run(&c->loop, UV_RUN_DEFAULT);
    assert_int_equal(c->closed, 1);
    assert_int_equal(c->removed, c->targets);
    assert_int_equal(uv_loop_close(&c->loop), 0);
}

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Seconds to join and to leave, without the turns in between. */
static double time_of(unsigned identities)
{
    struct crowd c;
    crowd_open(&c);
    double start_s = cpu_s();
    add_all(&c, identities, 1);
    crowd_close(&c);
    return cpu_s() - start_s;
}

static void four_times_the_identities_take_about_four_times_as_long(void **state)
{
    time_of(30); /* the first touches memory that the others find warm */
    double some_s = time_of(60), many_s = time_of(240);
    assert_true(many_s < 10 * some_s); /* it was 36 times */
}

static void a_closing_poller_tells_its_targets_some_at_a_time(void **state)
{
    struct crowd c;
    crowd_open(&c);
    add_all(&c, 2, 1);
    for (int i = 0; i < 3; i++)
        uv_run(&c.loop, UV_RUN_NOWAIT);
    c.takes_time = true;
    c.longest = 0;
    crowd_close(&c);
    assert_in_range(c.longest, 1, CALLBACKS_A_TURN);
}

static void news_of_many_identities_come_some_at_a_time(void **state)
{
    struct crowd c;
    crowd_open(&c);
    for (unsigned i = 0; i < 40; i++) {
        struct pipepoll_credentials *credentials = credentials_of(i);
        add(&c, credentials, "us-east-1", "One");
        add(&c, credentials, "us-east-1", "Another");
        pipepoll_credentials_unref(credentials);
    }
    assert_int_equal(c.told, 0);
    c.takes_time = true;
    while (c.told < 40)
        uv_run(&c.loop, UV_RUN_NOWAIT);
    assert_in_range(c.longest, 1, CALLBACKS_A_TURN);
    c.takes_time = false;
    crowd_close(&c);
    assert_int_equal(c.told, 40);
}

static void a_target_that_is_removed_while_the_poller_closes_goes_once(void **state)
{
    struct crowd c;
    struct pipepoll_target *mine = NULL;
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    crowd_open(&c);
    add_all(&c, 1, 2);
    o.action_type =
        (struct pipepoll_action_type) { STR("Test"), STR("Custom"), STR("P"), STR("1") };
    o.region = STR("eu-west-1");
    o.interval_ms = 86400000;
    assert_int_equal(pipepoll_target_add(c.poller, &o, &mine, NULL), 0);
    c.targets++;
    pipepoll_close(c.poller, on_closed, &c);
    pipepoll_target_remove(mine);
    pipepoll_target_remove(mine);
    assert_int_equal(pipepoll_target_add(c.poller, &o, &mine, NULL), PIPEPOLL_ECLOSING);
    crowd_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_times_the_identities_take_about_four_times_as_long),
        cmocka_unit_test(a_closing_poller_tells_its_targets_some_at_a_time),
        cmocka_unit_test(news_of_many_identities_come_some_at_a_time),
        cmocka_unit_test(a_target_that_is_removed_while_the_poller_closes_goes_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
