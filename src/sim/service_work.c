/* SPDX-License-Identifier: MIT */
/* What workers do with jobs: claim them, bring them to an end, ask for credentials. job_life says
 * whether a job takes the event; everything that follows from that is here, and each event, also
 * one that was refused, is in the ledger. */
#include "base/buf.h"
#include "sim/service_state.h"

#define MS_NS  UINT64_C(1000000)
#define DAY_NS (86400 * UINT64_C(1000000000))

/* --- claims ---------------------------------------------------------------------------------- */

static void won(struct service *s, struct job *job, uint64_t at_ns, const struct uuid *request_id)
{
    job_store_set_due(&s->jobs, job, at_ns + s->options.undocumented.job_timeout_ms * MS_NS);
    s->stats.jobs_leased--;
    s->stats.jobs_in_progress++;
    s->stats.jobs_acknowledged++;
    service_record(s, LEDGER_ACKNOWLEDGED, job, at_ns, request_id);
}

/* Of a nonce as it was sent; 0: it is no number, or none that fits. */
static uint64_t number_of(str digits)
{
    uint64_t n = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (!ascii_is_digit(digits.ptr[i]) || digits.len > 18)
            return 0;
        n = n * 10 + (uint64_t)(digits.ptr[i] - '0');
    }
    return n;
}

static void record_vain_claim(struct service *s, enum ledger_event event, const struct job *job,
                              const struct service_request *by, str nonce)
{
    struct ledger_entry entry = service_entry(event, job, by->now_ns, &by->request_id);
    entry.nonce = number_of(nonce);
    ledger_put(&s->ledger, &entry);
}

static enum service_answer answer_of(enum sim_nonce_answer option)
{
    switch (option) {
    case SIM_NONCE_ERROR:
        return SERVICE_WRONG_NONCE;
    case SIM_NONCE_STATUS:
        return SERVICE_DONE;
    }
    return SERVICE_WRONG_NONCE;
}

enum service_answer service_acknowledge(struct service *s, const struct service_request *by,
                                        str nonce, enum job_state *state)
{
    service_tick(s, by->now_ns);
    struct job *job = job_store_find(&s->jobs, by->job_id);
    if (!job)
        return SERVICE_NO_JOB;
    enum job_claim claim = job_life_acknowledged(&job->life, nonce);
    *state = job->life.state;
    switch (claim) {
    case JOB_CLAIM_WON:
        won(s, job, by->now_ns, &by->request_id);
        return SERVICE_DONE;
    case JOB_CLAIM_REPEATED:
        s->stats.jobs_acknowledged_again++;
        record_vain_claim(s, LEDGER_ACKNOWLEDGED_AGAIN, job, by, nonce);
        return answer_of(s->options.undocumented.repeated_nonce);
    case JOB_CLAIM_LOST:
        s->stats.jobs_lost_races++;
        record_vain_claim(s, LEDGER_LOST_RACE, job, by, nonce);
        return answer_of(s->options.undocumented.wrong_nonce);
    }
    return SERVICE_WRONG_NONCE;
}

/* --- the end --------------------------------------------------------------------------------- */

/* From now on the job is only remembered. */
static void over(struct service *s, struct job *job, uint64_t at_ns, str result)
{
    s->stats.jobs_in_progress--;
    job_store_set_due(&s->jobs, job, at_ns + DAY_NS);
    job_store_retire(&s->jobs, job, result);
}

void service_time_out(struct service *s, struct job *job, uint64_t at_ns)
{
    if (!job_life_timed_out(&job->life))
        return;
    s->stats.jobs_timed_out++;
    service_record(s, LEDGER_TIMED_OUT, job, at_ns, NULL);
    over(s, job, at_ns, (str) { 0 });
}

static enum service_answer refuse_result(struct service *s, const struct service_request *by,
                                         const struct job *job)
{
    s->stats.results_refused++;
    service_record(s, LEDGER_RESULT_REFUSED, job, by->now_ns, &by->request_id);
    return SERVICE_WRONG_STATE;
}

enum service_answer service_fail(struct service *s, const struct service_request *by, str result)
{
    service_tick(s, by->now_ns);
    struct job *job = job_store_find(&s->jobs, by->job_id);
    if (!job)
        return SERVICE_NO_JOB;
    if (!job_life_failed(&job->life))
        return refuse_result(s, by, job);
    s->stats.jobs_failed++;
    service_record(s, LEDGER_FAILED, job, by->now_ns, &by->request_id);
    over(s, job, by->now_ns, result);
    return SERVICE_DONE;
}

/* The job that follows this one: the same work of the same client, with the token. */
static struct job *follow_up_new(struct service *s, const struct job *job, str token)
{
    return job_store_add(&s->jobs, &(struct job_store_new) { .queue = job->queue,
                                                             .id = uuid_next(&s->follow_up_ids),
                                                             .client_id = job->client_id,
                                                             .execution_id = job->execution_id,
                                                             .follows = job->id,
                                                             .query = job->query,
                                                             .configuration = job->configuration,
                                                             .continuation_token = token });
}

static void follow_up_begin(struct service *s, struct job *job, uint64_t at_ns,
                            const struct uuid *request_id)
{
    uint64_t delay_ns = s->options.undocumented.follow_up_delay_ms * MS_NS;
    job->available_ns = at_ns + delay_ns;
    s->stats.jobs_added++;
    s->stats.jobs_waiting++;
    struct ledger_entry entry = service_entry(LEDGER_ADDED, job, at_ns, request_id);
    entry.other_id = job->follows;
    ledger_put(&s->ledger, &entry);
    if (delay_ns)
        job_store_set_due(&s->jobs, job, at_ns + delay_ns);
    else if (job_life_due(&job->life))
        service_wait(s, job, at_ns);
}

static void record_success(struct service *s, const struct job *job, uint64_t at_ns,
                           const struct uuid *request_id)
{
    bool continued = job->followed_by.text[0];
    struct ledger_entry entry =
        service_entry(continued ? LEDGER_CONTINUED : LEDGER_SUCCEEDED, job, at_ns, request_id);
    entry.other_id = job->followed_by;
    ledger_put(&s->ledger, &entry);
    s->stats.jobs_succeeded++;
    s->stats.jobs_continued += continued;
}

enum service_answer service_succeed(struct service *s, const struct service_request *by,
                                    const struct service_success *success)
{
    service_tick(s, by->now_ns);
    struct job *job = job_store_find(&s->jobs, by->job_id), *next = NULL;
    if (!job)
        return SERVICE_NO_JOB;
    if (job->life.state == JOB_IN_PROGRESS && success->continuation_token.len) {
        next = follow_up_new(s, job, success->continuation_token);
        if (!next)
            return SERVICE_NO_MEMORY;
        job->followed_by = next->id;
    }
    if (!job_life_succeeded(&job->life))
        return refuse_result(s, by, job);
    record_success(s, job, by->now_ns, &by->request_id);
    if (next)
        follow_up_begin(s, next, by->now_ns, &by->request_id);
    over(s, job, by->now_ns, success->result);
    return SERVICE_DONE;
}

bool service_finish(struct service *s, str job_id, uint64_t now_ns)
{
    const struct service_request by = { .job_id = job_id, .now_ns = now_ns };
    service_tick(s, now_ns);
    struct job *job = job_store_find(&s->jobs, job_id);
    char digits[24];
    struct buf nonce = BUF_ON(digits);
    if (!job || job->life.state != JOB_LEASED)
        return false;
    buf_put_u64(&nonce, job->life.nonce);
    job_life_acknowledged(&job->life, buf_str(&nonce));
    won(s, job, now_ns, NULL);
    return service_succeed(s, &by, &(struct service_success) { 0 }) == SERVICE_DONE;
}

/* --- credentials ----------------------------------------------------------------------------- */

/* As AWS's temporary ones look: ASIA and 16 more of these. */
static void draw_access_key(struct rng *rng, char out[JOB_ACCESS_KEY_SIZE])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    memcpy(out, "ASIA", 4);
    uint64_t bits[2] = { rng_next(rng), rng_next(rng) };
    for (size_t i = 4; i < JOB_ACCESS_KEY_SIZE; i++) {
        out[i] = alphabet[bits[i % 2] & 31];
        bits[i % 2] >>= 5;
    }
}

bool service_credentials(struct service *s, const struct service_request *by,
                         struct service_job *out, struct sim_scope *scope)
{
    service_tick(s, by->now_ns);
    struct job *job = job_store_find(&s->jobs, by->job_id);
    if (!job || job_life_is_over(job->life.state))
        return false;
    draw_access_key(&s->access_keys, job->access_key);
    job->credentials_end_ns = by->now_ns + s->options.undocumented.artifact_credentials_ms * MS_NS;
    struct ledger_entry entry = service_entry(LEDGER_CREDENTIALS, job, by->now_ns, &by->request_id);
    entry.credentials_end_ns = job->credentials_end_ns;
    memcpy(entry.access_key, job->access_key, sizeof entry.access_key);
    ledger_put(&s->ledger, &entry);
    return service_job(s, by->job_id, out, scope, by->now_ns);
}
