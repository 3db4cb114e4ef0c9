/* SPDX-License-Identifier: MIT */
/* An incident is entered and left by targets; it is over when none was in it for as long as it
 * takes to gather one, so that a service that comes and goes is one incident. What was over before
 * it was told is not told: each target's events are on stdout in any case.
 *
 * Times of gathering double with each return, so what flaps with any period soon is one incident
 * that lasts. Lines that find the limit of all lines reached wait, and are told as things stand
 * then. */
#include "daemon/incidents.h"

#include <stdio.h>

#include "base/jsontext.h"
#include "base/plural.h"
#include "daemon/event.h"

/* What was kept of a text is compared with what would be. */
static bool is_kept(const char *kept, size_t size, str text)
{
    return str_eq(str_of(kept), str_cut(text, size - 1));
}

static bool is_cause(const struct incident *i, const struct incident_cause *c)
{
    return i->status == c->status && i->cause == c->cause &&
           is_kept(i->code, sizeof i->code, c->code) &&
           is_kept(i->identity, sizeof i->identity, c->identity);
}

/* Its own, or a free one, or the one that was over first, or the last. */
static struct incident *find(struct incidents *in, const struct incident_cause *c)
{
    struct incident *free_one = NULL, *over = NULL;
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        if (in->list[i].status != PIPEPOLL_OK && is_cause(&in->list[i], c))
            return &in->list[i];
        if (in->list[i].status == PIPEPOLL_OK && !free_one)
            free_one = &in->list[i];
        if (in->list[i].over && (!over || in->list[i].empty_ms < over->empty_ms))
            over = &in->list[i];
    }
    if (!free_one && over)
        *over = (struct incident) { .status = PIPEPOLL_OK };
    free_one = free_one ? free_one : over;
    return free_one ? free_one : &in->list[INCIDENTS_MAX - 1];
}

static struct incident_region *region_of(struct incident *i, str region)
{
    for (size_t n = 0; n < i->region_count; n++)
        if (is_kept(i->regions[n].name, sizeof i->regions[n].name, region))
            return &i->regions[n];
    return NULL;
}

static void count_region(struct incident *i, str region)
{
    struct incident_region *r = region_of(i, region);
    if (!r && i->region_count < INCIDENT_REGIONS_MAX) {
        r = &i->regions[i->region_count++];
        str_copy(r->name, sizeof r->name, region);
        r->targets = 0;
    }
    if (r)
        r->targets++;
    i->most_regions = i->region_count > i->most_regions ? i->region_count : i->most_regions;
}

/* How long it is gathered, and how long it must be empty to have passed. */
static int64_t gather_ms(const struct incident *i)
{
    int64_t ms = (int64_t)INCIDENTS_GATHER_MS << (i->returns < 16 ? i->returns : 16);
    return ms < INCIDENTS_GATHER_MAX_MS ? ms : INCIDENTS_GATHER_MAX_MS;
}

static void begin(struct incident *i, const struct incident_cause *cause, int64_t now_ms)
{
    unsigned returns = i->over ? i->returns + 1 : 0;
    *i = (struct incident) { .status = cause->status,
                             .cause = cause->cause,
                             .since_ms = now_ms,
                             .pause_ms = INCIDENTS_PAUSE_MS,
                             .returns = returns };
    i->due_ms = now_ms + gather_ms(i);
    str_copy(i->code, sizeof i->code, cause->code);
    str_copy(i->identity, sizeof i->identity, cause->identity);
}

bool incidents_enter(struct incidents *in, const struct incident_cause *cause, str region,
                     int64_t now_ms, struct incident **out)
{
    struct incident *i = find(in, cause);
    bool new = i->status == PIPEPOLL_OK || i->over;
    if (new)
        begin(i, cause, now_ms);
    incident_note_failed(i);
    i->targets++;
    i->most = i->targets > i->most ? i->targets : i->most;
    count_region(i, region);
    *out = i;
    return new;
}

void incident_note_failed(struct incident *i)
{
    i->failed++;
}

void incident_describe(struct incident *i, str words, str name, str region)
{
    str_copy(i->words, sizeof i->words, words);
    str_copy(i->name, sizeof i->name, name);
    str_copy(i->region, sizeof i->region, region);
}

void incident_note_request(struct incident *i, const struct pipepoll_failure *failure)
{
    str_copy(i->request_id, sizeof i->request_id, failure->request_id);
    i->http_status = failure->http_status;
}

void incident_leave(struct incident *i, str region, bool removed, int64_t now_ms)
{
    struct incident_region *r = region_of(i, region);
    if (r && --r->targets == 0)
        *r = i->regions[--i->region_count];
    if (--i->targets == 0)
        i->empty_ms = now_ms;
    i->removed = removed;
}

void incident_note_replaced(struct incident *i)
{
    i->was_replaced = true;
}

/* --- lines --- */

static void put_where(struct buf *out, const struct incident *i, size_t targets, size_t regions)
{
    if (targets == 1 && i->most == 1)
        buf_printf(out, "[target %s] in %s", i->name, i->region);
    else
        buf_printf(out, "%zu target%s in %s%zu region%s ([target %s] in %s was the first)", targets,
                   plural(targets), regions == INCIDENT_REGIONS_MAX ? "at least " : "", regions,
                   plural(regions), i->name, i->region);
}

static void put_lasting(struct buf *out, const struct incident *i, int64_t unix_offset_ms)
{
    put_where(out, i, i->targets, i->region_count);
    uint64_t failed = i->failed;
    buf_printf(out, ": %s", i->words);
    buf_printf(out, "; %llu failed poll%s since ", (unsigned long long)failed, plural(failed));
    jsontext_put_expiry(out, (i->since_ms + unix_offset_ms) / 1000);
    if (i->returns)
        buf_printf(out, "; it came back %u time%s", i->returns, plural(i->returns));
    buf_put(out, STR("; see pipepoll doctor"));
}

/* Healthy is said only where every target became so. */
static void put_passed(struct buf *out, const struct incident *i)
{
    const char *cause = i->cause ? pipepoll_cause_name(i->cause) : event_status(i->status);
    long long lasted_s = (i->empty_ms - i->since_ms) / 1000;
    put_where(out, i, i->most, i->most_regions);
    if (i->was_replaced)
        buf_printf(out, " no longer fail%s as %s, after %lld s: another cause followed",
                   i->most > 1 ? "" : "s", cause, lasted_s);
    else
        buf_printf(out, " %s %s, after %lld s", i->most > 1 ? "are" : "is",
                   i->removed ? "not polled any more" : "healthy again", lasted_s);
}

static struct subject subject_of(const struct incident *i, size_t targets, size_t regions)
{
    return (struct subject) { .target = str_of(i->name),
                              .region = str_of(i->region),
                              .targets = targets,
                              .regions = regions,
                              .identity = str_of(i->identity),
                              .status = str_of(event_status(i->status)),
                              .cause = str_of(pipepoll_cause_name(i->cause)),
                              .code = str_of(i->code),
                              .request_id = str_of(i->request_id),
                              .http_status = i->http_status };
}

/* What an incident was about has passed, and its request is of no more interest. */
static struct subject subject_of_passed(const struct incident *i)
{
    struct subject about = subject_of(i, i->most, i->most_regions);
    about.status = i->was_replaced ? STR("replaced")
                   : i->removed    ? STR("removed")
                                   : str_of(event_status(PIPEPOLL_OK));
    about.cause = about.code = about.request_id = (str) { NULL, 0 };
    about.http_status = 0;
    return about;
}

static bool take_line(struct incidents *in, int64_t now_ms, bool last)
{
    return line_budget_take(&in->lines, INCIDENTS_LINES, INCIDENTS_LINE_EVERY_MS, now_ms) || last;
}

static void tell_lasting(const struct incidents *in, struct incident *i, int64_t now_ms,
                         incident_line_fn *line, void *ctx)
{
    char text[2 * INCIDENT_WORDS_MAX];
    struct buf b = BUF_ON(text);
    put_lasting(&b, i, in->unix_offset_ms);
    if (i->told)
        i->pause_ms *= 2;
    if (i->pause_ms > INCIDENTS_PAUSE_MAX_MS)
        i->pause_ms = INCIDENTS_PAUSE_MAX_MS;
    i->told = true;
    i->due_ms = now_ms + (int64_t)i->pause_ms;
    const struct subject about = subject_of(i, i->targets, i->region_count);
    line(ctx, PIPEPOLL_WARNING, &about, buf_str(&b));
}

static void tell_passed(const struct incident *i, incident_line_fn *line, void *ctx)
{
    char text[2 * INCIDENT_WORDS_MAX];
    struct buf b = BUF_ON(text);
    put_passed(&b, i);
    const struct subject about = subject_of_passed(i);
    line(ctx, PIPEPOLL_INFO, &about, buf_str(&b));
}

/* What nobody was told of is forgotten, unless it is a return of something. */
static void end(struct incident *i)
{
    if (i->told || i->returns)
        i->over = true;
    else
        i->status = PIPEPOLL_OK;
}

void incidents_tell(struct incidents *in, int64_t now_ms, bool last, incident_line_fn *line,
                    void *ctx)
{
    for (size_t n = 0; n < INCIDENTS_MAX; n++) {
        struct incident *i = &in->list[n];
        if (i->status == PIPEPOLL_OK)
            continue;
        if (i->over) {
            if (now_ms >= i->empty_ms + INCIDENTS_RECALL_MS)
                *i = (struct incident) { .status = PIPEPOLL_OK };
        } else if (i->targets && (now_ms >= i->due_ms || (last && !i->told))) {
            if (take_line(in, now_ms, last))
                tell_lasting(in, i, now_ms, line, ctx);
        } else if (!i->targets && now_ms >= i->empty_ms + gather_ms(i)) {
            if (!i->told || take_line(in, now_ms, last)) {
                if (i->told)
                    tell_passed(i, line, ctx);
                end(i);
            }
        }
    }
}
