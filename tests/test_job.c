/* SPDX-License-Identifier: MIT */
/* aws/job: which bodies are an answer, and which jobs are in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/job.h"

enum { TOKENS = 64, JOBS = 8, MIB = 1 << 20 };

struct decode {
    char *body; /* of its exact size, so that a sanitizer sees any step outside */
    struct json_token tokens[TOKENS];
    struct pipepoll_job jobs[JOBS];
    struct job_list list;
    struct pipepoll_error why;
};

static int decode(struct decode *d, str body)
{
    *d = (struct decode) { .body = malloc(body.len ? body.len : 1) };
    assert_non_null(d->body);
    memcpy(d->body, body.ptr, body.len);
    struct decode_memory memory = { d->tokens, TOKENS, d->jobs, sizeof d->jobs, 0, 0 };
    return (int)job_decode(&d->list, &memory, (str) { d->body, body.len }, &d->why);
}

static void assert_no_jobs(str body)
{
    struct decode d;
    assert_int_equal(decode(&d, body), DECODE_OK);
    assert_int_equal(d.list.count, 0);
    free(d.body);
}

static void assert_bad(str body, const char *sentence)
{
    struct decode d;
    assert_int_equal(decode(&d, body), DECODE_BAD);
    assert_string_equal(d.why.text, sentence);
    assert_int_equal(d.list.count, 0);
    free(d.body);
}

static void assert_one_job(str body, str client_id, str job_id)
{
    struct decode d;
    assert_int_equal(decode(&d, body), DECODE_OK);
    assert_int_equal(d.list.count, 1);
    assert_true(str_eq(d.jobs[0].client_id, client_id));
    assert_true(str_eq(d.jobs[0].job_id, job_id));
    free(d.body);
}

static void an_answer_without_jobs_is_no_jobs(void **state)
{
    assert_no_jobs(STR("{\"jobs\":[]}"));
    assert_no_jobs(STR("{}"));
    assert_no_jobs(STR(" {\r\n\t} "));
    assert_no_jobs(STR("{\"jobs\":null}"));
    assert_no_jobs(STR("{\"jobs\":[null,null]}"));
    assert_no_jobs(STR("{\"jobs\":null,\"Jobs\":[{}],\"JOBS\":1,\"job\":2,\"jobs2\":3}"));
}

static void jobs_come_in_the_order_of_the_answer(void **state)
{
    struct decode d;
    assert_int_equal(decode(&d, STR("{\"jobs\":[{\"clientId\":\"c1\",\"jobId\":\"j1\"},"
                                    "{\"jobId\":\"j2\",\"clientId\":\"c2\"}]}")),
                     DECODE_OK);
    assert_int_equal(d.list.count, 2);
    assert_true(str_eq(d.jobs[0].client_id, STR("c1")));
    assert_true(str_eq(d.jobs[0].job_id, STR("j1")));
    assert_true(str_eq(d.jobs[1].client_id, STR("c2")));
    assert_true(str_eq(d.jobs[1].job_id, STR("j2")));
    free(d.body);
}

static void unknown_members_are_ignored_at_any_depth(void **state)
{
    assert_one_job(STR("{\"__type\":\"ns#Output\",\"x\":{\"jobs\":[{\"jobId\":1}],\"y\":[[]]},"
                       "\"jobs\":[{\"__type\":\"ThirdPartyJob\",\"data\":{\"jobId\":7,\"jobs\":[]},"
                       "\"clientId\":\"c\",\"tags\":[{\"jobId\":null}],\"jobId\":\"j\",\"n\":1e9}],"
                       "\"z\":\"jobs\"}"),
                   STR("c"), STR("j"));
}

static void a_missing_or_null_id_is_empty(void **state)
{
    assert_one_job(STR("{\"jobs\":[{}]}"), STR(""), STR(""));
    assert_one_job(STR("{\"jobs\":[{\"clientId\":null,\"jobId\":\"j\"}]}"), STR(""), STR("j"));
    assert_one_job(STR("{\"jobs\":[{\"clientId\":\"c\"}]}"), STR("c"), STR(""));
    assert_one_job(STR("{\"jobs\":[{\"clientId\":\"\",\"jobId\":\"\"}]}"), STR(""), STR(""));
}

static void null_in_the_list_is_skipped(void **state)
{
    assert_one_job(STR("{\"jobs\":[null,{\"clientId\":\"c\",\"jobId\":\"j\"},null]}"), STR("c"),
                   STR("j"));
}

static void ids_need_not_be_uuids_and_their_escapes_are_resolved(void **state)
{
    assert_one_job(STR("{\"jobs\":[{\"clientId\":\"not a uuid\",\"jobId\":\"\\u0031\\ud83d\\ude00"
                       "\xc3\xa9\\/\"}]}"),
                   STR("not a uuid"), STR("1\xf0\x9f\x98\x80\xc3\xa9/"));
    assert_one_job(STR("{\"j\\u006fbs\":[{\"client\\u0049d\":\"c\",\"\\u006aobId\":\"j\"}]}"),
                   STR("c"), STR("j"));
}

static void an_id_as_long_as_the_model_allows_is_taken_and_a_longer_one_refused(void **state)
{
    char body[1024], id[JOB_ID_LEN_MAX + 1];
    memset(id, 'i', sizeof id);
    int n = snprintf(body, sizeof body, "{\"jobs\":[{\"jobId\":\"%.*s\"}]}", JOB_ID_LEN_MAX, id);
    assert_one_job((str) { body, (size_t)n }, STR(""), (str) { id, JOB_ID_LEN_MAX });
    n = snprintf(body, sizeof body, "{\"jobs\":[{\"jobId\":\"%.*s\"}]}", (int)sizeof id, id);
    assert_bad((str) { body, (size_t)n }, "jobs[0].jobId is longer than 512 bytes");
}

static void what_is_no_answer_is_an_error_that_says_what_was_found(void **state)
{
    assert_bad(STR(""), "the body is empty");
    assert_bad(STR("<html>"), "found '<' at byte 0, not a JSON object");
    assert_bad(STR("[]"), "found '[' at byte 0, not a JSON object");
    assert_bad(STR("{\"jobs\":[{\"jobId\":\"j"), "cut short at byte 20");
    assert_bad(STR("{\"message\":\"maintenance\"}"),
               "the answer has no jobs, but message: \"maintenance\"");
    assert_bad(STR("{\"status\":{\"jobs\":[]}}"), "the answer has no jobs, but status");
    assert_bad(STR("{\"Jobs\":[]}"), "the answer has no jobs, but Jobs");
    assert_bad(STR("{\"jobs\":\"nope\"}"), "jobs is a string, not a list");
    assert_bad(STR("{\"jobs\":{}}"), "jobs is an object, not a list");
    assert_bad(STR("{\"jobs\":false}"), "jobs is a boolean, not a list");
    assert_bad(STR("{\"jobs\":[null,[]]}"), "jobs[1] is a list, not an object");
    assert_bad(STR("{\"jobs\":[{},{},{},{\"jobId\":4}]}"),
               "jobs[3].jobId is a number, not a string");
    assert_bad(STR("{\"jobs\":[{\"clientId\":{\"clientId\":\"c\"}}]}"),
               "jobs[0].clientId is an object, not a string");
    assert_bad(STR("{\"jobs\":[{\"jobId\":\"a\\u0000b\"}]}"), "jobs[0].jobId has a NUL in it");
}

/* Clients let the last one win; two readers of one answer must not see different jobs. */
static void a_known_member_twice_is_refused(void **state)
{
    assert_bad(STR("{\"jobs\":[],\"jobs\":[]}"), "jobs is there twice");
    assert_bad(STR("{\"jobs\":null,\"j\\u006fbs\":[]}"), "jobs is there twice");
    assert_bad(STR("{\"jobs\":[{\"jobId\":\"a\",\"jobId\":\"b\"}]}"),
               "jobs[0].jobId is there twice");
    assert_bad(STR("{\"jobs\":[{\"clientId\":null,\"clientId\":\"b\"}]}"),
               "jobs[0].clientId is there twice");
}

static void the_caller_is_asked_for_memory_and_the_body_stays_as_it_was(void **state)
{
    const str answer =
        STR("{\"j\\u006fbs\":[{\"jobId\":\"\\u0031\"},null,{\"jobId\":\"\\u0032\"}]}");
    char body[128];
    memcpy(body, answer.ptr, answer.len);
    struct json_token tokens[10];
    struct pipepoll_job jobs[3];
    struct job_list list;
    str text = { body, answer.len };

    struct decode_memory memory = { tokens, 9, jobs, sizeof jobs, 0, 0 };
    assert_int_equal(job_decode(&list, &memory, text, NULL), DECODE_NEED_MEMORY);
    assert_int_equal(memory.tokens_needed, 10);
    memory = (struct decode_memory) { tokens, 10, jobs, 2 * sizeof *jobs, 0, 0 };
    assert_int_equal(job_decode(&list, &memory, text, NULL), DECODE_NEED_MEMORY);
    assert_int_equal(memory.items_needed, sizeof jobs);
    assert_memory_equal(body, answer.ptr, answer.len);

    memory = (struct decode_memory) { tokens, 10, jobs, sizeof jobs, 0, 0 };
    assert_int_equal(job_decode(&list, &memory, text, NULL), DECODE_OK);
    assert_int_equal(list.count, 2);
    assert_true(str_eq(jobs[1].job_id, STR("2")));
}

static void no_memory_at_all_is_fine_for_a_question(void **state)
{
    char body[] = "{\"jobs\":[{}]}";
    struct decode_memory none = { 0 };
    struct job_list list;
    assert_int_equal(job_decode(&list, &none, str_of(body), NULL), DECODE_NEED_MEMORY);
    assert_int_equal(none.tokens_needed, 4);
    assert_int_equal(none.items_needed, 0);
}

static void an_answer_of_30000_jobs_is_decoded_whole(void **state)
{
    enum { COUNT = 30000 };
    size_t token_cap = 3 + 5 * COUNT, size = 4 * MIB, len = 0;
    char *body = malloc(size);
    struct json_token *tokens = malloc(token_cap * sizeof *tokens);
    struct pipepoll_job *jobs = malloc(COUNT * sizeof *jobs);
    assert_true(body && tokens && jobs);
    len += (size_t)snprintf(body, size, "{\"jobs\":[");
    for (int i = 0; i < COUNT; i++)
        len += (size_t)snprintf(body + len, size - len,
                                "%s{\"clientId\":\"c%d\",\"jobId\":\"j%d\"}", i ? "," : "", i, i);
    len += (size_t)snprintf(body + len, size - len, "]}");

    struct decode_memory memory = { tokens, token_cap, jobs, COUNT * sizeof *jobs, 0, 0 };
    struct job_list list;
    assert_int_equal(job_decode(&list, &memory, (str) { body, len }, NULL), DECODE_OK);
    assert_int_equal(list.count, COUNT);
    assert_true(str_eq(jobs[COUNT - 1].job_id, STR("j29999")));
    free(jobs);
    free(tokens);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_without_jobs_is_no_jobs),
        cmocka_unit_test(jobs_come_in_the_order_of_the_answer),
        cmocka_unit_test(unknown_members_are_ignored_at_any_depth),
        cmocka_unit_test(a_missing_or_null_id_is_empty),
        cmocka_unit_test(null_in_the_list_is_skipped),
        cmocka_unit_test(ids_need_not_be_uuids_and_their_escapes_are_resolved),
        cmocka_unit_test(an_id_as_long_as_the_model_allows_is_taken_and_a_longer_one_refused),
        cmocka_unit_test(what_is_no_answer_is_an_error_that_says_what_was_found),
        cmocka_unit_test(a_known_member_twice_is_refused),
        cmocka_unit_test(the_caller_is_asked_for_memory_and_the_body_stays_as_it_was),
        cmocka_unit_test(no_memory_at_all_is_fine_for_a_question),
        cmocka_unit_test(an_answer_of_30000_jobs_is_decoded_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
