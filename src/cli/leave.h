/* The end of the process: without waiting for what cannot be stopped. */
#ifndef CLI_LEAVE_H
#define CLI_LEAVE_H

#include <stdbool.h>

struct uv_loop_s;

/* Turn the loop until `*done`, or until nothing is left to do in it, and close it. What the library
 * below cannot take back (a name look-up that hangs on a thread) stays in the loop. true: nothing
 * does. false: the loop's memory must stay until the process ends. Any thread. */
bool leave_loop(struct uv_loop_s *loop, const bool *done);

/* What main() returns: with stdio flushed, and by _exit() where a thread hangs in a loop that was
 * left behind or in stderr, for a return would wait for it. */
int leave(int code);

#endif
