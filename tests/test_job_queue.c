/* SPDX-License-Identifier: MIT */
/* daemon/job_queue: what is pulled, and how each job is settled with the engine by what becomes of
 * it: no job is kept from others for ever, and none is done before somebody has it. */
#include "daemon/job_queue.h"

#include <stdio.h>
#include <uv.h>

#include "base/list.h"
#include "base/wall_clock.h"
#include "lib/freed_memory.h"

enum { WISHES = 128, TOLD_MAX = 1024 };

struct engine_delivery {
    int number;
};

struct world {
    struct engine engine;
    struct logger logger;
    uv_loop_t loop;
    struct job_queue *queue;
    struct {
        char filter[ENGINE_KEY_MAX + 1];
        unsigned count;
    } wishes[WISHES];
    size_t wish_count;
    char told[TOLD_MAX]; /* what the engine was asked for, but for pulls */
    char body[4096];     /* of the last message */
    uint64_t ticket;     /* the same */
    bool is_full, only_looks, has_no_place;
    size_t slots;
    int result; /* of take() */
    struct queued_job *taken;
    int64_t found_ms; /* of the next job */
    bool closed;
};

static struct world *of(struct engine *self)
{
    return CONTAINER_OF(self, struct world, engine);
}

static void tell(struct world *w, const char *what, unsigned long long n)
{
    size_t len = strlen(w->told);
    snprintf(w->told + len, sizeof w->told - len, "%s%s %llu", len ? ", " : "", what, n);
}

static bool on_write(struct engine *self, const struct engine_message *m)
{
    struct world *w = of(self);
    char what[64];
    if (w->is_full)
        return false;
    snprintf(what, sizeof what, "write %.*s", STR_ARG(m->key));
    tell(w, what, m->log);
    snprintf(w->body, sizeof w->body, "%.*s", STR_ARG(m->body));
    w->ticket = m->ticket;
    return true;
}

static bool on_pull(struct engine *self, str filter, unsigned count)
{
    struct world *w = of(self);
    size_t i = 0;
    while (i < w->wish_count && !str_eq(filter, str_of(w->wishes[i].filter)))
        i++;
    if (i == w->wish_count && w->has_no_place)
        return false;
    if (i == w->wish_count)
        snprintf(w->wishes[w->wish_count++].filter, sizeof w->wishes[i].filter, "%.*s",
                 STR_ARG(filter));
    w->wishes[i].count = count;
    return true;
}

static void on_done(struct engine *self, struct engine_delivery *d)
{
    tell(of(self), "done", (unsigned)d->number);
}

static void on_give_back(struct engine *self, struct engine_delivery *d, uint32_t after_ms)
{
    tell(of(self), "give back after", after_ms);
}

static void on_hold(struct engine *self, struct engine_delivery *d)
{
}

static int take(void *ctx, const struct job_message *job, struct queued_job *q,
                struct pipepoll_error *why)
{
    struct world *w = ctx;
    assert_str_equal(job->job_id, "job-1");
    snprintf(why->text, sizeof why->text, "no target here is like its own");
    w->taken = w->result ? NULL : q;
    return w->result;
}

static size_t free_slots(void *ctx)
{
    return ((struct world *)ctx)->slots;
}

static bool works(void *ctx)
{
    return !((struct world *)ctx)->only_looks;
}

static const struct pipepoll_action_type types[2] = {
    { STR_INIT("Build"), STR_INIT("ThirdParty"), STR_INIT("Acme"), STR_INIT("1") },
    { STR_INIT("Test"), STR_INIT("Custom"), STR_INIT("Bcme"), STR_INIT("2") },
};

static void world_open(struct world *w, size_t slots)
{
    *w = (struct world) { .engine = { .write = on_write,
                                      .pull = on_pull,
                                      .done = on_done,
                                      .give_back = on_give_back,
                                      .hold = on_hold },
                          .slots = slots };
    w->logger.level = PIPEPOLL_ERROR;
    uv_loop_init(&w->loop);
    const struct job_queue_options o = { .loop = &w->loop,
                                         .engine = &w->engine,
                                         .logger = &w->logger,
                                         .owner = 0xabc,
                                         .take = take,
                                         .free_slots = free_slots,
                                         .works = works,
                                         .ctx = w };
    assert_int_equal(job_queue_open(&w->queue, &o), 0);
    assert_int_equal(job_queue_set_types(w->queue, types, 2), 0);
}

static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed = true;
}

static void world_close(struct world *w)
{
    job_queue_close(w->queue, on_closed, w);
    while (!w->closed)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(freed_with_canary, 0); /* the nonces */
}

static const char key[] = "eu-west-1.ThirdParty.Build.Acme.1";

static void pulled(struct world *w, struct engine_delivery *d, unsigned delivered)
{
    char text[1024];
    struct buf body = BUF_ON(text);
    const struct job_message m = { .region = STR("eu-west-1"),
                                   .action_type = types[0],
                                   .job_id = STR("job-1"),
                                   .client_id = STR("client-1"),
                                   .nonce = STR(CANARY),
                                   .target = 7,
                                   .found_ms = w->found_ms };
    job_message_put(&body, &m);
    job_queue_on_pulled(w->queue, d, str_of(key), buf_str(&body), delivered);
}

static unsigned wished(const struct world *w, const char *filter)
{
    for (size_t i = 0; i < w->wish_count; i++)
        if (strcmp(w->wishes[i].filter, filter) == 0)
            return w->wishes[i].count;
    return 0;
}

#define ACME "*.ThirdParty.Build.Acme.1"
#define BCME "*.Custom.Test.Bcme.2"

static void free_slots_are_dealt_to_the_action_types(void **state)
{
    struct world w;
    world_open(&w, 7);
    assert_int_equal(wished(&w, ACME) + wished(&w, BCME), 7);
    assert_true(wished(&w, ACME) >= 3 && wished(&w, BCME) >= 3);
    assert_int_equal(wished(&w, "for.0000000000000abc"), 8);
    w.slots = 0;
    job_queue_on_slots(w.queue);
    assert_int_equal(wished(&w, ACME) + wished(&w, BCME), 0);
    assert_int_equal(job_queue_set_types(w.queue, types, 1), 0);
    w.slots = 4;
    job_queue_on_slots(w.queue);
    assert_int_equal(wished(&w, ACME), 4);
    assert_int_equal(wished(&w, BCME), 0);
    world_close(&w);
}

/* Those before are let go, and the engine still has them for a while. */
static void what_the_engine_has_no_place_for_is_asked_for_again(void **state)
{
    static const struct pipepoll_action_type other = { STR_INIT("Build"), STR_INIT("Custom"),
                                                       STR_INIT("Ccme"), STR_INIT("1") };
    struct world w;
    world_open(&w, 7);
    w.has_no_place = true;
    assert_int_equal(job_queue_set_types(w.queue, &other, 1), 0);
    assert_int_equal(wished(&w, ACME) + wished(&w, BCME), 0);
    w.has_no_place = false;
    job_queue_on_slots(w.queue);
    assert_int_equal(wished(&w, "*.Custom.Build.Ccme.1"), 7);
    world_close(&w);
}

static void a_job_is_done_once_it_is_claimed(void **state)
{
    struct world w;
    struct engine_delivery d = { 1 };
    world_open(&w, 4);
    pulled(&w, &d, 1);
    assert_non_null(w.taken);
    assert_string_equal(w.told, "");
    job_queue_claimed(w.taken);
    assert_string_equal(w.told, "done 1");
    world_close(&w);
}

static void what_is_in_hand_already_is_done(void **state)
{
    struct world w;
    struct engine_delivery d = { 1 };
    world_open(&w, 4);
    w.result = PIPEPOLL_EEXISTS;
    pulled(&w, &d, 2);
    assert_string_equal(w.told, "done 1");
    world_close(&w);
}

static void a_job_waits_for_a_slot_and_goes_back_at_the_end(void **state)
{
    struct world w;
    struct engine_delivery d = { 1 };
    world_open(&w, 4);
    w.result = PIPEPOLL_EBUSY;
    pulled(&w, &d, 1);
    assert_string_equal(w.told, "");
    w.result = 0;
    job_queue_on_slots(w.queue);
    assert_non_null(w.taken);
    job_queue_claimed(w.taken);
    w.result = PIPEPOLL_EBUSY;
    pulled(&w, &d, 1);
    job_queue_drain(w.queue);
    assert_string_equal(w.told, "done 1, give back after 0");
    pulled(&w, &d, 1); /* was on its way */
    assert_string_equal(w.told, "done 1, give back after 0, give back after 0");
    world_close(&w);
}

static void ended(struct world *w, enum pipepoll_work_outcome outcome, unsigned delivered)
{
    static struct engine_delivery d = { 1 };
    w->told[0] = '\0';
    pulled(w, &d, delivered);
    job_queue_ended(w->taken, outcome, STR("no client token is known"));
}

static void what_the_service_has_settled_is_done(void **state)
{
    static const enum pipepoll_work_outcome settled[] = { PIPEPOLL_WORK_LOST_RACE,
                                                          PIPEPOLL_WORK_OVER };
    struct world w;
    world_open(&w, 4);
    for (size_t i = 0; i < sizeof settled / sizeof *settled; i++) {
        ended(&w, settled[i], 1);
        assert_string_equal(w.told, "done 1");
    }
    world_close(&w);
}

static void a_job_that_nobody_can_take_ends_as_a_dead_letter(void **state)
{
    struct world w;
    world_open(&w, 4);
    ended(&w, PIPEPOLL_WORK_NO_TOKEN, 4);
    assert_string_equal(w.told, "give back after 10000");
    w.found_ms = wall_clock_ms(); /* often, for the members were full, and not for long */
    for (int i = 0; i < 2; i++) {
        ended(&w, PIPEPOLL_WORK_NO_TOKEN, 5);
        assert_string_equal(w.told, "give back after 10000");
    }
    w.found_ms = wall_clock_ms() - 301000;
    w.only_looks = true; /* who waits for jobs of his own buries none of others */
    ended(&w, PIPEPOLL_WORK_NO_TOKEN, 5);
    assert_string_equal(w.told, "give back after 160000");
    w.only_looks = false; /* and whose first try it is does not either */
    ended(&w, PIPEPOLL_WORK_NO_TOKEN, 6);
    assert_string_equal(w.told, "give back after 10000");
    ended(&w, PIPEPOLL_WORK_NO_TOKEN, 4); /* nor after a few tries */
    assert_string_equal(w.told, "give back after 10000");
    ended(&w, PIPEPOLL_WORK_NO_TOKEN, 7);
    assert_string_equal(w.told, "write no-client-token 3");
    assert_true(job_queue_on_written(w.queue, w.ticket, ENGINE_DONE));
    assert_string_equal(w.told, "write no-client-token 3, done 1");
    assert_non_null(strstr(w.body, "\"reason\":\"no-client-token\""));
    assert_non_null(strstr(w.body, "\"jobId\":\"job-1\""));
    assert_null(strstr(w.body, CANARY));
    world_close(&w);
}

static void what_is_only_looked_at_comes_later_with_each_look(void **state)
{
    static const struct {
        unsigned delivered;
        const char *told;
    } looks[] = { { 1, "give back after 10000" },
                  { 2, "give back after 20000" },
                  { 5, "give back after 160000" },
                  { 6, "give back after 300000" },
                  { 100, "give back after 300000" } };
    struct world w;
    struct engine_delivery d = { 1 };
    world_open(&w, 1);
    w.only_looks = true;
    w.result = PIPEPOLL_ENOTFOUND;
    w.found_ms = wall_clock_ms() - 301000;
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        w.told[0] = '\0';
        pulled(&w, &d, looks[i].delivered);
        assert_string_equal(w.told, looks[i].told);
    }
    world_close(&w);
}

static void more_than_it_remembers_are_buried_too(void **state)
{
    enum { JOBS = 600, ROUNDS = 40 };
    static bool is_gone[JOBS];
    struct world w;
    struct engine_delivery d = { 1 };
    int left = JOBS, rounds = 0;
    world_open(&w, 4);
    w.result = PIPEPOLL_ENOTFOUND;
    for (; left && rounds < ROUNDS; rounds++)
        for (int i = 0; i < JOBS; i++) {
            if (is_gone[i])
                continue;
            w.told[0] = '\0';
            w.found_ms = 1 + i;
            pulled(&w, &d, 5);
            is_gone[i] = str_starts(str_of(w.told), STR("write no-target"));
            left -= is_gone[i];
            if (is_gone[i])
                assert_true(job_queue_on_written(w.queue, w.ticket, ENGINE_DONE));
            assert_true(!is_gone[i] || rounds > 0);
        }
    assert_int_equal(left, 0);
    world_close(&w);
}

static void a_dead_letter_that_is_not_written_leaves_the_job_where_it_was(void **state)
{
    struct world w;
    world_open(&w, 4);
    ended(&w, PIPEPOLL_WORK_REJECTED, 1);
    assert_true(job_queue_on_written(w.queue, w.ticket, ENGINE_UNKNOWN));
    assert_string_equal(w.told, "write rejected 3, give back after 10000");
    w.is_full = true;
    ended(&w, PIPEPOLL_WORK_UNRESOLVED, 1);
    assert_string_equal(w.told, "give back after 10000");
    assert_false(job_queue_on_written(w.queue, 5, ENGINE_DONE)); /* another's ticket */
    world_close(&w);
}

static void a_job_that_can_never_be_worked_is_a_dead_letter_at_once(void **state)
{
    struct world w;
    struct engine_delivery d = { 1 };
    world_open(&w, 4);
    w.result = PIPEPOLL_EINVAL;
    pulled(&w, &d, 1);
    assert_string_equal(w.told, "write unreadable 3");
    assert_true(job_queue_on_written(w.queue, w.ticket, ENGINE_DONE));
    world_close(&w);
}

static void what_we_leave_while_we_drain_goes_back_at_once(void **state)
{
    struct world w;
    struct engine_delivery d = { 1 };
    world_open(&w, 4);
    pulled(&w, &d, 9);
    w.slots = 0; /* the runner drains, and waits for a follow-up job yet */
    job_queue_ended(w.taken, PIPEPOLL_WORK_LEFT, STR(""));
    assert_string_equal(w.told, "give back after 0");
    world_close(&w);
}

static void other_action_types_take_the_place_of_those_before(void **state)
{
    struct world w;
    char names[2][40][8];
    struct pipepoll_action_type many[2][40];
    world_open(&w, 80);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 40; i++) {
            snprintf(names[k][i], sizeof names[k][i], "P%d-%d", k, i);
            many[k][i] = types[0];
            many[k][i].provider = str_of(names[k][i]);
        }
    assert_int_equal(job_queue_set_types(w.queue, many[0], 40), 0);
    assert_int_equal(job_queue_set_types(w.queue, many[1], 40), 0);
    assert_int_equal(wished(&w, "*.ThirdParty.Build.P0-0.1"), 0);
    assert_int_equal(wished(&w, "*.ThirdParty.Build.P1-39.1"), 2);
    world_close(&w);
}

static void what_is_no_job_is_a_dead_letter_too(void **state)
{
    struct world w;
    struct engine_delivery d = { 1 };
    world_open(&w, 4);
    job_queue_on_pulled(w.queue, &d, str_of(key), STR("{\"v\":1,"), 1);
    assert_string_equal(w.told, "write unreadable 3");
    assert_true(job_queue_on_written(w.queue, w.ticket, ENGINE_DONE));
    w.told[0] = '\0';
    job_queue_on_pulled(w.queue, &d, str_of(key), STR("{\"v\":2}"), 9);
    assert_string_equal(w.told, "give back after 10000"); /* a newer program knows it */
    world_close(&w);
}

static void a_follow_up_job_is_done_when_its_member_can_have_it(void **state)
{
    struct world w;
    struct engine_delivery d = { 1 };
    const struct job_message m = { .region = STR("eu-west-1"),
                                   .action_type = types[0],
                                   .job_id = STR("job-1"),
                                   .client_id = STR("client-1") };
    world_open(&w, 4);
    pulled(&w, &d, 1);
    job_queue_pass(w.queue, w.taken, &m, 0x123);
    assert_string_equal(w.told, "write for.0000000000000123 1");
    assert_true(job_queue_on_written(w.queue, w.ticket, ENGINE_DUPLICATE));
    assert_string_equal(w.told, "write for.0000000000000123 1, done 1");
    job_queue_pass(w.queue, NULL, &m, 0x123); /* a poll found it */
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_slots_are_dealt_to_the_action_types),
        cmocka_unit_test(what_the_engine_has_no_place_for_is_asked_for_again),
        cmocka_unit_test(a_job_is_done_once_it_is_claimed),
        cmocka_unit_test(what_is_in_hand_already_is_done),
        cmocka_unit_test(a_job_waits_for_a_slot_and_goes_back_at_the_end),
        cmocka_unit_test(what_the_service_has_settled_is_done),
        cmocka_unit_test(a_job_that_nobody_can_take_ends_as_a_dead_letter),
        cmocka_unit_test(what_is_only_looked_at_comes_later_with_each_look),
        cmocka_unit_test(more_than_it_remembers_are_buried_too),
        cmocka_unit_test(a_dead_letter_that_is_not_written_leaves_the_job_where_it_was),
        cmocka_unit_test(a_job_that_can_never_be_worked_is_a_dead_letter_at_once),
        cmocka_unit_test(what_we_leave_while_we_drain_goes_back_at_once),
        cmocka_unit_test(other_action_types_take_the_place_of_those_before),
        cmocka_unit_test(what_is_no_job_is_a_dead_letter_too),
        cmocka_unit_test(a_follow_up_job_is_done_when_its_member_can_have_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
