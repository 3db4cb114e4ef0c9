/* SPDX-License-Identifier: MIT */
/* Sees the header of this folder alone. Each of its structures is followed by a fence of bytes that
 * are no pointer and no number anybody would want, so that a library which looks for more than
 * there was calls nowhere or asks for nonsense, and one which fills in more is found out. */
#include "program.h"

#include <stdlib.h>
#include <string.h>

#include "pipepoll.h"

#define FENCED(type)                                                                               \
    struct {                                                                                       \
        struct type its;                                                                           \
        unsigned char fence[OLDER_FENCE];                                                          \
    }

struct older_parts {
    FENCED(pipepoll_sink) sink; /* first: a pointer to it is a pointer to the parts */
    FENCED(pipepoll_options) options;
    FENCED(pipepoll_target_options) target;
    FENCED(pipepoll_role) role;
    FENCED(pipepoll_stats) stats;
    FENCED(pipepoll_report) report;
    FENCED(pipepoll_footprint) footprint;
    FENCED(pipepoll_versions) versions;
    struct older *owner;
    struct pipepoll *poller;
    struct pipepoll_target *live;
};

#define PUT_FENCE(fenced)                                                                          \
    do {                                                                                           \
        memset(&(fenced), OLDER_FENCE_BYTE, sizeof(fenced));                                       \
        memset(&(fenced).its, 0, sizeof(fenced).its);                                              \
        (fenced).its.size = sizeof(fenced).its;                                                    \
    } while (0)

static bool stands(const unsigned char *fence)
{
    for (size_t i = 0; i < OLDER_FENCE; i++)
        if (fence[i] != OLDER_FENCE_BYTE)
            return false;
    return true;
}

static struct older *owner_of(struct pipepoll_sink *sink)
{
    return ((struct older_parts *)(void *)sink)->owner;
}

static size_t credit(struct pipepoll_sink *sink)
{
    (void)sink;
    return 10;
}

static void append(char *text, size_t size, struct pipepoll_str s)
{
    size_t len = strlen(text);
    if (len + s.len + 2 > size)
        return;
    memcpy(text + len, s.ptr, s.len);
    memcpy(text + len + s.len, " ", 2);
}

/* By the stride: it is longer than the job that this program knows. */
static void deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    struct older *o = owner_of(sink);
    (void)from;
    for (size_t i = 0; i < answer->job_count; i++) {
        const char *at = (const char *)answer->jobs + i * answer->job_size;
        append(o->client_ids, sizeof o->client_ids,
               ((const struct pipepoll_job *)(const void *)at)->client_id);
    }
    o->answers++;
}

static void failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure)
{
    struct older *o = owner_of(sink);
    (void)from;
    o->code[0] = '\0';
    append(o->code, sizeof o->code, failure->code);
    o->http_status = failure->http_status;
    o->failures++;
}

static int fail(struct older *o, int result, const struct pipepoll_error *why)
{
    if (result)
        memcpy(o->why, why->text, sizeof o->why);
    return result;
}

static void set_target(struct pipepoll_target_options *t, const char *url)
{
    t->action_type =
        (struct pipepoll_action_type) { pipepoll_str("Build"), pipepoll_str("ThirdParty"),
                                        pipepoll_str("Acme"), pipepoll_str("1") };
    t->region = pipepoll_str("us-east-1");
    t->endpoint_url = pipepoll_str(url);
    t->interval_ms = 1;
}

static struct older_parts *parts_new(struct older *o)
{
    struct older_parts *p = calloc(1, sizeof *p);
    PUT_FENCE(p->sink);
    PUT_FENCE(p->options);
    PUT_FENCE(p->target);
    PUT_FENCE(p->role);
    PUT_FENCE(p->stats);
    PUT_FENCE(p->report);
    PUT_FENCE(p->footprint);
    PUT_FENCE(p->versions);
    p->owner = o;
    return p;
}

int older_open(struct older *o, struct uv_loop_s *loop, const char *url)
{
    struct pipepoll_error why;
    struct older_parts *p = o->parts = parts_new(o);
    p->sink.its.credit = credit;
    p->sink.its.deliver = deliver;
    p->sink.its.failed = failed;
    p->options.its.sink = &p->sink.its;
    set_target(&p->target.its, url);
    int r = pipepoll_credentials_static(&p->options.its.credentials, pipepoll_str("AKIDEXAMPLE"),
                                        pipepoll_str("secret"), pipepoll_str(""), &why);
    if (!r)
        r = pipepoll_open(&p->poller, loop, &p->options.its, &why);
    pipepoll_credentials_unref(p->options.its.credentials);
    if (!r)
        r = pipepoll_target_add(p->poller, &p->target.its, &p->live, &why);
    return fail(o, r, &why);
}

void older_look(struct older *o)
{
    struct older_parts *p = o->parts;
    pipepoll_stats(p->poller, &p->stats.its);
    pipepoll_target_report(p->live, &p->report.its);
    pipepoll_footprint(&p->footprint.its);
    pipepoll_versions(&p->versions.its);
    o->polls = p->stats.its.polls;
    o->jobs = p->stats.its.jobs;
    o->usable = p->report.its.identity->usable;
    o->target_bytes = p->footprint.its.target_bytes;
    o->libcurl = p->versions.its.libcurl;
    o->fences_stand = stands(p->stats.fence) && stands(p->report.fence) &&
                      stands(p->footprint.fence) && stands(p->versions.fence) &&
                      p->stats.its.size == sizeof p->stats.its &&
                      p->report.its.size == sizeof p->report.its &&
                      p->footprint.its.size == sizeof p->footprint.its &&
                      p->versions.its.size == sizeof p->versions.its;
}

static void on_closed(void *ctx)
{
    struct older *o = ctx;
    o->closed++;
}

void older_close(struct older *o)
{
    pipepoll_close(o->parts->poller, on_closed, o);
}

int older_assume(struct older *o, const char *arn)
{
    struct pipepoll_error why;
    struct pipepoll_credentials *c = NULL;
    struct older_parts *p = o->parts = parts_new(o);
    p->role.its.arn = pipepoll_str(arn);
    p->role.its.duration_s = 900;
    set_target(&p->target.its, "http://127.0.0.1:9");
    int r = pipepoll_credentials_role(&c, NULL, &p->role.its, &why);
    pipepoll_credentials_unref(c);
    if (!r)
        r = pipepoll_target_check(&p->target.its, &why);
    return fail(o, r, &why);
}

void older_free(struct older *o)
{
    free(o->parts);
    o->parts = NULL;
}
