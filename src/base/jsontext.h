/* SPDX-License-Identifier: MIT */
/* JSON out: texts, and the members of an object with a function for each kind of value. Pure. */
#ifndef BASE_JSONTEXT_H
#define BASE_JSONTEXT_H

#include "base/buf.h"

/* A string with its quotes. Control characters are escaped, bytes that are not UTF-8 become U+FFFD,
 * so that any reader takes the line whatever the service sent. At most 6 bytes for one, and 2. */
void jsontext_string(struct buf *out, str s);

/* How many characters (code points) a text has; SIZE_MAX: it is not UTF-8. */
size_t jsontext_characters(str s);

/* How many bytes jsontext_string() puts. */
size_t jsontext_size(str s);

/* `"name":`, with a comma before it unless it is the first after a '{'. */
void jsontext_name(struct buf *out, str name);

/* Members, each behind jsontext_name(): `"name":"value"`; the same, or nothing for an empty one. */
void jsontext_member(struct buf *out, const char *name, str value);
void jsontext_member_if(struct buf *out, const char *name, str value);
void jsontext_null(struct buf *out, const char *name);
void jsontext_count(struct buf *out, const char *name, uint64_t n);
void jsontext_signed(struct buf *out, const char *name, int64_t n);
void jsontext_flag(struct buf *out, const char *name, bool value);
/* "2026-11-22T08:15:00.123Z"; null for 0, which is never. */
void jsontext_instant(struct buf *out, const char *name, int64_t unix_ms);
/* "2026-11-22T08:15:00Z"; null for what never expires: INT64_MAX, or past year 9999. */
void jsontext_expiry(struct buf *out, const char *name, int64_t unix_s);
/* Microseconds as seconds: 0.25. */
void jsontext_seconds(struct buf *out, const char *name, uint64_t us);
/* To three decimals: 34.125. What is no number, or below 0, is 0. */
void jsontext_rate(struct buf *out, const char *name, double per_s);

/* To six significant digits: 0.000277778. What is no number, or infinite, is null. */
void jsontext_number(struct buf *out, const char *name, double n);

/* `"name":{` or `"name":[`, which the caller closes, and the bracket of an array's element, with a
 * comma before it unless it is the first. */
void jsontext_open(struct buf *out, const char *name, char bracket);
void jsontext_element(struct buf *out, char bracket);

/* RFC 3339 in UTC with milliseconds, without quotes: 2026-11-22T08:15:00.123Z. */
void jsontext_time(struct buf *out, int64_t unix_ms);
/* The instant of an expiry for people: 2026-11-22T08:15:00Z, or "never". */
void jsontext_put_expiry(struct buf *out, int64_t unix_s);

#endif
