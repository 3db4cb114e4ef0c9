/* SPDX-License-Identifier: MIT */
/* Results as messages: a member that has died left them, and another reads them whole. */
#include <stdio.h>
#include <stdlib.h>

#include "fleet/result_message.h"
#include "lib/check.h"

static const struct alloc plain = { NULL, NULL };

static struct result_message of(void)
{
    struct result_message m = { .target = 7, .member = STR("member-a") };
    struct pipepoll_journal_entry *e = &m.entry;
    *e = (struct pipepoll_journal_entry)PIPEPOLL_JOURNAL_ENTRY_INIT;
    e->state = PIPEPOLL_JOURNAL_REPORTING;
    e->region = STR("us-east-1");
    e->job_id = STR("job-1");
    e->client_id = STR("client-1");
    e->action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") };
    e->claim = STR("0123456789abcdef");
    return m;
}

/* Written, measured and read again. */
static struct result_message *again(const struct result_message *m)
{
    enum beat_read how;
    size_t size = result_message_size(m);
    char *text = malloc(size);
    struct buf out = { text, 0, size, false };
    result_message_put(&out, m);
    assert_false(out.overflow);
    struct result_message *read = result_message_read(&plain, buf_str(&out), &how);
    assert_int_equal(how, BEAT_OK);
    assert_non_null(read);
    free(text);
    assert_true(read->target == m->target && str_eq(read->member, m->member));
    assert_true(str_eq(read->entry.region, m->entry.region));
    assert_true(str_eq(read->entry.job_id, m->entry.job_id));
    assert_true(str_eq(read->entry.client_id, m->entry.client_id));
    assert_true(str_eq(read->entry.claim, m->entry.claim));
    assert_true(str_eq(read->entry.continuation_token, m->entry.continuation_token));
    assert_true(str_eq(read->entry.action_type.provider, m->entry.action_type.provider));
    assert_int_equal(read->entry.state, PIPEPOLL_JOURNAL_REPORTING);
    return read;
}

static void a_success_with_all_that_it_may_have_is_read_again(void **state)
{
    enum { MANY = 1024 };
    static struct pipepoll_variable variables[MANY];
    static char names[MANY][16], value[150] = "a \"quote\", a line\n, a \\ and \xf0\x9f\x98\x80";
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    struct pipepoll_revision revision = { STR("abc"), STR("id"), STR("sum"), 1767225600 };
    struct result_message m = of();
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "name-%d", i);
        variables[i] = (struct pipepoll_variable) { str_of(names[i]), str_of(value) };
    }
    s.summary = STR("done");
    s.execution_id = STR("run-7");
    s.revision = &revision;
    s.has_percent = true;
    s.percent_complete = 100;
    s.variables = variables;
    s.variable_count = MANY;
    m.entry.success = &s;
    m.entry.continuation_token = STR("go on");
    struct result_message *r = again(&m);
    const struct pipepoll_success *got = r->entry.success;
    assert_null(r->entry.failure);
    assert_str_equal(got->summary, "done");
    assert_str_equal(got->execution_id, "run-7");
    assert_str_equal(got->revision->revision, "abc");
    assert_str_equal(got->revision->change_identifier, "id");
    assert_str_equal(got->revision->summary, "sum");
    assert_int_equal(got->revision->created_s, 1767225600);
    assert_true(got->has_percent && got->percent_complete == 100);
    assert_int_equal(got->variable_count, MANY);
    assert_str_equal(got->variables[MANY - 1].name, "name-1023");
    assert_true(str_eq(got->variables[MANY - 1].value, str_of(value)));
    result_message_free(r, &plain);
}

static void a_bare_success_and_a_failure_are_read_again(void **state)
{
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    struct pipepoll_job_failure f = PIPEPOLL_JOB_FAILURE_INIT;
    struct result_message m = of();
    m.entry.success = &s;
    struct result_message *r = again(&m);
    assert_false(r->entry.success->has_percent);
    assert_null(r->entry.success->revision);
    assert_int_equal(r->entry.success->variable_count, 0);
    result_message_free(r, &plain);
    f.type = PIPEPOLL_FAILURE_PERMISSION;
    f.message = STR("no");
    f.execution_id = STR("run-8");
    m.entry.success = NULL;
    m.entry.failure = &f;
    r = again(&m);
    assert_null(r->entry.success);
    assert_int_equal(r->entry.failure->type, PIPEPOLL_FAILURE_PERMISSION);
    assert_str_equal(r->entry.failure->message, "no");
    assert_str_equal(r->entry.failure->execution_id, "run-8");
    result_message_free(r, &plain);
}

#define TYPE                                                                                       \
    "\"actionTypeId\":{\"category\":\"c\",\"owner\":\"o\",\"provider\":\"p\",\"version\":\"1\"}"
#define LEAST "\"v\":1,\"region\":\"r\"," TYPE ",\"jobId\":\"j\""

static void what_later_versions_add_is_passed_over(void **state)
{
    enum beat_read how;
    struct result_message *r = result_message_read(
        &plain,
        STR("{" LEAST ",\"failure\":{\"type\":\"New\",\"message\":\"m\",\"x\":1},\"y\":[]}"), &how);
    assert_int_equal(how, BEAT_OK);
    assert_int_equal(r->entry.failure->type, PIPEPOLL_FAILURE_JOB);
    result_message_free(r, &plain);
    assert_null(result_message_read(&plain, STR("{\"v\":3}"), &how));
    assert_int_equal(how, BEAT_OTHER_VERSION);
}

static void what_is_null_counts_as_not_there(void **state)
{
    enum beat_read how;
    struct result_message *r = result_message_read(
        &plain,
        STR("{" LEAST ",\"clientId\":null,\"target\":null,\"member\":null,\"claim\":null,"
            "\"continuationToken\":null,\"failure\":null,\"success\":{\"summary\":null,"
            "\"executionId\":null,\"percentComplete\":null,\"variables\":null,"
            "\"revision\":{\"revision\":\"r\",\"changeIdentifier\":null,\"summary\":null,"
            "\"createdAtS\":null}}}"),
        &how);
    assert_int_equal(how, BEAT_OK);
    assert_int_equal(r->target, 0);
    assert_int_equal(r->entry.client_id.len, 0);
    assert_false(r->entry.success->has_percent);
    assert_int_equal(r->entry.success->variable_count, 0);
    assert_str_equal(r->entry.success->revision->revision, "r");
    assert_int_equal(r->entry.success->revision->created_s, 0);
    result_message_free(r, &plain);
    r = result_message_read(&plain,
                            STR("{" LEAST ",\"success\":null,\"failure\":{\"type\":null,"
                                "\"message\":null,\"executionId\":null}}"),
                            &how);
    assert_int_equal(how, BEAT_OK);
    assert_int_equal(r->entry.failure->type, PIPEPOLL_FAILURE_JOB);
    result_message_free(r, &plain);
}

static void what_is_no_result_is_malformed(void **state)
{
    static const char *const wrong[] = { "",
                                         "{",
                                         "7",
                                         "{" LEAST "}",
                                         "{" LEAST ",\"success\":{},\"failure\":{}}",
                                         "{" LEAST ",\"success\":7}",
                                         "{" LEAST ",\"success\":{\"summary\":7}}",
                                         "{" LEAST ",\"success\":{\"percentComplete\":101}}",
                                         "{" LEAST ",\"success\":{\"percentComplete\":\"9\"}}",
                                         "{" LEAST ",\"success\":{\"variables\":{}}}",
                                         "{" LEAST ",\"success\":{\"variables\":[7]}}",
                                         "{" LEAST ",\"success\":{\"revision\":[]}}",
                                         "{" LEAST
                                         ",\"success\":{\"revision\":{\"createdAtS\":\"x\"}}}",
                                         "{\"v\":1,\"success\":{}}",
                                         "{" LEAST ",\"success\":{},\"claim\":1}" };
    enum beat_read how;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(result_message_read(&plain, str_of(wrong[i]), &how));
        assert_int_equal(how, BEAT_MALFORMED);
    }
}

static void a_body_of_a_million_members_costs_no_memory(void **state)
{
    enum { MANY = 100000 };
    static char text[8 * MANY];
    enum beat_read how;
    struct buf out = BUF_ON(text);
    buf_put(&out, STR("{" LEAST ",\"success\":{},\"x\":[1"));
    for (int i = 0; i < MANY; i++)
        buf_put(&out, STR(",1"));
    buf_put(&out, STR("]}"));
    assert_null(result_message_read(&plain, buf_str(&out), &how));
    assert_int_equal(how, BEAT_MALFORMED);
}

static void *no_memory(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    return NULL;
}

static void a_want_of_memory_is_told_apart(void **state)
{
    static const struct alloc none = { no_memory, NULL };
    enum beat_read how;
    assert_null(result_message_read(&none, STR("{" LEAST ",\"success\":{}}"), &how));
    assert_int_equal(how, BEAT_OK);
    result_message_free(NULL, &plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_success_with_all_that_it_may_have_is_read_again),
        cmocka_unit_test(a_bare_success_and_a_failure_are_read_again),
        cmocka_unit_test(what_later_versions_add_is_passed_over),
        cmocka_unit_test(what_is_null_counts_as_not_there),
        cmocka_unit_test(what_is_no_result_is_malformed),
        cmocka_unit_test(a_body_of_a_million_members_costs_no_memory),
        cmocka_unit_test(a_want_of_memory_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
