/* Failure and report lend their texts, and a probe may be judged and printed later: all is copied
 * into arrays of fixed size and cut there, so that nothing can fail and nothing must be freed. */
#include "daemon/probe.h"

#include <stdio.h>

#include "base/environment.h"
#include "config/plan_route.h"

/* Control characters become '?': a table must stay one. */
static void copy(char *out, size_t size, str text)
{
    size_t len = text.len < size ? text.len : size - 1;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        out[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    out[len] = '\0';
}

void probe_init(struct probe *e, const struct plan_target *target)
{
    const struct environment ours = { NULL, NULL };
    *e = (struct probe) { .target = target, .expires_s = INT64_MAX };
    e->clock_uncorrected = environment_is_true(&ours, "AWS_DISABLE_CLOCK_SKEW_CORRECTION");
    plan_route_endpoint(target, e->url, sizeof e->url);
    pipepoll_proxy(str_of(e->url), e->proxy, sizeof e->proxy);
}

void probe_note_failure(struct probe *e, const struct pipepoll_failure *f)
{
    e->failures++;
    e->status = f->status;
    e->http_status = f->http_status;
    copy(e->code, sizeof e->code, f->code);
    copy(e->message, sizeof e->message, f->message);
    copy(e->request_id, sizeof e->request_id, f->request_id);
    e->cause = f->cause;
    copy(e->subject, sizeof e->subject, f->subject);
}

void probe_note_report(struct probe *e)
{
    struct pipepoll_report r = PIPEPOLL_REPORT_INIT;
    pipepoll_target_report(e->live, &r);
    e->usable = r.identity->usable;
    e->refused = r.identity->refused;
    e->degraded = r.identity->degraded;
    e->expires_s = r.identity->expires_s;
    e->clock_skew_ms = r.clock_skew_ms;
    e->lookup_us = r.lookup_us;
    e->connect_us = r.connect_us;
    e->tls_us = r.tls_us;
    copy(e->source, sizeof e->source, r.identity->source);
    copy(e->reason, sizeof e->reason, r.identity->reason);
    e->reason_cause = r.identity->cause;
    copy(e->reason_subject, sizeof e->reason_subject, r.identity->subject);
    copy(e->address, sizeof e->address, r.address);
    copy(e->tls_version, sizeof e->tls_version, r.tls_version);
    copy(e->issuer, sizeof e->issuer, r.issuer);
    if (r.proxy.len)
        copy(e->proxy, sizeof e->proxy, r.proxy);
}
