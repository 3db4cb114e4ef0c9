/* SPDX-License-Identifier: MIT */
/* Error answers by botocore's vectors. */
#include "aws/answer.h"

#include "lib/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "vectors.h"

#define VECTORS SHARED_DATA "/sdk/botocore/tests/unit/protocols/output/json.json"

enum { TOKENS = 32 };

struct reading {
    struct answer_fault got;
    char *body; /* of its exact size, so that a sanitizer sees any step outside */
    struct json_token tokens[TOKENS];
};

static void answer(struct reading *r, int http_status, str error_type, str body)
{
    r->body = malloc(body.len ? body.len : 1);
    assert_non_null(r->body);
    if (body.len)
        memcpy(r->body, body.ptr, body.len);
    struct answer a = { .http_status = http_status, .error_type = error_type };
    answer_read(&r->got, &a, r->body, body.len, r->tokens, TOKENS);
}

static void assert_str(str got, str expected)
{
    if (!str_eq(got, expected))
        fail_msg("got '%.*s', not '%.*s'", STR_ARG(got), STR_ARG(expected));
}

/* botocore's vectors of error answers: a list of suites, read as the value of a member. */
static int member_of(struct json *j, int object, str name)
{
    for (int key = json_first(j, object); key != JSON_NONE; key = json_next(j, key))
        if (json_is(j, key, name))
            return json_value(key);
    return JSON_NONE;
}

static str text_of(struct json *j, int object, str name)
{
    int value = object == JSON_NONE ? JSON_NONE : member_of(j, object, name);
    return value == JSON_NONE ? STR("") : json_text(j, value);
}

static void try_vector(struct json *j, int vector)
{
    int response = member_of(j, vector, STR("response"));
    int headers = member_of(j, response, STR("headers"));
    int error = member_of(j, vector, STR("error"));
    struct reading r;
    answer(&r, 500, text_of(j, headers, STR("X-Amzn-Errortype")),
           text_of(j, response, STR("body")));
    assert_str(r.got.code, text_of(j, vector, STR("errorCode")));
    str message = text_of(j, error, STR("message"));
    assert_str(r.got.message, message.len ? message : text_of(j, error, STR("Message")));
    assert_int_equal(r.got.fault, FAULT_SERVICE);
    free(r.body);
}

static void the_error_vectors_of_botocore_pass(void **state)
{
    enum { SIZE = 1 << 20, VECTOR_TOKENS = 1 << 16 };
    FILE *file = fopen(VECTORS, "rb");
    assert_non_null(file);
    char *text = malloc(SIZE);
    struct json_token *tokens = malloc(VECTOR_TOKENS * sizeof *tokens);
    assert_true(text && tokens);
    memcpy(text, "{\"all\":", 7);
    size_t len = 7 + fread(text + 7, 1, SIZE - 8, file);
    fclose(file);
    text[len++] = '}';

    struct json j;
    assert_int_equal(json_parse(&j, text, len, tokens, VECTOR_TOKENS, NULL), JSON_OK);
    int tried = 0, suite = json_first(&j, member_of(&j, JSON_ROOT, STR("all")));
    for (; suite != JSON_NONE; suite = json_next(&j, suite)) {
        int vector = json_first(&j, member_of(&j, suite, STR("cases")));
        for (; vector != JSON_NONE; vector = json_next(&j, vector)) {
            if (member_of(&j, vector, STR("errorCode")) == JSON_NONE)
                continue;
            try_vector(&j, vector);
            tried++;
        }
    }
    assert_int_equal(tried, 12);
    free(tokens);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_error_vectors_of_botocore_pass),
    };
    if (vectors_missing(VECTORS))
        return VECTORS_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
