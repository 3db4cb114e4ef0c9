/* SPDX-License-Identifier: MIT */
/* The end of `pipepoll run`, whoever asks for it, goes one way: close the shards (polls in flight
 * are delivered), then the sink (jobs are written), then the signals; with nothing of ours left
 * the loop is left. Meanwhile a timer tells what it waits for, and when drain-timeout is over it
 * ends as a second signal ends it: what is not written is named, and nothing is waited for. */
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/plural.h"
#include "cli/run.h"
#include "daemon/leave.h"
#include "daemon/signals.h"

/* timeout(1) signals its child and then its group, and a terminal's Ctrl-C may reach the reader
 * first: what comes sooner after the end began is no second wish. */
enum { AGAIN_MS = 1000, TELL_MS = 5000 };

/* The last part of drain-timeout is for handlers that are told to end, and for their results. */
enum { HAND_BACK_MS = 10000, HAND_BACKS = 2 };

static uint64_t draining_ms(struct run *r)
{
    return uv_now(&r->home.loop) - r->ending_since_ms;
}

static struct shards_unsettled unsettled(struct run *r)
{
    struct shards_unsettled u = shards_unsettled(&r->shards);
    if (r->sink && r->sink->backlog)
        u.bytes += r->sink->backlog(r->sink);
    return u;
}

/* --- what it waits for --- */

/* Those in a worker's hands; what is unsettled is on its way to the sink. */
static void put_worked(struct run *r, struct buf *out)
{
    const struct job_count n = shards_job_count(&r->shards);
    if (n.in_hand)
        buf_printf(out, "%u job%s in hand (%u running) and ", n.in_hand, plural(n.in_hand),
                   n.running);
}

static void put_awaited(struct run *r, struct buf *out)
{
    uint32_t in_flight = shards_in_flight(&r->shards);
    size_t jobs = shards_unsettled(&r->shards).jobs, before = 0;
    put_worked(r, out);
    if (in_flight)
        buf_printf(out, "%u poll%s in flight and ", in_flight, plural(in_flight));
    before = out->len;
    if (r->sink)
        r->sink->put_awaited(r->sink, out);
    if (out->len == before)
        out->len -= out->len ? STR(" and ").len : 0;
    if (jobs)
        buf_printf(out, " (%zu job%s)", jobs, plural(jobs));
    if (!out->len)
        buf_put(out, STR("what is closing"));
}

uint32_t run_drain_left_s(struct run *r)
{
    uint64_t passed_ms = draining_ms(r), whole_ms = r->config.drain_timeout_ms;
    return passed_ms < whole_ms ? (uint32_t)((whole_ms - passed_ms + 999) / 1000) : 0;
}

void run_put_end(struct run *r, struct buf *out)
{
    char text[256];
    struct buf awaited = BUF_ON(text);
    put_awaited(r, &awaited);
    buf_printf(out, "ending within %u s: waiting for %.*s", run_drain_left_s(r),
               STR_ARG(buf_str(&awaited)));
}

static void log_drain(struct run *r)
{
    char text[256];
    struct buf awaited = BUF_ON(text);
    put_awaited(r, &awaited);
    log_line(&r->log, PIPEPOLL_INFO,
             "ending since %llu s: waiting for %.*s; in %u s drain-timeout is over, and what is "
             "not written is listed here",
             (unsigned long long)(draining_ms(r) / 1000), STR_ARG(buf_str(&awaited)),
             run_drain_left_s(r));
}

void run_log_status(struct run *r)
{
    if (!r->ending)
        shards_note(&r->shards);
    char text[32], worked_text[64];
    struct buf throttled = BUF_ON(text), worked = BUF_ON(worked_text);
    const struct job_count n = shards_job_count(&r->shards);
    if (r->has_world)
        buf_printf(&worked, "; in hand %u, running %u", n.in_hand, n.running);
    struct shards_work w = r->ending ? r->work : shards_work(&r->shards);
    if (w.throttled)
        buf_printf(&throttled, ", throttled %zu", w.throttled);
    uint32_t in_flight = r->ending ? shards_in_flight(&r->shards) : w.in_flight;
    struct shards_unsettled u = unsettled(r);
    log_line(&r->log, PIPEPOLL_INFO,
             "status: polls %llu, jobs %llu, failed %llu; targets %zu, unhealthy %zu%.*s; "
             "in flight %u, parked %u; at most %u ms late; %zu job%s and %zu bytes unwritten%.*s",
             (unsigned long long)w.polls, (unsigned long long)w.jobs,
             (unsigned long long)w.failures, w.targets, w.unhealthy, STR_ARG(buf_str(&throttled)),
             in_flight, w.parked, w.max_lateness_ms, u.jobs, plural(u.jobs), u.bytes,
             STR_ARG(buf_str(&worked)));
    if (r->ending)
        log_drain(r);
}

/* --- the end --- */

static void log_work(struct run *r)
{
    struct shards_work work = shards_work(&r->shards);
    log_line(&r->log, PIPEPOLL_INFO, "ended: %llu job%s in %llu poll%s",
             (unsigned long long)work.jobs, plural(work.jobs), (unsigned long long)work.polls,
             plural(work.polls));
}

void run_close_handles(struct run *r)
{
    if (r->reader)
        config_reader_close(r->reader);
    run_notify_close(r);
    uv_close((uv_handle_t *)&r->look, NULL);
    main_loop_close(&r->home);
}

static void on_web_closed(void *ctx)
{
    struct run *r = ctx;
    r->web = NULL;
    run_close_handles(r);
}

static void on_fleet_closed(struct run *r)
{
    if (r->web)
        web_close(r->web, on_web_closed, r);
    else
        run_close_handles(r);
}

/* Who asks how we are is told to the last. */
static void on_sink_closed(void *ctx)
{
    struct run *r = ctx;
    r->sink = NULL;
    logger_tell_repeats(&r->logger, true);
    if (r->code == EXIT_FINE)
        log_work(r);
    run_fleet_close(r, on_fleet_closed);
}

/* Not exit(): its handlers would wait for a write or a look-up that may never end. */
static void end_at_once(struct run *r, const char *why, int code)
{
    uint32_t in_flight = shards_give_up(&r->shards);
    size_t lost = shards_lost(&r->shards);
    const struct job_count worked = shards_job_count(&r->shards);
    char text[256];
    struct buf line = BUF_ON(text);
    buf_printf(&line, "%sended at once: %zu job%s not written, %u poll%s in flight", why, lost,
               plural(lost), in_flight, plural(in_flight));
    if (worked.in_hand)
        buf_printf(&line, "; %u job%s in hand %s", worked.in_hand, plural(worked.in_hand),
                   r->world.journal ? "left to the next start, by the journal"
                                    : "left to their time-outs");
    enum pipepoll_level level =
        lost || in_flight || worked.in_hand ? PIPEPOLL_WARNING : PIPEPOLL_INFO;
    if (level <= r->logger.level)
        logger_keep(&r->logger, level, NULL,
                    buf_str(&line)); /* the list may have filled the queue */
    logger_tell_repeats(&r->logger, true);
    logger_flush(); /* other loops may be at work, and have something to say */
    _exit(code);
}

/* The first time handlers are told to end, the second time they are ended. */
static uint64_t hand_back_at_ms(const struct run *r)
{
    uint64_t whole_ms = r->config.drain_timeout_ms;
    uint64_t last_ms = whole_ms / 3 < HAND_BACK_MS ? whole_ms / 3 : HAND_BACK_MS;
    return whole_ms - (r->handed_back ? last_ms / 2 : last_ms);
}

static bool may_hand_back(const struct run *r)
{
    return r->has_world && r->handed_back < HAND_BACKS;
}

static void hand_back(struct run *r)
{
    const struct job_count n = shards_job_count(&r->shards);
    if (n.running)
        log_line(&r->log, PIPEPOLL_WARNING,
                 "%u job%s still running: handlers are %s, and their jobs %s", n.running,
                 n.running == 1 ? " is" : "s are", r->handed_back ? "killed" : "told to end",
                 r->worker.rerun ? "handed back" : "reported as failed");
    r->handed_back++;
    shards_hand_back(&r->shards);
}

static void on_drain(void *ctx)
{
    struct run *r = ctx;
    uint64_t passed_ms = draining_ms(r), whole_ms = r->config.drain_timeout_ms;
    uint64_t next_ms = whole_ms;
    if (passed_ms >= whole_ms)
        end_at_once(r, "drain-timeout is over: ", r->code ? r->code : 128 + r->end_number);
    if (passed_ms)
        log_drain(r);
    while (may_hand_back(r) && passed_ms >= hand_back_at_ms(r))
        hand_back(r);
    if (may_hand_back(r))
        next_ms = hand_back_at_ms(r);
    uint64_t rest_ms = next_ms - passed_ms;
    main_loop_start_timer(&r->home, on_drain, rest_ms < TELL_MS ? rest_ms : TELL_MS, 0);
}

static void on_shards_closed(void *ctx)
{
    struct run *r = ctx;
    r->sink->close(r->sink, on_sink_closed, r);
}

void run_end(struct run *r, int code)
{
    if (code)
        r->code = code;
    if (r->ending)
        return;
    r->ending = true;
    status_taker_expire(&r->taker);
    uv_update_time(&r->home.loop);
    r->ending_since_ms = uv_now(&r->home.loop);
    shards_tell_health(&r->shards, &r->logger, true);
    logger_tell_repeats(&r->logger, true);
    r->work = shards_work(&r->shards);
    run_notify_stopping(r);
    on_drain(r);
    run_fleet_leave(r);
    shards_close(&r->shards, on_shards_closed, r);
}

void run_on_end_signal(struct run *r, int number)
{
    const char *name = signals_name_of_end(number);
    if (r->ending && draining_ms(r) < AGAIN_MS)
        return;
    if (r->ending)
        end_at_once(r, "", 128 + number);
    log_line(&r->log, PIPEPOLL_INFO,
             "%s: polls in flight are finished, then we end (again: end at once)", name);
    r->end_number = number;
    shards_note(&r->shards);
    run_end(r, EXIT_FINE);
}
