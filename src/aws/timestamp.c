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

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

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
        s->ok = is_digit(s->rest.ptr[i]);
        n = n * 10 + (s->rest.ptr[i] - '0');
    }
    if (!s->ok)
        return 0;
    s->rest = str_skip(s->rest, digits);
    return n;
}

/* One of the names, from 1; 0 for none. */
static int take_name(struct scan *s, const char *const *names, int count)
{
    for (int i = 0; s->ok && i < count; i++) {
        str name = str_of(names[i]);
        if (str_starts(s->rest, name)) {
            s->rest = str_skip(s->rest, name.len);
            return i + 1;
        }
    }
    s->ok = false;
    return 0;
}

static int take_month(struct scan *s)
{
    static const char *const names[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
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

/* "Sun, 06 Nov 1994 08:49:37 GMT", from the blank before the day on. */
static void take_imf(struct scan *s, struct date *d)
{
    take(s, " ");
    d->day = take_number(s, 2);
    take(s, " ");
    d->month = take_month(s);
    take(s, " ");
    d->year = take_number(s, 4);
    take(s, " ");
    take_time(s, d);
    take(s, " GMT");
}

/* "Sunday, 06-Nov-94 08:49:37 GMT", from the blank before the day on. */
static void take_rfc850(struct scan *s, struct date *d)
{
    take(s, " ");
    d->day = take_number(s, 2);
    take(s, "-");
    d->month = take_month(s);
    take(s, "-");
    int year = take_number(s, 2);
    d->year = year < 70 ? 2000 + year : 1900 + year;
    take(s, " ");
    take_time(s, d);
    take(s, " GMT");
}

/* "Sun Nov  6 08:49:37 1994", from the blank before the month on. */
static void take_asctime(struct scan *s, struct date *d)
{
    take(s, " ");
    d->month = take_month(s);
    take(s, " ");
    d->day = take_number(s, take_if(s, ' ') ? 1 : 2);
    take(s, " ");
    take_time(s, d);
    take(s, " ");
    d->year = take_number(s, 4);
}

bool timestamp_http_date(str text, int64_t *unix_s)
{
    static const char *const short_days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char *const long_days[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                             "Thursday", "Friday", "Saturday" };
    enum { LONG_DAY_AT = 6 }; /* where the comma may be after the shortest of the long names */
    struct scan s = { text, true };
    struct date d = { 0 };
    size_t comma = str_find(text, ',');
    take_name(&s, comma >= LONG_DAY_AT && comma < text.len ? long_days : short_days, 7);
    if (comma == text.len) {
        take_asctime(&s, &d);
    } else {
        take(&s, ",");
        if (comma < LONG_DAY_AT)
            take_imf(&s, &d);
        else
            take_rfc850(&s, &d);
    }
    return finish(&s, &d, unix_s);
}

/* "Z", "UTC" or "+01:00": seconds east of Greenwich. */
static int take_offset(struct scan *s)
{
    if (take_if(s, 'Z') || take_if(s, 'z'))
        return 0;
    if (str_starts(s->rest, STR("UTC"))) {
        take(s, "UTC");
        return 0;
    }
    bool west = take_if(s, '-');
    if (!west)
        take(s, "+");
    int hours = take_number(s, 2);
    take_if(s, ':');
    int minutes = take_number(s, 2);
    s->ok = s->ok && hours <= 23 && minutes <= 59;
    return (west ? -1 : 1) * (hours * 3600 + minutes * 60);
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
        while (s.rest.len && is_digit(s.rest.ptr[0]))
            s.rest = str_skip(s.rest, 1);
    }
    int offset_s = take_offset(&s);
    int64_t local_s;
    if (!finish(&s, &d, &local_s))
        return false;
    *unix_s = local_s - offset_s;
    return true;
}
