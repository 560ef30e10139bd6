"""The decode job: any sound file that a person has becomes media that the program keeps."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from drumstudio import atomic
from drumstudio.core.errors import AudioOpenError
from drumstudio.core.finite import silence_non_finite
from drumstudio.files.av_decoder import AvDecoder
from drumstudio.files.conform import WiderError
from drumstudio.files.decoders import Decoder, SoundfileDecoder
from drumstudio.files.file_view import FileView, Readable
from drumstudio.files.foreign_file import DecoderError, SourceFaultError
from drumstudio.files.joined_decoder import JoinedDecoder
from drumstudio.files.joined_parts import joined_parts
from drumstudio.files.probe import (
    DECODERS,
    explain_fault,
    explain_refusal,
    open_song,
    shown_name,
)
from drumstudio.files.unfinished import mended_header
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import Checkpoint

_LEFT_OVER_BYTES = 4_096  # more than this behind the last sample may be more sound
_WORTH_MORE = 1.01  # the second decoder's result is taken if it is 1 % longer
_HEAD_BYTES = 4_096
_MOST_CHANGES = 3  # told; a broadcast may change at every advertisement
_MOST_PACKED = 200  # bytes of media a byte of a song may become; beyond, a header is not believed

_Opener = Callable[[WiderError | None], Decoder]


@dataclass(slots=True)
class _Copy:
    """What one decoder made of a file."""

    opener: _Opener
    sample_rate: int
    channels: int
    speakers: int
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
    notes: list[str] = field(default_factory=list)
    changes: list[tuple[int, int, int]] = field(default_factory=list)

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
        sample_rate (hertz), channels, speakers (what they are for, a mask of `core.speakers`),
        samples (per channel), peak (linear), silenced (how many samples were no numbers), format,
        subtype, notes (list of sentences about what was odd), sha256 (of rate, channels and
        decoded samples: the same sound has the same hash, whatever file it came in).

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
    The length is what could be decoded, whatever the header says. Parts that were joined end to
    end are decoded one by one and brought to the first one's rate and the most channels of any.
    If a decoder stops inside the file, the next one has a try, and the longer result is kept.
    One rule for what is no number (NaN, infinite, absurd): it becomes silence, and is told.
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
            "speakers": best.speakers,
            "samples": best.samples,
            "peak": best.peak,
            "silenced": best.silenced,
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
    for opener in _openers(file):
        try:
            last = _copy(opener, path, file, target, checkpoint)
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
        best = _copy(best.opener, path, file, target, checkpoint)
        best.left_over = False  # the other decoder found no sound there either
    # FFmpeg steps over a damaged place without a word; a change on the way is no damage.
    best.damaged = damaged and not (best.whole and best.changes)
    return best


def _openers(file: BinaryIO) -> Iterator[_Opener]:
    """Yield ways to open a file, in the order in which they are tried."""
    view = FileView(file, mended=mended_header(file))
    parts = joined_parts(view)
    if len(parts) > 1:
        yield lambda wider: JoinedDecoder(view, parts, _open_first, wider=wider)
    kinds = _kinds(view)
    for kind in kinds:
        yield lambda wider, kind=kind: kind(view, wider=wider)  # type: ignore[misc]


def _kinds(file: Readable) -> tuple[type[SoundfileDecoder] | type[AvDecoder], ...]:
    """Return the decoders in the order in which they are tried on a file.

    Ogg Vorbis that was cut from a longer file begins before its time 0. libsndfile takes what
    lies there for the beginning and leaves out as much at the end; FFmpeg does not.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head[:4] == b"OggS" and b"\x01vorbis" in head and len(DECODERS) > 1:
        try:
            decoder = AvDecoder(file)
        except DecoderError:
            return DECODERS
        decoder.close()
        if decoder.starts_before_zero:
            return DECODERS[::-1]
    return DECODERS


def _open_first(file: Readable) -> Decoder:
    """Open a part of a file by the first decoder that takes it."""
    refused = DecoderError("no decoder takes it")
    for kind in _kinds(file):
        try:
            return kind(file)
        except DecoderError as error:
            refused = error
    raise refused


def _copy(
    opener: _Opener, path: Path, file: BinaryIO, target: Path, checkpoint: Checkpoint
) -> _Copy:
    """Decode with one decoder into `target`, over what is there.

    Raises
    ------
    DecoderError
        If the decoder does not take the file at all.
    """
    wider: WiderError | None = None
    while True:
        try:
            return _copied(opener, wider, path, file, target, checkpoint)
        except WiderError as error:  # from now on with as many channels as it has found
            wider = error


def _copied(
    opener: _Opener,
    wider: WiderError | None,
    path: Path,
    file: BinaryIO,
    target: Path,
    checkpoint: Checkpoint,
) -> _Copy:
    message = f"Reading {shown_name(path)}"
    size = max(1, os.fstat(file.fileno()).st_size)
    decoder = opener(wider)
    try:
        copy = _Copy(
            opener=opener,
            sample_rate=decoder.sample_rate,
            channels=decoder.channels,
            speakers=decoder.speakers,
            format=decoder.format,
            subtype=decoder.subtype,
            claimed_samples=decoder.claimed_samples,
            promised_ratio=decoder.promised_ratio,
        )
        needed = 4 * copy.channels * (copy.claimed_samples or 0)
        if needed <= _MOST_PACKED * size:
            atomic.require_free(target.parent, needed, f"Cannot import {shown_name(path)}")
        digest = _digest(copy)
        with WavWriter(target, copy.sample_rate, copy.channels, copy.speakers) as writer:
            try:
                for block in decoder.blocks():
                    copy.silenced += silence_non_finite(block)
                    copy.peak = max(copy.peak, float(np.abs(block).max()))
                    digest.update(np.ascontiguousarray(block.T, dtype="<f4").data)
                    writer.write(block)
                    checkpoint(min(1.0, file.tell() / size), message)
            except WiderError:
                raise
            except DecoderError:
                copy.damaged = True
        copy.samples = writer.samples
        copy.left_over = decoder.unread_bytes() > _LEFT_OVER_BYTES
        copy.promised_ratio = decoder.promised_ratio
        copy.sha256 = digest.hexdigest()
        copy.notes, copy.changes = decoder.notes(), decoder.changes
        return copy
    finally:
        decoder.close()


def _digest(copy: _Copy) -> Any:
    form = f"{copy.sample_rate} Hz, {copy.channels} channels"
    if copy.speakers:
        form += f", speakers {copy.speakers:#x}"
    return hashlib.sha256(f"{form}\n".encode())


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
    notes = [*copy.notes, *_change_notes(copy)]
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


def _change_notes(copy: _Copy) -> list[str]:
    """Return what was done where the file changes on the way."""
    if not copy.changes:
        return []
    words = {1: "mono", 2: "stereo"}
    told = [
        f"{rate} Hz, {words.get(channels, f'{channels} channels')} from "
        f"{at / copy.sample_rate:.1f} s on"
        for at, rate, channels in copy.changes[:_MOST_CHANGES]
    ]
    more = "" if len(copy.changes) <= _MOST_CHANGES else ", and so on"
    into = words.get(copy.channels, f"{copy.channels} channels")
    return [
        f"The sound changes on the way ({'; '.join(told)}{more}): all was brought to "
        f"{copy.sample_rate} Hz, {into}."
    ]
