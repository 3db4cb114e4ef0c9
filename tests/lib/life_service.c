/* SPDX-License-Identifier: MIT */
/* The service of a world of workers. Its rules are those that the API reference states, read as
 * strictly as they can be: one nonce for each hand-out, one winner for each nonce, one result for
 * each claim. A lease that ends makes its nonce worthless. What the reference leaves open, whether
 * the winner who asks again gets the status or InvalidNonce, is the plan's. Whoever else asks gets
 * InvalidNonce. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/life.h"

enum { ID_MAX = 32, BATCH_MAX = 10 };

void life_job_id(const struct life_job *job, char text[32])
{
    snprintf(text, ID_MAX, "job-%u", job->index);
}

void life_name_token(uint32_t client, char text[32])
{
    snprintf(text, ID_MAX, LIFE_SECRET "-token-%u", client);
}

static void name_nonce(const struct life_job *job, char text[ID_MAX])
{
    snprintf(text, ID_MAX, LIFE_SECRET "-nonce-%u-%u", job->index, job->hand_outs);
}

struct life_job *life_job_of(struct life *life, str job_id)
{
    if (!str_starts(job_id, STR("job-")))
        return NULL;
    unsigned long index = strtoul(job_id.ptr + 4, NULL, 10);
    return index < life->job_count ? &life->jobs[index] : NULL;
}

bool life_is_over(const struct life_job *job)
{
    return job->state >= LIFE_SUCCEEDED;
}

/* --- jobs come and go --- */

static void queue(struct life_job *job)
{
    job->state = LIFE_QUEUED;
    list_put_last(&job->life->regions[job->region].queues[job->provider], &job->link);
}

static void job_on_timer(struct timer *timer)
{
    struct life_job *job = CONTAINER_OF(timer, struct life_job, timer);
    if (job->state == LIFE_LEASED) {
        life_tell(job, "its lease ends");
        queue(job);
    } else if (job->state == LIFE_IN_PROGRESS) {
        life_tell(job, "it times out");
        job->state = LIFE_TIMED_OUT;
        job->life->numbers.timed_out++;
    }
}

static void plan_job(struct life *life, struct life_job *job)
{
    double fate = dice(&life->rng), longest_s = life->plan.timeout_s / 3;
    job->wants = fate < 0.15   ? PIPEPOLL_WORK_FAILED
                 : fate < 0.35 ? PIPEPOLL_WORK_CONTINUED
                               : PIPEPOLL_WORK_SUCCEEDED;
    if (job->depth >= 3 && job->wants == PIPEPOLL_WORK_CONTINUED)
        job->wants = PIPEPOLL_WORK_SUCCEEDED;
    job->work_s = fmin((double)gap_ns(&life->rng, life->plan.work_s) / 1e9, longest_s);
    if (one_in(&life->rng, 60) && !life->plan.is_calm)
        job->work_s = between(&life->rng, 0.9, 1.5) * life->plan.timeout_s;
}

static void new_job(struct life *life, const struct life_job *parent)
{
    if (life->job_count == LIFE_JOBS)
        return;
    struct life_job *job = &life->jobs[life->job_count];
    *job = (struct life_job) { .life = life, .index = life->job_count++, .parent = parent };
    job->region = parent ? parent->region : (uint32_t)(rng_next(&life->rng) % LIFE_REGIONS);
    job->provider = parent ? parent->provider : (uint32_t)(rng_next(&life->rng) % LIFE_PROVIDERS);
    job->client = parent ? parent->client : (uint32_t)(rng_next(&life->rng) % LIFE_CLIENTS);
    job->depth = parent ? parent->depth + 1 : 0;
    job->holder = LIFE_NOBODY;
    list_init(&job->link);
    if (timer_init(&job->timer, virtual_timers(), job_on_timer))
        abort();
    plan_job(life, job);
    life_tell(job, "created%s", parent ? ", a follow-up" : "");
    queue(job);
}

static void on_arrival(struct timer *timer)
{
    struct life *life = CONTAINER_OF(timer, struct life, arrival);
    if (life->is_ending)
        return;
    for (uint64_t n = one_in(&life->rng, 8) ? 6 : 1; n; n--)
        new_job(life, NULL);
    timer_set(timer, timers_now_ns() + gap_ns(&life->rng, life->plan.job_every_s));
}

void life_service_begin(struct life *life)
{
    life->jobs = calloc(LIFE_JOBS, sizeof *life->jobs);
    if (!life->jobs || timer_init(&life->arrival, virtual_timers(), on_arrival))
        abort();
    timer_set(&life->arrival, timers_now_ns() + gap_ns(&life->rng, life->plan.job_every_s));
}

void life_service_end(struct life *life)
{
    timer_deinit(&life->arrival);
    for (uint32_t i = 0; i < life->job_count; i++)
        timer_deinit(&life->jobs[i].timer);
    free(life->jobs);
}

/* --- answers --- */

static char text_memory[4096];

static struct buf begin_text(void)
{
    return (struct buf) { .at = text_memory, .cap = sizeof text_memory };
}

static void end_text(struct virtual_answer *answer, const struct buf *b)
{
    assert(!b->overflow);
    answer->body = buf_str(b);
}

void life_refuse(struct virtual_answer *answer, int status, const char *code, str quoted)
{
    struct buf b = begin_text();
    buf_printf(&b, "{\"__type\":\"%s\",\"message\":\"not with %.*s\"}", code, STR_ARG(quoted));
    answer->status = status;
    end_text(answer, &b);
}

/* --- a poll --- */

static void hand_out(struct life_job *job, const struct life_sender *from)
{
    list_remove(&job->link);
    job->state = LIFE_LEASED;
    job->hand_outs++;
    job->seen_by |= 1u << from->worker->index;
    timer_set(&job->timer, timers_now_ns() + (uint64_t)(job->life->plan.lease_s * 1e9));
    life_tell(job, "handed out to worker %u.%u", from->worker->index, from->life);
}

static void put_job(struct buf *b, const struct life_job *job)
{
    buf_printf(b, "%s{\"clientId\":\"client-%u\",\"jobId\":\"job-%u\"}",
               b->at[b->len - 1] == '[' ? "" : ",", job->client, job->index);
}

/* What others have been handed, by the same nonce: then there is a race. */
static bool put_shared(struct life *life, struct buf *b, const struct life_sender *from,
                       uint32_t region, uint32_t provider)
{
    for (uint32_t i = 0; i < life->job_count; i++) {
        struct life_job *job = &life->jobs[i];
        if (job->state != LIFE_LEASED || job->region != region || job->provider != provider ||
            one_in(&life->rng, 2))
            continue;
        job->seen_by |= 1u << from->worker->index;
        life_tell(job, "handed out to worker %u.%u as well", from->worker->index, from->life);
        put_job(b, job);
        return true;
    }
    return false;
}

static void serve_poll(struct life *life, const struct life_sender *from, uint32_t region,
                       const struct virtual_request *rq, struct virtual_answer *answer)
{
    str provider = life_member(rq->body, "provider"), most = life_member(rq->body, "maxBatchSize");
    unsigned long left = most.len ? strtoul(most.ptr, NULL, 10) : BATCH_MAX;
    uint32_t type = (uint32_t)strtoul(provider.ptr + 1, NULL, 10);
    struct list *q = &life->regions[region].queues[type];
    struct buf b = begin_text();
    buf_put(&b, STR("{\"jobs\":["));
    if (life->plan.shares_jobs && put_shared(life, &b, from, region, type))
        left--;
    for (; left && !list_empty(q); left--) {
        struct life_job *job = CONTAINER_OF(q->next, struct life_job, link);
        hand_out(job, from);
        put_job(&b, job);
    }
    buf_put(&b, STR("]}"));
    end_text(answer, &b);
}

/* --- one job --- */

static void serve_details(struct life_job *job, struct virtual_answer *answer)
{
    char nonce[ID_MAX];
    struct buf b = begin_text();
    name_nonce(job, nonce);
    if (life_is_over(job)) {
        life_refuse(answer, 400, "InvalidJobException", STR("a job that is over"));
        return;
    }
    buf_printf(&b,
               "{\"jobDetails\":{\"id\":\"job-%u\",\"nonce\":\"%s\",\"data\":{"
               "\"actionConfiguration\":{\"configuration\":{\"job\":\"job-%u\"}},"
               "\"artifactCredentials\":{\"accessKeyId\":\"" LIFE_SECRET "-id\","
               "\"secretAccessKey\":\"" LIFE_SECRET "-key\",\"sessionToken\":\"" LIFE_SECRET
               "-session\"}",
               job->index, nonce, job->index);
    if (job->parent)
        buf_printf(&b, ",\"continuationToken\":\"" LIFE_SECRET "-more-%u\"", job->parent->index);
    buf_put(&b, STR("}}}"));
    end_text(answer, &b);
}

static const char *status_of(const struct life_job *job)
{
    static const char *const names[] = { "Queued",    "Dispatched", "InProgress",
                                         "Succeeded", "Failed",     "TimedOut" };
    return names[job->state];
}

static void win(struct life_job *job, const struct life_sender *from)
{
    job->state = LIFE_IN_PROGRESS;
    job->holder = (int)from->worker->index;
    job->starts = 0;
    timer_set(&job->timer, timers_now_ns() + (uint64_t)(job->life->plan.timeout_s * 1e9));
    life_tell(job, "claimed by worker %u.%u", from->worker->index, from->life);
}

static void serve_acknowledge(struct life_job *job, const struct life_sender *from,
                              const struct virtual_request *rq, struct virtual_answer *answer)
{
    char nonce[ID_MAX];
    str given = life_member(rq->body, "nonce");
    name_nonce(job, nonce);
    bool is_current = str_eq(given, str_of(nonce));
    bool is_again = job->state > LIFE_LEASED && is_current &&
                    job->holder == (int)from->worker->index && job->life->plan.tells_status;
    if (job->state == LIFE_LEASED && is_current) {
        win(job, from);
    } else if (!is_again) {
        life_tell(job, "InvalidNonce for worker %u.%u", from->worker->index, from->life);
        life_refuse(answer, 400, "InvalidNonceException", given);
        return;
    }
    if (life_is_over(job))
        job->told_over |= 1u << from->worker->index;
    struct buf b = begin_text();
    buf_printf(&b, "{\"status\":\"%s\"}", status_of(job));
    end_text(answer, &b);
}

static void serve_result(struct life_job *job, const struct life_sender *from,
                         const struct virtual_request *rq, struct virtual_answer *answer,
                         bool is_failure)
{
    str token = life_member(rq->body, "continuationToken");
    str text = life_member(rq->body, is_failure ? "message" : "summary");
    enum pipepoll_work_outcome got = is_failure  ? PIPEPOLL_WORK_FAILED
                                     : token.len ? PIPEPOLL_WORK_CONTINUED
                                                 : PIPEPOLL_WORK_SUCCEEDED;
    life_watch_result(job->life, from, job, got, text);
    if (job->state != LIFE_IN_PROGRESS) {
        life_tell(job, "InvalidJobState for worker %u.%u", from->worker->index, from->life);
        life_refuse(answer, 400, "InvalidJobStateException", STR("this job"));
        return;
    }
    job->state = is_failure ? LIFE_FAILED : LIFE_SUCCEEDED;
    job->got = got;
    job->results++;
    job->life->numbers.results++;
    timer_set(&job->timer, TIMER_OFF);
    life_tell(job, "%s by worker %u.%u", pipepoll_work_outcome_name(got), from->worker->index,
              from->life);
    if (token.len)
        new_job(job->life, job);
    answer->body = STR("{}");
}

static bool is_call(const struct virtual_request *rq, const char *name)
{
    str target = rq->target, prefix = STR("CodePipeline_20150709.");
    return str_starts(target, prefix) && str_eq(str_skip(target, prefix.len), str_of(name));
}

void life_serve(struct life *life, const struct life_sender *from, const struct virtual_request *rq,
                struct virtual_answer *answer)
{
    char token[ID_MAX];
    str given = life_member(rq->body, "clientToken");
    if (is_call(rq, "PollForThirdPartyJobs")) {
        serve_poll(life, from, (uint32_t)(rq->url.ptr[8] - '0'), rq, answer);
        return;
    }
    struct life_job *job = life_job_of(life, life_member(rq->body, "jobId"));
    if (!job) {
        life_broke(life, NULL, "a job that there is none of is asked for");
        life_refuse(answer, 400, "JobNotFoundException", STR("that id"));
        return;
    }
    life_name_token(job->client, token);
    if (!str_eq(given, str_of(token)))
        life_refuse(answer, 400, "InvalidClientTokenException", given);
    else if (is_call(rq, "GetThirdPartyJobDetails"))
        serve_details(job, answer);
    else if (is_call(rq, "AcknowledgeThirdPartyJob"))
        serve_acknowledge(job, from, rq, answer);
    else if (is_call(rq, "PutThirdPartyJobSuccessResult"))
        serve_result(job, from, rq, answer, false);
    else if (is_call(rq, "PutThirdPartyJobFailureResult"))
        serve_result(job, from, rq, answer, true);
    else
        life_broke(life, job, "an operation is called that the service does not have");
}
