/* SPDX-License-Identifier: MIT */
/* The document from its top to its end, one function for each member that is more than a value.
 * 10 000 targets are 4 MB, so what each target has is put without printf. */
#include "status/status_json.h"

#include "base/jsontext.h"
#include "status/grown.h"

enum { HEAD_BYTES = 8192, TARGET_BYTES = 640, REGION_BYTES = 512 };

static void put_polls(struct buf *out, const uint64_t polls[STATUS_OUTCOMES])
{
    jsontext_open(out, "polls", '{');
    for (int i = 0; i < STATUS_OUTCOMES; i++)
        if (polls[i])
            jsontext_count(out, status_outcome_name((enum status_outcome)i), polls[i]);
    buf_put_char(out, '}');
}

static void put_states(struct buf *out, const char *name, const size_t states[STATUS_STATES])
{
    jsontext_open(out, name, '{');
    for (int i = 0; i < STATUS_STATES; i++)
        jsontext_count(out, status_state_name((enum status_state)i), states[i]);
    buf_put_char(out, '}');
}

static void put_durations(struct buf *out, const char *name, const struct status_durations *d)
{
    jsontext_open(out, name, '{');
    jsontext_count(out, "count", d->count);
    jsontext_seconds(out, "sum", d->sum_us);
    buf_put_char(out, '}');
}

/* --- the process --- */

static void put_verdict(struct buf *out, const struct status *s)
{
    struct status_verdict v;
    status_judge(s, &v);
    jsontext_open(out, "verdict", '{');
    jsontext_flag(out, "alive", v.is_alive);
    jsontext_flag(out, "ready", v.is_ready);
    jsontext_flag(out, "well", v.is_well);
    jsontext_member(out, "why", str_of(v.why));
    buf_put_char(out, '}');
}

static void put_head(struct buf *out, const struct status *s)
{
    static const char *const phases[] = {
        [STATUS_STARTING] = "starting", [STATUS_POLLING] = "polling", [STATUS_ENDING] = "ending"
    };
    jsontext_count(out, "format", 1);
    jsontext_instant(out, "time", s->now_ms);
    jsontext_instant(out, "started", s->started_ms);
    jsontext_member(out, "phase", str_of(phases[s->phase]));
    jsontext_count(out, "drainLeftSeconds", s->drain_left_s);
    put_verdict(out, s);
    jsontext_open(out, "versions", '{');
    jsontext_member(out, "pipepoll", str_of(s->version));
    jsontext_member(out, "libcurl", str_of(s->libcurl));
    jsontext_member(out, "tls", str_of(s->tls));
    jsontext_member(out, "libuv", str_of(s->libuv));
    buf_put_char(out, '}');
    jsontext_open(out, "config", '{');
    jsontext_member(out, "file", s->config_file);
    jsontext_instant(out, "read", s->config_read_ms);
    jsontext_flag(out, "refused", s->config_refused);
    buf_put_char(out, '}');
}

static void put_loops(struct buf *out, const struct status *s)
{
    jsontext_open(out, "loops", '[');
    for (size_t i = 0; i < s->loop_count; i++) {
        const struct status_loop *l = &s->loops[i];
        jsontext_element(out, '{');
        jsontext_signed(out, "silentMs", l->silent_ms);
        jsontext_count(out, "turns", l->turns);
        jsontext_seconds(out, "busySeconds", l->busy_us);
        jsontext_seconds(out, "longestSeconds", l->longest_us);
        buf_put_char(out, '}');
    }
    buf_put_char(out, ']');
}

static void put_process(struct buf *out, const struct status *s)
{
    jsontext_open(out, "process", '{');
    jsontext_rate(out, "cpuSeconds", s->cpu_s);
    jsontext_count(out, "residentBytes", s->resident_bytes);
    jsontext_count(out, "virtualBytes", s->virtual_bytes);
    jsontext_count(out, "openFds", s->open_fds);
    jsontext_count(out, "maxFds", s->max_fds);
    buf_put_char(out, '}');
}

/* --- polls --- */

static void put_summary(struct buf *out, const struct status *s)
{
    jsontext_open(out, "summary", '{');
    jsontext_count(out, "targets", s->target_count);
    put_states(out, "states", s->states);
    put_polls(out, s->polls);
    jsontext_count(out, "pollsStarted", s->polls_started);
    jsontext_count(out, "jobs", s->found);
    jsontext_rate(out, "pollsPerS", s->polls_per_s);
    jsontext_rate(out, "jobsPerS", s->jobs_per_s);
    jsontext_count(out, "inFlight", s->in_flight);
    jsontext_count(out, "parked", s->parked);
    jsontext_open(out, "lateSeconds", '{');
    jsontext_seconds(out, "sum", s->late_us_sum);
    jsontext_seconds(out, "max", s->late_us_max);
    buf_put_char(out, '}');
    jsontext_count(out, "unwrittenJobs", s->unwritten_jobs);
    jsontext_count(out, "unwrittenBytes", s->unwritten_bytes);
    jsontext_count(out, "lostJobs", s->lost);
    buf_put_char(out, '}');
}

static void put_pickup(struct buf *out, const struct histogram *h)
{
    jsontext_open(out, "pickupSeconds", '{');
    jsontext_count(out, "count", h->count);
    jsontext_seconds(out, "p50", histogram_at(h, 0.50));
    jsontext_seconds(out, "p95", histogram_at(h, 0.95));
    jsontext_seconds(out, "p99", histogram_at(h, 0.99));
    jsontext_seconds(out, "max", h->max);
    buf_put_char(out, '}');
}

static void put_connections(struct buf *out, const struct status *s)
{
    jsontext_open(out, "connections", '{');
    jsontext_count(out, "open", s->connections);
    jsontext_count(out, "opened", s->connections_opened);
    jsontext_count(out, "handshakes", s->handshakes);
    jsontext_count(out, "handshakesResumed", s->handshakes_resumed);
    buf_put_char(out, '}');
}

static void put_reason(struct buf *out, const struct status *s, int64_t incident)
{
    bool is_known = incident >= 0 && (size_t)incident < s->incident_count;
    jsontext_member(out, "reason", is_known ? s->incidents[incident].words : STR(""));
    jsontext_name(out, STR("incident"));
    if (is_known)
        buf_put_u64(out, (uint64_t)incident);
    else
        buf_put(out, STR("null"));
}

static void put_target(struct buf *out, const struct status *s, const struct status_target *t)
{
    jsontext_element(out, '{');
    jsontext_member(out, "target", t->name);
    jsontext_member(out, "region", t->region);
    jsontext_open(out, "actionTypeId", '{');
    jsontext_member(out, "category", t->category);
    jsontext_member(out, "owner", t->owner);
    jsontext_member(out, "provider", t->provider);
    jsontext_member(out, "version", t->version);
    buf_put_char(out, '}');
    jsontext_member(out, "state", str_of(status_state_name(t->state)));
    jsontext_instant(out, "since", t->since_ms);
    put_reason(out, s, t->incident_index);
    put_polls(out, t->polls);
    jsontext_count(out, "jobs", t->jobs);
    jsontext_instant(out, "added", t->added_ms);
    jsontext_instant(out, "lastGoodPoll", t->last_good_ms);
    jsontext_instant(out, "lastJob", t->last_job_ms);
    jsontext_count(out, "intervalMs", t->interval_ms);
    buf_put_char(out, '}');
}

static void put_region(struct buf *out, const struct status_region *r)
{
    jsontext_element(out, '{');
    jsontext_member(out, "region", r->region);
    jsontext_member(out, "identity", r->identity);
    if (r->allowed_per_s > 0)
        jsontext_rate(out, "allowedPerS", r->allowed_per_s);
    else
        jsontext_null(out, "allowedPerS");
    jsontext_rate(out, "pollsPerS", r->polls_per_s);
    jsontext_signed(out, "clockSkewMs", r->clock_skew_ms);
    put_states(out, "targets", r->targets);
    put_polls(out, r->polls);
    jsontext_count(out, "jobs", r->jobs);
    put_durations(out, "pollSeconds", &r->poll_time);
    buf_put_char(out, '}');
}

static void put_credentials(struct buf *out, const struct status_credentials *c)
{
    jsontext_element(out, '{');
    jsontext_member(out, "source", c->source);
    jsontext_flag(out, "usable", c->usable);
    jsontext_flag(out, "degraded", c->degraded);
    jsontext_instant(out, "expires", c->expires_ms);
    jsontext_member(out, "reason", c->reason);
    buf_put_char(out, '}');
}

static void put_incident(struct buf *out, const struct status_incident *i)
{
    jsontext_element(out, '{');
    jsontext_member(out, "status", i->status);
    jsontext_member(out, "cause", i->cause);
    jsontext_member(out, "code", i->code);
    jsontext_member(out, "identity", i->identity);
    jsontext_member(out, "message", i->words);
    jsontext_member(out, "target", i->target);
    jsontext_member(out, "region", i->region);
    jsontext_count(out, "targets", i->targets);
    jsontext_instant(out, "since", i->since_ms);
    buf_put_char(out, '}');
}

static void put_polling(struct buf *out, const struct status *s)
{
    put_summary(out, s);
    put_pickup(out, &s->pickup);
    put_connections(out, s);
    jsontext_open(out, "targets", '[');
    for (size_t i = 0; i < s->target_count; i++)
        put_target(out, s, &s->targets[i]);
    buf_put_char(out, ']');
    jsontext_open(out, "regions", '[');
    for (size_t i = 0; i < s->region_count; i++)
        put_region(out, &s->regions[i]);
    buf_put_char(out, ']');
    jsontext_open(out, "credentials", '[');
    for (size_t i = 0; i < s->credentials_count; i++)
        put_credentials(out, &s->credentials[i]);
    buf_put_char(out, ']');
    jsontext_open(out, "incidents", '[');
    for (size_t i = 0; i < s->incident_count; i++)
        put_incident(out, &s->incidents[i]);
    buf_put_char(out, ']');
}

/* --- jobs --- */

static void put_job(struct buf *out, const struct status_job *j)
{
    bool is_over = j->end >= 0 && j->end < STATUS_JOB_ENDS;
    jsontext_element(out, '{');
    jsontext_member(out, "jobId", j->job_id);
    jsontext_member(out, "target", j->target);
    jsontext_member(out, "region", j->region);
    jsontext_member(out, "handler", j->handler);
    jsontext_member(
        out, "state",
        str_of(is_over ? status_job_end_name((size_t)j->end) : status_step_name(j->step)));
    jsontext_instant(out, "found", j->found_ms);
    jsontext_instant(out, "started", j->started_ms);
    jsontext_instant(out, "ended", j->ended_ms);
    jsontext_member(out, "message", j->message);
    buf_put_char(out, '}');
}

static void put_jobs(struct buf *out, const struct status *s)
{
    jsontext_open(out, "jobs", '{');
    jsontext_flag(out, "worked", s->works_jobs);
    jsontext_count(out, "max", s->max_jobs);
    jsontext_open(out, "inHand", '{');
    for (int i = 0; i < STATUS_STEPS; i++)
        jsontext_count(out, status_step_name((enum status_step)i), s->in_hand[i]);
    buf_put_char(out, '}');
    jsontext_open(out, "ends", '{');
    for (size_t i = 0; i < STATUS_JOB_ENDS; i++)
        jsontext_count(out, status_job_end_name(i), s->job_ends[i]);
    buf_put_char(out, '}');
    jsontext_open(out, "last", '[');
    for (size_t i = 0; i < s->job_count; i++)
        put_job(out, &s->jobs[i]);
    buf_put(out, STR("]}"));
}

static void put_handlers(struct buf *out, const struct status *s)
{
    jsontext_open(out, "handlers", '[');
    for (size_t i = 0; i < s->handler_count; i++) {
        const struct status_handler *h = &s->handlers[i];
        jsontext_element(out, '{');
        jsontext_member(out, "handler", h->name);
        jsontext_member(out, "kind", h->kind);
        jsontext_count(out, "running", h->running);
        jsontext_open(out, "ends", '{');
        for (int end = 0; end < STATUS_RUN_ENDS; end++)
            jsontext_count(out, status_run_end_name((enum status_run_end)end), h->ends[end]);
        buf_put_char(out, '}');
        put_durations(out, "runSeconds", &h->run_time);
        buf_put_char(out, '}');
    }
    buf_put_char(out, ']');
}

static void put_journal(struct buf *out, const struct status_journal *j)
{
    if (!j->is_open) {
        jsontext_null(out, "journal");
        return;
    }
    jsontext_open(out, "journal", '{');
    jsontext_flag(out, "well", j->is_well);
    jsontext_count(out, "waiting", j->waiting);
    jsontext_seconds(out, "lagSeconds", j->lag_us > 0 ? (uint64_t)j->lag_us : 0);
    jsontext_count(out, "fileBytes", j->file_bytes);
    jsontext_count(out, "batches", j->batches);
    jsontext_count(out, "changes", j->changes);
    jsontext_count(out, "failures", j->failures);
    jsontext_count(out, "refused", j->refused);
    buf_put_char(out, '}');
}

/* --- the fleet --- */

static void put_member(struct buf *out, const struct status_member *m)
{
    jsontext_element(out, '{');
    jsontext_member(out, "member", str_of(m->name));
    jsontext_member(out, "state", str_of(status_standing_name(m->standing)));
    jsontext_flag(out, "self", m->is_self);
    jsontext_signed(out, "silentMs", m->silent_ms);
    jsontext_count(out, "held", m->held);
    jsontext_rate(out, "pollsPerS", m->polls_per_s);
    jsontext_count(out, "jobs", m->jobs);
    jsontext_count(out, "freeSlots", m->free_slots);
    jsontext_member(out, "version", str_of(m->version));
    buf_put_char(out, '}');
}

static void put_engine(struct buf *out, const struct status_fleet *f)
{
    jsontext_open(out, "engine", '{');
    jsontext_member(out, "state", str_of(status_engine_name(f->engine)));
    jsontext_member(out, "trouble", str_of(f->trouble));
    jsontext_member(out, "server", str_of(f->server));
    jsontext_member(out, "version", str_of(f->server_version));
    jsontext_count(out, "reconnects", f->reconnects);
    buf_put_char(out, '}');
}

static void put_leases(struct buf *out, const struct status_fleet *f)
{
    jsontext_open(out, "targets", '{');
    jsontext_count(out, "all", f->targets);
    jsontext_count(out, "held", f->held);
    jsontext_count(out, "unheld", f->unheld);
    jsontext_signed(out, "unheldMs", f->unheld_ms);
    jsontext_count(out, "claims", f->claims);
    jsontext_count(out, "lostClaims", f->lost_claims);
    jsontext_count(out, "moves", f->moves);
    buf_put_char(out, '}');
    jsontext_flag(out, "fenced", f->is_fenced);
    jsontext_count(out, "fences", f->fences);
    jsontext_flag(out, "duplicate", f->is_duplicate);
    jsontext_count(out, "unreadable", f->unreadable);
}

static void put_queue(struct buf *out, const struct status_fleet *f)
{
    jsontext_open(out, "queue", '{');
    jsontext_count(out, "waiting", f->jobs_waiting);
    jsontext_count(out, "out", f->jobs_out);
    jsontext_count(out, "unworked", f->jobs_unworked);
    jsontext_flag(out, "full", f->is_queue_full);
    jsontext_count(out, "held", f->jobs_held);
    jsontext_instant(out, "oldestHeld", f->oldest_ms);
    jsontext_count(out, "published", f->published);
    jsontext_count(out, "duplicates", f->duplicates);
    jsontext_count(out, "failures", f->failures);
    buf_put_char(out, '}');
}

static void put_fleet(struct buf *out, const struct status_fleet *f)
{
    if (!f->is_in) {
        jsontext_null(out, "fleet");
        return;
    }
    jsontext_open(out, "fleet", '{');
    jsontext_member(out, "fleet", f->name);
    jsontext_member(out, "member", f->member);
    jsontext_member(out, "state", str_of(status_standing_name(f->standing)));
    jsontext_flag(out, "polls", f->polls);
    put_engine(out, f);
    put_leases(out, f);
    put_queue(out, f);
    jsontext_count(out, "alive", f->alive);
    jsontext_open(out, "members", '[');
    for (size_t i = 0; i < f->member_count; i++)
        put_member(out, &f->members[i]);
    buf_put(out, STR("]}"));
}

static void put_document(struct buf *out, const void *from)
{
    const struct status *s = from;
    buf_put_char(out, '{');
    put_head(out, s);
    put_polling(out, s);
    put_jobs(out, s);
    put_handlers(out, s);
    put_journal(out, &s->journal);
    put_fleet(out, &s->fleet);
    put_loops(out, s);
    put_process(out, s);
    buf_put(out, STR("}\n"));
}

char *status_json(const struct status *s, size_t *len)
{
    size_t size = HEAD_BYTES + s->target_count * TARGET_BYTES + s->region_count * REGION_BYTES;
    return grown(put_document, s, size, len);
}
