/* SPDX-License-Identifier: MIT */
/* The handler `exec`: a program for each job.
 *
 * The program gets the job as one line of JSON on stdin (job_document.h), which alone carries the
 * job's secrets: they are in neither its arguments nor its environment. It tells of its progress
 * and its result on stdout (report.h), and whatever it likes on stderr, which goes to the log. The
 * last result counts; without one the exit code decides: 0 is success, 75 (EX_TEMPFAIL) is
 * SystemUnavailable, 77 (EX_NOPERM) PermissionError, 78 (EX_CONFIG) ConfigurationError, and any
 * other JobFailed, with the last line of stderr as its message. So is a death by a signal, or a
 * time-out. A result that is not understood fails the job and says so.
 *
 * The program runs in a session and process group of its own, with three descriptors, default
 * signals, the environment of program_environment.h and limits. At the end of its time its group
 * gets SIGTERM and then SIGKILL; what is left of the group when it ends is killed. What it starts
 * outside of its group is not waited for.
 */
#ifndef HANDLER_EXEC_H
#define HANDLER_EXEC_H

#include "handler/handler.h"
#include "handler/program_options.h"

/* A line of stdout may have so many bytes, and one of stderr; a longer one is cut. */
enum { EXEC_LINE_MAX = 65536, EXEC_LOG_LINE_MAX = 8192 };

/* What o points to must outlive the handler; its log_lines_max is for each job. SIGPIPE must be
 * ignored in this process. What keeps a program or its folder from being used is told by done() as
 * ConfigurationError, what is the machine's as SystemUnavailable. stop() sends SIGTERM, and SIGKILL
 * after kill_after_ms.
 * PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM: no thread. */
int exec_open(struct handler **out, struct uv_loop_s *loop, const struct program_options *o);

#endif
