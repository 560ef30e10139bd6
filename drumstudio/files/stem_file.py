"""One stem's file on its way: written through an encoder in small calls, then read back.

What an encoder can not do is refused before (`files.formats`); what goes wrong here is the
disk or a fault of the encoder itself, and becomes a `DrumStudioError` that names the file
meant, not the temporary one.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from drumstudio import atomic
from drumstudio.core.audio import Samples
from drumstudio.core.errors import AudioWriteError
from drumstudio.core.speakers import full_mask
from drumstudio.files.decoders import SequentialSoundFile, SoundfileDecoder
from drumstudio.files.foreign_file import DecoderError, SourceFaultError
from drumstudio.files.formats import Format
from drumstudio.files.sound_chunks import find_chunk
from drumstudio.files.wav_file import WavWriter

# libsndfile keeps whole calls on the stack in its Ogg encoder: one call with 120 s of stereo
# is a segmentation fault (libsndfile issue 1095), 4,096 frames are not.
_FRAMES_PER_CALL = 4_096
_FIRST_CHUNK, _MASK_PLACE = 12, 20  # in a WAV file; in its chunk "fmt "


@dataclass(frozen=True, slots=True)
class Shape:
    """What a written file has to have.

    Parameters
    ----------
    sample_rate : int
        Hertz.
    channels, samples : int
        Number of channels; samples of each.
    speakers : int
        What the channels are for, as a mask (`core.speakers`).
    """

    sample_rate: int
    channels: int
    samples: int
    speakers: int = 0

    def stored(self, form: Format) -> Shape:
        """Return what comes back from a file of a format that holds it."""
        return replace(self, speakers=form.speakers_for(self.speakers, self.channels) or 0)

    def data_bytes(self, form: Format) -> int:
        """Return how many bytes of samples a file of that format has, at most."""
        return self.samples * self.channels * form.bytes_per_value


class _Sink:
    """The file that libsndfile writes to; it keeps the disk's first fault.

    libsndfile calls it from C, where an exception would be lost, and its own error would not
    say that the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = atomic.open_file(path)
        self.fault: OSError | None = None

    def write(self, data: bytes) -> int:
        if self.fault is None:
            try:
                atomic.write_all(self._descriptor, data)
            except OSError as error:
                self.fault = error
        # What is reported as written after a fault does not matter: the file is thrown away.
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._descriptor, offset, whence)

    def tell(self) -> int:
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)

    def read(self, count: int) -> bytes:
        return os.read(self._descriptor, count)

    def close(self) -> None:
        atomic.close(self._descriptor)


class StemWriter:
    """Writes one stem's blocks by libsndfile, or floating point by our own `WavWriter`.

    Floating point by libsndfile would carry a time of writing (its PEAK chunk): the same song
    would not give the same file.

    Parameters
    ----------
    path, temporary : Path
        The file meant, for messages; the one that is written, which must be there.
    form : Format
        Its format; `shape` must be one that it holds.
    shape : Shape
        What it will have.
    mark : str
        A comment inside the file, if not "" (`files.sound_kinds.stem_mark`).

    Raises
    ------
    AudioWriteError
        From any method, if the encoder refuses.
    OSError
        From any method, if the disk does.
    """

    def __init__(
        self, path: Path, temporary: Path, form: Format, shape: Shape, mark: str = ""
    ) -> None:
        self._path = path
        self._shape = shape
        order = form.order_for(shape.speakers, shape.channels)
        self._order = None if order == list(range(shape.channels)) else order
        self._shift = 32 - form.bits if form.bits else 0
        self._sink: _Sink | None = None
        self._open = True
        if form.name == "wav-float":
            self._wav = WavWriter(
                temporary, shape.sample_rate, shape.channels, shape.speakers, mark.encode()
            )
            return
        self._container = form.container_for(shape.data_bytes(form))
        if self._container == "WAV" and shape.speakers:
            self._container = "WAVEX"
        self._sink = _Sink(temporary)
        try:
            self._sound = SequentialSoundFile(
                self._sink,
                "w",
                samplerate=shape.sample_rate,
                channels=shape.channels,
                subtype=form.coding,
                format=self._container,
                compression_level=form.compression,
                bitrate_mode=form.bit_rate_mode,
            )
            if mark:
                self._sound.comment = mark
        except soundfile.SoundFileError as error:
            self._sink.close()
            raise _refused(path, str(error)) from error

    def write(self, values: NDArray[Any]) -> None:
        """Append int32 steps or float32 samples, shape (channels, samples)."""
        if self._sink is None:
            self._wav.write(values)
            return
        # Whole numbers in the upper bits of 32: libsndfile's own conversion from floating
        # point rounds down in WAV files.
        interleaved = np.array(
            (values if self._order is None else values[self._order]).T, order="C"
        )
        if self._shift:
            interleaved <<= self._shift
        for start in range(0, len(interleaved), _FRAMES_PER_CALL):
            try:
                self._sound.write(interleaved[start : start + _FRAMES_PER_CALL])
            except (soundfile.SoundFileError, AssertionError) as error:
                self._raise_fault()
                raise _refused(self._path, str(error)) from error
            self._raise_fault()

    def close(self) -> None:
        """Finish the file; a second call does nothing."""
        if not self._open:
            return
        self._open = False
        if self._sink is None:
            self._wav.close()
            return
        try:
            self._sound.close()
            if self._container in ("WAVEX", "RF64"):
                self._write_speakers(self._sink)
            self._raise_fault()
        except soundfile.SoundFileError as error:
            self._raise_fault()
            raise _refused(self._path, str(error)) from error
        finally:
            self._sink.close()

    def _write_speakers(self, sink: _Sink) -> None:
        """Put the mask into a WAV header: libsndfile writes what the number of channels means."""
        start, size = find_chunk(sink, _FIRST_CHUNK, b"fmt ", "<I")
        if size >= _MASK_PLACE + 4:
            sink.seek(start + _MASK_PLACE)
            sink.write(struct.pack("<I", full_mask(self._shape.speakers, self._shape.channels)))

    def _raise_fault(self) -> None:
        if self._sink is not None and self._sink.fault is not None:
            raise self._sink.fault


@contextmanager
def writing_stem(
    path: Path, temporary: Path, form: Format, shape: Shape, mark: str = ""
) -> Iterator[StemWriter]:
    """Yield a `StemWriter`, parameters as there; it is closed at the end, if not before."""
    with explained(path):
        writer = StemWriter(path, temporary, form, shape, mark)
    try:
        yield writer
    finally:
        # After a good export it is closed; otherwise the file is thrown away, and the error
        # that brought us here is the one to show.
        with suppress(OSError, AudioWriteError):
            writer.close()


@contextmanager
def reading_back(
    path: Path, temporary: Path, shape: Shape, block: int
) -> Iterator[Iterator[Samples]]:
    """Yield what was written, in float32 blocks of shape (channels, `block`).

    Raises
    ------
    AudioWriteError
        Here or at the end of the blocks, if the file does not have the shape it should.
    """
    with explained(path), temporary.open("rb", buffering=0) as file:
        try:
            decoder = SoundfileDecoder(file)
        except DecoderError as error:
            raise _refused(path, str(error)) from error
        try:
            yield _checked_blocks(path, decoder, shape, block)
        finally:
            decoder.close()


def _checked_blocks(
    path: Path, decoder: SoundfileDecoder, shape: Shape, block: int
) -> Iterator[Samples]:
    count = 0
    try:
        for samples in of_one_length(decoder.blocks(), block):
            count += samples.shape[1]
            if samples.shape[1] < block and count < shape.samples:
                break  # too short: said below, before anybody reckons with the block
            yield samples
    except DecoderError as error:
        raise _refused(path, str(error)) from error
    except SourceFaultError as error:
        raise error.fault from error
    found = Shape(decoder.sample_rate, decoder.channels, count, decoder.speakers)
    if found != shape:
        raise _refused(path, f"{found} came back, not {shape}")


def force_to_disk(path: Path, temporary: Path) -> None:
    """Have all data of a file on the disk before the first of several gets its name."""
    with explained(path):
        descriptor = atomic.open_file(temporary)
        try:
            atomic.sync(descriptor)
        finally:
            atomic.close(descriptor)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an `OSError` inside the block into the error for a person that names `path`."""
    try:
        yield
    except OSError as error:
        raise atomic.explain_os_error(error, f"Cannot write {path.name}", path) from error


def of_one_length(blocks: Iterable[Samples], length: int) -> Iterator[Samples]:
    """Yield the same samples in new blocks of `length`, the last one shorter.

    Parameters
    ----------
    blocks : iterable of ndarray, float32, shape (channels, samples)
        A block need only be valid until the next one is asked for.
    length : int
        Samples per channel.
    """
    held: list[Samples] = []
    count = 0
    for block in blocks:
        start = 0
        while start < block.shape[1]:
            part = block[:, start : start + length - count]
            held.append(part.copy())
            count += part.shape[1]
            start += part.shape[1]
            if count == length:
                yield np.concatenate(held, axis=1)
                held, count = [], 0
    if count:
        yield np.concatenate(held, axis=1)


def _refused(path: Path, said: str) -> AudioWriteError:
    return AudioWriteError(
        f"Cannot write {path.name}",
        why=f'the encoder did not do its work: "{said.strip() or "no reason given"}".',
        fix="Try another format; WAV always works.",
    )
