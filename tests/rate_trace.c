/* SPDX-License-Identifier: MIT */
/* The adaptive rate, event by event, for witness_rate.py. Lines in, instants in nanoseconds:
 *   send ASKED SENT       a call is wanted, and leaves when the witness lets it go
 *   answer NOW THROTTLED  a call ends; THROTTLED is 0 or 1
 * Lines out, one for each: when a call wanted may be sent (0 after an answer), then the rate, the
 * capacity and the tokens of the bucket. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "poll/budget.h"

int main(void)
{
    struct budget b;
    char event[8];
    uint64_t first, second;
    budget_init(&b, 0, 0);
    while (scanf("%7s %" SCNu64 " %" SCNu64, event, &first, &second) == 3) {
        uint64_t ready_ns = 0;
        if (!strcmp(event, "send")) {
            ready_ns = budget_ready_at(&b, first);
            budget_take(&b, BUDGET_LIFECYCLE, second); /* whatever we think of that instant */
        } else {
            budget_on_answer(&b, second != 0, first);
        }
        const struct token_bucket *k = &b.adaptive.bucket;
        printf("%" PRIu64 " %.17g %.17g %.17g\n", ready_ns, k->per_s, k->capacity, k->tokens);
    }
    return ferror(stdin) || fflush(stdout);
}
