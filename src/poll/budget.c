/* SPDX-License-Identifier: MIT */
/* Two token buckets side by side; a poll needs a token of each. The ceiling's rate changes only
 * when its share does. The adaptive one follows the service: each ended call is counted, a throttle
 * cuts the rate to 0.7 of what was really sent, and every other end moves it along the cubic that
 * CUBIC TCP grows its window by: fast back to near the rate that was too much, careful around it,
 * then probing beyond. Twice the measured rate is its bound, so that a client with little to send
 * saves up no storm. */
#include "poll/budget.h"

#include <assert.h>
#include <math.h>

static const double ns_per_s = 1e9;
static const double window_s = 0.5;  /* the rate is measured in windows as long */
static const double smoothing = 0.8; /* the weight of the last window */
static const double beta = 0.7;      /* a throttle leaves this much of the rate */
static const double growth = 0.4;    /* of the cubic */
static const double headroom = 2;    /* the rate allowed, over the rate measured */
static const double least_per_s = 0.5;
static const double longest_wait_s = 1e9;
static const double least_ceiling_per_s = 1e-9;

static double bucket_tokens(const struct token_bucket *k, double now_s)
{
    return fmin(k->capacity, k->tokens + (now_s - k->last_s) * k->per_s);
}

static void bucket_refill(struct token_bucket *k, double now_s)
{
    k->tokens = bucket_tokens(k, now_s);
    k->last_s = now_s;
}

/* What accrued so far did so at the old rate. */
static void bucket_set_rate(struct token_bucket *k, double per_s, double now_s)
{
    bucket_refill(k, now_s);
    k->per_s = fmax(per_s, least_per_s);
    k->capacity = fmax(per_s, 1);
    k->tokens = fmin(k->tokens, k->capacity);
}

static double bucket_wait_s(const struct token_bucket *k, double now_s)
{
    return (1 - bucket_tokens(k, now_s)) / k->per_s;
}

/* Seconds since the epoch: small numbers keep their nanoseconds in a double. */
static double seconds(const struct budget *b, uint64_t now_ns)
{
    return (double)(int64_t)(now_ns - b->epoch_ns) / ns_per_s;
}

void budget_init(struct budget *b, double ceiling_per_s, uint64_t now_ns)
{
    double burst = fmax(ceiling_per_s, 1);
    *b = (struct budget) {
        .epoch_ns = now_ns,
        .adaptive.bucket = { .per_s = 1, .capacity = 1 },
        .ceiling = { .per_s = ceiling_per_s, .capacity = burst, .tokens = burst },
        .ceiling_per_s = ceiling_per_s,
        .share.part = 1,
        .quota = BUDGET_QUOTA,
    };
    list_init(&b->line);
    list_init(&b->ring_link);
}

static double shared_ceiling(const struct budget *b)
{
    double part_per_s = 0, cap_per_s = b->share.cap_per_s;
    if (b->ceiling_per_s > 0)
        part_per_s = fmax(b->ceiling_per_s * b->share.part, least_ceiling_per_s);
    if (cap_per_s <= 0 || part_per_s <= 0)
        return fmax(cap_per_s, part_per_s);
    return fmin(cap_per_s, part_per_s);
}

void budget_set_share(struct budget *b, const struct budget_share *share, uint64_t now_ns)
{
    struct token_bucket *k = &b->ceiling;
    double now_s = seconds(b, now_ns);
    if (k->per_s > 0)
        bucket_refill(k, now_s);
    else
        *k = (struct token_bucket) { .tokens = 1, .last_s = now_s };
    b->share = *share;
    k->per_s = shared_ceiling(b);
    k->capacity = fmax(k->per_s, 1);
    k->tokens = fmax(fmin(k->tokens, k->capacity), -k->capacity);
}

uint64_t budget_ready_at(const struct budget *b, uint64_t now_ns)
{
    if (b->ceiling.per_s <= 0 && !b->adaptive.enabled)
        return now_ns; /* nearly always */
    double now_s = seconds(b, now_ns), wait_s = 0;
    if (b->ceiling.per_s > 0)
        wait_s = bucket_wait_s(&b->ceiling, now_s);
    if (b->adaptive.enabled)
        wait_s = fmax(wait_s, bucket_wait_s(&b->adaptive.bucket, now_s));
    /* No timer can wait for less than a nanosecond: asked to, it would ring at once, for ever. And
     * no integer holds what the smallest ceilings ask for. */
    double wait_ns = fmin(wait_s, longest_wait_s) * ns_per_s;
    return wait_ns < 1 ? now_ns : now_ns + (uint64_t)ceil(wait_ns);
}

/* More debt than is earned in a second would keep polls waiting long after the calls. */
static void bucket_take(struct token_bucket *k, double now_s)
{
    bucket_refill(k, now_s);
    k->tokens = fmax(k->tokens - 1, -k->capacity);
}

void budget_take(struct budget *b, enum budget_rank rank, uint64_t now_ns)
{
    assert(rank == BUDGET_LIFECYCLE || budget_ready_at(b, now_ns) == now_ns);
    double now_s = seconds(b, now_ns);
    if (b->ceiling.per_s > 0)
        bucket_take(&b->ceiling, now_s);
    if (b->adaptive.enabled)
        bucket_take(&b->adaptive.bucket, now_s);
}

/* Count a call, and renew the measured rate once a window. */
static void adaptive_measure(struct adaptive_rate *a, double now_s)
{
    double window = floor(now_s / window_s) * window_s;
    a->counted++;
    if (window <= a->window_s)
        return;
    double last_per_s = a->counted / (window - a->window_s);
    a->measured_per_s = last_per_s * smoothing + a->measured_per_s * (1 - smoothing);
    a->counted = 0;
    a->window_s = window;
}

/* After a throttle: the new rate. */
static double adaptive_cut(struct adaptive_rate *a, double now_s)
{
    double per_s = a->measured_per_s;
    if (a->enabled)
        per_s = fmin(per_s, a->bucket.per_s);
    a->w_max_per_s = per_s;
    a->throttled_s = now_s;
    a->enabled = true;
    return per_s * beta;
}

/* After any other answer: the new rate. */
static double adaptive_grow(const struct adaptive_rate *a, double now_s)
{
    double back_s = cbrt(a->w_max_per_s * (1 - beta) / growth); /* until it is where it was cut */
    double past_s = now_s - a->throttled_s - back_s;
    return growth * past_s * past_s * past_s + a->w_max_per_s;
}

void budget_on_answer(struct budget *b, bool throttled, uint64_t now_ns)
{
    struct adaptive_rate *a = &b->adaptive;
    double now_s = seconds(b, now_ns);
    adaptive_measure(a, now_s);
    double per_s = throttled ? adaptive_cut(a, now_s) : adaptive_grow(a, now_s);
    bucket_set_rate(&a->bucket, fmin(per_s, headroom * a->measured_per_s), now_s);
}

bool budget_take_retry(struct budget *b, uint32_t cost)
{
    if (b->quota < cost)
        return false;
    b->quota -= cost;
    return true;
}

void budget_give_retry(struct budget *b, uint32_t cost)
{
    b->quota += cost ? cost : 1;
    if (b->quota > BUDGET_QUOTA)
        b->quota = BUDGET_QUOTA;
}

double budget_rate(const struct budget *b)
{
    if (!b->adaptive.enabled)
        return b->ceiling.per_s;
    double per_s = b->adaptive.bucket.per_s;
    return b->ceiling.per_s > 0 ? fmin(per_s, b->ceiling.per_s) : per_s;
}

double budget_adaptive_rate(const struct budget *b)
{
    return b->adaptive.enabled ? b->adaptive.bucket.per_s : 0;
}

uint64_t budget_unthrottled_ns(const struct budget *b, uint64_t now_ns)
{
    if (!b->adaptive.enabled)
        return UINT64_MAX;
    double since_s = seconds(b, now_ns) - b->adaptive.throttled_s;
    return since_s > 0 ? (uint64_t)(since_s * ns_per_s) : 0;
}
