/* SPDX-License-Identifier: MIT */
/* Taken apart from left to right, by steps that remember the first mismatch: a format reads as the
 * list of its parts, with one look at the end. */
#include "aws/timestamp.h"

enum { SECONDS_A_DAY = 86400, DAYS_AN_ERA = 146097, DAYS_BEFORE_1970 = 719468 };

struct scan {
    str rest;
    bool ok; /* sticky: all was as expected so far */
};

struct date {
    int year, month, day, hour, minute, second; /* month and day from 1 */
};

/* Is c next? Then it is taken. */
static bool take_if(struct scan *s, char c)
{
    if (!s->rest.len || s->rest.ptr[0] != c)
        return false;
    s->rest = str_skip(s->rest, 1);
    return true;
}

static void take(struct scan *s, const char *text)
{
    s->ok = s->ok && str_starts(s->rest, str_of(text));
    if (s->ok)
        s->rest = str_skip(s->rest, strlen(text));
}

/* Exactly so many digits; 0 when there are fewer. */
static int take_number(struct scan *s, size_t digits)
{
    int n = 0;
    s->ok = s->ok && s->rest.len >= digits;
    for (size_t i = 0; s->ok && i < digits; i++) {
        s->ok = ascii_is_digit(s->rest.ptr[i]);
        n = n * 10 + (s->rest.ptr[i] - '0');
    }
    if (!s->ok)
        return 0;
    s->rest = str_skip(s->rest, digits);
    return n;
}

/* In letters of either case. */
static bool take_word(struct scan *s, str word)
{
    if (s->rest.len < word.len || !str_eq_nocase((str) { s->rest.ptr, word.len }, word))
        return false;
    s->rest = str_skip(s->rest, word.len);
    return true;
}

/* One of the names, from 1; 0 for none. */
static int take_name(struct scan *s, const str *names, int count)
{
    for (int i = 0; s->ok && i < count; i++)
        if (take_word(s, names[i]))
            return i + 1;
    s->ok = false;
    return 0;
}

static int take_month(struct scan *s)
{
    static const str names[] = {
        STR_INIT("Jan"), STR_INIT("Feb"), STR_INIT("Mar"), STR_INIT("Apr"),
        STR_INIT("May"), STR_INIT("Jun"), STR_INIT("Jul"), STR_INIT("Aug"),
        STR_INIT("Sep"), STR_INIT("Oct"), STR_INIT("Nov"), STR_INIT("Dec")
    };
    return take_name(s, names, 12);
}

static void take_time(struct scan *s, struct date *d)
{
    d->hour = take_number(s, 2);
    take(s, ":");
    d->minute = take_number(s, 2);
    take(s, ":");
    d->second = take_number(s, 2);
}

static int days_of(int month, int year)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Is it a day of the calendar, at a time of the day? A leap second is one. */
static bool is_date(const struct date *d)
{
    return d->year >= 1 && d->month >= 1 && d->month <= 12 && d->day >= 1 &&
           d->day <= days_of(d->month, d->year) && d->hour <= 23 && d->minute <= 59 &&
           d->second <= 60;
}

/* The way back of aws/amz_date.c, by the same count of days from March 1st of year 0. */
static int64_t unix_of(const struct date *d)
{
    int year = d->year - (d->month <= 2), month = (d->month + 9) % 12;
    int era = year / 400, of_era = year % 400;
    int day = of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + d->day - 1;
    int64_t days = (int64_t)era * DAYS_AN_ERA + day - DAYS_BEFORE_1970;
    return days * SECONDS_A_DAY + d->hour * 3600 + d->minute * 60 + d->second;
}

/* All of the text was understood, and it is a date. */
static bool finish(const struct scan *s, const struct date *d, int64_t *unix_s)
{
    if (!s->ok || s->rest.len || !is_date(d))
        return false;
    *unix_s = unix_of(d);
    return true;
}

/* "+01:00" or "-0530": seconds east of Greenwich. */
static int take_hours(struct scan *s)
{
    bool west = take_if(s, '-');
    if (!west)
        take(s, "+");
    int hours = take_number(s, 2);
    take_if(s, ':');
    int minutes = take_number(s, 2);
    s->ok = s->ok && hours <= 23 && minutes <= 59;
    return (west ? -1 : 1) * (hours * 3600 + minutes * 60);
}

/* --- HTTP --- */

/* " GMT", or what others make of it. */
static int take_zone(struct scan *s)
{
    static const str names[] = { STR_INIT("GMT"), STR_INIT("UTC"), STR_INIT("UT"), STR_INIT("Z") };
    take(s, " ");
    if (s->rest.len && (s->rest.ptr[0] == '+' || s->rest.ptr[0] == '-'))
        return take_hours(s);
    take_name(s, names, 4);
    return 0;
}

/* One digit or two. */
static int take_day(struct scan *s)
{
    bool has_two = s->rest.len > 1 && ascii_is_digit(s->rest.ptr[1]);
    return take_number(s, has_two ? 2 : 1);
}

/* Four digits, or two as in RFC 850. */
static int take_year(struct scan *s, bool may_be_short)
{
    bool has_four = s->rest.len > 2 && ascii_is_digit(s->rest.ptr[2]);
    if (has_four || !may_be_short)
        return take_number(s, 4);
    int year = take_number(s, 2);
    return year < 70 ? 2000 + year : 1900 + year;
}

/* "06 Nov 1994 08:49:37 GMT" and RFC 850's "06-Nov-94 08:49:37 GMT". */
static int take_day_first(struct scan *s, struct date *d)
{
    d->day = take_day(s);
    bool is_rfc850 = take_if(s, '-');
    if (!is_rfc850)
        take(s, " ");
    d->month = take_month(s);
    take(s, is_rfc850 ? "-" : " ");
    d->year = take_year(s, is_rfc850);
    take(s, " ");
    take_time(s, d);
    return take_zone(s);
}

/* asctime()'s "Nov  6 08:49:37 1994". */
static void take_month_first(struct scan *s, struct date *d)
{
    d->month = take_month(s);
    take(s, " ");
    take_if(s, ' ');
    d->day = take_day(s);
    take(s, " ");
    take_time(s, d);
    take(s, " ");
    d->year = take_year(s, false);
}

/* "Sun, ", "Sunday, " or "Sun ", where there is one. */
static void take_weekday(struct scan *s)
{
    static const str names[] = { STR_INIT("Sun"), STR_INIT("Mon"), STR_INIT("Tue"), STR_INIT("Wed"),
                                 STR_INIT("Thu"), STR_INIT("Fri"), STR_INIT("Sat") };
    static const str tails[] = { STR_INIT("day"),    STR_INIT("day"),   STR_INIT("sday"),
                                 STR_INIT("nesday"), STR_INIT("rsday"), STR_INIT("day"),
                                 STR_INIT("urday") };
    struct scan with = *s;
    int day = take_name(&with, names, 7);
    if (!day)
        return;
    *s = with;
    take_word(s, tails[day - 1]);
    take_if(s, ',');
    take(s, " ");
}

bool timestamp_http_date(str text, int64_t *unix_s)
{
    struct scan s = { text, true };
    struct date d = { 0 };
    int64_t local_s;
    int offset_s = 0;
    take_weekday(&s);
    if (s.rest.len && ascii_is_digit(s.rest.ptr[0]))
        offset_s = take_day_first(&s, &d);
    else
        take_month_first(&s, &d);
    if (!finish(&s, &d, &local_s))
        return false;
    *unix_s = local_s - offset_s;
    return true;
}

/* --- ISO 8601 --- */

/* "Z", "UTC" or "+01:00": seconds east of Greenwich. */
static int take_offset(struct scan *s)
{
    if (take_if(s, 'Z') || take_if(s, 'z'))
        return 0;
    if (str_starts(s->rest, STR("UTC"))) {
        take(s, "UTC");
        return 0;
    }
    return take_hours(s);
}

bool timestamp_iso8601(str text, int64_t *unix_s)
{
    struct scan s = { text, true };
    struct date d = { 0 };
    d.year = take_number(&s, 4);
    take(&s, "-");
    d.month = take_number(&s, 2);
    take(&s, "-");
    d.day = take_number(&s, 2);
    s.ok = s.ok && (take_if(&s, 'T') || take_if(&s, 't') || take_if(&s, ' '));
    take_time(&s, &d);
    if (take_if(&s, '.')) {
        take_number(&s, 1);
        while (s.rest.len && ascii_is_digit(s.rest.ptr[0]))
            s.rest = str_skip(s.rest, 1);
    }
    int offset_s = take_offset(&s);
    int64_t local_s;
    if (!finish(&s, &d, &local_s))
        return false;
    *unix_s = local_s - offset_s;
    return true;
}
