/* SPDX-License-Identifier: MIT */
/* Rules are a list, the newest first, searched from end to end for each request: they are few, and
 * FAULTS_RULES_MAX at most. To set a rule anew is to replace it, and its throttle window begins
 * again. That window is a plain second from the first request after the last one, so two of them
 * side by side may let the double rate through.
 *
 * One table of fields, by offset, serves names, bounds, reading and writing, for the command line
 * and the control API alike. */
#include "sim/faults.h"

#include <stdlib.h>

#include "base/log.h"
#include "sim/model.h"
#include "sim/scope.h"

/* A bound on what the control API can make us keep and search through. */
enum { FAULTS_RULES_MAX = 1024 };

#define SECOND_NS UINT64_C(1000000000)
#define HOUR_MS   3600000
#define YEAR_S    31536000

struct field {
    const char *name;
    enum { FIELD_U32, FIELD_I32, FIELD_SHARE } type;
    size_t offset;
    double min, max;
};

#define FIELD(name, type, member, min, max)                                                        \
    {                                                                                              \
        name, type, offsetof(struct sim_faults, member), min, max                                  \
    }

static const struct field fields[] = {
    FIELD("latency", FIELD_U32, latency_ms, 0, HOUR_MS),
    FIELD("latency-jitter", FIELD_U32, latency_jitter_ms, 0, HOUR_MS),
    FIELD("throttle", FIELD_U32, throttle_per_s, 0, 1e9),
    FIELD("retry-after", FIELD_U32, retry_after_ms, 0, 1e9),
    FIELD("error-rate", FIELD_SHARE, error_rate, 0, 1),
    FIELD("error-status", FIELD_I32, error_status, 500, 504),
    FIELD("reset-rate", FIELD_SHARE, reset_rate, 0, 1),
    FIELD("truncate-rate", FIELD_SHARE, truncate_rate, 0, 1),
    FIELD("garbage-rate", FIELD_SHARE, garbage_rate, 0, 1),
    FIELD("lose-rate", FIELD_SHARE, lose_rate, 0, 1),
    FIELD("slow-bytes", FIELD_U32, slow_bytes_per_s, 0, 1e9),
    FIELD("clock-skew", FIELD_I32, clock_skew_s, -YEAR_S, YEAR_S),
};

enum { FIELD_COUNT = sizeof fields / sizeof *fields };

const char *faults_name(size_t i)
{
    return i < FIELD_COUNT ? fields[i].name : NULL;
}

static double field_get(const struct field *f, const struct sim_faults *faults)
{
    const char *at = (const char *)faults + f->offset;
    switch (f->type) {
    case FIELD_U32:
        return *(const uint32_t *)(const void *)at;
    case FIELD_I32:
        return *(const int32_t *)(const void *)at;
    case FIELD_SHARE:
        return *(const double *)(const void *)at;
    }
    return 0;
}

double faults_value(const struct sim_faults *faults, size_t i)
{
    return field_get(&fields[i], faults);
}

static void field_put(const struct field *f, struct sim_faults *faults, double value)
{
    char *at = (char *)faults + f->offset;
    switch (f->type) {
    case FIELD_U32:
        *(uint32_t *)(void *)at = (uint32_t)value;
        break;
    case FIELD_I32:
        *(int32_t *)(void *)at = (int32_t)value;
        break;
    case FIELD_SHARE:
        *(double *)(void *)at = value;
        break;
    }
}

static const char *kind_of(const struct field *f)
{
    return f->type == FIELD_SHARE ? "number" : "whole number";
}

static bool is_within(const struct field *f, double value)
{
    /* Written so that NaN fails too. */
    return value >= f->min && value <= f->max &&
           (f->type == FIELD_SHARE || value == (double)(int64_t)value);
}

int faults_field(struct sim_faults *faults, str name, double value, str given,
                 struct pipepoll_error *why)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field *f = &fields[i];
        if (!str_eq(name, str_of(f->name)))
            continue;
        if (!is_within(f, value))
            return explain(why, PIPEPOLL_EINVAL, "%s is a %s from %.15g to %.15g, not \"%.*s\"",
                           f->name, kind_of(f), f->min, f->max, STR_ARG(given));
        field_put(f, faults, value);
        return 0;
    }
    return explain(why, PIPEPOLL_EINVAL, "\"%.*s\" is no kind of fault", STR_ARG(name));
}

int faults_operation(struct sim_faults *faults, str name, struct pipepoll_error *why)
{
    if (model_named(name) == MODEL_UNKNOWN)
        return explain(why, PIPEPOLL_EINVAL, "operation \"%.*s\" is no job operation",
                       STR_ARG(name));
    faults->operation = name;
    return 0;
}

static int faults_check(const struct sim_faults *faults, struct pipepoll_error *why)
{
    struct sim_faults full = *faults;
    if (full.operation.len && faults_operation(&full, full.operation, why))
        return PIPEPOLL_EINVAL;
    if (full.error_status == 0)
        full.error_status = 500;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field *f = &fields[i];
        if (!is_within(f, field_get(f, &full)))
            return explain(why, PIPEPOLL_EINVAL, "%s is a %s from %.15g to %.15g", f->name,
                           kind_of(f), f->min, f->max);
    }
    return 0;
}

void faults_init(struct faults_table *table)
{
    list_init(&table->rules);
    table->count = 0;
}

static void rule_remove(struct faults_table *table, struct faults_rule *rule)
{
    list_remove(&rule->link);
    free(rule);
    table->count--;
}

void faults_clear(struct faults_table *table)
{
    while (!list_empty(&table->rules))
        rule_remove(table, CONTAINER_OF(table->rules.next, struct faults_rule, link));
}

static struct faults_rule *rule_of(const struct faults_table *table, const struct sim_scope *where,
                                   str operation)
{
    for (struct list *l = table->rules.next; l != &table->rules; l = l->next) {
        struct faults_rule *rule = CONTAINER_OF(l, struct faults_rule, link);
        if (scope_eq(&rule->where, where) && str_eq(rule->faults.operation, operation))
            return rule;
    }
    return NULL;
}

int faults_set(struct faults_table *table, const struct sim_scope *where,
               const struct sim_faults *faults, struct pipepoll_error *why)
{
    int r = scope_check(where, true, why);
    if (!r)
        r = faults_check(faults, why);
    if (r)
        return r;
    struct faults_rule *old = rule_of(table, where, faults->operation);
    if (!old && table->count == FAULTS_RULES_MAX)
        return explain(why, PIPEPOLL_EINVAL, "there are %d faults already", FAULTS_RULES_MAX);
    struct faults_rule *rule = calloc(1, sizeof *rule + scope_size(where) + faults->operation.len);
    if (!rule)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    rule->where = scope_copy(where, rule->text);
    rule->faults = *faults;
    char *at = rule->text + scope_size(where);
    rule->faults.operation = str_keep(&at, faults->operation);
    if (old)
        rule_remove(table, old);
    list_put_first(&table->rules, &rule->link);
    table->count++;
    return 0;
}

static unsigned rule_weight(const struct faults_rule *rule)
{
    return scope_weight(&rule->where) + (rule->faults.operation.len > 0);
}

static bool rule_matches(const struct faults_rule *rule, const struct sim_scope *scope,
                         str operation)
{
    str wanted = rule->faults.operation;
    return scope_matches(&rule->where, scope) && (!wanted.len || str_eq(wanted, operation));
}

struct faults_rule *faults_find(const struct faults_table *table, const struct sim_scope *scope,
                                str operation)
{
    struct faults_rule *best = NULL;
    for (struct list *l = table->rules.next; l != &table->rules; l = l->next) {
        struct faults_rule *rule = CONTAINER_OF(l, struct faults_rule, link);
        if (rule_matches(rule, scope, operation) &&
            (!best || rule_weight(rule) > rule_weight(best)))
            best = rule;
    }
    return best;
}

bool faults_throttles(struct faults_rule *rule, uint64_t now_ns)
{
    if (rule->faults.throttle_per_s == 0)
        return false;
    if (now_ns - rule->window_start_ns >= SECOND_NS) {
        rule->window_start_ns = now_ns;
        rule->window_count = 0;
    }
    if (rule->window_count >= rule->faults.throttle_per_s)
        return true;
    rule->window_count++;
    return false;
}

enum faults_outcome faults_outcome(const struct sim_faults *faults, struct rng *chance)
{
    double roll = (double)(rng_next(chance) >> 11) / (double)(UINT64_C(1) << 53);
    const struct {
        double rate;
        enum faults_outcome outcome;
    } shares[] = {
        { faults->reset_rate, FAULTS_RESET },     { faults->error_rate, FAULTS_ERROR },
        { faults->garbage_rate, FAULTS_GARBAGE }, { faults->truncate_rate, FAULTS_TRUNCATE },
        { faults->lose_rate, FAULTS_LOSE },
    };
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        if (roll < shares[i].rate)
            return shares[i].outcome;
        roll -= shares[i].rate;
    }
    return FAULTS_NONE;
}

bool faults_any_latency(const struct faults_table *table)
{
    for (struct list *l = table->rules.next; l != &table->rules; l = l->next) {
        const struct faults_rule *rule = CONTAINER_OF(l, struct faults_rule, link);
        if (rule->faults.latency_ms || rule->faults.latency_jitter_ms)
            return true;
    }
    return false;
}

uint32_t faults_latency_ms(const struct sim_faults *faults, struct rng *chance)
{
    uint64_t jitter = rng_next(chance) % ((uint64_t)faults->latency_jitter_ms + 1);
    return faults->latency_ms + (uint32_t)jitter;
}
