"""Songs whose every drum hit is known: grooves of recorded one-shots over music without drums."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from drumstudio.synthesis.grooves import draw_groove

SAMPLE_RATE = 44_100
PIECES = ("kick", "snare", "hat_closed")
"""What is clicked on."""

_KINDS = {
    "kick": ("kick",),
    "snare": ("snare",),
    "rim": ("rim", "snare"),
    "clap": ("clap", "snare"),
    "brush": ("brush", "snare"),
    "hat_closed": ("hihat",),
    "hat_open": ("hihat_open", "hihat"),
    "hat_pedal": ("hihat_pedal", "hihat"),
    "ride": ("ride", "cymbal"),
    "crash": ("crash", "cymbal"),
    "tom_high": ("tom_high", "tom", "tom_tom12"),
    "tom_mid": ("tom",),
    "tom_low": ("tom_floor", "tom"),
    "hand_high": ("conga", "bongo"),
    "hand_low": ("conga",),
    "shaker": ("shaker",),
    "cowbell": ("cowbell",),
    "tambourine": ("tambourine",),
    "triangle": ("triangle",),
}
_LEVELS_DB = {"kick": 0, "snare": -2, "rim": -6, "clap": -5, "brush": -6, "crash": -8}
_HATS_DB = -12
_ROOM_SECONDS = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class HitSong:
    """A mixture, what each piece of the kit plays in it, and when that is struck.

    Parameters
    ----------
    name : str
        For a table.
    mixture : ndarray, float32, shape (2, samples)
        At 44.1 kHz.
    stems : dict of str to ndarray
        The sound of each piece.
    onsets : dict of str to ndarray
        Seconds at which each piece is heard to begin, in order.
    """

    name: str
    mixture: np.ndarray
    stems: dict[str, np.ndarray]
    onsets: dict[str, np.ndarray]


class HitSongs:
    """Renders songs from an audio pack.

    Parameters
    ----------
    folder : Path
        The pack.
    seed : int
        Another seed renders other songs.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._rng = np.random.default_rng([seed, 70])
        self._drums: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
        self._music: list[Path] = []
        with (folder / "manifest.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                path = folder / row["path"]
                if row["group"] == "kits" and "/" not in row["kind"]:
                    name = path.stem.rsplit("_v", 1)[0]
                    self._drums[row["kind"]][f"{path.parent.name}/{name}"].append(path)
                elif row["group"] == "hits" and row["family"] not in ("", "none"):
                    self._drums[row["kind"]][row["path"]].append(path)
                elif row["group"] == "backing" or (
                    row["group"] == "drumless" and row["kind"] == "music"
                ):
                    self._music.append(path)

    def song(self, seconds: float) -> HitSong:
        """Return a new song of about a length in seconds."""
        rng = self._rng
        path = self._music[int(rng.integers(len(self._music)))]
        music = _read(path)
        count = min(round(seconds * SAMPLE_RATE), music.shape[1])
        first = int(rng.integers(music.shape[1] - count + 1))
        music = music[:, first : first + count]
        stems, onsets = self._groove(count)
        drums = sum(stems.values(), np.zeros_like(music))
        level = _rms(music) / _rms(drums) * 10 ** (rng.uniform(-6, 3) / 20)
        stems = {name: level * stem for name, stem in stems.items()}
        mixture = music + level * drums
        gain = np.float32(0.9 / np.abs(mixture).max())
        stems = {name: (gain * stem).astype(np.float32) for name, stem in stems.items()}
        return HitSong(path.stem, (gain * mixture).astype(np.float32), stems, onsets)

    def _groove(self, count: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        rng = self._rng
        while True:
            groove = draw_groove(rng, count / SAMPLE_RATE - 1.0)
            used = {hit.instrument for hit in groove.hits}
            if {"kick", "snare"} <= used:
                break
        room = _room(rng)
        stems, onsets = {}, {}
        for name in sorted(used):
            drum = self._drum(name)
            level_db = _LEVELS_DB.get(name, _HATS_DB) + rng.normal(0, 3)
            stem = np.zeros((2, count))
            heard = []
            for hit in groove.hits:
                if hit.instrument != name:
                    continue
                layer = int(np.clip(hit.velocity * len(drum) - rng.random(), 0, len(drum) - 1))
                sound, onset = drum[layer]
                gain = 10 ** (level_db / 20) * hit.velocity ** (0.5 if len(drum) > 1 else 1.2)
                start = round(hit.seconds * SAMPLE_RATE)
                part = sound[:, : count - start]
                stem[:, start : start + part.shape[1]] += gain * part
                heard.append((start + onset) / SAMPLE_RATE)
            stems[name] = _in_room(stem, room)
            onsets[name] = np.array(sorted(heard))
        return stems, onsets

    def _drum(self, name: str) -> list[tuple[np.ndarray, int]]:
        """Return the sounds of a drum, soft to hard, each with the sample of its onset."""
        kind = next((kind for kind in _KINDS[name] if self._drums.get(kind)), "perc")
        names = sorted(self._drums[kind])
        paths = self._drums[kind][names[int(self._rng.integers(len(names)))]]
        sounds = [_read(path) for path in sorted(paths)]
        return [(sound, onset_sample(sound)) for sound in sounds]


def onset_sample(sound: np.ndarray) -> int:
    """Return where a lone hit is first above a tenth of the peak of its first 60 ms."""
    envelope = np.abs(sound[:, : round(0.06 * SAMPLE_RATE)]).max(axis=0)
    return int(np.argmax(envelope > 0.1 * envelope.max()))


def stem_onsets(stem: np.ndarray) -> np.ndarray:
    """Return the seconds at which hits begin on the track of one piece of a kit.

    A hit: in 10 ms the level rises by 9 dB, to within 30 dB of the loudest; the beginning is where
    the level is first above a tenth of the peak of the 60 ms that follow.
    """
    step = round(0.001 * SAMPLE_RATE)
    mono = np.abs(stem).max(axis=0)
    levels = mono[: len(mono) // step * step].reshape(-1, step).max(axis=1) + 1e-6
    levels /= levels.max()
    before = np.array([levels[max(n - 10, 0) : max(n - 1, 1)].mean() for n in range(len(levels))])
    rises = (levels > 2.8 * before) & (levels > 0.03)
    found: list[float] = []
    for place in np.flatnonzero(rises):
        if not found or place * 0.001 - found[-1] > 0.05:
            start = place * step
            ahead = mono[max(start - 5 * step, 0) : start + 60 * step]
            first = int(np.argmax(ahead > 0.1 * ahead.max()))
            found.append((max(start - 5 * step, 0) + first) / SAMPLE_RATE)
    return np.array(found)


def drum_parts(folder: Path) -> list[HitSong]:
    """Return the pack's drum mixtures whose pieces are known apart, without music."""
    songs = []
    for place in sorted((folder / "eval").glob("drumparts_*")):
        names = {"kick": "kick", "snare": "snare", "hihat": "hat_closed"}
        stems = {ours: _read(place / f"{file}.flac") for file, ours in names.items()}
        onsets = {name: stem_onsets(stem) for name, stem in stems.items()}
        songs.append(HitSong(place.name, _read(place / "mix.flac"), stems, onsets))
    return songs


def _read(path: Path) -> np.ndarray:
    samples = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    return np.repeat(samples, 2, axis=0) if len(samples) == 1 else samples[:2]


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.square(samples).mean()) + 1e-9)


def _room(rng: np.random.Generator) -> np.ndarray:
    time = np.arange(round(_ROOM_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    decay = rng.uniform(0.02, 0.08)
    room = rng.standard_normal((2, len(time))) * np.exp(-time / decay)
    room *= 10 ** (rng.uniform(-24, -8) / 20) / np.sqrt(np.square(room).sum(axis=1, keepdims=True))
    room[:, : round(0.004 * SAMPLE_RATE)] = 0
    room[:, 0] = 1.0
    return room


def _in_room(stem: np.ndarray, room: np.ndarray) -> np.ndarray:
    from scipy.signal import oaconvolve

    return oaconvolve(stem, room, axes=1)[:, : stem.shape[1]]
