/* One line writer for the process: stdio's stderr is replaced by a stream that hands it whole
 * lines, and log lines go to it by themselves. So a command need not know that a loop turns
 * meanwhile: fprintf(stderr, ...) is as harmless as it looks. The C library that lets stderr be
 * assigned (glibc documents it) also sends what assert() says this way, hence the handler of
 * SIGABRT: it gives the thread a moment to get that out. */
#include "daemon/logger.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/jsontext.h"
#include "daemon/colour.h"
#include "daemon/line_writer.h"

enum { LINE_MAX_BYTES = 20480, WAITING_MAX = 256 * 1024, IDLE_MS = 1000, MOST_MS = 10000 };

/* Of the process, as stderr is. */
static struct line_writer *writer;
static bool coloured; /* set before there are threads */
static _Atomic enum { STYLE_PLAIN, STYLE_TEXT, STYLE_JSON } style;

/* --- lines --- */

static void put_json(struct buf *out, enum pipepoll_level level, const struct subject *about,
                     str line)
{
    char text[40];
    struct buf time = BUF_ON(text);
    jsontext_time(&time, jsontext_now_ms());
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
    (void)about;
    bool is_error = level == PIPEPOLL_ERROR, is_bad = is_error || level == PIPEPOLL_WARNING;
    jsontext_time(out, jsontext_now_ms());
    buf_printf(out, " %s%-7s%s ", coloured && is_bad ? is_error ? COLOUR_RED : COLOUR_YELLOW : "",
               log_level_name(level), coloured && is_bad ? COLOUR_NONE : "");
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        buf_put_char(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
}

static str put_line(struct buf *out, bool json, enum pipepoll_level level,
                    const struct subject *about, str line)
{
    void (*put)(struct buf *, enum pipepoll_level, const struct subject *, str) =
        json ? put_json : put_text;
    out->cap--; /* room for the line end */
    put(out, level, about, line);
    if (out->overflow) {
        buf_reset(out);
        put(out, level, NULL, STR("a log line too long to be written"));
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
    (void)ctx;
    buf_printf(&what, "%llu line%s left out here: stderr could not be written",
               (unsigned long long)count, count == 1 ? "" : "s");
    if (style == STYLE_PLAIN)
        buf_printf(out, "pipepoll: %.*s", STR_ARG(buf_str(&what)));
    else
        (style == STYLE_JSON ? put_json : put_text)(out, PIPEPOLL_WARNING, NULL, buf_str(&what));
}

static ssize_t write_stream(void *cookie, const char *text, size_t size)
{
    (void)cookie;
    if (writer)
        line_writer_put(writer, (str) { text, size });
    else
        write_at_once((str) { text, size });
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
