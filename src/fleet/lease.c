/* SPDX-License-Identifier: MIT */
/* The member as a whole: its beats, its fence, its watch, and the order of what is due in a tick.
 *
 * The fence is two instants that any thread reads. `until` is fence_ns after the last acknowledged
 * beat was sent; `strict` is no later than dead_ns after it, and counts for a member that stood
 * still: others may have taken its targets meanwhile, even where they tolerate it for longer. Both
 * are less by 1/32, so that clocks may differ by 1 % and the fence still comes first. */
#include "fleet/lease_inside.h"

enum { DOUBTS_MAX = 4 };
#define QUICK_NS UINT64_C(10000000) /* between two beats, whatever changes */

const struct lease_times LEASE_TIMES_DEFAULT = { .dead_ns = 10000000000, .fence_ns = 10000000000 };
const struct lease_times LEASE_TIMES_FAST = { .dead_ns = 2800000000, .fence_ns = 12000000000 };

int lease_open(struct lease **out, const struct lease_config *config, uint64_t now_ns)
{
    struct lease *l;
    if (!beat_is_member(config->member) || !config->incarnation || config->times.dead_ns < 64 ||
        config->times.fence_ns < 64)
        return PIPEPOLL_EINVAL;
    l = alloc_new(&config->alloc, sizeof *l);
    if (!l)
        return PIPEPOLL_ENOMEM;
    l->config = *config;
    str_copy(l->member, sizeof l->member, config->member);
    l->config.member = str_of(l->member);
    l->rng.state = config->seed;
    l->is_fenced = true;
    l->beat_due_ns = now_ns;
    l->retry_ns = UINT64_MAX;
    l->placement = 1;
    atomic_init(&l->ran_ns, now_ns);
    atomic_init(&l->fence_until_ns, 0);
    atomic_init(&l->strict_until_ns, 0);
    atomic_init(&l->was_refused, false);
    lease_writes_open(l);
    if (lease_entries_open(l, now_ns)) {
        lease_close(l);
        return PIPEPOLL_ENOMEM;
    }
    *out = l;
    return 0;
}

void lease_close(struct lease *l)
{
    if (!l)
        return;
    struct alloc alloc = l->config.alloc;
    lease_entries_close(l);
    lease_catalogues_close(l);
    alloc_free(&alloc, l->hashes, l->room * sizeof *l->hashes);
    alloc_free(&alloc, l->targets, l->room * sizeof *l->targets);
    alloc_free(&alloc, l, sizeof *l);
}

/* --- the fence --- */

static bool stood_still(const struct lease *l, uint64_t ran_ns, uint64_t now_ns)
{
    return now_ns > ran_ns && now_ns - ran_ns > l->config.times.dead_ns / 2;
}

static bool is_within(const struct lease *l, uint64_t now_ns)
{
    uint64_t ran_ns = atomic_load(&l->ran_ns);
    if (stood_still(l, ran_ns, now_ns))
        return now_ns < atomic_load(&l->strict_until_ns);
    return now_ns < atomic_load(&l->fence_until_ns);
}

bool lease_may_poll(struct lease *l, uint64_t now_ns)
{
    bool may = is_within(l, now_ns);
    if (!may)
        atomic_store(&l->was_refused, true);
    return may;
}

/* That nobody waits for ever. A refused poll need not mean a fence: before we are ticked an answer
 * may move the fence on, and then nothing is stopped that would be started again. The instants move
 * only in a tick or before one, each tick ends here, and one comes soon whatever happens: so who
 * was refused, and may poll now, is told within an eighth of dead_ns. */
static void tell_refused(struct lease *l, uint64_t now_ns)
{
    if (is_within(l, now_ns) && atomic_exchange(&l->was_refused, false))
        l->config.output.may_poll(l->config.output.ctx);
}

static uint64_t less_drift(uint64_t ns)
{
    return ns - ns / 32;
}

void lease_fence(struct lease *l, uint64_t now_ns)
{
    atomic_store(&l->fence_until_ns, 0);
    atomic_store(&l->strict_until_ns, 0);
    l->is_fenced = true;
    l->fenced_ns = now_ns;
    l->doubted_ns = 0;
    l->fence_count++;
    l->fences++;
    lease_sweep_all(l);
}

void lease_move_fence(struct lease *l)
{
    const struct lease_times *times = &l->config.times;
    uint64_t strict_ns = times->fence_ns < times->dead_ns ? times->fence_ns : times->dead_ns;
    atomic_store(&l->strict_until_ns, l->acked_ns + less_drift(strict_ns));
    atomic_store(&l->fence_until_ns, l->acked_ns + less_drift(times->fence_ns));
}

/* Before anything else of a tick. */
static void check_fence(struct lease *l, uint64_t now_ns)
{
    bool may = l->is_fenced || is_within(l, now_ns);
    atomic_store(&l->ran_ns, now_ns);
    if (!may)
        lease_fence(l, now_ns);
}

/* What was held has been stopped, and a beat that was sent since is acknowledged. */
static void lift_fence(struct lease *l, uint64_t now_ns)
{
    bool is_fresh = l->acked_ns && l->acked_ns >= l->fenced_ns &&
                    now_ns < l->acked_ns + less_drift(l->config.times.fence_ns);
    if (!l->is_fenced || l->sweep_left || !is_fresh || lease_is_duplicate(l, now_ns))
        return;
    l->is_fenced = false;
    lease_move_fence(l);
}

/* --- our state --- */

/* A process of our name was there before us: is it still? It would have beaten by now. */
static bool waits_for_forerunner(const struct lease *l, uint64_t now_ns)
{
    return l->state == BEAT_WAIT && lease_has_forerunner(l) &&
           now_ns < l->first_back_ns + l->config.times.dead_ns / 2;
}

static enum beat_state state_now(const struct lease *l, uint64_t now_ns)
{
    if (l->is_leaving)
        return BEAT_BYE;
    if (l->is_drained)
        return BEAT_DRAINED;
    if (l->is_fenced || !lease_is_fresh(l, now_ns) || lease_is_duplicate(l, now_ns))
        return BEAT_WAIT;
    if (!lease_is_published(l) && !lease_self(l)->catalogue)
        return BEAT_WAIT; /* nobody would know what we have */
    if (!lease_knows_the_living(l))
        return BEAT_WAIT; /* the others may give us what we think is of one who is dead */
    return waits_for_forerunner(l, now_ns) ? BEAT_WAIT : BEAT_HI;
}

static void update_state(struct lease *l, uint64_t now_ns)
{
    enum beat_state state = state_now(l, now_ns);
    bool is_catalogue_new = lease_is_published(l) && lease_self(l)->catalogue != l->digest;
    if (lease_is_duplicate(l, now_ns) && !l->is_fenced)
        lease_fence(l, now_ns);
    l->is_beat_wanted |= state != l->state;
    l->is_beat_wanted |= is_catalogue_new && lease_self(l)->has_beat && !l->is_catalogue_told;
    l->is_catalogue_told = is_catalogue_new;
    if (state == l->state)
        return;
    l->state = state;
    lease_sweep_all(l);
}

/* --- the watch --- */

static void watch(struct lease *l, uint64_t now_ns)
{
    l->watches++;
    l->is_watching = true;
    l->needs_watch = false;
    lease_log_pass(l);
    l->watched_ns = now_ns;
    l->config.output.watch(l->config.output.ctx);
}

/* When to look again. */
static uint64_t check_watch(struct lease *l, uint64_t now_ns)
{
    uint64_t patience_ns = l->config.times.dead_ns << l->watch_doubts;
    bool is_late = now_ns >= l->watched_ns + patience_ns;
    bool is_doubtful = l->watches && is_late && (l->is_watching || !lease_is_fresh(l, now_ns));
    if (!l->is_ready)
        return UINT64_MAX;
    if (is_doubtful && l->watch_doubts < DOUBTS_MAX)
        l->watch_doubts++;
    l->needs_watch |= !l->is_watching && lease_is_short(l, now_ns);
    if (!l->watches || is_doubtful || (l->needs_watch && !l->is_watching))
        watch(l, now_ns);
    uint64_t next = l->watched_ns + (l->config.times.dead_ns << l->watch_doubts);
    return next > now_ns ? next : UINT64_MAX;
}

void lease_engine(struct lease *l, bool is_ready, uint64_t now_ns)
{
    if (is_ready == l->is_ready)
        return;
    l->is_ready = is_ready;
    l->is_beat_wanted |= is_ready;
    if (is_ready && l->watches)
        l->watched_ns = now_ns; /* the engine watches again by itself */
    lease_sweep_all(l);
}

void lease_caught_up(struct lease *l, uint64_t now_ns)
{
    l->is_watching = false;
    l->is_beat_wanted |= !l->has_view;
    l->has_view = true;
    l->caught = l->watches;
    lease_log_passed(l, now_ns);
    lease_sweep_all(l);
}

void lease_seen(struct lease *l, str key, str body, uint64_t sequence, uint64_t now_ns)
{
    struct beat_key k = beat_key_read(key);
    bool is_drained = false;
    lease_log_number(l, sequence);
    switch (k.kind) {
    case BEAT_KIND_BEAT:
        lease_view_beat(l, k.member, body, sequence, now_ns);
        return;
    case BEAT_KIND_CLAIM:
        lease_claim_seen(l, &k, body, sequence, now_ns);
        return;
    case BEAT_KIND_CATALOGUE:
        lease_catalogue_seen(l, k.hash, k.number, body, now_ns);
        return;
    case BEAT_KIND_DRAIN:
        if (str_eq(k.member, str_of(l->member)) && sequence > l->drain_sequence &&
            beat_drain_read(&is_drained, body) == BEAT_OK) {
            l->drain_sequence = sequence;
            l->is_drained = is_drained;
            lease_sweep_all(l);
        }
        return;
    case BEAT_KIND_LOG:
        lease_log_seen(l, body, now_ns);
        return;
    case BEAT_KIND_OTHER:
        return;
    }
}

/* --- writes --- */

static void beat_written(struct lease *l, const struct lease_write *w, enum engine_result result)
{
    if (result != ENGINE_DONE && result != ENGINE_DUPLICATE)
        return;
    l->is_gone |= w->is_last;
    if (w->sent_ns <= l->acked_ns)
        return;
    if (!l->is_fenced && w->sent_ns - l->acked_ns > l->config.times.dead_ns) {
        l->doubted_ns = l->doubted_ns ? l->doubted_ns : w->sent_ns;
        l->doubted_last_ns = w->sent_ns;
        return;
    }
    l->acked_ns = w->sent_ns;
    if (!l->is_fenced)
        lease_move_fence(l);
}

void lease_written(struct lease *l, uint64_t ticket, enum engine_result result, uint64_t now_ns)
{
    struct lease_write w;
    if (!lease_write_take(l, ticket, &w))
        return;
    switch (w.kind) {
    case LEASE_WRITE_BEAT:
        beat_written(l, &w, result);
        return;
    case LEASE_WRITE_CLAIM:
        lease_claim_written(l, &w, result, now_ns);
        return;
    case LEASE_WRITE_FREE:
        lease_free_written(l, &w, result, now_ns);
        return;
    case LEASE_WRITE_OTHER:
        return;
    }
}

/* --- the tick --- */

static bool is_all_given(const struct lease *l)
{
    return l->holdings[LEASE_IDLE] == l->count && !lease_self(l)->claims;
}

/* The last word, once nothing is left to give back. */
static void say_last(struct lease *l)
{
    bool is_all = l->is_leaving && is_all_given(l);
    l->is_beat_wanted |= is_all && !l->is_last_wanted;
    l->is_last_wanted = is_all;
    l->is_gone |= is_all && !l->beats;
}

static uint64_t beat_if_due(struct lease *l, uint64_t now_ns)
{
    if (!l->is_ready || !l->has_view || l->is_gone)
        return UINT64_MAX;
    bool is_quick = l->is_beat_wanted && now_ns >= l->last_beat_ns + QUICK_NS;
    if (is_quick || now_ns >= l->beat_due_ns) {
        lease_beat(l, now_ns);
        lease_log_name(l);
        lease_view_clean(l, now_ns);
        lease_clean_epochs(l);
    }
    uint64_t quick_ns = l->last_beat_ns + QUICK_NS;
    if (!l->is_beat_wanted || quick_ns > l->beat_due_ns)
        return l->beat_due_ns;
    return quick_ns > now_ns ? quick_ns : now_ns + QUICK_NS;
}

static void publish_if_due(struct lease *l, uint64_t now_ns)
{
    bool is_due = !lease_is_published(l) &&
                  (!l->published_ns || now_ns >= l->published_ns + l->config.times.dead_ns);
    if (l->is_ready && l->has_view && (l->publish_left || is_due))
        lease_publish(l, now_ns);
}

static void sweep_if_due(struct lease *l, uint64_t now_ns)
{
    if (now_ns >= l->retry_ns) {
        l->retry_ns = UINT64_MAX;
        lease_sweep_all(l);
    }
    (void)lease_sweep(l, now_ns);
}

static uint64_t soonest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t lease_tick(struct lease *l, uint64_t now_ns)
{
    check_fence(l, now_ns);
    uint64_t next = check_watch(l, now_ns);
    lift_fence(l, now_ns);
    next = soonest(next, lease_view_tick(l, now_ns));
    update_state(l, now_ns);
    publish_if_due(l, now_ns);
    sweep_if_due(l, now_ns);
    lift_fence(l, now_ns);
    update_state(l, now_ns);
    say_last(l);
    tell_refused(l, now_ns);
    next = soonest(next, beat_if_due(l, now_ns));
    if (l->sweep_left)
        return now_ns;
    if (l->publish_left)
        next = soonest(next, now_ns + LEASE_NO_ROOM_NS);
    next = soonest(next, l->retry_ns);
    next = soonest(next, now_ns + l->config.times.dead_ns / 8);
    return next > now_ns ? next : now_ns + 1;
}

void lease_set_figures(struct lease *l, const struct beat_figures *figures)
{
    l->figures = *figures;
}

void lease_leave(struct lease *l, uint64_t now_ns)
{
    l->is_leaving = true;
    lease_sweep_all(l);
}

bool lease_is_gone(const struct lease *l)
{
    return l->is_gone;
}
