/* SPDX-License-Identifier: MIT */
/* Clock skew by the vectors that all AWS SDKs share. */
#include "aws/clock_skew.h"

#include "lib/check.h"

#include <jansson.h>

#include "aws/timestamp.h"
#include "vectors.h"

#define VECTORS SHARED_DATA "/sdk/clock-skew-vectors.json"

/* A client of one service: what it believes, and how many attempts it has made. */
struct client {
    int64_t skew_ms;
    size_t attempts;
};

static str text_of(const json_t *attempt, const char *key)
{
    return str_of(json_string_value(json_object_get(attempt, key)));
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static int64_t instant_ms(const json_t *attempt, const char *key)
{
    int64_t unix_s = 0;
    assert_true(timestamp_iso8601(text_of(attempt, key), &unix_s));
    return unix_s * 1000;
}

/* true: that was the last attempt, whatever came of it. */
static bool attempt(struct client *c, const json_t *a, size_t max, bool *succeeded)
{
    int64_t sent_ms = instant_ms(a, "send");
    assert_int_equal(sent_ms + c->skew_ms, instant_ms(a, "sign"));
    c->attempts++;
    int64_t skew_ms = 0;
    bool measured = clock_skew_measure(&skew_ms, text_of(a, "date"), text_of(a, "age"), sent_ms,
                                       instant_ms(a, "recv"));
    if (measured)
        c->skew_ms = skew_ms;
    *succeeded = number_of(a, "status") == 200;
    return *succeeded || !measured || !clock_skew_explains(text_of(a, "code"), skew_ms) ||
           c->attempts == max;
}

static void run_operation(struct client *c, const json_t *o)
{
    const json_t *attempts = json_object_get(o, "attempts");
    bool ended = false, succeeded = false;
    assert_int_equal(c->skew_ms, number_of(o, "initial_client_skew_s") * 1000);
    c->attempts = 0;
    while (!ended) {
        const json_t *a = json_array_get(attempts, c->attempts);
        assert_non_null(a); /* else it goes on where the vector ends */
        ended = attempt(c, a, (size_t)number_of(o, "max_attempts"), &succeeded);
    }
    assert_int_equal(c->attempts, json_array_size(attempts));
    assert_int_equal(c->skew_ms, number_of(o, "expected_client_skew_s") * 1000);
    assert_int_equal(succeeded, str_eq(text_of(o, "expected"), STR("success")));
}

static void the_vectors_that_all_sdks_share_pass(void **state)
{
    json_t *cases = json_load_file(VECTORS, 0, NULL);
    assert_non_null(cases);
    size_t i, k, attempts = 0;
    json_t *one, *operation;
    json_array_foreach(cases, i, one)
    {
        const json_t *operations = json_object_get(one, "operations");
        struct client c = {
            .skew_ms = number_of(json_array_get(operations, 0), "initial_client_skew_s") * 1000
        };
        json_array_foreach(operations, k, operation)
        {
            run_operation(&c, operation);
            attempts += c.attempts;
        }
    }
    assert_int_equal(json_array_size(cases), 10);
    assert_int_equal(attempts, 16);
    json_decref(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_that_all_sdks_share_pass),
    };
    if (vectors_missing(VECTORS))
        return VECTORS_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
