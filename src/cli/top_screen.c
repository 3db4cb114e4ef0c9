/* SPDX-License-Identifier: MIT */
/* From the top: how it stands, sums, why targets fail, then targets in a table, the worst first.
 * More targets than rows are told by region, below those that fail. Each line is made plain, cut to
 * the window, and only then coloured as a whole. */
#include "cli/top_screen.h"

#include <stdio.h>

#include "base/jsontext.h"
#include "base/plural.h"
#include "cli/screen.h"
#include "daemon/colour.h"

enum { LINE_MAX_BYTES = 8192, TABLE_LEAST = 3, PAGE_HEAD = 2, NAME_MAX_COLUMNS = 24 };
enum { NARROW_COLUMNS = 14, WIDE_WINDOW = 120, PLAIN_COLUMNS = 200, TEXT_MAX_COLUMNS = 512 };

/* Columns of the table of targets that are as wide as what is in them. */
struct widths {
    size_t name, region, provider;
};

struct pen {
    struct buf *out;
    const struct top_window *window;
    struct widths widths;
    size_t used; /* rows */
};

static size_t left(const struct pen *p)
{
    return p->window->rows - p->used;
}

static void put_line(struct pen *p, str text, const char *colour)
{
    bool coloured = p->window->coloured && colour;
    if (!left(p))
        return;
    if (p->used++)
        buf_put_char(p->out, '\n');
    buf_put(p->out, str_of(coloured ? colour : ""));
    screen_put(p->out, text, p->window->columns);
    buf_put(p->out, str_of(coloured ? COLOUR_NONE : ""));
}

/* A cell of a line, and two blanks. */
static void put_cell(struct buf *line, str text, size_t columns)
{
    size_t taken = screen_put(line, text, columns);
    buf_printf(line, "%*s", (int)(columns - taken + 2), "");
}

static void put_more(struct pen *p, size_t count, const char *what)
{
    char text[64];
    struct buf line = BUF_ON(text);
    buf_printf(&line, "and %zu more %s%s", count, what, plural(count));
    put_line(p, buf_str(&line), NULL);
}

/* --- how it stands --- */

static void put_verdict(struct pen *p, const struct top_model *m)
{
    char text[LINE_MAX_BYTES];
    struct buf line = BUF_ON(text);
    const char *word = !m->is_alive   ? "HANGS"
                       : !m->is_ready ? "NOT READY"
                       : !m->is_well  ? "NOT WELL"
                                      : "WELL";
    const char *colour = m->is_well ? COLOUR_GREEN : m->is_ready ? COLOUR_YELLOW : COLOUR_RED;
    if (p->window->told.len) {
        buf_put(&line, STR("NO ANSWER since "));
        jsontext_put_expiry(&line, p->window->told_since_s);
        buf_put(&line, STR("  "));
        screen_put(&line, p->window->told, TEXT_MAX_COLUMNS);
        put_line(p, buf_str(&line), COLOUR_RED);
        return;
    }
    buf_printf(&line, "%s  ", word);
    screen_put(&line, m->why, TEXT_MAX_COLUMNS);
    put_line(p, buf_str(&line), colour);
}

static void put_states(struct pen *p, const struct top_model *m)
{
    static const enum status_state order[] = { STATUS_FAILING, STATUS_LATE, STATUS_SLOWED,
                                               STATUS_WAITING, STATUS_WELL, STATUS_ELSEWHERE };
    char text[256];
    struct buf line = BUF_ON(text);
    buf_printf(&line, "%zu target%s", m->target_count, plural(m->target_count));
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (m->states[order[i]])
            buf_printf(&line, ", %zu %s", m->states[order[i]], status_state_name(order[i]));
    put_line(p, buf_str(&line), NULL);
}

static void put_polls(struct pen *p, const struct top_model *m)
{
    char text[256];
    struct buf line = BUF_ON(text);
    buf_printf(&line, "%.1f polls/s, %llu in flight, %llu parked; %llu job%s found", m->polls_per_s,
               (unsigned long long)m->in_flight, (unsigned long long)m->parked,
               (unsigned long long)m->jobs, plural(m->jobs));
    if (m->pickups)
        buf_printf(&line, "; pickup p50 %.1f s, p95 %.1f s, p99 %.1f s", m->pickup_s[0],
                   m->pickup_s[1], m->pickup_s[2]);
    put_line(p, buf_str(&line), NULL);
}

static void put_handlers(struct buf *line, const struct top_model *m)
{
    for (size_t i = 0; i < m->handler_count; i++) {
        const struct top_handler *h = &m->handlers[i];
        buf_put(line, STR("; "));
        screen_put(line, h->name, NAME_MAX_COLUMNS);
        buf_printf(line, " runs %llu", (unsigned long long)h->running);
        if (h->failed)
            buf_printf(line, " (%llu failed)", (unsigned long long)h->failed);
    }
}

static void put_jobs(struct pen *p, const struct top_model *m)
{
    char text[LINE_MAX_BYTES];
    struct buf line = BUF_ON(text);
    uint64_t in_hand = 0;
    if (!m->works_jobs)
        return;
    for (int i = 0; i < STATUS_STEPS; i++)
        in_hand += m->in_hand[i];
    buf_printf(&line, "%llu job%s in hand, %llu running; %llu succeeded, %llu failed",
               (unsigned long long)in_hand, plural(in_hand),
               (unsigned long long)m->in_hand[STATUS_RUNNING], (unsigned long long)m->succeeded,
               (unsigned long long)m->failed);
    put_handlers(&line, m);
    put_line(p, buf_str(&line), NULL);
    if (m->has_journal && !m->is_journal_well)
        put_line(p, STR("the journal is not written: no jobs are asked for"), COLOUR_RED);
}

static void put_fleet(struct pen *p, const struct top_model *m)
{
    const struct top_fleet *f = &m->fleet;
    char text[LINE_MAX_BYTES];
    struct buf line = BUF_ON(text);
    if (!f->name.len)
        return;
    buf_put(&line, STR("fleet "));
    screen_put(&line, f->name, NAME_MAX_COLUMNS);
    buf_printf(&line, ": %llu member%s, ", (unsigned long long)f->alive, plural(f->alive));
    screen_put(&line, f->member, NAME_MAX_COLUMNS);
    buf_put(&line, STR(" ("));
    screen_put(&line, f->state, NAME_MAX_COLUMNS);
    buf_printf(&line,
               ") holds %llu of %llu targets, %llu unheld; queue: %llu waiting, %llu out, %llu "
               "not in it yet; servers ",
               (unsigned long long)f->held, (unsigned long long)f->targets,
               (unsigned long long)f->unheld, (unsigned long long)f->waiting,
               (unsigned long long)f->out, (unsigned long long)f->jobs_held);
    screen_put(&line, f->engine, NAME_MAX_COLUMNS);
    put_line(p, buf_str(&line), str_eq(f->engine, STR("ready")) ? NULL : COLOUR_RED);
}

/* "2026-11-29 10:04Z" */
static void put_minute(struct buf *out, str time)
{
    enum { DATE_LEN = 10, MINUTE_LEN = 16 };
    screen_put(out, (str) { time.ptr, time.len < DATE_LEN ? time.len : DATE_LEN }, DATE_LEN);
    if (time.len < MINUTE_LEN)
        return;
    buf_put_char(out, ' ');
    screen_put(out, (str) { time.ptr + DATE_LEN + 1, MINUTE_LEN - DATE_LEN - 1 }, MINUTE_LEN);
    buf_put_char(out, 'Z');
}

static void put_incident(struct pen *p, const struct top_incident *n)
{
    char text[LINE_MAX_BYTES];
    struct buf line = BUF_ON(text);
    buf_printf(&line, "! %zu target%s since ", n->targets, plural(n->targets));
    put_minute(&line, n->since);
    buf_put(&line, STR(": "));
    screen_put(&line, n->words, TEXT_MAX_COLUMNS);
    put_line(p, buf_str(&line), COLOUR_RED);
}

/* As many as leave room for a table. */
static void put_incidents(struct pen *p, const struct top_model *m, size_t most)
{
    size_t fit = m->incident_count <= most ? m->incident_count : most ? most - 1 : 0;
    for (size_t i = 0; i < fit; i++)
        put_incident(p, &m->incidents[i]);
    if (fit < m->incident_count && most)
        put_more(p, m->incident_count - fit, "cause");
}

/* --- tables --- */

/* What is left is the reason's. */
static size_t columns_at_most(const struct top_window *w)
{
    if (w->rows == SIZE_MAX)
        return PLAIN_COLUMNS;
    return w->columns >= WIDE_WINDOW ? w->columns / 5 : NARROW_COLUMNS;
}

static void widen(size_t *columns, str text, size_t most)
{
    size_t width = *columns < most ? screen_width(text) : 0;
    if (width > *columns)
        *columns = width < most ? width : most;
}

/* Of all targets, so that columns do not jump from page to page. */
static struct widths widths_of(const struct top_model *m, const struct top_window *w)
{
    struct widths widths = { STR("TARGET").len, STR("REGION").len, STR("PROVIDER").len };
    size_t most = columns_at_most(w);
    for (size_t i = 0; i < m->listed; i++) {
        widen(&widths.name, m->targets[i].name, most);
        widen(&widths.region, m->targets[i].region, most);
        widen(&widths.provider, m->targets[i].provider, most);
    }
    return widths;
}

static void put_target_head(struct pen *p)
{
    char text[LINE_MAX_BYTES];
    struct buf line = BUF_ON(text);
    put_cell(&line, STR("STATE"), 9);
    put_cell(&line, STR("TARGET"), p->widths.name);
    put_cell(&line, STR("REGION"), p->widths.region);
    put_cell(&line, STR("PROVIDER"), p->widths.provider);
    put_cell(&line, STR("JOBS"), 6);
    buf_put(&line, STR("REASON"));
    put_line(p, buf_str(&line), NULL);
}

static const char *colour_of(enum status_state state)
{
    switch (state) {
    case STATUS_FAILING:
        return COLOUR_RED;
    case STATUS_LATE:
    case STATUS_SLOWED:
        return COLOUR_YELLOW;
    case STATUS_ELSEWHERE:
    case STATUS_WAITING:
    case STATUS_WELL:
    case STATUS_STATES:
        break;
    }
    return NULL;
}

static void put_target(struct pen *p, const struct top_target *t)
{
    char text[LINE_MAX_BYTES], jobs_text[24];
    struct buf line = BUF_ON(text), jobs = BUF_ON(jobs_text);
    buf_put_u64(&jobs, t->jobs);
    put_cell(&line, str_of(status_state_name(t->state)), 9);
    put_cell(&line, t->name, p->widths.name);
    put_cell(&line, t->region, p->widths.region);
    put_cell(&line, t->provider, p->widths.provider);
    put_cell(&line, buf_str(&jobs), 6);
    screen_put(&line, t->reason, TEXT_MAX_COLUMNS);
    put_line(p, str_trim(buf_str(&line)), colour_of(t->state));
}

static void put_region_head(struct pen *p)
{
    put_line(p,
             STR("REGION          FAILING   LATE  THROTTLED   WELL  POLLS/S  ALLOWED/S  IDENTITY"),
             NULL);
}

static void put_region(struct pen *p, const struct top_region *r)
{
    char text[LINE_MAX_BYTES], allowed[32] = "-";
    struct buf line = BUF_ON(text);
    bool is_bad = r->targets[STATUS_FAILING] || r->targets[STATUS_LATE];
    if (r->allowed_per_s > 0)
        snprintf(allowed, sizeof allowed, "%.1f", r->allowed_per_s);
    put_cell(&line, r->region, 14);
    buf_printf(&line, "%7zu%7zu%11zu%7zu%9.1f%11s  ", r->targets[STATUS_FAILING],
               r->targets[STATUS_LATE], r->targets[STATUS_SLOWED], r->targets[STATUS_WELL],
               r->polls_per_s, allowed);
    screen_put(&line, r->identity, TEXT_MAX_COLUMNS);
    put_line(p, buf_str(&line),
             is_bad                      ? COLOUR_RED
             : r->targets[STATUS_SLOWED] ? COLOUR_YELLOW
                                         : NULL);
}

/* From the first on, in so many rows; the last of them says how many are left out. */
static void put_targets(struct pen *p, const struct top_model *m, size_t from, size_t to,
                        size_t rows)
{
    size_t fit = to - from <= rows ? to - from : rows ? rows - 1 : 0;
    for (size_t i = from; i < from + fit; i++)
        put_target(p, &m->targets[i]);
    if (from + fit < to)
        put_more(p, to - from - fit, "target");
}

static void put_regions(struct pen *p, const struct top_model *m)
{
    size_t rows = left(p);
    if (rows < 2)
        return;
    put_region_head(p);
    size_t fit = m->region_count < rows ? m->region_count : rows - 2;
    for (size_t i = 0; i < fit; i++)
        put_region(p, &m->regions[i]);
    if (fit < m->region_count)
        put_more(p, m->region_count - fit, "region");
}

static void put_overview(struct pen *p, const struct top_model *m)
{
    size_t bad = m->states[STATUS_FAILING] + m->states[STATUS_LATE];
    bad = bad < m->listed ? bad : m->listed;
    if (left(p) < TABLE_LEAST)
        return;
    put_line(p, STR(""), NULL);
    if (m->listed < left(p) || !m->region_count) {
        put_target_head(p);
        put_targets(p, m, 0, m->listed, left(p));
        return;
    }
    size_t half = left(p) / 2;
    if (bad && half >= TABLE_LEAST) {
        put_target_head(p);
        put_targets(p, m, 0, bad, half - 2);
        put_line(p, STR(""), NULL);
    }
    put_regions(p, m);
}

/* --- the whole --- */

static size_t rows_of(const struct top_window *w)
{
    return w->keys && w->rows > 1 ? w->rows - 1 : w->rows;
}

static size_t page_size(const struct top_window *w)
{
    size_t rows = rows_of(w);
    return rows > PAGE_HEAD ? rows - PAGE_HEAD : 1;
}

size_t top_screen_pages(const struct top_model *m, const struct top_window *w)
{
    return (m->listed + page_size(w) - 1) / page_size(w);
}

static void put_page(struct pen *p, const struct top_model *m)
{
    const struct top_window *w = p->window;
    char text[64];
    struct buf line = BUF_ON(text);
    size_t from = (w->page - 1) * page_size(w), to = from + page_size(w);
    to = to < m->listed ? to : m->listed;
    buf_printf(&line, "targets %zu to %zu of %zu", from < to ? from + 1 : to, to, m->listed);
    put_line(p, buf_str(&line), NULL);
    put_target_head(p);
    for (size_t i = from; i < to; i++)
        put_target(p, &m->targets[i]);
}

void top_screen_put(struct buf *out, const struct top_model *m, const struct top_window *w)
{
    struct top_window above = *w;
    struct pen p = { .out = out, .window = &above, .widths = widths_of(m, w) };
    above.rows = rows_of(w);
    above.keys = NULL;
    if (w->page) {
        put_page(&p, m);
    } else {
        put_verdict(&p, m);
        put_states(&p, m);
        put_polls(&p, m);
        put_jobs(&p, m);
        put_fleet(&p, m);
        put_incidents(&p, m, left(&p) == SIZE_MAX || left(&p) > 64 ? SIZE_MAX : left(&p) / 4);
        put_overview(&p, m);
    }
    above.rows = w->rows;
    /* The keys are at the bottom of the window. */
    while (w->keys && w->rows != SIZE_MAX && left(&p) > 1)
        put_line(&p, STR(""), NULL);
    if (w->keys)
        put_line(&p, str_of(w->keys), NULL);
}
