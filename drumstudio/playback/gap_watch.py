"""Notices that playing breaks up, which a person should be told."""

from __future__ import annotations

from collections import deque
from time import perf_counter

_GAPS = 3
_WITHIN_SECONDS = 10.0


class GapWatch:
    """Counts gaps in what one output plays."""

    def __init__(self) -> None:
        self._counts = (0, 0)
        self._times: deque[float] = deque(maxlen=_GAPS)
        self._told = False

    def breaks_up(self, missed: int, underflows: int) -> bool:
        """Return, once, whether there were three gaps within ten seconds.

        Parameters
        ----------
        missed : int
            Samples that came too late to the ring; begins anew with every ring.
        underflows : int
            How often the device ran dry.
        """
        more = missed > self._counts[0] or underflows > self._counts[1]
        self._counts = (missed, underflows)
        if more:
            self._times.append(perf_counter())
        often = len(self._times) == _GAPS and self._times[-1] - self._times[0] < _WITHIN_SECONDS
        tell = more and often and not self._told
        self._told = self._told or tell
        return tell
