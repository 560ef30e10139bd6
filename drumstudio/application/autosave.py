"""Edits on their way to the journal, on a thread of their own: nobody waits for the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from drumstudio.core.errors import DrumStudioError
from drumstudio.files.journal import Journal

RETRY_SECONDS = 1.0
"""How long after a failure the disk is asked again."""


class Autosave:
    """Write every edit to a journal, at once but in the background.

    Parameters
    ----------
    journal : Journal
        Where to.
    on_failure : callable
        Called with the error, on the thread that writes, when the disk begins to refuse. The
        edits are kept and tried again.
    """

    def __init__(self, journal: Journal, on_failure: Callable[[DrumStudioError], object]) -> None:
        self._journal = journal
        self._on_failure = on_failure
        self._waiting: list[dict[str, Any]] = []
        self._failure: DrumStudioError | None = None
        self._closing = threading.Event()
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="autosave", daemon=True)
        self._thread.start()

    def add(self, edit: dict[str, Any]) -> None:
        """Have an edit written; returns at once."""
        with self._changed:
            self._waiting.append(edit)
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until every edit is on the disk.

        Raises
        ------
        ProjectError, DiskFullError
            If the disk refuses.
        """
        self._write()
        if self._failure is not None:
            raise self._failure

    def follow(self, journal: Journal) -> None:
        """Go on with another journal: everything up to now has just been saved."""
        with self._writing, self._changed:
            self._journal.close()
            self._journal = journal
            self._waiting.clear()
            self._failure = None

    def close(self) -> None:
        """Write what is waiting, if the disk lets us, and end the thread."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join()
        self._write()
        self._journal.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
            self._write()
            if self._failure is not None:
                self._closing.wait(RETRY_SECONDS)

    def _write(self) -> None:
        """Write all that is waiting, with one fsync."""
        with self._writing:
            with self._changed:
                edits = list(self._waiting)
            if not edits:
                return
            before = self._failure
            try:
                self._journal.append(edits)
                self._failure = None
            except DrumStudioError as error:
                self._failure = error
            else:
                with self._changed:
                    del self._waiting[: len(edits)]
        if self._failure is not None and before is None:
            self._on_failure(self._failure)
