/* SPDX-License-Identifier: MIT */
/* What a running process answers over HTTP: how it stands, to people, programs and supervisors.
 *
 *   /             a live page
 *   /metrics      Prometheus, or OpenMetrics where that is asked for
 *   /healthz      200 while its loops turn, else 503; one line says why
 *   /readyz       200 while it polls, else 503; the same
 *   /status.json  all there is to say, see status/status_json.h
 *   /events       server-sent events for the page, one a second
 *
 * All from one status, so that they agree. GET and HEAD alone. Nothing here changes anything. All
 * on the loop's thread. */
#ifndef DAEMON_WEB_H
#define DAEMON_WEB_H

#include "config/http_config.h"
#include "status/status.h"

struct http_token;
struct uv_loop_s;
struct web;

struct web_options {
    struct uv_loop_s *loop;
    const struct http_config *config;          /* listen is not NULL; read by web_open() only */
    const struct status *(*status)(void *ctx); /* lives until the next call */
    void *ctx;
};

/* EINVAL, ESYSTEM: the address, `why` says what to do; ENOMEM. */
int web_open(struct web **out, const struct web_options *o, struct pipepoll_error *why);

/* Where it listens: "http://127.0.0.1:9464", "unix:PATH". As long as it lives. */
const char *web_url(const struct web *w);

/* Whoever asks must send this secret from now on, instead of the one before; copied. Streams that
 * began with that one end. False: it is the same, or none was needed, and none is. */
bool web_set_token(struct web *w, const struct http_token *token);

/* Replies under way have a moment; then closed(ctx), from the loop, and w is gone. */
void web_close(struct web *w, void (*closed)(void *ctx), void *ctx);

#endif
