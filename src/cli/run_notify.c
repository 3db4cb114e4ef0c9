/* SPDX-License-Identifier: MIT */
/* What the service manager hears of `pipepoll run`. Its watchdog is told that we live only while
 * the status says so, which is what /healthz and the metrics say too: so a loop that hangs, be it
 * the home loop or another, ends in a restart. The status line has the reason by then. */
#include "base/log.h"
#include "cli/run.h"

/* How often the line for `systemctl status` is renewed; and while the end lasts, how much longer
 * it may: from one look to the next, and what is left then has to be named in the log. */
enum { STATUS_MS = 5000, EXTEND_MS = 15000 };

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000; /* CLOCK_MONOTONIC */
}

/* Perhaps empty. */
static void put_line(struct run *r, const struct status *s, struct buf *out)
{
    char line[STATUS_LINE_MAX];
    if (r->ending)
        run_put_end(r, out);
    else
        buf_put(out, (str) { line, status_line(s, line) });
}

static void tell(struct run *r, enum notify_state state, bool beat)
{
    char text[STATUS_LINE_MAX];
    struct buf line = BUF_ON(text);
    struct status_verdict verdict;
    if (!notify_is_wanted(&r->notify))
        return;
    const struct status *s = run_status(r);
    status_judge(s, &verdict);
    put_line(r, s, &line);
    const struct notify_message m = { .state = state,
                                      .beat = beat && verdict.is_alive,
                                      .monotonic_us = now_us(),
                                      .extend_us = r->ending ? EXTEND_MS * 1000 : 0,
                                      .status = buf_str(&line) };
    notify_send(&r->notify, &m);
}

static void on_timer(uv_timer_t *timer)
{
    struct run *r = timer->data;
    tell(r, NOTIFY_SAME, r->notify.beat_us > 0);
}

void run_notify_start(struct run *r)
{
    struct pipepoll_error why;
    uv_timer_init(&r->home.loop, &r->notify_timer);
    r->notify_timer.data = r;
    if (notify_init(&r->notify, &why))
        log_line(&r->log, PIPEPOLL_WARNING, "%s", why.text);
    uint64_t every_ms = r->notify.beat_us / 1000;
    if (!every_ms || every_ms > STATUS_MS)
        every_ms = r->notify.beat_us && !every_ms ? 1 : STATUS_MS;
    if (notify_is_wanted(&r->notify))
        uv_timer_start(&r->notify_timer, on_timer, every_ms, every_ms);
}

void run_notify_settled(struct run *r)
{
    if (!r->ending)
        tell(r, NOTIFY_READY, false);
}

void run_notify_reloading(struct run *r)
{
    tell(r, NOTIFY_RELOADING, false);
}

void run_notify_stopping(struct run *r)
{
    tell(r, NOTIFY_STOPPING, false);
}

void run_notify_close(struct run *r)
{
    uv_close((uv_handle_t *)&r->notify_timer, NULL);
    notify_deinit(&r->notify);
}
