/* SPDX-License-Identifier: MIT */
/* How a fleet's streams are named and made, and what is said of one that is otherwise: what is made
 * is judged good, and each difference is told with the fix. */
#include "fleet/nats_log.h"

#include <stdio.h>

#include "lib/check.h"

static const struct nats_options options = {
    .fleet = "f", .replicas = 3, .jobs_max_bytes = 1 << 30, .jobs_max_age_ms = 86400000
};

/* --- names --- */

static void test_names(void **state)
{
    char text[512];
    struct buf b = BUF_ON(text);
    nats_log_stream(&b, STR("f"), ENGINE_OUTBOX);
    assert_str_equal(buf_str(&b), "PIPEPOLL_f_OUTBOX");
    buf_reset(&b);
    nats_log_subject(&b, STR("f"), ENGINE_LEASES, STR("t.a.1"));
    assert_str_equal(buf_str(&b), "pipepoll.f.lease.t.a.1");
    assert_str_equal(nats_log_key(STR("f"), ENGINE_LEASES, buf_str(&b)), "t.a.1");
    assert_int_equal(nats_log_key(STR("f"), ENGINE_JOBS, buf_str(&b)).len, 0);
    assert_int_equal(nats_log_key(STR("g"), ENGINE_LEASES, buf_str(&b)).len, 0);
    buf_reset(&b);
    nats_log_consumer(&b, STR("*.o.My-Build_2.1"));
    assert_str_equal(buf_str(&b), "@,o,My-Build_2,1");
}

static void check_fleets(const char *answer, size_t room, const char *want)
{
    char text[1024], out[512];
    struct json_token tokens[64];
    struct json j;
    struct buf b = { .at = out, .cap = room };
    int len = snprintf(text, sizeof text, "%s", answer);
    assert_int_equal(json_parse(&j, text, (size_t)len, tokens, 64, NULL), JSON_OK);
    nats_log_fleets(&b, &j);
    assert_false(b.overflow);
    assert_str_equal(buf_str(&b), want);
}

static void test_fleets(void **state)
{
    check_fleets("{\"streams\":[\"PIPEPOLL_a_LEASES\",\"PIPEPOLL_a_JOBS\",\"ORDERS\","
                 "\"PIPEPOLL_b-2_LEASES\",7,null,\"PIPEPOLL__LEASES\",\"PIPEPOLL_a.b_LEASES\"]}",
                 64, "a, b-2");
    check_fleets("{\"streams\":null}", 64, "");
    check_fleets("{}", 64, "");
    check_fleets("{\"streams\":[\"PIPEPOLL_abcdef_LEASES\",\"PIPEPOLL_ghijkl_LEASES\"]}", 15,
                 "abcdef, ...");
}

static void test_keys(void **state)
{
    const char *good[] = { "a", "a.b-c_D.9" }, *bad[] = { "",     ".",   "a.",      ".a",
                                                          "a..b", "a b", "a*",      "a.>",
                                                          "a.\"", "a.*", "\xc3\xa4" };
    char longest[ENGINE_KEY_MAX + 2];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(engine_is_key(str_of(good[i]), false));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(engine_is_key(str_of(bad[i]), false));
    assert_true(engine_is_key(STR("*.a.*"), true));
    assert_false(engine_is_key(STR("a*"), true));
    assert_false(engine_is_key(STR(">"), true));
    memset(longest, 'x', sizeof longest);
    assert_true(engine_is_key((str) { longest, ENGINE_KEY_MAX }, false));
    assert_false(engine_is_key((str) { longest, ENGINE_KEY_MAX + 1 }, false));
}

/* --- streams --- */

static enum nats_log_verdict judge(enum engine_log log, const char *config, char *why, size_t size)
{
    char text[4096];
    struct json_token tokens[256];
    struct json j;
    struct buf b = { .at = why, .cap = size };
    int len = snprintf(text, sizeof text, "{\"config\":%s}", config);
    assert_int_equal(json_parse(&j, text, (size_t)len, tokens, 256, NULL), JSON_OK);
    enum nats_log_verdict v =
        nats_log_judge(&options, log, &j, json_member(&j, JSON_ROOT, "config"), &b);
    buf_cstr(&b);
    assert_false(b.overflow);
    assert_true((v == NATS_LOG_WRONG) == (b.len > 0));
    return v;
}

/* As it is made, with one text in place of another. */
static void check_wrong(enum engine_log log, const char *from, const char *to, const char *said)
{
    char made[2048], changed[2048], why[512];
    struct buf b = BUF_ON(made);
    nats_log_config(&b, &options, log);
    buf_cstr(&b);
    const char *at = strstr(made, from);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - made), made, to, at + strlen(from));
    assert_int_equal(judge(log, changed, why, sizeof why), NATS_LOG_WRONG);
    if (!strstr(why, said))
        fail_msg("%s\nlacks: %s", why, said);
}

static void test_what_is_made_is_good(void **state)
{
    for (int log = ENGINE_LEASES; log <= ENGINE_DEAD; log++) {
        char made[2048], why[512];
        struct buf b = BUF_ON(made);
        nats_log_config(&b, &options, (enum engine_log)log);
        buf_cstr(&b);
        assert_int_equal(judge((enum engine_log)log, made, why, sizeof why), NATS_LOG_GOOD);
    }
}

static void test_each_difference_is_told(void **state)
{
    check_wrong(ENGINE_JOBS, "limits", "workqueue",
                "stream PIPEPOLL_f_JOBS has retention workqueue, and must have limits: stop the "
                "fleet, nats stream rm PIPEPOLL_f_JOBS");
    check_wrong(ENGINE_JOBS, "\"file\"", "\"memory\"", "has storage memory");
    check_wrong(ENGINE_JOBS, "\"new\"", "\"old\"", "has discard old, and must have new");
    check_wrong(ENGINE_JOBS, "\"num_replicas\":3", "\"num_replicas\":1",
                "has num_replicas 1, and must have 3: nats stream edit PIPEPOLL_f_JOBS "
                "--replicas=3, or set [fleet] replicas");
    check_wrong(
        ENGINE_LEASES, "\"max_age\":0", "\"max_age\":3600000000000",
        "has max_age 1h, and must have 0h: nats stream edit PIPEPOLL_f_LEASES --max-age=0h");
    check_wrong(ENGINE_JOBS, "duplicate_window", "x", "has duplicate_window 0h, and must have 1h");
    check_wrong(ENGINE_LEASES, "subject\":1", "subject\":-1", "has max_msgs_per_subject -1");
    check_wrong(ENGINE_JOBS, "pipepoll.f.jobs.>", "x.>", "has other subjects");
    check_wrong(ENGINE_JOBS, "format 1", "format 12", "has format 12, of a later pipepoll");
    check_wrong(ENGINE_JOBS, "format 1", "format 0", "is not pipepoll's");
    check_wrong(ENGINE_JOBS, "pipepoll fleet f", "mine", "is not pipepoll's");
}

#define QUEUE_OF(format)                                                                           \
    "{\"description\":\"pipepoll fleet f, format " format                                          \
    "\",\"subjects\":[\"pipepoll.f.jobs.\\u003e\"],"                                               \
    "\"retention\":\"limits\",\"storage\":\"file\",\"discard\":\"new\",\"num_replicas\":3,"        \
    "\"max_age\":86400000000000,\"duplicate_window\":3600000000000,"                               \
    "\"max_msgs_per_subject\":-1,\"max_bytes\":5,\"placement\":{\"tags\":[\"fast\"]}}"

static void test_the_size_alone_may_change(void **state)
{
    char why[512];
    assert_int_equal(judge(ENGINE_JOBS, QUEUE_OF("1"), why, sizeof why), NATS_LOG_RESIZE);
    assert_int_equal(judge(ENGINE_JOBS, "[]", why, sizeof why), NATS_LOG_WRONG);
    assert_int_equal(judge(ENGINE_JOBS, "{}", why, sizeof why), NATS_LOG_WRONG);
}

static void test_another_size_leaves_what_we_do_not_know(void **state)
{
    static struct json_token tokens[256];
    char text[] = "{\"config\":" QUEUE_OF("1") "}", room[1024], expected[1024];
    struct buf out = BUF_ON(room);
    struct json j;
    assert_int_equal(json_parse(&j, text, strlen(text), tokens, 256, NULL), JSON_OK);
    int config = json_member(&j, JSON_ROOT, "config");
    nats_log_resized(&out, &options, ENGINE_JOBS, &j, config);
    const char *was = QUEUE_OF("1"), *size = "\"max_bytes\":5,", *at = strstr(was, size);
    snprintf(expected, sizeof expected, "%.*s%.*s,\"max_bytes\":1073741824}", (int)(at - was), was,
             (int)strlen(at) - (int)strlen(size) - 1, at + strlen(size));
    assert_string_equal(buf_cstr(&out), expected);
}

static void test_what_later_ones_add_is_good_and_theirs(void **state)
{
    char why[512];
    assert_int_equal(judge(ENGINE_JOBS, QUEUE_OF("1.1"), why, sizeof why), NATS_LOG_GOOD);
    assert_int_equal(judge(ENGINE_JOBS, QUEUE_OF("2.0"), why, sizeof why), NATS_LOG_WRONG);
}

/* --- messages --- */

static void test_what_a_message_says_of_itself(void **state)
{
    struct nats_place p;
    assert_true(nats_place_read(&p, STR("$JS.ACK.S.c.2.77.5.1795971883340751965.9")));
    assert_str_equal(p.stream, "S");
    assert_str_equal(p.consumer, "c");
    assert_int_equal(p.delivered, 2);
    assert_int_equal(p.sequence, 77);
    assert_int_equal(p.consumer_sequence, 5);
    assert_int_equal(p.pending, 9);
    assert_true(nats_place_read(&p, STR("$JS.ACK._.hash.S.c.1.7.5.17.0.rest")));
    assert_str_equal(p.consumer, "c");
    assert_int_equal(p.sequence, 7);
    const char *bad[] = { "", "$JS.ACK.", "$JS.ACK.S.c.1.2.3.4", "$JS.ACK.a.S.c.1.2.3.4.5", "x.y" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(nats_place_read(&p, str_of(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_fleets),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_what_is_made_is_good),
        cmocka_unit_test(test_each_difference_is_told),
        cmocka_unit_test(test_the_size_alone_may_change),
        cmocka_unit_test(test_another_size_leaves_what_we_do_not_know),
        cmocka_unit_test(test_what_later_ones_add_is_good_and_theirs),
        cmocka_unit_test(test_what_a_message_says_of_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
