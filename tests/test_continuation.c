/* SPDX-License-Identifier: MIT */
/* What a continuation token of ours proves, and that nobody can make or move one. */
#include "handler/continuation.h"

#include "lib/check.h"

static struct sha256 about(const char *client, const char *stage, const char *action)
{
    return continuation_subject(str_of(client), STR("line"), str_of(stage), str_of(action),
                                STR("Acme"));
}

static const struct continuation running = { .kind = CONTINUATION_RUNNING,
                                             .owner = 0x0123456789abcdef,
                                             .run = UINT64_MAX,
                                             .part = UINT32_MAX,
                                             .until_s = 253402300799 };

static struct hmac_key key_of(const char *text)
{
    struct hmac_key key;
    hmac_key_set(&key, str_of(text));
    return key;
}

static str token_of(char text[CONTINUATION_LEN_MAX], const struct continuation *c)
{
    const struct hmac_key key = key_of("key");
    struct buf b = { .at = text, .cap = CONTINUATION_LEN_MAX };
    const struct sha256 subject = about("client", "stage", "action");
    continuation_put(&b, c, &key, &subject);
    assert_false(b.overflow);
    return buf_str(&b);
}

static enum continuation_kind kind_of(str token, const char *key_text, struct sha256 subject)
{
    const struct hmac_key key = key_of(key_text);
    return continuation_read(token, &key, &subject).kind;
}

static void what_was_put_is_read(void **state)
{
    const struct hmac_key key = key_of("key");
    struct continuation again = { .kind = CONTINUATION_AGAIN };
    char text[CONTINUATION_LEN_MAX];
    const struct sha256 subject = about("client", "stage", "action");
    struct continuation got = continuation_read(token_of(text, &running), &key, &subject);
    assert_int_equal(got.kind, CONTINUATION_RUNNING);
    assert_true(got.owner == running.owner && got.run == running.run && got.part == running.part);
    assert_int_equal(got.until_s, running.until_s);
    assert_int_equal(kind_of(token_of(text, &again), "key", about("client", "stage", "action")),
                     CONTINUATION_AGAIN);
}

static void it_is_put_behind_what_is_there(void **state)
{
    const struct hmac_key key = key_of("key");
    const struct sha256 subject = about("client", "stage", "action");
    char text[CONTINUATION_LEN_MAX], room[2 * CONTINUATION_LEN_MAX];
    str alone = token_of(text, &running);
    struct buf b = BUF_ON(room);
    buf_put(&b, STR("before "));
    continuation_put(&b, &running, &key, &subject);
    assert_true(str_eq(str_skip(buf_str(&b), 7), alone));
}

static void what_a_handler_gave_is_its_own(void **state)
{
    static const char *const own[] = { "", "x", "pipe", "PIPEPOLL1.r" };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        assert_int_equal(kind_of(str_of(own[i]), "key", about("client", "stage", "action")),
                         CONTINUATION_NONE);
}

static void one_changed_byte_or_subject_is_forged(void **state)
{
    char text[CONTINUATION_LEN_MAX];
    str token = token_of(text, &running);
    for (size_t i = STR("pipepoll").len; i < token.len; i++) {
        text[i] ^= 1;
        assert_int_equal(kind_of(token, "key", about("client", "stage", "action")),
                         CONTINUATION_FORGED);
        text[i] ^= 1;
        assert_int_equal(kind_of((str) { text, i }, "key", about("client", "stage", "action")),
                         CONTINUATION_FORGED);
    }
    assert_int_equal(kind_of(token, "another", about("client", "stage", "action")),
                     CONTINUATION_FORGED);
    assert_int_equal(kind_of(token, "key", about("client", "stageaction", "")),
                     CONTINUATION_FORGED);
    assert_int_equal(kind_of(token, "key", about("other", "stage", "action")), CONTINUATION_FORGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_read),
        cmocka_unit_test(it_is_put_behind_what_is_there),
        cmocka_unit_test(what_a_handler_gave_is_its_own),
        cmocka_unit_test(one_changed_byte_or_subject_is_forged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
