/* SPDX-License-Identifier: MIT */
/* libuv calls back for descriptors inside its wait for them, so that a turn is best seen from one
 * prepare hook to the next: all that time less what the loop says it was idle. */
#include "daemon/loop_stats.h"

static void on_prepare(uv_prepare_t *prepare)
{
    struct loop_stats *stats = prepare->data;
    uint64_t now_ns = uv_hrtime(), idle_ns = uv_metrics_idle_time(prepare->loop);
    uint64_t turn_ns = now_ns - stats->at_ns, idle_part_ns = idle_ns - stats->idle_ns;
    uint64_t busy_ns = turn_ns > idle_part_ns ? turn_ns - idle_part_ns : 0;
    stats->at_ns = now_ns;
    stats->idle_ns = idle_ns;
    stats->busy_ns += busy_ns;
    stats->count++;
    status_durations_add(&stats->turn_time, &status_scale_turn, busy_ns / 1000);
    if (busy_ns > stats->longest_ns)
        stats->longest_ns = busy_ns;
}

int loop_stats_open(struct loop_stats *stats, uv_loop_t *loop)
{
    *stats = (struct loop_stats) { .prepare.data = stats };
    uv_prepare_init(loop, &stats->prepare);
    uv_unref((uv_handle_t *)&stats->prepare);
    int r = uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
    loop_stats_restart(stats);
    return r ? r : uv_prepare_start(&stats->prepare, on_prepare);
}

void loop_stats_restart(struct loop_stats *stats)
{
    stats->at_ns = uv_hrtime();
    stats->idle_ns = uv_metrics_idle_time(stats->prepare.loop);
    stats->longest_ns = stats->busy_ns = stats->count = 0;
    stats->turn_time = (struct status_durations) { .count = 0 };
}

static void on_closed(uv_handle_t *handle)
{
    struct loop_stats *stats = handle->data;
    stats->closed(stats->ctx);
}

void loop_stats_close(struct loop_stats *stats, void (*closed)(void *ctx), void *ctx)
{
    stats->closed = closed;
    stats->ctx = ctx;
    uv_close((uv_handle_t *)&stats->prepare, on_closed);
}
