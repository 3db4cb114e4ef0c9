/* SPDX-License-Identifier: MIT */
/* The document from its top to its end, one function for each member that is more than a value.
 * 10 000 targets are 4 MB, so what each target has is put without printf. */
#include "status/status_json.h"

#include "status/grown.h"
#include "status/member.h"

enum { HEAD_BYTES = 8192, TARGET_BYTES = 640, REGION_BYTES = 512 };

static void put_polls(struct buf *out, const uint64_t polls[STATUS_OUTCOMES])
{
    member_open(out, "polls", '{');
    for (int i = 0; i < STATUS_OUTCOMES; i++)
        if (polls[i])
            member_count(out, status_outcome_name((enum status_outcome)i), polls[i]);
    buf_put_char(out, '}');
}

static void put_states(struct buf *out, const char *name, const size_t states[STATUS_STATES])
{
    member_open(out, name, '{');
    for (int i = 0; i < STATUS_STATES; i++)
        member_count(out, status_state_name((enum status_state)i), states[i]);
    buf_put_char(out, '}');
}

static void put_durations(struct buf *out, const char *name, const struct status_durations *d)
{
    member_open(out, name, '{');
    member_count(out, "count", d->count);
    member_seconds(out, "sum", d->sum_us);
    buf_put_char(out, '}');
}

/* --- the process --- */

static void put_verdict(struct buf *out, const struct status *s)
{
    struct status_verdict v;
    status_judge(s, &v);
    member_open(out, "verdict", '{');
    member_flag(out, "alive", v.is_alive);
    member_flag(out, "ready", v.is_ready);
    member_flag(out, "well", v.is_well);
    member_text(out, "why", str_of(v.why));
    buf_put_char(out, '}');
}

static void put_head(struct buf *out, const struct status *s)
{
    static const char *const phases[] = {
        [STATUS_STARTING] = "starting", [STATUS_POLLING] = "polling", [STATUS_ENDING] = "ending"
    };
    member_count(out, "format", 1);
    member_time(out, "time", s->now_ms);
    member_time(out, "started", s->started_ms);
    member_text(out, "phase", str_of(phases[s->phase]));
    member_count(out, "drainLeftSeconds", s->drain_left_s);
    put_verdict(out, s);
    member_open(out, "versions", '{');
    member_text(out, "pipepoll", str_of(s->version));
    member_text(out, "libcurl", str_of(s->libcurl));
    member_text(out, "tls", str_of(s->tls));
    member_text(out, "libuv", str_of(s->libuv));
    buf_put_char(out, '}');
    member_open(out, "config", '{');
    member_text(out, "file", s->config_file);
    member_time(out, "read", s->config_read_ms);
    member_flag(out, "refused", s->config_refused);
    buf_put_char(out, '}');
}

static void put_loops(struct buf *out, const struct status *s)
{
    member_open(out, "loops", '[');
    for (size_t i = 0; i < s->loop_count; i++) {
        const struct status_loop *l = &s->loops[i];
        member_element(out, '{');
        member_signed(out, "silentMs", l->silent_ms);
        member_count(out, "turns", l->turns);
        member_seconds(out, "busySeconds", l->busy_us);
        member_seconds(out, "longestSeconds", l->longest_us);
        buf_put_char(out, '}');
    }
    buf_put_char(out, ']');
}

static void put_process(struct buf *out, const struct status *s)
{
    member_open(out, "process", '{');
    member_rate(out, "cpuSeconds", s->cpu_s);
    member_count(out, "residentBytes", s->resident_bytes);
    member_count(out, "virtualBytes", s->virtual_bytes);
    member_count(out, "openFds", s->open_fds);
    member_count(out, "maxFds", s->max_fds);
    buf_put_char(out, '}');
}

/* --- polls --- */

static void put_summary(struct buf *out, const struct status *s)
{
    member_open(out, "summary", '{');
    member_count(out, "targets", s->target_count);
    put_states(out, "states", s->states);
    put_polls(out, s->polls);
    member_count(out, "pollsStarted", s->polls_started);
    member_count(out, "jobs", s->found);
    member_rate(out, "pollsPerS", s->polls_per_s);
    member_rate(out, "jobsPerS", s->jobs_per_s);
    member_count(out, "inFlight", s->in_flight);
    member_count(out, "parked", s->parked);
    member_open(out, "lateSeconds", '{');
    member_seconds(out, "sum", s->late_us_sum);
    member_seconds(out, "max", s->late_us_max);
    buf_put_char(out, '}');
    member_count(out, "unwrittenJobs", s->unwritten_jobs);
    member_count(out, "unwrittenBytes", s->unwritten_bytes);
    member_count(out, "lostJobs", s->lost);
    buf_put_char(out, '}');
}

static void put_pickup(struct buf *out, const struct histogram *h)
{
    member_open(out, "pickupSeconds", '{');
    member_count(out, "count", h->count);
    member_seconds(out, "p50", histogram_at(h, 0.50));
    member_seconds(out, "p95", histogram_at(h, 0.95));
    member_seconds(out, "p99", histogram_at(h, 0.99));
    member_seconds(out, "max", h->max);
    buf_put_char(out, '}');
}

static void put_connections(struct buf *out, const struct status *s)
{
    member_open(out, "connections", '{');
    member_count(out, "open", s->connections);
    member_count(out, "opened", s->connections_opened);
    member_count(out, "handshakes", s->handshakes);
    member_count(out, "handshakesResumed", s->handshakes_resumed);
    buf_put_char(out, '}');
}

static void put_reason(struct buf *out, const struct status *s, int64_t incident)
{
    bool is_known = incident >= 0 && (size_t)incident < s->incident_count;
    member_text(out, "reason", is_known ? s->incidents[incident].words : STR(""));
    jsontext_name(out, STR("incident"));
    if (is_known)
        buf_put_u64(out, (uint64_t)incident);
    else
        buf_put(out, STR("null"));
}

static void put_target(struct buf *out, const struct status *s, const struct status_target *t)
{
    member_element(out, '{');
    member_text(out, "target", t->name);
    member_text(out, "region", t->region);
    member_open(out, "actionTypeId", '{');
    member_text(out, "category", t->category);
    member_text(out, "owner", t->owner);
    member_text(out, "provider", t->provider);
    member_text(out, "version", t->version);
    buf_put_char(out, '}');
    member_text(out, "state", str_of(status_state_name(t->state)));
    member_time(out, "since", t->since_ms);
    put_reason(out, s, t->incident_index);
    put_polls(out, t->polls);
    member_count(out, "jobs", t->jobs);
    member_time(out, "added", t->added_ms);
    member_time(out, "lastGoodPoll", t->last_good_ms);
    member_time(out, "lastJob", t->last_job_ms);
    member_count(out, "intervalMs", t->interval_ms);
    buf_put_char(out, '}');
}

static void put_region(struct buf *out, const struct status_region *r)
{
    member_element(out, '{');
    member_text(out, "region", r->region);
    member_text(out, "identity", r->identity);
    if (r->allowed_per_s > 0)
        member_rate(out, "allowedPerS", r->allowed_per_s);
    else
        buf_put(out, STR(",\"allowedPerS\":null"));
    member_rate(out, "pollsPerS", r->polls_per_s);
    member_signed(out, "clockSkewMs", r->clock_skew_ms);
    put_states(out, "targets", r->targets);
    put_polls(out, r->polls);
    member_count(out, "jobs", r->jobs);
    put_durations(out, "pollSeconds", &r->poll_time);
    buf_put_char(out, '}');
}

static void put_credentials(struct buf *out, const struct status_credentials *c)
{
    member_element(out, '{');
    member_text(out, "source", c->source);
    member_flag(out, "usable", c->usable);
    member_flag(out, "degraded", c->degraded);
    member_time(out, "expires", c->expires_ms);
    member_text(out, "reason", c->reason);
    buf_put_char(out, '}');
}

static void put_incident(struct buf *out, const struct status_incident *i)
{
    member_element(out, '{');
    member_text(out, "status", i->status);
    member_text(out, "cause", i->cause);
    member_text(out, "code", i->code);
    member_text(out, "identity", i->identity);
    member_text(out, "message", i->words);
    member_text(out, "target", i->target);
    member_text(out, "region", i->region);
    member_count(out, "targets", i->targets);
    member_time(out, "since", i->since_ms);
    buf_put_char(out, '}');
}

static void put_polling(struct buf *out, const struct status *s)
{
    put_summary(out, s);
    put_pickup(out, &s->pickup);
    put_connections(out, s);
    member_open(out, "targets", '[');
    for (size_t i = 0; i < s->target_count; i++)
        put_target(out, s, &s->targets[i]);
    buf_put_char(out, ']');
    member_open(out, "regions", '[');
    for (size_t i = 0; i < s->region_count; i++)
        put_region(out, &s->regions[i]);
    buf_put_char(out, ']');
    member_open(out, "credentials", '[');
    for (size_t i = 0; i < s->credentials_count; i++)
        put_credentials(out, &s->credentials[i]);
    buf_put_char(out, ']');
    member_open(out, "incidents", '[');
    for (size_t i = 0; i < s->incident_count; i++)
        put_incident(out, &s->incidents[i]);
    buf_put_char(out, ']');
}

/* --- jobs --- */

static void put_job(struct buf *out, const struct status_job *j)
{
    bool is_over = j->end >= 0 && j->end < STATUS_JOB_ENDS;
    member_element(out, '{');
    member_text(out, "jobId", j->job_id);
    member_text(out, "target", j->target);
    member_text(out, "region", j->region);
    member_text(out, "handler", j->handler);
    member_text(out, "state",
                str_of(is_over ? status_job_end_name((size_t)j->end) : status_step_name(j->step)));
    member_time(out, "found", j->found_ms);
    member_time(out, "started", j->started_ms);
    member_time(out, "ended", j->ended_ms);
    member_text(out, "message", j->message);
    buf_put_char(out, '}');
}

static void put_jobs(struct buf *out, const struct status *s)
{
    member_open(out, "jobs", '{');
    member_flag(out, "worked", s->works_jobs);
    member_count(out, "max", s->max_jobs);
    member_open(out, "inHand", '{');
    for (int i = 0; i < STATUS_STEPS; i++)
        member_count(out, status_step_name((enum status_step)i), s->in_hand[i]);
    buf_put_char(out, '}');
    member_open(out, "ends", '{');
    for (size_t i = 0; i < STATUS_JOB_ENDS; i++)
        member_count(out, status_job_end_name(i), s->job_ends[i]);
    buf_put_char(out, '}');
    member_open(out, "last", '[');
    for (size_t i = 0; i < s->job_count; i++)
        put_job(out, &s->jobs[i]);
    buf_put(out, STR("]}"));
}

static void put_handlers(struct buf *out, const struct status *s)
{
    member_open(out, "handlers", '[');
    for (size_t i = 0; i < s->handler_count; i++) {
        const struct status_handler *h = &s->handlers[i];
        member_element(out, '{');
        member_text(out, "handler", h->name);
        member_text(out, "kind", h->kind);
        member_count(out, "running", h->running);
        member_open(out, "ends", '{');
        for (int end = 0; end < STATUS_RUN_ENDS; end++)
            member_count(out, status_run_end_name((enum status_run_end)end), h->ends[end]);
        buf_put_char(out, '}');
        put_durations(out, "runSeconds", &h->run_time);
        buf_put_char(out, '}');
    }
    buf_put_char(out, ']');
}

static void put_journal(struct buf *out, const struct status_journal *j)
{
    if (!j->is_open) {
        buf_put(out, STR(",\"journal\":null"));
        return;
    }
    member_open(out, "journal", '{');
    member_flag(out, "well", j->is_well);
    member_count(out, "waiting", j->waiting);
    member_seconds(out, "lagSeconds", j->lag_us > 0 ? (uint64_t)j->lag_us : 0);
    member_count(out, "fileBytes", j->file_bytes);
    member_count(out, "batches", j->batches);
    member_count(out, "changes", j->changes);
    member_count(out, "failures", j->failures);
    member_count(out, "refused", j->refused);
    buf_put_char(out, '}');
}

/* --- the fleet --- */

static void put_member(struct buf *out, const struct status_member *m)
{
    member_element(out, '{');
    member_text(out, "member", str_of(m->name));
    member_text(out, "state", str_of(status_standing_name(m->standing)));
    member_flag(out, "self", m->is_self);
    member_signed(out, "silentMs", m->silent_ms);
    member_count(out, "held", m->held);
    member_rate(out, "pollsPerS", m->polls_per_s);
    member_count(out, "jobs", m->jobs);
    member_count(out, "freeSlots", m->free_slots);
    member_text(out, "version", str_of(m->version));
    buf_put_char(out, '}');
}

static void put_engine(struct buf *out, const struct status_fleet *f)
{
    member_open(out, "engine", '{');
    member_text(out, "state", str_of(status_engine_name(f->engine)));
    member_text(out, "trouble", str_of(f->trouble));
    member_text(out, "server", str_of(f->server));
    member_text(out, "version", str_of(f->server_version));
    member_count(out, "reconnects", f->reconnects);
    buf_put_char(out, '}');
}

static void put_leases(struct buf *out, const struct status_fleet *f)
{
    member_open(out, "targets", '{');
    member_count(out, "all", f->targets);
    member_count(out, "held", f->held);
    member_count(out, "unheld", f->unheld);
    member_signed(out, "unheldMs", f->unheld_ms);
    member_count(out, "claims", f->claims);
    member_count(out, "lostClaims", f->lost_claims);
    member_count(out, "moves", f->moves);
    buf_put_char(out, '}');
    member_flag(out, "fenced", f->is_fenced);
    member_count(out, "fences", f->fences);
    member_flag(out, "duplicate", f->is_duplicate);
    member_count(out, "unreadable", f->unreadable);
}

static void put_queue(struct buf *out, const struct status_fleet *f)
{
    member_open(out, "queue", '{');
    member_count(out, "waiting", f->jobs_waiting);
    member_count(out, "out", f->jobs_out);
    member_count(out, "unworked", f->jobs_unworked);
    member_flag(out, "full", f->is_queue_full);
    member_count(out, "held", f->jobs_held);
    member_time(out, "oldestHeld", f->oldest_ms);
    member_count(out, "published", f->published);
    member_count(out, "duplicates", f->duplicates);
    member_count(out, "failures", f->failures);
    buf_put_char(out, '}');
}

static void put_fleet(struct buf *out, const struct status_fleet *f)
{
    if (!f->is_in) {
        buf_put(out, STR(",\"fleet\":null"));
        return;
    }
    member_open(out, "fleet", '{');
    member_text(out, "fleet", f->name);
    member_text(out, "member", f->member);
    member_text(out, "state", str_of(status_standing_name(f->standing)));
    member_flag(out, "polls", f->polls);
    put_engine(out, f);
    put_leases(out, f);
    put_queue(out, f);
    member_count(out, "alive", f->alive);
    member_open(out, "members", '[');
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
