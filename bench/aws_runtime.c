/* SPDX-License-Identifier: MIT */
/* bench_aws_runtime: a poll by AWS's C runtime. aws-c-http and aws-c-io keep so many polls in
 * flight, one on each connection, with TLS by s2n and all on one event loop; aws-c-auth signs each
 * request, which is made anew. Answers are read by our decoder, as in the bare loop, so that the
 * two differ by what is beneath.
 *
 * Connections are opened one by one before anything counts. One that the service closes after an
 * answer is opened anew. All happens on the loop's thread; the first thread waits. */
#include <aws/auth/auth.h>
#include <aws/auth/credentials.h>
#include <aws/auth/signable.h>
#include <aws/auth/signing.h>
#include <aws/auth/signing_config.h>
#include <aws/auth/signing_result.h>
#include <aws/common/condition_variable.h>
#include <aws/common/mutex.h>
#include <aws/http/connection.h>
#include <aws/http/request_response.h>
#include <aws/io/channel_bootstrap.h>
#include <aws/io/event_loop.h>
#include <aws/io/host_resolver.h>
#include <aws/io/socket.h>
#include <aws/io/stream.h>
#include <aws/io/tls_channel_handler.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/operation.h"
#include "bare.h"
#include "gauge.h"

enum { CONNECT_MS = 10000 };

struct lane {
    struct runtime *runtime;
    struct aws_http_connection *connection;
    struct aws_http_message *request; /* while it is signed, as is the next */
    struct aws_signable *signable;
    size_t len;
    char body[1024]; /* of the answer */
};

struct runtime {
    struct bare bare;
    struct aws_allocator *allocator;
    struct aws_event_loop_group *loops; /* of one */
    struct aws_host_resolver *resolver;
    struct aws_client_bootstrap *bootstrap;
    struct aws_tls_ctx *tls;
    struct aws_tls_connection_options tls_options;
    struct aws_credentials *credentials;
    char content_length[24];
    struct lane *lanes;
    size_t open; /* lanes, until all were */

    struct aws_mutex lock;
    struct aws_condition_variable news;
    size_t closed; /* lanes; guarded by the lock */
};

static void require(bool works, const char *what)
{
    if (!works)
        fprintf(stderr, "%s: %s\n", what, aws_error_str(aws_last_error()));
    gauge_require(works, what);
}

static struct aws_byte_cursor cursor(str text)
{
    return aws_byte_cursor_from_array(text.ptr, text.len);
}

/* --- one poll --- */

static void add_header(struct aws_http_message *request, const char *name, str value)
{
    const struct aws_http_header header = { .name = aws_byte_cursor_from_c_str(name),
                                            .value = cursor(value) };
    require(!aws_http_message_add_header(request, header), name);
}

static struct aws_http_message *new_request(struct runtime *w)
{
    struct aws_http_message *request = aws_http_message_new_request(w->allocator);
    struct aws_byte_cursor body = cursor(buf_str(&w->bare.body));
    struct aws_input_stream *stream = aws_input_stream_new_from_cursor(w->allocator, &body);
    aws_http_message_set_request_method(request, aws_byte_cursor_from_c_str("POST"));
    aws_http_message_set_request_path(request, aws_byte_cursor_from_c_str("/"));
    add_header(request, "Content-Type", operation_content_type);
    add_header(request, "Host", pipepoll_str(w->bare.host));
    add_header(request, "X-Amz-Target", operation_poll_for_third_party_jobs.target);
    aws_http_message_set_body_stream(request, stream);
    aws_input_stream_release(stream);
    return request;
}

static int on_body(struct aws_http_stream *stream, const struct aws_byte_cursor *bytes, void *ctx)
{
    struct lane *lane = ctx;
    require(lane->len + bytes->len <= sizeof lane->body, "an answer's room");
    memcpy(lane->body + lane->len, bytes->ptr, bytes->len);
    lane->len += bytes->len;
    return AWS_OP_SUCCESS;
}

static void on_complete(struct aws_http_stream *stream, int error, void *ctx);

static void send_request(struct lane *lane)
{
    const struct aws_http_make_request_options options = {
        .self_size = sizeof options,
        .request = lane->request,
        .user_data = lane,
        .on_response_body = on_body,
        .on_complete = on_complete,
    };
    lane->len = 0;
    struct aws_http_stream *stream = aws_http_connection_make_request(lane->connection, &options);
    require(stream && !aws_http_stream_activate(stream), "send");
}

/* What is not signed, as in our polls, is added afterwards. */
static void on_signed(struct aws_signing_result *result, int error, void *ctx)
{
    struct lane *lane = ctx;
    struct runtime *w = lane->runtime;
    require(!error &&
                !aws_apply_signing_result_to_http_request(lane->request, w->allocator, result),
            "sign");
    add_header(lane->request, "User-Agent", STR("runtime"));
    add_header(lane->request, "Content-Length", pipepoll_str(w->content_length));
    send_request(lane);
    aws_signable_destroy(lane->signable);
    aws_http_message_release(lane->request);
}

static void ask(struct lane *lane)
{
    struct runtime *w = lane->runtime;
    struct aws_signing_config_aws config = {
        .config_type = AWS_SIGNING_CONFIG_AWS,
        .algorithm = AWS_SIGNING_ALGORITHM_V4,
        .signature_type = AWS_ST_HTTP_REQUEST_HEADERS,
        .region = aws_byte_cursor_from_c_str("us-east-1"),
        .service = aws_byte_cursor_from_c_str("codepipeline"),
        .credentials = w->credentials,
    };
    aws_date_time_init_now(&config.date);
    lane->request = new_request(w);
    lane->signable = aws_signable_new_http_request(w->allocator, lane->request);
    require(!aws_sign_request_aws(w->allocator, lane->signable, (void *)&config, on_signed, lane),
            "sign");
}

/* --- one connection --- */

static void on_setup(struct aws_http_connection *connection, int error, void *ctx);
static void on_shutdown(struct aws_http_connection *connection, int error, void *ctx);

static void open_lane(struct lane *lane)
{
    struct runtime *w = lane->runtime;
    const struct aws_socket_options socket = { .type = AWS_SOCKET_STREAM,
                                               .domain = AWS_SOCKET_IPV4,
                                               .connect_timeout_ms = CONNECT_MS };
    struct aws_http_client_connection_options options = AWS_HTTP_CLIENT_CONNECTION_OPTIONS_INIT;
    options.allocator = w->allocator;
    options.bootstrap = w->bootstrap;
    options.host_name = aws_byte_cursor_from_c_str("127.0.0.1");
    options.port = w->bare.port;
    options.socket_options = &socket;
    options.tls_options = &w->tls_options;
    options.user_data = lane;
    options.on_setup = on_setup;
    options.on_shutdown = on_shutdown;
    require(!aws_http_client_connect(&options), "connect");
}

static void on_setup(struct aws_http_connection *connection, int error, void *ctx)
{
    struct lane *lane = ctx;
    struct runtime *w = lane->runtime;
    if (error)
        aws_raise_error(error);
    require(connection, "a handshake with a server that is trusted");
    lane->connection = connection;
    if (w->open == w->bare.in_flight)
        ask(lane); /* it was opened anew */
    else if (++w->open < w->bare.in_flight)
        open_lane(&w->lanes[w->open]);
    else
        for (size_t i = 0; i < w->bare.in_flight; i++)
            ask(&w->lanes[i]);
}

static void on_shutdown(struct aws_http_connection *connection, int error, void *ctx)
{
    struct lane *lane = ctx;
    struct runtime *w = lane->runtime;
    if (!w->bare.is_done) {
        open_lane(lane);
        return;
    }
    aws_mutex_lock(&w->lock);
    w->closed++;
    aws_mutex_unlock(&w->lock);
    aws_condition_variable_notify_one(&w->news);
}

static void on_complete(struct aws_http_stream *stream, int error, void *ctx)
{
    struct lane *lane = ctx;
    struct runtime *w = lane->runtime;
    int status = 0;
    if (error)
        aws_raise_error(error);
    require(!error && !aws_http_stream_get_incoming_response_status(stream, &status), "read");
    aws_http_stream_release(stream);
    bare_answered(&w->bare, status, (str) { lane->body, lane->len });
    if (!w->bare.is_done && aws_http_connection_new_requests_allowed(lane->connection))
        ask(lane);
    else
        aws_http_connection_release(lane->connection);
}

/* --- before and after --- */

static void set_up_tls(struct runtime *w)
{
    const struct aws_byte_cursor name = aws_byte_cursor_from_c_str("127.0.0.1");
    struct aws_tls_ctx_options options;
    aws_tls_ctx_options_init_default_client(&options, w->allocator);
    require(!aws_tls_ctx_options_override_default_trust_store_from_path(&options, NULL,
                                                                        w->bare.ca_file),
            "the roots");
    w->tls = aws_tls_client_ctx_new(w->allocator, &options);
    aws_tls_ctx_options_clean_up(&options);
    require(w->tls, "the roots");
    aws_tls_connection_options_init_from_ctx(&w->tls_options, w->tls);
    require(!aws_tls_connection_options_set_server_name(&w->tls_options, w->allocator, &name),
            "memory");
}

static void set_up(struct runtime *w)
{
    w->allocator = aws_default_allocator();
    aws_auth_library_init(w->allocator);
    const struct aws_event_loop_group_options loops = { .loop_count = 1 };
    w->loops = aws_event_loop_group_new(w->allocator, &loops);
    struct aws_host_resolver_default_options names = { .max_entries = 1, .el_group = w->loops };
    w->resolver = aws_host_resolver_new_default(w->allocator, &names);
    const struct aws_client_bootstrap_options bootstrap = { .event_loop_group = w->loops,
                                                            .host_resolver = w->resolver };
    w->bootstrap = aws_client_bootstrap_new(w->allocator, &bootstrap);
    w->credentials =
        aws_credentials_new(w->allocator, aws_byte_cursor_from_c_str("AKIDEXAMPLE"),
                            aws_byte_cursor_from_c_str("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                            aws_byte_cursor_from_c_str(""), UINT64_MAX);
    require(w->loops && w->resolver && w->bootstrap && w->credentials, "set-up");
    set_up_tls(w);
    snprintf(w->content_length, sizeof w->content_length, "%zu", w->bare.body.len);
    w->lanes = calloc(w->bare.in_flight, sizeof *w->lanes);
    require(w->lanes, "memory");
    for (size_t i = 0; i < w->bare.in_flight; i++)
        w->lanes[i].runtime = w;
    aws_mutex_init(&w->lock);
    aws_condition_variable_init(&w->news);
}

static bool is_over(void *ctx)
{
    const struct runtime *w = ctx;
    return w->closed == w->bare.in_flight;
}

static void tear_down(struct runtime *w)
{
    free(w->lanes);
    aws_credentials_release(w->credentials);
    aws_tls_connection_options_clean_up(&w->tls_options);
    aws_tls_ctx_release(w->tls);
    aws_client_bootstrap_release(w->bootstrap);
    aws_host_resolver_release(w->resolver);
    aws_event_loop_group_release(w->loops);
    aws_auth_library_clean_up();
}

int main(int argc, char **argv)
{
    static struct runtime w;
    bare_init(&w.bare, "bench_aws_runtime", argc, argv);
    set_up(&w);
    open_lane(&w.lanes[0]);
    aws_mutex_lock(&w.lock);
    aws_condition_variable_wait_pred(&w.news, &w.lock, is_over, &w);
    aws_mutex_unlock(&w.lock);
    bare_print(&w.bare);
    tear_down(&w);
    return 0;
}
