/* SPDX-License-Identifier: MIT */
/* The texts lie behind the struct. */
#include "daemon/held_job.h"

#include <stdlib.h>

#include "fleet/job_message.h"

struct held_job *held_job_new(const struct spooled_job *job)
{
    struct held_job *h = malloc(sizeof *h + job->id.len + job->key.len + job->body.len);
    char *at = (char *)(h + 1);
    if (!h)
        return NULL;
    *h = (struct held_job) { .job = *job };
    h->job.id = str_keep(&at, job->id);
    h->job.key = str_keep(&at, job->key);
    h->job.body = str_keep(&at, job->body);
    list_init(&h->all);
    list_init(&h->open);
    return h;
}

void held_job_free(struct held_job *h)
{
    list_remove(&h->all);
    list_remove(&h->open);
    explicit_bzero((char *)h->job.body.ptr, h->job.body.len);
    free(h);
}

void held_job_put_once(struct buf *out, const struct held_job *h)
{
    struct job_message_text text;
    bool is_read = job_message_read(&text, h->job.body) == BEAT_OK;
    job_message_put_once(out, h->job.id, is_read ? text.job.nonce : (str) { 0 },
                         h->publishing.generation);
    job_message_wipe(&text);
}
