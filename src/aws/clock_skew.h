/* How far the service's clock is ahead of ours: the rule that all AWS SDKs share since 2026. Pure:
 * the instants are of this machine's calendar clock, uncorrected. */
#ifndef AWS_CLOCK_SKEW_H
#define AWS_CLOCK_SKEW_H

#include <stdint.h>

#include "base/str.h"

/* One answer's witness: Date minus the middle of sending and receiving, in ms. It replaces what was
 * known before, whatever the answer says. false: it tells nothing, for it has an Age (a cache's) or
 * no good Date, took more than 15 min, or less than no time since our clock was set back. */
bool clock_skew_measure(int64_t *skew_ms, str date, str age, int64_t sent_ms, int64_t received_ms);

/* Can the clock be why the service refused with this code, in the answer that skew_ms was measured
 * by? Then the call is worth a retry, signed with the corrected time: more than 4 min of skew, and
 * a code of InvalidSignatureException, SignatureDoesNotMatch, AuthFailure, RequestTimeTooSkewed,
 * RequestExpired, RequestInTheFuture, AccessDeniedException. */
bool clock_skew_explains(str code, int64_t skew_ms);

#endif
