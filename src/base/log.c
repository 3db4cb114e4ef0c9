/* SPDX-License-Identifier: MIT */
/* Lines are made on the stack and cut to its array: nothing is allocated, so that running out of
 * memory can be told too. What is quoted may come from anywhere, hence no control character gets
 * through, neither to a log nor into a reason. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/control.h"

/* vsnprintf cut to size, with control characters made visible: the text may quote foreign input. */
__attribute__((format(printf, 3, 0))) static size_t format_line(char *text, size_t size,
                                                                const char *format, va_list args)
{
    int n = vsnprintf(text, size, format, args);
    size_t len = n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
    text[len] = '\0'; /* a failed vsnprintf may not have */
    control_mask(text, len);
    return len;
}

const char *log_level_name(enum pipepoll_level level)
{
    static const char *const names[] = { [PIPEPOLL_ERROR] = "error",
                                         [PIPEPOLL_WARNING] = "warning",
                                         [PIPEPOLL_INFO] = "info",
                                         [PIPEPOLL_DEBUG] = "debug" };
    bool is_known = (unsigned)level < sizeof names / sizeof *names;
    return is_known ? names[level] : names[PIPEPOLL_DEBUG];
}

void log_line(const struct log *log, enum pipepoll_level level, const char *format, ...)
{
    if (!log->write)
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    size_t len = format_line(text, sizeof text, format, args);
    va_end(args);
    log->write(log->ctx, level, (struct pipepoll_str) { text, len });
}

int explain(struct pipepoll_error *why, int status, const char *format, ...)
{
    if (!why)
        return status;
    va_list args;
    va_start(args, format);
    format_line(why->text, sizeof why->text, format, args);
    va_end(args);
    why->cause = status == PIPEPOLL_ENOMEM ? PIPEPOLL_CAUSE_MEMORY : PIPEPOLL_CAUSE_UNKNOWN;
    why->subject[0] = '\0';
    memset(why->reserved, 0, sizeof why->reserved);
    return status;
}

void explain_cause(struct pipepoll_error *why, enum pipepoll_cause cause,
                   struct pipepoll_str subject)
{
    if (!why)
        return;
    why->cause = cause;
    subject = str_cut(subject, sizeof why->subject - 1);
    if (subject.len)
        memcpy(why->subject, subject.ptr, subject.len);
    control_mask(why->subject, subject.len);
    why->subject[subject.len] = '\0';
}
