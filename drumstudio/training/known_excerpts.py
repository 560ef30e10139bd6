"""Knows the evaluation excerpts by their sound, so that no training learns from them.

What is compared is the decoded sound and not the file: 15 signs a moment, which tell whether the
difference between neighbouring bands grows or falls. Found are an excerpt's drums, its rest and
their sum under another name, in another container, coded with loss or without, at another rate
or level, and parts of five seconds and more. Not found: shorter parts, another speed or pitch,
excerpts under much else, and of the drum parts of `drumparts_*` such as hold hardly a stroke.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumstudio import atomic
from drumstudio.jobs.job import Checkpoint
from drumstudio.training.data import (
    SAMPLE_RATE,
    SampleCache,
    Source,
    TrainingDataError,
    decoded,
    to_float,
)

PRINTS_FILE = Path(__file__).with_suffix(".npz")

_DECIMATION = 4
_RATE = SAMPLE_RATE / _DECIMATION
_N_FFT, _HOP = 4096, 512
_PART = 4096  # moments of the prints that are compared at once
_PHASES = 2
"""How often a file is looked at between two moments of a print: it may start anywhere."""
_BITS = 15
_EDGES = np.geomspace(120.0, 4200.0, _BITS + 2)
_QUIET = 1e-7
"""Mean square of a moment's samples below which its signs are chance (-70 dB)."""
_BLOCK = 86  # moments: 4.0 s
_SHORTEST_SECONDS = 4.0
_FEWEST = 43
"""Moments of a block that have to be loud on both sides."""
_ALIKE = 0.6
"""Share of equal signs less that of unequal ones from which on two blocks are the same sound."""

Print = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class _Known:
    """All prints in one row, with silence of a block's length between them."""

    names: tuple[str, ...]
    starts: NDArray[np.intp]
    signs: Print


def print_of(samples: NDArray[np.float32], offset: int = 0) -> Print:
    """Return the signs of a sound, int8 in {-1, 0, 1}, shape (moments, 15); 0 where it is silent.

    Parameters
    ----------
    samples : ndarray, float32, shape (channels, samples)
        At 44.1 kHz.
    offset : int
        Decimated samples that are left out at the beginning.

    Notes
    -----
    Haitsma and Kalker, "A highly robust audio fingerprinting system" (ISMIR 2002); windows, bands
    and hop are ours.
    """
    mono = samples.mean(0)[offset * _DECIMATION :]
    few = mono[: len(mono) // _DECIMATION * _DECIMATION].reshape(-1, _DECIMATION).mean(1)
    if len(few) < _N_FFT + _HOP:
        return np.zeros((0, _BITS), np.int8)
    frames = np.lib.stride_tricks.sliding_window_view(few, _N_FFT)[::_HOP]
    window = np.hanning(_N_FFT).astype(np.float32)
    powers = np.empty((len(frames), len(_EDGES) - 1), np.float32)
    bins = np.round(_EDGES / _RATE * _N_FFT).astype(int)
    for first in range(0, len(frames), 256):
        spectrum = np.fft.rfft(frames[first : first + 256] * window, axis=1)
        power = np.square(np.abs(spectrum)).astype(np.float32)
        sums = np.add.reduceat(power, bins, axis=1)[:, :-1]
        powers[first : first + 256] = sums
    steps = np.diff(np.log(powers + 1e-6), axis=1)
    signs = np.sign(np.diff(steps, axis=0)).astype(np.int8)
    loud = np.square(frames).mean(1) > _QUIET
    signs[~(loud[1:] & loud[:-1])] = 0
    return signs


def excerpt_in(samples: NDArray[np.float32]) -> str | None:
    """Return which excerpt a sound is, or holds a part of; None if none.

    Parameters
    ----------
    samples : ndarray, float32, shape (channels, samples)
        At 44.1 kHz.
    """
    looks = [print_of(samples, phase * _HOP // _PHASES) for phase in range(_PHASES)]
    blocks = [signs[: len(signs) // _BLOCK * _BLOCK].reshape(-1, _BLOCK * _BITS) for signs in looks]
    queries = np.concatenate(blocks).astype(np.float32)
    if not len(queries):
        return None
    heard = np.abs(queries[:, ::_BITS])
    known = _known()
    for first in range(0, len(known.signs) - _BLOCK, _PART):
        signs = known.signs[first : first + _PART + _BLOCK - 1].astype(np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(signs.ravel(), _BLOCK * _BITS)[::_BITS]
        both = heard @ np.abs(windows[:, ::_BITS]).T
        alike = queries @ windows.T / (_BITS * np.maximum(both, 1))
        alike[both < _FEWEST] = 0
        if alike.max() > _ALIKE:
            place = first + int(np.unravel_index(int(np.argmax(alike)), alike.shape)[1])
            return known.names[int(np.searchsorted(known.starts, place, side="right")) - 1]
    return None


@functools.cache
def _known() -> _Known:
    with np.load(PRINTS_FILE) as stored:
        prints = {name: stored[name] for name in stored.files}
    gap = np.zeros((_BLOCK, _BITS), np.int8)
    parts = [part for signs in prints.values() for part in (signs, gap)]
    starts = np.cumsum([0, *(len(signs) + _BLOCK for signs in prints.values())])[:-1]
    return _Known(tuple(prints), starts, np.concatenate(parts))


def refuse_excerpts(
    checkpoint: Checkpoint, sources: Sequence[Source], cache: SampleCache, seen: Path
) -> None:
    """Refuse to train from files that hold an evaluation excerpt.

    Parameters
    ----------
    checkpoint : Checkpoint
    sources : sequence of Source
        Single strokes and tones are not looked at.
    cache : SampleCache
    seen : Path
        A text file of what was looked at before, which is not looked at again.

    Raises
    ------
    TrainingDataError
        Naming what was found.
    """
    before = set(seen.read_text(encoding="utf8").split()) if seen.exists() else set()
    new = [source for source in sources if cache.key(source) not in before]
    found = excerpts_among(checkpoint, new, cache)
    if found:
        names = [f"{path.name} is {excerpt}" for path, excerpt in found.items()]
        raise TrainingDataError(
            "Cannot train from excerpts that models are scored on",
            why="; ".join(names[:4]) + (f" and {len(names) - 4} more." if names[4:] else "."),
            fix=f"Take them out of the training folder: {next(iter(found)).parent}",
        )
    atomic.write_text(seen, "\n".join(sorted(map(cache.key, sources))) + "\n")


def excerpts_among(
    checkpoint: Checkpoint, sources: Sequence[Source], cache: SampleCache | None = None
) -> dict[Path, str]:
    """Return which files of some sources hold an evaluation excerpt, and which one.

    Parameters
    ----------
    checkpoint : Checkpoint
    sources : sequence of Source
        Single strokes and tones are not looked at.
    cache : SampleCache, optional
        Where files are decoded to; nowhere without it.
    """
    music = [s for s in sources if s.role in ("drums", "rest") and s.seconds > _SHORTEST_SECONDS]
    found = {}
    for number, source in enumerate(music):
        checkpoint(number / len(music), f"Listening to file {number + 1} of {len(music)}")
        for path in (source.path, *source.more):
            try:
                if cache is None or source.more:
                    samples = decoded(path, source.stream)
                else:
                    samples = to_float(cache.samples(source))
            except TrainingDataError:
                continue  # told where it is used: what can not be read teaches nothing
            excerpt = excerpt_in(samples)
            if excerpt is not None:
                found[path] = excerpt
    return found


def pack_excerpts(pack: Path) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield all stems of an audio pack's excerpts, and their sums, as "excerpt/stem" and sound."""
    for folder in sorted((*pack.glob("eval/*/"), *pack.glob("eval_more/*/"))):
        stems = {path.stem: decoded(path) for path in sorted(folder.iterdir())}
        if "mix" not in stems:
            count = min(samples.shape[1] for samples in stems.values())
            stems["mix"] = np.sum([samples[:, :count] for samples in stems.values()], axis=0)
        for stem, samples in stems.items():
            yield f"{folder.name}/{stem}", samples


def write_prints(pack: Path, path: Path) -> None:
    """Write the prints of an audio pack's excerpts in the form that `excerpt_in` reads."""
    prints = {name: print_of(samples) for name, samples in pack_excerpts(pack)}
    with atomic.writing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **prints)


if __name__ == "__main__":
    write_prints(Path(sys.argv[1]), PRINTS_FILE)
