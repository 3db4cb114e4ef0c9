/* SPDX-License-Identifier: MIT */
/* The stages of the principal and its canonicaliser, by hand. */
#include "aws/sigv4.h"

#include "lib/signed_poll.h"

#include <stdlib.h>

static void assert_hex(const struct sha256 *got, const char *hex)
{
    char text[SHA256_HEX_SIZE];
    sha256_hex(text, got);
    assert_memory_equal(text, hex, sizeof text);
}

static void a_poll_comes_out_right_at_every_stage(void **state)
{
    static const char canonical[] =
        "POST\n/\n\ncontent-type:application/x-amz-json-1.1\n"
        "host:codepipeline.us-east-1.amazonaws.com\nx-amz-date:20150830T123600Z\n"
        "x-amz-target:CodePipeline_20150709.PollForThirdPartyJobs\n\n"
        "content-type;host;x-amz-date;x-amz-target\n"
        "e9c8c1336180f83f5a651ff984b03845c9de9b807d7fbca06a21d7447ff25d3b";
    static const char to_sign[] =
        "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/codepipeline/aws4_request\n"
        "3e7739ad14d371c7794c689c512d43d1bc1d04a3d61506a3a98949d9d440dfcf";
    struct poll p;
    char text[1024], scope_text[64];
    struct buf out = BUF_ON(text), scope_out = BUF_ON(scope_text);
    str names;
    poll_init_us(&p, AT_2015);
    assert_int_equal(sigv4_canonical_request(&out, &names, &p.rq), 0);
    assert_str_equal(buf_str(&out), canonical);
    assert_str_equal(names, "content-type;host;x-amz-date;x-amz-target");

    const struct sigv4_scope scope = { STR("20150830"), STR("us-east-1"), STR("codepipeline") };
    sigv4_credential_scope(&scope_out, &scope);
    buf_reset(&out);
    assert_int_equal(
        sigv4_string_to_sign(&out, amz_date_str(&p.date), buf_str(&scope_out), str_of(canonical)),
        0);
    assert_str_equal(buf_str(&out), to_sign);

    struct sha256 key, signature;
    sigv4_signing_key(&key, STR(SECRET), &scope);
    assert_hex(&key, "17ece856a52d797bbaac647a002dde132f81aae2197d1424f4bc6e3bbc32cf86");
    hmac_sha256(&signature, sha256_str(&key), str_of(to_sign));
    assert_hex(&signature, "8f863b70221850cc2964abad282ae78d6d2bdeaa6733a6f1745b3171bd71330e");
}

static void order_and_case_of_headers_do_not_matter(void **state)
{
    struct poll p;
    char wanted[1024], got[1024];
    poll_init_us(&p, AT_2015);
    sign_afresh(wanted, SECRET, &p);
    struct sigv4_header swapped[4] = { p.headers[3], p.headers[1], p.headers[0], p.headers[2] };
    swapped[0].name = STR("x-AMZ-target");
    swapped[1].name = STR("hOST");
    p.rq.headers = swapped;
    sign_afresh(got, SECRET, &p);
    assert_string_equal(got, wanted);
}

/* The header lines and the list of the canonical request of a GET with these headers. */
static void assert_header_lines(const struct sigv4_header *headers, size_t count, const char *lines)
{
    char text[1024];
    struct buf out = BUF_ON(text);
    str names;
    struct sigv4_request rq = {
        .method = STR("GET"), .path = STR("/"), .headers = headers, .header_count = count
    };
    assert_int_equal(sigv4_canonical_request(&out, &names, &rq), 0);
    str got = str_skip(buf_str(&out), strlen("GET\n/\n\n"));
    got.len -= 1 + SHA256_HEX_SIZE;
    assert_str_equal(got, lines);
}

static void blanks_are_trimmed_and_folded(void **state)
{
    const struct sigv4_header headers[] = {
        { STR("a"), STR("  one \t two\r\n three\t") },
        { STR("b"), STR("") },
        { STR("c"), STR(" \t ") },
        { STR("d"), STR("\"x   y\"") },
    };
    assert_header_lines(headers, 4, "a:one two three\nb:\nc:\nd:\"x y\"\n\na;b;c;d");
}

static void a_blank_is_found_wherever_it_stands_in_a_long_value(void **state)
{
    enum { LEN = 40 };
    for (size_t at = 1; at < LEN - 1; at++) {
        char value[LEN], lines[LEN + 16];
        memset(value, at % 2 ? 'x' : '\xff', LEN);
        value[at] = '\t';
        value[(at + LEN / 2) % LEN] = '\x01'; /* no blank, though less than one */
        const struct sigv4_header header = { STR("a"), { value, LEN } };
        struct buf wanted = BUF_ON(lines);
        buf_put(&wanted, STR("a:"));
        buf_put(&wanted, (str) { value, at });
        buf_put_char(&wanted, ' ');
        buf_put(&wanted, (str) { value + at + 1, LEN - at - 1 });
        buf_put(&wanted, STR("\n\na"));
        assert_header_lines(&header, 1, buf_cstr(&wanted));
    }
}

static void headers_of_one_name_are_joined_in_the_order_sent(void **state)
{
    const struct sigv4_header headers[] = { { STR("My-Header"), STR("4") },
                                            { STR("host"), STR("h") },
                                            { STR("MY-HEADER"), STR(" 1") },
                                            { STR("my-header"), STR("3") } };
    assert_header_lines(headers, 4, "host:h\nmy-header:4,1,3\n\nhost;my-header");
}

static void a_name_sorts_before_its_longer_namesakes(void **state)
{
    const struct sigv4_header headers[] = { { STR("X-Ab"), STR("3") },
                                            { STR("x-a-b"), STR("2") },
                                            { STR("X-A"), STR("1") } };
    assert_header_lines(headers, 3, "x-a:1\nx-a-b:2\nx-ab:3\n\nx-a;x-a-b;x-ab");
}

static void assert_path(const char *path, bool verbatim, const char *wanted)
{
    char text[512];
    struct buf out = BUF_ON(text);
    str names;
    struct sigv4_request rq = { .method = STR("POST"),
                                .path = str_of(path),
                                .verbatim_path = verbatim };
    assert_int_equal(sigv4_canonical_request(&out, &names, &rq), 0);
    str line = str_skip(buf_str(&out), strlen("POST\n"));
    line.len = str_find(line, '\n');
    assert_str_equal(line, wanted);
}

static void paths_lose_dot_segments_and_doubled_slashes(void **state)
{
    static const char *const cases[][2] = {
        { "/", "/" },
        { "", "/" },
        { "//", "/" },
        { "/a", "/a" },
        { "/a/", "/a/" },
        { "/a//b///c", "/a/b/c" },
        { "/./a", "/a" },
        { "/a/.", "/a" },
        { "/a/./", "/a/" },
        { "/a/..", "/" },
        { "/a/../", "/" },
        { "/a/b/..", "/a" },
        { "/a/b/../", "/a/" },
        { "/../../a", "/a" },
        { "/a/../../b", "/b" },
        { "/...", "/..." },
        { "/.a/..b", "/.a/..b" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_path(cases[i][0], false, cases[i][1]);
}

static void paths_are_encoded_even_where_they_are_already(void **state)
{
    assert_path("/a b/\xc3\xa9", false, "/a%20b/%C3%A9");
    assert_path("/a%20b", false, "/a%2520b");
    assert_path("/~._-Zz09:@!", false, "/~._-Zz09%3A%40%21");
}

static void a_verbatim_path_keeps_its_segments(void **state)
{
    assert_path("//a/./../b //", true, "//a/./../b%20//");
}

/* Each size below what is needed is refused, and the memory ends where it was said to (exact
 * blocks: the address sanitizer sees one byte too many). */
static void memory_too_small_is_refused_and_never_overrun(void **state)
{
    struct poll p;
    struct sigv4_key k;
    struct credentials *c = credentials(SECRET);
    poll_init_us(&p, AT_2015);
    p.rq.path = STR("/a path/../b");
    assert_int_equal(sigv4_key_init(&k, STR("us-east-1"), STR("codepipeline")), 0);
    char big[2][4096];
    struct buf whole_out = BUF_ON(big[0]), whole_scratch = BUF_ON(big[1]);
    assert_int_equal(sigv4_sign(&whole_out, &whole_scratch, &k, c, &p.rq), 0);
    for (size_t which = 0; which < 2; which++) {
        size_t needed = which ? whole_scratch.len : whole_out.len;
        for (size_t cap = 0; cap <= needed; cap++) {
            char *exact = malloc(cap + 1), roomy[4096];
            exact[cap] = '#';
            struct buf small = { .at = exact, .cap = cap }, other = BUF_ON(roomy);
            int r = which ? sigv4_sign(&other, &small, &k, c, &p.rq)
                          : sigv4_sign(&small, &other, &k, c, &p.rq);
            assert_int_equal(r, cap < needed ? PIPEPOLL_ENOMEM : 0);
            assert_int_equal(exact[cap], '#');
            free(exact);
        }
    }
    sigv4_key_deinit(&k);
    credentials_unref(c);
}

static void a_canonical_request_that_does_not_fit_is_refused(void **state)
{
    struct poll p;
    char text[1024];
    struct buf whole = BUF_ON(text);
    str names;
    poll_init_us(&p, AT_2015);
    assert_int_equal(sigv4_canonical_request(&whole, &names, &p.rq), 0);
    for (size_t cap = 0; cap < whole.len; cap++) {
        char small_text[1024];
        struct buf small = { .at = small_text, .cap = cap };
        names = STR("as it was");
        int r = sigv4_canonical_request(&small, &names, &p.rq);
        assert_int_equal(r, PIPEPOLL_ENOMEM);
        assert_str_equal(names, "as it was");
    }
}

static void the_promised_scratch_is_enough(void **state)
{
    struct poll p;
    struct sigv4_key k;
    struct credentials *c = credentials(SECRET);
    static char path[500], value[3000];
    char memory[16384], text[1024];
    memset(path, '%', sizeof path);
    path[0] = '/';
    memset(value, 'v', sizeof value);
    poll_init_us(&p, AT_2015);
    p.rq.path = (str) { path, sizeof path };
    p.headers[p.rq.header_count++] =
        (struct sigv4_header) { STR("X-Amz-Security-Token"), { value, sizeof value } };
    size_t promised = 3 * sizeof path + 512;
    for (size_t i = 0; i < p.rq.header_count; i++)
        promised += 2 * (p.headers[i].name.len + p.headers[i].value.len);
    assert_true(promised <= sizeof memory);
    struct buf out = BUF_ON(text), scratch = { .at = memory, .cap = promised };
    assert_int_equal(sigv4_key_init(&k, STR("us-east-1"), STR("codepipeline")), 0);
    assert_int_equal(sigv4_sign(&out, &scratch, &k, c, &p.rq), 0);
    sigv4_key_deinit(&k);
    credentials_unref(c);
}

static void more_headers_than_fit_are_refused(void **state)
{
    struct sigv4_header headers[SIGV4_HEADERS_MAX + 1];
    char text[2048];
    struct buf out = BUF_ON(text);
    str names;
    for (size_t i = 0; i < SIGV4_HEADERS_MAX + 1; i++)
        headers[i] = (struct sigv4_header) { STR("x"), STR("y") };
    struct sigv4_request rq = { .method = STR("POST"), .path = STR("/"), .headers = headers };
    rq.header_count = SIGV4_HEADERS_MAX;
    assert_int_equal(sigv4_canonical_request(&out, &names, &rq), 0);
    rq.header_count = SIGV4_HEADERS_MAX + 1;
    assert_int_equal(sigv4_canonical_request(&out, &names, &rq), PIPEPOLL_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_poll_comes_out_right_at_every_stage),
        cmocka_unit_test(order_and_case_of_headers_do_not_matter),
        cmocka_unit_test(blanks_are_trimmed_and_folded),
        cmocka_unit_test(a_blank_is_found_wherever_it_stands_in_a_long_value),
        cmocka_unit_test(headers_of_one_name_are_joined_in_the_order_sent),
        cmocka_unit_test(a_name_sorts_before_its_longer_namesakes),
        cmocka_unit_test(paths_lose_dot_segments_and_doubled_slashes),
        cmocka_unit_test(paths_are_encoded_even_where_they_are_already),
        cmocka_unit_test(a_verbatim_path_keeps_its_segments),
        cmocka_unit_test(memory_too_small_is_refused_and_never_overrun),
        cmocka_unit_test(a_canonical_request_that_does_not_fit_is_refused),
        cmocka_unit_test(the_promised_scratch_is_enough),
        cmocka_unit_test(more_headers_than_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
