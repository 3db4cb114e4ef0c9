/* SPDX-License-Identifier: MIT */
/* Failure and report lend their texts, and a probe may be judged and printed later: all is copied
 * into arrays of fixed size and cut there, so that nothing can fail and nothing must be freed. */
#include "daemon/probe.h"

#include <stdio.h>

#include "base/control.h"
#include "base/environment.h"
#include "config/plan_route.h"

/* Control characters become '?': a table must stay one. */
static void copy(char *out, size_t size, str text)
{
    text = str_cut(text, size - 1);
    if (text.len)
        memcpy(out, text.ptr, text.len);
    control_mask(out, text.len);
    out[text.len] = '\0';
}

void probe_init(struct probe *probe, const struct plan_target *target)
{
    const struct environment ours = { NULL, NULL };
    *probe = (struct probe) { .target = target, .expires_s = INT64_MAX };
    probe->clock_uncorrected = environment_is_true(&ours, "AWS_DISABLE_CLOCK_SKEW_CORRECTION");
    plan_route_endpoint(target, probe->url, sizeof probe->url);
    pipepoll_proxy(str_of(probe->url), probe->proxy, sizeof probe->proxy);
}

void probe_note_failure(struct probe *probe, const struct pipepoll_failure *f)
{
    probe->failures++;
    probe->status = f->status;
    probe->http_status = f->http_status;
    copy(probe->code, sizeof probe->code, f->code);
    copy(probe->message, sizeof probe->message, f->message);
    copy(probe->request_id, sizeof probe->request_id, f->request_id);
    probe->cause = f->cause;
    copy(probe->subject, sizeof probe->subject, f->subject);
}

void probe_note_report(struct probe *probe)
{
    struct pipepoll_report r = PIPEPOLL_REPORT_INIT;
    pipepoll_target_report(probe->live, &r);
    probe->usable = r.identity->usable;
    probe->refused = r.identity->refused;
    probe->degraded = r.identity->degraded;
    probe->expires_s = r.identity->expires_s;
    probe->clock_skew_ms = r.clock_skew_ms;
    probe->lookup_us = r.lookup_us;
    probe->connect_us = r.connect_us;
    probe->tls_us = r.tls_us;
    copy(probe->source, sizeof probe->source, r.identity->source);
    copy(probe->reason, sizeof probe->reason, r.identity->reason);
    probe->reason_cause = r.identity->cause;
    copy(probe->reason_subject, sizeof probe->reason_subject, r.identity->subject);
    copy(probe->address, sizeof probe->address, r.address);
    copy(probe->tls_version, sizeof probe->tls_version, r.tls_version);
    copy(probe->issuer, sizeof probe->issuer, r.issuer);
    if (r.proxy.len)
        copy(probe->proxy, sizeof probe->proxy, r.proxy);
}
