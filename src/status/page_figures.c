/* SPDX-License-Identifier: MIT */
/* The figures that stand alone on the page, as text. */

#include "base/jsontext.h"
#include "base/plural.h"
#include "status/page_view.h"
#include "status/page_words.h"

/* Begins a figure; what is put into the buffer is its text, once figure_end() was called. */
static struct buf figure(struct page_view *v, const char *name)
{
    struct page_figure *f = &v->figures[v->figure_count];
    f->name = name;
    return (struct buf) { .at = f->text, .cap = sizeof f->text };
}

static void figure_end(struct page_view *v, struct buf *b)
{
    buf_cstr(b);
    v->figures[v->figure_count].text[b->overflow ? 0 : b->len] = '\0';
    v->figure_count++;
}

static void put_count(struct page_view *v, const char *name, uint64_t n)
{
    struct buf b = figure(v, name);
    words_count(&b, n);
    figure_end(v, &b);
}

static void put_rate(struct page_view *v, const char *name, double per_s)
{
    struct buf b = figure(v, name);
    words_rate(&b, per_s);
    figure_end(v, &b);
}

/* `-` where nothing was measured. */
static void put_duration(struct page_view *v, const char *name, uint64_t us, bool is_known)
{
    struct buf b = figure(v, name);
    if (is_known)
        words_duration(&b, us);
    else
        buf_put(&b, STR("\xe2\x80\x93"));
    figure_end(v, &b);
}

static void put_bytes(struct page_view *v, const char *name, uint64_t n)
{
    struct buf b = figure(v, name);
    words_bytes(&b, n);
    figure_end(v, &b);
}

static void put_text(struct page_view *v, const char *name, str text)
{
    struct buf b = figure(v, name);
    buf_put(&b, str_cut(text, sizeof v->figures->text - 1));
    figure_end(v, &b);
}

/* What a list leaves out. */
static void put_left_out(struct page_view *v, const char *name, size_t count, size_t max,
                         const char *what)
{
    struct buf b = figure(v, name);
    if (count > max)
        buf_printf(&b, "%zu of %zu: %s.", max, count, what);
    figure_end(v, &b);
}

/* --- the head --- */

/* The marks of the headline are those of targets. Who starts or ends is merely not ready. */
static const char *tone_of(const struct status *s, const struct status_verdict *verdict)
{
    bool failing = s->phase == STATUS_POLLING && s->states[STATUS_FAILING];
    return !verdict->is_alive   ? "dead"
           : failing            ? "failing"
           : !verdict->is_ready ? "unready"
           : !verdict->is_well  ? "unwell"
                                : "well";
}

static void put_title(struct page_view *v, const struct status_verdict *verdict)
{
    const struct status *s = v->status;
    size_t bad = s->states[STATUS_FAILING] + s->states[STATUS_LATE];
    struct buf b = figure(v, "title");
    if (bad)
        buf_printf(&b, "%zu of %zu targets in trouble", bad, s->target_count);
    else
        buf_put(&b, str_of(verdict->is_well ? "well" : verdict->is_ready ? "unwell" : "not ready"));
    buf_put(&b, STR(" \xc2\xb7 pipepoll"));
    figure_end(v, &b);
}

/* 2026-11-29 12:00:00 UTC */
static void put_time(struct page_view *v)
{
    char text[40];
    struct buf time = BUF_ON(text), b = figure(v, "time");
    jsontext_time(&time, v->status->now_ms);
    buf_printf(&b, "%.10s %.8s UTC", time.at, time.at + 11);
    figure_end(v, &b);
}

static void put_head(struct page_view *v)
{
    const struct status *s = v->status;
    struct status_verdict verdict;
    status_judge(s, &verdict);
    put_text(v, "tone", str_of(tone_of(s, &verdict)));
    put_text(v, "why", str_of(verdict.why));
    put_title(v, &verdict);
    put_time(v);
    put_text(v, "version", str_of(s->version));
    struct buf b = figure(v, "uptime");
    words_span(&b, s->now_ms - s->started_ms);
    figure_end(v, &b);
}

/* --- polls --- */

static void put_polling(struct page_view *v)
{
    const struct status *s = v->status;
    uint64_t polls = status_polls_sum(s->polls);
    bool is_picked = s->pickup.count > 0;
    put_count(v, "targets", s->target_count);
    for (int i = 0; i < STATUS_STATES; i++)
        put_count(v, status_state_name((enum status_state)i), s->states[i]);
    put_rate(v, "pollsPerS", s->polls_per_s);
    put_count(v, "inFlight", s->in_flight);
    put_count(v, "parked", s->parked);
    put_duration(v, "lateMean", polls ? s->late_us_sum / polls : 0, polls > 0);
    put_duration(v, "p50", histogram_at(&s->pickup, 0.50), is_picked);
    put_duration(v, "p95", histogram_at(&s->pickup, 0.95), is_picked);
    put_duration(v, "p99", histogram_at(&s->pickup, 0.99), is_picked);
    put_count(v, "connections", s->connections);
    put_count(v, "connectionsOpened", s->connections_opened);
    put_count(v, "handshakes", s->handshakes);
    put_count(v, "handshakesResumed", s->handshakes_resumed);
}

/* --- jobs --- */

static void put_working(struct page_view *v)
{
    const struct status *s = v->status;
    const struct status_journal *j = &s->journal;
    put_count(v, "jobs", s->found);
    put_count(v, "found", s->in_hand[STATUS_FOUND]);
    put_count(v, "running", s->in_hand[STATUS_RUNNING]);
    put_count(v, "sending", s->in_hand[STATUS_SENDING]);
    put_count(v, "lost", s->lost);
    put_count(v, "unwritten", s->unwritten_jobs);
    put_text(v, "journal", !j->is_open ? STR("none") : j->is_well ? STR("well") : STR("fails"));
    put_count(v, "journalWaiting", j->waiting);
    put_duration(v, "journalLag", j->lag_us > 0 ? (uint64_t)j->lag_us : 0, j->lag_us > 0);
    put_bytes(v, "journalBytes", j->file_bytes);
    put_count(v, "journalFailures", j->failures);
}

/* --- the fleet --- */

static void put_engine(struct page_view *v)
{
    const struct status_fleet *f = &v->status->fleet;
    struct buf b = figure(v, "fleetEngine");
    buf_put(&b, str_of(status_engine_name(f->engine)));
    if (f->server[0])
        buf_printf(&b, ": %s (version %s)", f->server, f->server_version);
    figure_end(v, &b);
}

static void put_fleet(struct page_view *v)
{
    const struct status_fleet *f = &v->status->fleet;
    put_text(v, "fleet", f->name);
    put_text(v, "fleetMember", f->member);
    put_engine(v);
    put_count(v, "fleetAlive", f->alive);
    put_count(v, "fleetHeld", f->held);
    put_count(v, "fleetUnheld", f->unheld);
    put_count(v, "fleetWaiting", f->jobs_waiting);
    put_count(v, "fleetOut", f->jobs_out);
    put_count(v, "fleetJobsHeld", f->jobs_held);
    put_count(v, "fleetPublished", f->published);
    put_left_out(v, "membersNote", f->member_count, PAGE_LIST_MAX, "the first");
}

/* --- the process --- */

static void put_process(struct page_view *v)
{
    const struct status *s = v->status;
    struct buf b = figure(v, "cpu");
    words_duration(&b, s->cpu_s > 0 && s->cpu_s < 1e12 ? (uint64_t)(s->cpu_s * 1e6) : 0);
    figure_end(v, &b);
    put_bytes(v, "memory", s->resident_bytes);
    b = figure(v, "files");
    buf_printf(&b, "%u of %u", s->open_fds, s->max_fds);
    figure_end(v, &b);
    put_text(v, "configFile", s->config_file);
    b = figure(v, "configRead");
    words_ago(&b, s->config_read_ms, s->now_ms);
    if (s->config_refused)
        buf_put(&b, STR("; refused since: the log says why"));
    figure_end(v, &b);
    b = figure(v, "libraries");
    buf_printf(&b, "libcurl %s, %s, libuv %s", s->libcurl ? s->libcurl : "?", s->tls ? s->tls : "?",
               s->libuv ? s->libuv : "?");
    figure_end(v, &b);
}

/* --- notes --- */

/* The label of a key, which its link shows as well. */
static str label_of(const struct page_head *heads, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(heads[i].key, str_of(key)))
            return heads[i].label;
    return str_of(key);
}

static void put_choice(struct page_view *v)
{
    str row = label_of(v->grid.rows, v->grid.row_count, v->row);
    str region = label_of(v->grid.columns, v->grid.column_count, v->region);
    struct buf b = figure(v, "choice");
    if (!row.len && !region.len)
        buf_put(&b, STR("All targets"));
    buf_put(&b, row);
    if (row.len && region.len)
        buf_put(&b, STR(" in "));
    buf_put(&b, region);
    figure_end(v, &b);
}

static void put_notes(struct page_view *v)
{
    const struct status *s = v->status;
    size_t chosen = 0;
    for (size_t i = 0; i < s->target_count; i++)
        chosen += page_view_chooses(v, i);
    put_choice(v);
    struct buf b = figure(v, "targetsNote");
    if (chosen > PAGE_TARGETS_MAX)
        buf_printf(&b, "%u of ", PAGE_TARGETS_MAX);
    words_count(&b, chosen);
    buf_printf(&b, " target%s%s", plural(chosen),
               chosen > PAGE_TARGETS_MAX ? ", trouble first; a cell of the grid lists its own"
                                         : "");
    figure_end(v, &b);
    put_left_out(v, "accountsNote", s->region_count, PAGE_LIST_MAX,
                 "those that use most of their rate");
    put_left_out(v, "credentialsNote", s->credentials_count, PAGE_LIST_MAX, "trouble first");
    put_left_out(v, "incidentsNote", s->incident_count, PAGE_LIST_MAX, "the oldest");
    put_left_out(v, "handlersNote", s->handler_count, PAGE_LIST_MAX, "the first of the config");
}

void page_figures(struct page_view *v)
{
    put_head(v);
    put_polling(v);
    put_working(v);
    put_fleet(v);
    put_process(v);
    put_notes(v);
}
