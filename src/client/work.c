/* SPDX-License-Identifier: MIT */
/* What happens to a job is told to its life (work_life.c), and the step that this returns is done
 * here: a question to the handler, a call, the end. A step that follows from a call's end or from
 * the timer is done at once, for the stack is clean; one that follows from a function of the
 * embedder's is the timer's, so that no callback comes from inside it. Before a step that the
 * journal must know of, the journal is told, and the step waits. At most one call is out for a job;
 * a result that comes while artifact credentials are renewed (work_renewal.c) waits for that. */
#include "client/work.h"

#include "aws/shape_copy.h"

static const uint64_t ns_per_ms = 1000000;

enum { TELL_MS = 10000 };

/* --- the end --- */

static void wipe(const struct alloc *a, void *block, size_t size)
{
    if (block)
        explicit_bzero(block, size);
    alloc_free(a, block, size);
}

static void forget_details(struct pipepoll_work *k)
{
    wipe(&k->worker->alloc, k->details_block, k->details_size);
    k->details_block = NULL;
    k->details = (struct job_details) { 0 };
}

static void end(struct pipepoll_work *k)
{
    struct pipepoll_worker *w = k->worker;
    bool is_well = k->life.outcome <= PIPEPOLL_WORK_FAILED && !k->life.is_refused;
    const char *words = k->said.status ? k->said.why.text : work_outcome_words(k->life.outcome);
    const struct pipepoll_work_end e = {
        .size = sizeof e,
        .outcome = k->life.outcome,
        .ran = k->has_run,
        .status = is_well ? PIPEPOLL_OK : k->said.status,
        .code = str_of(is_well ? "" : k->said.code),
        .message = str_of(is_well ? "" : words),
        .request_id = str_of(is_well ? "" : k->said.request_id),
    };
    timer_deinit(&k->timer);
    table_remove(&w->works, &k->node);
    list_remove(&k->link);
    list_remove(&k->noting_link);
    work_has_begun(k);
    work_note_end(k);
    w->count--;
    w->stats.ended[k->life.outcome]++;
    w->handler.ended(w->handler_self, k, &e);
    forget_details(k);
    work_result_free(k->result, &w->alloc);
    client_leave(&w->poller->clients, k->client);
    wipe(&w->alloc, k, k->size);
    job_worker_on_end(w);
}

/* --- steps --- */

void work_plan(struct pipepoll_work *k, enum work_step step)
{
    k->step = step;
    if (k->is_beginning && step != WORK_WAIT && step != WORK_END &&
        k->life.due_ns > timers_now_ns())
        work_let_others_begin(k);
    else
        timer_set(&k->timer, step == WORK_WAIT ? TIMER_OFF : k->life.due_ns);
}

/* On a clean stack. A step with a call is the timer's, even one that is due. */
void work_take(struct pipepoll_work *k, enum work_step step)
{
    work_plan(k, step);
    if (step == WORK_END || step == WORK_START)
        work_run_step(k);
}

void work_wait_for_answer(struct pipepoll_work *k)
{
    timer_set(&k->timer, timers_now_ns() + WORK_ANSWER_MS * ns_per_ms);
}

void work_begin(struct pipepoll_work *k, struct pipepoll_target *from)
{
    struct pipepoll_worker *w = k->worker;
    if (k->life.state == WORK_OVER)
        return; /* found() closed the worker */
    if (k->is_custom) {
        work_take(k, work_on_token(&k->life, true, timers_now_ns()));
        return;
    }
    k->step = WORK_WAIT;
    k->is_asked = true;
    work_wait_for_answer(k);
    w->handler.token(w->handler_self, k, from, k->client_id);
}

/* What the service said last, for the log and the end. */
static void keep_words(struct pipepoll_work *k, const struct request_end *e)
{
    k->said.status = e->status;
    struct buf code = BUF_ON(k->said.code), request_id = BUF_ON(k->said.request_id);
    explain(&k->said.why, e->status, "%.*s", STR_ARG(e->message));
    buf_put(&code, e->code);
    buf_put(&request_id, e->request_id);
    buf_cstr(&code);
    buf_cstr(&request_id);
}

static struct work_answer answer_of(struct pipepoll_work *k, int status, int meaning)
{
    return (struct work_answer) {
        .status = status,
        .meaning = meaning,
        .now_ns = timers_now_ns(),
        .roll = rng_next(&k->worker->poller->rng),
    };
}

static void answered(struct pipepoll_work *k, const struct work_answer *a);

static void call(struct pipepoll_work *k, const struct operation *operation, void *result)
{
    work_plan(k, WORK_WAIT);
    k->request.operation = operation;
    k->request.input = &k->input;
    k->request.result = result;
    k->request.on_done = work_on_done;
    k->is_calling = true;
    int r = request_start(&k->request, k->worker->poller, k->client, &k->said.why);
    if (!r)
        return;
    k->is_calling = false;
    k->said.status = r;
    struct work_answer a = answer_of(k, r, r == PIPEPOLL_EINVAL ? JOB_INPUT_INVALID : 0);
    answered(k, &a);
}

struct job_input work_job_input(const struct pipepoll_work *k)
{
    return (struct job_input) { k->job_id, { k->token, k->token_len } };
}

const struct operation *work_details_operation(const struct pipepoll_work *k)
{
    return k->is_custom ? &operation_get_job_details : &operation_get_third_party_job_details;
}

static void ask_details(struct pipepoll_work *k)
{
    forget_details(k);
    k->input.job = work_job_input(k);
    call(k, work_details_operation(k), &k->details);
}

static void acknowledge(struct pipepoll_work *k)
{
    k->input.acknowledge = (struct acknowledge_input) {
        .job_id = k->job_id,
        .client_token = { k->token, k->token_len },
        .nonce = { k->nonce, k->nonce_len },
    };
    call(k, k->is_custom ? &operation_acknowledge_job : &operation_acknowledge_third_party_job,
         &k->status);
}

static void report(struct pipepoll_work *k)
{
    call(k, work_result_put(k->result, work_job_input(k), k->is_custom, &k->input), NULL);
}

static void start(struct pipepoll_work *k)
{
    struct pipepoll_worker *w = k->worker;
    const struct pipepoll_job_data data = work_data(&k->details);
    k->step = WORK_WAIT;
    k->has_run = true;
    work_renew_after(k, w->renew_ns);
    w->stats.started++;
    work_has_begun(k);
    w->handler.start(w->handler_self, k, &data);
    forget_details(k);
    explicit_bzero(k->nonce, sizeof k->nonce);
}

/* --- any step --- */

void work_run_step(struct pipepoll_work *k)
{
    if (k->worker->journal_self && work_note_before(k) > k->noted) {
        work_note(k, work_note_before(k));
        return;
    }
    if (k->is_calling) { /* a renewal */
        k->is_due = true;
        return;
    }
    switch (k->step) {
    case WORK_WAIT:
        break;
    case WORK_ASK_TOKEN:
        work_begin(k, NULL);
        break;
    case WORK_ASK_DETAILS:
        ask_details(k);
        break;
    case WORK_ACKNOWLEDGE:
        acknowledge(k);
        break;
    case WORK_REPORT:
        report(k);
        break;
    case WORK_START:
        start(k);
        break;
    case WORK_END:
        end(k);
        break;
    }
}

/* --- answers --- */

/* The answer's memory is the call's. */
static int keep_details(struct pipepoll_work *k)
{
    struct job_details kept;
    size_t size = shape_copy_size(&k->details, &job_details_shape) + 1;
    void *block = alloc_new(&k->worker->alloc, size);
    if (!block)
        return PIPEPOLL_ENOMEM;
    shape_copy(&kept, &k->details, &job_details_shape, block);
    k->details = kept;
    k->details_block = block;
    k->details_size = size;
    if (!k->is_custom)
        work_set_nonce(k, kept.nonce);
    return 0;
}

static bool may_claim(struct pipepoll_work *k)
{
    struct pipepoll_worker *w = k->worker;
    if (!w->handler.claims || k->life.resumed)
        return true;
    const struct pipepoll_job_data data = work_data(&k->details);
    return w->handler.claims(w->handler_self, k, &data);
}

static enum work_step on_details(struct pipepoll_work *k, const struct work_answer *given)
{
    struct work_answer a = *given;
    if (!a.status)
        a.status = keep_details(k);
    if (!a.status && !may_claim(k))
        return work_on_declined(&k->life);
    return work_on_details(&k->life, &a, work_nonce_of(k));
}

static void tell_retry(struct pipepoll_work *k)
{
    struct pipepoll_worker *w = k->worker;
    uint64_t now_ns = timers_now_ns();
    w->stats.report_retries++;
    if (w->told_ns && now_ns - w->told_ns < TELL_MS * ns_per_ms)
        return;
    w->told_ns = now_ns;
    log_line(&w->poller->log, PIPEPOLL_WARNING,
             "%.*s: the result of job %.*s is not confirmed, and will be sent again: %s "
             "(of all such jobs one is named each 10 s)",
             STR_ARG(client_name(k->client)), STR_ARG(k->job_id), k->said.why.text);
}

/* Its place in the journal is taken by the failure as well. */
static enum work_step report_refusal(struct pipepoll_work *k)
{
    struct pipepoll_worker *w = k->worker;
    struct pipepoll_job_failure f = PIPEPOLL_JOB_FAILURE_INIT;
    struct work_result *failure;
    char text[256];
    struct buf message = BUF_ON(text);
    buf_printf(&message, "the result was refused: %s",
               k->said.code[0] ? k->said.code : "it breaks a rule of the service");
    f.message = buf_str(&message);
    log_line(&w->poller->log, PIPEPOLL_WARNING,
             "%.*s: the service refused the result of job %.*s, which is reported as failed: %s",
             STR_ARG(client_name(k->client)), STR_ARG(k->job_id), k->said.why.text);
    if (work_result_failure(&failure, &w->alloc, &f, NULL))
        return work_on_refusal_lost(&k->life);
    work_result_free(k->result, &w->alloc);
    k->result = failure;
    k->noted = PIPEPOLL_JOURNAL_RUNNING;
    return WORK_REPORT;
}

static enum work_step on_reported(struct pipepoll_work *k, const struct work_answer *a)
{
    bool was_refused = k->life.is_refused;
    enum work_step step = work_on_reported(&k->life, a);
    if (k->life.is_refused && !was_refused)
        return report_refusal(k);
    if (step != WORK_END)
        tell_retry(k);
    return step;
}

static void answered(struct pipepoll_work *k, const struct work_answer *a)
{
    switch (k->life.state) {
    case WORK_DETAILED:
        work_take(k, on_details(k, a));
        break;
    case WORK_CLAIMING:
        work_take(k, work_on_acknowledged(&k->life, a, k->status));
        break;
    case WORK_REPORTING:
        work_take(k, on_reported(k, a));
        break;
    case WORK_FOUND:
    case WORK_RUNNING:
    case WORK_OVER:
        break; /* these have no call out */
    }
}

void work_on_done(struct request *rq, const struct request_end *e)
{
    struct pipepoll_work *k = CONTAINER_OF(rq, struct pipepoll_work, request);
    k->is_calling = false;
    if (k->is_renewing) {
        work_renewed(k, e);
        return;
    }
    if (!k->life.is_refused || e->meaning) /* else why it was refused remains to be told */
        keep_words(k, e);
    struct work_answer a = answer_of(k, e->status, e->meaning);
    a.is_uncertain = e->is_uncertain;
    answered(k, &a);
}

/* --- the timer --- */

static void token_is_late(struct pipepoll_work *k)
{
    k->is_asked = false;
    if (k->life.state == WORK_RUNNING) {
        work_renewal_on_token(k, false);
        return;
    }
    k->said.status = PIPEPOLL_ETIMEDOUT;
    explain(&k->said.why, PIPEPOLL_ETIMEDOUT, "no client token came within %d s",
            WORK_ANSWER_MS / 1000);
    work_take(k, work_on_token(&k->life, false, timers_now_ns()));
}

void work_on_timer(struct timer *timer)
{
    struct pipepoll_work *k = CONTAINER_OF(timer, struct pipepoll_work, timer);
    if (k->from)
        work_begin_taken(k);
    else if (!list_empty(&k->noting_link))
        work_noted(k, PIPEPOLL_ETIMEDOUT);
    else if (k->step != WORK_WAIT)
        work_run_step(k);
    else if (k->is_asked)
        token_is_late(k);
    else if (k->life.state == WORK_RUNNING && !k->is_calling)
        work_renew(k);
}
