/* SPDX-License-Identifier: MIT
 *
 * The journal: what a worker must not forget when its process dies. Give the worker one, and after
 * a crash hand what it holds to pipepoll_worker_resume(). The rules of pipepoll.h hold here too. */
#ifndef PIPEPOLL_JOURNAL_H
#define PIPEPOLL_JOURNAL_H

#include "pipepoll.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pipepoll_success;
struct pipepoll_job_failure;
struct pipepoll_work;

enum pipepoll_journal_state {
    PIPEPOLL_JOURNAL_CLAIMING = 1, /* noted before the acknowledgement is sent */
    PIPEPOLL_JOURNAL_RUNNING,      /* before the handler's start() */
    PIPEPOLL_JOURNAL_REPORTING     /* before the result is sent */
};

/* What is noted of one job; its key is region and job_id. No secret is in it but what the handler
 * wrote into the result, its variables for one. */
struct pipepoll_journal_entry {
    size_t size; /* set by PIPEPOLL_JOURNAL_ENTRY_INIT */
    enum pipepoll_journal_state state;
    struct pipepoll_str region, job_id, client_id;
    struct pipepoll_action_type action_type;
    /* By which the worker knows the claim again that was noted: keep it as it is. Up to 64 bytes of
     * ASCII, no secret. */
    struct pipepoll_str claim;
    /* The result, when REPORTING: either. */
    const struct pipepoll_success *success;
    struct pipepoll_str continuation_token; /* with success; may be empty */
    const struct pipepoll_job_failure *failure;
    struct pipepoll_work *work; /* what is noted; NULL in what is resumed */
    void *user;                 /* of the work; what is resumed begins with it */
    /* Resumed out of another worker's journal: without a client token it does not wait for one, but
     * ends with NO_TOKEN, so that a third worker may have it. */
    uint64_t is_anothers; /* 0 or 1 */
};
#define PIPEPOLL_JOURNAL_ENTRY_INIT PIPEPOLL_INIT(pipepoll_journal_entry)

/* Keep entries where a crash cannot reach them: a database, a replicated log. Embed it and get
 * your own struct back from `self`. */
struct pipepoll_journal {
    size_t size; /* set by PIPEPOLL_JOURNAL_INIT */
    /* Keep this entry in place of the job's last one, and never block: then tell by
     * pipepoll_worker_noted(), at any time within 60 s, that it will survive a crash. The call that
     * the note is about goes out only then. Tickets count 1, 2, 3, ...; what the entry points to
     * dies when this returns. Required. */
    void (*note)(struct pipepoll_journal *self, const struct pipepoll_journal_entry *entry,
                 uint64_t ticket);
    /* This job has ended: its entry is not needed any more. Losing this call in a crash costs one
     * needless call after the restart, no job. Required. */
    void (*forget)(struct pipepoll_journal *self, struct pipepoll_str region,
                   struct pipepoll_str job_id);
    /* May jobs be asked for? A journal that cannot write now says no, so that jobs stay in the
     * service; once it can again, pipepoll_wake() the poller. Nothing may be called inside. May be
     * NULL. */
    bool (*is_well)(struct pipepoll_journal *self);
};
#define PIPEPOLL_JOURNAL_INIT PIPEPOLL_INIT(pipepoll_journal)

#ifdef __cplusplus
}
#endif

#endif
