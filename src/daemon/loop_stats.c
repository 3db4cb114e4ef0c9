/* libuv calls back for descriptors inside its wait for them, so that a turn is best seen from one
 * prepare hook to the next: all that time less what the loop says it was idle. */
#include "daemon/loop_stats.h"

static void on_prepare(uv_prepare_t *prepare)
{
    struct loop_stats *t = prepare->data;
    uint64_t now_ns = uv_hrtime(), idle_ns = uv_metrics_idle_time(prepare->loop);
    uint64_t turn_ns = now_ns - t->at_ns, idle_part_ns = idle_ns - t->idle_ns;
    uint64_t busy_ns = turn_ns > idle_part_ns ? turn_ns - idle_part_ns : 0;
    t->at_ns = now_ns;
    t->idle_ns = idle_ns;
    t->busy_ns += busy_ns;
    t->count++;
    if (busy_ns > t->longest_ns)
        t->longest_ns = busy_ns;
}

int loop_stats_open(struct loop_stats *t, uv_loop_t *loop)
{
    *t = (struct loop_stats) { .prepare.data = t };
    uv_prepare_init(loop, &t->prepare);
    uv_unref((uv_handle_t *)&t->prepare);
    int r = uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
    loop_stats_restart(t);
    return r ? r : uv_prepare_start(&t->prepare, on_prepare);
}

void loop_stats_restart(struct loop_stats *t)
{
    t->at_ns = uv_hrtime();
    t->idle_ns = uv_metrics_idle_time(t->prepare.loop);
    t->longest_ns = t->busy_ns = t->count = 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct loop_stats *t = handle->data;
    t->closed(t->ctx);
}

void loop_stats_close(struct loop_stats *t, void (*closed)(void *ctx), void *ctx)
{
    t->closed = closed;
    t->ctx = ctx;
    uv_close((uv_handle_t *)&t->prepare, on_closed);
}
