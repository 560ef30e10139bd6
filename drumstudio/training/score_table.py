"""The table of an evaluation, as text and between the markers of a README."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from drumstudio import atomic
from drumstudio.core.errors import SettingError

FIRST_MARKER, LAST_MARKER = "<!-- scores -->", "<!-- /scores -->"


def as_table(result: dict[str, Any]) -> str:
    """Return SDRs in decibels as a Markdown table: a line an excerpt, a column a model."""
    models = list(result["median"])
    lines = [
        "| excerpt | " + " | ".join(models) + " |",
        "|---|" + "---:|" * len(models),
    ]
    for name, rows in result["excerpts"].items():
        lines.append(f"| {name} | " + " | ".join(_db(rows[m]["sdr"]) for m in models) + " |")
    for song, parts in _songs_of_several(result).items():
        cells = " | ".join(_db(result["songs"][song][m]["sdr"]) for m in models)
        lines.append(f"| *{song}, mean of {parts}* | {cells} |")
    for label in ("median", "mean"):
        cells = " | ".join(_db(result[label][m]["sdr"]) for m in models)
        lines.append(f"| **{label}** | {cells} |")
    spans = " | ".join("{} to {}".format(*map(_db, result["interval"][m])) for m in models)
    lines.append(f"| 90 % interval of the mean | {spans} |")
    for key, label, form in (
        ("leakage_db", "taken from the rest alone, dB (median)", _db),
        ("drums_alone_sdr", "drums alone, SDR (median)", _db),
        ("onset_f", "onsets found, F (median)", _share),
        ("real_time_factor", "processing seconds a second (median)", _share),
        ("peak_memory_mb", "memory of the process, MB (median)", _whole),
    ):
        cells = [form(result["median"][m].get(key)) for m in models]
        if any(cell != "-" for cell in cells):
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _songs_of_several(result: dict[str, Any]) -> dict[str, int]:
    """Return how many excerpts the songs have, where they have more than one."""
    counts = {song: sum(song_of(e) == song for e in result["excerpts"]) for song in result["songs"]}
    return {song: count for song, count in counts.items() if count > 1}


def song_of(excerpt: str) -> str:
    """Return an excerpt's name without a number at its end: excerpts of one song share it."""
    return re.sub(r"_\d+$", "", excerpt)


def _db(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}".replace("-", "−")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def with_table(text: str, result: dict[str, Any]) -> str:
    """Return a text whose part between the markers is the table of a result of `evaluate`.

    Raises
    ------
    ValueError
        If the text does not hold both markers once, in order.
    """
    before, first, rest = text.partition(FIRST_MARKER)
    _, last, after = rest.partition(LAST_MARKER)
    if not first or not last or FIRST_MARKER in rest or LAST_MARKER in after:
        raise ValueError(f"no single {FIRST_MARKER} before a single {LAST_MARKER}")
    return f"{before}{first}\n{as_table(result)}{last}{after}"


def write_table(path: Path, result: dict[str, Any]) -> None:
    """Put the table of a result of `evaluate` between the markers of a text file.

    Raises
    ------
    DrumStudioError
        If the file can not be read or written, or lacks the markers.
    """
    try:
        text = path.read_text(encoding="utf8")
    except OSError as error:
        raise atomic.explain_os_error(error, "Cannot read the text for the scores", path) from error
    try:
        filled = with_table(text, result)
    except ValueError as error:
        raise SettingError(
            f"Cannot put the scores into {path.name}",
            why=f"it holds {error}.",
            fix=f"Put the lines {FIRST_MARKER} and {LAST_MARKER} where the table shall stand.",
        ) from error
    atomic.write_text(path, filled)
