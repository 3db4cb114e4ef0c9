/* How busy a loop is: how long its turns take, the wait for events left out. A turn that takes long
 * delays all else on the loop. */
#ifndef DAEMON_TURNS_H
#define DAEMON_TURNS_H

#include <uv.h>

struct turns {
    uv_prepare_t prepare; /* does not keep the loop alive */
    uint64_t at_ns, idle_ns;
    uint64_t longest_ns, busy_ns, count; /* since turns_restart() */
    void (*closed)(void *ctx);
    void *ctx;
};

/* The loop measures its idle time from now on. A UV_ error; close it in any case. */
int turns_open(struct turns *t, uv_loop_t *loop);
/* Count from now on. */
void turns_restart(struct turns *t);
void turns_close(struct turns *t, void (*closed)(void *ctx), void *ctx);

#endif
