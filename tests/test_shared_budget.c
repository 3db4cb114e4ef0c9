/* SPDX-License-Identifier: MIT */
/* An account's budget that other processes share, in virtual time: how many polls go out, and what
 * is told of throttling. */
#include <math.h>

#include "lib/virtual_poller.h"

enum { TARGETS = 20 };

struct world {
    struct virtual_service service;
    struct pipepoll_sink sink;
    struct pipepoll *poller;
    struct pipepoll_target *targets[TARGETS];
    unsigned polls, closed;
    uint64_t role_after_ns;
    bool throttles;
};

static struct world w;

static void answer(struct virtual_service *s, const struct virtual_request *rq,
                   struct virtual_answer *out)
{
    if (!rq->target.len) {
        out->after_ns = w.role_after_ns;
        out->body = STR("<AssumeRoleResponse><AssumeRoleResult><Credentials>"
                        "<AccessKeyId>AKID</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                        "<SessionToken>t</SessionToken>"
                        "<Expiration>2026-01-02T00:00:00Z</Expiration></Credentials>"
                        "<AssumedRoleUser><Arn>arn:aws:sts::210987654321:assumed-role/r/x</Arn>"
                        "</AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>");
        return;
    }
    w.polls++;
    out->body = STR("{\"jobs\":[]}");
    if (!w.throttles)
        return;
    out->status = 400;
    out->body = STR("{\"__type\":\"ThrottlingException\"}");
}

static void on_deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                       const struct pipepoll_answer *a)
{
}

static void on_closed(void *ctx)
{
    w.closed++;
}

/* 20 polls a second, if nothing is in their way. */
static void world_open(double ceiling_per_s, bool has_role)
{
    w = (struct world) { .service = { .answer = answer }, .sink = PIPEPOLL_SINK_INIT };
    w.sink.deliver = on_deliver;
    virtual_begin(1);
    virtual_serve(&w.service);
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    o.sink = &w.sink;
    o.seed = 1;
    o.max_polls_per_s = ceiling_per_s;
    o.credentials = virtual_credentials(has_role ? "arn:aws:iam::210987654321:role/r" : NULL);
    virtual_open(&w.poller, &o);
    for (int i = 0; i < TARGETS; i++) {
        struct pipepoll_target_options t = virtual_target("Acme");
        assert_int_equal(pipepoll_target_add(w.poller, &t, &w.targets[i], NULL), 0);
    }
}

static void world_close(void)
{
    pipepoll_close(w.poller, on_closed, &w);
    run_for(40);
    assert_int_equal(w.closed, 1);
    assert_int_equal(virtual_end(), 0);
}

static unsigned polls_in(double seconds)
{
    unsigned before = w.polls;
    run_for(seconds);
    return w.polls - before;
}

static struct pipepoll_report report(void)
{
    struct pipepoll_report r = PIPEPOLL_REPORT_INIT;
    pipepoll_target_report(w.targets[0], &r);
    return r;
}

static void a_part_of_the_ceiling_holds_for_all_targets_of_the_account(void **state)
{
    world_open(10, false);
    run_for(5);
    assert_in_range(polls_in(10), 95, 105);
    assert_int_equal(pipepoll_target_share_budget(w.targets[3], 0.5, 0, NULL), 0);
    run_for(2);
    assert_in_range(polls_in(10), 45, 55);
    assert_true(report().polls_per_s > 4.9 && report().polls_per_s < 5.1);
    assert_int_equal(pipepoll_target_share_budget(w.targets[7], 0.5, 2, NULL), 0);
    run_for(2);
    assert_in_range(polls_in(10), 18, 22);
    assert_int_equal(pipepoll_target_share_budget(w.targets[0], 1, 0, NULL), 0);
    run_for(2);
    assert_in_range(polls_in(10), 95, 105);
    world_close();
}

static void a_cap_holds_without_a_ceiling(void **state)
{
    world_open(0, false);
    run_for(2);
    assert_in_range(polls_in(10), 180, 220);
    assert_int_equal(pipepoll_target_share_budget(w.targets[0], 1, 4, NULL), 0);
    run_for(2);
    assert_in_range(polls_in(10), 38, 42);
    assert_int_equal(pipepoll_target_share_budget(w.targets[0], 1, 0, NULL), 0);
    run_for(2);
    assert_in_range(polls_in(10), 180, 220);
    world_close();
}

static void a_share_is_kept_when_the_account_becomes_known(void **state)
{
    world_open(10, true);
    assert_int_equal(pipepoll_target_share_budget(w.targets[0], 0.5, 0, NULL), 0);
    run_for(5); /* the credentials name the account, and its budget is another */
    assert_in_range(polls_in(10), 45, 55);
    world_close();
}

static void what_throttling_left_is_reported_for_others(void **state)
{
    world_open(0, false);
    run_for(5);
    assert_true(report().throttled_ms == UINT64_MAX);
    assert_true(report().adaptive_polls_per_s <= 0);
    w.throttles = true;
    run_for(0.2);
    w.throttles = false;
    run_for(1);
    assert_in_range(report().throttled_ms, 1000, 1300);
    assert_true(report().adaptive_polls_per_s > 0.4 && report().adaptive_polls_per_s < 60);
    world_close();
}

static void numbers_out_of_range_are_refused(void **state)
{
    static const double wrong[][2] = { { -0.1, 0 }, { 1.1, 0 }, { 0.5, -1 } };
    struct pipepoll_error why;
    world_open(10, false);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pipepoll_target_share_budget(w.targets[0], wrong[i][0], wrong[i][1], &why),
                         PIPEPOLL_EINVAL);
    assert_int_equal(pipepoll_target_share_budget(w.targets[0], NAN, 0, &why), PIPEPOLL_EINVAL);
    assert_int_equal(pipepoll_target_share_budget(w.targets[0], 1, INFINITY, &why),
                     PIPEPOLL_EINVAL);
    world_close();
}

int main(void)
{
    virtual_alone();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_of_the_ceiling_holds_for_all_targets_of_the_account),
        cmocka_unit_test(a_cap_holds_without_a_ceiling),
        cmocka_unit_test(a_share_is_kept_when_the_account_becomes_known),
        cmocka_unit_test(what_throttling_left_is_reported_for_others),
        cmocka_unit_test(numbers_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
