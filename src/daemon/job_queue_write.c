/* SPDX-License-Identifier: MIT */
/* What a job is settled by that does not end here: a dead letter, or a message to the member whose
 * handler waits for it. The job stays ours until the engine has that. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"
#include "base/wall_clock.h"
#include "daemon/job_queue_parts.h"

/* Our tickets among those of all who write to the engine. */
static const uint64_t TICKETS = (uint64_t)1 << 63;

enum { PASSED_UNIT_MS = 600000, ONCE_MAX = JOB_MESSAGE_ONCE_MAX + 4, LETTER_MORE = 256 };

/* false: the engine's queue is full, and no answer will come. Wipes the body. */
static bool write_and_wipe(struct job_queue *q, const struct engine_message *m, char *body,
                           size_t cap)
{
    bool is_sent = body && q->o.engine->write(q->o.engine, m);
    if (body)
        explicit_bzero(body, cap);
    free(body);
    return is_sent;
}

static void leave(struct queued_job *j, uint64_t ticket, bool is_sent)
{
    j->ticket = ticket;
    queued_job_move(j, &j->queue->leaving);
    if (!is_sent)
        queued_job_give_back(j, JOB_QUEUE_AGAIN_MS);
}

/* --- dead letters --- */

/* The job as it can be read, without its nonce; else nothing. */
static void put_job(struct buf *out, str body)
{
    struct job_message_text *m = malloc(sizeof *m);
    if (m && job_message_read(m, body) == BEAT_OK) {
        struct job_message job = m->job;
        job.nonce = STR("");
        buf_put(out, STR(",\"job\":"));
        job_message_put(out, &job);
    }
    if (m)
        job_message_wipe(m);
    free(m);
}

void queued_job_bury(struct queued_job *j, const char *reason, str why)
{
    struct job_queue *q = j->queue;
    size_t cap = JOB_MESSAGE_BODY_MAX + 6 * why.len + LETTER_MORE;
    char *text = malloc(cap);
    struct buf body = { .at = text, .cap = text ? cap : 0 };
    uint64_t ticket = TICKETS | ++q->last_ticket;
    buf_put(&body, STR("{\"v\":1"));
    jsontext_member(&body, "reason", str_of(reason));
    jsontext_member(&body, "why", why);
    put_job(&body, (str) { j->body, j->len });
    buf_put(&body, STR("}"));
    const struct engine_message m = {
        .log = ENGINE_DEAD, .key = str_of(reason), .body = buf_str(&body), .ticket = ticket
    };
    leave(j, ticket, write_and_wipe(q, &m, text, cap));
}

/* --- to another member --- */

void job_queue_put_own_key(char out[ENGINE_KEY_MAX + 1], uint64_t owner)
{
    snprintf(out, ENGINE_KEY_MAX + 1, "for.%016" PRIx64, owner);
}

void job_queue_pass(struct job_queue *q, struct queued_job *j, const struct job_message *job,
                    uint64_t owner)
{
    char key[ENGINE_KEY_MAX + 1], once_text[ONCE_MAX + 1];
    char *text = malloc(JOB_MESSAGE_BODY_MAX);
    struct buf body = { .at = text, .cap = text ? JOB_MESSAGE_BODY_MAX : 0 };
    struct buf once = BUF_ON(once_text);
    uint64_t ticket = TICKETS | ++q->last_ticket;
    job_queue_put_own_key(key, owner);
    job_message_put(&body, job);
    buf_put(&once, STR("for:"));
    job_message_put_once(&once, job->job_id, job->nonce, wall_clock_ms() / PASSED_UNIT_MS);
    const struct engine_message m = { .log = ENGINE_JOBS,
                                      .key = str_of(key),
                                      .body = buf_str(&body),
                                      .once = buf_str(&once),
                                      .ticket = ticket };
    bool is_sent = write_and_wipe(q, &m, text, JOB_MESSAGE_BODY_MAX);
    if (j) /* else the service hands it out again if it does not get there */
        leave(j, ticket, is_sent);
}

bool job_queue_on_written(struct job_queue *q, uint64_t ticket, enum engine_result result)
{
    if (!(ticket & TICKETS))
        return false;
    for (struct list *l = q->leaving.next; l != &q->leaving; l = l->next) {
        struct queued_job *j = queued_job_at(l);
        if (j->ticket != ticket)
            continue;
        if (result == ENGINE_DONE || result == ENGINE_DUPLICATE)
            queued_job_settle(j);
        else
            queued_job_give_back(j, JOB_QUEUE_AGAIN_MS);
        break;
    }
    return true;
}
