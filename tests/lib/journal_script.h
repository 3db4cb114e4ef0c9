/* SPDX-License-Identifier: MIT */
/* A journal and a loop for tests, and a folder that goes with them. */
#ifndef TESTS_JOURNAL_SCRIPT_H
#define TESTS_JOURNAL_SCRIPT_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "lib/check.h"
#include "store/journal.h"

enum { PATIENT_MS = 20000 };

struct folder {
    char path[64], state[80], file[100];
};

static inline void folder_make(struct folder *f)
{
    bool has_memory = access("/dev/shm", W_OK) == 0; /* no test needs the disk to be slow */
    snprintf(f->path, sizeof f->path, "%s/pipepoll-journal-XXXXXX",
             has_memory ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->state, sizeof f->state, "%s/state", f->path);
    snprintf(f->file, sizeof f->file, "%s/journal.db", f->state);
}

static inline int folder_drop(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    return remove(path);
}

static inline void folder_remove(const struct folder *f)
{
    assert_int_equal(nftw(f->path, folder_drop, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* The folder of a test that has one of its own. */
static struct folder folder;

static inline int folder_set_up(void **state)
{
    folder_make(&folder);
    return 0;
}

static inline int folder_tear_down(void **state)
{
    folder_remove(&folder);
    return 0;
}

#define FOLDER_TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

/* One user on a loop of its own, and what it was told. */
struct noter {
    uv_loop_t loop;
    struct journal_user *user;
    uint64_t kept, failed; /* the last of each */
    int status;
    int recoveries, calls;
    bool closed;
};

static inline void noter_on_committed(void *ctx, uint64_t up_to_ticket, int status)
{
    struct noter *n = ctx;
    n->calls++;
    n->status = status;
    if (status)
        n->failed = up_to_ticket;
    else
        n->kept = up_to_ticket;
}

static inline void noter_on_recovered(void *ctx)
{
    ((struct noter *)ctx)->recoveries++;
}

static inline void noter_on_closed(void *ctx)
{
    ((struct noter *)ctx)->closed = true;
}

static inline void noter_open(struct noter *n, struct journal *j)
{
    const struct journal_events events = { noter_on_committed, noter_on_recovered, n };
    memset(n, 0, sizeof *n);
    assert_int_equal(uv_loop_init(&n->loop), 0);
    assert_int_equal(journal_user_open(&n->user, j, &n->loop, &events), 0);
}

static inline void noter_close(struct noter *n)
{
    journal_user_close(n->user, noter_on_closed, n);
    uv_run(&n->loop, UV_RUN_DEFAULT);
    assert_true(n->closed);
    assert_int_equal(uv_loop_close(&n->loop), 0);
}

/* Until this ticket was told of, as kept or not. */
static inline void noter_wait(struct noter *n, uint64_t ticket)
{
    while (n->kept < ticket && n->failed < ticket)
        uv_run(&n->loop, UV_RUN_ONCE);
}

static inline struct pipepoll_journal_entry entry_of(const char *job_id,
                                                     enum pipepoll_journal_state state)
{
    return (struct pipepoll_journal_entry) {
        .size = sizeof(struct pipepoll_journal_entry),
        .state = state,
        .region = STR("eu-west-1"),
        .job_id = str_of(job_id),
        .client_id = STR("client-1"),
        .action_type = { STR("Deploy"), STR("ThirdParty"), STR("Acme"), STR("1") },
    };
}

static inline void note_state(struct noter *n, const char *job_id,
                              enum pipepoll_journal_state state, uint64_t ticket)
{
    struct pipepoll_journal_entry e = entry_of(job_id, state);
    journal_note(n->user, STR("deploy"), &e, ticket);
}

static inline void forget_job(struct noter *n, const char *job_id, const char *outcome)
{
    journal_forget(n->user, STR("deploy"), STR("eu-west-1"), str_of(job_id), str_of(outcome));
}

static inline struct journal_options options_on(const struct folder *f)
{
    return (struct journal_options) {
        .state_dir = f->state,
        .max_jobs = 100,
        .history_jobs = 100,
        .history_s = 3600,
        .retry_ms = 1,
    };
}

static inline struct journal *open_journal(const struct journal_options *o)
{
    struct journal *j;
    struct pipepoll_error why = { .text = "" };
    int r = journal_open(&j, o, &why);
    if (r)
        fail_msg("%s", why.text);
    return j;
}

#endif
