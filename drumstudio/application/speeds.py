"""How fast each model was on this computer: the median of its last runs."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path

from drumstudio import atomic, paths
from drumstudio.core.errors import DrumStudioError

_KEPT_RUNS = 5
_MOST_MODELS = 200
_SHORTEST_SECONDS = 5.0  # of sound: less says more about starting than about the model


class Speeds:
    """What was measured, kept in the cache's folder.

    Parameters
    ----------
    path : Path, optional
        The file; `speeds.json` in the cache's folder if not given. One that can not be read
        counts as empty.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or paths.user_cache_folder() / "speeds.json"
        self._runs = self._load()

    def real_time(self, model_id: str) -> float | None:
        """Return seconds of sound a second of work; None if the model has not run here."""
        runs = self._runs.get(model_id)
        return statistics.median(runs) if runs else None

    def add(self, model_id: str, sound_seconds: float, work_seconds: float | None) -> None:
        """Take in a run. That it can not be stored is no error."""
        if not work_seconds or sound_seconds < _SHORTEST_SECONDS:
            return
        speed = sound_seconds / work_seconds
        runs = self._runs.pop(model_id, [])
        # The very same figure is the same run again, from the cache of results.
        self._runs[model_id] = runs if speed in runs else [*runs, speed][-_KEPT_RUNS:]
        while len(self._runs) > _MOST_MODELS:
            del self._runs[next(iter(self._runs))]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_text(self._path, json.dumps(self._runs))
        except (OSError, DrumStudioError):
            return

    def _load(self) -> dict[str, list[float]]:
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(stored, dict):
            return {}
        return {
            name: [float(run) for run in runs][-_KEPT_RUNS:]
            for name, runs in list(stored.items())[:_MOST_MODELS]
            if isinstance(runs, list) and all(_is_speed(run) for run in runs)
        }


def _is_speed(run: object) -> bool:
    return isinstance(run, int | float) and math.isfinite(run) and run > 0
