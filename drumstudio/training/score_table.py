"""The table of an evaluation, as text and between the markers of a README."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from drumstudio import atomic
from drumstudio.core.errors import SettingError


def as_table(result: dict[str, Any]) -> str:
    """Return SDRs in decibels as a Markdown table: a line a song, a column a model."""
    models = list(result["mean"])
    lines = ["| song | " + " | ".join(models) + " |", "|---|" + "---:|" * len(models)]
    for song, rows in result["songs"].items():
        count = sum(song_of(excerpt) == song for excerpt in result["excerpts"])
        name = song if count == 1 else f"{song} ({count} excerpts)"
        lines.append(f"| {name} | " + " | ".join(_db(rows[m]["sdr"]) for m in models) + " |")
    cells = " | ".join(_db(result["mean"][m]["sdr"], 2) for m in models)
    lines.append(f"| **mean over {len(result['songs'])} songs** | {cells} |")
    spans = " | ".join(_span(result["interval"][m]) for m in models)
    lines.append(f"| its 95 % interval (t) | {spans} |")
    for pair in _pairs(result):
        lines.append(pair)
    for part, key, label, form in (
        ("median", "sdr", "median", _db),
        ("median", "leakage_db", "taken from the rest alone, dB (median)", _db),
        ("worst", "leakage_db", "taken from the rest alone, dB (worst song)", _db),
        ("median", "drums_alone_sdr", "drums alone, SDR (median)", _db),
        ("median", "onset_f", "onsets found, F (median)", _share),
    ):
        cells_of = [form(result[part][m].get(key)) for m in models]
        if any(cell != "-" for cell in cells_of):
            lines.append(f"| {label} | " + " | ".join(cells_of) + " |")
    return "\n".join(lines) + "\n"


def _pairs(result: dict[str, Any]) -> list[str]:
    """Return two lines on how models differ from the first, song by song."""
    paired = result["paired"]
    if not paired:
        return []
    against = next(iter(paired.values()))["against"]
    gains, least = [], []
    for model in result["mean"]:
        pair = paired.get(model)
        gains.append(f"{_signed(pair['mean'])} ({_span(pair['interval'])})" if pair else "-")
        least.append(f"{_signed(pair['worst'])} {pair['worst_song']}" if pair else "-")
    return [
        f"| over {against}, song by song (95 %) | " + " | ".join(gains) + " |",
        f"| least over {against} | " + " | ".join(least) + " |",
    ]


def song_of(excerpt: str) -> str:
    """Return an excerpt's name without a number at its end: excerpts of one song share it."""
    return re.sub(r"_\d+$", "", excerpt)


def _db(value: float | None, places: int = 1) -> str:
    return "-" if value is None else f"{value:.{places}f}".replace("-", "−")


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _span(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else "{} to {}".format(*(_db(end) for end in interval))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def markers_of(set_name: str | None) -> tuple[str, str]:
    """Return what stands before and after a table in a text; each set has its own."""
    name = "scores" if set_name is None else f"scores {set_name}"
    return f"<!-- {name} -->", f"<!-- /{name} -->"


def with_table(text: str, result: dict[str, Any]) -> str:
    """Return a text whose part between the markers is the table of a result of `evaluate`.

    Raises
    ------
    ValueError
        If the text does not hold both markers once, in order.
    """
    first_marker, last_marker = markers_of(result["set"])
    before, first, rest = text.partition(first_marker)
    _, last, after = rest.partition(last_marker)
    if not first or not last or first_marker in rest or last_marker in after:
        raise ValueError(f"no single {first_marker} before a single {last_marker}")
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
        first, last = markers_of(result["set"])
        raise SettingError(
            f"Cannot put the scores into {path.name}",
            why=f"it holds {error}.",
            fix=f"Put the lines {first} and {last} where the table shall stand.",
        ) from error
    atomic.write_text(path, filled)
