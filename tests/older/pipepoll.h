/* SPDX-License-Identifier: MIT */
/* The header as it was once: each structure that may grow is shorter than in today's library. What
 * is built with this is a program older than the library that it runs with. */
#ifndef PIPEPOLL_H
#define PIPEPOLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;
struct pipepoll;
struct pipepoll_target;
struct pipepoll_credentials;

struct pipepoll_str {
    const char *ptr;
    size_t len;
};

struct pipepoll_error {
    char text[512];
    int cause;
    char subject[256];
    char reserved[60];
};

struct pipepoll_action_type {
    struct pipepoll_str category, owner, provider, version;
};

struct pipepoll_job {
    struct pipepoll_str client_id;
};

struct pipepoll_answer {
    size_t size;
    struct pipepoll_str request_id;
    const struct pipepoll_job *jobs;
    size_t job_count;
    size_t job_size;
};

struct pipepoll_failure {
    size_t size;
    int status;
    int http_status;
    uint32_t attempt;
    uint32_t retry_in_ms;
    struct pipepoll_str code;
};

struct pipepoll_identity {
    size_t size;
    bool usable;
};

struct pipepoll_sink {
    size_t size;
    size_t (*credit)(struct pipepoll_sink *self);
    void (*deliver)(struct pipepoll_sink *self, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer);
    void (*failed)(struct pipepoll_sink *self, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure);
};

struct pipepoll_options {
    size_t size;
    struct pipepoll_sink *sink;
    struct pipepoll_credentials *credentials;
};

struct pipepoll_target_options {
    size_t size;
    struct pipepoll_action_type action_type;
    struct pipepoll_str region;
    struct pipepoll_str endpoint_url;
    uint32_t interval_ms;
};

struct pipepoll_role {
    size_t size;
    uint32_t duration_s;
    struct pipepoll_str arn;
};

struct pipepoll_stats {
    size_t size;
    uint64_t polls;
    uint64_t answers;
    uint64_t jobs;
};

struct pipepoll_report {
    size_t size;
    const struct pipepoll_identity *identity;
};

struct pipepoll_footprint {
    size_t size;
    uint32_t max_connections;
    size_t target_bytes;
};

struct pipepoll_versions {
    size_t size;
    const char *pipepoll, *libcurl;
};

struct pipepoll_str pipepoll_str(const char *text);
int pipepoll_open(struct pipepoll **out, struct uv_loop_s *loop,
                  const struct pipepoll_options *options, struct pipepoll_error *why);
void pipepoll_close(struct pipepoll *p, void (*closed)(void *ctx), void *ctx);
void pipepoll_stats(const struct pipepoll *p, struct pipepoll_stats *out);
int pipepoll_target_check(const struct pipepoll_target_options *o, struct pipepoll_error *why);
int pipepoll_target_add(struct pipepoll *p, const struct pipepoll_target_options *o,
                        struct pipepoll_target **out, struct pipepoll_error *why);
void pipepoll_target_report(const struct pipepoll_target *t, struct pipepoll_report *out);
void pipepoll_footprint(struct pipepoll_footprint *out);
void pipepoll_versions(struct pipepoll_versions *out);
int pipepoll_credentials_static(struct pipepoll_credentials **out,
                                struct pipepoll_str access_key_id,
                                struct pipepoll_str secret_access_key,
                                struct pipepoll_str session_token, struct pipepoll_error *why);
int pipepoll_credentials_role(struct pipepoll_credentials **out,
                              struct pipepoll_credentials *source, const struct pipepoll_role *role,
                              struct pipepoll_error *why);
struct pipepoll_credentials *pipepoll_credentials_unref(struct pipepoll_credentials *c);

#endif
