/* SPDX-License-Identifier: MIT */
/* The principal against what others signed: AWS's own suite, requests of real clients. Requests are
 * read as they were sent, by a parser just good enough for these files. */
#include "lib/signing.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "vectors.h"

#define OFFICIAL SHARED_DATA "/sigv4/official"
#define CAPTURES SHARED_DATA "/captures"

static DIR *open_folder(const char *path)
{
    DIR *folder = opendir(path);
    assert_non_null(folder);
    return folder;
}

/* The whole of folder/name/file (file may be empty), with a NUL. The caller frees. */
static char *read_file(const char *folder, const char *name, const char *file)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s%s%s", folder, name, *file ? "/" : "", file);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s cannot be read", path);
    char *text = NULL;
    size_t cap = 0;
    if (getdelim(&text, &cap, '\0', f) < 0)
        fail_msg("%s is empty", path);
    fclose(f);
    return text;
}

static str take_line(str *rest)
{
    size_t end = str_find(*rest, '\n');
    str line = { rest->ptr, end };
    *rest = str_skip(*rest, end < rest->len ? end + 1 : end);
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

static void parse(struct sent *out, const char *text)
{
    *out = (struct sent) { 0 };
    str rest = str_of(text), line = take_line(&rest);
    size_t end = str_find(line, ' ');
    out->method = (str) { line.ptr, end };
    out->path = str_skip(line, end + 1);
    out->path.len -= strlen(" HTTP/1.1");
    while ((line = take_line(&rest)).len) {
        if (*line.ptr == ' ') { /* the value before goes on */
            str *value = &out->headers[out->header_count - 1].value;
            value->len = (size_t)(line.ptr + line.len - value->ptr);
            continue;
        }
        end = str_find(line, ':');
        assert_true(out->header_count < SIGV4_HEADERS_MAX);
        out->headers[out->header_count++] =
            (struct sigv4_header) { { line.ptr, end }, str_skip(line, end + 1) };
    }
    out->body = rest;
}

static str header(const struct sent *s, const char *name)
{
    for (size_t i = 0; i < s->header_count; i++)
        if (str_eq_nocase(s->headers[i].name, str_of(name)))
            return str_trim(s->headers[i].value);
    fail_msg("no header %s", name);
    return STR("");
}

static void assert_file(const char *name, const char *file, const char *got)
{
    char *wanted = read_file(OFFICIAL, name, file);
    if (strcmp(wanted, got) != 0)
        fail_msg("%s/%s: %s", name, file, got);
    free(wanted);
}

/* Returns whether the case is one for a client that sends no query strings. */
static bool check_official(const char *name)
{
    struct sent sent;
    char *text = read_file(OFFICIAL, name, "request.txt"), path[1024], sum[SHA256_HEX_SIZE];
    parse(&sent, text);
    if (str_find(sent.path, '?') < sent.path.len) {
        free(text);
        return false;
    }
    snprintf(path, sizeof path, OFFICIAL "/%s/context.json", name);
    json_t *context = json_load_file(path, 0, NULL), *credentials;
    assert_non_null(credentials = json_object_get(context, "credentials"));
    struct amz_date date = read_date(str_of(member(context, "timestamp")));
    add_header(&sent, STR("X-Amz-Date"), amz_date_str(&date));
    if (member(credentials, "token") &&
        !json_is_true(json_object_get(context, "omit_session_token")))
        add_header(&sent, STR("X-Amz-Security-Token"), str_of(member(credentials, "token")));
    if (json_is_true(json_object_get(context, "sign_body"))) {
        struct sha256 payload;
        sha256(&payload, sent.body);
        sha256_hex(sum, &payload);
        add_header(&sent, STR("X-Amz-Content-Sha256"), (str) { sum, sizeof sum });
    }
    struct signing s = { .id = member(credentials, "access_key_id"),
                         .secret = member(credentials, "secret_access_key"),
                         .region = member(context, "region"),
                         .service = member(context, "service"),
                         .rq = request_of(&sent, &date) };
    s.rq.verbatim_path = json_is_false(json_object_get(context, "normalize"));
    sign(&s);
    assert_file(name, "header-canonical-request.txt", s.canonical);
    assert_file(name, "header-string-to-sign.txt", s.to_sign);
    assert_file(name, "header-signature.txt", strstr(s.authorization, "Signature=") + 10);
    json_decref(context);
    free(text);
    return true;
}

static void the_official_suite_agrees_at_every_stage(void **state)
{
    DIR *folder = open_folder(OFFICIAL);
    size_t agreed = 0, with_query = 0;
    for (struct dirent *e; (e = readdir(folder));) {
        if (strncmp(e->d_name, "get-", 4) != 0 && strncmp(e->d_name, "post-", 5) != 0)
            continue;
        if (check_official(e->d_name))
            agreed++;
        else
            with_query++;
    }
    closedir(folder);
    assert_int_equal(agreed, 31);
    assert_int_equal(with_query, 7); /* never sent, and so not supported */
}

/* Is name one of "a;b;c"? */
static bool listed(str list, str name)
{
    while (list.len) {
        size_t end = str_find(list, ';');
        if (str_eq_nocase((str) { list.ptr, end }, name))
            return true;
        list = str_skip(list, end < list.len ? end + 1 : end);
    }
    return false;
}

/* What stands between `before` and `after` in text, as a string of its own in out. */
static const char *between(char out[256], str text, const char *before, char after)
{
    const char *at = strstr(text.ptr, before);
    assert_non_null(at);
    at += strlen(before);
    struct buf b = { .at = out, .cap = 256 };
    buf_put(&b, (str) { at, strcspn(at, (char[]) { after, '\0' }) });
    return buf_cstr(&b);
}

/* Sign again what a client sent, with the headers that it says it signed. */
static void check_capture(const char *name)
{
    struct sent sent, as_signed;
    char names[256], region[256], scope[256], *text = read_file(CAPTURES, name, "");
    parse(&sent, text);
    str authorization = header(&sent, "authorization");
    str list = str_of(between(names, authorization, "SignedHeaders=", ','));
    between(scope, authorization, "Credential=AKIDEXAMPLE/", ',');
    between(region, str_of(scope + 8), "/", '/');
    as_signed = sent;
    as_signed.header_count = 0;
    for (size_t i = 0; i < sent.header_count; i++)
        if (listed(list, sent.headers[i].name))
            add_header(&as_signed, sent.headers[i].name, sent.headers[i].value);
    struct amz_date date = read_date(header(&sent, "x-amz-date"));
    struct signing s = { .id = "AKIDEXAMPLE",
                         .secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                         .region = region,
                         .service = "codepipeline",
                         .rq = request_of(&as_signed, &date) };
    sign(&s);
    if (!str_eq(str_of(s.authorization), authorization))
        fail_msg("%s: %s", name, s.authorization);
    free(text);
}

static void captured_requests_get_the_signature_they_came_with(void **state)
{
    DIR *folder = open_folder(CAPTURES);
    size_t agreed = 0;
    for (struct dirent *e; (e = readdir(folder));) {
        const char *dot = strrchr(e->d_name, '.');
        if (!dot || strcmp(dot, ".http") != 0)
            continue;
        check_capture(e->d_name);
        agreed++;
    }
    closedir(folder);
    assert_int_equal(agreed, 54);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_official_suite_agrees_at_every_stage),
        cmocka_unit_test(captured_requests_get_the_signature_they_came_with),
    };
    if (vectors_missing(OFFICIAL))
        return VECTORS_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
