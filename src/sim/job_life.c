/* SPDX-License-Identifier: MIT */
/* Every function names every state, so that a new state or event is a question to each of them.
 * That a lease ended makes its nonce worthless at once: the next hand-out has the next one. So of
 * two workers that hold the same job by two hand-outs only the later can win it. */
#include "sim/job_life.h"

#include "base/buf.h"

const char *job_life_status(enum job_state state)
{
    switch (state) {
    case JOB_CREATED:
        return "Created";
    case JOB_QUEUED:
        return "Queued";
    case JOB_LEASED:
        return "Dispatched";
    case JOB_IN_PROGRESS:
        return "InProgress";
    case JOB_SUCCEEDED:
        return "Succeeded";
    case JOB_FAILED:
        return "Failed";
    case JOB_TIMED_OUT:
        return "TimedOut";
    }
    return "";
}

bool job_life_is_over(enum job_state state)
{
    switch (state) {
    case JOB_CREATED:
    case JOB_QUEUED:
    case JOB_LEASED:
    case JOB_IN_PROGRESS:
        return false;
    case JOB_SUCCEEDED:
    case JOB_FAILED:
    case JOB_TIMED_OUT:
        return true;
    }
    return true;
}

static bool move(struct job_life *life, enum job_state to)
{
    life->state = to;
    return true;
}

bool job_life_due(struct job_life *life)
{
    switch (life->state) {
    case JOB_CREATED:
        return move(life, JOB_QUEUED);
    case JOB_QUEUED:
    case JOB_LEASED:
    case JOB_IN_PROGRESS:
    case JOB_SUCCEEDED:
    case JOB_FAILED:
    case JOB_TIMED_OUT:
        return false;
    }
    return false;
}

bool job_life_handed_out(struct job_life *life)
{
    switch (life->state) {
    case JOB_QUEUED:
        life->nonce++;
        return move(life, JOB_LEASED);
    case JOB_CREATED:
    case JOB_LEASED:
    case JOB_IN_PROGRESS:
    case JOB_SUCCEEDED:
    case JOB_FAILED:
    case JOB_TIMED_OUT:
        return false;
    }
    return false;
}

bool job_life_lease_ended(struct job_life *life)
{
    switch (life->state) {
    case JOB_LEASED:
        return move(life, JOB_QUEUED);
    case JOB_CREATED:
    case JOB_QUEUED:
    case JOB_IN_PROGRESS:
    case JOB_SUCCEEDED:
    case JOB_FAILED:
    case JOB_TIMED_OUT:
        return false;
    }
    return false;
}

/* Only who acknowledged it can bring a job to an end, and only once. */
static bool end(struct job_life *life, enum job_state to)
{
    switch (life->state) {
    case JOB_IN_PROGRESS:
        return move(life, to);
    case JOB_CREATED:
    case JOB_QUEUED:
    case JOB_LEASED:
    case JOB_SUCCEEDED:
    case JOB_FAILED:
    case JOB_TIMED_OUT:
        return false;
    }
    return false;
}

bool job_life_succeeded(struct job_life *life)
{
    return end(life, JOB_SUCCEEDED);
}

bool job_life_failed(struct job_life *life)
{
    return end(life, JOB_FAILED);
}

bool job_life_timed_out(struct job_life *life)
{
    return end(life, JOB_TIMED_OUT);
}

static bool is_current(const struct job_life *life, str nonce)
{
    char digits[24];
    struct buf current = BUF_ON(digits);
    buf_put_u64(&current, life->nonce);
    return str_eq(nonce, buf_str(&current));
}

enum job_claim job_life_acknowledged(struct job_life *life, str nonce)
{
    switch (life->state) {
    case JOB_CREATED:
    case JOB_QUEUED:
        return JOB_CLAIM_LOST;
    case JOB_LEASED:
        if (!is_current(life, nonce))
            return JOB_CLAIM_LOST;
        life->state = JOB_IN_PROGRESS;
        return JOB_CLAIM_WON;
    case JOB_IN_PROGRESS:
    case JOB_SUCCEEDED:
    case JOB_FAILED:
    case JOB_TIMED_OUT:
        return is_current(life, nonce) ? JOB_CLAIM_REPEATED : JOB_CLAIM_LOST;
    }
    return JOB_CLAIM_LOST;
}
