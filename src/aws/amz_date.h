/* SPDX-License-Identifier: MIT */
/* A time as signing needs it: "20150830T123600Z", whose first eight are the day of the scope. */
#ifndef AWS_AMZ_DATE_H
#define AWS_AMZ_DATE_H

#include <stdint.h>

#include "base/str.h"

struct amz_date {
    char text[16];
    int64_t unix_s; /* what text stands for: kept, so that text is made once a second */
};

/* Does nothing when *d stands for unix_s already; *d may start out zeroed. Years 1970 to 9999: a
 * time before or after becomes the first or the last second of these. */
void amz_date_set(struct amz_date *d, int64_t unix_s);

/* Both lie in d. */
static inline str amz_date_str(const struct amz_date *d)
{
    return (str) { d->text, sizeof d->text };
}
static inline str amz_date_day(const struct amz_date *d)
{
    return (str) { d->text, 8 };
}

#endif
