/* SPDX-License-Identifier: MIT */
/* How far the service's clock is ahead of ours: the rule that all AWS SDKs share since 2026. Pure:
 * the instants are of this machine's calendar clock, uncorrected. */
#ifndef AWS_CLOCK_SKEW_H
#define AWS_CLOCK_SKEW_H

#include <stdint.h>

#include "base/str.h"

/* What is known of one endpoint's clock; zero-filled: nothing yet. */
struct clock_skew {
    int64_t ms; /* how far it is ahead of ours */
    /* private: a witness that needs a second one */
    bool is_doubted;
    int64_t doubted_ms, doubted_at_ms;
};

/* One answer's witness: Date minus the middle of sending and receiving, in ms. It replaces what was
 * known before, whatever the answer says. false: it tells nothing, for it has an Age (a cache's) or
 * no good Date, took more than 15 min, or less than no time since our clock was set back. */
bool clock_skew_measure(int64_t *skew_ms, str date, str age, int64_t sent_ms, int64_t received_ms);

/* Hear a witness, by an answer that came at received_ms. true: it is believed, and s->ms says so.
 * Within CLOCK_SKEW_MAX_MS it is. More needs another answer of this endpoint that agrees within
 * 2 s, from 3 s to 10 min later: that long, a Date that stands still betrays itself. Outside of the
 * years 2020 to 2199 no Date is believed. */
enum { CLOCK_SKEW_MAX_MS = (24 * 60 + 1) * 60 * 1000 };
bool clock_skew_hear(struct clock_skew *s, int64_t skew_ms, int64_t received_ms);
/* The same for a single answer, which no other can confirm. */
bool clock_skew_is_credible(int64_t skew_ms);

/* Can the clock be why the service refused with this code a request whose signature's time was off
 * by so much? Then the call is worth a retry, signed with the corrected time: more than 4 min, and
 * a code of InvalidSignatureException, SignatureDoesNotMatch, AuthFailure, RequestTimeTooSkewed,
 * RequestExpired, RequestInTheFuture, AccessDeniedException. */
bool clock_skew_explains(str code, int64_t off_ms);

#endif
