/* SPDX-License-Identifier: MIT */
/* Found jobs as messages: what is written stays readable for other versions and other languages,
 * and what comes in is not believed. */
#include <stdio.h>

#include "fleet/engine.h"
#include "fleet/job_message.h"
#include "lib/check.h"

static struct job_message job(void)
{
    return (struct job_message) {
        .region = STR("us-east-1"),
        .action_type = { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") },
        .job_id = STR("11111111-2222-3333-4444-555555555555"),
        .client_id = STR("client-1"),
        .target = UINT64_C(0xfeedc0de00000007),
        .member = STR("member-a"),
        .epoch = 12,
        .found_ms = INT64_C(1767225600123),
    };
}

static struct job_message custom_job(void)
{
    struct job_message m = job();
    m.action_type.owner = STR("Custom");
    m.client_id = STR("");
    m.nonce = STR("3\"\\\x01\xc3\xa4");
    m.account_id = STR("123456789012");
    return m;
}

static const char as_written[] =
    "{\"v\":1,\"region\":\"us-east-1\",\"actionTypeId\":{\"category\":\"Build\",\"owner\":"
    "\"ThirdParty\",\"provider\":\"Acme\",\"version\":\"1\"},\"jobId\":"
    "\"11111111-2222-3333-4444-555555555555\",\"clientId\":\"client-1\",\"target\":"
    "\"feedc0de00000007\",\"member\":\"member-a\",\"epoch\":12,\"foundAtMs\":1767225600123}";

static void assert_same(const struct job_message *a, const struct job_message *b)
{
    const str of_a[] = { a->region,
                         a->job_id,
                         a->client_id,
                         a->nonce,
                         a->account_id,
                         a->member,
                         a->action_type.category,
                         a->action_type.owner,
                         a->action_type.provider,
                         a->action_type.version };
    const str of_b[] = { b->region,
                         b->job_id,
                         b->client_id,
                         b->nonce,
                         b->account_id,
                         b->member,
                         b->action_type.category,
                         b->action_type.owner,
                         b->action_type.provider,
                         b->action_type.version };
    for (size_t i = 0; i < sizeof of_a / sizeof *of_a; i++)
        assert_true(str_eq(of_a[i], of_b[i]));
    assert_true(a->target == b->target && a->epoch == b->epoch && a->found_ms == b->found_ms);
}

static void a_job_is_written_in_these_very_bytes(void **state)
{
    char text[1024], key_text[256];
    struct buf out = BUF_ON(text), key = BUF_ON(key_text), filter = BUF_ON(key_text);
    struct job_message m = job();
    job_message_put(&out, &m);
    assert_str_equal(buf_str(&out), as_written);
    assert_true(job_message_put_key(&key, m.region, &m.action_type));
    assert_str_equal(buf_str(&key), "us-east-1.ThirdParty.Build.Acme.1");
    assert_true(job_message_put_filter(&filter, &m.action_type));
    assert_str_equal(buf_str(&filter), "*.ThirdParty.Build.Acme.1");
}

static void what_is_written_is_read(void **state)
{
    static struct job_message_text read;
    const struct job_message jobs[] = { job(), custom_job() };
    for (int i = 0; i < 2; i++) {
        char text[1024];
        struct buf out = BUF_ON(text);
        job_message_put(&out, &jobs[i]);
        assert_int_equal(job_message_read(&read, buf_str(&out)), BEAT_OK);
        assert_same(&read.job, &jobs[i]);
    }
    job_message_wipe(&read);
    for (size_t i = 0; i < sizeof read; i++)
        assert_int_equal(((const char *)&read)[i], 0);
}

static void a_key_has_words_alone(void **state)
{
    static const char *const wrong[] = { "", "a.b", "*", ">", "a b", "\xc3\xa4", "a\n" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[256];
        struct buf out = BUF_ON(text);
        struct job_message m = job();
        assert_false(job_message_put_key(&out, str_of(wrong[i]), &m.action_type));
        m.action_type.version = str_of(wrong[i]);
        buf_reset(&out);
        assert_false(job_message_put_key(&out, m.region, &m.action_type));
        buf_reset(&out);
        assert_false(job_message_put_filter(&out, &m.action_type));
    }
}

#define TYPE                                                                                       \
    "\"actionTypeId\":{\"category\":\"c\",\"owner\":\"o\",\"provider\":\"p\",\"version\":\"1\"}"
#define LEAST "\"region\":\"r\"," TYPE ",\"jobId\":\"j\""

static void members_of_later_versions_are_passed_over_and_such_versions_told_apart(void **state)
{
    static struct job_message_text m;
    assert_int_equal(job_message_read(&m, STR("{\"new\":[1,{\"a\":null}],\"v\":1," LEAST "}")),
                     BEAT_OK);
    assert_str_equal(m.job.job_id, "j");
    assert_int_equal(job_message_read(&m, STR("{\"v\":1,\"nonce\":null," LEAST "}")), BEAT_OK);
    assert_int_equal(
        job_message_read(&m, STR("{\"v\":1," LEAST
                                 ",\"clientId\":null,\"accountId\":null,\"target\":null,"
                                 "\"member\":null,\"epoch\":null,\"foundAtMs\":null}")),
        BEAT_OK);
    assert_int_equal(m.job.target, 0);
    assert_int_equal(m.job.nonce.len, 0);
    assert_int_equal(job_message_read(&m, STR("{\"v\":2,\"region\":7}")), BEAT_OTHER_VERSION);
}

static void what_is_no_job_is_malformed(void **state)
{
    static const char *const wrong[] = {
        "",
        "{",
        "[]",
        "nonsense",
        "{\"v\":1}",
        "{" LEAST "}",
        "{\"v\":\"1\"," LEAST "}",
        "{\"v\":1,\"region\":\"r\",\"jobId\":\"j\"}",
        "{\"v\":1,\"region\":\"r\"," TYPE "}",
        "{\"v\":1," TYPE ",\"jobId\":\"j\"}",
        "{\"v\":1," LEAST ",\"nonce\":7}",
        "{\"v\":1," LEAST ",\"target\":\"xyz\"}",
        "{\"v\":1," LEAST ",\"epoch\":-1}",
        "{\"v\":1," LEAST ",\"foundAtMs\":99999999999999999999999}",
        "{\"v\":1,\"region\":\"r\",\"actionTypeId\":\"t\",\"jobId\":\"j\"}",
        "{\"v\":1,\"region\":\"r\",\"actionTypeId\":{\"owner\":\"o\"},\"jobId\":\"j\"}",
        "{\"v\":1," LEAST ",\"clientId\":\"\xff\"}"
    };
    static struct job_message_text m;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(job_message_read(&m, str_of(wrong[i])), BEAT_MALFORMED);
}

static void a_body_of_any_length_is_taken_or_refused(void **state)
{
    static struct job_message_text m;
    static char text[JOB_MESSAGE_BODY_MAX + 64];
    for (size_t len = JOB_MESSAGE_BODY_MAX - 2; len < JOB_MESSAGE_BODY_MAX + 3; len++) {
        memset(text, ' ', sizeof text);
        memcpy(text, "{\"v\":1," LEAST "}", sizeof "{\"v\":1," LEAST "}" - 1);
        assert_int_equal(job_message_read(&m, (str) { text, len }),
                         len <= JOB_MESSAGE_BODY_MAX ? BEAT_OK : BEAT_MALFORMED);
    }
    struct buf many = BUF_ON(text);
    buf_put(&many, STR("{\"v\":1," LEAST ",\"x\":[1"));
    for (int i = 0; i < JOB_MESSAGE_TOKENS; i++)
        buf_put(&many, STR(",1"));
    buf_put(&many, STR("]}"));
    assert_int_equal(job_message_read(&m, buf_str(&many)), BEAT_MALFORMED);
}

static void no_cut_of_a_body_is_a_job(void **state)
{
    static struct job_message_text m;
    for (size_t len = 0; len < sizeof as_written - 1; len++)
        assert_int_equal(job_message_read(&m, (str) { as_written, len }), BEAT_MALFORMED);
}

static str once_of(struct buf *out, str id, int64_t generation)
{
    buf_reset(out);
    job_message_put_once(out, id, STR(""), generation);
    return buf_str(out);
}

static void once_ids_are_short_and_tell_all_ids_apart(void **state)
{
    char text[JOB_MESSAGE_ONCE_MAX + 1], other_text[JOB_MESSAGE_ONCE_MAX + 1];
    struct buf a = BUF_ON(text), b = BUF_ON(other_text);
    char longest[1024];
    memset(longest, 'x', sizeof longest);
    assert_true(str_eq(once_of(&a, STR("j1"), 7), STR("08243666f926aa4e5b884b8ef1fc3b93:7")));
    assert_false(str_eq(once_of(&a, STR("j\0a"), 7), once_of(&b, STR("j\0b"), 7)));
    const struct engine_message m = { .log = ENGINE_JOBS,
                                      .key = STR("k"),
                                      .once = once_of(&a, (str) { longest, sizeof longest },
                                                      INT64_MIN) };
    assert_false(a.overflow);
    assert_true(engine_can_write(&m));
}

static void what_no_engine_can_write_is_known_before(void **state)
{
    struct engine_message m = { .key = STR("a.b-_9"), .once = STR("!~") };
    static char body[ENGINE_BODY_MAX + 1];
    const str bad_keys[] = { STR(""), STR("a..b"), STR("a.*"), STR("a b"), STR("a\0") };
    const str bad_ids[] = {
        STR("a b"), STR("a\0b"), STR("\x7f"), STR("\xc3\xa4"), { body, ENGINE_KEY_MAX + 1 }
    };
    assert_true(engine_can_write(&m));
    for (size_t i = 0; i < sizeof bad_keys / sizeof *bad_keys; i++) {
        m.key = bad_keys[i];
        assert_false(engine_can_write(&m));
    }
    m.key = STR("a");
    for (size_t i = 0; i < sizeof bad_ids / sizeof *bad_ids; i++) {
        m.once = bad_ids[i];
        assert_false(engine_can_write(&m));
    }
    m.once = STR("");
    m.body = (str) { body, sizeof body - 1 };
    assert_true(engine_can_write(&m));
    m.body.len++;
    assert_false(engine_can_write(&m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once_ids_are_short_and_tell_all_ids_apart),
        cmocka_unit_test(what_no_engine_can_write_is_known_before),
        cmocka_unit_test(a_job_is_written_in_these_very_bytes),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_key_has_words_alone),
        cmocka_unit_test(members_of_later_versions_are_passed_over_and_such_versions_told_apart),
        cmocka_unit_test(what_is_no_job_is_malformed),
        cmocka_unit_test(a_body_of_any_length_is_taken_or_refused),
        cmocka_unit_test(no_cut_of_a_body_is_a_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
