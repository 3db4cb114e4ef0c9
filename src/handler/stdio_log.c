/* SPDX-License-Identifier: MIT */
/* The bounds are those of a job of exec.h, for a minute: a program that lives for months must not
 * fall silent after its first flood. */
#include "handler/stdio_log.h"

#include "base/buf.h"
#include "base/plural.h"
#include "handler/stdio_handler.h"

enum { MINUTE_MS = 60000 };

void stdio_log_line(const struct stdio_log *l, enum pipepoll_level level, str line)
{
    if (l->log->write)
        l->log->write(l->log->ctx, level, line);
}

void stdio_log_put(const struct stdio_log *l, enum pipepoll_level level, str text)
{
    char room[STDIO_HANDLER_LOG_LINE_MAX + 100];
    struct buf line = BUF_ON(room);
    buf_printf(&line, "%s: ", l->program);
    buf_put(&line, text);
    stdio_log_line(l, level, buf_str(&line));
}

void stdio_log_flush(struct stdio_log *l)
{
    char room[80];
    struct buf text = BUF_ON(room);
    if (!l->left_out)
        return;
    buf_printf(&text, "%llu line%s left out", (unsigned long long)l->left_out, plural(l->left_out));
    l->left_out = 0;
    stdio_log_put(l, PIPEPOLL_WARNING, buf_str(&text));
}

bool stdio_log_admit(struct stdio_log *l, uint64_t now_ms, size_t len)
{
    if (!l->minute_ms || now_ms - l->minute_ms >= MINUTE_MS) {
        stdio_log_flush(l);
        l->minute_ms = now_ms ? now_ms : 1;
        l->lines_left = l->lines_max;
        l->bytes_left = l->bytes_max;
    }
    if (!l->lines_left || len > l->bytes_left) {
        l->lines_left = 0;
        l->left_out++;
        return false;
    }
    l->lines_left--;
    l->bytes_left -= len;
    return true;
}

void stdio_log_keep(struct stdio_log *l, struct secrets *secrets)
{
    struct secrets *place = &l->past[l->turn++ % STDIO_LOG_PAST];
    secrets_deinit(place);
    *place = *secrets;
    *secrets = (struct secrets) { 0 };
}

void stdio_log_mask(const struct stdio_log *l, char *text, size_t len, bool cut)
{
    for (unsigned i = 0; i < STDIO_LOG_PAST; i++)
        secrets_mask(&l->past[i], text, len, cut);
}

void stdio_log_forget(struct stdio_log *l)
{
    for (unsigned i = 0; i < STDIO_LOG_PAST; i++)
        secrets_deinit(&l->past[i]);
}
