/* SPDX-License-Identifier: MIT */
/* Times as AWS writes them, to Unix time. Pure, whatever the locale. */
#ifndef AWS_TIMESTAMP_H
#define AWS_TIMESTAMP_H

#include <stdint.h>

#include "base/str.h"

/* RFC 9110 HTTP-date: IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT", and the two obsolete forms;
 * years of two digits are 1970 to 2069. Also as middle-boxes write it: names in either case, no
 * weekday or a wrong one, a day of one digit, UTC, UT, Z or an offset (+0000) for GMT. false: not
 * one (a time without a zone, too, but asctime's), and *unix_s is as it was. */
bool timestamp_http_date(str text, int64_t *unix_s);
/* RFC 3339: "2026-11-22T01:02:03Z", a fraction (cut off) and an offset (+01:00) allowed; also the
 * "...UTC" that the AWS CLI writes into its SSO cache, and the blank for the T and the +0100 that
 * scripts write. false: not one (a time without an offset, too), and *unix_s is as it was. */
bool timestamp_iso8601(str text, int64_t *unix_s);

#endif
