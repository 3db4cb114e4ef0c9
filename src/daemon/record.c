/* SPDX-License-Identifier: MIT */
/* A copy is the structure followed by its texts, so that it is one piece of memory: it can wait
 * in a queue, or be kept until a sink confirms it. Which texts a kind has stands in one table. */
#include "daemon/record.h"

#include <stdalign.h>
#include <stdlib.h>

struct text {
    size_t offset, max;
};

#define TEXT(member, limit)                                                                        \
    {                                                                                              \
        offsetof(struct record, member), RECORD_##limit##_MAX                                      \
    }
#define TARGET_TEXTS(of)                                                                           \
    TEXT(of.from.name, NAME), TEXT(of.from.region, REGION),                                        \
        TEXT(of.from.action_type.category, TYPE), TEXT(of.from.action_type.owner, TYPE),           \
        TEXT(of.from.action_type.provider, TYPE), TEXT(of.from.action_type.version, TYPE)

static const struct text job_texts[] = {
    TARGET_TEXTS(job),      TEXT(job.client_id, ID),       TEXT(job.job_id, ID),
    TEXT(job.nonce, NONCE), TEXT(job.account_id, ACCOUNT), TEXT(job.request_id, REQUEST_ID)
};
static const struct text health_texts[] = { TARGET_TEXTS(health), TEXT(health.code, CODE),
                                            TEXT(health.message, MESSAGE),
                                            TEXT(health.request_id, REQUEST_ID),
                                            TEXT(health.subject, SUBJECT) };
static const struct text credentials_texts[] = { TEXT(credentials.source, SOURCE),
                                                 TEXT(credentials.reason, MESSAGE),
                                                 TEXT(credentials.subject, SUBJECT) };

static const struct {
    const struct text *at;
    size_t count;
} texts[] = {
    [RECORD_JOB] = { job_texts, sizeof job_texts / sizeof *job_texts },
    [RECORD_HEALTH] = { health_texts, sizeof health_texts / sizeof *health_texts },
    [RECORD_CREDENTIALS] = { credentials_texts,
                             sizeof credentials_texts / sizeof *credentials_texts },
};

_Static_assert(sizeof(struct record) + RECORD_NAME_MAX + RECORD_REGION_MAX + 4 * RECORD_TYPE_MAX +
                       2 * RECORD_ID_MAX + RECORD_NONCE_MAX + RECORD_ACCOUNT_MAX +
                       RECORD_REQUEST_ID_MAX + alignof(max_align_t) <=
                   RECORD_SIZE_MAX,
               "a job fits");

static str text_of(const struct record *r, const struct text *t)
{
    str s;
    memcpy(&s, (const char *)r + t->offset, sizeof s);
    return s.len > t->max ? (str) { s.ptr, t->max } : s;
}

size_t record_size(const struct record *r)
{
    size_t size = sizeof *r;
    for (size_t i = 0; i < texts[r->kind].count; i++)
        size += text_of(r, &texts[r->kind].at[i]).len;
    return (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

struct record *record_copy(void *at, const struct record *r)
{
    struct record *copy = at;
    char *end = (char *)at + sizeof *copy;
    *copy = *r;
    for (size_t i = 0; i < texts[r->kind].count; i++) {
        const struct text *t = &texts[r->kind].at[i];
        str s = text_of(r, t);
        if (s.len)
            memcpy(end, s.ptr, s.len);
        s.ptr = end;
        memcpy((char *)copy + t->offset, &s, sizeof s);
        end += s.len;
    }
    return copy;
}

struct record *record_dup(const struct record *r)
{
    void *at = malloc(record_size(r));
    return at ? record_copy(at, r) : NULL;
}

void record_free(struct record *r)
{
    if (r)
        explicit_bzero(r, record_size(r));
    free(r);
}
