"""The one place where news from other threads crosses into Qt's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from drumstudio.application.listeners import Listeners


class Bridge(QObject):
    """Hands calls over to the thread that it was made in, by a queued signal.

    News may come faster than a window can draw: of several calls with one key only the last
    is made.

    Parameters
    ----------
    parent : QObject, optional
        Who owns it.
    """

    _posted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._waiting: dict[object, Callable[[], object]] = {}
        self._disconnects: list[Callable[[], None]] = []
        self._closed = False
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def post(self, function: Callable[[], object], key: object = None) -> None:
        """Have a function called soon by Qt's thread; may be called from any thread.

        Parameters
        ----------
        function : callable
            Takes nothing.
        key : hashable, optional
            A later call with the same key replaces one that has not been made yet.
        """
        with self._lock:
            if self._closed:
                return
            first = not self._waiting
            self._waiting[object() if key is None else key] = function
        if first:
            self._posted.emit()

    def listen(self, listeners: Listeners[...], function: Callable[..., object]) -> None:
        """Have a function called by Qt's thread whenever listeners are called; last one wins."""

        def on_news(*arguments: Any) -> None:
            self.post(lambda: function(*arguments), key=(id(listeners), function))

        self._disconnects.append(listeners.connect(on_news))

    def close(self) -> None:
        """Forget what waits and hear nothing more."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
        for disconnect in self._disconnects:
            disconnect()
        self._disconnects.clear()

    def _run(self) -> None:
        with self._lock:
            waiting = list(self._waiting.values())
            self._waiting.clear()
        for function in waiting:
            if not self._closed:  # one of them may have been the end of the window
                function()
