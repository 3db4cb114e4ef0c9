/* SPDX-License-Identifier: MIT */
/* What must hold in every world of workers. The service's ledger and each worker's journal judge
 * what the library does: when it does it, where that can be seen, else at the end. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/poller.h"
#include "lib/life.h"

static const double rounding = 1e-6;

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

/* --- stories --- */

void life_broke(struct life *life, const struct life_job *job, const char *format, ...)
{
    va_list args;
    if (life->broken[0])
        return;
    va_start(args, format);
    vsnprintf(life->broken, sizeof life->broken, format, args);
    va_end(args);
    life->broken_ns = timers_now_ns();
    life->broken_job = job;
    virtual_stop();
}

void life_tell(struct life_job *job, const char *format, ...)
{
    struct life_event *e = &job->story[job->events++ % LIFE_STORY];
    va_list args;
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    e->at_ns = timers_now_ns();
}

void life_print_story(const struct life *life)
{
    const struct life_job *job = life->broken_job;
    uint32_t first = job && job->events > LIFE_STORY ? job->events - LIFE_STORY : 0;
    if (job)
        fprintf(stderr, "  job-%u, in region %u, wants to be %s after %.1f s:\n", job->index,
                job->region, pipepoll_work_outcome_name(job->wants), job->work_s);
    for (uint32_t i = first; job && i < job->events; i++)
        fprintf(stderr, "  %10.3f s  %s\n",
                seconds(job->story[i % LIFE_STORY].at_ns - virtual_s(0)),
                job->story[i % LIFE_STORY].text);
}

void life_watch_text(struct life *life, const char *what, str text)
{
    if (text.len && memmem(text.ptr, text.len, LIFE_SECRET, strlen(LIFE_SECRET)))
        life_broke(life, NULL, "no secret is told: %s: %.*s", what, STR_ARG(text));
}

/* --- calls --- */

/* The bucket of poll/budget.h, kept here by its words: a poll takes a token that is there; other
 * calls go out at once, and leave a debt of one capacity at most. */
static void watch_rate(struct life_worker *w, uint32_t region, bool is_poll)
{
    const struct client *client = w->targets[region * LIFE_PROVIDERS]->client;
    const struct budget *budget = &client->limiter->budget;
    struct life_bucket *k = &w->buckets[region];
    double per_s = w->plan.ceiling_per_s, capacity = fmax(1, per_s);
    if (budget->quota > BUDGET_QUOTA)
        life_broke(w->life, NULL, "the quota is at most %d: %u", BUDGET_QUOTA, budget->quota);
    if (per_s <= 0)
        return;
    if (k->budget != budget)
        *k = (struct life_bucket) { budget, capacity, timers_now_ns() };
    k->tokens = fmin(capacity, k->tokens + seconds(timers_now_ns() - k->at_ns) * per_s);
    k->at_ns = timers_now_ns();
    if (is_poll && k->tokens < 1 - rounding)
        life_broke(w->life, NULL, "no poll of worker %u is beyond its ceiling of %g/s", w->index,
                   per_s);
    k->tokens = fmax(k->tokens - 1, -capacity);
}

static void watch_note(struct life_worker *w, const struct life_job *job, const char *operation)
{
    enum pipepoll_journal_state must = 0;
    if (!strncmp(operation, "Ack", 3))
        must = PIPEPOLL_JOURNAL_CLAIMING;
    else if (!strncmp(operation, "Put", 3))
        must = PIPEPOLL_JOURNAL_REPORTING;
    if (must && !life_journal_holds(w, job, must))
        life_broke(w->life, job, "state %d is noted before its call of worker %u.%u goes out", must,
                   w->index, w->lives);
}

/* What a later life knows a claim by is noted with it: another one for each hand-out. */
static void watch_claim(struct life_worker *w, struct life_job *job, str nonce)
{
    const char *noted = w->journal.durable[job->index].claim;
    const char *dash = memrchr(nonce.ptr, '-', nonce.len); /* s3cr3t-nonce-JOB-HAND_OUT */
    uint32_t hand_out = (uint32_t)strtoul(dash + 1, NULL, 10);
    char *own = job->claims[hand_out % LIFE_CLAIMS];
    if (!w->plan.has_journal)
        return;
    strcpy(own, noted);
    for (uint32_t i = 0; i < LIFE_CLAIMS; i++)
        if (job->claims[i] != own && !strcmp(job->claims[i], own))
            life_broke(w->life, job, "the claim that is made is the one that was noted");
}

static void watch_acknowledge(struct life_worker *w, struct life_job *job, str nonce)
{
    bool is_known = job->resumed[w->index].life == w->lives && job->holder == (int)w->index &&
                    job->resumed[w->index].from >= PIPEPOLL_JOURNAL_RUNNING;
    watch_claim(w, job, nonce);
    if (is_known)
        life_broke(w->life, job, "what is noted as claimed is not claimed again");
}

static void watch_job_call(struct life_worker *w, struct life_job *job, const char *operation)
{
    life_tell(job, "worker %u.%u sends %.3s", w->index, w->lives, operation);
    if (!(job->seen_by & 1u << w->index))
        life_broke(w->life, job, "no call is made for a job that did not come");
    watch_note(w, job, operation);
}

static void watch_poll(struct life_worker *w, str batch)
{
    unsigned long jobs = batch.len ? strtoul(batch.ptr, NULL, 10) : UINT32_MAX;
    w->polled_ns = timers_now_ns();
    if (w->hand + jobs > w->plan.max_jobs)
        life_broke(w->life, NULL, "worker %u asks for no more jobs than it has slots for",
                   w->index);
}

void life_watch_depart(struct life *life, const struct life_sender *from,
                       const struct virtual_request *rq)
{
    struct life_worker *w = from->worker;
    str operation = str_skip(rq->target, strlen("CodePipeline_20150709."));
    bool is_poll = str_starts(operation, STR("Poll"));
    struct life_job *job = life_job_of(life, life_member(rq->body, "jobId"));
    if (!w->worker || from->life != w->lives)
        life_broke(life, job, "nothing is sent after closed(): worker %u", w->index);
    else if (w->is_closing)
        life_broke(life, job, "nothing is sent after the close: worker %u", w->index);
    else if (w->is_draining && is_poll)
        life_broke(life, NULL, "no poll starts after the drain: worker %u", w->index);
    else if (w->is_draining && !w->hand)
        life_broke(life, job, "nothing is sent after the drain's end: worker %u", w->index);
    else if (w->forgot)
        life_broke(life, w->forgot, "a job is forgotten at its end, and not before");
    else if (is_poll)
        watch_poll(w, life_member(rq->body, "maxBatchSize"));
    else if (job)
        watch_job_call(w, job, operation.ptr);
    if (job && str_starts(operation, STR("Ack")))
        watch_acknowledge(w, job, life_member(rq->body, "nonce"));
    if (!life->broken[0])
        watch_rate(w, (uint32_t)(rq->url.ptr[8] - '0'), is_poll);
}

/* --- claims and runs --- */

void life_watch_taken(struct life_worker *w, const struct life_job *job, bool is_found)
{
    if (!job)
        life_broke(w->life, NULL, "no job is told that there is not");
    else if (is_found && !(job->seen_by & 1u << w->index))
        life_broke(w->life, job, "a job is found by who it was handed out to");
    else if (is_found && w->is_draining)
        life_broke(w->life, job, "no job is taken after the drain");
    else if (is_found && w->hand > w->plan.max_jobs)
        life_broke(w->life, job, "%u jobs in the hands of worker %u are at most %u", w->hand,
                   w->index, w->plan.max_jobs);
}

static void watch_data(struct life *life, const struct life_job *job,
                       const struct pipepoll_job_data *data)
{
    char id[32], token[48] = "";
    const struct pipepoll_property *p = pipepoll_job_property(data, 0);
    life_job_id(job, id);
    if (job->parent)
        snprintf(token, sizeof token, LIFE_SECRET "-more-%u", job->parent->index);
    if (!p || !str_eq(p->value, str_of(id)) || !str_eq(data->continuation_token, str_of(token)))
        life_broke(life, job, "a job is started with its own data");
}

/* Again only by the next life of a worker that was killed: of one whose note says that it ran, if
 * it is to run again; or whose note of that was not kept. */
static bool may_start_again(const struct life_worker *w, const struct life_job *job)
{
    if (job->resumed[w->index].life != w->lives || !w->plan.has_journal)
        return false;
    return (job->resumed[w->index].from == PIPEPOLL_JOURNAL_RUNNING &&
            !w->plan.fails_interrupted) ||
           (job->resumed[w->index].from == PIPEPOLL_JOURNAL_CLAIMING && job->note_failed);
}

void life_watch_start(struct life_worker *w, const struct life_run *run,
                      const struct pipepoll_job_data *data)
{
    struct life_job *job = run->job;
    life_tell(job, "worker %u.%u starts it", w->index, w->lives);
    if (job->holder != (int)w->index)
        life_broke(w->life, job, "only who claimed a job starts it, not worker %u", w->index);
    else if (run->has_started || (job->starts && !may_start_again(w, job)))
        life_broke(w->life, job, "a claim is started once");
    else if (w->is_closing)
        life_broke(w->life, job, "nothing is started after the close");
    else if (job->told_over & 1u << w->index)
        life_broke(w->life, job, "what is over is not started");
    else if (!life_journal_holds(w, job, PIPEPOLL_JOURNAL_RUNNING))
        life_broke(w->life, job, "that it runs is noted before");
    w->life->numbers.reruns += job->starts > 0;
    job->starts++;
    watch_data(w->life, job, data);
}

/* --- results --- */

void life_watch_result(struct life *life, const struct life_sender *from, struct life_job *job,
                       enum pipepoll_work_outcome outcome, str text)
{
    char done[64];
    bool is_interrupted = str_eq(text, STR("interrupted"));
    snprintf(done, sizeof done, "done job-%u", job->index);
    if (job->holder != (int)from->worker->index)
        life_broke(life, job, "no result is sent for a job that is not its own: worker %u.%u",
                   from->worker->index, from->life);
    else if (is_interrupted && !(from->worker->plan.fails_interrupted && from->life > 1))
        life_broke(life, job, "only what a kill interrupted is reported so");
    else if (!is_interrupted && (outcome != job->wants || !str_eq(text, str_of(done))))
        life_broke(life, job, "the result is the handler's");
}

void life_watch_forget(struct life_worker *w, const struct life_job *job)
{
    if (w->forgot)
        life_broke(w->life, w->forgot, "a job is forgotten at its end, and not before");
    w->forgot = job;
}

/* The service has it; or it has another, of a life whose note of that was not kept; or it may have
 * come too late: the last two only when an attempt's answer was lost. */
static void watch_confirmed(struct life_worker *w, struct life_job *job,
                            enum pipepoll_work_outcome outcome)
{
    bool is_ours = job->holder == (int)w->index;
    bool may_differ = job->lost && job->note_failed && job->resumed[w->index].life;
    bool is_there = is_ours && job->results == 1 && (job->got == outcome || may_differ);
    bool is_late = is_ours && job->state == LIFE_TIMED_OUT && job->lost;
    w->life->numbers.late += !is_there;
    job->confirmed_by = w->lives;
    if (!is_there && !is_late)
        life_broke(w->life, job, "a result that is confirmed is there: worker %u", w->index);
}

/* One that has ended may come again, by a poll that was under way then. */
static void watch_outcome(struct life_worker *w, struct life_job *job,
                          enum pipepoll_work_outcome outcome)
{
    bool is_ours = job->holder == (int)w->index && job->state == LIFE_IN_PROGRESS;
    const char *name = pipepoll_work_outcome_name(outcome);
    switch (outcome) {
    case PIPEPOLL_WORK_SUCCEEDED:
    case PIPEPOLL_WORK_CONTINUED:
    case PIPEPOLL_WORK_FAILED:
        watch_confirmed(w, job, outcome);
        break;
    case PIPEPOLL_WORK_LOST_RACE:
    case PIPEPOLL_WORK_NO_TOKEN:
    case PIPEPOLL_WORK_LEFT:
        if (is_ours && !job->is_unresolved)
            life_broke(w->life, job, "what is claimed is not let go as %s", name);
        break;
    case PIPEPOLL_WORK_UNRESOLVED:
        if (!w->is_closing && is_ours && w->life->plan.tells_status)
            life_broke(w->life, job,
                       "a claim is asked for until the service tells that it is ours");
        job->is_unresolved = job->holder == (int)w->index && !w->is_closing;
        if (!job->lost)
            life_broke(w->life, job, "unresolved is only what an answer was lost for");
        break;
    case PIPEPOLL_WORK_OVER:
        if (!life_is_over(job))
            life_broke(w->life, job, "what is over for worker %u is over", w->index);
        else if (job->results && job->holder == (int)w->index && !job->note_failed &&
                 job->confirmed_by != w->lives)
            life_broke(w->life, job, "a result of its own that is there is confirmed");
        break;
    case PIPEPOLL_WORK_REJECTED:
        life_broke(w->life, job, "nothing of this world is rejected");
        break;
    case PIPEPOLL_WORK_UNREPORTED:
        if (!w->is_closing)
            life_broke(w->life, job, "a result is given up at the close only");
        break;
    }
}

void life_watch_end(struct life_worker *w, struct life_job *job,
                    const struct pipepoll_work_end *end)
{
    bool stays = end->outcome == PIPEPOLL_WORK_UNREPORTED ||
                 (end->outcome == PIPEPOLL_WORK_UNRESOLVED && w->is_closing);
    w->polled_ns = timers_now_ns();
    life_tell(job, "worker %u.%u ends it: %s", w->index, w->lives,
              pipepoll_work_outcome_name(end->outcome));
    w->life->numbers.ended[end->outcome]++;
    life_watch_text(w->life, "an end", end->message);
    watch_outcome(w, job, end->outcome);
    if (w->forgot && w->forgot != job)
        life_broke(w->life, w->forgot, "a job is forgotten at its end, and not before");
    if (w->forgot && stays)
        life_broke(w->life, job, "what a later run must find out is not forgotten");
    w->forgot = NULL;
    if (job->holder == (int)w->index)
        job->is_explained = job->is_unresolved || end->outcome <= PIPEPOLL_WORK_FAILED ||
                            end->outcome == PIPEPOLL_WORK_OVER;
}

/* A cache may have been old: it was asked again, and answered right. */
void life_watch_token(const struct life_run *run, enum pipepoll_work_outcome outcome)
{
    if (outcome == PIPEPOLL_WORK_NO_TOKEN && run->gave_wrong_token)
        life_broke(run->worker->life, run->job, "a token that is wrong is asked for again");
}

/* --- the end --- */

void life_watch_idle(struct life *life)
{
    const double most_s = 90; /* after refused credentials it is a minute */
    for (uint32_t i = 0; i < life->plan.workers; i++)
        if (seconds(timers_now_ns() - life->workers[i].polled_ns) > most_s)
            life_broke(life, NULL, "who has free slots polls: worker %u does not", i);
}

static void watch_job(struct life *life, const struct life_job *job)
{
    bool has_result = job->state == LIFE_SUCCEEDED || job->state == LIFE_FAILED;
    if (!life_is_over(job))
        life_broke(life, job, "no job is lost: this one waits, or runs, for ever");
    else if (job->results != has_result)
        life_broke(life, job, "a result has its effect once");
    else if (job->state == LIFE_TIMED_OUT && life->plan.is_calm)
        life_broke(life, job, "no job times out without a trouble");
    else if (job->state == LIFE_TIMED_OUT && !job->is_explained &&
             life->workers[job->holder].plan.has_journal)
        life_broke(life, job, "no job is lost: nobody says why this one timed out");
}

static void watch_worker(struct life *life, const struct life_worker *w)
{
    if (w->worker)
        life_broke(life, NULL, "closed() comes in time: worker %u", w->index);
    for (uint32_t i = 0; i < life->job_count; i++)
        if (w->journal.durable[i].state)
            life_broke(life, &life->jobs[i], "a job that has ended is forgotten: worker %u",
                       w->index);
}

void life_watch_world(struct life *life)
{
    for (uint32_t i = 0; i < life->job_count; i++)
        watch_job(life, &life->jobs[i]);
    for (uint32_t i = 0; i < life->plan.workers; i++)
        watch_worker(life, &life->workers[i]);
    life->numbers.jobs = life->job_count;
}
