/* SPDX-License-Identifier: MIT */
/* Where the modules meet: the service and its faults below, the HTTP face in front, and between
 * them the two that understand requests. */
#include "sim/sim.h"

#include <stdlib.h>
#include <uv.h>

#include "base/log.h"
#include "sim/api.h"
#include "sim/certificate.h"
#include "sim/client_tokens.h"
#include "sim/control.h"
#include "sim/http.h"
#include "sim/listener.h"
#include "sim/scope.h"

enum { SECRET_MAX = 128, OPTION_MAX = 16 << 10, HOUR_MS = 3600000 };

struct sim {
    struct sim_options options; /* its strings lie in `text` */
    struct service *service;
    struct faults_table faults;
    struct client_tokens client_tokens;
    struct api api;
    struct control control;
    struct certificate certificate;
    struct listener listener;
    struct http *http;
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
    char text[];
};

/* --- requests -------------------------------------------------------------------------------- */

static void reply_with_error(struct sim *s, struct reply *reply, struct instant when, int status,
                             const char *code)
{
    reply->content_type = "application/x-amz-json-1.1";
    reply->date_s = when.wall.tv_sec;
    reply->request_id = uuid_next(&s->api.ids);
    http_message_reply_json(reply, status, json_pack("{s:s}", "__type", code));
}

static bool is_for_service(const struct request *rq)
{
    return !rq->too_large && !control_wants(rq) && str_eq(rq->method, STR("POST"));
}

static uint32_t receive(void *ctx, const struct request *rq)
{
    struct sim *s = ctx;
    return is_for_service(rq) ? api_receive(&s->api, rq) : 0;
}

static void answer(void *ctx, const struct request *rq, struct instant when, struct reply *reply)
{
    struct sim *s = ctx;
    if (is_for_service(rq)) {
        api_answer(&s->api, rq, when, reply);
    } else if (rq->too_large) {
        reply_with_error(s, reply, when, 413, "RequestEntityTooLargeException");
    } else if (control_wants(rq)) {
        reply->request_id = uuid_next(&s->api.ids);
        control_answer(&s->control, rq, when, reply);
    } else {
        reply->allow = "POST";
        reply_with_error(s, reply, when, 403, "AccessDeniedException");
    }
}

static void stats(void *ctx, struct sim_stats *out)
{
    sim_stats(ctx, out);
}

/* --- open and close -------------------------------------------------------------------------- */

static struct sim_options with_defaults(const struct sim_options *o)
{
    struct sim_options full = *o;
    if (full.listen.len == 0)
        full.listen = STR("127.0.0.1:0");
    if (full.access_key_id.len == 0)
        full.access_key_id = STR("AKIDEXAMPLE");
    if (full.secret_access_key.len == 0)
        full.secret_access_key = STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    full.lease_ms = full.lease_ms ? full.lease_ms : 60000;
    full.default_batch = full.default_batch ? full.default_batch : 10;
    full.queue_max = full.queue_max ? full.queue_max : 100000;
    full.ledger_max = full.ledger_max ? full.ledger_max : 100000;
    full.over_max = full.over_max ? full.over_max : 100000;
    struct sim_undocumented *u = &full.undocumented;
    u->job_timeout_ms = u->job_timeout_ms ? u->job_timeout_ms : HOUR_MS;
    u->artifact_credentials_ms = u->artifact_credentials_ms ? u->artifact_credentials_ms : HOUR_MS;
    full.arrivals.seed = full.arrivals.seed ? full.arrivals.seed : 1;
    return full;
}

static struct sim *sim_new(const struct sim_options *o)
{
    struct sim_options copy = *o;
    str *const strings[] = { &copy.listen,        &copy.access_key_id, &copy.secret_access_key,
                             &copy.session_token, &copy.name,          &copy.cert_pem,
                             &copy.key_pem };
    size_t size = 0;
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        size += strings[i]->len;
    struct sim *s = calloc(1, sizeof *s + size);
    if (!s)
        return NULL;
    char *at = s->text;
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        if (strings[i]->len)
            memcpy(at, strings[i]->ptr, strings[i]->len);
        strings[i]->ptr = at;
        at += strings[i]->len;
    }
    s->options = copy;
    faults_init(&s->faults);
    return s;
}

static struct sim *sim_free(struct sim *s)
{
    if (!s)
        return NULL;
    faults_clear(&s->faults);
    client_tokens_deinit(&s->client_tokens);
    service_free(s->service);
    certificate_deinit(&s->certificate);
    free(s);
    return NULL;
}

static int check_options(const struct sim_options *o, struct pipepoll_error *why)
{
    if (o->secret_access_key.len > SECRET_MAX)
        return explain(why, PIPEPOLL_EINVAL, "the secret access key is longer than %d characters",
                       SECRET_MAX);
    if (o->access_key_id.len > SECRET_MAX || str_find(o->access_key_id, '/') < o->access_key_id.len)
        return explain(why, PIPEPOLL_EINVAL, "the access key id is too long or holds a slash");
    if (o->session_token.len > OPTION_MAX)
        return explain(why, PIPEPOLL_EINVAL, "the session token is longer than %d characters",
                       OPTION_MAX);
    if (!o->cert_pem.len != !o->key_pem.len)
        return explain(why, PIPEPOLL_EINVAL,
                       "a certificate needs its key, and a key its certificate");
    return 0;
}

static int open_service(struct sim *s, struct pipepoll_error *why)
{
    const struct sim_options *o = &s->options;
    int r = faults_set(&s->faults, &(struct sim_scope) { 0 }, &o->faults, why);
    if (r)
        return r;
    return service_new(&s->service,
                       &(struct service_options) { .lease_ns = o->lease_ms * UINT64_C(1000000),
                                                   .default_batch = o->default_batch,
                                                   .queue_max = o->queue_max,
                                                   .ledger_max = o->ledger_max,
                                                   .over_max = o->over_max,
                                                   .undocumented = o->undocumented,
                                                   .arrivals = o->arrivals,
                                                   .strict_action_types = o->strict_action_types },
                       why);
}

static void wire(struct sim *s)
{
    const struct sim_options *o = &s->options;
    s->api = (struct api) {
        .service = s->service,
        .faults = &s->faults,
        .client_tokens = &s->client_tokens,
        .acknowledge_without_status = o->undocumented.acknowledge_without_status,
        .credentials = { o->access_key_id, o->secret_access_key, o->session_token },
        .chance = { o->arrivals.seed ^ UINT64_C(0x74726f75) },
        .ids = { o->arrivals.seed ^ UINT64_C(0x72657175) },
        .handed_out = o->handed_out,
        .served = o->served,
        .ctx = o->ctx,
    };
    s->control = (struct control) { s->service, &s->faults, stats, s };
}

static int take_certificate(struct sim *s, struct pipepoll_error *why)
{
    const struct sim_options *o = &s->options;
    if (!o->cert_pem.len)
        return certificate_init(&s->certificate, o->name, why);
    s->certificate.cert_pem = strndup(o->cert_pem.ptr, o->cert_pem.len);
    s->certificate.key_pem = strndup(o->key_pem.ptr, o->key_pem.len);
    return s->certificate.cert_pem && s->certificate.key_pem
               ? 0
               : explain(why, PIPEPOLL_ENOMEM, "out of memory");
}

static int open_http(struct sim *s, struct uv_loop_s *loop, struct pipepoll_error *why)
{
    int r = s->options.tls ? take_certificate(s, why) : 0;
    if (!r)
        r = listener_open(&s->listener, s->options.listen, s->options.tls, why);
    if (r)
        return r;
    return http_open(&s->http,
                     &(struct http_options) { .loop = loop,
                                              .fd = s->listener.fd,
                                              .ipv6 = s->listener.ipv6,
                                              .cert_pem = s->certificate.cert_pem,
                                              .key_pem = s->certificate.key_pem,
                                              .receive = receive,
                                              .answer = answer,
                                              .ctx = s },
                     why);
}

int sim_open(struct sim **out, struct uv_loop_s *loop, const struct sim_options *options,
             struct pipepoll_error *why)
{
    struct sim_options full = with_defaults(options);
    int r = check_options(&full, why);
    if (r)
        return r;
    struct sim *s = sim_new(&full);
    if (!s)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    r = open_service(s, why);
    if (!r) {
        wire(s);
        r = open_http(s, loop, why);
    }
    if (r) {
        sim_free(s);
        return r;
    }
    *out = s;
    return 0;
}

static void on_http_closed(void *ctx)
{
    struct sim *s = ctx;
    void (*closed)(void *) = s->closed;
    void *closed_ctx = s->closed_ctx;
    sim_free(s);
    if (closed)
        closed(closed_ctx);
}

void sim_close(struct sim *s, void (*closed)(void *ctx), void *ctx)
{
    if (s->closing)
        return;
    s->closing = true;
    s->closed = closed;
    s->closed_ctx = ctx;
    http_close(s->http, on_http_closed, s);
}

/* --- the rest -------------------------------------------------------------------------------- */

uint16_t sim_port(const struct sim *s)
{
    return s->listener.port;
}

const char *sim_url(const struct sim *s)
{
    return s->listener.url;
}

const char *sim_ca_pem(const struct sim *s)
{
    return s->certificate.ca_pem;
}

int sim_faults_operation(struct sim_faults *faults, str name, struct pipepoll_error *why)
{
    return faults_operation(faults, name, why);
}

int sim_faults_field(struct sim_faults *faults, str name, double value, str given,
                     struct pipepoll_error *why)
{
    return faults_field(faults, name, value, given, why);
}

const char *sim_faults_name(size_t i)
{
    return faults_name(i);
}

str *sim_scope_member(struct sim_scope *scope, str name)
{
    for (size_t i = 0; i < SCOPE_MEMBERS; i++)
        if (str_eq(name, str_of(scope_rules[i].name)))
            return scope_at(scope, i);
    return NULL;
}

int sim_faults_set(struct sim *s, const struct sim_scope *where, const struct sim_faults *faults,
                   struct pipepoll_error *why)
{
    return faults_set(&s->faults, where, faults, why);
}

int sim_client_tokens_set(struct sim *s, str text, struct pipepoll_error *why)
{
    return client_tokens_read(&s->client_tokens, text, why);
}

int sim_action_type_add(struct sim *s, const struct sim_scope *where, struct pipepoll_error *why)
{
    return service_action_type_add(s->service, where, (str) { 0 }, why);
}

int sim_jobs_add(struct sim *s, const struct sim_scope *where, size_t n, struct pipepoll_error *why)
{
    const struct service_jobs jobs = { .scope = where, .count = n };
    return service_jobs_add(s->service, &jobs, uv_hrtime(), why);
}

int sim_job_add(struct sim *s, const struct sim_scope *where, str configuration,
                struct pipepoll_error *why)
{
    const struct service_job_data data = { .configuration = configuration };
    const struct service_jobs jobs = { .scope = where, .count = 1, .data = &data };
    return service_jobs_add(s->service, &jobs, uv_hrtime(), why);
}

bool sim_job_acknowledge(struct sim *s, str job_id)
{
    return service_finish(s->service, job_id, uv_hrtime());
}

void sim_stats(const struct sim *s, struct sim_stats *out)
{
    struct sim_stats jobs;
    service_tick(s->service, uv_hrtime());
    service_stats(s->service, &jobs);
    jobs.requests = s->api.stats.requests;
    jobs.polls = s->api.stats.polls;
    jobs.refused = s->api.stats.refused;
    jobs.throttled = s->api.stats.throttled;
    jobs.faulted = s->api.stats.faulted;
    jobs.connections = http_connections(s->http);
    *out = jobs;
}

const struct ledger *sim_ledger(const struct sim *s)
{
    return service_ledger(s->service);
}
