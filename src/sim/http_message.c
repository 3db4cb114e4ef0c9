/* SPDX-License-Identifier: MIT */
/* What is asked of a request is a slice of it: nothing is copied or unescaped. A reply owns its
 * body, and putting another one frees the first: whoever changes their mind just replies again. Day
 * and month names are spelt here because strftime() follows the locale. */
#include "sim/http_message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

bool http_message_refuse(struct refusal *r, const char *code, const char *format, ...)
{
    r->status = 400;
    r->code = code;
    va_list args;
    va_start(args, format);
    if (vsnprintf(r->message, sizeof r->message, format, args) < 0)
        r->message[0] = '\0';
    va_end(args);
    return false;
}

str http_message_cut(str *s, char c)
{
    size_t at = str_find(*s, c);
    str before = { s->ptr, at };
    *s = str_skip(*s, at < s->len ? at + 1 : at);
    return before;
}

str http_message_header(const struct request *rq, str name)
{
    for (size_t i = 0; i < rq->header_count; i++)
        if (str_eq_nocase(rq->headers[i].name, name))
            return rq->headers[i].value;
    return (str) { 0 };
}

str http_message_path(const struct request *rq)
{
    return (str) { rq->target.ptr, str_find(rq->target, '?') };
}

str http_message_query(const struct request *rq)
{
    size_t mark = str_find(rq->target, '?');
    return mark == rq->target.len ? (str) { 0 } : str_skip(rq->target, mark + 1);
}

const char *http_message_date(struct buf *out, int64_t unix_s)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = { 0 };
    time_t t = (time_t)unix_s;
    gmtime_r(&t, &tm);
    buf_printf(out, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday, tm.tm_mday,
               months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return buf_cstr(out);
}

void http_message_reply_text(struct reply *reply, int status, const char *text)
{
    http_message_reply_deinit(reply);
    reply->status = status;
    reply->body = strdup(text);
    reply->len = reply->body ? strlen(text) : 0;
}

void http_message_reply_json(struct reply *reply, int status, json_t *document)
{
    http_message_reply_deinit(reply);
    reply->body = document ? json_dumps(document, JSON_COMPACT) : NULL;
    reply->len = reply->body ? strlen(reply->body) : 0;
    reply->status = reply->body ? status : 500;
    json_decref(document);
}

void http_message_reply_deinit(struct reply *reply)
{
    free(reply->body);
    reply->body = NULL;
    reply->len = 0;
}
