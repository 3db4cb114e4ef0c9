/* SPDX-License-Identifier: MIT */
/* A child: `pipepoll run` with a config file, as a newcomer would start it. On the loop's
 * thread. */
#ifndef SIM_DEMO_RUN_H
#define SIM_DEMO_RUN_H

#include <uv.h>

#include "sim/demo_folder.h"

struct demo_run {
    uv_process_t process;
    uv_pipe_t output; /* what it prints is passed over; without us it has no reader, and ends */
    bool is_running;  /* ended() will come */
    int to_close;
    int64_t code;
    int signal;
    char output_text[4096];
    /* Set before the start. It ended by itself (signal 0), or by that signal; it may be started
     * again. */
    void (*ended)(void *ctx, int64_t code, int signal);
    void *ctx;
};

/* Its environment is ours, without what leads to AWS, to its files or to a proxy, and with the
 * simulated service's keys. ESYSTEM: it cannot be started, and ended() does not come; it is to be
 * closed by the loop before r goes. */
int demo_run_start(struct demo_run *r, uv_loop_t *loop, const struct demo_folder *folder,
                   struct pipepoll_error *why);

/* Nothing where it does not run. */
void demo_run_signal(struct demo_run *r, int number);

#endif
