/* SPDX-License-Identifier: MIT */
/* Requests for jobs to a server that the test makes up: how many are asked for, whatever it says
 * and when. */
#include <stdio.h>
#include <stdlib.h>

#include "fleet/nats_core.h"
#include "fleet/nats_order.h"
#include "lib/check.h"

enum { WISH = 4, REQUESTS_MAX = 16 };

static char body_asked[NATS_BODY_MAX];
static struct nats_request *asked; /* about the consumer; NULL: nothing */
static char replies[REQUESTS_MAX][128];
static size_t requests;

bool __wrap_nats_core_ask(struct nats_core *c, struct nats_request *r, const char *what,
                          enum engine_log log, str rest, str body,
                          void (*on_answer)(void *ctx, struct nats_ask *ask,
                                            const struct nats_answer *a));
void __wrap_nats_count_turn(struct nats_core *c);
bool __wrap_nats_link_send(struct nats_link *l, const struct nats_post *p);

bool __wrap_nats_core_ask(struct nats_core *c, struct nats_request *r, const char *what,
                          enum engine_log log, str rest, str body,
                          void (*on_answer)(void *ctx, struct nats_ask *ask,
                                            const struct nats_answer *a))
{
    r->ask.on_answer = on_answer;
    r->is_out = true;
    asked = r;
    str_copy(body_asked, sizeof body_asked, body);
    return true;
}

void __wrap_nats_count_turn(struct nats_core *c)
{
}

bool __wrap_nats_link_send(struct nats_link *l, const struct nats_post *p)
{
    assert_true(requests < REQUESTS_MAX);
    snprintf(replies[requests++], sizeof replies[0], "%s", p->reply);
    return true;
}

/* The consumer is there, if it was asked about. */
static void turn(struct nats_core *c, uint64_t after_ms)
{
    char text[] = "{}";
    struct json_token tokens[4];
    struct json j;
    const struct nats_answer there = { .json = &j };
    assert_int_equal(json_parse(&j, text, 2, tokens, 4, NULL), JSON_OK);
    c->now_ms += after_ms;
    nats_pull_turn(c);
    if (!asked)
        return;
    struct nats_request *r = asked;
    asked = NULL;
    r->ask.on_answer(c, &r->ask, &there);
    nats_pull_turn(c);
}

static void status(struct nats_core *c, size_t request, int code)
{
    const struct nats_note n = { .subject = str_of(replies[request]), .status = code };
    assert_true(nats_pull_status(c, &n));
    turn(c, 1);
}

static struct nats_core *new_core(struct nats_desk *desk, const char *filter)
{
    static const struct nats_options options = { .fleet = "f",
                                                 .server_count = 1,
                                                 .jobs_max_age_ms = 3600000 };
    static int link;
    requests = 0;
    assert_int_equal(nats_desk_init(desk), PIPEPOLL_OK);
    struct nats_core *c = nats_core_new(desk, &options);
    assert_non_null(c);
    c->link = (struct nats_link *)&link;
    c->is_proved[ENGINE_JOBS] = true;
    c->now_ms = 1000000;
    snprintf(c->replies, sizeof c->replies, "_INBOX.x.r.");
    nats_order_pull(desk, str_of(filter), WISH);
    return c;
}

static struct nats_core *open_core(struct nats_desk *desk)
{
    struct nats_core *c = new_core(desk, "*.ThirdParty.Build.Acme.1");
    turn(c, 0);
    assert_int_equal(requests, 1);
    return c;
}

static void a_request_that_has_ended_is_followed_by_the_next(void **state)
{
    struct nats_desk desk = { 0 };
    struct nats_core *c = open_core(&desk);
    status(c, 0, 100);
    assert_int_equal(requests, 1);
    status(c, 0, 408);
    assert_int_equal(requests, 2);
    assert_string_not_equal(replies[0], replies[1]);
    free(c);
    nats_desk_deinit(&desk);
}

/* Else each would be followed by one more, for ever: two are out where one was asked for. */
static void the_late_end_of_an_earlier_request_ends_no_other(void **state)
{
    struct nats_desk desk = { 0 };
    struct nats_core *c = open_core(&desk);
    turn(c, 5000); /* it gave no sign */
    turn(c, 1000);
    assert_int_equal(requests, 2);
    status(c, 0, 408);
    status(c, 0, 503);
    assert_int_equal(requests, 2);
    for (int i = 0; i < 10; i++) { /* nor is it a sign of the other */
        status(c, 0, 100);
        turn(c, 1000);
    }
    assert_int_equal(requests, 3);
    free(c);
    nats_desk_deinit(&desk);
}

static void check_goes(const char *filter, bool goes)
{
    enum { JS_CONSUMER_NOT_FOUND = 10014 };
    static const struct nats_answer gone = { .code = JS_CONSUMER_NOT_FOUND };
    struct nats_desk desk = { 0 };
    struct nats_core *c = new_core(&desk, filter);
    nats_pull_turn(c);
    assert_non_null(asked);
    asked->ask.on_answer(c, &asked->ask, &gone);
    assert_non_null(strstr(body_asked, "\"max_waiting\":2048"));
    assert_int_equal(strstr(body_asked, ",\"inactive_threshold\":3600000000000}}") != NULL, goes);
    asked = NULL;
    free(c);
    nats_desk_deinit(&desk);
}

/* As many as there ever were members, else. */
static void the_consumer_of_a_single_key_goes_when_nobody_pulls(void **state)
{
    check_goes("for.0000000000000abc", true);
    check_goes("*.ThirdParty.Build.Acme.1", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_has_ended_is_followed_by_the_next),
        cmocka_unit_test(the_late_end_of_an_earlier_request_ends_no_other),
        cmocka_unit_test(the_consumer_of_a_single_key_goes_when_nobody_pulls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
