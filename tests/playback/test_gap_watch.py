"""Gaps: many in a short time are told, once; few are not."""

from drumstudio.playback import gap_watch
from drumstudio.playback.gap_watch import GapWatch


def test_three_gaps_in_a_short_time_are_told_once():
    watch = GapWatch()
    counts = [(0, 0), (10, 0), (10, 0), (10, 1), (10, 1), (20, 1), (30, 1), (40, 2)]
    assert [watch.breaks_up(*count) for count in counts] == [False] * 5 + [True] + [False] * 2


def test_gaps_that_are_rare_are_not_told(monkeypatch):
    seconds = iter(range(0, 100, 6))
    monkeypatch.setattr(gap_watch, "perf_counter", lambda: float(next(seconds)))
    watch = GapWatch()
    assert not any(watch.breaks_up(missed, 0) for missed in range(1, 10))


def test_a_new_ring_begins_at_none():
    watch = GapWatch()
    assert not any(watch.breaks_up(missed, 0) for missed in (10, 20, 0, 0, 0, 0))
    assert watch.breaks_up(5, 0)
