"""What the command line prints: JSON or lines on standard output, the rest on standard error."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from types import FrameType
from typing import Any

from drumstudio.core.errors import DrumStudioError

DONE, FAILED, WRONG_USAGE, CANCELLED = 0, 1, 2, 130

# Before that, a separation has only opened its song and its model: their speed tells nothing.
_TELLING_FRACTION = 0.1


def print_json(document: Any) -> None:
    """Print one JSON document, the only thing on standard output with `--json`.

    Raises
    ------
    ValueError
        If a number is not finite: JSON has no word for it.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
        plain = all(line.isprintable() for line in text.split("\n"))
    except UnicodeEncodeError:  # a terminal of few letters, or a file name that is not Unicode
        plain = False
    _print(text if plain else json.dumps(document, indent=2, allow_nan=False))


def tell(text: object = "") -> None:
    """Print a line of the result on standard output, one line whatever is in it.

    Raises
    ------
    OutputError
        If it can not be written.
    """
    _print(one_line(text))


class OutputError(DrumStudioError):
    """What was found can not be printed."""


def _print(text: str) -> None:
    try:
        print(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _not_printed(error) from error


def finish_output() -> None:
    """See that everything printed has arrived; errors as in `tell`."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _not_printed(error) from error


def _not_printed(error: OSError) -> OutputError:
    drop_output()
    return OutputError(
        "Cannot print the result",
        why=f'the system says "{error.strerror or error}" about standard output.',
        fix="Free some space, or send it somewhere else. Files that were asked for are written.",
    )


def drop_output() -> None:
    """Send what is still waiting to be printed nowhere: else it fails again at the very end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def end_as_by_ctrl_c() -> None:
    """Have a closed terminal and a shutdown end the program as Ctrl-C does, once.

    A signal that was ignored at the start stays so: `nohup` ignores SIGHUP.
    """
    names = [name for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    ending = False

    def end(number: int, frame: FrameType | None) -> None:
        # Both may come, and some twice: the end that the first one brings is not cut short.
        nonlocal ending
        if not ending:
            ending = True
            raise KeyboardInterrupt

    for number in (getattr(signal, name) for name in names):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)


def let_everything_be_printed() -> None:
    """Have letters that a terminal does not know come out as "?", instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_error(error: DrumStudioError) -> None:
    """Print what, why and what to do, three lines on standard error."""
    say(error.what)
    say(f"  why: {error.why}")
    say(f"  do:  {error.fix}")


def say(text: str) -> None:
    """Print a remark on standard error, one line whatever is in it; if it can not be, not."""
    remark(one_line(text) + "\n")


def remark(text: str) -> None:
    """Write to standard error as it is; a terminal that is closed hears nothing."""
    with contextlib.suppress(OSError):
        print(text, end="", file=sys.stderr, flush=True)


def one_line(text: object) -> str:
    """Return a text that can be printed: "?" for line ends, escapes and what is not Unicode.

    Names of files may hold all of these, and a terminal obeys some of them.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a header, columns padded; numbers to the right."""
    table = [list(header), *([one_line(_cell(value)) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    right = [
        len(table) > 1 and all(_is_number(row[column]) for row in table[1:])
        for column in range(len(header))
    ]
    for row in table:
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        _print("  ".join(cells).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(".", "", 1).lstrip("-").isdigit()


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds: 4:03, or 1:02:09 from an hour on."""
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"


class ProgressBar:
    """A job's progress on one line of standard error, with the time left; quiet in a pipe.

    It is a `Checkpoint`: it never cancels (an interrupt from the keyboard does). The time left
    is reckoned whenever the fraction has grown, and counts down in between.

    Parameters
    ----------
    label : str
        What the bar is about: the song's name.
    """

    def __init__(self, label: str) -> None:
        self._label = one_line(label)
        self._start = time.monotonic()
        self._shown = sys.stderr.isatty()
        self._drawn = 0.0
        self._fraction = 0.0
        self._ends: float | None = None

    def __call__(self, fraction: float, message: str) -> None:
        """Draw the bar, at most ten times a second."""
        now = time.monotonic()
        if fraction > self._fraction:
            self._fraction = fraction
            if fraction > _TELLING_FRACTION:
                self._ends = self._start + (now - self._start) / fraction
        if not self._shown or (now - self._drawn < 0.1 and fraction < 1.0):
            return
        self._drawn = now
        left = ""
        if self._ends is not None and now - self._start > 1.0:
            left = f"  {clock(max(0.0, self._ends - now))} left"
        full = round(fraction * 20)
        bar = "#" * full + "-" * (20 - full)
        line = f" [{bar}] {fraction:4.0%}  {one_line(message)}{left}"
        room = shutil.get_terminal_size().columns - 1 - len(line)
        label = self._label if len(self._label) <= room else self._label[: max(room - 1, 8)] + "~"
        remark(f"\r\x1b[K{label}{line}")

    def close(self) -> None:
        """Clear the line."""
        if self._shown:
            remark("\r\x1b[K")
