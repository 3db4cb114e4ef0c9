/* SPDX-License-Identifier: MIT */
/* Loops that note, and what they are told.
 *
 * Everything that is shared is under the journal's mutex, which is never held during a write. A
 * user that is closed stays in memory until its last change is done with, so closing it waits for
 * nobody. */
#include <stdlib.h>

#include "store/journal_queue.h"

/* --- what users are told; under the mutex --- */

void journal_user_tell(struct journal_user *u, uint64_t ticket, int status)
{
    if (u->closing)
        return;
    if (status) {
        u->status = status;
        u->failed = ticket > u->failed ? ticket : u->failed;
        u->kept_later = 0; /* told as failed too: less than what was kept, never more */
    } else if (u->failed) {
        u->kept_later = ticket;
    } else {
        u->kept = ticket;
    }
    uv_async_send(&u->async);
}

void journal_user_leave(struct journal_user *u)
{
    if (--u->references == 0)
        free(u);
}

void journal_user_recover(struct journal_user *u)
{
    u->recovered = true;
    uv_async_send(&u->async);
}

/* --- the queue; under the mutex --- */

void journal_account(struct journal *j, const struct journal_change *c, bool comes)
{
    size_t *count = c->is_end ? &j->ends : &j->notes;
    size_t bytes = c->is_end ? 0 : c->size;
    *count = comes ? *count + 1 : *count - 1;
    j->bytes = comes ? j->bytes + bytes : j->bytes - bytes;
}

static bool has_room(const struct journal *j, const struct journal_change *c)
{
    size_t jobs = j->options.max_jobs;
    if (c->is_end)
        return j->ends < jobs * JOURNAL_ENDS_PER_JOB;
    return j->notes < jobs * JOURNAL_NOTES_PER_JOB && c->size <= JOURNAL_BYTES_MAX - j->bytes;
}

/* --- users, on their loops --- */

static void on_async(uv_async_t *async)
{
    struct journal_user *u = CONTAINER_OF(async, struct journal_user, async);
    uv_mutex_lock(&u->journal->writer.mutex);
    uint64_t kept = u->kept, failed = u->failed, kept_later = u->kept_later;
    bool recovered = u->recovered;
    int status = u->status;
    u->kept = u->failed = u->kept_later = 0;
    u->recovered = false;
    uv_mutex_unlock(&u->journal->writer.mutex);
    const uint64_t tickets[] = { kept, failed, kept_later };
    for (int i = 0; i < 3 && !u->closing; i++)
        if (tickets[i] > u->told) {
            u->told = tickets[i];
            u->events.committed(u->events.ctx, tickets[i], i == 1 ? status : PIPEPOLL_OK);
        }
    if (recovered && u->events.recovered && !u->closing)
        u->events.recovered(u->events.ctx);
}

int journal_user_open(struct journal_user **out, struct journal *j, struct uv_loop_s *loop,
                      const struct journal_events *events)
{
    struct journal_user *u = calloc(1, sizeof *u);
    if (!u)
        return PIPEPOLL_ENOMEM;
    if (uv_async_init(loop, &u->async, on_async)) {
        free(u);
        return PIPEPOLL_ESYSTEM;
    }
    u->journal = j;
    u->events = *events;
    u->references = 1;
    uv_mutex_lock(&j->writer.mutex);
    list_put_last(&j->users, &u->link);
    uv_mutex_unlock(&j->writer.mutex);
    *out = u;
    return PIPEPOLL_OK;
}

/* c may be NULL: there was no memory. */
static bool enqueue(struct journal_user *u, struct journal_change *c)
{
    struct journal *j = u->journal;
    if (!c || !has_room(j, c))
        return false;
    c->user = u;
    c->at_ms = j->options.now_ms();
    u->references++;
    journal_account(j, c, true);
    batch_writer_add(&j->writer, &c->link);
    return true;
}

void journal_note(struct journal_user *u, str target, const struct pipepoll_journal_entry *entry,
                  uint64_t ticket)
{
    struct journal_change *c = journal_change_note(target, entry);
    if (c)
        c->ticket = ticket;
    uv_mutex_lock(&u->journal->writer.mutex);
    bool taken = enqueue(u, c);
    if (!taken) {
        u->journal->stats.refused++;
        journal_user_tell(u, ticket, PIPEPOLL_ENOMEM);
    }
    uv_mutex_unlock(&u->journal->writer.mutex);
    if (!taken)
        free(c);
}

void journal_forget(struct journal_user *u, str target, str region, str job_id, str outcome)
{
    struct journal_change *c = journal_change_end(target, region, job_id, outcome);
    uv_mutex_lock(&u->journal->writer.mutex);
    bool taken = enqueue(u, c);
    u->journal->stats.dropped += !taken;
    uv_mutex_unlock(&u->journal->writer.mutex);
    if (!taken)
        free(c);
}

static void on_closed(uv_handle_t *handle)
{
    struct journal_user *u = CONTAINER_OF((uv_async_t *)handle, struct journal_user, async);
    struct journal *j = u->journal;
    void (*closed)(void *ctx) = u->closed;
    void *ctx = u->closed_ctx;
    uv_mutex_lock(&j->writer.mutex);
    journal_user_leave(u);
    uv_mutex_unlock(&j->writer.mutex);
    if (closed)
        closed(ctx);
}

void journal_user_close(struct journal_user *u, void (*closed)(void *ctx), void *ctx)
{
    uv_mutex_lock(&u->journal->writer.mutex);
    u->closing = true;
    list_remove(&u->link);
    uv_mutex_unlock(&u->journal->writer.mutex);
    u->closed = closed;
    u->closed_ctx = ctx;
    uv_close((uv_handle_t *)&u->async, on_closed);
}
