/* SPDX-License-Identifier: MIT */
/* The journal of a simulated worker. Notes wait in a line; a commit keeps all of them, or fails:
 * then they are lost, or are kept by the next one, as the real journal does it. Rarely one takes
 * longer than the library waits. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/life.h"

enum { WAITED_S = 60 };

static struct life_worker *of(struct pipepoll_journal *self)
{
    return CONTAINER_OF(self, struct life_worker, notes);
}

static void keep(struct life_worker *w, const struct life_note *note)
{
    w->journal.durable[note->job->index] = note->entry;
}

/* The first `count` notes are kept, the others are forgotten. */
static void settle(struct life_worker *w, uint64_t count)
{
    for (struct list *l; (l = list_pop_first(&w->journal.pending)) != NULL;) {
        struct life_note *note = CONTAINER_OF(l, struct life_note, link);
        if (count && count--)
            keep(w, note);
        free(note);
    }
}

static bool is_late(const struct life_note *note)
{
    return timers_now_ns() - note->since_ns >= WAITED_S * UINT64_C(1000000000);
}

static void excuse(struct life_note *note)
{
    if (note->ticket && note->entry.state > PIPEPOLL_JOURNAL_CLAIMING) {
        note->job->note_failed = true;
        life_tell(note->job, "a note of state %d is not kept in time", note->entry.state);
    }
}

/* Those to be lost go; what is to be forgotten stays, and so do all that are to be kept later. */
static void fail(struct life_worker *w)
{
    bool loses = one_in(&w->life->rng, 2);
    for (struct list *l = w->journal.pending.next, *next; l != &w->journal.pending; l = next) {
        struct life_note *note = CONTAINER_OF(l, struct life_note, link);
        next = l->next;
        excuse(note);
        if (!loses || !note->ticket)
            continue;
        list_remove(l);
        free(note);
    }
}

static uint64_t last_ticket(const struct life_worker *w)
{
    uint64_t last = 0;
    for (struct list *l = w->journal.pending.next; l != &w->journal.pending; l = l->next) {
        struct life_note *note = CONTAINER_OF(l, struct life_note, link);
        last = note->ticket ? note->ticket : last;
        if (is_late(note))
            excuse(note);
    }
    return last;
}

static uint64_t delay_ns(struct life_worker *w)
{
    struct rng *rng = &w->life->rng;
    if (!w->life->plan.is_calm && !w->life->is_ending && one_in(rng, 400))
        return (uint64_t)(between(rng, 50, 80) * 1e9);
    return gap_ns(rng, w->plan.commit_s);
}

static void on_commit(struct timer *timer)
{
    struct life_worker *w = CONTAINER_OF(timer, struct life_worker, journal.commit);
    uint64_t ticket = last_ticket(w);
    bool fails = !w->life->is_ending && dice(&w->life->rng) < w->plan.commit_failures;
    if (fails)
        fail(w);
    else
        settle(w, UINT64_MAX);
    if (!list_empty(&w->journal.pending))
        timer_set(timer, timers_now_ns() + delay_ns(w));
    if (w->worker && ticket)
        pipepoll_worker_noted(w->worker, ticket, fails ? PIPEPOLL_ESYSTEM : PIPEPOLL_OK);
}

static void put(struct life_worker *w, struct life_job *job, uint64_t ticket,
                const struct life_entry *entry)
{
    struct life_note *note = calloc(1, sizeof *note);
    if (!note)
        abort();
    note->job = job;
    note->ticket = ticket;
    note->since_ns = timers_now_ns();
    note->entry = *entry;
    list_put_last(&w->journal.pending, &note->link);
    if (w->plan.commit_s <= 0)
        on_commit(&w->journal.commit); /* inside note() */
    else if (!heap_contains(&w->journal.commit.node))
        timer_set(&w->journal.commit, timers_now_ns() + delay_ns(w));
}

static void note(struct pipepoll_journal *self, const struct pipepoll_journal_entry *e,
                 uint64_t ticket)
{
    struct life_worker *w = of(self);
    struct life_job *job = life_job_of(w->life, e->job_id);
    struct life_entry entry = { .state = e->state, .is_failure = e->failure != NULL };
    str text = e->failure ? e->failure->message : e->success ? e->success->summary : STR("");
    if (w->forgot)
        life_broke(w->life, w->forgot, "a job is forgotten at its end, and not before");
    life_watch_text(w->life, "a note", e->claim);
    life_watch_text(w->life, "a note", text);
    snprintf(entry.claim, sizeof entry.claim, "%.*s", STR_ARG(e->claim));
    snprintf(entry.text, sizeof entry.text, "%.*s", STR_ARG(text));
    entry.goes_on = e->continuation_token.len > 0;
    life_tell(job, "worker %u.%u notes state %d", w->index, w->lives, e->state);
    put(w, job, ticket, &entry);
}

static void forget(struct pipepoll_journal *self, str region, str job_id)
{
    struct life_worker *w = of(self);
    struct life_job *job = life_job_of(w->life, job_id);
    life_watch_forget(w, job);
    put(w, job, 0, &(struct life_entry) { 0 });
}

const struct pipepoll_journal life_journal_face = {
    .size = sizeof life_journal_face,
    .note = note,
    .forget = forget,
};

/* --- beyond a worker's life --- */

void life_journal_begin(struct life_worker *w)
{
    list_init(&w->journal.pending);
    if (timer_init(&w->journal.commit, virtual_timers(), on_commit))
        abort();
}

void life_journal_end(struct life_worker *w)
{
    settle(w, 0);
    timer_deinit(&w->journal.commit);
}

void life_journal_cut(struct life_worker *w)
{
    settle(w, rng_next(&w->life->rng) % 4);
    timer_set(&w->journal.commit, TIMER_OFF);
}

void life_journal_flush(struct life_worker *w)
{
    settle(w, UINT64_MAX);
    timer_set(&w->journal.commit, TIMER_OFF);
}

bool life_journal_holds(const struct life_worker *w, const struct life_job *job,
                        enum pipepoll_journal_state state)
{
    if (!w->plan.has_journal || w->journal.durable[job->index].state >= state)
        return true;
    if (state == PIPEPOLL_JOURNAL_CLAIMING)
        return false; /* who is told that it is not kept does not claim */
    for (struct list *l = w->journal.pending.next; l != &w->journal.pending; l = l->next) {
        struct life_note *n = CONTAINER_OF(l, struct life_note, link);
        if (n->job == job && is_late(n))
            excuse(n);
    }
    return job->note_failed;
}

static void resume(struct life_worker *w, struct life_job *job, const struct life_entry *kept)
{
    static const struct pipepoll_job_failure interrupted = {
        .size = sizeof interrupted,
        .type = PIPEPOLL_FAILURE_JOB,
        .message = STR_INIT("interrupted"),
    };
    struct pipepoll_journal_entry e = PIPEPOLL_JOURNAL_ENTRY_INIT;
    struct pipepoll_success success = PIPEPOLL_SUCCESS_INIT;
    struct pipepoll_job_failure failure = PIPEPOLL_JOB_FAILURE_INIT;
    struct pipepoll_error why = { .text = "" };
    char region[32], id[32], client[32], token[48];
    life_region_name(job->region, region);
    life_job_id(job, id);
    snprintf(client, sizeof client, "client-%u", job->client);
    snprintf(token, sizeof token, LIFE_SECRET "-more-%u", job->index);
    e.state = kept->state;
    e.region = str_of(region);
    e.job_id = str_of(id);
    e.client_id = str_of(client);
    e.claim = str_of(kept->claim);
    success.summary = failure.message = str_of(kept->text);
    if (kept->state == PIPEPOLL_JOURNAL_REPORTING && kept->is_failure)
        e.failure = &failure;
    else if (kept->state == PIPEPOLL_JOURNAL_REPORTING)
        e.success = &success;
    e.continuation_token = str_of(kept->goes_on ? token : "");
    job->resumed[w->index] = (struct life_resumption) { kept->state, w->lives };
    job->is_explained = job->is_explained && job->holder != (int)w->index;
    job->lost++;
    life_tell(job, "worker %u.%u resumes it from state %d", w->index, w->lives, kept->state);
    struct pipepoll_target *target = w->targets[job->region * LIFE_PROVIDERS + job->provider];
    if (pipepoll_worker_resume(w->worker, target, &e,
                               w->plan.fails_interrupted ? &interrupted : NULL, &why))
        life_broke(w->life, job, "a job can be resumed: %s", why.text);
}

void life_journal_resume(struct life_worker *w)
{
    for (uint32_t i = 0; i < w->life->job_count; i++)
        if (w->journal.durable[i].state)
            resume(w, &w->life->jobs[i], &w->journal.durable[i]);
}
