/* SPDX-License-Identifier: MIT */
/* aws/job_details: what GetThirdPartyJobDetails, GetJobDetails and PollForJobs may answer. */
#include "aws/job_details.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "lib/check.h"

enum { TOKENS = 256 };

struct decoded {
    struct job_details details;
    struct json_token tokens[TOKENS];
    union {
        char bytes[4096];
        void *aligned;
    } items;
    char body[4096];
    struct pipepoll_error why;
};

static enum decode_result decode(struct decoded *d, const char *body)
{
    struct decode_memory memory = { d->tokens, TOKENS, &d->items, sizeof d->items, 0, 0 };
    assert_true(strlen(body) < sizeof d->body);
    strcpy(d->body, body);
    return job_details_decode(&d->details, &memory, str_of(d->body), &d->why);
}

static const char whole[] =
    "{\"jobDetails\":{\"id\":\"j-1\",\"nonce\":\"3\",\"data\":{"
    "\"actionTypeId\":{\"category\":\"Build\",\"owner\":\"ThirdParty\",\"provider\":\"Acme\","
    "\"version\":\"1\"},"
    "\"actionConfiguration\":{\"configuration\":{\"ProjectName\":\"P\",\"Password\":\"pw\"}},"
    "\"pipelineContext\":{\"pipelineName\":\"pipe\",\"stage\":{\"name\":\"Beta\"},"
    "\"action\":{\"name\":\"Act\",\"actionExecutionId\":\"e-1\"},"
    "\"pipelineArn\":\"arn:aws:codepipeline:us-east-1:111111111111:pipe\","
    "\"pipelineExecutionId\":\"x-1\"},"
    "\"inputArtifacts\":[{\"name\":\"in\",\"revision\":\"r1\",\"location\":{\"type\":\"S3\","
    "\"s3Location\":{\"bucketName\":\"b1\",\"objectKey\":\"k1\"}}},{\"name\":\"in2\"}],"
    "\"outputArtifacts\":[{\"name\":\"out\",\"location\":{\"s3Location\":{\"bucketName\":\"b2\","
    "\"objectKey\":\"k2\"},\"type\":\"S3\"}}],"
    "\"artifactCredentials\":{\"accessKeyId\":\"AKID\",\"secretAccessKey\":\"sk\","
    "\"sessionToken\":\"st\"},"
    "\"continuationToken\":\"ct\",\"encryptionKey\":{\"id\":\"alias/k\",\"type\":\"KMS\"}}}}";

static void every_member_of_the_model_is_read(void **state)
{
    static struct decoded d;
    assert_int_equal(decode(&d, whole), DECODE_OK);
    const struct job_data *data = &d.details.data;
    assert_str_equal(d.details.id, "j-1");
    assert_str_equal(d.details.nonce, "3");
    assert_str_equal(data->action_type.category, "Build");
    assert_str_equal(data->action_type.owner, "ThirdParty");
    assert_str_equal(data->action_type.provider, "Acme");
    assert_str_equal(data->action_type.version, "1");
    assert_int_equal(data->configuration.count, 2);
    assert_str_equal(job_property(data, 0)->key, "ProjectName");
    assert_str_equal(job_property(data, 1)->value, "pw");
    assert_str_equal(data->pipeline.name, "pipe");
    assert_str_equal(data->pipeline.stage, "Beta");
    assert_str_equal(data->pipeline.action, "Act");
    assert_str_equal(data->pipeline.action_execution_id, "e-1");
    assert_str_equal(data->pipeline.arn, "arn:aws:codepipeline:us-east-1:111111111111:pipe");
    assert_str_equal(data->pipeline.execution_id, "x-1");
    assert_int_equal(data->input_artifacts.count, 2);
    assert_str_equal(job_artifact(&data->input_artifacts, 0)->revision, "r1");
    assert_str_equal(job_artifact(&data->input_artifacts, 0)->location_type, "S3");
    assert_str_equal(job_artifact(&data->input_artifacts, 0)->bucket_name, "b1");
    assert_str_equal(job_artifact(&data->input_artifacts, 0)->object_key, "k1");
    assert_str_equal(job_artifact(&data->input_artifacts, 1)->name, "in2");
    assert_null(job_artifact(&data->input_artifacts, 1)->bucket_name.ptr);
    assert_int_equal(data->output_artifacts.count, 1);
    assert_str_equal(job_artifact(&data->output_artifacts, 0)->object_key, "k2");
    assert_str_equal(data->artifact_credentials.access_key_id, "AKID");
    assert_str_equal(data->artifact_credentials.secret_access_key, "sk");
    assert_str_equal(data->artifact_credentials.session_token, "st");
    assert_str_equal(data->continuation_token, "ct");
    assert_str_equal(data->encryption_key.id, "alias/k");
    assert_str_equal(data->encryption_key.type, "KMS");
}

static void what_the_service_leaves_out_is_marked(void **state)
{
    static const char *const bodies[] = {
        "{}", "{\"jobDetails\":null}", "{\"jobDetails\":{}}",
        "{\"jobDetails\":{\"data\":{},\"id\":null}}",
        "{\"jobDetails\":{\"data\":{\"actionConfiguration\":{}}}}"
    };
    static const struct job_details nothing;
    static struct decoded d;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        assert_int_equal(decode(&d, whole), DECODE_OK); /* nothing is left of it */
        assert_int_equal(decode(&d, bodies[i]), DECODE_OK);
        assert_memory_equal(&d.details, &nothing, sizeof nothing);
    }
}

static void assert_bad(const char *body, const char *sentence)
{
    static struct decoded d;
    assert_int_equal(decode(&d, body), DECODE_BAD);
    assert_string_equal(d.why.text, sentence);
}

#define DATA(rest) "{\"jobDetails\":{\"data\":{" rest "}}}"

static void hostile_members_are_refused_by_name_and_without_their_values(void **state)
{
    assert_bad("{\"message\":\"maintenance, secret\"}",
               "the answer has no jobDetails, but message");
    assert_bad("{\"jobDetails\":[]}", "jobDetails is a list, not an object");
    assert_bad("{\"jobDetails\":{\"nonce\":3}}", "jobDetails.nonce is a number, not a string");
    assert_bad("{\"jobDetails\":{\"nonce\":\"a\",\"nonce\":\"b\"}}",
               "jobDetails.nonce is there twice");
    assert_bad("{\"jobDetails\":{\"id\":\"a\\u0000\"}}", "jobDetails.id has a NUL in it");
    assert_bad(DATA("\"actionConfiguration\":{\"configuration\":[\"secret\"]}"),
               "jobDetails.data.actionConfiguration.configuration is a list, not an object");
    assert_bad(
        DATA("\"actionConfiguration\":{\"configuration\":{\"a\":\"x\",\"a\":\"y\"}}"),
        "jobDetails.data.actionConfiguration.configuration[1] has a key that was there before");
    assert_bad(DATA("\"inputArtifacts\":[{\"location\":{\"s3Location\":\"secret\"}}]"),
               "jobDetails.data.inputArtifacts[0].location.s3Location is a string, not an object");
    assert_bad(DATA("\"artifactCredentials\":{\"sessionToken\":\"a\\u0000b\"}"),
               "jobDetails.data.artifactCredentials.sessionToken has a NUL in it");
    assert_bad("", "the body is empty");
}

static void assert_longest(const char *member, size_t most)
{
    static char text[2][64 << 10];
    struct json_token tokens[16];
    struct job_details details;
    struct decode_memory memory = { tokens, 16, NULL, 0, 0, 0 };
    for (size_t more = 0; more < 2; more++) {
        int at = snprintf(text[more], sizeof text[more], "{\"jobDetails\":{%s:\"", member);
        memset(text[more] + at, 'x', most + more);
        strcpy(text[more] + at + most + more, strchr(member, '{') ? "\"}}}" : "\"}}");
        assert_int_equal(job_details_decode(&details, &memory, str_of(text[more]), NULL),
                         more ? DECODE_BAD : DECODE_OK);
    }
}

static void what_goes_back_to_the_service_is_bounded(void **state)
{
    assert_longest("\"id\"", 512);
    assert_longest("\"nonce\"", 200);
    assert_longest("\"data\":{\"continuationToken\"", 8192);
}

/* --- GetJobDetails --- */

static void a_custom_job_says_whose_it_is(void **state)
{
    static struct decoded d;
    assert_int_equal(decode(&d, "{\"jobDetails\":{\"id\":\"j\",\"accountId\":\"111111111111\","
                                "\"data\":{\"continuationToken\":\"ct\"}}}"),
                     DECODE_OK);
    assert_str_equal(d.details.account_id, "111111111111");
    assert_null(d.details.nonce.ptr);
    assert_longest("\"accountId\"", 48);
}

/* --- PollForJobs --- */

struct listed {
    struct job_list list;
    struct decode_memory memory;
    char *body; /* of its exact size, as is all memory */
    struct pipepoll_error why;
    int asked;
};

static enum decode_result decode_list(struct listed *l, str body)
{
    enum decode_result r;
    struct decode_memory *m = &l->memory;
    *l = (struct listed) { .list.count = 7, .body = malloc(body.len ? body.len : 1) };
    memcpy(l->body, body.ptr, body.len);
    while ((r = job_details_decode_list(&l->list, m, (str) { l->body, body.len }, &l->why)) ==
           DECODE_NEED_MEMORY) {
        assert_memory_equal(l->body, body.ptr, body.len);
        free(m->items);
        m->tokens = realloc(m->tokens, m->tokens_needed * sizeof *m->tokens);
        m->items = m->items_needed ? malloc(m->items_needed) : NULL;
        m->token_cap = m->tokens_needed;
        m->item_cap = m->items_needed;
        assert_true(++l->asked <= 2);
    }
    return r;
}

static void free_list(struct listed *l)
{
    free(l->memory.tokens);
    free(l->memory.items);
    free(l->body);
}

static void jobs_come_with_their_details_in_order(void **state)
{
    struct listed l;
    assert_int_equal(
        decode_list(&l, STR("{\"jobs\":[{\"id\":\"j1\",\"nonce\":\"3\",\"accountId\":\"1\","
                            "\"__type\":\"Job\",\"data\":{\"actionConfiguration\":{"
                            "\"configuration\":{\"k\":\"v\",\"l\":\"w\"}},\"inputArtifacts\":[{"
                            "\"name\":\"a\"},{\"name\":\"b\"}]}},null,{\"nonce\":null},"
                            "{\"id\":\"j\\u0033\",\"data\":{\"continuationToken\":\"ct\"}}]}")),
        DECODE_OK);
    assert_int_equal(l.list.count, 3);
    assert_str_equal(l.list.jobs[0].job_id, "j1");
    assert_int_equal(l.list.jobs[0].client_id.len, 0);
    assert_str_equal(l.list.jobs[0].nonce, "3");
    assert_str_equal(l.list.jobs[0].account_id, "1");
    assert_str_equal(l.list.details[0].nonce, "3");
    assert_str_equal(l.list.details[0].account_id, "1");
    assert_str_equal(job_property(&l.list.details[0].data, 1)->value, "w");
    assert_str_equal(job_artifact(&l.list.details[0].data.input_artifacts, 1)->name, "b");
    assert_int_equal(l.list.jobs[1].job_id.len, 0);
    assert_str_equal(l.list.jobs[2].job_id, "j3");
    assert_str_equal(l.list.details[2].data.continuation_token, "ct");
    assert_int_equal(l.asked, 2);
    free_list(&l);
}

static void an_answer_without_jobs_is_no_jobs(void **state)
{
    static const char *const bodies[] = { "{\"jobs\":[]}", "{}", "{\"jobs\":null}",
                                          "{\"jobs\":[null]}", " {\"jobs\" : [ ] , \"x\":1}" };
    struct listed l;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        assert_int_equal(decode_list(&l, str_of(bodies[i])), DECODE_OK);
        assert_int_equal(l.list.count, 0);
        free_list(&l);
    }
}

static void what_is_no_list_of_jobs_is_told_without_its_values(void **state)
{
    static const struct {
        const char *body, *sentence;
    } rows[] = {
        { "", "the body is empty" },
        { "{\"message\":\"secret\"}", "the answer has no jobs, but message" },
        { "{\"jobs\":\"secret\"}", "jobs is a string, not a list" },
        { "{\"jobs\":[[]]}", "jobs[0] is a list, not an object" },
        { "{\"jobs\":[{},{\"nonce\":{\"secret\":1}}]}",
          "jobs[1].nonce is an object, not a string" },
        { "{\"jobs\":[{\"id\":\"a\\u0000\"}]}", "jobs[0].id has a NUL in it" },
        { "{\"jobs\":[],\"jobs\":[]}", "jobs is there twice" },
        { "{\"jobs\":[{\"data\":{\"artifactCredentials\":\"secret\"}}]}",
          "jobs[0].data.artifactCredentials is a string, not an object" },
    };
    struct listed l;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(decode_list(&l, str_of(rows[i].body)), DECODE_BAD);
        assert_string_equal(l.why.text, rows[i].sentence);
        assert_int_equal(l.list.count, 0);
        free_list(&l);
    }
}

/* `each`, as often as fits a megabyte; how much is asked for it. */
static size_t memory_for(const char *each, enum decode_result want)
{
    enum { MIB = 1 << 20 };
    char *text = malloc(MIB);
    struct buf out = { .at = text, .cap = MIB };
    struct listed l;
    assert_non_null(text);
    buf_put(&out, STR("{\"jobs\":["));
    for (size_t n = 0; n < (MIB - 16) / (strlen(each) + 1); n++) {
        buf_put(&out, n ? STR(",") : STR(""));
        buf_put(&out, str_of(each));
    }
    buf_put(&out, STR("]}"));
    assert_false(out.overflow);
    assert_int_equal(decode_list(&l, buf_str(&out)), want);
    size_t needed = l.memory.items_needed;
    free_list(&l);
    free(text);
    return needed;
}

static void a_megabyte_asks_for_a_bounded_multiple_of_itself(void **state)
{
    assert_int_equal(memory_for("{}", DECODE_BAD),
                     0); /* 350 000 jobs: no memory is made for them */
    assert_true(
        memory_for(
            "{\"id\":\"0123abcd-4567-89ef-0123-456789abcdef\",\"accountId\":\"111111111111\"}",
            DECODE_OK) < 10 << 20);
    assert_true(memory_for("{\"data\":{\"inputArtifacts\":[{},{},{},{},{},{},{},{},{},{},{},{},{},"
                           "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}}",
                           DECODE_OK) < 32 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_of_the_model_is_read),
        cmocka_unit_test(what_the_service_leaves_out_is_marked),
        cmocka_unit_test(hostile_members_are_refused_by_name_and_without_their_values),
        cmocka_unit_test(what_goes_back_to_the_service_is_bounded),
        cmocka_unit_test(a_custom_job_says_whose_it_is),
        cmocka_unit_test(jobs_come_with_their_details_in_order),
        cmocka_unit_test(an_answer_without_jobs_is_no_jobs),
        cmocka_unit_test(what_is_no_list_of_jobs_is_told_without_its_values),
        cmocka_unit_test(a_megabyte_asks_for_a_bounded_multiple_of_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
