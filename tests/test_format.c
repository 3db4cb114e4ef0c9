/* SPDX-License-Identifier: MIT */
/* How answers are printed: samples of each format, whose bytes the witness of the AWS CLI found to
 * be its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "cli/format.h"

static const struct {
    enum format format;
    size_t width;
    const char *json, *want;
} samples[] = {
    { FORMAT_TABLE, 80, "{\"jobs\":[{\"id\":\"a\",\"n\":1},{\"id\":\"bcd\",\"n\":22}]}",
      "-----------------------\n"
      "|PollForThirdPartyJobs|\n"
      "+---------------------+\n"
      "||       jobs        ||\n"
      "|+---------+---------+|\n"
      "||   id    |    n    ||\n"
      "|+---------+---------+|\n"
      "||  a      |  1      ||\n"
      "||  bcd    |  22     ||\n"
      "|+---------+---------+|\n" },
    { FORMAT_TABLE, 80,
      "{\"a\":\"x\",\"list\":[\"p\",\"q\"],\"deep\":{\"k\":null,\"wide\":\"0123456789\"}}",
      "--------------------------\n"
      "|  PollForThirdPartyJobs |\n"
      "+-----------+------------+\n"
      "|  a        |  x         |\n"
      "+-----------+------------+\n"
      "||         deep         ||\n"
      "|+-------+--------------+|\n"
      "||   k   |    wide      ||\n"
      "|+-------+--------------+|\n"
      "||  None |  0123456789  ||\n"
      "|+-------+--------------+|\n"
      "||         list         ||\n"
      "|+----------------------+|\n"
      "||  p                   ||\n"
      "||  q                   ||\n"
      "|+----------------------+|\n" },
    { FORMAT_TABLE, 80, "[\"p\",\"qq\"]",
      "-----------------------\n"
      "|PollForThirdPartyJobs|\n"
      "+---------------------+\n"
      "|  p                  |\n"
      "|  qq                 |\n"
      "+---------------------+\n" },
    { FORMAT_TABLE, 40,
      "{\"jobs\":[{\"identifier\":\"aaaaaaaaaaaaaaaaaaaa\",\"other\":\"bbbbbbbbbbbbbbbbbbbbbbbb\"}]"
      "}",
      "----------------------------------------------\n"
      "|            PollForThirdPartyJobs           |\n"
      "+--------------------------------------------+\n"
      "||                   jobs                   ||\n"
      "|+-------------+----------------------------+|\n"
      "||  identifier |  aaaaaaaaaaaaaaaaaaaa      ||\n"
      "||  other      |  bbbbbbbbbbbbbbbbbbbbbbbb  ||\n"
      "|+-------------+----------------------------+|\n" },
    { FORMAT_TABLE, 80, "[[1,2],[true,\"\\u00e9\"]]",
      "-----------------------\n"
      "|PollForThirdPartyJobs|\n"
      "+------------+--------+\n"
      "|  1         |  2     |\n"
      "|  True      |  é     |\n"
      "+------------+--------+\n" },
    { FORMAT_TEXT, 80, "{\"jobs\":[{\"id\":\"a\",\"n\":1},{\"id\":\"bcd\",\"n\":22}],\"x\":null}",
      "None\n"
      "JOBS\ta\t1\n"
      "JOBS\tbcd\t22\n" },
    { FORMAT_TEXT, 80, "[[\"a\",\"b\"],[\"c\",\"d\"]]",
      "a\tb\n"
      "c\td\n" },
    { FORMAT_YAML, 80,
      "{\"jobs\":[{\"id\":\"a\",\"n\":1},{\"id\":\"b: c\",\"n\":null}],\"empty\":[],\"none\":{}}",
      "empty: []\n"
      "jobs:\n"
      "- id: a\n"
      "  n: 1\n"
      "- id: 'b: c'\n"
      "  n: null\n"
      "none: {}\n" },
    { FORMAT_JSON, 80, "{\"jobs\":[{\"id\":\"a\",\"n\":1.5}],\"empty\":[]}",
      "{\n"
      "    \"jobs\": [\n"
      "        {\n"
      "            \"id\": \"a\",\n"
      "            \"n\": 1.5\n"
      "        }\n"
      "    ],\n"
      "    \"empty\": []\n"
      "}\n" },
};

static void assert_printed(enum format format, const struct format_screen *screen, const char *json,
                           const char *want)
{
    struct arena a = { .blocks = NULL };
    struct text out = { .arena = &a };
    struct pipepoll_error why;
    const struct datum *v = datum_read(&a, str_of(json), &why);
    assert_non_null(v);
    assert_true(format_put(&out, v, format, screen, &why));
    str got = buf_str(&out.buf);
    if (!str_eq(got, str_of(want)))
        fail_msg("%s is printed as\n%.*s\nand not\n%s", json, STR_ARG(got), want);
    arena_free(&a);
}

static void each_format_prints_as_the_aws_cli_does(void **state)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const struct format_screen screen = { "PollForThirdPartyJobs", samples[i].width, false };
        assert_printed(samples[i].format, &screen, samples[i].json, samples[i].want);
    }
}

static void colours_take_no_columns_of_a_table(void **state)
{
    const struct format_screen screen = { "T", 80, true };
    assert_printed(FORMAT_TABLE, &screen, "[\"p\",\"qq\"]",
                   "--------\n|   T  |\n+------+\n"
                   "|  \033[1m\033[34mp\033[0m   |\n"
                   "|  \033[1m\033[34mqq\033[0m  |\n+------+\n");
}

static void a_format_is_known_by_its_name(void **state)
{
    enum format format;
    assert_true(format_read(STR("yaml-stream"), &format));
    assert_int_equal(format, FORMAT_YAML_STREAM);
    assert_false(format_read(STR("xml"), &format));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_format_prints_as_the_aws_cli_does),
        cmocka_unit_test(colours_take_no_columns_of_a_table),
        cmocka_unit_test(a_format_is_known_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
