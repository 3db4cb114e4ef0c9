/* SPDX-License-Identifier: MIT */
/* Framing without a socket: what a server may send, cut wherever a network may cut it. */
#include "io/answer_room.h"
#include "io/transfer.h"
#include "lib/check.h"

/* What transfer.c asks of the transport. */
static const struct alloc plain = { 0 };

const struct alloc *transport_alloc(const struct transport *tp)
{
    return &plain;
}

struct timers *transport_timers(const struct transport *tp)
{
    return NULL;
}

static const struct wanted_header wants[2] = { { .name = STR_INIT("x-amzn-requestid") },
                                               { .name = STR_INIT("date") } };

struct trial {
    struct answer_rooms rooms;
    struct answer_room *room;
    struct transfer x;
    enum http1_result result;
    size_t used; /* bytes of the answer itself */
};

static void trial_begin(struct trial *t)
{
    *t = (struct trial) { .x = { .wanted = wants, .wanted_count = 2 } };
    answer_rooms_init(&t->rooms, &plain);
    assert_int_equal(answer_rooms_add(&t->rooms), 0);
    t->room = answer_room_take(&t->rooms);
    transfer_begin_answer(&t->x, t->room);
}

static void trial_feed(struct trial *t, str bytes)
{
    size_t used = 0;
    if (t->result != HTTP1_MORE || !bytes.len)
        return;
    t->result = http1_feed(&t->room->http, bytes, &used);
    t->used += used;
}

static str trial_body(const struct trial *t)
{
    return (str) { t->room->body, t->room->body_len };
}

static void trial_end(struct trial *t)
{
    answer_room_give(t->room);
    answer_rooms_remove(&t->rooms);
}

/* The same verdict in one piece, in two at every place, and byte by byte. */
static void assert_answer(str bytes, size_t used, int status, const char *body)
{
    for (size_t cut = 0; cut <= bytes.len + 1; cut++) {
        struct trial t;
        trial_begin(&t);
        if (cut <= bytes.len) {
            trial_feed(&t, (str) { bytes.ptr, cut });
            trial_feed(&t, str_skip(bytes, cut));
        } else {
            for (size_t i = 0; i < bytes.len; i++)
                trial_feed(&t, (str) { bytes.ptr + i, 1 });
        }
        assert_int_equal(t.result, HTTP1_DONE);
        assert_int_equal(t.x.http_status, status);
        assert_str_equal(trial_body(&t), body);
        assert_true(t.used <= bytes.len && t.used >= used);
        if (cut == 0)
            assert_int_equal(t.used, used);
        trial_end(&t);
    }
}

#define WHOLE(bytes) STR(bytes), sizeof(bytes) - 1

static void answers_are_framed_wherever_they_are_cut(void **state)
{
    assert_answer(WHOLE("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), 200, "hello");
    assert_answer(WHOLE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: z\r\n\r\n"),
                  200, "hello");
    assert_answer(WHOLE("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"), 400, "");
    assert_answer(WHOLE("HTTP/1.1 204 No Content\r\n\r\n"), 204, "");
    assert_answer(WHOLE("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
                  200, "{}");
}

static void bytes_after_the_answer_are_not_part_of_it(void **state)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    struct trial t;
    trial_begin(&t);
    trial_feed(&t, STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n"));
    assert_int_equal(t.result, HTTP1_DONE);
    assert_int_equal(t.used, sizeof answer - 1);
    trial_end(&t);
}

static void an_answer_may_end_with_its_connection(void **state)
{
    struct trial t;
    trial_begin(&t);
    trial_feed(&t, STR("HTTP/1.1 200 OK\r\n\r\nhel"));
    trial_feed(&t, STR("lo"));
    assert_int_equal(t.result, HTTP1_MORE);
    assert_int_equal(http1_feed_end(&t.room->http), HTTP1_DONE);
    assert_str_equal(trial_body(&t), "hello");
    assert_false(http1_keeps_alive(&t.room->http));
    trial_end(&t);
}

static void every_prefix_is_cut_short(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    };
    for (size_t i = 0; i < 2; i++)
        for (size_t len = 0; len < strlen(answers[i]); len++) {
            struct trial t;
            trial_begin(&t);
            trial_feed(&t, (str) { answers[i], len });
            assert_int_equal(t.result, HTTP1_MORE);
            assert_int_equal(http1_feed_end(&t.room->http), HTTP1_CUT);
            trial_end(&t);
        }
}

/* A problem names what was found, in one plain line. */
static void assert_refused(str answer, const char *found)
{
    for (size_t cut = 0; cut <= answer.len; cut++) {
        struct trial t;
        trial_begin(&t);
        trial_feed(&t, (str) { answer.ptr, cut });
        trial_feed(&t, str_skip(answer, cut));
        if (t.result != HTTP1_BAD || (!cut && !strstr(http1_problem(&t.room->http), found)))
            print_error("%s: %s\n", answer.ptr, http1_problem(&t.room->http));
        assert_int_equal(t.result, HTTP1_BAD);
        assert_true(cut || strstr(http1_problem(&t.room->http), found));
        for (const char *c = http1_problem(&t.room->http); *c; c++)
            assert_true(*c >= ' ' && *c <= '~');
        trial_end(&t);
    }
}

#define HEAD    "HTTP/1.1 200 OK\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"

static void what_two_could_read_in_two_ways_is_refused(void **state)
{
    static const struct {
        str answer;
        const char *found;
    } cases[] = {
        { STR_INIT("SSH-2.0-OpenSSH\r\n\r\n"), "'SSH-2.0-OpenSSH'" },
        { STR_INIT("<html></html>"), "'<html></html>'" },
        { STR_INIT("\x15\x03\x03\x00\x02\x02\x46"), "https://" },
        { STR_INIT("\0\0\x12\4\0\0\0\0\0"), "no text" },
        { STR_INIT("HTTP/2.0 200 OK\r\n\r\n"), "'HTTP/2.0 200 OK'" },
        { STR_INIT("HTTP/1.2 200 OK\r\n"), "'HTTP/1.2 200 OK'" },
        { STR_INIT("HTTP/1.1 2xx OK\r\n"), "'HTTP/1.1 2xx OK'" },
        { STR_INIT("HTTP/1.1 20 OK\r\n"), "'HTTP/1.1 20 OK'" },
        { STR_INIT("HTTP/1.1 000 OK\r\n"), "'HTTP/1.1 000 OK'" },
        { STR_INIT("HTTP/1.1 2000 OK\r\n"), "'HTTP/1.1 2000 OK'" },
        { STR_INIT("HTTP/1.1  200 OK\r\n"), "'HTTP/1.1  200 OK'" },
        { STR_INIT("HTTP/1.1 101 Up\r\nUpgrade: h2c\r\n\r\n"), "HTTP 101" },
        { STR_INIT(HEAD "Content-Length: -1\r\n\r\n"), "'-1'" },
        { STR_INIT(HEAD "Content-Length: +1\r\n\r\n"), "'+1'" },
        { STR_INIT(HEAD "Content-Length: 1x\r\n\r\n"), "'1x'" },
        { STR_INIT(HEAD "Content-Length:\r\n\r\n"), "''" },
        { STR_INIT(HEAD "Content-Length: 1,\r\n\r\n"), "'1,'" },
        { STR_INIT(HEAD "Content-Length: 1\r\n 2\r\n\r\n"), "'1 2'" },
        { STR_INIT(HEAD "Content-Length: 9999999999999999999\r\n\r\n"), "'9999999999999999999'" },
        { STR_INIT(HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), "2 and 3" },
        { STR_INIT(HEAD "Content-Length: 2\r\nContent-Length : 3\r\n\r\n{}"), "2 and 3" },
        { STR_INIT(HEAD "Content-Length: 2, 3\r\n\r\n{}"), "2 and 3" },
        { STR_INIT(HEAD "Transfer-Encoding: cow\r\n\r\n"), "'cow'" },
        { STR_INIT(HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n"), "'gzip, chunked'" },
        { STR_INIT(HEAD "X: a\rContent-Length: 1\r\n\r\n"), "CR without LF" },
        { STR_INIT(HEAD "X: a\0b\r\n\r\n"), "NUL" },
        { STR_INIT(HEAD "foo\r\n\r\n"), "'foo'" },
        { STR_INIT(CHUNKED "zz\r\n"), "'zz'" },
        { STR_INIT(CHUNKED "\r\n"), "''" },
        { STR_INIT(CHUNKED " 2\r\n"), "' 2'" },
        { STR_INIT(CHUNKED "-2\r\n"), "'-2'" },
        { STR_INIT(CHUNKED "2x\r\n"), "'2x'" },
        { STR_INIT(CHUNKED "0x2\r\n"), "'0x2'" },
        { STR_INIT(CHUNKED "00000000000000002\r\n"), "'00000000000000002'" },
        { STR_INIT(CHUNKED "1\r\n{}\r\n"), "longer than its size" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(cases[i].answer, cases[i].found);
}

static void what_every_client_takes_is_taken(void **state)
{
    assert_answer(WHOLE("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"), 200, "{}");
    assert_answer(WHOLE("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\n{}\n0\nX: y\n\n"), 200,
                  "{}");
    assert_answer(WHOLE("\r\n\n" HEAD "Content-Length: 2\r\n\r\n{}"), 200, "{}");
    assert_answer(WHOLE(HEAD "Content-Length: 2\r\nContent-Length: 02\r\n\r\n{}"), 200, "{}");
    assert_answer(WHOLE(HEAD "Content-Length: 2 ,\t2\r\n\r\n{}"), 200, "{}");
    assert_answer(WHOLE(HEAD "Content-Length:\r\n 2\r\n\r\n{}"), 200, "{}");
    assert_answer(WHOLE(HEAD "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "2\r\n{}\r\n0\r\n\r\n"),
                  200, "{}");
    assert_answer(WHOLE(HEAD "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}"), 200,
                  "{}");
    assert_answer(WHOLE(HEAD "transfer-encoding: CHUNKED, identity\r\n\r\n"
                             "0002 ; a = \"b;c\" ;;\xe4 ;=\r\n{}\r\n0\t;x\r\n\r\n"),
                  200, "{}");
    assert_answer(WHOLE(HEAD "X(a)@[b]{c}\"d\"/e=f?: y\r\n: z\r\nX y\xc3\xa4: \x01\x7f\xff\r\n"
                             "Content-Length: 2\r\n\r\n{}"),
                  200, "{}");
}

static void no_body_comes_with_some_statuses(void **state)
{
    assert_answer(WHOLE("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n"), 204, "");
    assert_answer(WHOLE("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"), 204, "");
    assert_answer(WHOLE("HTTP/1.1 304 Not Modified\r\nContent-Length: 41\r\n\r\n"), 304, "");
    assert_answer(WHOLE("HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n" HEAD
                        "Content-Length: 2\r\n\r\n{}"),
                  200, "{}");
}

static void trailers_override_no_header(void **state)
{
    struct trial t;
    trial_begin(&t);
    trial_feed(&t, STR(HEAD "Date: now\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
                            "Date: then\r\nx-amzn-requestid: evil\r\nno colon\r\n"
                            "Content-Length: x\r\n\r\n"));
    assert_int_equal(t.result, HTTP1_DONE);
    assert_str_equal(t.room->wanted[1], "now");
    assert_int_equal(t.room->wanted[0].len, 0);
    trial_end(&t);
}

static void a_folded_value_is_one(void **state)
{
    struct trial t;
    trial_begin(&t);
    trial_feed(&t, STR(HEAD "Date:\r\n a\r\n\t b \r\nX-Amzn-RequestId: c\r\nX: d\r\n e\r\n"
                            "Content-Length: 0\r\n\r\n"));
    assert_str_equal(t.room->wanted[1], "a b");
    assert_str_equal(t.room->wanted[0], "c");
    trial_end(&t);
}

static void wanted_headers_are_found_whatever_their_case_and_cut(void **state)
{
    str bytes = STR("HTTP/1.1 200 OK\r\nX-Amzn-RequestId: \t a-b c \r\nX-Amzn-Request: no\r\n"
                    "A-Header-With-A-Name-That-Is-Longer-Than-Any-We-Want: x\r\nDATE:now\r\n"
                    "Content-Length: 0\r\n\r\n");
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        struct trial t;
        trial_begin(&t);
        trial_feed(&t, (str) { bytes.ptr, cut });
        trial_feed(&t, str_skip(bytes, cut));
        assert_str_equal(t.room->wanted[0], "a-b c");
        assert_str_equal(t.room->wanted[1], "now");
        trial_end(&t);
    }
}

static void headers_of_an_interim_answer_are_forgotten(void **state)
{
    struct trial t;
    trial_begin(&t);
    trial_feed(&t, STR("HTTP/1.1 100 Continue\r\nDate: then\r\n\r\n"
                       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    assert_int_equal(t.room->wanted[1].len, 0);
    trial_end(&t);
}

static void a_connection_is_kept_as_the_answer_says(void **state)
{
    static const struct {
        const char *answer;
        bool keeps;
    } cases[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true },
        { "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false },
        { "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false },
        { "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", true },
        { HEAD "Connection: x,\r\n Close\r\nContent-Length: 0\r\n\r\n", false },
        { "HTTP/1.1 204 No Content\r\n\r\n", true },
        { "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", true },
        { CHUNKED "0\r\n\r\n", true },
        /* Another reader could understand these otherwise. */
        { "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", false },
        { "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", false },
        { HEAD "Content-Length : 0\r\n\r\n", false },
        { HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false },
        { HEAD "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", false },
        { "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
          "0\r\n\r\n",
          false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trial t;
        trial_begin(&t);
        trial_feed(&t, str_of(cases[i].answer));
        assert_int_equal(t.result, HTTP1_DONE);
        assert_int_equal(http1_keeps_alive(&t.room->http), cases[i].keeps);
        trial_end(&t);
    }
}

static void assert_request(struct transfer x, const char *want)
{
    char text[128], head[] = "Host: h\r\n";
    struct buf out = BUF_ON(text);
    x.head = (str) { head, sizeof head - 1 };
    http1_put_request(&out, &x, STR("/a/"));
    assert_str_equal(buf_str(&out), want);
}

static void a_request_is_one_piece(void **state)
{
    assert_request((struct transfer) { .body = STR("{}") },
                   "POST /a/ HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}");
    char text[20], head[] = "Host: h\r\n";
    struct buf out = BUF_ON(text);
    struct transfer x = { .head = { head, sizeof head - 1 } };
    http1_put_request(&out, &x, STR("/a/"));
    assert_true(out.overflow);
}

static void a_request_may_have_its_own_method_and_path(void **state)
{
    assert_request((struct transfer) { .method = STR("GET"), .path = STR("/b?c=d") },
                   "GET /b?c=d HTTP/1.1\r\nHost: h\r\n\r\n");
}

static void only_put_and_post_tell_that_they_have_no_body(void **state)
{
    assert_request((struct transfer) { 0 },
                   "POST /a/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    assert_request((struct transfer) { .method = STR("POST") },
                   "POST /a/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    assert_request((struct transfer) { .method = STR("PUT") },
                   "PUT /a/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    assert_request((struct transfer) { .method = STR("GET") },
                   "GET /a/ HTTP/1.1\r\nHost: h\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_framed_wherever_they_are_cut),
        cmocka_unit_test(bytes_after_the_answer_are_not_part_of_it),
        cmocka_unit_test(an_answer_may_end_with_its_connection),
        cmocka_unit_test(every_prefix_is_cut_short),
        cmocka_unit_test(what_two_could_read_in_two_ways_is_refused),
        cmocka_unit_test(what_every_client_takes_is_taken),
        cmocka_unit_test(no_body_comes_with_some_statuses),
        cmocka_unit_test(trailers_override_no_header),
        cmocka_unit_test(a_folded_value_is_one),
        cmocka_unit_test(wanted_headers_are_found_whatever_their_case_and_cut),
        cmocka_unit_test(headers_of_an_interim_answer_are_forgotten),
        cmocka_unit_test(a_connection_is_kept_as_the_answer_says),
        cmocka_unit_test(a_request_is_one_piece),
        cmocka_unit_test(a_request_may_have_its_own_method_and_path),
        cmocka_unit_test(only_put_and_post_tell_that_they_have_no_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
