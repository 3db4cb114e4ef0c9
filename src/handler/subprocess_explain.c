/* SPDX-License-Identifier: MIT */
/* The end of a program in the words of who runs it. */
#include "handler/subprocess.h"

#include <errno.h>
#include <signal.h>

static const char *signal_name(int number)
{
    const char *name = sigabbrev_np(number);
    return name ? name : "?";
}

static void explain_start(struct buf *out, const char *name, const struct subprocess_result *r)
{
    const char *what = strerror(r->code);
    if (r->stage == LAUNCH_DIRECTORY)
        buf_printf(out, "the folder for %s cannot be entered: %s", name, what);
    else if (r->stage == LAUNCH_PROGRAM && r->code == ENOEXEC)
        buf_printf(out, "%s cannot be started: it is no program, and begins with no #! line", name);
    else
        buf_printf(out, "%s cannot be started: %s", name, what);
}

void subprocess_explain(struct buf *out, const char *name, const struct subprocess_result *r)
{
    switch (r->end) {
    case SUBPROCESS_EXITED:
        buf_printf(out, "%s ended with exit code %d", name, r->code);
        return;
    case SUBPROCESS_SIGNALLED:
        buf_printf(out, "%s was killed by SIG%s (signal %d)", name, signal_name(r->code), r->code);
        return;
    case SUBPROCESS_NO_START:
        explain_start(out, name, r);
        return;
    case SUBPROCESS_LOST:
        buf_printf(out, "how %s ended is unknown", name);
        return;
    }
}
