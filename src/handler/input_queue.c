/* SPDX-License-Identifier: MIT */
/* Each piece is a write of libuv's in its own block, so that it may be added to at any time; who
 * needs to bound what waits waits for on_written(). */
#include "handler/input_queue.h"

#include <stdlib.h>

#include <uv.h>

struct piece {
    uv_write_t write;
    struct list link;
    struct input_queue *queue;
    size_t len;
    char bytes[];
};

static void piece_free(struct piece *p)
{
    explicit_bzero(p, sizeof *p + p->len);
    free(p);
}

static void on_piece_written(uv_write_t *write, int status)
{
    struct piece *p = CONTAINER_OF(write, struct piece, write);
    struct input_queue *q = p->queue;
    piece_free(p);
    q->writes--;
    q->on_written(q->ctx, status, q->writes);
}

static int send_piece(struct input_queue *q, struct piece *p)
{
    uv_buf_t whole = uv_buf_init(p->bytes, (unsigned)p->len);
    int r = uv_write(&p->write, q->pipe, &whole, 1, on_piece_written);
    if (r)
        piece_free(p);
    else
        q->writes++;
    return r ? PIPEPOLL_ENOMEM : PIPEPOLL_OK;
}

static struct piece *pop(struct input_queue *q)
{
    struct list *link = list_pop_first(&q->pieces);
    return link ? CONTAINER_OF(link, struct piece, link) : NULL;
}

void input_queue_init(struct input_queue *q, struct uv_stream_s *pipe,
                      void (*on_written)(void *ctx, int status, unsigned left), void *ctx)
{
    *q = (struct input_queue) { .pipe = pipe, .on_written = on_written, .ctx = ctx };
    list_init(&q->pieces);
}

int input_queue_put(struct input_queue *q, str bytes)
{
    struct piece *p = malloc(sizeof *p + bytes.len);
    if (!p)
        return PIPEPOLL_ENOMEM;
    p->queue = q;
    p->len = bytes.len;
    if (bytes.len)
        memcpy(p->bytes, bytes.ptr, bytes.len);
    list_init(&p->link);
    if (q->runs)
        return send_piece(q, p);
    list_put_last(&q->pieces, &p->link);
    return PIPEPOLL_OK;
}

void input_queue_run(struct input_queue *q)
{
    q->runs = true;
    for (struct piece *p; (p = pop(q));)
        (void)send_piece(q, p);
}

bool input_queue_empty(const struct input_queue *q)
{
    return list_empty(&q->pieces) && !q->writes;
}

void input_queue_drop(struct input_queue *q)
{
    for (struct piece *p; (p = pop(q));)
        piece_free(p);
}
