/* SPDX-License-Identifier: MIT */
/* The signer at every stage against a table that data/make_signatures.py computed without it, and
 * that botocore agreed with. */
#include "lib/signing.h"

#include <stdlib.h>

#define ROWS TEST_DATA "/signatures.jsonl"

static void check_row(const json_t *row)
{
    struct sent sent = { .method = STR("POST"), .path = STR("/") };
    json_t *pair;
    size_t i;
    json_array_foreach(json_object_get(row, "headers"), i, pair)
        add_header(&sent, str_of(json_string_value(json_array_get(pair, 0))),
                   str_of(json_string_value(json_array_get(pair, 1))));
    struct amz_date date = read_date(str_of(member(row, "timestamp")));
    assert_true(str_eq(amz_date_str(&date), str_of(member(row, "timestamp"))));
    add_header(&sent, STR("X-Amz-Date"), amz_date_str(&date));
    if (member(row, "token"))
        add_header(&sent, STR("X-Amz-Security-Token"), str_of(member(row, "token")));
    sent.body = str_of(member(row, "body"));
    struct signing s = { .id = member(row, "access_key_id"),
                         .secret = member(row, "secret_access_key"),
                         .region = member(row, "region"),
                         .service = member(row, "service"),
                         .rq = request_of(&sent, &date) };
    sign(&s);
    assert_string_equal(s.canonical, member(row, "canonical_request"));
    assert_string_equal(s.to_sign, member(row, "string_to_sign"));
    assert_string_equal(s.authorization, member(row, "authorization"));
}

static void the_rows_agree_at_every_stage(void **state)
{
    FILE *f = fopen(ROWS, "rb");
    assert_non_null(f);
    char *line = NULL;
    size_t cap = 0, agreed = 0;
    while (getline(&line, &cap, f) > 0) {
        json_t *row = json_loads(line, 0, NULL);
        assert_non_null(row);
        check_row(row);
        json_decref(row);
        agreed++;
    }
    free(line);
    fclose(f);
    assert_int_equal(agreed, 160);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rows_agree_at_every_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
