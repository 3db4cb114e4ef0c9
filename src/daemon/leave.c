/* SPDX-License-Identifier: MIT */
/* uv_loop_close() refuses a loop in which something is left: that is how a hanging thread is
 * noticed. Loops end on several threads and main() returns once, hence one note for the process. */
#include "daemon/leave.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "daemon/logger.h"

static atomic_bool something_hangs;

void leave_behind(void)
{
    something_hangs = true;
}

bool leave_loop(struct uv_loop_s *loop, const bool *done)
{
    while (!*done && uv_run(loop, UV_RUN_ONCE))
        ;
    uv_run(loop, UV_RUN_NOWAIT); /* handles that were closed last */
    bool closed = uv_loop_close(loop) == 0;
    if (!closed)
        leave_behind();
    return closed;
}

int leave(int code)
{
    bool is_out = logger_close();
    if (is_out && !something_hangs)
        return code;
    fflush(stdout);
    _exit(code);
}
