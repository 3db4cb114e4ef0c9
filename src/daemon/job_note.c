/* SPDX-License-Identifier: MIT */
/* The worker's notes go to the journal of the process, under the name of the job's target, by
 * which the next start finds the credentials to go on with it. */
#include "daemon/job.h"

static struct job_runner *of(struct pipepoll_journal *self)
{
    return CONTAINER_OF(self, struct job_runner, journal);
}

static str target_of(const struct job *job)
{
    return job ? str_of(job->found_at->name) : STR("");
}

static void note(struct pipepoll_journal *self, const struct pipepoll_journal_entry *entry,
                 uint64_t ticket)
{
    journal_note(of(self)->journal_user, target_of(entry->user), entry, ticket);
    if (entry->user)
        job_member_noted(entry->user, entry, false);
}

/* The end that follows at once knows the target and the outcome. */
static void forget(struct pipepoll_journal *self, str region, str job_id)
{
    of(self)->was_forgotten = true;
}

static bool is_well(struct pipepoll_journal *self)
{
    return journal_is_well(of(self)->world->journal);
}

/* The worker may have gone: its jobs do not wait for their notes when they are let go. */
static void on_committed(void *ctx, uint64_t up_to_ticket, int status)
{
    struct job_runner *r = ctx;
    if (r->worker)
        pipepoll_worker_noted(r->worker, up_to_ticket, status);
}

static void on_recovered(void *ctx)
{
    struct job_runner *r = ctx;
    if (r->worker)
        pipepoll_wake(pipepoll_worker_poller(r->worker));
}

int job_note_open(struct job_runner *r)
{
    const struct journal_events events = { on_committed, on_recovered, r };
    r->journal = (struct pipepoll_journal) {
        .size = sizeof r->journal, .note = note, .forget = forget, .is_well = is_well
    };
    return journal_user_open(&r->journal_user, r->world->journal, r->loop, &events);
}

void job_note_ended(struct job_runner *r, struct pipepoll_work *work,
                    const struct pipepoll_work_end *end)
{
    struct job *job = pipepoll_work_user(work);
    bool is_anothers = job && job->sent_for[0]; /* our journal does not have it */
    if (r->was_forgotten && !is_anothers)
        journal_forget(r->journal_user, target_of(job), pipepoll_work_region(work),
                       pipepoll_work_job_id(work),
                       str_of(pipepoll_work_outcome_name(end->outcome)));
    if (job)
        job_member_sent(job, end, r->was_forgotten);
    r->was_forgotten = false;
}
