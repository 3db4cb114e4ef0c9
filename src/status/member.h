/* SPDX-License-Identifier: MIT */
/* Members of a JSON object, one function for each kind of value that a status has. Each puts a
 * comma before itself where one is needed, as jsontext_name() does. Pure. */
#ifndef STATUS_MEMBER_H
#define STATUS_MEMBER_H

#include "base/jsontext.h"

void member_text(struct buf *out, const char *name, str value);
void member_count(struct buf *out, const char *name, uint64_t n);
void member_signed(struct buf *out, const char *name, int64_t n);
void member_flag(struct buf *out, const char *name, bool value);
/* An instant, "2026-11-22T08:15:00.123Z"; null for 0, which is never. */
void member_time(struct buf *out, const char *name, int64_t unix_ms);
/* Microseconds as seconds: 0.25. */
void member_seconds(struct buf *out, const char *name, uint64_t us);
/* To three decimals: 34.125. What is no number, or below 0, is 0. */
void member_rate(struct buf *out, const char *name, double per_s);

/* `"name":{` or `"name":[`, and the first of an array's elements and those after it. */
void member_open(struct buf *out, const char *name, char bracket);
void member_element(struct buf *out, char bracket);

#endif
