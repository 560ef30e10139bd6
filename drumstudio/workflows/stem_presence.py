"""Whether stems that were made elsewhere sound in a song: looked at before they are taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drumstudio.core.errors import ProjectError
from drumstudio.core.presence import Mono, Presence, presence
from drumstudio.files.wav_file import WavReader
from drumstudio.jobs.job import Checkpoint

_STRETCH_SECONDS = 30.0
_BLOCK_SAMPLES = 1 << 16


class NotInSongError(ProjectError):
    """Stems do not sound in the song they are imported for.

    Attributes
    ----------
    later_seconds : float or None
        How much later they would all have to be to sound in it, where that is so.
    """

    later_seconds: float | None = None


def find_presence(mixture: Path, stem: Path, checkpoint: Checkpoint) -> Presence:
    """Return whether a stem sounds in a song, from the stretch in which it is loudest.

    Parameters
    ----------
    mixture, stem : Path
        Media files of one shape.

    Raises
    ------
    AudioOpenError
        If one can not be read.
    Cancelled
        If the person asked to stop.
    """
    with WavReader(mixture) as whole, WavReader(stem) as part:
        rate = whole.sample_rate
        energies = []
        for start in range(0, part.samples, _BLOCK_SAMPLES):
            checkpoint(0.5 * start / part.samples, "Comparing with the song")
            block = part.read(start, min(_BLOCK_SAMPLES, part.samples - start))
            energies.append(float(np.square(block, dtype=np.float64).sum()))
        count = min(round(_STRETCH_SECONDS * rate), whole.samples, part.samples)
        blocks = max(-(-count // _BLOCK_SAMPLES), 1)
        sums = np.convolve(energies, np.ones(min(blocks, max(len(energies), 1))), "valid")
        start = min(int(np.argmax(sums)) * _BLOCK_SAMPLES, part.samples - count) if count else 0
        checkpoint(0.5, "Comparing with the song")
        return presence(_mono(whole, start, count), _mono(part, start, count), rate)


def require_present(found: dict[str, Presence], song_name: str) -> None:
    """Refuse stems that do not sound in a song.

    Parameters
    ----------
    found : dict of str to Presence
        By the names of the stems.
    song_name : str
        For the message.

    Raises
    ------
    NotInSongError
        If there is one.
    """
    absent = {name: one for name, one in found.items() if not one.sounds}
    if not absent:
        return
    names = ", ".join(absent)
    do, they = ("does", "it") if len(absent) == 1 else ("do", "they")
    lags = {one.later_seconds for one in absent.values()}
    later = next(iter(lags)) if len(lags) == 1 and len(absent) == len(found) else None
    why = f"{they} {do} not sound in it, at no place."
    if later is not None:
        way = "later" if later > 0 else "earlier"
        why = f"{they} would fit {abs(later):.3f} s {way}."
    error = NotInSongError(
        f"The stems {names} are not in {song_name}"
        if len(absent) > 1
        else f"{names.capitalize()} of another song or cut: not in {song_name}",
        why=why,
        fix="Choose the files that belong to this song, or take them anyway.",
    )
    error.later_seconds = later
    raise error


def _mono(reader: WavReader, start: int, count: int) -> Mono:
    samples: Mono = reader.read(start, count).mean(axis=0, dtype=np.float32)
    return samples
