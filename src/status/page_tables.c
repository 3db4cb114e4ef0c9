/* SPDX-License-Identifier: MIT */
/* Each table is put row by row, its cells in the order of its head in page.html. */
#include "status/page_tables.h"

#include "pipepoll/worker.h"
#include "status/page_words.h"

/* A cell of numbers that is composed in a buffer. */
#define CELL(b)                                                                                    \
    char b##_text[96];                                                                             \
    struct buf b = BUF_ON(b##_text)

static void put_count(struct page_out *o, uint64_t n)
{
    CELL(b);
    words_count(&b, n);
    page_number_text(o, &b);
}

static void put_ago(struct page_out *o, int64_t unix_ms, int64_t now_ms)
{
    CELL(b);
    words_ago(&b, unix_ms, now_ms);
    page_number_text(o, &b);
}

static void put_span(struct page_out *o, int64_t ms)
{
    CELL(b);
    words_span(&b, ms);
    page_number_text(o, &b);
}

static void put_duration(struct page_out *o, uint64_t us)
{
    CELL(b);
    words_duration(&b, us);
    page_number_text(o, &b);
}

static void put_mean(struct page_out *o, const struct status_durations *d)
{
    if (d->count)
        put_duration(o, d->sum_us / d->count);
    else
        page_number(o, "\xe2\x80\x93");
}

static size_t at_most(size_t count)
{
    return count < PAGE_LIST_MAX ? count : PAGE_LIST_MAX;
}

/* --- polling --- */

static void put_incidents(struct page_out *o, const struct page_view *v)
{
    const struct status *s = v->status;
    for (size_t n = 0; n < at_most(s->incident_count); n++) {
        const struct status_incident *i = &s->incidents[n];
        page_row(o, status_state_name(STATUS_FAILING));
        page_long(o, i->words);
        put_count(o, i->targets);
        page_name(o, i->target);
        page_words(o, i->region);
        put_span(o, s->now_ms - i->since_ms);
        page_row_end(o);
    }
}

static void put_type(struct page_out *o, const struct status_target *t)
{
    char text[PAGE_KEY_MAX];
    struct buf b = BUF_ON(text);
    buf_put(&b, t->provider);
    buf_put(&b, STR(" \xc2\xb7 "));
    buf_put(&b, t->category);
    buf_put(&b, STR(" \xc2\xb7 "));
    buf_put(&b, t->version);
    page_words(o, buf_str(&b));
}

static void put_target(struct page_out *o, const struct status *s, const struct status_target *t)
{
    uint64_t good = t->polls[STATUS_JOBS] + t->polls[STATUS_EMPTY], all = 0;
    for (size_t i = 0; i < STATUS_OUTCOMES; i++)
        all += t->polls[i];
    page_row(o, status_state_name(t->state));
    page_state(o, status_state_name(t->state));
    page_name(o, t->name);
    put_type(o, t);
    page_words(o, t->region);
    page_long(o, page_reason(s, t->state, t->incident_index));
    put_span(o, s->now_ms - t->since_ms);
    put_ago(o, t->last_good_ms, s->now_ms);
    page_number(o, "%g s", (double)t->interval_ms / 1000);
    put_count(o, all);
    put_count(o, all - good);
    put_count(o, t->jobs);
    page_row_end(o);
}

static void put_targets(struct page_out *o, const struct page_view *v)
{
    const struct status *s = v->status;
    static const enum status_state order[STATUS_STATES] = { STATUS_FAILING, STATUS_LATE,
                                                            STATUS_SLOWED,  STATUS_WAITING,
                                                            STATUS_WELL,    STATUS_ELSEWHERE };
    size_t shown = 0;
    for (size_t n = 0; n < STATUS_STATES; n++) {
        for (size_t i = 0; i < s->target_count && shown < PAGE_TARGETS_MAX; i++)
            if (s->targets[i].state == order[n] && page_view_chooses(v, i)) {
                put_target(o, s, &s->targets[i]);
                shown++;
            }
    }
}

static void put_accounts(struct page_out *o, const struct page_view *v)
{
    for (size_t n = 0; n < v->account_count; n++) {
        const struct status_region *r = &v->status->regions[v->accounts[n]];
        bool is_limited = r->allowed_per_s > 0;
        size_t targets = 0;
        for (size_t i = 0; i < STATUS_STATES; i++)
            targets += r->targets[i];
        CELL(polls);
        CELL(allowed);
        CELL(use);
        words_rate(&polls, r->polls_per_s);
        if (is_limited) {
            double percent = page_use(r) * 100;
            words_rate(&allowed, r->allowed_per_s);
            buf_printf(&use, "%.0f %%", percent < 999 ? percent : 999);
        } else {
            buf_put(&allowed, STR("no limit"));
        }
        page_row(o, "");
        page_name(o, r->identity);
        page_words(o, r->region);
        put_count(o, targets);
        page_number_text(o, &polls);
        page_number_text(o, &allowed);
        page_meter(o, is_limited ? (int)(page_use(r) < 1 ? page_use(r) * 100 : 100) : -1, &use);
        put_mean(o, &r->poll_time);
        page_number(o, "%lld ms", (long long)r->clock_skew_ms);
        page_row_end(o);
    }
}

static void put_one_credentials(struct page_out *o, const struct status_credentials *c,
                                int64_t now_ms)
{
    bool is_good = c->usable && !c->degraded;
    page_row(o, status_state_name(is_good     ? STATUS_WELL
                                  : c->usable ? STATUS_SLOWED
                                              : STATUS_FAILING));
    page_state(o, is_good ? "good" : c->usable ? "not renewed" : "unusable");
    page_name(o, c->source);
    CELL(expires);
    if (c->expires_ms <= 0)
        buf_put(&expires, STR("never"));
    else if (c->expires_ms <= now_ms)
        buf_put(&expires, STR("expired"));
    else {
        buf_put(&expires, STR("in "));
        words_span(&expires, c->expires_ms - now_ms);
    }
    page_number_text(o, &expires);
    page_long(o, c->reason);
    page_row_end(o);
}

static void put_credentials(struct page_out *o, const struct page_view *v)
{
    const struct status *s = v->status;
    size_t shown = 0;
    for (int good = 0; good < 2; good++)
        for (size_t i = 0; i < s->credentials_count && shown < PAGE_LIST_MAX; i++) {
            const struct status_credentials *c = &s->credentials[i];
            if ((c->usable && !c->degraded) != good)
                continue;
            put_one_credentials(o, c, s->now_ms);
            shown++;
        }
}

static void put_outcomes(struct page_out *o, const struct page_view *v)
{
    for (int i = 0; i < STATUS_OUTCOMES; i++) {
        if (!v->status->polls[i])
            continue;
        page_row(o, "");
        page_words(o, str_of(status_outcome_name((enum status_outcome)i)));
        put_count(o, v->status->polls[i]);
        page_row_end(o);
    }
}

/* --- jobs --- */

/* Success and failure have the marks of targets; whatever is neither has none. */
static const char *colour_of(const struct status_job *j)
{
    if (j->end < 0)
        return status_state_name(STATUS_WAITING);
    switch ((enum pipepoll_work_outcome)j->end) {
    case PIPEPOLL_WORK_SUCCEEDED:
    case PIPEPOLL_WORK_CONTINUED:
        return status_state_name(STATUS_WELL);
    case PIPEPOLL_WORK_LOST_RACE:
    case PIPEPOLL_WORK_LEFT:
    case PIPEPOLL_WORK_OVER:
        return "";
    case PIPEPOLL_WORK_FAILED:
    case PIPEPOLL_WORK_NO_TOKEN:
    case PIPEPOLL_WORK_UNRESOLVED:
    case PIPEPOLL_WORK_REJECTED:
    case PIPEPOLL_WORK_UNREPORTED:
        break;
    }
    return status_state_name(STATUS_FAILING);
}

static void put_jobs(struct page_out *o, const struct page_view *v)
{
    const struct status *s = v->status;
    for (size_t i = 0; i < at_most(s->job_count); i++) {
        const struct status_job *j = &s->jobs[i];
        int64_t until_ms = j->end < 0 ? s->now_ms : j->ended_ms;
        page_row(o, colour_of(j));
        page_state(o, j->end < 0 ? status_step_name(j->step) : status_job_end_name((size_t)j->end));
        page_words(o, j->job_id);
        page_name(o, j->target);
        page_words(o, j->region);
        page_name(o, j->handler);
        put_ago(o, j->found_ms, s->now_ms);
        put_duration(o, (uint64_t)(until_ms > j->found_ms ? until_ms - j->found_ms : 0) * 1000);
        page_long(o, j->message);
        page_row_end(o);
    }
}

static void put_ends(struct page_out *o, const struct page_view *v)
{
    for (size_t i = 0; i < STATUS_JOB_ENDS; i++) {
        if (!v->status->job_ends[i])
            continue;
        page_row(o, "");
        page_words(o, str_of(status_job_end_name(i)));
        put_count(o, v->status->job_ends[i]);
        page_row_end(o);
    }
}

static void put_handlers(struct page_out *o, const struct page_view *v)
{
    const struct status *s = v->status;
    for (size_t i = 0; i < at_most(s->handler_count); i++) {
        const struct status_handler *h = &s->handlers[i];
        page_row(o, "");
        page_name(o, h->name);
        page_words(o, h->kind);
        put_count(o, h->running);
        for (size_t end = 0; end < STATUS_RUN_ENDS; end++)
            put_count(o, h->ends[end]);
        put_mean(o, &h->run_time);
        page_row_end(o);
    }
}

/* --- the fleet --- */

static const char *mark_of(enum status_standing standing)
{
    switch (standing) {
    case STATUS_MEMBER_ACTIVE:
        return status_state_name(STATUS_WELL);
    case STATUS_MEMBER_DEAD:
        return status_state_name(STATUS_FAILING);
    case STATUS_MEMBER_JOINING:
    case STATUS_MEMBER_LEAVING:
    case STATUS_MEMBER_DRAINED:
    case STATUS_STANDINGS:
        break;
    }
    return status_state_name(STATUS_WAITING);
}

static void put_members(struct page_out *o, const struct page_view *v)
{
    const struct status_fleet *f = &v->status->fleet;
    for (size_t i = 0; i < at_most(f->member_count); i++) {
        const struct status_member *m = &f->members[i];
        CELL(polls);
        words_rate(&polls, m->polls_per_s);
        page_row(o, mark_of(m->standing));
        page_state(o, status_standing_name(m->standing));
        page_name(o, str_of(m->name));
        put_count(o, m->held);
        page_number_text(o, &polls);
        put_count(o, m->jobs);
        put_count(o, m->free_slots);
        put_duration(o, (uint64_t)(m->silent_ms > 0 ? m->silent_ms : 0) * 1000);
        page_words(o, str_of(m->version));
        page_row_end(o);
    }
}

/* --- the process --- */

static void put_loops(struct page_out *o, const struct page_view *v)
{
    const struct status *s = v->status;
    int64_t up_ms = s->now_ms - s->started_ms;
    for (size_t i = 0; i < at_most(s->loop_count); i++) {
        const struct status_loop *l = &s->loops[i];
        bool hangs = l->silent_ms > STATUS_HANGS_MS;
        page_row(o, status_state_name(hangs ? STATUS_FAILING : STATUS_WELL));
        page_state(o, hangs ? "hangs" : "turns");
        page_number(o, "%zu", i);
        put_duration(o, (uint64_t)(l->silent_ms > 0 ? l->silent_ms : 0) * 1000);
        put_count(o, l->turns);
        page_number(o, "%.1f %%", up_ms > 0 ? (double)l->busy_us / 10 / (double)up_ms : 0);
        put_duration(o, l->longest_us);
        page_row_end(o);
    }
}

const struct page_table page_tables[] = {
    { "incidents", put_incidents }, { "targets", put_targets },
    { "accounts", put_accounts },   { "credentials", put_credentials },
    { "outcomes", put_outcomes },   { "jobs", put_jobs },
    { "ends", put_ends },           { "handlers", put_handlers },
    { "members", put_members },     { "loops", put_loops },
};
const size_t page_table_count = sizeof page_tables / sizeof *page_tables;
