/* SPDX-License-Identifier: MIT */
/* Values are kept and compared as texts, for those of the config at the start go with its next
 * reading. */
#include "cli/run_fixed.h"

#include <stdlib.h>

enum { VALUE_MAX = 8192 }; /* more than a path has */

static void put_in_flight(struct buf *out, const struct config *c)
{
    buf_put_u64(out, c->max_in_flight);
}

static void put_in_flight_per_region(struct buf *out, const struct config *c)
{
    buf_put_u64(out, c->max_in_flight_per_region);
}

static void put_connections(struct buf *out, const struct config *c)
{
    buf_put_u64(out, c->max_connections);
}

static void put_polls_per_s(struct buf *out, const struct config *c)
{
    buf_printf(out, "%.17g", c->max_polls_per_s);
}

static void put_request_timeout(struct buf *out, const struct config *c)
{
    buf_put_u64(out, c->request_timeout_ms);
}

static void put_connect_timeout(struct buf *out, const struct config *c)
{
    buf_put_u64(out, c->connect_timeout_ms);
}

static void put_ca_bundle(struct buf *out, const struct config *c)
{
    buf_put(out, c->ca_bundle);
}

static void put_app_id(struct buf *out, const struct config *c)
{
    buf_put(out, c->user_agent_app_id);
}

static void put_attempts(struct buf *out, const struct config *c)
{
    buf_put_u64(out, c->max_attempts);
}

static const struct {
    const char *name;
    void (*put)(struct buf *out, const struct config *c);
} keys[RUN_FIXED_KEYS] = {
    { "max-in-flight", put_in_flight },
    { "max-in-flight-per-region", put_in_flight_per_region },
    { "max-connections", put_connections },
    { "max-polls-per-second", put_polls_per_s },
    { "request-timeout", put_request_timeout },
    { "connect-timeout", put_connect_timeout },
    { "ca-bundle", put_ca_bundle },
    { "user-agent-app-id", put_app_id },
    { "max_attempts", put_attempts },
};

void run_fixed_note(struct run_fixed *f, const struct config *at_start)
{
    char text[VALUE_MAX];
    for (int i = 0; i < RUN_FIXED_KEYS; i++) {
        struct buf value = BUF_ON(text);
        keys[i].put(&value, at_start);
        f->values[i] = strdup(buf_cstr(&value));
    }
}

void run_fixed_put_changed(struct buf *out, const struct run_fixed *f, const struct config *c)
{
    char text[VALUE_MAX];
    for (int i = 0; i < RUN_FIXED_KEYS; i++) {
        struct buf value = BUF_ON(text);
        keys[i].put(&value, c);
        if (f->values[i] && strcmp(f->values[i], buf_cstr(&value)))
            buf_printf(out, "%s%s", out->len ? ", " : "", keys[i].name);
    }
}

void run_fixed_deinit(struct run_fixed *f)
{
    for (int i = 0; i < RUN_FIXED_KEYS; i++)
        free(f->values[i]);
}
