#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""botocore as a witness of the adaptive rate: the same 10 000 events through its classes and ours.
Usage: witness_rate.py RATE_TRACE_BINARY [SEED]

Both see sends, throttles and successes at the same random instants of a clock that this program
moves. After each event the rate, the capacity and the tokens must be equal to 1e-9, and a call that
must wait must be let go at the same nanosecond, give or take the rounding of one. Without botocore:
"skipped: ..." and exit status 77, or a failure where PIPEPOLL_CI=1 promises it."""

import math
import os
import random
import subprocess
import sys

try:
    from botocore.retries import adaptive, bucket, throttling
except ImportError:
    print("skipped: no botocore (Debian: python3-botocore)")
    sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)

EVENTS = 10_000
TOLERANCE = 1e-9
ROUNDING_NS = 3


class VirtualClock:
    def __init__(self):
        self.now_ns = 0

    def current_time(self):
        return self.now_ns / 1e9

    def wait_ns(self, seconds):
        self.now_ns += max(1, math.ceil(seconds * 1e9))


class VirtualCondition:
    """In place of the bucket's condition variable: to wait is to move the clock."""

    def __init__(self, clock):
        self.wait = clock.wait_ns

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def notify(self):
        pass


class ThrottlingDetector:
    @staticmethod
    def is_throttling_error(throttled):
        return throttled


class Witness:
    def __init__(self):
        self.clock = VirtualClock()
        self.bucket = bucket.TokenBucket(max_rate=1, clock=self.clock)
        self.bucket._new_fill_rate_condition = VirtualCondition(self.clock)
        self.limiter = adaptive.ClientRateLimiter(
            rate_adjustor=throttling.CubicCalculator(starting_max_rate=0, start_time=0),
            rate_clocker=adaptive.RateClocker(self.clock),
            token_bucket=self.bucket,
            throttling_detector=ThrottlingDetector,
            clock=self.clock,
        )

    def send(self):
        """Returns the line for our program, and when the call was let go."""
        asked_ns = self.clock.now_ns
        self.limiter.on_sending_request(request=None)
        return f"send {asked_ns} {self.clock.now_ns}", self.clock.now_ns

    def answer(self, throttled):
        self.limiter.on_receiving_response(throttled=throttled)
        return f"answer {self.clock.now_ns} {int(throttled)}", 0

    def state(self):
        return self.bucket.max_rate, self.bucket.max_capacity, self.bucket.available_capacity


def events(seed):
    """Calm and crowded times, and times when the service throttles much or not at all."""
    dice, witness = random.Random(seed), Witness()
    mean_ns, throttle_share = 1e7, 0.0
    for number in range(EVENTS):
        if number % 250 == 0:
            mean_ns = 10 ** dice.uniform(6, 9)
            throttle_share = dice.choice((0, 0, 0.02, 0.1, 0.5))
        witness.clock.now_ns += int(dice.expovariate(1 / mean_ns))
        if dice.random() < 0.5:
            line, sent_ns = witness.send()
        else:
            line, sent_ns = witness.answer(dice.random() < throttle_share)
        yield line, sent_ns, witness.state()


def differs(ours, sent_ns, state):
    ready_ns, *numbers = ours.split()
    if abs(int(ready_ns) - sent_ns) > ROUNDING_NS:
        return f"a call was let go at {ready_ns}, want {sent_ns}"
    for name, got, want in zip(("rate", "capacity", "tokens"), map(float, numbers), state):
        if not abs(got - want) <= TOLERANCE * max(1, abs(want)):
            return f"{name} {got!r}, want {want!r}"
    return None


def main():
    program, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    wanted = list(events(seed))
    lines = "\n".join(line for line, _, _ in wanted) + "\n"
    done = subprocess.run([program], input=lines, capture_output=True, text=True, timeout=60)
    answers = done.stdout.splitlines()
    if done.returncode or len(answers) != EVENTS:
        sys.exit(f"{program}: exit status {done.returncode}, {len(answers)} lines\n{done.stderr}")
    waits = 0
    for number, (ours, (line, sent_ns, state)) in enumerate(zip(answers, wanted), 1):
        problem = differs(ours, sent_ns, state)
        if problem:
            sys.exit(f"seed {seed}, event {number} ({line}): {problem}")
        waits += line.startswith("send") and line.split()[1] != line.split()[2]
    print(f"{EVENTS} events as botocore has them, {waits} of them calls that had to wait")


if __name__ == "__main__":
    main()
