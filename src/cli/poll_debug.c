/* SPDX-License-Identifier: MIT */
/* Lines are printed as things happen, so that one which hangs is the one that is missing. Of an
 * attempt the way is told too, for a failure often lies there: address, proxy, TLS and who issued
 * the certificate, and how long its steps took. */
#include "cli/poll_debug.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/jsontext.h"
#include "base/log.h"
#include "base/plural.h"
#include "config/config.h"

enum { LINE_MAX_SIZE = 2048 };

static void print_line(struct buf *line)
{
    fprintf(stderr, "pipepoll poll: debug: %s\n", buf_cstr(line));
}

void poll_debug_log(void *ctx, enum pipepoll_level level, str line)
{
    fprintf(stderr, "pipepoll poll: %s: %.*s\n", log_level_name(level), STR_ARG(line));
}

static void print_endpoint(const struct poll_options *o, str region)
{
    struct pipepoll_target_options target = o->target;
    struct pipepoll_error why;
    char url[1024], text[LINE_MAX_SIZE];
    struct buf line = BUF_ON(text);
    target.region = region;
    if (pipepoll_endpoint(&target, url, sizeof url, &why))
        return;
    buf_printf(&line, "%.*s: endpoint %s", STR_ARG(region), url);
    print_line(&line);
}

void poll_debug_start(const struct poll_options *o)
{
    const struct pipepoll_action_type *t = &o->target.action_type;
    char text[LINE_MAX_SIZE];
    struct buf line = BUF_ON(text);
    if (!o->debug)
        return;
    buf_printf(&line, "action type %.*s/%.*s/%.*s/%.*s, ", STR_ARG(t->category), STR_ARG(t->owner),
               STR_ARG(t->provider), STR_ARG(t->version));
    buf_printf(&line, "at most %u attempts of %u ms within %llu ms", o->max_attempts,
               poll_options_attempt_ms(o), (unsigned long long)poll_options_whole_ms(o));
    if (o->ca_bundle.len)
        buf_printf(&line, ", CA bundle %.*s", STR_ARG(o->ca_bundle));
    print_line(&line);
    for (size_t i = 0; i < o->count; i++)
        print_endpoint(o, o->regions[i]);
}

void poll_debug_identity(const struct poll_options *o, const struct pipepoll_identity *identity)
{
    char text[LINE_MAX_SIZE];
    struct buf line = BUF_ON(text);
    if (!o->debug)
        return;
    buf_printf(&line, "credentials from %.*s: %s", STR_ARG(identity->source),
               identity->usable    ? "usable"
               : identity->refused ? "refused"
                                   : "none");
    if (identity->usable && identity->expires_s != INT64_MAX) {
        buf_put(&line, STR(", until "));
        jsontext_put_expiry(&line, identity->expires_s);
    }
    if (identity->reason.len)
        buf_printf(&line, ": %.*s", STR_ARG(identity->reason));
    print_line(&line);
}

/* What is not known is left out. */
static void put_way(struct buf *line, const struct pipepoll_target *from)
{
    struct pipepoll_report way = PIPEPOLL_REPORT_INIT;
    pipepoll_target_report(from, &way);
    if (way.proxy.len)
        buf_printf(line, "; by the proxy %.*s", STR_ARG(way.proxy));
    if (way.address.len)
        buf_printf(line, "; %.*s, name looked up in %.1f ms, connected in %.1f ms",
                   STR_ARG(way.address), way.lookup_us / 1e3, way.connect_us / 1e3);
    if (way.tls_version.len)
        buf_printf(line, ", %.*s in %.1f ms, certificate issued by %.*s", STR_ARG(way.tls_version),
                   way.tls_us / 1e3, STR_ARG(way.issuer));
    if (way.clock_skew_ms)
        buf_printf(line, "; the service's clock is %+.1f s off", (double)way.clock_skew_ms / 1e3);
}

static void put_attempt(struct buf *line, const struct pipepoll_target *from, uint32_t attempt)
{
    str region = pipepoll_target_region(from);
    buf_printf(line, "%.*s: attempt %u: ", STR_ARG(region), attempt);
}

static void put_request_id(struct buf *line, str request_id)
{
    if (request_id.len)
        buf_printf(line, ", request %.*s", STR_ARG(request_id));
}

void poll_debug_answer(const struct poll_options *o, const struct pipepoll_target *from,
                       const struct pipepoll_answer *answer)
{
    char text[LINE_MAX_SIZE];
    struct buf line = BUF_ON(text);
    if (!o->debug)
        return;
    put_attempt(&line, from, answer->attempt);
    buf_printf(&line, "HTTP 200 after %.1f ms, %zu job%s", (double)answer->latency_us / 1e3,
               answer->job_count, plural(answer->job_count));
    put_request_id(&line, answer->request_id);
    put_way(&line, from);
    print_line(&line);
}

void poll_debug_failure(const struct poll_options *o, const struct pipepoll_target *from,
                        const struct pipepoll_failure *failure)
{
    char text[LINE_MAX_SIZE];
    struct buf line = BUF_ON(text);
    if (!o->debug)
        return;
    put_attempt(&line, from, failure->attempt);
    if (failure->http_status)
        buf_printf(&line, "HTTP %d, ", failure->http_status);
    buf_put(&line, str_of(pipepoll_strerror(failure->status)));
    if (failure->code.len)
        buf_printf(&line, ", %.*s", STR_ARG(failure->code));
    if (failure->message.len)
        buf_printf(&line, ": %.*s", STR_ARG(failure->message));
    put_request_id(&line, failure->request_id);
    put_way(&line, from);
    print_line(&line);
}
