/* SPDX-License-Identifier: MIT */
/* One family after the other: all samples of a family have to be together, so targets are walked
 * once for each of theirs. */
#include "status/metrics.h"

#include "status/grown.h"
#include "status/metric.h"
#include "status/metrics_regions.h"

/* --- the whole --- */

static void put_build(struct metric_out *m, const struct status *s)
{
    metric_family(m, "pipepoll_build_info", METRIC_INFO,
                  "The version, and those of the libraries it runs with.");
    metric_count(m,
                 LABELS({ "version", str_of(s->version) }, { "libcurl", str_of(s->libcurl) },
                        { "libuv", str_of(s->libuv) }, { "tls", str_of(s->tls) }),
                 1);
}

static void put_verdict(struct metric_out *m, const struct status *s)
{
    struct status_verdict v;
    status_judge(s, &v);
    metric_gauge(m, "pipepoll_alive", "1: all loops turn.", v.is_alive);
    metric_gauge(m, "pipepoll_ready", "1: alive, and at least one target is polled as it should.",
                 v.is_ready);
    metric_gauge(m, "pipepoll_well",
                 "1: ready, and nothing is wrong with any target, the journal, "
                 "the output or the config.",
                 v.is_well);
    metric_gauge(m, "pipepoll_ending", "1: told to end, and waits for what is in hand.",
                 s->phase == STATUS_ENDING);
    metric_gauge(m, "pipepoll_incidents", "Causes by which targets fail at present.",
                 s->incident_count);
}

static void put_config(struct metric_out *m, const struct status *s)
{
    metric_family(m, "pipepoll_config_read_timestamp_seconds", METRIC_GAUGE,
                  "When the config file in force was read.");
    metric_seconds_ms(m, NULL, s->config_read_ms);
    metric_gauge(m, "pipepoll_config_refused",
                 "1: the config file was read again since, and refused; the log says why.",
                 s->config_refused);
}

static void put_credentials(struct metric_out *m, const struct status *s)
{
    const struct status_credentials *c = s->credentials, *end = c + s->credentials_count;
    metric_family(m, "pipepoll_credentials_expiry_timestamp_seconds", METRIC_GAUGE,
                  "When credentials expire; no sample: never.");
    for (; c < end; c++)
        if (c->expires_ms)
            metric_seconds_ms(m, LABELS({ "source", c->source }), c->expires_ms);
    metric_family(m, "pipepoll_credentials_usable", METRIC_GAUGE,
                  "1: calls can be signed with them.");
    for (c = s->credentials; c < end; c++)
        metric_count(m, LABELS({ "source", c->source }), c->usable);
    metric_family(m, "pipepoll_credentials_degraded", METRIC_GAUGE,
                  "1: they are still good, but could not be renewed when last tried.");
    for (c = s->credentials; c < end; c++)
        metric_count(m, LABELS({ "source", c->source }), c->degraded);
}

/* --- polls --- */

static void put_lag(struct metric_out *m, const struct status *s)
{
    metric_family(m, "pipepoll_poll_schedule_lag_seconds", METRIC_SUMMARY,
                  "How long polls that were due had to wait for their start.");
    metric_sum(m, NULL, s->late_us_sum, status_polls_sum(s->polls));
    metric_family(m, "pipepoll_poll_schedule_lag_max_seconds", METRIC_GAUGE,
                  "The longest of these waits since the process began.");
    metric_seconds(m, NULL, s->late_us_max);
}

static void put_polling(struct metric_out *m, const struct status *s)
{
    metric_counter(m, "pipepoll_polls_started_total",
                   "Polls that were begun, those that could not be sent included.",
                   s->polls_started);
    metric_gauge(m, "pipepoll_polls_in_flight", "Polls that wait for their answer.", s->in_flight);
    metric_gauge(m, "pipepoll_targets_parked",
                 "Targets that are due, and wait for a free slot or for whoever takes their jobs.",
                 s->parked);
    put_lag(m, s);
    metric_family(m, "pipepoll_pickup_seconds", METRIC_HISTOGRAM,
                  "How long found jobs had waited at most: since the start of their target's last "
                  "poll that left none behind.");
    metric_durations(m, NULL, &status_scale_poll, &s->pickup_time);
    metric_gauge(m, "pipepoll_connections", "Connections to the service that are open.",
                 s->connections);
    metric_counter(m, "pipepoll_connections_opened_total", "Connections that were opened.",
                   s->connections_opened);
    metric_counter(m, "pipepoll_tls_handshakes_total", "TLS handshakes.", s->handshakes);
    metric_counter(m, "pipepoll_tls_handshakes_resumed_total",
                   "Those of them that went on with an earlier session.", s->handshakes_resumed);
}

static struct metric_labels labels_of(const struct status_target *t)
{
    return (struct metric_labels) { { { "target", t->name }, { "region", t->region } } };
}

/* The labels of each target are put together once for all families. NULL: no memory. */
static struct metric_labels *label_targets(struct arena *memory, const struct status *s)
{
    size_t max = 1;
    struct metric_labels *all = arena_array(memory, s->target_count + 1, sizeof *all);
    for (size_t i = 0; all && i < s->target_count; i++) {
        all[i] = labels_of(&s->targets[i]);
        max += metric_labels_max(&all[i]);
    }
    struct buf texts = { .at = arena_array(memory, max, 1), .cap = max };
    if (!all || !texts.at)
        return NULL;
    for (size_t i = 0; i < s->target_count; i++) {
        size_t begin = texts.len;
        metric_labels_put(&texts, &all[i]);
        all[i].put = str_skip(buf_str(&texts), begin);
    }
    return all;
}

/* As its metric has it, for ever. */
static unsigned number_of(enum status_state state)
{
    static const unsigned numbers[STATUS_STATES] = {
        [STATUS_WAITING] = 0, [STATUS_WELL] = 1,    [STATUS_SLOWED] = 2,
        [STATUS_LATE] = 3,    [STATUS_FAILING] = 4, [STATUS_ELSEWHERE] = 5
    };
    return numbers[state];
}

static void put_targets(struct metric_out *m, const struct status *s,
                        const struct metric_labels *labels)
{
    metric_family(m, "pipepoll_target_state", METRIC_GAUGE,
                  "How a target stands: 0 waits for its first answer, 1 well, 2 throttled, 3 late "
                  "(no good poll for too long), 4 failing, 5 elsewhere (another member of the "
                  "fleet polls it, or nobody yet).");
    for (size_t i = 0; i < s->target_count; i++)
        metric_count(m, &labels[i], number_of(s->targets[i].state));
    metric_family(m, "pipepoll_target_last_good_poll_timestamp_seconds", METRIC_GAUGE,
                  "When a poll of the target was answered last; 0: never.");
    for (size_t i = 0; i < s->target_count; i++)
        metric_seconds_ms(m, &labels[i], s->targets[i].last_good_ms);
    metric_family(m, "pipepoll_target_polls_total", METRIC_COUNTER,
                  "Polls of the target that were answered.");
    for (size_t i = 0; i < s->target_count; i++) {
        const uint64_t *polls = s->targets[i].polls;
        metric_count(m, &labels[i], polls[STATUS_JOBS] + polls[STATUS_EMPTY]);
    }
    metric_family(m, "pipepoll_target_jobs_total", METRIC_COUNTER, "Jobs that these brought.");
    for (size_t i = 0; i < s->target_count; i++)
        metric_count(m, &labels[i], s->targets[i].jobs);
}

/* --- jobs --- */

static void put_jobs(struct metric_out *m, const struct status *s)
{
    metric_family(m, "pipepoll_jobs", METRIC_GAUGE,
                  "Jobs in hand: found, and not claimed yet; running in a handler; sending their "
                  "result.");
    for (int i = 0; i < STATUS_STEPS; i++)
        metric_count(m, LABELS({ "state", str_of(status_step_name((enum status_step)i)) }),
                     s->in_hand[i]);
    metric_gauge(m, "pipepoll_jobs_max", "How many may be in hand at once.", s->max_jobs);
    metric_family(m, "pipepoll_jobs_ended_total", METRIC_COUNTER,
                  "Jobs by how they ended here; lost-race: another worker acknowledged it first.");
    for (size_t i = 0; i < STATUS_JOB_ENDS; i++)
        metric_count(m, LABELS({ "outcome", str_of(status_job_end_name(i)) }), s->job_ends[i]);
    metric_counter(m, "pipepoll_jobs_lost_total",
                   "Jobs that did not get to where jobs go, such as stdout; the log names each.",
                   s->lost);
    metric_gauge(m, "pipepoll_output_unwritten_jobs",
                 "Jobs on the way to where jobs go, such as stdout.", s->unwritten_jobs);
    metric_gauge(m, "pipepoll_output_unwritten_bytes",
                 "Bytes on the way to where jobs go, such as stdout.", s->unwritten_bytes);
}

static void put_handlers(struct metric_out *m, const struct status *s)
{
    const struct status_handler *h = s->handlers, *end = h + s->handler_count;
    metric_family(m, "pipepoll_handler_running", METRIC_GAUGE, "Runs of the handler at present.");
    for (; h < end; h++)
        metric_count(m, LABELS({ "handler", h->name }, { "kind", h->kind }), h->running);
    metric_family(m, "pipepoll_handler_runs_total", METRIC_COUNTER,
                  "Runs that ended, by how; stopped: told to end by a time-out or a shutdown, or "
                  "because the job was over.");
    for (h = s->handlers; h < end; h++)
        for (int i = 0; i < STATUS_RUN_ENDS; i++)
            metric_count(m,
                         LABELS({ "handler", h->name },
                                { "outcome", str_of(status_run_end_name((enum status_run_end)i)) }),
                         h->ends[i]);
    metric_family(m, "pipepoll_handler_run_duration_seconds", METRIC_HISTOGRAM,
                  "How long runs took.");
    for (h = s->handlers; h < end; h++)
        metric_durations(m, LABELS({ "handler", h->name }), &status_scale_handler, &h->run_time);
}

static void put_journal(struct metric_out *m, const struct status_journal *j)
{
    if (!j->is_open)
        return;
    metric_gauge(m, "pipepoll_journal_well", "1: its last write succeeded, and none hangs.",
                 j->is_well);
    metric_gauge(m, "pipepoll_journal_waiting_changes", "Changes that are not on the disk yet.",
                 j->waiting);
    metric_family(m, "pipepoll_journal_lag_seconds", METRIC_GAUGE,
                  "How long the oldest of them has waited.");
    metric_seconds(m, NULL, j->lag_us > 0 ? (uint64_t)j->lag_us : 0);
    metric_gauge(m, "pipepoll_journal_size_bytes", "The size of its file.", j->file_bytes);
    metric_counter(m, "pipepoll_journal_batches_total", "Transactions that were written.",
                   j->batches);
    metric_counter(m, "pipepoll_journal_changes_total", "Changes that were written with them.",
                   j->changes);
    metric_counter(m, "pipepoll_journal_failures_total", "Writes that failed and were tried again.",
                   j->failures);
    metric_counter(m, "pipepoll_journal_refused_total", "Changes that found no room in its queue.",
                   j->refused);
}

/* --- the fleet --- */

static void put_leases(struct metric_out *m, const struct status_fleet *f)
{
    metric_gauge(m, "pipepoll_fleet_members", "Members that are alive, as this one sees it.",
                 f->alive);
    metric_gauge(m, "pipepoll_fleet_targets", "Targets of this member's config.", f->targets);
    metric_gauge(m, "pipepoll_fleet_targets_held", "Those of them that this member polls.",
                 f->held);
    metric_gauge(m, "pipepoll_fleet_targets_unheld", "Those of them that no living member polls.",
                 f->unheld);
    metric_gauge(m, "pipepoll_fleet_fenced",
                 "1: stopped all polls, for the servers do not confirm that we are there.",
                 f->is_fenced);
    metric_gauge(m, "pipepoll_fleet_duplicate", "1: another process says that it is this member.",
                 f->is_duplicate);
    metric_counter(m, "pipepoll_fleet_claims_total", "Claims of targets that were made.",
                   f->claims);
    metric_counter(m, "pipepoll_fleet_claims_lost_total", "Those that another member was ahead of.",
                   f->lost_claims);
    metric_counter(m, "pipepoll_fleet_moves_total",
                   "Targets that came to this member from another.", f->moves);
    metric_counter(m, "pipepoll_fleet_fences_total", "How often this member stopped all polls.",
                   f->fences);
}

static void put_queue(struct metric_out *m, const struct status_fleet *f)
{
    metric_gauge(m, "pipepoll_fleet_queue_waiting_jobs", "Jobs in the queue that no worker has.",
                 f->jobs_waiting);
    metric_gauge(m, "pipepoll_fleet_queue_out_jobs",
                 "Jobs of the queue that workers have, and have not settled.", f->jobs_out);
    metric_gauge(m, "pipepoll_fleet_queue_full", "1: it takes no more jobs.", f->is_queue_full);
    metric_gauge(m, "pipepoll_fleet_held_jobs", "Jobs found here that the queue does not have yet.",
                 f->jobs_held);
    metric_family(m, "pipepoll_fleet_held_oldest_timestamp_seconds", METRIC_GAUGE,
                  "When the oldest of them was found; no sample: there is none.");
    if (f->oldest_ms)
        metric_seconds_ms(m, NULL, f->oldest_ms);
    metric_counter(m, "pipepoll_fleet_published_total", "Jobs found here that the queue took.",
                   f->published);
    metric_counter(m, "pipepoll_fleet_published_duplicates_total",
                   "Those of them that it had already.", f->duplicates);
    metric_counter(m, "pipepoll_fleet_publish_failures_total",
                   "Times that it did not take one; each is tried again.", f->failures);
}

static void put_fleet(struct metric_out *m, const struct status_fleet *f)
{
    if (!f->is_in)
        return;
    metric_family(m, "pipepoll_fleet_info", METRIC_INFO, "Which member of which fleet it is.");
    metric_count(m, LABELS({ "fleet", f->name }, { "member", f->member }), 1);
    metric_gauge(m, "pipepoll_fleet_engine_ready",
                 "1: connected to the fleet's servers, and they are as they should be.",
                 f->engine == STATUS_ENGINE_READY);
    metric_counter(m, "pipepoll_fleet_engine_reconnects_total",
                   "How often the connection to them was made anew.", f->reconnects);
    put_leases(m, f);
    put_queue(m, f);
}

/* --- the process --- */

static void put_loops(struct metric_out *m, const struct status *s)
{
    char numbers[32];
    struct buf b = BUF_ON(numbers);
    metric_family(m, "pipepoll_loop_silent_seconds", METRIC_GAUGE,
                  "How long ago an event loop has turned last.");
    for (size_t i = 0; i < s->loop_count; i++, buf_reset(&b)) {
        buf_put_u64(&b, i);
        metric_seconds_ms(m, LABELS({ "loop", buf_str(&b) }), s->loops[i].silent_ms);
    }
    metric_family(m, "pipepoll_loop_turn_duration_seconds", METRIC_HISTOGRAM,
                  "How long its turns took, without the wait for events.");
    for (size_t i = 0; i < s->loop_count; i++, buf_reset(&b)) {
        buf_put_u64(&b, i);
        metric_durations(m, LABELS({ "loop", buf_str(&b) }), &status_scale_turn,
                         &s->loops[i].turn_time);
    }
}

static void put_process(struct metric_out *m, const struct status *s)
{
    metric_family(m, "process_start_time_seconds", METRIC_GAUGE, "When the process began.");
    metric_seconds_ms(m, NULL, s->started_ms);
    metric_family(m, "process_cpu_seconds_total", METRIC_COUNTER,
                  "Time on a processor, of the program and of the system for it.");
    metric_real(m, NULL, s->cpu_s);
    metric_gauge(m, "process_resident_memory_bytes", "Memory that is resident.", s->resident_bytes);
    metric_gauge(m, "process_virtual_memory_bytes", "Address space in use.", s->virtual_bytes);
    metric_gauge(m, "process_open_fds", "File descriptors that are open.", s->open_fds);
    metric_gauge(m, "process_max_fds", "How many may be.", s->max_fds);
}

struct source {
    const struct status *status;
    const struct metrics_regions *regions;
    const struct metric_labels *labels; /* of each target */
    enum metrics_format format;
};

static void put_all(struct buf *out, const void *from)
{
    const struct source *source = from;
    const struct status *s = source->status;
    struct metric_out m = { .to = out, .format = source->format };
    put_build(&m, s);
    put_verdict(&m, s);
    put_config(&m, s);
    put_credentials(&m, s);
    put_polling(&m, s);
    metrics_regions_put(&m, source->regions);
    metrics_regions_put_budgets(&m, s);
    put_targets(&m, s, source->labels);
    put_jobs(&m, s);
    put_handlers(&m, s);
    put_journal(&m, &s->journal);
    put_fleet(&m, &s->fleet);
    put_loops(&m, s);
    put_process(&m, s);
    metric_end(&m);
}

/* What each of them is likely to take. */
enum { WHOLE_BYTES = 32768, TARGET_BYTES = 400, AREA_BYTES = 4096, BUDGET_BYTES = 512 };

char *metrics_text(const struct status *s, enum metrics_format format, size_t *len)
{
    struct metrics_regions regions;
    struct arena memory = { .first = NULL };
    if (!metrics_regions_init(&regions, s))
        return NULL;
    struct source source = { s, &regions, label_targets(&memory, s), format };
    size_t size = WHOLE_BYTES + s->target_count * TARGET_BYTES + regions.count * AREA_BYTES +
                  s->region_count * BUDGET_BYTES;
    char *text = source.labels ? grown(put_all, &source, size, len) : NULL;
    arena_deinit(&memory);
    metrics_regions_deinit(&regions);
    return text;
}
