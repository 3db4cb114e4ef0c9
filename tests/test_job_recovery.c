/* SPDX-License-Identifier: MIT */
/* What the journal held is given to the loops whole, each row once, by target and region. */
#include "daemon/job_recovery.h"

#include "lib/journal_script.h"

static const struct pipepoll_variable variables[] = { { STR_INIT("Artifact@1"), STR_INIT("a\"b") },
                                                      { STR_INIT("empty"), STR_INIT("") } };

static void note_all(void)
{
    const struct journal_options o = options_on(&folder);
    struct pipepoll_success success = PIPEPOLL_SUCCESS_INIT;
    struct pipepoll_journal_entry e = entry_of("job-1", PIPEPOLL_JOURNAL_REPORTING);
    struct noter n;
    struct journal *j = open_journal(&o);
    success.summary = STR("done");
    success.variables = variables;
    success.variable_count = 2;
    e.success = &success;
    noter_open(&n, j);
    journal_note(n.user, STR("deploy"), &e, 1);
    note_state(&n, "job-2", PIPEPOLL_JOURNAL_RUNNING, 2);
    e.region = STR("us-east-1");
    journal_note(n.user, STR("deploy"), &e, 3);
    noter_wait(&n, 3);
    assert_int_equal(n.status, 0);
    noter_close(&n);
    assert_true(journal_close(j, PATIENT_MS));
}

static bool take(void *ctx, const struct pipepoll_journal_entry *e)
{
    int *taken = ctx;
    ++*taken;
    assert_str_equal(e->region, "eu-west-1");
    assert_str_equal(e->client_id, "client-1");
    assert_str_equal(e->action_type.provider, "Acme");
    if (*taken == 2)
        assert_null(e->success);
    if (*taken == 2)
        return true;
    assert_str_equal(e->job_id, "job-1");
    assert_str_equal(e->success->summary, "done");
    assert_int_equal(e->success->variable_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(str_eq(e->success->variables[i].name, variables[i].name) &&
                    str_eq(e->success->variables[i].value, variables[i].value));
    return true;
}

static void a_row_comes_whole_and_once(void **state)
{
    const struct journal_options o = options_on(&folder);
    struct job_recovery *r;
    int taken = 0;
    note_all();
    struct journal *j = open_journal(&o);
    assert_int_equal(job_recovery_open(&r, j, NULL), 0);
    assert_true(journal_close(j, PATIENT_MS));
    assert_int_equal(job_recovery_count(r), 3);
    job_recovery_take(r, STR("other"), STR("eu-west-1"), take, &taken);
    assert_int_equal(taken, 0);
    job_recovery_take(r, STR("deploy"), STR("eu-west-1"), take, &taken);
    assert_int_equal(taken, 2);
    job_recovery_take(r, STR("deploy"), STR("eu-west-1"), take, &taken);
    assert_int_equal(taken, 2);
    job_recovery_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = { FOLDER_TEST(a_row_comes_whole_and_once) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
