/* SPDX-License-Identifier: MIT */
/* A roll has 64 bits and a ceiling 15 of them: the remainder is even enough. Nothing is kept here
 * between calls. */
#include "base/backoff.h"

uint64_t backoff_delay_ms(unsigned failures, uint64_t base_ms, uint64_t roll)
{
    /* 2^9 * 50 ms is past the cap already; the shift must not run away. */
    uint64_t ceiling = failures < 16 ? base_ms << failures : BACKOFF_CAP_MS;
    if (ceiling > BACKOFF_CAP_MS)
        ceiling = BACKOFF_CAP_MS;
    return roll % (ceiling + 1);
}

uint64_t backoff_with_hint_ms(uint64_t delay_ms, uint64_t hint_ms)
{
    uint64_t most = delay_ms + BACKOFF_HINT_SLACK_MS;
    if (hint_ms <= delay_ms)
        return delay_ms;
    return hint_ms < most ? hint_ms : most;
}
