"""Telling whoever is interested that something happened, without knowing them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Listeners(Generic[P]):
    """Functions that are called when something happens.

    Connecting, disconnecting and calling may be done from any thread, also while a call is
    under way. Listeners are called one after the other, on the thread of the caller and
    without any lock held; handing over to another thread (a window's) is the listener's
    business. An error in a listener reaches the caller: it is a defect, never swallowed.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._functions: tuple[Callable[P, object], ...] = ()

    def connect(self, function: Callable[P, object]) -> Callable[[], None]:
        """Have a function called from now on; return what disconnects it again.

        Calling what is returned a second time does nothing.
        """
        # A list entry of its own: the same function connected twice is two listeners.
        entry: Callable[P, object] = _Entry(function)
        with self._lock:
            self._functions = (*self._functions, entry)

        def disconnect() -> None:
            with self._lock:
                self._functions = tuple(f for f in self._functions if f is not entry)

        return disconnect

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call every listener, in the order in which they were connected."""
        for function in self._functions:
            function(*args, **kwargs)


class _Entry(Generic[P]):
    """One connection of a function."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[P, object]) -> None:
        self._function = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        self._function(*args, **kwargs)
