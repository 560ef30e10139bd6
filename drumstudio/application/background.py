"""Short work that must not hold a window up: one thread, one thing after the other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from drumstudio.core.errors import Cancelled, DrumStudioError
from drumstudio.jobs.queue import unforeseen

T = TypeVar("T")


class Background:
    """A thread for what takes longer than a frame: saving, looking through folders.

    Parameters
    ----------
    failed : callable
        Told the error of work that fails and has no way of its own to tell it.
    """

    def __init__(self, failed: Callable[[DrumStudioError], None]) -> None:
        self._failed = failed
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def run(
        self,
        function: Callable[[], T],
        done: Callable[[T], object] | None = None,
        failed: Callable[[DrumStudioError], object] | None = None,
    ) -> None:
        """Have a function called; return at once.

        Parameters
        ----------
        function : callable
            Takes nothing; may raise `DrumStudioError`, or `Cancelled`, of which nobody hears.
        done : callable, optional
            Called with what it returned, on this object's thread.
        failed : callable, optional
            Called with its error instead of what the object was made with.
        """

        def work() -> None:
            try:
                result = function()
            except Cancelled:
                return
            except DrumStudioError as error:
                (failed or self._failed)(error)
                return
            if done is not None:
                done(result)

        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="background", daemon=True)
            self._thread.start()
        self._work.put(work)

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Finish what was asked for, then end the thread."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join(timeout_seconds)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - the job boundary: saving must go on
                self._failed(unforeseen(error))
