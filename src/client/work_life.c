/* SPDX-License-Identifier: MIT */
/* Three rules decide most of it. What is surely not claimed may be left at any time, for the
 * service hands it out again. What may be another worker's gets no result. What may be ours is not
 * given up for any trouble that can pass: it is asked, or reported, until the service tells its
 * end, or until it is older than any job can be. */
#include "client/work_life.h"

#include "base/backoff.h"
#include "base/fault.h"

enum {
    RETRY_BASE_MS = 1000,
    TOKEN_AGAIN_MS = 20000,
    GIVE_UP_MS = 86400000 /* twice the longest time-out that a job can have */
};

static const uint64_t ns_per_ms = 1000000;

static enum work_step end(struct work_life *l, enum pipepoll_work_outcome outcome)
{
    l->state = WORK_OVER;
    l->outcome = outcome;
    return WORK_END;
}

static enum work_step begin(struct work_life *l, enum work_state state, enum work_step step,
                            uint64_t now_ns)
{
    l->state = state;
    l->failures = 0;
    l->is_uncertain = false;
    l->due_ns = now_ns;
    return step;
}

/* Is it claimed, or may it be, by an earlier run? */
static bool may_be_ours(const struct work_life *l)
{
    return l->resumed != 0;
}

/* A step after a while, unless it is too late for any. */
static enum work_step later(struct work_life *l, enum work_step step, uint64_t now_ns, uint64_t ms)
{
    if (!l->failing_since_ns)
        l->failing_since_ns = now_ns;
    if (now_ns - l->failing_since_ns > GIVE_UP_MS * ns_per_ms)
        return end(l, PIPEPOLL_WORK_OVER);
    l->due_ns = now_ns + ms * ns_per_ms;
    return step;
}

static enum work_step again(struct work_life *l, const struct work_answer *a, enum work_step step)
{
    return later(l, step, a->now_ns, backoff_delay_ms(l->failures++, RETRY_BASE_MS, a->roll));
}

/* The worker closes before the end of the job is known. */
static enum work_step give_up(struct work_life *l)
{
    if (l->resumed >= PIPEPOLL_JOURNAL_RUNNING || l->state == WORK_RUNNING ||
        l->state == WORK_REPORTING)
        return end(l, PIPEPOLL_WORK_UNREPORTED);
    return end(l,
               l->is_uncertain || may_be_ours(l) ? PIPEPOLL_WORK_UNRESOLVED : PIPEPOLL_WORK_LEFT);
}

/* Shall it be left before its next step? Draining leaves what is surely not claimed. */
static bool is_left(const struct work_life *l)
{
    return l->is_closing || (l->is_draining && !may_be_ours(l));
}

/* --- the token --- */

static enum work_step token_unknown(struct work_life *l, uint64_t now_ns)
{
    if (l->is_anothers || (!may_be_ours(l) && l->state == WORK_FOUND))
        return end(l, PIPEPOLL_WORK_NO_TOKEN);
    return later(l, WORK_ASK_TOKEN, now_ns, TOKEN_AGAIN_MS);
}

static enum work_step token_found(struct work_life *l, uint64_t now_ns)
{
    if (l->resumed != PIPEPOLL_JOURNAL_REPORTING)
        return begin(l, WORK_DETAILED, WORK_ASK_DETAILS, now_ns);
    enum work_step step = begin(l, WORK_REPORTING, WORK_REPORT, now_ns);
    l->is_uncertain = l->was_reported;
    return step;
}

enum work_step work_on_token(struct work_life *l, bool known, uint64_t now_ns)
{
    switch (l->state) {
    case WORK_FOUND:
        return known ? token_found(l, now_ns) : token_unknown(l, now_ns);
    case WORK_REPORTING:
        l->due_ns = now_ns;
        return known ? WORK_REPORT : token_unknown(l, now_ns);
    case WORK_DETAILED:
    case WORK_CLAIMING:
    case WORK_RUNNING:
    case WORK_OVER:
        break; /* nobody asked */
    }
    return WORK_WAIT;
}

/* The token is asked for once more: a cache may be old. */
static enum work_step retoken(struct work_life *l, uint64_t now_ns)
{
    if (is_left(l))
        return give_up(l);
    enum work_step step = begin(l, WORK_FOUND, WORK_ASK_TOKEN, now_ns);
    if (l->has_retoken)
        return token_unknown(l, now_ns);
    l->has_retoken = true;
    return step;
}

/* --- the details --- */

static enum work_step no_details(struct work_life *l, const struct work_answer *a)
{
    switch ((enum job_refusal)a->meaning) {
    case JOB_UNKNOWN:
    case JOB_STATE_INVALID:
        return end(l, PIPEPOLL_WORK_OVER);
    case JOB_CLIENT_TOKEN_WRONG:
        return retoken(l, a->now_ns);
    case JOB_NONCE_INVALID:
    case JOB_INPUT_INVALID:
    case JOB_OUTPUT_TOO_LARGE:
        return end(l, PIPEPOLL_WORK_REJECTED);
    case JOB_NOT_REFUSED:
        break;
    }
    if (is_left(l))
        return give_up(l);
    return may_be_ours(l) ? again(l, a, WORK_ASK_DETAILS) : end(l, PIPEPOLL_WORK_LEFT);
}

static enum work_step claim(struct work_life *l, enum work_nonce nonce, uint64_t now_ns)
{
    switch (nonce) {
    case WORK_NONCE_ABSENT: /* of a custom job that is resumed, the poll alone brought it */
        return end(l, may_be_ours(l) ? PIPEPOLL_WORK_UNRESOLVED : PIPEPOLL_WORK_REJECTED);
    case WORK_NONCE_OTHER: /* so the claim that was noted had no effect */
        return end(l, PIPEPOLL_WORK_LEFT);
    case WORK_NONCE_HERE:
        break;
    }
    enum work_step step = begin(l, WORK_CLAIMING, WORK_ACKNOWLEDGE, now_ns);
    l->is_uncertain = may_be_ours(l);
    return step;
}

enum work_step work_on_details(struct work_life *l, const struct work_answer *a,
                               enum work_nonce nonce)
{
    if (a->status)
        return no_details(l, a);
    if (is_left(l))
        return give_up(l);
    if (l->resumed >= PIPEPOLL_JOURNAL_RUNNING)
        return begin(l, WORK_RUNNING, WORK_START, a->now_ns);
    return claim(l, nonce, a->now_ns);
}

/* --- the claim --- */

enum work_step work_on_declined(struct work_life *l)
{
    return give_up(l);
}

static enum work_step claimed(struct work_life *l, enum job_status status)
{
    switch (status) {
    case JOB_STATUS_IN_PROGRESS:
        l->state = WORK_RUNNING;
        return l->is_closing ? give_up(l) : WORK_START;
    case JOB_STATUS_CREATED:
    case JOB_STATUS_QUEUED:
    case JOB_STATUS_DISPATCHED:
        return end(l, PIPEPOLL_WORK_LEFT);
    case JOB_STATUS_TIMED_OUT:
    case JOB_STATUS_SUCCEEDED:
    case JOB_STATUS_FAILED:
        return end(l, PIPEPOLL_WORK_OVER);
    case JOB_STATUS_ABSENT:
    case JOB_STATUS_OTHER:
        break;
    }
    return end(l, PIPEPOLL_WORK_UNRESOLVED);
}

/* No attempt can have claimed it. */
static enum work_step unclaimed(struct work_life *l, const struct work_answer *a)
{
    if (a->meaning == JOB_NONCE_INVALID)
        return end(l, PIPEPOLL_WORK_LOST_RACE);
    return no_details(l, a);
}

enum work_step work_on_acknowledged(struct work_life *l, const struct work_answer *a,
                                    enum job_status status)
{
    l->is_uncertain = l->is_uncertain || a->is_uncertain;
    if (!a->status)
        return claimed(l, status);
    if (!l->is_uncertain)
        return unclaimed(l, a);
    if (a->meaning == JOB_UNKNOWN)
        return end(l, PIPEPOLL_WORK_OVER);
    if (a->meaning == JOB_CLIENT_TOKEN_WRONG && may_be_ours(l))
        return retoken(l, a->now_ns);
    if (a->meaning != JOB_NOT_REFUSED)
        return end(l, PIPEPOLL_WORK_UNRESOLVED);
    if (l->is_closing)
        return give_up(l);
    return again(l, a, WORK_ACKNOWLEDGE);
}

/* --- the result --- */

bool work_on_result(struct work_life *l, enum pipepoll_work_outcome result)
{
    if (l->state != WORK_RUNNING)
        return false;
    begin(l, WORK_REPORTING, WORK_REPORT, 0);
    l->failing_since_ns = 0;
    l->result = result;
    return true;
}

/* Nothing would come of sending it again. A failure tells the pipeline, which would wait for the
 * job's time-out else. */
static enum work_step refused(struct work_life *l, uint64_t now_ns)
{
    if (l->result == PIPEPOLL_WORK_FAILED)
        return end(l, PIPEPOLL_WORK_REJECTED);
    if (l->is_closing)
        return give_up(l);
    l->is_refused = true;
    l->result = PIPEPOLL_WORK_FAILED;
    return begin(l, WORK_REPORTING, WORK_REPORT, now_ns);
}

enum work_step work_on_refusal_lost(struct work_life *l)
{
    return end(l, PIPEPOLL_WORK_REJECTED);
}

enum work_step work_on_reported(struct work_life *l, const struct work_answer *a)
{
    bool was_sent = l->is_uncertain || a->is_uncertain;
    l->is_uncertain = was_sent;
    if (!a->status)
        return end(l, l->result);
    switch ((enum job_refusal)a->meaning) {
    case JOB_STATE_INVALID:
        return end(l, was_sent ? l->result : PIPEPOLL_WORK_OVER);
    case JOB_UNKNOWN:
        return end(l, PIPEPOLL_WORK_OVER);
    case JOB_INPUT_INVALID:
    case JOB_OUTPUT_TOO_LARGE:
        return refused(l, a->now_ns);
    case JOB_CLIENT_TOKEN_WRONG:
    case JOB_NONCE_INVALID:
    case JOB_NOT_REFUSED:
        break;
    }
    /* Credentials, rights, tokens and services come back. */
    if (l->is_closing)
        return give_up(l);
    return again(l, a, a->meaning == JOB_CLIENT_TOKEN_WRONG ? WORK_ASK_TOKEN : WORK_REPORT);
}

/* --- the end of the worker --- */

enum work_step work_on_drain(struct work_life *l, bool is_calling)
{
    l->is_draining = true;
    switch (l->state) {
    case WORK_FOUND:
    case WORK_DETAILED:
        return is_calling || may_be_ours(l) ? WORK_WAIT : give_up(l);
    case WORK_CLAIMING: /* perhaps it is ours: that is found out, and then it runs */
        return is_calling || l->is_uncertain ? WORK_WAIT : give_up(l);
    case WORK_RUNNING:
    case WORK_REPORTING:
    case WORK_OVER:
        break;
    }
    return WORK_WAIT;
}

enum work_step work_on_close(struct work_life *l, bool is_calling)
{
    l->is_draining = true;
    l->is_closing = true;
    return is_calling || l->state == WORK_OVER ? WORK_WAIT : give_up(l);
}

bool work_is_open(const struct work_life *l)
{
    return l->outcome == PIPEPOLL_WORK_UNREPORTED ||
           (l->outcome == PIPEPOLL_WORK_UNRESOLVED && l->is_closing);
}
