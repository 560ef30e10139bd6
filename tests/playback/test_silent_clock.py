"""The silent clock takes samples as fast as they would be heard, and no faster."""

import time

import numpy as np

from drumstudio.playback.ring import Ring
from drumstudio.playback.silent_clock import SilentClock


def test_it_takes_what_real_time_allows():
    ring = Ring(48_000, 2)
    ring.write(np.ones((48_000, 2), dtype=np.float32))
    clock = SilentClock(48_000, 480)
    begun = time.perf_counter()
    clock.start(ring)
    time.sleep(0.2)
    clock.stop()
    seconds = time.perf_counter() - begun
    # Never faster than the clock; how much slower is up to the machine.
    assert 480 <= ring.read <= 48_000 * seconds + 480
    assert ring.missed == 0


def test_a_tap_sees_every_block_and_a_stopped_clock_takes_nothing():
    ring, seen = Ring(100_000, 2), []  # lasts on a busy machine, too
    ring.write(np.full((100_000, 2), 0.5, dtype=np.float32))
    clock = SilentClock(48_000, 100, lambda block, late: seen.append((block[0, 0], late)))
    clock.start(ring)
    while len(seen) < 5:
        time.sleep(0.001)
    clock.close()
    clock.stop()
    taken = ring.read
    assert taken == 100 * len(seen)
    assert all(late >= 0.0 for _, late in seen)
    assert seen[0][0] == 0.5
    time.sleep(0.01)
    assert ring.read == taken
