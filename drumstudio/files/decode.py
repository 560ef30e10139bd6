"""The decode job: any sound file that a person has becomes media that the program keeps."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from drumstudio import atomic
from drumstudio.core.errors import AudioOpenError
from drumstudio.core.finite import silence_non_finite
from drumstudio.files.decoders import AvDecoder, Decoder, SoundfileDecoder
from drumstudio.files.foreign_file import DecoderError, SourceFaultError
from drumstudio.files.probe import (
    DECODERS,
    explain_fault,
    explain_refusal,
    open_song,
    shown_name,
)
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import Checkpoint

_LEFT_OVER_BYTES = 4_096  # more than this behind the last sample may be more sound
_WORTH_MORE = 1.01  # the second decoder's result is taken if it is 1 % longer
_MOST_PACKED = 200  # bytes of media a byte of a song may become; beyond, a header is not believed


@dataclass(slots=True)
class _Copy:
    """What one decoder made of a file."""

    kind: type[SoundfileDecoder] | type[AvDecoder]
    sample_rate: int
    channels: int
    format: str
    subtype: str
    claimed_samples: int | None
    promised_ratio: float
    samples: int = 0
    peak: float = 0.0
    silenced: int = 0
    damaged: bool = False
    left_over: bool = False
    sha256: str = ""

    @property
    def whole(self) -> bool:
        return self.samples > 0 and not self.damaged and not self.left_over


def decode(checkpoint: Checkpoint, *, source: str, target: str) -> dict[str, Any]:
    """Decode a foreign sound file into media (`files.wav_file`), at its own rate and channels.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where the job reports and may be stopped.
    source : str
        Path of the sound file.
    target : str
        Path of the media file; its folder must be there. Written whole or not at all.

    Returns
    -------
    dict
        sample_rate (hertz), channels, samples (per channel), peak (linear), format, subtype,
        notes (list of sentences about what was odd), sha256 (of rate, channels and decoded
        samples: the same sound has the same hash, whatever file it came in).

    Raises
    ------
    AudioOpenError
        If it is no sound file, holds no samples, or none of them is a number.
    DiskFullError, AudioWriteError
        If the media can not be written.
    Cancelled
        If the person asked to stop.

    Notes
    -----
    The length is what could be decoded, whatever the header says. If the first decoder stops
    inside the file (damage, or songs joined end to end behind one header), the second one has
    a try, and the longer result is kept.
    """
    path = Path(source)
    checkpoint(0.0, f"Opening {shown_name(path)}")
    with open_song(path) as file, _libraries_quiet():
        with atomic.writing(
            Path(target), inputs=[path], what=f"Cannot import {shown_name(path)}"
        ) as temporary:
            try:
                best = _decode_best(path, file, temporary, checkpoint)
            except SourceFaultError as error:
                raise explain_fault(path, error) from error
        return {
            "sample_rate": best.sample_rate,
            "channels": best.channels,
            "samples": best.samples,
            "peak": best.peak,
            "format": best.format,
            "subtype": best.subtype,
            "notes": _notes(best),
            "sha256": best.sha256,
        }


@contextlib.contextmanager
def _libraries_quiet() -> Iterator[None]:
    """Keep what C libraries print about damaged files off the terminal: the notes say it."""
    try:
        kept = os.dup(2)
    except OSError:  # a program without a terminal has no standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _decode_best(path: Path, file: BinaryIO, target: Path, checkpoint: Checkpoint) -> _Copy:
    best: _Copy | None = None
    last: _Copy | None = None
    damaged = False
    refusals: list[DecoderError] = []
    for kind in DECODERS:
        try:
            last = _copy(kind, path, file, target, checkpoint)
        except DecoderError as error:
            refusals.append(error)
            continue
        damaged = damaged or last.damaged
        if best is None or last.samples > best.samples * _WORTH_MORE:
            best = last
        if last.whole:
            break
    if best is None:
        raise explain_refusal(path, file, refusals)
    _require_sound(path, best)
    if best is not last:  # the last try was the worse one, and stands in the file
        best = _copy(best.kind, path, file, target, checkpoint)
        best.left_over = False  # the other decoder found no sound there either
    best.damaged = damaged  # FFmpeg steps over a damaged place without a word
    return best


def _copy(
    kind: type[SoundfileDecoder] | type[AvDecoder],
    path: Path,
    file: BinaryIO,
    target: Path,
    checkpoint: Checkpoint,
) -> _Copy:
    """Decode with one decoder into `target`, over what is there.

    Raises
    ------
    DecoderError
        If the decoder does not take the file at all.
    """
    message = f"Reading {shown_name(path)}"
    size = max(1, os.fstat(file.fileno()).st_size)
    decoder: Decoder = kind(file)
    try:
        copy = _Copy(
            kind=kind,
            sample_rate=decoder.sample_rate,
            channels=decoder.channels,
            format=decoder.format,
            subtype=decoder.subtype,
            claimed_samples=decoder.claimed_samples,
            promised_ratio=decoder.promised_ratio,
        )
        needed = 4 * copy.channels * (copy.claimed_samples or 0)
        if needed <= _MOST_PACKED * size:
            atomic.require_free(target.parent, needed, f"Cannot import {shown_name(path)}")
        digest = hashlib.sha256(f"{copy.sample_rate} Hz, {copy.channels} channels\n".encode())
        with WavWriter(target, copy.sample_rate, copy.channels) as writer:
            try:
                for block in decoder.blocks():
                    copy.silenced += silence_non_finite(block)
                    copy.peak = max(copy.peak, float(np.abs(block).max()))
                    digest.update(np.ascontiguousarray(block.T, dtype="<f4").data)
                    writer.write(block)
                    checkpoint(min(1.0, file.tell() / size), message)
            except DecoderError:
                copy.damaged = True
        copy.samples = writer.samples
        copy.left_over = decoder.unread_bytes() > _LEFT_OVER_BYTES
        copy.sha256 = digest.hexdigest()
        return copy
    finally:
        decoder.close()


def _require_sound(path: Path, copy: _Copy) -> None:
    what = f"Cannot use {shown_name(path)}"
    if copy.samples == 0 and copy.damaged:
        raise AudioOpenError(
            what, why="it is damaged from its beginning on.", fix="Find another copy of it."
        )
    if copy.samples == 0:
        raise AudioOpenError(
            what, why="it holds no sound: its length is zero.", fix="Find a whole copy of it."
        )
    if copy.silenced == copy.samples * copy.channels:
        raise AudioOpenError(
            what,
            why="none of its samples is a number (all are NaN or infinite).",
            fix="Export it again from the program that made it.",
        )


def _notes(copy: _Copy) -> list[str]:
    notes = []
    seconds = copy.samples / copy.sample_rate
    claimed = 0.0 if copy.claimed_samples is None else copy.claimed_samples / copy.sample_rate
    if math.isfinite(copy.promised_ratio):
        claimed = max(claimed, seconds * copy.promised_ratio)
    if copy.damaged:
        notes.append(f"The file is damaged; the {seconds:.1f} s that could be read were kept.")
    elif claimed - seconds > max(0.1, 0.01 * claimed):
        notes.append(
            f"The file says it is {claimed:.1f} s long, but its sound ends at {seconds:.1f} s."
        )
    elif math.isinf(copy.promised_ratio):
        notes.append(f"The file breaks off after {seconds:.1f} s: its end is missing.")
    if copy.left_over:
        notes.append(f"The file goes on after {seconds:.1f} s with what could not be read.")
    if copy.silenced:
        notes.append(f"{copy.silenced} samples were not numbers and were set to silence.")
    return notes
