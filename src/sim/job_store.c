/* SPDX-License-Identifier: MIT */
/* A job owns one place in the heap from its beginning to its end, so nothing that happens to it can
 * fail for lack of memory. */
#include "sim/job_store.h"

#include <stdlib.h>

void job_store_init(struct job_store *store, size_t over_max, uint64_t seed)
{
    *store = (struct job_store) { .over_max = over_max };
    list_init(&store->over);
    heap_init(&store->due, (struct alloc) { 0 });
    table_init(&store->by_id, (struct alloc) { 0 }, seed);
}

/* Of a job that is over. */
static size_t bytes_of(const struct job *job)
{
    return job->query.len + job->configuration.len + job->continuation_token.len +
           (job->result ? strlen(job->result) : 0);
}

static void job_free(struct job *job)
{
    free(job->result);
    free(job);
}

void job_store_deinit(struct job_store *store)
{
    struct table_walk walk = { 0 };
    for (struct table_node *n; (n = table_each(&store->by_id, &walk)) != NULL;) {
        table_remove(&store->by_id, n);
        job_free(CONTAINER_OF(n, struct job, id_node));
    }
    heap_deinit(&store->due);
    table_deinit(&store->by_id);
}

struct job *job_store_add(struct job_store *store, const struct job_store_new *what)
{
    size_t size = what->query.len + what->configuration.len + what->continuation_token.len;
    struct job *job = calloc(1, sizeof *job + size);
    if (!job || heap_reserve(&store->due)) {
        free(job);
        return NULL;
    }
    char *at = job->text;
    job->query = str_keep(&at, what->query);
    job->configuration = str_keep(&at, what->configuration);
    job->continuation_token = str_keep(&at, what->continuation_token);
    job->queue = what->queue;
    job->id = what->id;
    job->client_id = what->client_id;
    job->execution_id = what->execution_id;
    job->follows = what->follows;
    list_init(&job->link);
    table_put(&store->by_id, &job->id_node, table_hash(store->by_id.seed, uuid_str(&job->id)));
    return job;
}

struct job *job_store_find(const struct job_store *store, str id)
{
    struct table_node *n = table_first(&store->by_id, table_hash(store->by_id.seed, id));
    for (; n; n = table_next(n)) {
        struct job *job = CONTAINER_OF(n, struct job, id_node);
        if (str_eq(uuid_str(&job->id), id))
            return job;
    }
    return NULL;
}

void job_store_remove(struct job_store *store, struct job *job)
{
    if (job_life_is_over(job->life.state)) {
        store->over_count--;
        store->over_bytes -= bytes_of(job);
    }
    list_remove(&job->link);
    heap_remove(&store->due, &job->due);
    heap_unreserve(&store->due);
    table_remove(&store->by_id, &job->id_node);
    job_free(job);
}

void job_store_set_due(struct job_store *store, struct job *job, uint64_t at_ns)
{
    if (at_ns == UINT64_MAX)
        heap_remove(&store->due, &job->due);
    else
        heap_put(&store->due, &job->due, at_ns);
}

uint64_t job_store_next_due(const struct job_store *store)
{
    return heap_min_key(&store->due);
}

struct job *job_store_pop_due(struct job_store *store)
{
    return CONTAINER_OF(heap_pop(&store->due), struct job, due);
}

void job_store_retire(struct job_store *store, struct job *job, str result)
{
    job->result = result.len ? strndup(result.ptr, result.len) : NULL;
    list_put_last(&store->over, &job->link);
    store->over_count++;
    store->over_bytes += bytes_of(job);
    while (store->over.next != &job->link &&
           (store->over_count > store->over_max || store->over_bytes > JOB_STORE_BYTES))
        job_store_remove(store, CONTAINER_OF(store->over.next, struct job, link));
}
