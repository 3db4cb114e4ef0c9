/* SPDX-License-Identifier: MIT */
/* How much there is in the queue. Each consumer tells what waits for it and what is out; what waits
 * for none, since nobody ever pulled its action type, only the stream knows, by its subjects. They
 * can be many and change slowly, so they are asked for less often until there is such a job. */
#include <stdlib.h>

#include "fleet/nats_core.h"

enum { COUNTS_MS = 5000, ROUNDS = 6 /* of them, one with subjects */ };

/* --- what waits for no consumer --- */

static bool is_worked(const struct nats_core *c, str subject)
{
    for (size_t at = 0; at < c->worked_len; at += strlen(c->worked + at) + 1)
        if (nats_log_matches(subject, str_of(c->worked + at)))
            return true;
    return false;
}

static uint64_t number_at(const struct json *j, int node)
{
    char digits[24];
    str_copy(digits, sizeof digits, json_scalar(j, node));
    return strtoull(digits, NULL, 10);
}

static void on_subjects(void *ctx, struct nats_ask *ask, const struct nats_answer *a)
{
    struct nats_core *c = ctx;
    struct json *j = a->json;
    uint64_t count = 0;
    str one = { 0 };
    c->counts.is_out = false;
    int state = j && !a->code ? json_member(j, JSON_ROOT, "state") : JSON_NONE;
    bool is_told = state != JSON_NONE && json_type(j, state) == JSON_OBJECT;
    int all = is_told ? json_member(j, state, "subjects") : JSON_NONE;
    bool has_any = all != JSON_NONE && json_type(j, all) == JSON_OBJECT;
    for (int key = has_any ? json_first(j, all) : JSON_NONE; key != JSON_NONE;
         key = json_next(j, key)) {
        str subject = json_text(j, key);
        if (json_type(j, json_value(key)) != JSON_NUMBER || is_worked(c, subject))
            continue;
        count += number_at(j, json_value(key));
        one = nats_log_key(str_of(c->options->fleet), ENGINE_JOBS, subject);
    }
    uv_mutex_lock(&c->desk->mutex);
    struct engine_stats *s = &c->desk->stats;
    s->jobs_known = true;
    s->jobs_waiting += count - s->jobs_unworked;
    s->jobs_unworked = count;
    str_copy(s->unworked_key, sizeof s->unworked_key, str_cut(one, sizeof s->unworked_key - 1));
    uv_mutex_unlock(&c->desk->mutex);
}

static void ask_subjects(struct nats_core *c)
{
    nats_core_ask(c, &c->counts, "STREAM.INFO", ENGINE_JOBS, (str) { 0 },
                  STR("{\"subjects_filter\":\">\"}"), on_subjects);
}

/* --- what waits for one, and what is out --- */

static void keep_filter(struct nats_core *c, str filter)
{
    char *grown = filter.len ? realloc(c->worked, c->worked_len + filter.len + 1) : NULL;
    if (!grown)
        return;
    c->worked = grown;
    str_copy(c->worked + c->worked_len, filter.len + 1, filter);
    c->worked_len += filter.len + 1;
}

/* A consumer has one filter, or from servers 2.10 on perhaps a list of them; none is all. */
static void keep_filters(struct nats_core *c, struct json *j, int config)
{
    str one = json_member_text(j, config, "filter_subject");
    int list = json_member(j, config, "filter_subjects");
    bool has_list = list != JSON_NONE && json_type(j, list) == JSON_ARRAY;
    keep_filter(c, one.len || has_list ? one : STR(">"));
    for (int i = has_list ? json_first(j, list) : JSON_NONE; i != JSON_NONE; i = json_next(j, i))
        if (json_type(j, i) == JSON_STRING)
            keep_filter(c, json_text(j, i));
}

static void keep_counts(struct nats_core *c, uint64_t waiting, uint64_t out, bool is_last)
{
    struct engine_stats *s = &c->desk->stats;
    uv_mutex_lock(&c->desk->mutex);
    s->jobs_known = s->jobs_known || is_last;
    s->jobs_waiting = waiting + s->jobs_unworked;
    s->jobs_out = out;
    uv_mutex_unlock(&c->desk->mutex);
}

static void on_consumers(void *ctx, struct nats_ask *ask, const struct nats_answer *a)
{
    struct nats_core *c = ctx;
    struct json *j = a->json;
    uint64_t waiting = 0, out = 0, told = 0;
    c->counts.is_out = false;
    int list = j && !a->code ? json_member(j, JSON_ROOT, "consumers") : JSON_NONE;
    if (list == JSON_NONE || json_type(j, list) != JSON_ARRAY)
        return;
    c->worked_len = 0;
    for (int i = json_first(j, list); i != JSON_NONE; i = json_next(j, i), told++) {
        int config = json_type(j, i) == JSON_OBJECT ? json_member(j, i, "config") : JSON_NONE;
        if (config == JSON_NONE || json_type(j, config) != JSON_OBJECT ||
            json_member(j, config, "durable_name") == JSON_NONE)
            continue;
        waiting += nats_number(j, i, "num_pending");
        out += nats_number(j, i, "num_ack_pending");
        keep_filters(c, j, config);
    }
    bool is_all =
        told >= nats_number(j, JSON_ROOT, "total"); /* not a page of more than fit in it */
    bool is_due = c->count_rounds++ % ROUNDS == 0 || c->desk->stats.jobs_unworked;
    bool has_subjects = is_all && is_due;
    keep_counts(c, waiting, out, !has_subjects);
    if (has_subjects && !c->is_closing && c->link)
        ask_subjects(c);
}

void nats_count_turn(struct nats_core *c)
{
    if (c->counts.is_out || c->now_ms < c->counts_at_ms)
        return;
    c->counts_at_ms = c->now_ms + COUNTS_MS;
    nats_core_ask(c, &c->counts, "CONSUMER.LIST", ENGINE_JOBS, (str) { 0 }, (str) { 0 },
                  on_consumers);
}

void nats_count_end(struct nats_core *c)
{
    free(c->worked);
    c->worked = NULL;
    c->worked_len = 0;
}
