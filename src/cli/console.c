#include "cli/console.h"

#include <unistd.h>

#include "cli/jsontext.h"

enum { LINE_MAX_BYTES = 12288 };

static const char *const level_names[] = { [PIPEPOLL_ERROR] = "error",
                                           [PIPEPOLL_WARNING] = "warning",
                                           [PIPEPOLL_INFO] = "info",
                                           [PIPEPOLL_DEBUG] = "debug" };

static void put_json(struct buf *out, const char *level, str line)
{
    char text[40];
    struct buf time = BUF_ON(text);
    jsontext_time(&time, jsontext_now_ms());
    buf_put_char(out, '{');
    jsontext_member(out, "time", buf_str(&time));
    jsontext_member(out, "level", str_of(level));
    jsontext_member(out, "message", line);
    buf_put_char(out, '}');
}

static void put_text(struct buf *out, const char *level, str line)
{
    jsontext_time(out, jsontext_now_ms());
    buf_printf(out, " %-7s ", level);
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        buf_put_char(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
}

void console_write(void *ctx, enum pipepoll_level level, struct pipepoll_str line)
{
    const struct console *c = ctx;
    if (level > c->level)
        return;
    char text[LINE_MAX_BYTES];
    struct buf out = BUF_ON(text);
    out.cap--; /* room for the line end */
    void (*put)(struct buf *, const char *, str) = c->json ? put_json : put_text;
    put(&out, level_names[level], line);
    if (out.overflow) {
        buf_reset(&out);
        put(&out, level_names[level], STR("a log line too long to be written"));
    }
    text[out.len++] = '\n';
    ssize_t written = write(STDERR_FILENO, text, out.len);
    (void)written; /* there is nobody left to tell */
}

struct log console_log(struct console *c)
{
    return (struct log) { .write = console_write, .ctx = c };
}
