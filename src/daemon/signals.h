/* SPDX-License-Identifier: MIT */
/* What each signal does to the program: decided in one table, with the reasons. */
#ifndef DAEMON_SIGNALS_H
#define DAEMON_SIGNALS_H

#include "base/buf.h"

struct uv_signal_s;

/* First thing in main(): nothing is blocked, a broken pipe and a file that may not grow are errors
 * of the write, and it is noted which signals whoever started us wanted ignored (nohup, `&`). */
void signals_init(void);

/* As uv_signal_start(), unless the signal was ignored when the program began: then it stays so. */
int signals_start(struct uv_signal_s *handle, void (*on)(struct uv_signal_s *handle, int number),
                  int number);

/* From now on every signal whose default is to end the process, without being a fault of it, and
 * that nobody handles arrives as SIGTERM: for a command that has work to finish first. Once
 * SIGTERM is handled. */
void signals_end_gracefully(void);

/* After SIGTERM arrived: the name of the signal it stands for, "SIGTERM" itself among them. */
const char *signals_name_of_end(int number);

/* The names of those in the table that stay ignored since the program began, with commas. */
void signals_put_ignored(struct buf *out);

#endif
