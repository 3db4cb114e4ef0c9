/* SPDX-License-Identifier: MIT */
/* How long to wait after failures in a row: AWS's retry behaviour 2.1 (SDK default since 2026-11),
 * with the count of failed polls in place of its count of attempts. Pure. */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

enum {
    BACKOFF_BASE_MS = 50,
    BACKOFF_THROTTLED_BASE_MS = 1000,
    BACKOFF_CAP_MS = 20000,
    BACKOFF_HINT_SLACK_MS = 5000
};

/* Full jitter: 0 to min(base * 2^failures, cap), even. failures counts those before this one; roll
 * is a random number the caller drew. */
uint64_t backoff_delay_ms(unsigned failures, uint64_t base_ms, uint64_t roll);

/* What the service asked for (x-amz-retry-after; 0: nothing), believed from delay to delay + 5
 * s. */
uint64_t backoff_with_hint_ms(uint64_t delay_ms, uint64_t hint_ms);

#endif
