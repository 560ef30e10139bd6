"""What there is to train from: sound files with their role, found in folders, decoded once."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumstudio import atomic
from drumstudio.core.errors import DrumStudioError
from drumstudio.files.av_decoder import AvDecoder
from drumstudio.files.foreign_file import DecoderError, DecoderMissingError, SourceFaultError

SAMPLE_RATE = 44100
"""Rate at which everything is trained, in hertz."""

FULL_SCALE = 32767.0


class TrainingDataError(DrumStudioError):
    """A folder holds nothing to train from, or not what it should."""


@dataclass(frozen=True, slots=True)
class Source:
    """One sound file to train from.

    Parameters
    ----------
    path : Path
    role : str
        "drums" or "rest" (minutes of music), "hit" (one drum stroke), "note" (one tone) or
        "score" (a MIDI file).
    kind : str
        Of a hit its family ("kick", "snare", ...); of the rest "bass", "vocals", "other", "mix",
        "speech"; of a note its instrument.
    origin : str
        Who or what it comes from: a kit, an artist, a collection.
    song : str
        Files of one song share it; "" where there is no song.
    licence : str
    seconds : float
    split : str
        "train" or "valid".
    more : tuple of Path
        Further files of the same stem, which are added to it (kick, snare, overheads).
    stream : int
        Which audio stream of the file; 0 for the first or only one.
    """

    path: Path
    role: str
    kind: str
    origin: str
    song: str
    licence: str
    seconds: float
    split: str
    more: tuple[Path, ...] = ()
    stream: int = 0


class SampleCache:
    """Sound files decoded once to 44.1 kHz int16 arrays on disk.

    Parameters
    ----------
    folder : Path
        Made if need be, in a folder that is there. A file is keyed by path, size and time of
        change.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    @staticmethod
    def key(source: Source) -> str:
        """Return what names a source's sound as its files are now.

        Raises
        ------
        TrainingDataError
            If a file is not there.
        """
        try:
            states = "|".join(_state(path) for path in (source.path, *source.more))
        except OSError as error:
            raise _undecodable(source.path, error.strerror or str(error)) from error
        name = f"{states}|{source.stream}".encode(errors="surrogateescape")
        return hashlib.sha256(name).hexdigest()[:24]

    def samples(self, source: Source) -> NDArray[np.int16]:
        """Return the samples of a source, int16, shape (channels, samples), mapped from disk.

        Raises
        ------
        TrainingDataError
            If a file can not be decoded.
        """
        cached = self._folder / f"{self.key(source)}.npy"
        if not cached.exists():
            parts = [decoded(path, source.stream) for path in (source.path, *source.more)]
            with atomic.writing(cached) as temporary, temporary.open("wb") as stream:
                np.save(stream, to_int16(_sum(parts)))
        return np.load(cached, mmap_mode="r")


def sound_name(path: Path) -> str | bytes:
    """Return a file's name as soundfile takes it, also where it is not written in UTF-8."""
    return os.fspath(path) if os.name == "nt" else os.fsencode(path)


def decoded(path: Path, stream: int = 0) -> NDArray[np.float32]:
    """Return a sound file at 44.1 kHz, float32, shape (1 or 2, samples); further channels go.

    Raises
    ------
    TrainingDataError
        If it can not be decoded.
    """
    import soundfile

    try:
        if path.suffix.lower() in (".mp4", ".m4a"):
            samples, rate = _decoded_by_av(path, stream)
        else:
            frames, rate = soundfile.read(sound_name(path), dtype="float32", always_2d=True)
            samples = frames.T
    except DecoderMissingError as error:
        raise TrainingDataError(
            f"Cannot decode {path.name}",
            why="reading MP4 files needs PyAV, which is not installed.",
            fix="Install it: pip install 'drumstudio[av]'",
        ) from error
    except (soundfile.LibsndfileError, OSError, DecoderError, SourceFaultError) as error:
        raise _undecodable(path, str(error)) from error
    if rate != SAMPLE_RATE:
        import soxr

        samples = soxr.resample(samples.T, rate, SAMPLE_RATE).T
    return np.nan_to_num(samples[:2], nan=0.0, posinf=0.0, neginf=0.0)


def _undecodable(path: Path, why: str) -> TrainingDataError:
    return TrainingDataError(
        f"Cannot decode {path.name}",
        why=f"{why}.",
        fix="Remove the file from the training folder or convert it.",
    )


def _decoded_by_av(path: Path, stream: int) -> tuple[NDArray[np.float32], int]:
    with path.open("rb", buffering=0) as file:
        decoder = AvDecoder(file, stream)
        try:
            blocks = [block.copy() for block in decoder.blocks()]
        finally:
            decoder.close()
    if not blocks:
        raise DecoderError("it holds no sound")
    return np.concatenate(blocks, axis=1), decoder.sample_rate


def _state(path: Path) -> str:
    state = path.stat()
    return f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}"


def _sum(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the sum of parts, the shorter ones filled with silence, mono ones on both sides."""
    if len(parts) == 1:
        return parts[0]
    total = np.zeros((2, max(part.shape[1] for part in parts)), np.float32)
    for part in parts:
        total[:, : part.shape[1]] += part
    peak = float(np.abs(total).max(initial=0.0))
    return total / np.float32(max(1.0, peak))


def to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return samples in [-1, 1] as int16; what lies beyond is clipped."""
    return np.round(np.clip(samples, -1.0, 1.0) * FULL_SCALE).astype(np.int16)


def to_float(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return int16 samples as float32 in [-1, 1]."""
    return samples.astype(np.float32) / np.float32(FULL_SCALE)
