"""What a reliability harness counts, and where it writes down what it found."""

from __future__ import annotations

import json
import os


def nightly() -> bool:
    """Return whether the full counts are asked for (`DRUMSTUDIO_NIGHTLY=1`)."""
    return os.environ.get("DRUMSTUDIO_NIGHTLY") == "1"


def counts(push: int, nightly_count: int) -> int:
    """Return how often a harness repeats: `push` at every push, `nightly_count` at night."""
    return nightly_count if nightly() else push


def record(
    promise: str,
    *,
    what: str,
    count: int,
    failures: int,
    figure: str,
    control: str,
    control_failed: bool,
) -> None:
    """Append one line of the table of promises to the file that `DRUMSTUDIO_PROMISES` names.

    Parameters
    ----------
    promise : str
        Its id in the table: "R1".
    what : str
        What was done, in a few words: "kill -9 during a save loop".
    count, failures : int
        How many tries, and how many of them broke the promise.
    figure : str
        The measured figure: "0 of 300 unreadable".
    control : str
        What the negative control did, with its figure: "plain open('wb'): 38 of 300 broken".
    control_failed : bool
        Whether the control broke the promise, as it must for the harness to prove anything.
    """
    line = json.dumps(
        {
            "promise": promise,
            "what": what,
            "count": count,
            "failures": failures,
            "figure": figure,
            "control": control,
            "control_failed": control_failed,
            "nightly": nightly(),
        }
    )
    target = os.environ.get("DRUMSTUDIO_PROMISES")
    if target:
        # One O_APPEND write a line: tests that run side by side do not mix their lines.
        descriptor = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode() + b"\n")
        finally:
            os.close(descriptor)
