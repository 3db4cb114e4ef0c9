/* SPDX-License-Identifier: MIT */
#include "handler/job_document.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/buf.h"
#include "lib/check.h"

static const struct pipepoll_pipeline pipeline = { .name = STR_INIT("p\"ipe"),
                                                   .stage = STR_INIT("Build"),
                                                   .action = STR_INIT("act"),
                                                   .action_execution_id = STR_INIT("ae") };
static const struct pipepoll_artifact_credentials credentials = { STR_INIT("AKID"),
                                                                  STR_INIT("canary/secret"),
                                                                  STR_INIT("canary/session") };

static struct pipepoll_job_data data_of(const struct pipepoll_property *properties, size_t count)
{
    return (struct pipepoll_job_data) {
        .size = sizeof(struct pipepoll_job_data),
        .action_type = { STR_INIT("Build"), STR_INIT("ThirdParty"), STR_INIT("P"), STR_INIT("1") },
        .pipeline = &pipeline,
        .artifact_credentials = &credentials,
        .property_count = count,
        .properties = properties,
        .property_size = sizeof *properties,
        .artifact_size = sizeof(struct pipepoll_artifact),
    };
}

static struct job_document make(const struct pipepoll_job_data *data)
{
    struct job_document d;
    assert_int_equal(job_document_make(&d, STR("j-1"), STR("c-1"), STR("eu-west-1"), data,
                                       JOB_DOCUMENT_MAX, NULL),
                     0);
    assert_ptr_equal(memchr(d.text, '\n', d.len), d.text + d.len - 1);
    return d;
}

static json_t *load(const struct job_document *d)
{
    json_t *root = json_loadb(d->text, d->len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    return root;
}

static const char *text_at(json_t *object, const char *a, const char *b, const char *c)
{
    for (const char *const *name = (const char *const[]) { a, b, c, NULL }; *name; name++)
        object = json_object_get(object, *name);
    return json_string_value(object);
}

static void a_job_is_written_in_the_words_of_the_api(void **state)
{
    const struct pipepoll_artifact in = { .name = STR("in"),
                                          .revision = STR("r1"),
                                          .location_type = STR("S3"),
                                          .bucket_name = STR("bucket"),
                                          .object_key = STR("a/b.zip") };
    struct pipepoll_job_data data = data_of(NULL, 0);
    data.inputs = &in;
    data.input_count = 1;
    data.continuation_token = STR("go on");
    data.encryption_key_id = STR("key");
    data.encryption_key_type = STR("KMS");
    struct job_document d = make(&data);
    assert_str_equal(
        ((str) { d.text, d.len }),
        "{\"jobId\":\"j-1\",\"clientId\":\"c-1\",\"region\":\"eu-west-1\",\"actionTypeId\":{"
        "\"category\":\"Build\",\"owner\":\"ThirdParty\",\"provider\":\"P\",\"version\":\"1\"},"
        "\"configuration\":{},\"pipelineContext\":{\"pipelineName\":\"p\\\"ipe\",\"stage\":{"
        "\"name\":\"Build\"},\"action\":{\"name\":\"act\",\"actionExecutionId\":\"ae\"}},"
        "\"inputArtifacts\":[{\"name\":\"in\",\"revision\":\"r1\",\"location\":{\"type\":\"S3\","
        "\"s3Location\":{\"bucketName\":\"bucket\",\"objectKey\":\"a/b.zip\"}}}],"
        "\"outputArtifacts\":[],\"artifactCredentials\":{\"accessKeyId\":\"AKID\","
        "\"secretAccessKey\":\"canary/secret\",\"sessionToken\":\"canary/session\"},"
        "\"continuationToken\":\"go on\",\"encryptionKey\":{\"id\":\"key\",\"type\":\"KMS\"}}\n");
    job_document_deinit(&d);
}

static void hostile_values_stay_values(void **state)
{
    static const struct pipepoll_property hostile[] = {
        { STR_INIT("$(touch x)"), STR_INIT("`id`; rm -rf / && \"'\\") },
        { STR_INIT("lines"), STR_INIT("a\nb\r\n{\"result\":{\"status\":\"succeeded\"}}\n") },
        { STR_INIT("nul"), STR_INIT("a\0b") },
        { STR_INIT("k\"},\"jobId\":\"x"), STR_INIT("\x1b[31m") },
        { STR_INIT("bytes"), STR_INIT("\xff\xfe") },
    };
    struct pipepoll_job_data data = data_of(hostile, sizeof hostile / sizeof *hostile);
    struct job_document d = make(&data);
    json_t *root = load(&d), *configuration = json_object_get(root, "configuration");
    assert_string_equal(text_at(root, "jobId", NULL, NULL), "j-1");
    assert_int_equal(json_object_size(configuration), 5);
    for (size_t i = 0; i < 4; i++) {
        const json_t *value =
            json_object_getn(configuration, hostile[i].key.ptr, hostile[i].key.len);
        assert_true(str_eq(hostile[i].value,
                           (str) { json_string_value(value), json_string_length(value) }));
    }
    assert_string_equal(text_at(configuration, "bytes", NULL, NULL), "\xef\xbf\xbd\xef\xbf\xbd");
    json_decref(root);
    job_document_deinit(&d);
}

static void large_jobs_fit(void **state)
{
    enum { ARTIFACTS = 10000, VALUE = 1 << 20 };
    struct pipepoll_artifact *many = calloc(ARTIFACTS, sizeof *many);
    for (size_t i = 0; i < ARTIFACTS; i++)
        many[i] = (struct pipepoll_artifact) { .name = STR("artifact"),
                                               .location_type = STR("S3"),
                                               .bucket_name = STR("bucket"),
                                               .object_key = STR("some/key/of/an/object.zip") };
    char *value = malloc(VALUE);
    memset(value, '\n', VALUE);
    const struct pipepoll_property property = { STR("large"), { value, VALUE } };
    struct pipepoll_job_data data = data_of(&property, 1);
    data.inputs = data.outputs = many;
    data.input_count = data.output_count = ARTIFACTS;
    struct job_document d = make(&data);
    json_t *root = load(&d);
    assert_int_equal(json_array_size(json_object_get(root, "outputArtifacts")), ARTIFACTS);
    json_decref(root);
    job_document_deinit(&d);
    free(value);
    free(many);
}

static void a_document_that_is_too_large_is_refused(void **state)
{
    static char value[5000];
    memset(value, 'x', sizeof value);
    const struct pipepoll_property property = { STR("large"), { value, sizeof value } };
    struct pipepoll_job_data data = data_of(&property, 1);
    struct job_document whole = make(&data), d;
    struct pipepoll_error why;
    size_t len = whole.len;
    job_document_deinit(&whole);
    assert_int_equal(
        job_document_make(&d, STR("j-1"), STR("c-1"), STR("eu-west-1"), &data, len - 1, &why),
        PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "make a document of more than 5"));
    assert_int_equal(
        job_document_make(&d, STR("j-1"), STR("c-1"), STR("eu-west-1"), &data, len, &why), 0);
    job_document_deinit(&d);
}

static void secrets_are_those_of_artifacts_and_the_token(void **state)
{
    str secrets[JOB_SECRETS_MAX];
    struct pipepoll_job_data data = data_of(NULL, 0);
    data.continuation_token = STR("go on");
    assert_int_equal(job_secrets(&data, secrets), 3);
    assert_str_equal(secrets[0], "canary/secret");
    assert_str_equal(secrets[1], "canary/session");
    assert_str_equal(secrets[2], "go on");
    data.artifact_credentials = NULL;
    assert_int_equal(job_secrets(&data, secrets), 1);
}

static void check_environment(const char *document, char *const *environment, const char *want)
{
    struct job_document d;
    assert_int_equal(job_document_with_environment(&d, str_of(document), environment), 0);
    assert_str_equal(((str) { d.text, d.len }), want);
    job_document_deinit(&d);
}

static void an_environment_becomes_a_member(void **state)
{
    char *pairs[] = { (char[]) { "A=1" }, (char[]) { "B=x=\"y\"\n" }, (char[]) { "C" }, NULL };
    check_environment("{\"jobId\":\"1\"}\n", pairs,
                      "{\"jobId\":\"1\",\"environment\":{\"A\":\"1\","
                      "\"B\":\"x=\\\"y\\\"\\u000a\",\"C\":\"\"}}\n");
    check_environment("{}\n", pairs + 2, "{\"environment\":{\"C\":\"\"}}\n");
    check_environment("{\"jobId\":\"1\"}", pairs + 3, "{\"jobId\":\"1\"}\n");
    check_environment("{\"jobId\":\"1\"}\n", NULL, "{\"jobId\":\"1\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_written_in_the_words_of_the_api),
        cmocka_unit_test(hostile_values_stay_values),
        cmocka_unit_test(large_jobs_fit),
        cmocka_unit_test(a_document_that_is_too_large_is_refused),
        cmocka_unit_test(secrets_are_those_of_artifacts_and_the_token),
        cmocka_unit_test(an_environment_becomes_a_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
