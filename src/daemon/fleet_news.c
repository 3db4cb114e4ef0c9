/* SPDX-License-Identifier: MIT */
/* Three parts: how this member stands, which is told at once; what happened to the others, in one
 * line a look; and its share of the targets, when they have stopped moving. While it is cut off its
 * share is no news: it has none. */
#include "daemon/fleet_news.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/plural.h"

/* --- how this member stands --- */

/* The names of those that have joined: who still waits joins in a line of its own. */
static void put_peers(struct buf *out, const struct fleet_look *look)
{
    size_t told = 0, there = 0;
    for (size_t i = 0; i < look->peer_count; i++) {
        const struct fleet_peer *p = &look->peers[i];
        if (p->state != FLEET_PEER_ACTIVE && p->state != FLEET_PEER_DRAINED)
            continue;
        there++;
        if (out->cap - out->len < sizeof p->id + 32)
            continue;
        buf_printf(out, "%s%s", told++ ? ", " : "", p->id);
    }
    if (told < there)
        buf_printf(out, " and %zu more", there - told);
}

static void tell_joined(struct fleet_news *n, const struct fleet_look *look)
{
    char text[400];
    struct buf others = BUF_ON(text);
    put_peers(&others, look);
    log_line(&n->log, PIPEPOLL_INFO, "fleet %s: joined as member %s%s%s", n->fleet, n->member,
             others.len ? "; the others: " : ", the only one", buf_cstr(&others));
}

static void tell_drained(struct fleet_news *n, bool is_drained)
{
    if (is_drained)
        log_line(&n->log, PIPEPOLL_WARNING,
                 "fleet %s: member %s is drained, as was asked for: it polls nothing and takes no "
                 "jobs, but what its handlers wait for, until `pipepoll fleet drain %s --end`",
                 n->fleet, n->member, n->member);
    else
        log_line(&n->log, PIPEPOLL_INFO,
                 "fleet %s: member %s is drained no more: it takes its part", n->fleet, n->member);
}

/* Of two with one name one stands back. */
static void tell_same_name(struct fleet_news *n, const char *who)
{
    log_line(&n->log, PIPEPOLL_ERROR,
             "fleet %s: another process is member %s %s while both are there; give each a "
             "`member` of its own in [fleet]",
             n->fleet, n->member, who);
}

static void tell_cut_off(struct fleet_news *n, const struct fleet_look *look)
{
    log_line(&n->log, PIPEPOLL_WARNING,
             "fleet %s: member %s %s: it %s until it hears from them again%s", n->fleet, n->member,
             look->is_ready ? "stood still, or the servers did not answer in time"
                            : "is cut off from the servers",
             look->targets ? "polls nothing" : "takes no jobs",
             look->targets ? ", for others may have its targets" : "");
}

static void tell_other_log(struct fleet_news *n)
{
    log_line(&n->log, PIPEPOLL_WARNING,
             "fleet %s: the servers have lost the log of leases (a deleted stream, or a disk): "
             "member %s lets go of all its targets, and the members divide them anew",
             n->fleet, n->member);
}

static void look_at_names(struct fleet_news *n, const struct fleet_look *look)
{
    if (look->is_duplicate && !n->is_duplicate)
        tell_same_name(n, "already: this one polls nothing");
    if (look->has_twin && !n->has_twin)
        tell_same_name(n, "as well: that one polls nothing");
    if (!look->is_duplicate && !look->has_twin && (n->is_duplicate || n->has_twin))
        log_line(&n->log, PIPEPOLL_INFO, "fleet %s: no other process is member %s any more",
                 n->fleet, n->member);
    n->is_duplicate = look->is_duplicate;
    n->has_twin = look->has_twin;
}

/* Once it has joined: does it still hear from them, and are they the same? */
static void look_at_servers(struct fleet_news *n, const struct fleet_look *look)
{
    bool is_other_log = look->log_losses != n->log_losses, waits = look->state == BEAT_WAIT;
    n->log_losses = look->log_losses;
    if (n->told == FLEET_NEWS_JOINING)
        return;
    if (is_other_log)
        tell_other_log(n);
    else if (waits && look->is_fenced && !look->is_duplicate && !n->is_cut_off)
        tell_cut_off(n, look);
    if (look->state == BEAT_HI && n->is_cut_off)
        log_line(&n->log, PIPEPOLL_INFO, "fleet %s: member %s works again", n->fleet, n->member);
    n->is_cut_off = waits && (n->is_cut_off || look->is_fenced || is_other_log);
}

static void look_at_self(struct fleet_news *n, const struct fleet_look *look)
{
    bool is_in = look->state == BEAT_HI, is_drained = look->state == BEAT_DRAINED;
    look_at_names(n, look);
    if (is_in && n->told == FLEET_NEWS_JOINING)
        tell_joined(n, look);
    if (is_drained && n->told != FLEET_NEWS_DRAINED)
        tell_drained(n, true);
    if (is_in && n->told == FLEET_NEWS_DRAINED)
        tell_drained(n, false);
    look_at_servers(n, look);
    if (is_in || is_drained)
        n->told = is_in ? FLEET_NEWS_IN : FLEET_NEWS_DRAINED;
}

/* --- the others --- */

static struct fleet_peer *find(struct fleet_peer *peers, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(peers[i].id, id) == 0)
            return &peers[i];
    return NULL;
}

void fleet_news_put_peer(struct fleet_peer *peers, size_t *count, const struct fleet_peer *peer)
{
    struct fleet_peer *same = find(peers, *count, peer->id);
    if (same && same->silent_ms <= peer->silent_ms)
        return;
    if (!same && *count < FLEET_NEWS_PEERS)
        same = &peers[(*count)++];
    if (same)
        *same = *peer;
}

/* Nothing where it is no news. */
static void put_event(struct buf *out, const struct fleet_peer *is, enum fleet_peer_state was)
{
    if (is->state == was || is->state == FLEET_PEER_WAITS)
        return;
    switch (is->state) {
    case FLEET_PEER_WAITS:
        return;
    case FLEET_PEER_ACTIVE:
        buf_printf(out, "member %s %s", is->id,
                   was == FLEET_PEER_LEFT      ? "joined"
                   : was == FLEET_PEER_DRAINED ? "is drained no more"
                                               : "is back");
        return;
    case FLEET_PEER_DRAINED:
        buf_printf(out, "member %s is drained", is->id);
        return;
    case FLEET_PEER_LEFT:
        if (was != FLEET_PEER_DEAD)
            buf_printf(out, "member %s left", is->id);
        return;
    case FLEET_PEER_DEAD:
        if (was == FLEET_PEER_LEFT)
            return;
        buf_printf(out, "member %s is dead: silent for %.1f s", is->id,
                   (double)is->silent_ms / 1000);
        if (is->held)
            buf_printf(out, ", and had %llu target%s", (unsigned long long)is->held,
                       plural((size_t)is->held));
        return;
    }
}

static void keep_peers(struct fleet_news *n, const struct fleet_look *look)
{
    struct fleet_peer before[FLEET_NEWS_PEERS];
    size_t count = n->peer_count;
    memcpy(before, n->peers, count * sizeof *before);
    n->peer_count = 0;
    for (size_t i = 0; i < look->peer_count && i < FLEET_NEWS_PEERS; i++) {
        struct fleet_peer *to = &n->peers[n->peer_count++];
        const struct fleet_peer *was = find(before, count, look->peers[i].id);
        *to = look->peers[i];
        if (to->state == FLEET_PEER_WAITS) /* it may have been cut off, or is about to join */
            to->state = was ? was->state : FLEET_PEER_LEFT;
    }
}

/* true: some died. */
static bool put_events(struct buf *out, struct fleet_news *n, const struct fleet_look *look)
{
    bool is_death = false;
    size_t untold = 0;
    for (size_t i = 0; i < look->peer_count; i++) {
        const struct fleet_peer *was = find(n->peers, n->peer_count, look->peers[i].id);
        char text[BEAT_MEMBER_MAX + 80];
        struct buf one = BUF_ON(text);
        put_event(&one, &look->peers[i], was ? was->state : FLEET_PEER_LEFT);
        if (!one.len)
            continue;
        is_death = is_death || look->peers[i].state == FLEET_PEER_DEAD;
        if (out->cap - out->len < one.len + 32)
            untold++;
        else
            buf_printf(out, "%s%.*s", out->len ? "; " : "", STR_ARG(buf_str(&one)));
    }
    if (untold)
        buf_printf(out, "; and %zu more came or went", untold);
    return is_death;
}

static void look_at_peers(struct fleet_news *n, const struct fleet_look *look, bool is_first)
{
    char text[FLEET_NEWS_WHY];
    struct buf events = BUF_ON(text);
    if (n->told == FLEET_NEWS_JOINING || n->is_cut_off)
        return; /* what it sees may be old */
    bool is_death = !is_first && put_events(&events, n, look);
    if (events.len &&
        !line_budget_take(&n->of_peers, FLEET_NEWS_AT_ONCE, FLEET_NEWS_EVERY_MS, look->now_ms))
        return; /* it is news with the next line */
    keep_peers(n, look);
    if (!events.len)
        return;
    log_line(&n->log, is_death ? PIPEPOLL_WARNING : PIPEPOLL_INFO, "fleet %s: %s", n->fleet,
             buf_cstr(&events));
    str_copy(n->why, sizeof n->why, buf_str(&events));
}

/* --- its share --- */

static void tell_share(struct fleet_news *n, const struct fleet_look *look)
{
    char text[64] = "";
    if (n->has_share && look->held != n->told_held)
        snprintf(text, sizeof text, ", %zu %s than before",
                 look->held > n->told_held ? look->held - n->told_held : n->told_held - look->held,
                 look->held > n->told_held ? "more" : "fewer");
    log_line(&n->log, PIPEPOLL_INFO, "fleet %s: polling %zu of %zu target%s%s%s%s%s", n->fleet,
             look->held, look->targets, plural(look->targets), text, n->why[0] ? " (" : "", n->why,
             n->why[0] ? ")" : "");
    n->why[0] = '\0';
    n->has_share = true;
    n->told_held = look->held;
    n->told_targets = look->targets;
}

static void look_at_share(struct fleet_news *n, const struct fleet_look *look)
{
    if (look->held != n->held || n->is_cut_off || n->told == FLEET_NEWS_JOINING)
        n->changed_ms = look->now_ms;
    n->held = look->held;
    bool is_news = look->held != n->told_held || look->targets != n->told_targets;
    if (!is_news || look->now_ms - n->changed_ms < FLEET_NEWS_SETTLED_MS)
        return;
    if (line_budget_take(&n->of_share, FLEET_NEWS_AT_ONCE, FLEET_NEWS_EVERY_MS, look->now_ms))
        tell_share(n, look);
}

void fleet_news_look(struct fleet_news *n, const struct fleet_look *look)
{
    bool was_joining = n->told == FLEET_NEWS_JOINING;
    if (look->state == BEAT_BYE)
        return; /* the end has lines of its own */
    look_at_self(n, look);
    look_at_peers(n, look, was_joining);
    look_at_share(n, look);
}
