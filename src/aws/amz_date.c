/* SPDX-License-Identifier: MIT */
/* By arithmetic: gmtime() and strftime() together cost about as much as a whole signature.
 *
 * Years are counted from March 1st, so that a leap day is the last of its year and the lengths of
 * the months follow a line: 153 days in every five months. Eras are the 400 years after which the
 * calendar repeats (the method of Howard Hinnant's civil_from_days). */
#include "aws/amz_date.h"

enum { SECONDS_A_DAY = 86400, DAYS_AN_ERA = 146097, DAYS_BEFORE_1970 = 719468 };

static void put_digits(char *at, size_t count, unsigned n)
{
    while (count-- > 0) {
        at[count] = (char)('0' + n % 10);
        n /= 10;
    }
}

/* Days since 1970-01-01 as "yyyymmdd". */
static void put_day(char at[8], unsigned days)
{
    unsigned since = days + DAYS_BEFORE_1970; /* counted from 0000-03-01 */
    unsigned era = since / DAYS_AN_ERA, day = since % DAYS_AN_ERA;
    unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    unsigned month = (5 * day + 2) / 153; /* 0 is March */
    put_digits(at, 4, era * 400 + year + (month >= 10));
    put_digits(at + 4, 2, month < 10 ? month + 3 : month - 9);
    put_digits(at + 6, 2, day - (153 * month + 2) / 5 + 1);
}

void amz_date_set(struct amz_date *d, int64_t unix_s)
{
    const int64_t last = 253402300799; /* 9999-12-31T23:59:59Z */
    unix_s = unix_s < 0 ? 0 : unix_s > last ? last : unix_s;
    if (d->unix_s == unix_s && d->text[0])
        return;
    unsigned second = (unsigned)(unix_s % SECONDS_A_DAY);
    put_day(d->text, (unsigned)(unix_s / SECONDS_A_DAY));
    d->text[8] = 'T';
    put_digits(d->text + 9, 2, second / 3600);
    put_digits(d->text + 11, 2, second / 60 % 60);
    put_digits(d->text + 13, 2, second % 60);
    d->text[15] = 'Z';
    d->unix_s = unix_s;
}
