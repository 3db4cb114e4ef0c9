/* SPDX-License-Identifier: MIT */
/* Which log it is. Somebody may delete it, or a server lose its disk; then another one counts from
 * 1, without what we know, and nothing but this would tell: our beats are taken as before.
 *
 * Whoever finds a log without a name gives it one, at random. A pass of the watch, which brings all
 * that there is, without the name that we know, or another name, tells of another log. So does a
 * later beat of ours with a lower number than an earlier one: a server may also come back with an
 * older state. Then all begin anew, each when it learns of it. Who held targets by the old log may
 * not know yet: whoever is alive by what we saw last keeps his part, and until each was heard of in
 * the new log we take nothing. Who joins just then knows nobody, and may poll beside them until
 * they notice, with their next beat. */
#include "fleet/lease_inside.h"

/* Somebody asked for it by the old log; unless he did by the new one. */
static void stay_drained(struct lease *l)
{
    char room[BEAT_BODY_SIZE];
    struct buf body = BUF_ON(room);
    struct lease_write w = { .kind = LEASE_WRITE_OTHER };
    struct beat_key key = { BEAT_KIND_DRAIN, .member = str_of(l->member) };
    beat_drain_put(&body, true);
    if (l->is_drained)
        (void)lease_write(l, &w, &key, buf_str(&body), true);
}

static void begin_anew(struct lease *l, uint64_t now_ns)
{
    lease_fence(l, now_ns);
    lease_entries_log_is_new(l);
    lease_targets_log_is_new(l);
    lease_catalogues_log_is_new(l);
    l->own_sequence = l->drain_sequence = 0;
    l->view_since_ns = now_ns;
    l->needs_watch = true;
    l->log_losses++;
    stay_drained(l);
}

/* --- its name --- */

void lease_log_pass(struct lease *l)
{
    l->is_passing = true;
    l->is_log_seen = false;
}

void lease_log_number(struct lease *l, uint64_t sequence)
{
    if (sequence <= l->last_sequence)
        lease_log_pass(l);
    l->last_sequence = sequence;
}

void lease_log_seen(struct lease *l, str body, uint64_t now_ns)
{
    uint64_t name = 0;
    if (beat_log_read(&name, body) != BEAT_OK) {
        l->unreadable++;
        return;
    }
    l->is_log_seen = l->is_passing;
    if (l->log_name && l->log_name != name)
        begin_anew(l, now_ns);
    l->log_name = name;
}

void lease_log_passed(struct lease *l, uint64_t now_ns)
{
    if (l->log_name && !l->is_log_seen) {
        l->log_name = 0;
        begin_anew(l, now_ns);
    }
    l->is_passing = l->is_log_seen = false;
}

void lease_log_name(struct lease *l)
{
    char room[BEAT_BODY_SIZE];
    struct buf body = BUF_ON(room);
    struct lease_write w = { .kind = LEASE_WRITE_OTHER };
    if (l->log_name || l->is_passing)
        return;
    beat_log_put(&body, rng_next(&l->rng) | 1);
    (void)lease_write(l, &w, &(struct beat_key) { BEAT_KIND_LOG }, buf_str(&body), true);
}

/* --- its numbers --- */

void lease_log_beat(struct lease *l, const struct beat *b, uint64_t sequence, uint64_t now_ns)
{
    if (b->number > l->beats)
        return; /* not ours: there is a double */
    if (b->number > l->back_number && sequence <= lease_self(l)->sequence)
        begin_anew(l, now_ns);
    if (b->number > l->back_number)
        l->back_number = b->number;
}
