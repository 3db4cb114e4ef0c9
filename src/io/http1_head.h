/* SPDX-License-Identifier: MIT */
/* The lines of an answer's head, and what lines of all kinds need. Private to http1. */
#ifndef IO_HTTP1_HEAD_H
#define IO_HTTP1_HEAD_H

#include "io/http1.h"

enum { HTTP1_QUOTE_SIZE = 49 };

/* Notes the problem; the first one is the one to tell. Returns false. */
__attribute__((format(printf, 2, 3))) bool http1_bad(struct http1 *h, const char *format, ...);
/* The beginning of what a server sent, as plain text. */
const char *http1_quote(char out[HTTP1_QUOTE_SIZE], str text);

static inline str http1_held(const struct http1 *h)
{
    return (str) { h->held, h->held_len };
}

void http1_hold(struct http1 *h, str text);
void http1_let_go(struct http1 *h);

/* In http1.c: what frames the body, in canonical form. */
bool http1_tell_llhttp(struct http1 *h, str piece);

/* A piece of a line, never empty, without its end; and the line's end. false: a problem. */
bool http1_take_status_text(struct http1 *h, str text);
bool http1_end_status(struct http1 *h);
bool http1_take_line_begin(struct http1 *h, str text);
bool http1_take_name(struct http1 *h, str text);
bool http1_take_value(struct http1 *h, str text);
bool http1_lacks_colon(struct http1 *h); /* the line ended within its name */
bool http1_end_head(struct http1 *h);
/* What came is no status line. */
bool http1_begins_badly(struct http1 *h);

#endif
