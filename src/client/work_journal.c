/* SPDX-License-Identifier: MIT */
/* What the journal is told of a job, and before which step; and what a claim is known again by,
 * when a later run finds it there. */
#include "aws/digest.h"
#include "client/work.h"

/* --- the claim --- */

/* The nonce is a secret, and the journal outlives the job: a digest of both tells it again. */
static void set_claim(struct pipepoll_work *k)
{
    struct sha256_sum sum;
    struct sha256 digest;
    char hex[SHA256_HEX_SIZE];
    sha256_begin(&sum);
    sha256_put(&sum, k->job_id);
    sha256_put(&sum, STR("\n"));
    sha256_put(&sum, (str) { k->nonce, k->nonce_len });
    sha256_end(&sum, &digest);
    sha256_hex(hex, &digest);
    memcpy(k->claim, hex, sizeof k->claim);
}

void work_set_nonce(struct pipepoll_work *k, str nonce)
{
    if (nonce.len > sizeof k->nonce)
        return; /* the decoders let none so long pass */
    k->nonce_len = nonce.len;
    memcpy(k->nonce, nonce.ptr ? nonce.ptr : "", nonce.len);
    set_claim(k);
}

enum work_nonce work_nonce_of(const struct pipepoll_work *k)
{
    if (!k->nonce_len)
        return WORK_NONCE_ABSENT;
    bool is_other = k->noted_claim[0] && memcmp(k->claim, k->noted_claim, sizeof k->claim) != 0;
    return is_other ? WORK_NONCE_OTHER : WORK_NONCE_HERE;
}

/* --- notes --- */

static void tell_journal(struct pipepoll_work *k, enum pipepoll_journal_state state)
{
    struct pipepoll_worker *w = k->worker;
    struct pipepoll_journal_entry entry = {
        .size = sizeof entry,
        .state = state,
        .region = client_name(k->client),
        .job_id = k->job_id,
        .client_id = k->client_id,
        .action_type = k->action_type,
        .claim = { k->claim, k->claim[0] ? sizeof k->claim : 0 },
        .work = k,
        .user = k->user,
    };
    if (state == PIPEPOLL_JOURNAL_REPORTING)
        work_result_describe(k->result, &entry);
    k->noted = state;
    w->journal.note(w->journal_self, &entry, k->ticket = ++w->last_ticket);
}

/* The journal may answer inside note(). */
void work_note(struct pipepoll_work *k, enum pipepoll_journal_state state)
{
    list_put_last(&k->worker->noting, &k->noting_link);
    work_wait_for_answer(k);
    tell_journal(k, state);
}

void work_noted(struct pipepoll_work *k, int status)
{
    list_remove(&k->noting_link);
    k->life.due_ns = 0;
    if (status && k->step == WORK_ACKNOWLEDGE) {
        k->said.status = status;
        explain(&k->said.why, status, "the journal did not keep a note of the job");
        work_plan(k, work_on_declined(&k->life));
    } else {
        work_plan(k, k->step);
    }
}

/* What the journal must hold before the step is done; 0: nothing. */
enum pipepoll_journal_state work_note_before(const struct pipepoll_work *k)
{
    switch (k->step) {
    case WORK_ACKNOWLEDGE:
        return PIPEPOLL_JOURNAL_CLAIMING;
    case WORK_START:
        return PIPEPOLL_JOURNAL_RUNNING;
    case WORK_REPORT:
        return PIPEPOLL_JOURNAL_REPORTING;
    case WORK_WAIT:
    case WORK_ASK_TOKEN:
    case WORK_ASK_DETAILS:
    case WORK_END:
        break;
    }
    return 0;
}

/* That it is claimed is known only since the worker closes, perhaps: the next run must know it. */
void work_note_end(struct pipepoll_work *k)
{
    struct pipepoll_worker *w = k->worker;
    if (!w->journal_self || !k->noted)
        return;
    if (!work_is_open(&k->life))
        w->journal.forget(w->journal_self, client_name(k->client), k->job_id);
    else if (k->life.outcome == PIPEPOLL_WORK_UNREPORTED && k->noted < PIPEPOLL_JOURNAL_RUNNING)
        tell_journal(k, PIPEPOLL_JOURNAL_RUNNING);
}
