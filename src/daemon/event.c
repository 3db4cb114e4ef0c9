/* SPDX-License-Identifier: MIT */
/* Texts are cut before they are escaped, where each byte may become six: the limits of a record are
 * such that the longest line still fits EVENT_LINE_MAX. */
#include "daemon/event.h"

#include "base/jsontext.h"

const char *event_status(int status)
{
    static const struct {
        int status;
        const char *word;
    } words[] = {
        { PIPEPOLL_OK, "ok" },
        { PIPEPOLL_ENOMEM, "out-of-memory" },
        { PIPEPOLL_ESYSTEM, "system" },
        { PIPEPOLL_ECREDENTIALS, "credentials" },
        { PIPEPOLL_EDENIED, "denied" },
        { PIPEPOLL_ENOTENABLED, "not-enabled" },
        { PIPEPOLL_ENOTFOUND, "not-found" },
        { PIPEPOLL_EREFUSED, "refused" },
        { PIPEPOLL_EUNTRUSTED, "untrusted" },
        { PIPEPOLL_ETRANSPORT, "unreachable" },
        { PIPEPOLL_ETIMEDOUT, "timed-out" },
        { PIPEPOLL_ETHROTTLED, "throttled" },
        { PIPEPOLL_ESERVICE, "service-failed" },
        { PIPEPOLL_EPROTO, "not-understood" },
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].status == status)
            return words[i].word;
    return "failed";
}

static str cut(str s, size_t max)
{
    return (str) { s.ptr, s.len < max ? s.len : max };
}

static void put_event(struct buf *out, const char *event, int64_t unix_ms)
{
    buf_put_char(out, '{');
    jsontext_member(out, "event", str_of(event));
    jsontext_instant(out, "time", unix_ms);
}

void event_put_action_type(struct buf *out, const struct pipepoll_action_type *type)
{
    jsontext_open(out, "actionTypeId", '{');
    jsontext_member(out, "category", cut(type->category, RECORD_TYPE_MAX));
    jsontext_member(out, "owner", cut(type->owner, RECORD_TYPE_MAX));
    jsontext_member(out, "provider", cut(type->provider, RECORD_TYPE_MAX));
    jsontext_member(out, "version", cut(type->version, RECORD_TYPE_MAX));
    buf_put_char(out, '}');
}

static void put_target(struct buf *out, const struct record_target *from)
{
    jsontext_member(out, "region", cut(from->region, RECORD_REGION_MAX));
    event_put_action_type(out, &from->action_type);
}

static void put_job(struct buf *out, const struct record_job *job)
{
    put_target(out, &job->from);
    jsontext_member_if(out, "clientId", job->client_id);
    jsontext_member_if(out, "jobId", job->job_id);
    jsontext_member_if(out, "nonce", job->nonce);
    jsontext_member_if(out, "accountId", job->account_id);
    jsontext_member(out, "amzRequestId", cut(job->request_id, RECORD_REQUEST_ID_MAX));
}

static void put_cause(struct buf *out, enum pipepoll_cause cause, str subject)
{
    jsontext_member(out, "cause", str_of(pipepoll_cause_name(cause)));
    jsontext_member_if(out, "subject", cut(subject, RECORD_SUBJECT_MAX));
}

static void put_health(struct buf *out, const struct record_health *h)
{
    bool is_healthy = h->removed || h->health != HEALTH_ILL;
    put_target(out, &h->from);
    jsontext_member(out, "target", cut(h->from.name, RECORD_NAME_MAX));
    jsontext_flag(out, "healthy", is_healthy);
    jsontext_member(out, "status", str_of(h->removed ? "removed" : event_status(h->status)));
    if (h->removed || h->health == HEALTH_WELL)
        return;
    put_cause(out, h->cause, h->subject);
    jsontext_member(out, "code", cut(h->code, RECORD_CODE_MAX));
    jsontext_member(out, "message", cut(h->message, RECORD_MESSAGE_MAX));
    jsontext_member(out, "amzRequestId", cut(h->request_id, RECORD_REQUEST_ID_MAX));
    jsontext_signed(out, "httpStatus", h->http_status);
    jsontext_count(out, "retryInMs", h->retry_in_ms);
}

static void put_credentials(struct buf *out, const struct record_credentials *c)
{
    jsontext_member(out, "source", cut(c->source, RECORD_SOURCE_MAX));
    jsontext_flag(out, "usable", c->usable);
    jsontext_flag(out, "degraded", c->degraded);
    jsontext_expiry(out, "expires", c->expires_s);
    jsontext_member(out, "reason", cut(c->reason, RECORD_MESSAGE_MAX));
    if (c->reason.len)
        put_cause(out, c->cause, c->subject);
}

void event_put(struct buf *out, const struct record *r)
{
    static const char *const events[] = {
        [RECORD_JOB] = "job", [RECORD_HEALTH] = "health", [RECORD_CREDENTIALS] = "credentials"
    };
    put_event(out, events[r->kind], r->unix_ms);
    switch (r->kind) {
    case RECORD_JOB:
        put_job(out, &r->job);
        break;
    case RECORD_HEALTH:
        put_health(out, &r->health);
        break;
    case RECORD_CREDENTIALS:
        put_credentials(out, &r->credentials);
        break;
    }
    buf_put_char(out, '}');
}
