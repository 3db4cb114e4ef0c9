/* Rules are a list, the newest first, searched from end to end for each request: they are few, and
 * TROUBLE_RULES_MAX at most. To set a rule anew is to replace it, and its throttle window begins
 * again. That window is a plain second from the first request after the last one, so two of them
 * side by side may let the double rate through.
 *
 * One table of fields, by offset, serves names, bounds, reading and writing, for the command line
 * and the control API alike. */
#include "sim/faults.h"

#include <stdlib.h>

#include "base/log.h"
#include "sim/scope.h"

/* A bound on what the control API can make us keep and search through. */
enum { TROUBLE_RULES_MAX = 1024 };

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
        name, type, offsetof(struct sim_trouble, member), min, max                                 \
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
    FIELD("slow-bytes", FIELD_U32, slow_bytes_per_s, 0, 1e9),
    FIELD("clock-skew", FIELD_I32, clock_skew_s, -YEAR_S, YEAR_S),
};

enum { FIELD_COUNT = sizeof fields / sizeof *fields };

const char *trouble_name(size_t i)
{
    return i < FIELD_COUNT ? fields[i].name : NULL;
}

static double field_get(const struct field *f, const struct sim_trouble *trouble)
{
    const char *at = (const char *)trouble + f->offset;
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

double trouble_value(const struct sim_trouble *trouble, size_t i)
{
    return field_get(&fields[i], trouble);
}

static void field_put(const struct field *f, struct sim_trouble *trouble, double value)
{
    char *at = (char *)trouble + f->offset;
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

static int field_check(const struct field *f, double value, struct pipepoll_error *why)
{
    /* Written so that NaN fails too. */
    if (!(value >= f->min && value <= f->max))
        return explain(why, PIPEPOLL_EINVAL, "%s must be a number from %.15g to %.15g", f->name,
                       f->min, f->max);
    if (f->type != FIELD_SHARE && value != (double)(int64_t)value)
        return explain(why, PIPEPOLL_EINVAL, "%s must be a whole number", f->name);
    return 0;
}

int trouble_field(struct sim_trouble *trouble, str name, double value, struct pipepoll_error *why)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!str_eq(name, str_of(fields[i].name)))
            continue;
        int r = field_check(&fields[i], value, why);
        if (!r)
            field_put(&fields[i], trouble, value);
        return r;
    }
    return explain(why, PIPEPOLL_EINVAL, "'%.*s' is no kind of trouble", STR_ARG(name));
}

static int trouble_check(const struct sim_trouble *trouble, struct pipepoll_error *why)
{
    struct sim_trouble full = *trouble;
    if (full.error_status == 0)
        full.error_status = 500;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        int r = field_check(&fields[i], field_get(&fields[i], &full), why);
        if (r)
            return r;
    }
    return 0;
}

void trouble_init(struct trouble_table *t)
{
    list_init(&t->rules);
    t->count = 0;
}

static void rule_remove(struct trouble_table *t, struct trouble_rule *rule)
{
    list_remove(&rule->link);
    free(rule);
    t->count--;
}

void trouble_clear(struct trouble_table *t)
{
    while (!list_empty(&t->rules))
        rule_remove(t, CONTAINER_OF(t->rules.next, struct trouble_rule, link));
}

static struct trouble_rule *rule_of(const struct trouble_table *t, const struct sim_place *where)
{
    for (struct list *l = t->rules.next; l != &t->rules; l = l->next) {
        struct trouble_rule *rule = CONTAINER_OF(l, struct trouble_rule, link);
        if (place_eq(&rule->where, where))
            return rule;
    }
    return NULL;
}

int trouble_set(struct trouble_table *t, const struct sim_place *where,
                const struct sim_trouble *trouble, struct pipepoll_error *why)
{
    int r = place_check(where, true, why);
    if (!r)
        r = trouble_check(trouble, why);
    if (r)
        return r;
    struct trouble_rule *old = rule_of(t, where);
    if (!old && t->count == TROUBLE_RULES_MAX)
        return explain(why, PIPEPOLL_EINVAL, "there are %d troubles already", TROUBLE_RULES_MAX);
    struct trouble_rule *rule = calloc(1, sizeof *rule + place_size(where));
    if (!rule)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    rule->where = place_copy(where, rule->text);
    rule->trouble = *trouble;
    if (old)
        rule_remove(t, old);
    list_put_first(&t->rules, &rule->link);
    t->count++;
    return 0;
}

struct trouble_rule *trouble_find(const struct trouble_table *t, const struct sim_place *place)
{
    struct trouble_rule *best = NULL;
    for (struct list *l = t->rules.next; l != &t->rules; l = l->next) {
        struct trouble_rule *rule = CONTAINER_OF(l, struct trouble_rule, link);
        if (place_matches(&rule->where, place) &&
            (!best || place_weight(&rule->where) > place_weight(&best->where)))
            best = rule;
    }
    return best;
}

bool trouble_throttles(struct trouble_rule *rule, uint64_t now_ns)
{
    if (rule->trouble.throttle_per_s == 0)
        return false;
    if (now_ns - rule->window_start_ns >= SECOND_NS) {
        rule->window_start_ns = now_ns;
        rule->window_count = 0;
    }
    if (rule->window_count >= rule->trouble.throttle_per_s)
        return true;
    rule->window_count++;
    return false;
}

enum trouble_outcome trouble_outcome(const struct sim_trouble *trouble, struct rng *chance)
{
    double roll = (double)(rng_next(chance) >> 11) / (double)(UINT64_C(1) << 53);
    const struct {
        double rate;
        enum trouble_outcome outcome;
    } shares[] = {
        { trouble->reset_rate, TROUBLE_RESET },
        { trouble->error_rate, TROUBLE_ERROR },
        { trouble->garbage_rate, TROUBLE_GARBAGE },
        { trouble->truncate_rate, TROUBLE_TRUNCATE },
    };
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        if (roll < shares[i].rate)
            return shares[i].outcome;
        roll -= shares[i].rate;
    }
    return TROUBLE_NONE;
}

bool trouble_any_latency(const struct trouble_table *t)
{
    for (struct list *l = t->rules.next; l != &t->rules; l = l->next) {
        const struct trouble_rule *rule = CONTAINER_OF(l, struct trouble_rule, link);
        if (rule->trouble.latency_ms || rule->trouble.latency_jitter_ms)
            return true;
    }
    return false;
}

uint32_t trouble_latency_ms(const struct sim_trouble *trouble, struct rng *chance)
{
    uint64_t jitter = rng_next(chance) % ((uint64_t)trouble->latency_jitter_ms + 1);
    return trouble->latency_ms + (uint32_t)jitter;
}
