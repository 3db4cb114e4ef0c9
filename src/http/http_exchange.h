/* SPDX-License-Identifier: MIT */
/* One request over libmicrohttpd, and its reply. Private to the server, which owns the loop. */
#ifndef HTTP_HTTP_EXCHANGE_H
#define HTTP_HTTP_EXCHANGE_H

#include <stdbool.h>

#include <microhttpd.h>

#include "base/list.h"
#include "http/http_server.h"
#include "http/http_stream.h"
#include "http/http_streams.h"

struct http_exchange {
    const struct http_server_options *options;
    struct http_streams *streams;
    struct list link; /* in streams, if the reply is one */
    struct http_stream stream;
    bool is_suspended;
    struct MHD_Connection *connection;
    char *target, *body;
    size_t target_len, body_len, body_cap, discarded;
    bool has_begun, too_large;
    struct http_reply reply; /* its bytes go out from here */
};

/* A request of that target begins. The options outlive it. NULL: out of memory. */
struct http_exchange *http_exchange_new(const struct http_server_options *o,
                                        struct http_streams *streams,
                                        struct MHD_Connection *connection, const char *target);
/* However it went, while the connection is there. Wipes; returns NULL; fine on NULL. */
struct http_exchange *http_exchange_free(struct http_exchange *x);

/* In this order: its headers are here; a piece of its body, any number of times; and all of it.
 * MHD_NO: the connection ends. */
enum MHD_Result http_exchange_begin(struct http_exchange *x);
enum MHD_Result http_exchange_receive(struct http_exchange *x, str piece);
enum MHD_Result http_exchange_answer(struct http_exchange *x, const char *method);

str http_exchange_query(const struct http_exchange *x);

/* Of a stream: there is another piece for it, or it ends (NULL). */
void http_exchange_push(struct http_exchange *x, struct http_body *piece);

#endif
