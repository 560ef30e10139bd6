"""Work that a view would like to have done: one thread, and only the newest list counts."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable

from drumstudio.application.listeners import Listeners
from drumstudio.core.errors import DrumStudioError

Work = Callable[[], None]


class Backlog:
    """Does one thing after the other; what is no longer wanted is left out.

    Parameters
    ----------
    name : str
        Of the thread.

    Attributes
    ----------
    failed : Listeners
        Called with the error of work that failed, on the thread; the rest of the list is left.
    """

    def __init__(self, name: str) -> None:
        self.failed: Listeners[[DrumStudioError]] = Listeners()
        self._name = name
        self._changed = threading.Condition()
        self._works: deque[Work] = deque()
        self._busy = False
        self._closing = False
        self._thread: threading.Thread | None = None

    def replace(self, works: Iterable[Work]) -> None:
        """Have this done, in this order, instead of what is left; returns at once."""
        self._take(deque(works))

    def put_first(self, works: Iterable[Work]) -> None:
        """Have this done before what is left; returns at once."""
        with self._changed:
            self._take(deque([*works, *self._works]))

    def _take(self, works: deque[Work]) -> None:
        with self._changed:
            self._works = works
            if self._works and self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left but what is being done."""
        return not self._works

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until nothing is left to do; return whether that happened in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not (self._works or self._busy) or self._closing, timeout_seconds
            )

    def close(self) -> None:
        """Leave what is left, and end the thread."""
        with self._changed:
            self._closing = True
            self._works.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._works or self._closing)
                if self._closing:
                    return
                work = self._works.popleft()
                self._busy = True
            try:
                work()
            except DrumStudioError as error:
                with self._changed:
                    self._works.clear()
                self.failed(error)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
