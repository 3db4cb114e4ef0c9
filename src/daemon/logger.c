/* SPDX-License-Identifier: MIT */
/* One line writer for the process: stdio's stderr is replaced by a stream that hands it whole
 * lines, and log lines go to it by themselves. So a command need not know that a loop turns
 * meanwhile: fprintf(stderr, ...) is as harmless as it looks. The C library that lets stderr be
 * assigned (glibc documents it) also sends what assert() says this way, hence the handler of
 * SIGABRT: it gives the thread a moment to get that out. */
#include "daemon/logger.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/control.h"
#include "base/jsontext.h"
#include "base/plural.h"
#include "base/wall_clock.h"
#include "daemon/colour.h"
#include "daemon/line_writer.h"
#include "daemon/priority.h"
#include "daemon/repeats.h"
#include "daemon/steady.h"

enum { LINE_MAX_BYTES = 20480, WAITING_MAX = 256 * 1024, IDLE_MS = 1000, MOST_MS = 10000 };

/* Of the process, as stderr is. */
static struct line_writer *writer;
static bool coloured, is_journal; /* set before there are threads */
static _Atomic enum { STYLE_PLAIN, STYLE_TEXT, STYLE_JSON } style;

/* Lines that repeat, of all loops. */
static struct repeats repeats;
static pthread_mutex_t repeats_mutex = PTHREAD_MUTEX_INITIALIZER;

/* --- lines --- */

static void put_json(struct buf *out, enum pipepoll_level level, const struct subject *about,
                     str line)
{
    char text[40];
    struct buf time = BUF_ON(text);
    jsontext_time(&time, wall_clock_ms());
    buf_put_char(out, '{');
    jsontext_member(out, "time", buf_str(&time));
    jsontext_member(out, "level", str_of(log_level_name(level)));
    jsontext_member(out, "message", line);
    if (about)
        subject_put(out, about);
    buf_put_char(out, '}');
}

/* The words name what they are about. */
static void put_text(struct buf *out, enum pipepoll_level level, const struct subject *about,
                     str line)
{
    bool is_error = level == PIPEPOLL_ERROR, is_bad = is_error || level == PIPEPOLL_WARNING;
    if (!is_journal) { /* which has a better one */
        jsontext_time(out, wall_clock_ms());
        buf_put_char(out, ' ');
    }
    buf_printf(out, "%s%-7s%s ", coloured && is_bad ? is_error ? COLOUR_RED : COLOUR_YELLOW : "",
               log_level_name(level), coloured && is_bad ? COLOUR_NONE : "");
    for (size_t n; line.len; line = str_skip(line, n ? n : 1)) {
        n = control_len(line);
        buf_put_char(out, n ? '?' : line.ptr[0]);
    }
}

static void put_priority(struct buf *out, enum pipepoll_level level)
{
    if (is_journal)
        buf_printf(out, "<%d>", priority_of(level));
}

static void put_styled(struct buf *out, bool json, enum pipepoll_level level,
                       const struct subject *about, str line)
{
    put_priority(out, level);
    (json ? put_json : put_text)(out, level, about, line);
}

static str put_line(struct buf *out, bool json, enum pipepoll_level level,
                    const struct subject *about, str line)
{
    out->cap--; /* room for the line end */
    put_styled(out, json, level, about, line);
    if (out->overflow) {
        buf_reset(out);
        put_styled(out, json, level, NULL, STR("a log line too long to be written"));
    }
    out->cap++;
    buf_put_char(out, '\n');
    style = json ? STYLE_JSON : STYLE_TEXT;
    return buf_str(out);
}

static void write_at_once(str line)
{
    ssize_t written = write(STDERR_FILENO, line.ptr, line.len);
    (void)written; /* there is nobody left to tell */
}

void logger_tell(const struct logger *logger, enum pipepoll_level level,
                 const struct subject *about, str line)
{
    char text[LINE_MAX_BYTES];
    struct buf out = BUF_ON(text);
    if (level > logger->level)
        return;
    str whole = put_line(&out, logger->json, level, about, line);
    if (writer)
        line_writer_put(writer, whole);
    else
        write_at_once(whole);
}

/* --- lines that repeat --- */

void logger_repeat(const struct logger *logger, enum pipepoll_level level,
                   const struct subject *about, str kind, uint32_t allowance, str line)
{
    const struct repeats_line what = { .kind = repeats_kind_of(kind.len ? kind : line),
                                       .level = level,
                                       .about = about,
                                       .text = line,
                                       .allowance = allowance };
    if (level > logger->level)
        return;
    pthread_mutex_lock(&repeats_mutex);
    repeats.unix_offset_ms = wall_clock_ms() - steady_ms();
    bool is_written = repeats_admit(&repeats, &what, steady_ms());
    pthread_mutex_unlock(&repeats_mutex);
    if (is_written)
        logger_tell(logger, level, about, line);
}

void logger_write_summed(void *ctx, enum pipepoll_level level, struct pipepoll_str line)
{
    if (level < PIPEPOLL_DEBUG)
        logger_repeat(ctx, level, NULL, (str) { NULL, 0 }, 1, line);
    else
        logger_write(ctx, level, line);
}

static void tell_sum(void *ctx, enum pipepoll_level level, str members, str text)
{
    const struct subject about = { .members = members };
    logger_tell(ctx, level, &about, text);
}

void logger_tell_repeats(const struct logger *logger, bool last)
{
    struct logger to = *logger;
    pthread_mutex_lock(&repeats_mutex);
    repeats_tell(&repeats, steady_ms(), last, tell_sum, &to);
    pthread_mutex_unlock(&repeats_mutex);
}

void logger_write(void *ctx, enum pipepoll_level level, struct pipepoll_str line)
{
    logger_tell(ctx, level, NULL, line);
}

void logger_printf(const struct logger *logger, enum pipepoll_level level,
                   const struct subject *about, const char *format, ...)
{
    char text[1024];
    va_list args;
    if (level > logger->level)
        return;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    logger_tell(logger, level, about,
                n < 0 ? STR("a log line that cannot be written") : str_of(text));
}

void logger_keep(const struct logger *logger, enum pipepoll_level level,
                 const struct subject *about, str line)
{
    char text[LINE_MAX_BYTES];
    struct buf out = BUF_ON(text);
    str whole = put_line(&out, logger->json, level, about, line);
    if (writer)
        line_writer_keep(writer, whole);
    else
        write_at_once(whole);
}

struct log logger_log(struct logger *logger)
{
    return (struct log) { .write = logger_write, .ctx = logger };
}

/* --- stderr --- */

static void put_gap(void *ctx, struct buf *out, uint64_t count)
{
    char text[96];
    struct buf what = BUF_ON(text);
    buf_printf(&what, "%llu line%s left out here: stderr could not be written",
               (unsigned long long)count, plural(count));
    if (style != STYLE_PLAIN) {
        put_styled(out, style == STYLE_JSON, PIPEPOLL_WARNING, NULL, buf_str(&what));
        return;
    }
    put_priority(out, PIPEPOLL_WARNING);
    buf_printf(out, "pipepoll: %.*s", STR_ARG(buf_str(&what)));
}

static void put_out(str text)
{
    if (writer)
        line_writer_put(writer, text);
    else
        write_at_once(text);
}

/* What a command prints there is why it fails. */
static void put_with_priority(str line)
{
    char text[LINE_MAX_BYTES + 8];
    struct buf out = BUF_ON(text);
    put_priority(&out, PIPEPOLL_ERROR);
    buf_put(&out, line);
    put_out(out.overflow ? line : buf_str(&out));
}

static ssize_t write_stream(void *cookie, const char *text, size_t size)
{
    str rest = { text, size };
    if (!is_journal)
        put_out(rest);
    while (is_journal && rest.len) {
        size_t end = str_find(rest, '\n'), n = end < rest.len ? end + 1 : rest.len;
        put_with_priority((str) { rest.ptr, n });
        rest = str_skip(rest, n);
    }
    return (ssize_t)size;
}

static void on_abort(int number)
{
    static const struct timespec moment = { .tv_nsec = 10000000 };
    for (int i = 0; i < 50 && line_writer_backlog(writer); i++)
        nanosleep(&moment, NULL);
    signal(number, SIG_DFL);
    raise(number);
}

static int replace_stream(void)
{
    FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t) { .write = write_stream });
    if (!stream)
        return PIPEPOLL_ENOMEM;
    setvbuf(stream, NULL, _IOLBF, LINE_MAX_BYTES);
    stderr = stream;
    return PIPEPOLL_OK;
}

int logger_open(void)
{
    const struct line_writer_options o = { .fd = STDERR_FILENO,
                                           .size = WAITING_MAX,
                                           .gap = put_gap };
    coloured = colour_is_wanted(STDERR_FILENO);
    is_journal = priority_is_wanted(STDERR_FILENO);
    int r = line_writer_open(&writer, &o);
    if (r)
        return r;
    r = replace_stream();
    if (r) {
        line_writer_close(writer, IDLE_MS, MOST_MS);
        writer = NULL;
        return r;
    }
    signal(SIGABRT, on_abort);
    return PIPEPOLL_OK;
}

void logger_flush(void)
{
    if (!writer)
        return;
    fflush(stderr);
    line_writer_flush(writer, IDLE_MS, MOST_MS);
}

bool logger_close(void)
{
    if (!writer)
        return true;
    fflush(stderr);
    signal(SIGABRT, SIG_DFL);
    if (!line_writer_close(writer, IDLE_MS, MOST_MS))
        return false;
    writer = NULL;
    return true;
}
