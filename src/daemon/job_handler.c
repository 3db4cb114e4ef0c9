/* SPDX-License-Identifier: MIT */
/* A webhook has its call-backs' service beside it, which goes when the handler has gone, for each
 * run has its place there. */
#include "daemon/job_handler.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <uv.h>

#include "base/buf.h"
#include "base/log.h"
#include "handler/callbacks.h"
#include "handler/stdio_handler.h"
#include "handler/webhook.h"

enum { KEY_FILE_MAX = 4096 };

/* --- programs --- */

static struct program_options program_of(const struct handler_config *c)
{
    return (
        struct program_options) { .argv = c->argv,
                                  .directory = c->directory,
                                  .environment = c->environment,
                                  .timeout_ms = c->timeout_ms,
                                  .kill_after_ms = c->kill_after_ms,
                                  .limits = { c->open_files, c->address_space, c->cpu_seconds } };
}

static int open_exec(struct job_handler *h, struct uv_loop_s *loop)
{
    const struct program_options o = program_of(h->config);
    return exec_open(&h->handler, loop, &o);
}

/* What the program itself says is bounded there, and is not summed up. */
static void log_stdio(void *ctx, enum pipepoll_level level, struct pipepoll_str line)
{
    (level < PIPEPOLL_INFO ? logger_write_summed : logger_write)(ctx, level, line);
}

static int open_stdio(struct job_handler *h, struct uv_loop_s *loop, const struct logger *logger)
{
    const struct handler_config *c = h->config;
    const struct stdio_handler_options o = {
        .program = program_of(c),
        .concurrency = c->concurrency,
        .log = { log_stdio, (void *)(uintptr_t)logger },
    };
    return stdio_handler_open(&h->handler, loop, &o);
}

/* --- web services --- */

/* Without a line end that an editor left behind. */
static int read_key(char key[KEY_FILE_MAX], size_t *len, const char *path,
                    struct pipepoll_error *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, key, KEY_FILE_MAX);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return explain(why, PIPEPOLL_ESYSTEM, "secret-file %s: %s", path, strerror(error));
    if (n == KEY_FILE_MAX)
        return explain(why, PIPEPOLL_EINVAL, "secret-file %s is longer than a key", path);
    *len = (size_t)n;
    while (*len && (key[*len - 1] == '\n' || key[*len - 1] == '\r'))
        --*len;
    return PIPEPOLL_OK;
}

static int open_callbacks(struct job_handler *h, struct uv_loop_s *loop, struct pipepoll_error *why)
{
    const struct handler_config *c = h->config;
    char text[HANDLER_HOST_MAX + 16];
    struct buf address = BUF_ON(text);
    bool is_v6 = strchr(c->callback_host, ':') != NULL;
    buf_printf(&address, is_v6 ? "[%s]:%u" : "%s:%u", c->callback_host, c->callback_port);
    const struct callbacks_options o = { .address = buf_cstr(&address), .url = c->callback_url };
    return callbacks_open(&h->callbacks, loop, &o, why);
}

static int open_webhook(struct job_handler *h, struct uv_loop_s *loop, const char *ca_bundle,
                        struct pipepoll_error *why)
{
    const struct handler_config *c = h->config;
    char key[KEY_FILE_MAX];
    size_t len = 0;
    int r = read_key(key, &len, c->secret_file, why);
    if (!r)
        r = open_callbacks(h, loop, why);
    const struct webhook_options o = { .url = c->url,
                                       .key = { key, len },
                                       .ca_bundle = ca_bundle,
                                       .timeout_ms = c->timeout_ms,
                                       .result_ms = c->callback_timeout_ms,
                                       .seed = uv_hrtime(),
                                       .callbacks = h->callbacks };
    if (!r)
        r = webhook_open(&h->handler, loop, &o, why);
    explicit_bzero(key, sizeof key);
    if (r && h->callbacks)
        callbacks_close(h->callbacks, NULL, NULL);
    return r;
}

/* --- both --- */

int job_handler_open(struct job_handler *h, struct uv_loop_s *loop,
                     const struct handler_config *config, const char *ca_bundle,
                     const struct logger *logger, struct pipepoll_error *why)
{
    struct pipepoll_error cause = { .text = "" };
    int r = PIPEPOLL_EINVAL;
    *h = (struct job_handler) { .config = config };
    switch (config->kind) {
    case HANDLER_EXEC:
        r = open_exec(h, loop);
        break;
    case HANDLER_STDIO:
        r = open_stdio(h, loop, logger);
        break;
    case HANDLER_WEBHOOK:
        r = open_webhook(h, loop, ca_bundle, &cause);
        break;
    }
    if (!r)
        return PIPEPOLL_OK;
    return explain(why, r, "[handler %s]: %s", config->name,
                   cause.text[0] ? cause.text : pipepoll_strerror(r));
}

static void on_handler_closed(void *ctx)
{
    struct job_handler *h = ctx;
    h->handler = NULL;
    if (h->callbacks)
        callbacks_close(h->callbacks, h->closed, h->ctx);
    else
        h->closed(h->ctx);
}

void job_handler_close(struct job_handler *h, uint32_t deadline_ms, void (*closed)(void *ctx),
                       void *ctx)
{
    h->closed = closed;
    h->ctx = ctx;
    h->handler->close(h->handler, deadline_ms, on_handler_closed, h);
}
