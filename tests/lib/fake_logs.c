/* SPDX-License-Identifier: MIT */
/* The logs: the last message of each key, in the order of writing. */
#include <assert.h>
#include <stdlib.h>

#include "lib/fake_time.h"

static struct fake_stored *find(const struct fake_log *log, str key)
{
    struct table_node *node = table_first(&log->keys, table_hash(log->keys.seed, key));
    for (; node; node = table_next(node)) {
        struct fake_stored *s = CONTAINER_OF(node, struct fake_stored, node);
        if (str_eq(s->key, key))
            return s;
    }
    return NULL;
}

static void drop(struct fake_log *log, struct fake_stored *s)
{
    table_remove(&log->keys, &s->node);
    list_remove(&s->link);
    log->count--;
    free(s);
}

void fake_store(struct fake *f, enum engine_log which, str key, str body)
{
    struct fake_log *log = &f->logs[which];
    struct fake_stored *old = find(log, key);
    struct fake_stored *s = calloc(1, sizeof *s + key.len + body.len);
    assert(s);
    char *at = (char *)(s + 1);
    s->key = str_keep(&at, key);
    s->body = str_keep(&at, body);
    s->sequence = ++log->sequence;
    s->stored_ns = f->now_ns;
    if (old && which != ENGINE_JOBS)
        drop(log, old);
    table_put(&log->keys, &s->node, table_hash(log->keys.seed, s->key));
    list_put_last(&log->messages, &s->link);
    log->count++;
}

bool fake_has(const struct fake *f, enum engine_log log, str key)
{
    return find(&f->logs[log], key);
}

bool fake_key_begins(str key, str prefix)
{
    return !prefix.len ||
           (str_starts(key, prefix) && (key.len == prefix.len || key.ptr[prefix.len] == '.'));
}

void fake_erase(struct fake *f, enum engine_log which, str key)
{
    bool is_to_all_below = !key.len || key.ptr[key.len - 1] == '.';
    struct fake_log *log = &f->logs[which];
    struct list *next;
    f->erasures++;
    for (struct list *at = log->messages.next; at != &log->messages; at = next) {
        struct fake_stored *s = CONTAINER_OF(at, struct fake_stored, link);
        next = at->next;
        if (is_to_all_below ? str_starts(s->key, key) : str_eq(s->key, key))
            drop(log, s);
    }
}

void fake_logs_open(struct fake *f)
{
    for (int i = 0; i < FAKE_LOGS; i++)
        list_init(&f->logs[i].messages);
}

void fake_logs_close(struct fake *f)
{
    for (int i = 0; i < FAKE_LOGS; i++) {
        fake_erase(f, (enum engine_log)i, STR(""));
        table_deinit(&f->logs[i].keys);
    }
}

/* --- for tests --- */

str fake_body(const struct fake *f, enum engine_log log, str key)
{
    const struct fake_stored *s = find(&f->logs[log], key);
    return s ? s->body : STR("");
}

bool fake_message(const struct fake *f, enum engine_log log, size_t i, str *key, str *body)
{
    const struct list *all = &f->logs[log].messages;
    for (struct list *at = all->next; at != all; at = at->next) {
        if (i-- > 0)
            continue;
        const struct fake_stored *s = CONTAINER_OF(at, struct fake_stored, link);
        *key = s->key;
        *body = s->body;
        return true;
    }
    return false;
}

size_t fake_count(const struct fake *f, enum engine_log log)
{
    return f->logs[log].count;
}
