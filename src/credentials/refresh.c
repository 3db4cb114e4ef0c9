/* SPDX-License-Identifier: MIT */
/* Two things go on side by side: the set ages, by the clock alone, and fetches come and go. A fetch
 * that hangs does not keep a set from expiring, and a set that expires does not end a fetch. So the
 * state is the age of the set, `fetching` tells of the other, and due_ns is the first of what may
 * happen to either.
 *
 * A fetch can succeed and bring nothing new: metadata services hand out the same set until they
 * have the next one themselves, and in trouble even an expired one. Half the life that is left, but
 * at least a second, spaces such fetches out, and an expired set counts as a failure. */
#include "credentials/refresh.h"

#include <stddef.h>

static const uint64_t second_ns = 1000000000, ms_ns = 1000000;

void refresh_init(struct refresh *r)
{
    *r = (struct refresh) { .state = REFRESH_NONE, .set = { .may_change = true } };
}

bool refresh_has_set(const struct refresh *r)
{
    switch (r->state) {
    case REFRESH_FRESH:
    case REFRESH_STALE:
    case REFRESH_LATE:
    case REFRESH_OUTLIVED:
        return true;
    case REFRESH_NONE:
    case REFRESH_EXPIRED:
        break;
    }
    return false;
}

bool refresh_is_degraded(const struct refresh *r)
{
    switch (r->state) {
    case REFRESH_LATE:
    case REFRESH_OUTLIVED:
        return true;
    case REFRESH_NONE:
    case REFRESH_FRESH:
    case REFRESH_STALE:
    case REFRESH_EXPIRED:
        break;
    }
    return false;
}

/* When the set gets older by itself. */
static uint64_t next_age_ns(const struct refresh *r)
{
    switch (r->state) {
    case REFRESH_FRESH:
        return r->stale_ns;
    case REFRESH_STALE:
        return r->late_ns;
    case REFRESH_LATE:
        return r->set.expires_ns;
    case REFRESH_NONE:
    case REFRESH_OUTLIVED:
    case REFRESH_EXPIRED:
        break;
    }
    return REFRESH_NEVER;
}

static void arm(struct refresh *r)
{
    uint64_t age_ns = next_age_ns(r);
    if (r->is_idle)
        r->due_ns = REFRESH_NEVER;
    else
        r->due_ns = r->fetching || r->fetch_ns > age_ns ? age_ns : r->fetch_ns;
}

static void fetch_soon(struct refresh *r, uint64_t now_ns)
{
    if (r->set.may_change && r->fetch_ns > now_ns)
        r->fetch_ns = now_ns;
}

static bool has_good_set(const struct refresh *r)
{
    return refresh_has_set(r) && r->state != REFRESH_OUTLIVED;
}

/* However late the call: a loop that stood still may skip ages. */
static void grow_old(struct refresh *r, uint64_t now_ns)
{
    if (!has_good_set(r))
        return;
    if (now_ns >= r->set.expires_ns) {
        r->state = r->set.outlives_expiry ? REFRESH_OUTLIVED : REFRESH_EXPIRED;
    } else if (now_ns >= r->late_ns) {
        if (r->state != REFRESH_LATE && r->failures > 0)
            fetch_soon(r, now_ns);
        r->state = REFRESH_LATE;
    } else if (now_ns >= r->stale_ns) {
        r->state = REFRESH_STALE;
    }
}

bool refresh_on_due(struct refresh *r, uint64_t now_ns)
{
    grow_old(r, now_ns);
    bool start = !r->fetching && !r->is_idle && now_ns >= r->fetch_ns;
    r->fetching = r->fetching || start;
    arm(r);
    return start;
}

void refresh_set_idle(struct refresh *r, bool is_idle, uint64_t now_ns)
{
    bool had_set = refresh_has_set(r), fetching = r->fetching;
    r->is_idle = is_idle;
    if (!is_idle)
        grow_old(r, now_ns);
    if (had_set && !refresh_has_set(r)) {
        refresh_init(r);
        r->fetching = fetching;
    }
    arm(r);
}

/* Full jitter, up to twice as much after each failure. */
static uint64_t backoff_ns(uint32_t failures, uint64_t roll)
{
    const uint64_t cap_ms = REFRESH_BACKOFF_CAP_MS;
    uint64_t ceiling_ms = cap_ms;
    if (failures <= 16)
        ceiling_ms = (uint64_t)REFRESH_BACKOFF_BASE_MS << (failures - 1);
    uint64_t ms = roll % ((ceiling_ms < cap_ms ? ceiling_ms : cap_ms) + 1);
    if (failures >= REFRESH_PATIENCE && ms < REFRESH_PATIENT_MS)
        ms = REFRESH_PATIENT_MS;
    return ms * ms_ns;
}

/* One more failure: when to fetch again. */
static void back_off(struct refresh *r, bool lasting, uint64_t now_ns, uint64_t roll)
{
    r->failures += r->failures < UINT32_MAX;
    r->fetch_ns =
        now_ns + (lasting ? REFRESH_LOOK_AGAIN_S * second_ns : backoff_ns(r->failures, roll));
}

void refresh_on_failed(struct refresh *r, bool lasting, uint64_t now_ns, uint64_t roll)
{
    r->fetching = false;
    grow_old(r, now_ns);
    back_off(r, lasting, now_ns, roll);
    arm(r);
}

/* The ages of a set that is good now. */
static void plan(struct refresh *r, uint64_t now_ns, uint64_t roll)
{
    r->state = REFRESH_FRESH;
    r->failures = 0;
    r->stale_ns = r->late_ns = r->planned_ns = REFRESH_NEVER;
    if (r->set.expires_ns == REFRESH_NEVER)
        return;
    uint64_t lead_ns = (r->set.expires_ns - now_ns) / 2;
    if (lead_ns > REFRESH_ADVISORY_S * second_ns)
        lead_ns = REFRESH_ADVISORY_S * second_ns;
    r->late_ns = r->set.expires_ns - lead_ns / (REFRESH_ADVISORY_S / REFRESH_MANDATORY_S);
    r->stale_ns = r->set.expires_ns - (lead_ns * 4 / 5 + roll % (lead_ns * 2 / 5 + 1));
    if (r->set.may_change)
        r->planned_ns = r->stale_ns > now_ns + second_ns ? r->stale_ns : now_ns + second_ns;
}

/* By plan; while the service refuses the set, each minute. */
static void plan_fetch(struct refresh *r, uint64_t now_ns)
{
    r->fetch_ns = r->planned_ns;
    if (!r->refused || !r->set.may_change)
        return;
    if (r->force_ns <= now_ns)
        r->force_ns = now_ns + REFRESH_FORCE_INTERVAL_S * second_ns;
    if (r->force_ns < r->fetch_ns)
        r->fetch_ns = r->force_ns;
}

bool refresh_on_fetched(struct refresh *r, const struct refresh_set *set, uint64_t now_ns,
                        uint64_t roll)
{
    grow_old(r, now_ns);
    bool expired = set->expires_ns <= now_ns;
    bool take = !expired || (set->outlives_expiry && !has_good_set(r));
    r->fetching = false;
    if (take) {
        r->set = *set;
        r->refused = r->refused && set->is_same;
    }
    if (expired) {
        back_off(r, false, now_ns, roll);
    } else {
        plan(r, now_ns, roll);
        plan_fetch(r, now_ns);
    }
    if (take && expired)
        r->state = REFRESH_OUTLIVED;
    arm(r);
    return take;
}

static bool fetch_now(struct refresh *r, uint64_t now_ns)
{
    if (r->state == REFRESH_FRESH)
        r->state = REFRESH_STALE;
    fetch_soon(r, now_ns);
    arm(r);
    return true;
}

bool refresh_on_refused(struct refresh *r, uint64_t now_ns)
{
    r->refused = true;
    if (r->fetching)
        return true;
    if (r->state == REFRESH_NONE || !r->set.may_change)
        return false;
    if (r->fetch_ns <= now_ns) /* several answers of one turn may say so */
        return true;
    if (now_ns >= r->force_ns) {
        r->force_ns = now_ns + REFRESH_FORCE_INTERVAL_S * second_ns;
        return fetch_now(r, now_ns);
    }
    if (r->force_ns < r->fetch_ns)
        r->fetch_ns = r->force_ns;
    arm(r);
    return false;
}

void refresh_on_accepted(struct refresh *r)
{
    if (!r->refused)
        return;
    r->refused = false;
    if (r->state == REFRESH_FRESH)
        r->fetch_ns = r->planned_ns;
    arm(r);
}

bool refresh_now(struct refresh *r, uint64_t now_ns)
{
    if (r->fetching)
        return true;
    return r->set.may_change && fetch_now(r, now_ns);
}
