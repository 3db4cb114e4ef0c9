/* SPDX-License-Identifier: MIT */
/* Who asks whether the state directory could be used: it keeps nobody out, and is told what whoever
 * uses it would find. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>

#include "lib/journal_script.h"
#include "store/spool.h"
#include "store/state_dir.h"

static int looker = -1; /* a descriptor whose lock lasts until another was refused so often */
static int refusals_left;

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);

int __wrap_flock(int fd, int operation)
{
    int r = __real_flock(fd, operation), error = errno;
    if (r && looker >= 0 && --refusals_left <= 0) {
        close(looker);
        looker = -1;
    }
    errno = error;
    return r;
}

static void look(const char *pid, int refusals)
{
    char path[256];
    snprintf(path, sizeof path, "%s/journal.lock", folder.state);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, pid, strlen(pid)), (ssize_t)strlen(pid));
    assert_int_equal(flock(fd, LOCK_SH | LOCK_NB), 0);
    looker = fd;
    refusals_left = refusals;
}

static void who_starts_while_another_looks_is_not_refused(void **state)
{
    struct state_dir d;
    struct pipepoll_error why;
    assert_int_equal(state_dir_make(folder.state, &why), 0);
    look("12345\n", 3);
    if (state_dir_open(&d, folder.state, &why))
        fail_msg("%s", why.text);
    assert_int_equal(looker, -1);
    state_dir_close(&d);
}

static void who_holds_it_for_longer_is_named(void **state)
{
    struct state_dir d, second;
    struct pipepoll_error why;
    char said[64];
    bool is_held;
    snprintf(said, sizeof said, "in use by process %ld; stop that one", (long)getpid());
    assert_int_equal(state_dir_open(&d, folder.state, &why), 0);
    assert_int_equal(state_dir_open(&second, folder.state, &why), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, said));
    assert_int_equal(state_dir_check(folder.state, &is_held, &why), PIPEPOLL_ESYSTEM);
    assert_true(is_held);
    assert_non_null(strstr(why.text, said));
    state_dir_close(&d);
    assert_int_equal(state_dir_check(folder.state, &is_held, &why), 0);
    assert_false(is_held);
}

/* --- a disk that is full but for what is kept for root --- */

static bool has_reserve_only;
static uid_t user;

int __wrap_fstatvfs(int fd, struct statvfs *out);
int __wrap_fstatvfs64(int fd, struct statvfs *out); /* where offsets of 64 bits are asked for */
uid_t __wrap_geteuid(void);

int __wrap_fstatvfs(int fd, struct statvfs *out)
{
    *out = (struct statvfs) { .f_blocks = 100, .f_bfree = 5, .f_bavail = has_reserve_only ? 0 : 1 };
    return 0;
}

int __wrap_fstatvfs64(int fd, struct statvfs *out)
{
    return __wrap_fstatvfs(fd, out);
}

uid_t __wrap_geteuid(void)
{
    return user;
}

static void what_is_kept_for_root_is_room_for_root_alone(void **state)
{
    const struct spool_options o = { .state_dir = folder.state, .max_jobs = 1 };
    struct pipepoll_error why;
    struct spool *s;
    bool is_held;
    assert_int_equal(spool_open(&s, &o, &why), 0);
    spool_close(s, 0, NULL, NULL);
    has_reserve_only = true;
    user = 0;
    assert_int_equal(spool_check(folder.state, &is_held, &why), 0);
    user = 1000;
    assert_int_equal(spool_check(folder.state, &is_held, &why), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, "the disk is full"));
    has_reserve_only = false;
    assert_int_equal(spool_check(folder.state, &is_held, &why), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(who_starts_while_another_looks_is_not_refused),
        FOLDER_TEST(who_holds_it_for_longer_is_named),
        FOLDER_TEST(what_is_kept_for_root_is_room_for_root_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
