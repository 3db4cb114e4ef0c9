/* SPDX-License-Identifier: MIT */
/* Copies of records: every text of every kind is the copy's own, cut to its limit. */
#include <stdlib.h>

#include "daemon/record.h"
#include "lib/check.h"

enum { LONG = 2000 };

static char text[LONG + 1];

/* Every text is as long as text goes. */
static struct record full_record(enum record_kind kind)
{
    str all = str_of(text);
    struct record_target from = { all, all, { all, all, all, all } };
    struct record r = { .kind = kind, .unix_ms = 7 };
    if (kind == RECORD_JOB)
        r.job = (struct record_job) { from, all, all, all, all, all };
    else if (kind == RECORD_HEALTH)
        r.health = (struct record_health) { .from = from,
                                            .health = HEALTH_ILL,
                                            .status = PIPEPOLL_EDENIED,
                                            .retry_in_ms = 60000,
                                            .code = all,
                                            .message = all,
                                            .request_id = all,
                                            .subject = all };
    else
        r.credentials = (struct record_credentials) {
            .usable = true, .source = all, .reason = all, .subject = all
        };
    return r;
}

static void assert_cut(str s, size_t max)
{
    assert_int_equal(s.len, max);
    for (size_t i = 0; i < s.len; i++)
        assert_int_equal(s.ptr[i], 'x');
}

static void assert_target(const struct record_target *t)
{
    assert_cut(t->name, RECORD_NAME_MAX);
    assert_cut(t->region, RECORD_REGION_MAX);
    assert_cut(t->action_type.category, RECORD_TYPE_MAX);
    assert_cut(t->action_type.owner, RECORD_TYPE_MAX);
    assert_cut(t->action_type.provider, RECORD_TYPE_MAX);
    assert_cut(t->action_type.version, RECORD_TYPE_MAX);
}

static void a_copy_has_texts_of_its_own_cut_to_what_a_record_may_hold(void **state)
{
    struct record *copies[3];
    memset(text, 'x', LONG);
    for (enum record_kind kind = RECORD_JOB; kind <= RECORD_CREDENTIALS; kind++) {
        const struct record r = full_record(kind);
        assert_true(record_size(&r) <= RECORD_SIZE_MAX);
        copies[kind] = record_dup(&r);
        assert_non_null(copies[kind]);
        assert_int_equal(record_size(copies[kind]), record_size(&r));
        assert_int_equal(copies[kind]->unix_ms, 7);
    }
    memset(text, '-', LONG);
    assert_target(&copies[RECORD_JOB]->job.from);
    assert_cut(copies[RECORD_JOB]->job.client_id, RECORD_ID_MAX);
    assert_cut(copies[RECORD_JOB]->job.job_id, RECORD_ID_MAX);
    assert_cut(copies[RECORD_JOB]->job.request_id, RECORD_REQUEST_ID_MAX);
    assert_cut(copies[RECORD_JOB]->job.nonce, RECORD_NONCE_MAX);
    assert_cut(copies[RECORD_JOB]->job.account_id, RECORD_ACCOUNT_MAX);
    assert_target(&copies[RECORD_HEALTH]->health.from);
    assert_cut(copies[RECORD_HEALTH]->health.code, RECORD_CODE_MAX);
    assert_cut(copies[RECORD_HEALTH]->health.message, RECORD_MESSAGE_MAX);
    assert_cut(copies[RECORD_HEALTH]->health.request_id, RECORD_REQUEST_ID_MAX);
    assert_cut(copies[RECORD_HEALTH]->health.subject, RECORD_SUBJECT_MAX);
    assert_int_equal(copies[RECORD_HEALTH]->health.retry_in_ms, 60000);
    assert_cut(copies[RECORD_CREDENTIALS]->credentials.source, RECORD_SOURCE_MAX);
    assert_cut(copies[RECORD_CREDENTIALS]->credentials.reason, RECORD_MESSAGE_MAX);
    assert_cut(copies[RECORD_CREDENTIALS]->credentials.subject, RECORD_SUBJECT_MAX);
    for (int i = 0; i < 3; i++)
        free(copies[i]);
}

static void a_record_without_texts_is_copied_too(void **state)
{
    const struct record r = { .kind = RECORD_JOB };
    struct record *copy = record_dup(&r);
    assert_int_equal(copy->job.job_id.len, 0);
    assert_int_equal(copy->kind, RECORD_JOB);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_has_texts_of_its_own_cut_to_what_a_record_may_hold),
        cmocka_unit_test(a_record_without_texts_is_copied_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
