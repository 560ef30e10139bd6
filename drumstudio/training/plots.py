"""Pictures of trainings and of scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from drumstudio import atomic


def plot_curve(lines: Path, picture: Path) -> None:
    """Draw a training's loss and gradient norm over its steps as a PNG.

    Parameters
    ----------
    lines : Path
        The trainer's `curve.jsonl`.
    picture : Path
    """
    entries = _entries(lines)
    steps = np.array([entry["step"] for entry in entries])
    figure, axes = _figure(2)
    for axis, key, label in (
        (axes[0], "loss", "loss"),
        (axes[1], "gradient", "gradient norm"),
    ):
        values = np.array([entry[key] for entry in entries], dtype=np.float64)
        width = max(1, min(100, len(values) // 10))
        axis.plot(steps, values, linewidth=0.3, color="0.7")
        if len(values) >= width:
            smooth = np.convolve(values, np.ones(width) / width, "valid")
            axis.plot(steps[width - 1 :], smooth, linewidth=1.5)
        axis.set_ylabel(label)
    axes[1].set_yscale("log")
    axes[1].set_xlabel("step")
    _save(figure, picture)


def _entries(lines: Path) -> list[dict[str, float]]:
    """Return the steps of a curve; a line that is none, cut off or damaged, is left out."""
    entries = []
    for line in lines.read_text(encoding="utf8", errors="replace").splitlines():
        try:
            plain = json.loads(line)
            entries.append({key: float(plain[key]) for key in ("step", "loss", "gradient")})
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return entries


def plot_scores(result: dict[str, Any], picture: Path) -> None:
    """Draw the SDR of every model on every excerpt as a PNG.

    Parameters
    ----------
    result : dict
        What `evaluate` returned.
    picture : Path
    """
    excerpts, models = result["excerpts"], list(result["median"])
    figure, axes = _figure(1)
    places = np.arange(len(excerpts))
    width = 0.8 / len(models)
    for number, model in enumerate(models):
        values = [rows[model]["sdr"] for rows in excerpts.values()]
        axes[0].bar(places + number * width, values, width, label=model)
    axes[0].set_xticks(places + 0.4 - width / 2, list(excerpts), rotation=30, ha="right")
    axes[0].set_ylabel("SDR of the drums, dB")
    axes[0].axhline(0.0, color="black", linewidth=0.5)
    axes[0].legend()
    _save(figure, picture)


def _figure(rows: int) -> tuple[Any, Any]:
    # The picture backend is named, not found: there may be no screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.5 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, squeeze=False)[:, 0]


def _save(figure: Any, picture: Path) -> None:
    with atomic.writing(picture) as temporary:
        figure.savefig(temporary, dpi=100, format="png")
