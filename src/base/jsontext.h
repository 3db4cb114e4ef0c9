/* SPDX-License-Identifier: MIT */
/* JSON out: the pieces that need care. Pure. */
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

/* `"name":"value"`, with a comma before it unless it is the first after a '{'. */
void jsontext_member(struct buf *out, const char *name, str value);

/* RFC 3339 in UTC with milliseconds, without quotes: 2026-11-22T08:15:00.123Z. */
void jsontext_time(struct buf *out, int64_t unix_ms);

/* `,"name":"2026-11-22T08:15:00Z"`, or null for what never expires: INT64_MAX, or past year
 * 9999. */
void jsontext_expiry(struct buf *out, const char *name, int64_t unix_s);
/* The same instant for people: 2026-11-22T08:15:00Z, or "never". */
void jsontext_put_expiry(struct buf *out, int64_t unix_s);

/* Now, as jsontext_time() wants it. */
int64_t jsontext_now_ms(void);

#endif
