"""The ring loses nothing, doubles nothing, and says what came too late."""

import threading
import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drumstudio.playback.ring import Ring


def numbered(start, count, channels=2):
    return np.repeat(np.arange(start, start + count, dtype=np.float32)[:, None], channels, axis=1)


@given(st.integers(1, 50), st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=60))
def test_what_goes_in_comes_out_in_order(capacity, steps):
    ring = Ring(capacity, 2)
    sent = got = missed = 0
    for writes, count in steps:
        if writes:
            room = ring.room()
            assert ring.write(numbered(sent, count)) == min(count, room)
            sent += min(count, room)
        else:
            out = np.full((count, 2), -1.0, dtype=np.float32)
            there = min(count, sent - got)
            ring.read_into(out)
            np.testing.assert_array_equal(out[:there], numbered(got, there))
            assert not out[there:].any()
            got += there
            missed += count - there
            if there:
                assert ring.taken[:2] == (got - there, there)
        assert (ring.written, ring.read, ring.missed) == (sent, got, missed)


def test_running_dry_at_the_end_is_no_fault():
    ring = Ring(8, 1)
    ring.write(numbered(0, 3, channels=1))
    ring.ended = True
    ring.read_into(np.empty((8, 1), dtype=np.float32))
    assert ring.missed == 0


def test_two_threads_pass_everything_on():
    ring, total = Ring(64, 2), 50_000
    song = numbered(0, total)

    def write():
        start = 0
        while start < total:
            start += ring.write(song[start : start + 50])
            time.sleep(0)

    writer = threading.Thread(target=write)
    writer.start()
    got = np.zeros((total, 2), dtype=np.float32)
    while ring.read < total:
        before = ring.read
        count = min(37, ring.written - before)
        ring.read_into(got[before : before + count])
        time.sleep(0)
    writer.join()
    np.testing.assert_array_equal(got, song)
