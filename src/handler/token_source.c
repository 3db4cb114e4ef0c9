/* SPDX-License-Identifier: MIT */
/* One of three kinds, and the thread that the first two need. */
#include "handler/token_source.h"

#include <stdlib.h>

#include "base/log.h"
#include "handler/token_command.h"
#include "handler/token_url.h"
#include "handler/token_watch.h"

struct token_source {
    struct background *background;
    struct token_command *command; /* one of these */
    struct token_watch *watch;
    struct token_url *url;
    void (*closed)(void *ctx);
    void *ctx;
};

static int open_kind(struct token_source *s, struct uv_loop_s *loop,
                     const struct token_source_options *o, struct pipepoll_error *why)
{
    if (o->url)
        return token_url_open(&s->url, loop, o, why);
    int r = o->file ? token_watch_open(&s->watch, s->background, o)
                    : token_command_open(&s->command, s->background, o);
    return r ? explain(why, r, "%s", pipepoll_strerror(r)) : PIPEPOLL_OK;
}

int token_source_open(struct token_source **out, struct uv_loop_s *loop,
                      const struct token_source_options *o, struct pipepoll_error *why)
{
    if (!!o->file + !!o->command + !!o->url != 1 || (o->command && !o->command[0]))
        return explain(why, PIPEPOLL_EINVAL, "there is to be one of a file, a command and a URL");
    struct token_source *s = calloc(1, sizeof *s);
    if (!s)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    int r = background_open(&s->background, loop);
    if (r) {
        free(s);
        return explain(why, r, "%s", pipepoll_strerror(r));
    }
    r = open_kind(s, loop, o, why);
    if (r) {
        background_close(s->background, NULL, NULL);
        free(s);
        return r;
    }
    *out = s;
    return PIPEPOLL_OK;
}

void token_source_get(struct token_source *s, struct token_lookup *l, str client_id, bool refresh)
{
    list_init(&l->link);
    if (s->watch)
        token_watch_get(s->watch, l, client_id, refresh);
    else if (s->url)
        token_url_get(s->url, l, client_id, refresh);
    else
        token_command_get(s->command, l, client_id, refresh);
}

void token_lookup_forget(struct token_lookup *l)
{
    if (l->link.next)
        list_remove(&l->link);
}

static void on_background_closed(void *ctx)
{
    struct token_source *s = ctx;
    void (*closed)(void *ctx) = s->closed;
    void *closed_ctx = s->ctx;
    free(s);
    if (closed)
        closed(closed_ctx);
}

static void close_background(void *ctx)
{
    struct token_source *s = ctx;
    background_close(s->background, on_background_closed, s);
}

void token_source_close(struct token_source *s, void (*closed)(void *ctx), void *ctx)
{
    s->closed = closed;
    s->ctx = ctx;
    if (s->watch) {
        token_watch_close(s->watch, close_background, s);
    } else if (s->url) {
        token_url_close(s->url, close_background, s);
    } else {
        token_command_close(s->command);
        close_background(s);
    }
}
