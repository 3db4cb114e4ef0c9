/* SPDX-License-Identifier: MIT */
/* Output variables in the journal, and journals of the format before them. */
#include "lib/folder_sql.h"

static const struct pipepoll_variable variables[] = {
    { STR_INIT("Artifact@1"), STR_INIT("a:b\"c\n\0d") },
    { STR_INIT("empty"), STR_INIT("") },
    { STR_INIT("-"), STR_INIT("12:12345678901") },
};
enum { VARIABLES = sizeof variables / sizeof *variables };

static int number_of(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(folder.file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int number = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return number;
}

/* One job that has a result, with variables or without, and perhaps its end. */
static void write_job(const char *job_id, size_t count, bool ends)
{
    const struct journal_options o = options_on(&folder);
    struct pipepoll_success success = PIPEPOLL_SUCCESS_INIT;
    struct pipepoll_journal_entry e = entry_of(job_id, PIPEPOLL_JOURNAL_REPORTING);
    struct noter n;
    struct journal *j = open_journal(&o);
    success.summary = STR("done");
    success.variables = variables;
    success.variable_count = count;
    e.success = &success;
    noter_open(&n, j);
    journal_note(n.user, STR("deploy"), &e, 1);
    memset(&success, 0x55, sizeof success); /* nothing borrowed is kept */
    noter_wait(&n, 1);
    assert_int_equal(n.status, 0);
    if (ends)
        forget_job(&n, job_id, "succeeded");
    noter_close(&n);
    assert_true(journal_close(j, PATIENT_MS));
}

/* As the format before left it. */
static void make_old(void)
{
    folder_sql("ALTER TABLE jobs DROP COLUMN variables; PRAGMA user_version = 1");
}

struct seen {
    int rows;
    size_t variables;
};

static void see(void *ctx, const struct journal_row *row)
{
    struct seen *seen = ctx;
    const struct pipepoll_success *s = row->entry->success;
    seen->rows++;
    if (!s)
        return;
    assert_str_equal(s->summary, "done");
    seen->variables += s->variable_count;
    for (size_t i = 0; i < s->variable_count; i++)
        assert_true(str_eq(s->variables[i].name, variables[i].name) &&
                    str_eq(s->variables[i].value, variables[i].value));
}

static void check_read(int rows, size_t count)
{
    struct seen seen = { 0 };
    struct pipepoll_error why;
    if (journal_read(folder.state, see, &seen, &why))
        fail_msg("%s", why.text);
    assert_int_equal(seen.rows, rows);
    assert_int_equal(seen.variables, count);
}

static void variables_come_out_again_whatever_is_in_them(void **state)
{
    write_job("job-1", VARIABLES, false);
    check_read(1, VARIABLES);
    write_job("job-1", 1, false);
    check_read(1, 1);
    write_job("job-1", 0, false);
    check_read(1, 0);
}

static void variables_of_a_job_that_ended_are_gone(void **state)
{
    write_job("job-1", VARIABLES, true);
    assert_int_equal(number_of("SELECT count(*) FROM jobs"), 1);
    assert_int_equal(number_of("SELECT count(variables) FROM jobs"), 0);
}

static void variables_that_nobody_noted_are_damage(void **state)
{
    static const char *const texts[] = { "a", "a:", "a:1", "a:2:x", "a:x:x", "a::x", "a:1:xb" };
    write_job("job-1", 1, false);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char sql[128];
        struct seen seen = { 0 };
        struct pipepoll_error why;
        snprintf(sql, sizeof sql, "UPDATE jobs SET variables = '%s'", texts[i]);
        folder_sql(sql);
        assert_int_equal(journal_read(folder.state, see, &seen, &why), PIPEPOLL_ESYSTEM);
        assert_non_null(strstr(why.text, "is damaged"));
    }
}

static void a_journal_of_the_format_before_is_read_and_taken_over(void **state)
{
    write_job("job-1", 0, false);
    make_old();
    check_read(1, 0);
    assert_int_equal(number_of("PRAGMA user_version"), 1); /* who reads changes nothing */
    write_job("job-2", VARIABLES, false);
    assert_int_equal(number_of("PRAGMA user_version"), 2);
    check_read(2, VARIABLES);
    write_job("job-1", 1, true);
    check_read(2, VARIABLES);
}

static void one_of_another_shape_is_refused_and_left_as_it_is(void **state)
{
    const struct journal_options o = options_on(&folder);
    struct journal *j;
    struct pipepoll_error why;
    write_job("job-1", 0, false);
    make_old();
    folder_sql("ALTER TABLE jobs RENAME COLUMN message TO text");
    assert_int_equal(journal_open(&j, &o, &why), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, "is damaged"));
    assert_int_equal(number_of("PRAGMA user_version"), 1);
    assert_int_equal(
        number_of("SELECT count(*) FROM pragma_table_info('jobs') WHERE name = 'variables'"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(variables_come_out_again_whatever_is_in_them),
        FOLDER_TEST(variables_of_a_job_that_ended_are_gone),
        FOLDER_TEST(variables_that_nobody_noted_are_damage),
        FOLDER_TEST(a_journal_of_the_format_before_is_read_and_taken_over),
        FOLDER_TEST(one_of_another_shape_is_refused_and_left_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
