/* SPDX-License-Identifier: MIT */
/* What a journal refuses to open: each kind with a line that names the file and says what to do,
 * and every byte as it was. */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "lib/faulty_disk.h"
#include "lib/folder_sql.h"

/* --- files, and what is in them --- */

struct bytes {
    bool exists;
    char *at;
    size_t len;
};

static struct bytes bytes_of(const char *path)
{
    struct bytes b = { 0 };
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode))
        return b;
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    b.exists = true;
    b.at = malloc((size_t)st.st_size + 1);
    b.len = fread(b.at, 1, (size_t)st.st_size + 1, f);
    assert_int_equal(b.len, st.st_size);
    fclose(f);
    return b;
}

static void check_unchanged(const char *path, struct bytes *before)
{
    struct bytes now = bytes_of(path);
    if (before->exists || now.len) /* SQLite may leave an empty log */
        assert_int_equal(now.exists, before->exists);
    assert_int_equal(now.len, before->len);
    if (now.len)
        assert_memory_equal(now.at, before->at, now.len);
    free(now.at);
    free(before->at);
}

static const char *log_path(void)
{
    static char path[120];
    snprintf(path, sizeof path, "%s-wal", folder.file);
    return path;
}

static void check_line(const char *line, const char *says)
{
    if (!strstr(line, says) || strchr(line, '\n') || !strstr(line, folder.path))
        fail_msg("\"%s\" does not say \"%s\", or where", line, says);
}

/* Refused for writing, in these words, and nothing has changed. */
static void check_refused(const char *says)
{
    const struct journal_options o = options_on(&folder);
    struct bytes file = bytes_of(folder.file), log = bytes_of(log_path());
    struct journal *j;
    struct pipepoll_error why;
    assert_int_equal(journal_open(&j, &o, &why), PIPEPOLL_ESYSTEM);
    check_line(why.text, says);
    check_unchanged(folder.file, &file);
    check_unchanged(log_path(), &log);
}

static void ignore_row(void *ctx, const struct journal_row *row)
{
    ++*(int *)ctx;
}

static void check_refused_to_readers(const char *says)
{
    struct bytes file = bytes_of(folder.file), log = bytes_of(log_path());
    struct pipepoll_error why;
    int count = 0;
    assert_int_equal(journal_read(folder.state, ignore_row, &count, &why), PIPEPOLL_ESYSTEM);
    check_line(why.text, says);
    check_unchanged(folder.file, &file);
    check_unchanged(log_path(), &log);
}

static void put_file(const char *bytes, size_t len)
{
    assert_int_equal(mkdir(folder.state, 0700), 0);
    FILE *f = fopen(folder.file, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

/* Half a megabyte of it. */
static void put_journal(void)
{
    const struct journal_options o = options_on(&folder);
    struct journal *j = open_journal(&o);
    struct noter n;
    char big[5000];
    memset(big, 'x', sizeof big);
    const struct pipepoll_job_failure failure = { .size = sizeof failure,
                                                  .message = { big, sizeof big } };
    noter_open(&n, j);
    for (int i = 0; i < 100; i++) {
        char id[16];
        snprintf(id, sizeof id, "job-%d", i);
        struct pipepoll_journal_entry e = entry_of(id, PIPEPOLL_JOURNAL_REPORTING);
        e.failure = &failure;
        journal_note(n.user, STR("deploy"), &e, (uint64_t)i + 1);
    }
    noter_wait(&n, 100);
    noter_close(&n);
    assert_true(journal_close(j, PATIENT_MS));
}

/* By a process that is killed, so that it stays in the log. */
static void alter_and_die(const char *sql)
{
    pid_t pid = fork();
    if (pid == 0) {
        sqlite3 *db;
        if (sqlite3_open(folder.file, &db) || sqlite3_exec(db, sql, NULL, NULL, NULL))
            _exit(1);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* --- of others --- */

static void a_text_file_is_refused(void **state)
{
    static const char text[] = "Remember the milk, and what else there is to buy on a long list of "
                               "things that nobody has ever wanted to store in an SQLite file.\n";
    put_file(text, sizeof text - 1);
    check_refused("is not an SQLite file");
    check_refused_to_readers("SQLite");
}

static void an_empty_file_is_refused(void **state)
{
    put_file("", 0);
    check_refused("is empty");
}

static void a_file_that_ends_in_its_header_is_refused(void **state)
{
    put_file("SQLite format 3\0\x10\0\x02\x02", 20);
    check_refused("ends within its header");
    check_refused_to_readers("damaged");
}

static void an_sqlite_file_of_another_program_is_refused(void **state)
{
    assert_int_equal(mkdir(folder.state, 0700), 0);
    folder_sql("CREATE TABLE jobs (id); INSERT INTO jobs VALUES (1)");
    check_refused("another program");
    check_refused_to_readers("another program");
    folder_sql("PRAGMA application_id = 1; PRAGMA user_version = 1; PRAGMA journal_mode = WAL");
    check_refused("another program");
}

static void a_later_format_is_refused(void **state)
{
    put_journal();
    folder_sql("PRAGMA user_version = 3");
    check_refused("later pipepoll (format 3");
    check_refused_to_readers("later pipepoll (format 3");
    folder_sql("PRAGMA user_version = -1");
    check_refused("later pipepoll");
    folder_sql("PRAGMA user_version = 0");
    check_refused("its format is 0");
}

static void a_later_format_that_is_in_the_log_alone_is_refused(void **state)
{
    put_journal();
    alter_and_die("PRAGMA user_version = 4");
    struct stat st;
    assert_true(stat(log_path(), &st) == 0 && st.st_size > 0);
    check_refused("later pipepoll (format 4");
    check_refused_to_readers("later pipepoll (format 4");
}

static void what_is_no_plain_file_is_refused(void **state)
{
    assert_int_equal(mkdir(folder.state, 0700), 0);
    assert_int_equal(mkdir(folder.file, 0700), 0);
    check_refused("is not a plain file");
    check_refused_to_readers("is not a plain file");
    assert_int_equal(rmdir(folder.file), 0);
    assert_int_equal(mkfifo(folder.file, 0600), 0);
    check_refused("is not a plain file");
    check_refused_to_readers("is not a plain file");
    assert_int_equal(unlink(folder.file), 0);
    assert_int_equal(symlink("journal.db", folder.file), 0);
    check_refused("cannot be opened");
    check_refused_to_readers("journal.db");
}

/* --- damaged --- */

static void overwrite(off_t at, size_t len)
{
    char junk[8192];
    memset(junk, 0xa5, sizeof junk);
    int fd = open(folder.file, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, junk, len, at), len);
    close(fd);
}

static void a_damaged_file_is_refused_wherever_it_is_damaged(void **state)
{
    put_journal();
    struct bytes good = bytes_of(folder.file);
    assert_true(good.len > 100 * 4096);
    for (off_t page = 0; page < 8; page++) {
        overwrite(page * 4096 + (page ? 0 : 100), 64); /* the kind, cells and free list of a page */
        check_refused("is damaged");
        int fd = open(folder.file, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, good.at, good.len, 0), good.len);
        close(fd);
    }
    free(good.at);
}

static void a_truncated_file_is_refused(void **state)
{
    put_journal();
    assert_int_equal(truncate(folder.file, 20 * 4096), 0);
    check_refused("is damaged");
    assert_int_equal(truncate(folder.file, 1000), 0);
    check_refused("is damaged");
}

static void tables_of_another_shape_are_refused(void **state)
{
    put_journal();
    folder_sql("ALTER TABLE jobs RENAME COLUMN message TO text");
    check_refused("is damaged");
    folder_sql("DROP TABLE jobs");
    check_refused("is damaged");
    check_refused_to_readers("is damaged");
}

static void a_row_that_no_note_left_is_not_given_out(void **state)
{
    put_journal();
    folder_sql("UPDATE jobs SET state = 4 WHERE job_id = 'job-7'");
    check_refused_to_readers("is damaged");
    folder_sql("UPDATE jobs SET state = 1, failure_type = 99 WHERE job_id = 'job-7'");
    check_refused_to_readers("is damaged");
}

static void a_log_without_its_file_is_refused(void **state)
{
    put_journal();
    alter_and_die("UPDATE jobs SET message = 'y'");
    assert_int_equal(unlink(folder.file), 0);
    check_refused("is missing");
    assert_int_not_equal(access(folder.file, F_OK), 0);
}

/* --- in use, or of no use --- */

/* A process that has the journal open until its pipe is closed. */
static pid_t start_holder(int *hold)
{
    int ready[2], held[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(held), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const struct journal_options o = options_on(&folder);
        struct journal *j;
        close(held[1]);
        if (journal_open(&j, &o, NULL) || write(ready[1], "r", 1) != 1)
            _exit(1);
        _exit(read(held[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(ready[1]);
    close(held[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    *hold = held[1];
    return pid;
}

static void a_second_process_is_refused_and_readers_are_not(void **state)
{
    int hold, status, count = 0;
    char says[48];
    put_journal();
    pid_t pid = start_holder(&hold);
    snprintf(says, sizeof says, "in use by process %ld", (long)pid);
    check_refused(says);
    assert_int_equal(journal_read(folder.state, ignore_row, &count, NULL), 0);
    assert_int_equal(count, 100);
    close(hold);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    const struct journal_options o = options_on(&folder);
    struct journal *j = open_journal(&o); /* killed, and not in anybody's way */
    assert_true(journal_close(j, PATIENT_MS));
}

static void a_second_journal_of_the_same_process_is_refused(void **state)
{
    const struct journal_options o = options_on(&folder);
    struct journal *j = open_journal(&o), *second;
    struct pipepoll_error why;
    assert_int_equal(journal_open(&second, &o, &why), PIPEPOLL_ESYSTEM);
    check_line(why.text, "in use by process");
    assert_true(journal_close(j, PATIENT_MS));
}

static void a_file_that_another_program_keeps_locked_is_refused(void **state)
{
    const struct journal_options o = options_on(&folder);
    struct journal *j;
    struct pipepoll_error why;
    sqlite3 *shell;
    put_journal();
    assert_int_equal(sqlite3_open(folder.file, &shell), SQLITE_OK);
    assert_int_equal(sqlite3_exec(shell,
                                  "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; "
                                  "PRAGMA user_version",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(journal_open(&j, &o, &why), PIPEPOLL_ESYSTEM);
    check_line(why.text, "another program keeps it locked");
    assert_null(strstr(why.text, "another state directory"));
    sqlite3_close(shell);
    j = open_journal(&o);
    assert_true(journal_close(j, PATIENT_MS));
}

static void a_state_directory_that_cannot_be_is_refused(void **state)
{
    struct journal_options o = options_on(&folder);
    struct journal *j;
    struct pipepoll_error why;
    char path[120];
    snprintf(path, sizeof path, "%s/missing/state", folder.path);
    o.state_dir = path;
    assert_int_equal(journal_open(&j, &o, &why), PIPEPOLL_ESYSTEM);
    check_line(why.text, "No such file or directory");
    FILE *f = fopen(folder.state, "w");
    fclose(f);
    o.state_dir = folder.state;
    assert_int_equal(journal_open(&j, &o, &why), PIPEPOLL_ESYSTEM);
    check_line(why.text, "Not a directory");
    assert_int_equal(unlink(folder.state), 0);
}

/* As root every file can be written: somebody else must try. */
static int as_nobody(void (*check)(void))
{
    enum { NOBODY = 65534 };
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setegid(NOBODY) || seteuid(NOBODY)))
            _exit(1);
        check();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void child_is_refused(const char *says)
{
    const struct journal_options o = options_on(&folder);
    struct journal *j;
    struct pipepoll_error why;
    if (journal_open(&j, &o, &why) != PIPEPOLL_ESYSTEM || !strstr(why.text, says))
        _exit(1);
}

static void child_cannot_lock(void)
{
    child_is_refused("journal.lock cannot be written");
}

static void child_cannot_read(void)
{
    child_is_refused("cannot be opened: Permission denied");
}

static void child_cannot_write(void)
{
    child_is_refused("is read-only");
}

static void what_may_not_be_read_or_written_is_refused(void **state)
{
    char lock[120];
    snprintf(lock, sizeof lock, "%s/journal.lock", folder.state);
    put_journal();
    struct bytes file = bytes_of(folder.file);
    chmod(folder.path, 0755);
    chmod(folder.state, 0555);
    chmod(lock, 0400);
    assert_int_equal(as_nobody(child_cannot_lock), 0);
    chmod(folder.state, 0777);
    chmod(lock, 0666);
    chmod(folder.file, 0200);
    if (geteuid() == 0)
        assert_int_equal(as_nobody(child_cannot_read), 0);
    chmod(folder.file, 0444);
    assert_int_equal(as_nobody(child_cannot_write), 0);
    check_unchanged(folder.file, &file);
}

static int full_from;

static enum disk_act is_full(struct faulty_disk *self, int number)
{
    return number < full_from ? DISK_WORKS : DISK_FULL;
}

/* From each operation of a first start on, and of a second. */
static void a_full_disk_is_told_at_the_start(void **state)
{
    const struct journal_options o = options_on(&folder);
    struct journal *j;
    struct pipepoll_error why;
    for (full_from = 0;; full_from++) {
        struct faulty_disk full = { .ask = is_full };
        faulty_disk_install(&full);
        int r = journal_open(&j, &o, &why);
        if (!r)
            assert_true(journal_close(j, PATIENT_MS));
        faulty_disk_remove();
        if (!r)
            break;
        check_line(why.text, "disk");
    }
    assert_true(full_from > 10);
    struct faulty_disk full = { .ask = is_full };
    full_from = 1; /* opening it is no write */
    faulty_disk_install(&full);
    check_refused("disk");
    faulty_disk_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(a_text_file_is_refused),
        FOLDER_TEST(an_empty_file_is_refused),
        FOLDER_TEST(a_file_that_ends_in_its_header_is_refused),
        FOLDER_TEST(an_sqlite_file_of_another_program_is_refused),
        FOLDER_TEST(a_later_format_is_refused),
        FOLDER_TEST(a_later_format_that_is_in_the_log_alone_is_refused),
        FOLDER_TEST(what_is_no_plain_file_is_refused),
        FOLDER_TEST(a_damaged_file_is_refused_wherever_it_is_damaged),
        FOLDER_TEST(a_truncated_file_is_refused),
        FOLDER_TEST(tables_of_another_shape_are_refused),
        FOLDER_TEST(a_row_that_no_note_left_is_not_given_out),
        FOLDER_TEST(a_log_without_its_file_is_refused),
        FOLDER_TEST(a_second_process_is_refused_and_readers_are_not),
        FOLDER_TEST(a_second_journal_of_the_same_process_is_refused),
        FOLDER_TEST(a_file_that_another_program_keeps_locked_is_refused),
        FOLDER_TEST(a_state_directory_that_cannot_be_is_refused),
        FOLDER_TEST(what_may_not_be_read_or_written_is_refused),
        FOLDER_TEST(a_full_disk_is_told_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
