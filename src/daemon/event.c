/* Texts of the service and of people are cut before they are escaped, where each byte may become
 * six: the bounds below are such that the longest line still fits EVENT_LINE_MAX. */
#include "daemon/event.h"

#include "base/jsontext.h"

enum {
    REQUEST_ID_MAX = 192,
    TARGET_NAME_MAX = 256,
    MESSAGE_MAX = 512,
    CODE_MAX = 128,
    SOURCE_MAX = 256
};

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
    char text[40];
    struct buf time = BUF_ON(text);
    jsontext_time(&time, unix_ms);
    buf_put_char(out, '{');
    jsontext_member(out, "event", str_of(event));
    jsontext_member(out, "time", buf_str(&time));
}

static void put_source(struct buf *out, const char *event, const struct event_source *at)
{
    put_event(out, event, at->unix_ms);
    jsontext_member(out, "region", at->region);
    buf_put(out, STR(",\"actionTypeId\":{"));
    jsontext_member(out, "category", at->action_type.category);
    jsontext_member(out, "owner", at->action_type.owner);
    jsontext_member(out, "provider", at->action_type.provider);
    jsontext_member(out, "version", at->action_type.version);
    buf_put_char(out, '}');
}

void event_job(struct buf *out, const struct event_source *at, const struct pipepoll_job *job,
               str request_id)
{
    put_source(out, "job", at);
    if (job->client_id.len)
        jsontext_member(out, "clientId", job->client_id);
    if (job->job_id.len)
        jsontext_member(out, "jobId", job->job_id);
    jsontext_member(out, "amzRequestId", cut(request_id, REQUEST_ID_MAX));
    buf_put_char(out, '}');
}

bool event_is_job(str line)
{
    return str_starts(line, STR("{\"event\":\"job\""));
}

void event_health(struct buf *out, const struct event_source *at, str target,
                  const struct pipepoll_failure *failure)
{
    put_source(out, "health", at);
    jsontext_member(out, "target", cut(target, TARGET_NAME_MAX));
    bool healthy = !failure || failure->status == PIPEPOLL_ETHROTTLED;
    buf_printf(out, ",\"healthy\":%s", healthy ? "true" : "false");
    jsontext_member(out, "status", str_of(event_status(failure ? failure->status : PIPEPOLL_OK)));
    if (failure) {
        jsontext_member(out, "code", cut(failure->code, CODE_MAX));
        jsontext_member(out, "message", cut(failure->message, MESSAGE_MAX));
        jsontext_member(out, "amzRequestId", cut(failure->request_id, REQUEST_ID_MAX));
        buf_printf(out, ",\"httpStatus\":%d,\"retryInMs\":%u", failure->http_status,
                   failure->retry_in_ms);
    }
    buf_put_char(out, '}');
}

void event_removed(struct buf *out, const struct event_source *at, str target)
{
    put_source(out, "health", at);
    jsontext_member(out, "target", cut(target, TARGET_NAME_MAX));
    buf_put(out, STR(",\"healthy\":true,\"status\":\"removed\"}"));
}

void event_credentials(struct buf *out, int64_t unix_ms, const struct pipepoll_identity *identity)
{
    put_event(out, "credentials", unix_ms);
    jsontext_member(out, "source", cut(identity->source, SOURCE_MAX));
    buf_printf(out, ",\"usable\":%s,\"degraded\":%s", identity->usable ? "true" : "false",
               identity->degraded ? "true" : "false");
    jsontext_expiry(out, "expires", identity->expires_s);
    jsontext_member(out, "reason", cut(identity->reason, MESSAGE_MAX));
    buf_put_char(out, '}');
}
