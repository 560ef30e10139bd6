"""DrumStudio's own media format: float32 WAV that turns into RF64 beyond 4 GiB.

Everything the program keeps (decoded songs, separated drums, chunks of a job) is stored in
this one shape: a header of fixed length, then interleaved little-endian float32. The fixed
length leaves no chunk list to walk in a damaged file and makes sample n's place known
without reading anything. Foreign files never come here directly: `files.decode` makes them
into media first.
"""

from __future__ import annotations

import struct
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from drumstudio.core.audio import Samples
from drumstudio.core.closing import Closing
from drumstudio.core.errors import AudioOpenError

RIFF_LIMIT_BYTES = 2**32 - 2**20
"""Data beyond this many bytes goes into RF64; the rest of 4 GiB is left to other chunks."""

_START = "<4sI4s" + "4sIQQQI" + "4sIHHIIHH"
_END = "4sII" + "4sI"
_HEADER = struct.Struct(_START + _END)
_EXTENSIBLE = struct.Struct(_START + "HHI16s" + _END)  # with the speakers of its channels
_JUNK = struct.Struct("<QQQI")
_UNKNOWN = 0xFFFFFFFF
_FLOAT_TAG = 3
_EXTENSIBLE_TAG = 0xFFFE
_FLOAT_KIND = struct.pack("<IHH", _FLOAT_TAG, 0, 16) + bytes.fromhex("800000aa00389b71")
_BYTES_PER_SAMPLE = 4
_FRAMES_PER_READ = 65_536


def header_bytes(
    sample_rate: int, channels: int, samples: int, speakers: int = 0, mark: bytes = b""
) -> bytes:
    """Return the header of a media file.

    Parameters
    ----------
    sample_rate : int
        Hertz, in [1, 2**32 - 1].
    channels : int
        In [1, 16383]; beyond that the format's 16-bit frame size overflows.
    samples : int
        Samples per channel.
    speakers : int
        What the channels are for, as a mask (`core.speakers`).
    mark : bytes
        At most 28, kept where RF64 has its sizes; media has none.

    Returns
    -------
    bytes
        Of one length without and another with speakers. A RIFF header keeps a JUNK chunk
        where RF64 has its ds64 chunk, so that a writer can change its mind at the end.

    Raises
    ------
    ValueError
        If a value does not fit the format.

    Notes
    -----
    Layout after EBU Tech 3306 (RF64) and the RIFF WAVE specification, format tag 3
    (IEEE float), 32 bits; with speakers as WAVEFORMATEXTENSIBLE of the same kind.
    """
    if not 1 <= channels <= 16_383:
        raise ValueError(f"channels must be in [1, 16383], got {channels}")
    if not 1 <= sample_rate < 2**32:
        raise ValueError(f"sample_rate must be in [1, 2**32 - 1], got {sample_rate}")
    frame_bytes = channels * _BYTES_PER_SAMPLE
    data_bytes = samples * frame_bytes
    form = _EXTENSIBLE if speakers else _HEADER
    riff_bytes = form.size - 8 + data_bytes
    large = data_bytes > RIFF_LIMIT_BYTES
    size, tag = (40, _EXTENSIBLE_TAG) if speakers else (16, _FLOAT_TAG)
    return form.pack(
        *(b"RF64" if large else b"RIFF", _UNKNOWN if large else riff_bytes, b"WAVE"),
        *(b"ds64" if large else b"JUNK", 28),
        *((riff_bytes, data_bytes, samples, 0) if large else _JUNK.unpack(mark.ljust(28, b"\0"))),
        *(b"fmt ", size, tag, channels, sample_rate),
        *(min(sample_rate * frame_bytes, _UNKNOWN), frame_bytes, 8 * _BYTES_PER_SAMPLE),
        *((22, 8 * _BYTES_PER_SAMPLE, speakers, _FLOAT_KIND) if speakers else ()),
        *(b"fact", 4, _UNKNOWN if large else samples),
        *(b"data", _UNKNOWN if large else data_bytes),
    )


class WavWriter:
    """Write a media file block by block; it is whole once `close` has returned.

    Not atomic by itself: write to the path that `atomic.writing` hands out.

    Parameters
    ----------
    path : Path
        Replaced if it exists.
    sample_rate : int
        Hertz.
    channels : int
        Number of channels.
    speakers : int
        What they are for, as a mask (`core.speakers`).
    mark : bytes
        As in `header_bytes`; with one the file is no media.

    Raises
    ------
    ValueError
        If the rate or the number of channels does not fit the format.
    OSError
        From any method, if the disk refuses.
    """

    def __init__(
        self, path: Path, sample_rate: int, channels: int, speakers: int = 0, mark: bytes = b""
    ) -> None:
        header = header_bytes(sample_rate, channels, 0, speakers, mark)
        self.sample_rate = sample_rate
        self.channels = channels
        self.speakers = speakers
        self.samples = 0
        self._mark = mark
        self._file = Path(path).open("wb")  # noqa: SIM115 (closed by `close`)
        self._file.write(header)

    def write(self, block: Samples) -> None:
        """Append samples.

        Parameters
        ----------
        block : ndarray, float32, shape (channels, samples)
            Written as it is: no clipping, no finite check.

        Raises
        ------
        ValueError
            If the block has another dtype or number of channels.
        """
        if block.ndim != 2 or block.shape[0] != self.channels or block.dtype != np.float32:
            raise ValueError(
                f"block must be float32 of shape ({self.channels}, samples), "
                f"got {block.dtype} of shape {block.shape}"
            )
        self._file.write(np.ascontiguousarray(block.T, dtype="<f4").data)
        self.samples += block.shape[1]

    def close(self) -> None:
        """Write the final header and close; a second call does nothing."""
        if self._file.closed:
            return
        try:
            self._file.seek(0)
            form = (self.sample_rate, self.channels, self.samples, self.speakers, self._mark)
            self._file.write(header_bytes(*form))
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            # The header still says "no samples", so that the stump can not pass for a song.
            self._file.close()


class WavReader(Closing):
    """Read any stretch of a media file with plain positioned reads.

    Never maps the file: a file truncated or unplugged under a memory map kills the process.
    One reader belongs to one thread at a time, for it moves the file's position.

    Parameters
    ----------
    path : Path
        A file that `WavWriter` has closed.

    Raises
    ------
    AudioOpenError
        If the file can not be opened, is no media file, or is not as long as its header
        says; from `read` and `read_into`, if it has become shorter since.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        try:
            self._file = self._path.open("rb", buffering=0)
        except OSError as error:
            raise AudioOpenError(
                f"Cannot open {self._path.name}",
                why=f"the system says: {(error.strerror or str(error)).lower()}.",
                fix="Check that the file is still there and may be read.",
            ) from error
        try:
            self.sample_rate, self.channels, self.samples, self.speakers = self._read_header()
        except BaseException:
            self._file.close()
            raise
        self._buffer = np.empty(0, dtype="<f4")

    def _read_header(self) -> tuple[int, int, int, int]:
        start = self._file.read(_EXTENSIBLE.size)
        size = self._file.seek(0, 2)
        for form in (_HEADER, _EXTENSIBLE):
            header = start[: form.size]
            if header[:4] not in (b"RIFF", b"RF64") or len(header) < form.size:
                continue
            fields = form.unpack(header)
            channels, sample_rate = fields[12], fields[13]
            speakers = fields[19] if form is _EXTENSIBLE else 0
            if 1 <= channels <= 16_383 and sample_rate >= 1:
                samples, left = divmod(size - form.size, channels * _BYTES_PER_SAMPLE)
                # The one header that fits the file's length is made again: whatever was
                # damaged, in whichever field, shows up in this comparison.
                made = header_bytes(sample_rate, channels, samples, speakers)
                if left == 0 and header == made:
                    self._data_start = form.size
                    return sample_rate, channels, samples, speakers
        raise AudioOpenError(
            f"Cannot read {self._path.name}",
            why="it is damaged, unfinished, or was not written by DrumStudio.",
            fix="Import the original song again.",
        )

    def read(self, start: int, count: int) -> Samples:
        """Return a stretch as a new array.

        Parameters
        ----------
        start : int
            First sample; may be negative or beyond the end.
        count : int
            Number of samples; not negative.

        Returns
        -------
        ndarray, float32, shape (channels, count)
            Zero where the file has no samples.
        """
        out = np.empty((self.channels, count), dtype=np.float32)
        self.read_into(start, out)
        return out

    def read_into(self, start: int, out: Samples) -> None:
        """Fill `out`, float32 of shape (channels, count), with the samples from `start` on.

        As `read`, without allocating anything once the largest stretch has been seen.

        Raises
        ------
        ValueError
            If `out` has another dtype or number of channels.
        """
        if out.ndim != 2 or out.shape[0] != self.channels or out.dtype != np.float32:
            raise ValueError(
                f"out must be float32 of shape ({self.channels}, count), "
                f"got {out.dtype} of shape {out.shape}"
            )
        count = out.shape[1]
        first = min(max(start, 0), self.samples)
        last = min(max(start + count, first), self.samples)
        if first == last:
            out[:] = 0.0
            return
        out[:, : first - start] = 0.0
        out[:, last - start :] = 0.0
        for position in range(first, last, _FRAMES_PER_READ):
            stop = min(position + _FRAMES_PER_READ, last)
            frames = self._read_frames(position, stop - position)
            out[:, position - start : stop - start] = frames.T

    def _read_frames(self, position: int, count: int) -> Samples:
        """Return interleaved samples, shape (count, channels), inside the reused buffer."""
        needed = count * self.channels
        if self._buffer.size < needed:
            self._buffer = np.empty(needed, dtype="<f4")
        view = self._buffer[:needed].data.cast("B")
        filled = 0
        try:
            self._file.seek(self._data_start + position * self.channels * _BYTES_PER_SAMPLE)
            while filled < len(view):
                got = self._file.readinto(view[filled:])
                if not got:
                    raise OSError("the file ends before the samples do")
                filled += got
        except OSError as error:
            raise AudioOpenError(
                f"Cannot read {self._path.name}",
                why="it became shorter or its disk went away while it was in use.",
                fix="Plug the disk in again, or import the song again.",
            ) from error
        return self._buffer[:needed].reshape(count, self.channels)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()
