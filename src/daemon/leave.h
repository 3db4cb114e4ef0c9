/* SPDX-License-Identifier: MIT */
/* The end of the process: its exit code, without waiting for what cannot be stopped. */
#ifndef DAEMON_LEAVE_H
#define DAEMON_LEAVE_H

#include <stdbool.h>

struct uv_loop_s;

/* As the AWS CLI has them, but for FAILED, which is ours. */
enum exit_code {
    EXIT_FINE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 252,
    EXIT_CREDENTIALS = 253,
    EXIT_REFUSED = 254,
    EXIT_OTHER = 255
};

/* Turn the loop until `*done`, or until nothing is left to do in it, and close it. What the library
 * below cannot take back (a name look-up that hangs on a thread) stays in the loop. true: nothing
 * does. false: the loop's memory must stay until the process ends. Any thread. */
bool leave_loop(struct uv_loop_s *loop, const bool *done);

/* A thread of ours is left behind that may hang. Any thread. */
void leave_behind(void);

/* What main() returns: with stdio flushed, and by _exit() where a thread hangs in a loop that was
 * left behind or in stderr, for a return would wait for it. */
int leave(int code);

#endif
