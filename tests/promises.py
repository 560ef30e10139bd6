"""What a reliability harness counts, and where it writes down what it found."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


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


# --- the table -------------------------------------------------------------------------

TABLE = Path(__file__).with_name("PROMISES.md")
_HEAD = """# Promises, as the harnesses last found them

Written by `./studio test --nightly --write-promises`, or by `python -m tests.promises --write`
from the records of such a run's parts. Each line is one harness: what it did, how often, what it
found, and what its negative control did. A harness whose control does not fail proves nothing,
and then the run fails.

| promise | what was done | count | broken | figure | negative control |
|---|---|---|---|---|---|
"""


def read_records(paths: list[Path]) -> list[dict[str, Any]]:
    """Return the records of a run, sorted by promise; of repeated ones the last."""
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            last[entry["promise"], entry["what"]] = entry
    return sorted(last.values(), key=lambda entry: (int(entry["promise"][1:]), entry["what"]))


def table(records: list[dict[str, Any]]) -> str:
    """Return the records as a Markdown page."""
    lines = [
        "| {promise} | {what} | {count:,} | {failures} | {figure} | {outcome}{control} |".format(
            outcome="" if entry["control_failed"] else "DID NOT FAIL: ", **entry
        )
        for entry in records
    ]
    return _HEAD + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Print the table of a run; 1 if a promise was broken or a control did not fail."""
    sources = [Path(word) for word in arguments if not word.startswith("--")]
    records = read_records([source for source in sources if source.exists()])
    if not records:
        return 0
    page = table(records)
    print(page)
    if "--write" in arguments:
        TABLE.write_text(page, encoding="utf-8")
    return int(any(entry["failures"] or not entry["control_failed"] for entry in records))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
