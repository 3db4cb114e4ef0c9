/* SPDX-License-Identifier: MIT */
/* A short list that is looked through: there are few kinds, and few who look at different parts of
 * the page at once. */
#include "daemon/web_bodies.h"

#include <stdlib.h>

static void forget(struct web_bodies *b)
{
    for (size_t i = 0; i < b->count; i++) {
        http_body_unref(b->entries[i].body);
        free(b->entries[i].of);
    }
    b->count = 0;
}

static struct http_body *find(const struct web_bodies *b, web_body_fn *make, str of)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct web_bodies_entry *e = &b->entries[i];
        if (e->make == make && str_eq(of, (str) { e->of, e->of_len }))
            return e->body;
    }
    return NULL;
}

/* It takes a reference of its own. */
static void keep(struct web_bodies *b, web_body_fn *make, str of, struct http_body *body)
{
    if (b->count == WEB_BODIES_MAX || of.len > WEB_BODIES_OF_MAX)
        return;
    char *copy = malloc(of.len + 1);
    if (!copy)
        return;
    if (of.len)
        memcpy(copy, of.ptr, of.len);
    b->entries[b->count++] = (struct web_bodies_entry) { make, copy, of.len, http_body_ref(body) };
}

struct http_body *web_bodies_get(struct web_bodies *b, const struct status *s, web_body_fn *make,
                                 str of)
{
    size_t len = 0;
    b->is_asked_for = true;
    if (b->serial != s->serial)
        forget(b);
    b->serial = s->serial;
    struct http_body *body = http_body_ref(find(b, make, of));
    if (body)
        return body;
    char *bytes = make(s, of, &len);
    body = http_body_new(bytes, len);
    if (body)
        keep(b, make, of, body);
    return body;
}

void web_bodies_rest(struct web_bodies *b)
{
    if (!b->is_asked_for)
        forget(b);
    b->is_asked_for = false;
}

void web_bodies_deinit(struct web_bodies *b)
{
    forget(b);
}
