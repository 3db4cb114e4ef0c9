/* SPDX-License-Identifier: MIT */
/* The artifact credentials of a running job last for a while that the service does not tell: its
 * details, which bring them, are asked for again and again. They also tell when the job is over,
 * and when its client token has been changed meanwhile. */
#include "client/work.h"

enum { RENEW_AGAIN_MS = 60000 };

static const uint64_t ns_per_ms = 1000000;

void work_renew_after(struct pipepoll_work *k, uint64_t after_ns)
{
    bool wanted = k->worker->handler.renewed || k->worker->handler.over;
    timer_set(&k->timer, wanted ? timers_now_ns() + after_ns : TIMER_OFF);
}

void work_renew(struct pipepoll_work *k)
{
    k->is_renewing = true;
    k->input.job = work_job_input(k);
    k->request.operation = work_details_operation(k);
    k->request.input = &k->input;
    k->request.result = &k->details;
    k->request.on_done = work_on_done;
    k->is_calling = !request_start(&k->request, k->worker->poller, k->client, NULL);
    k->is_renewing = k->is_calling;
    if (!k->is_calling)
        work_renew_after(k, RENEW_AGAIN_MS * ns_per_ms);
}

/* --- what came --- */

static void on_credentials(struct pipepoll_work *k)
{
    struct pipepoll_worker *w = k->worker;
    k->has_renewal_token = false;
    work_renew_after(k, w->renew_ns);
    if (w->handler.renewed && k->details.data.artifact_credentials.access_key_id.len)
        w->handler.renewed(w->handler_self, k, &k->details.data.artifact_credentials);
}

/* The result that comes in the end is sent as ever: the service has the last word. */
static void on_over(struct pipepoll_work *k)
{
    struct pipepoll_worker *w = k->worker;
    timer_set(&k->timer, TIMER_OFF);
    if (w->handler.over)
        w->handler.over(w->handler_self, k);
}

static void ask_token(struct pipepoll_work *k)
{
    struct pipepoll_worker *w = k->worker;
    k->has_renewal_token = true;
    k->is_asked = true;
    work_wait_for_answer(k);
    w->handler.token(w->handler_self, k, NULL, k->client_id);
}

void work_renewal_on_token(struct pipepoll_work *k, bool known)
{
    work_renew_after(k, known ? 0 : RENEW_AGAIN_MS * ns_per_ms);
}

static void on_failed(struct pipepoll_work *k, enum job_refusal meaning)
{
    switch (meaning) {
    case JOB_UNKNOWN:
    case JOB_STATE_INVALID:
        on_over(k);
        return;
    case JOB_CLIENT_TOKEN_WRONG:
        if (!k->has_renewal_token) {
            ask_token(k);
            return;
        }
        break;
    case JOB_NOT_REFUSED:
    case JOB_NONCE_INVALID:
    case JOB_OUTPUT_TOO_LARGE:
    case JOB_INPUT_INVALID:
        break;
    }
    work_renew_after(k, RENEW_AGAIN_MS * ns_per_ms);
}

/* The job may have got its result meanwhile, or the worker may close. */
void work_renewed(struct pipepoll_work *k, const struct request_end *e)
{
    k->is_renewing = false;
    if (k->life.state == WORK_RUNNING && !k->life.is_closing) {
        if (e->status)
            on_failed(k, (enum job_refusal)e->meaning);
        else
            on_credentials(k);
        k->details = (struct job_details) { 0 };
    } else if (k->life.is_closing && k->life.state != WORK_OVER) {
        work_take(k, work_on_close(&k->life, false));
    } else if (k->is_due) {
        k->is_due = false;
        work_run_step(k);
    }
}
