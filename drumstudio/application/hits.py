"""Where a song's drums are struck: found once for each content, kept in the cache."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Sequence
from pathlib import Path

from drumstudio import atomic
from drumstudio.core.errors import DrumStudioError
from drumstudio.core.song import Song

_LIMIT_BYTES = 20_000_000


class HitStore:
    """Hits by what they were found in.

    Parameters
    ----------
    folder : Path
        Where they are kept. What is damaged or missing there is found again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[Path, tuple[float, ...]] = {}

    def get(self, song: Song) -> tuple[float, ...] | None:
        """Return a song's hits in seconds, in order; None if nobody has looked for them."""
        path = self._path(song)
        if path not in self._found:
            hits = _read(path)
            if hits is None:
                return None
            self._found[path] = hits
        return self._found[path]

    def keep(self, song: Song, hits: Sequence[float]) -> None:
        """Keep what was found; that the disk refuses is no error, it is found again."""
        path = self._path(song)
        self._found[path] = tuple(hits)
        with contextlib.suppress(OSError, DrumStudioError):
            self._folder.mkdir(parents=True, exist_ok=True)
            atomic.write_text(path, json.dumps(list(hits)))

    def _path(self, song: Song) -> Path:
        split = song.separation.split if song.separation else None
        drums = dict(split.stored)[split.drums][:24] if split and split.drums else "none"
        return self._folder / f"{song.mixture.sha256[:24]}-{drums}.json"


def _read(path: Path) -> tuple[float, ...] | None:
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            return None
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    good = isinstance(stored, list) and all(
        isinstance(hit, float | int) and math.isfinite(hit) for hit in stored
    )
    return tuple(sorted(float(hit) for hit in stored)) if good else None
