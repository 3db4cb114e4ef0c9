/* SPDX-License-Identifier: MIT */
/* The timer is closed last: when the loop has let go of it, nothing of ours is left in there. */
#include "daemon/main_loop.h"

#include "base/log.h"
#include "daemon/leave.h"
#include "daemon/signals.h"

static void on_signal(uv_signal_t *handle, int number)
{
    struct main_loop *m = handle->data;
    m->on_signal(m->ctx, number);
}

static void on_timer(uv_timer_t *timer)
{
    struct main_loop *m = timer->data;
    m->on_timer(m->ctx);
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct main_loop *m = timer->data;
    m->done = true;
}

int main_loop_open(struct main_loop *m, const int *numbers, struct pipepoll_error *why)
{
    int r = uv_loop_init(&m->loop);
    if (r)
        return explain(why, PIPEPOLL_ESYSTEM, "no event loop: %s", uv_strerror(r));
    uv_timer_init(&m->loop, &m->timer);
    m->timer.data = m;
    for (; !r && *numbers; numbers++) {
        uv_signal_t *handle = &m->signals[m->signal_count++];
        uv_signal_init(&m->loop, handle);
        handle->data = m;
        r = signals_start(handle, on_signal, *numbers);
    }
    if (!r)
        return PIPEPOLL_OK;
    main_loop_close(m);
    main_loop_run(m);
    return explain(why, PIPEPOLL_ESYSTEM, "no signal handlers: %s", uv_strerror(r));
}

void main_loop_start_timer(struct main_loop *m, void (*on)(void *ctx), uint64_t after_ms,
                           uint64_t every_ms)
{
    m->on_timer = on;
    uv_timer_start(&m->timer, on_timer, after_ms, every_ms);
}

void main_loop_stop_timer(struct main_loop *m)
{
    uv_timer_stop(&m->timer);
}

void main_loop_close(struct main_loop *m)
{
    for (size_t i = 0; i < m->signal_count; i++)
        uv_close((uv_handle_t *)&m->signals[i], NULL);
    uv_close((uv_handle_t *)&m->timer, on_timer_closed);
}

void main_loop_run(struct main_loop *m)
{
    m->hangs = !leave_loop(&m->loop, &m->done);
}
