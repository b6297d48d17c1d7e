#!/usr/bin/env python3
"""Nobody learns from the time of an answer whether a user name is known: wrong passwords for known and for unknown names, in
random order, take equally long (two samples, test of Kolmogorov and Smirnov). The same test finds a difference that is added to the measured
times, which is the control.

    tests/interop/auth/test_user_name_timing.py [--logins N] [--difference FACTOR]
"""

# seconds: 45
# runs-alone: it measures time
# long: --logins 1000 --difference 1.1

import argparse
import math
import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from auth_facility import UNLIMITED_LOGINS, AuthFacility
from plugin_client import authenticate, require_refusal

NAMES = 20
# One right test in a thousand would fail by chance.
ALPHA = 0.001


def measure_distance(first, second):
    """The largest distance between the two distributions."""
    first, second = sorted(first), sorted(second)
    distance, i, j = 0.0, 0, 0
    while i < len(first) and j < len(second):
        if first[i] <= second[j]:
            i += 1
        else:
            j += 1
        distance = max(distance, abs(i / len(first) - j / len(second)))
    return distance


def critical_distance(count):
    return math.sqrt(-math.log(ALPHA / 2) / 2) * math.sqrt(2 / count)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--logins", type=int, default=150, help="of each kind")
    options.add_argument("--difference", type=float, default=1.25, help="that must be found")
    options.add_argument("--seed", type=int, default=7)
    chosen = options.parse_args()
    chooser = random.Random(chosen.seed)
    with AuthFacility(**UNLIMITED_LOGINS) as facility:
        known = [f"person{number:02}" for number in range(NAMES)]
        for name in known:
            facility.add_user(f"simple/{name}")
        kinds = {"known": known, "unknown": [f"nobody{number:02}" for number in range(NAMES)]}
        order = [kind for kind in kinds for _ in range(chosen.logins)]
        chooser.shuffle(order)
        taken, messages = {kind: [] for kind in kinds}, set()
        for number, kind in enumerate(["known", "unknown"] * 5 + order):
            # Each from another address, so that nobody is slowed down for trying often.
            address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            before = time.perf_counter()
            answer = authenticate(facility, "simple", {"username": chooser.choice(kinds[kind]), "password": "wrong"}, ip=address)
            seconds = time.perf_counter() - before
            messages.add(require_refusal(answer))
            if number >= 10:
                taken[kind].append(seconds)
        assert len(messages) == 1, messages
        distance, critical = measure_distance(*taken.values()), critical_distance(chosen.logins)
        control = measure_distance([chosen.difference * seconds for seconds in taken["known"]], taken["unknown"])
        medians = {kind: f"{statistics.median(seconds) * 1000:.1f} ms" for kind, seconds in taken.items()}
        print(f"{chosen.logins} logins of each kind (seed {chosen.seed}): {medians}, distance {distance:.3f}, control {control:.3f}, limit {critical:.3f}")
        assert control > critical, "the times vary too much to tell anything"
        assert distance < critical, "known and unknown names can be told apart"


if __name__ == "__main__":
    main()
