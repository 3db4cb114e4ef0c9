/* SPDX-License-Identifier: MIT */
/* The names are those of the events on stdout, so that one query finds both. */
#include "daemon/subject.h"

#include "base/jsontext.h"

static void put_number(struct buf *out, const char *name, uint64_t n)
{
    if (n)
        jsontext_count(out, name, n);
}

void subject_put(struct buf *out, const struct subject *s)
{
    const struct {
        const char *name;
        str value;
    } texts[] = {
        { "jobId", s->job_id },      { "target", s->target }, { "region", s->region },
        { "identity", s->identity }, { "source", s->source }, { "status", s->status },
        { "cause", s->cause },       { "code", s->code },     { "amzRequestId", s->request_id }
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        jsontext_member_if(out, texts[i].name, texts[i].value);
    put_number(out, "httpStatus", (uint64_t)(s->http_status > 0 ? s->http_status : 0));
    put_number(out, "targets", s->targets);
    put_number(out, "regions", s->regions);
    if (s->event.len) {
        jsontext_name(out, STR("event"));
        buf_put(out, s->event);
    }
    if (s->members.len) {
        buf_put_char(out, ',');
        buf_put(out, s->members);
    }
}
