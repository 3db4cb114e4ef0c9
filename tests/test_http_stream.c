/* SPDX-License-Identifier: MIT */
/* What is still to send of a stream: the piece under way, whole, and the newest behind it. */
#include <stdio.h>
#include <stdlib.h>

#include "http/http_stream.h"
#include "lib/check.h"

static void put(struct http_stream *s, const char *text)
{
    struct http_body *piece = http_body_new(strdup(text), strlen(text));
    assert_non_null(piece);
    http_stream_put(s, piece);
    http_body_unref(piece);
}

/* All that can be sent now, in steps of two bytes. */
static void assert_sends(struct http_stream *s, const char *text)
{
    char all[256];
    size_t len = 0, n;
    while ((n = http_stream_take(s, all + len, 2)) > 0)
        len += n;
    all[len] = '\0';
    assert_string_equal(all, text);
}

static void pieces_come_one_after_the_other(void **state)
{
    struct http_stream s = { .sent = 0 };
    assert_sends(&s, "");
    put(&s, "first");
    assert_sends(&s, "first");
    put(&s, "second");
    assert_sends(&s, "second");
    assert_sends(&s, "");
    http_stream_deinit(&s);
}

static void a_piece_under_way_is_sent_whole_and_then_the_newest(void **state)
{
    struct http_stream s = { .sent = 0 };
    char two[2];
    put(&s, "first");
    assert_int_equal(http_stream_take(&s, two, 2), 2);
    put(&s, "missed");
    put(&s, "last");
    assert_sends(&s, "rstlast");
    http_stream_deinit(&s);
}

static void an_empty_piece_is_nothing(void **state)
{
    struct http_stream s = { .sent = 0 };
    put(&s, "");
    assert_sends(&s, "");
    put(&s, "more");
    assert_sends(&s, "more");
    http_stream_deinit(&s);
}

static void what_has_ended_takes_no_more(void **state)
{
    struct http_stream s = { .sent = 0 };
    put(&s, "last");
    s.has_ended = true;
    put(&s, "too late");
    assert_sends(&s, "last");
    http_stream_deinit(&s);
}

static void a_piece_is_shared(void **state)
{
    struct http_stream a = { .sent = 0 }, b = { .sent = 0 };
    struct http_body *piece = http_body_new(strdup("same"), 4);
    http_stream_put(&a, piece);
    http_stream_put(&b, piece);
    assert_int_equal(piece->references, 3);
    http_body_unref(piece);
    http_stream_deinit(&a);
    assert_sends(&b, "same");
    http_stream_deinit(&b);
    assert_null(http_body_unref(NULL));
    assert_null(http_body_ref(NULL));
    assert_null(http_body_new(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_come_one_after_the_other),
        cmocka_unit_test(a_piece_under_way_is_sent_whole_and_then_the_newest),
        cmocka_unit_test(an_empty_piece_is_nothing),
        cmocka_unit_test(what_has_ended_takes_no_more),
        cmocka_unit_test(a_piece_is_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
