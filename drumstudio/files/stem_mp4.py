"""The job that writes a song with its stems as one `.stem.mp4` (Native Instruments STEMS).

Five stereo streams, the mix and four stems; the mix alone is enabled, so that a player that
knows nothing of stems plays the song. FFmpeg writes the streams, `files.stem_box` the box that
names them.

Notes
-----
Without the option `movie_timescale`, FFmpeg writes the length of a sound in whole milliseconds
(seen with PyAV 16 to 19): 34 samples short to 10 long. AAC at 256 kb/s after the format's
description; Traktor on Windows is said not to load ALAC (stemgen issues 19 and 40).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumstudio import atomic
from drumstudio.core.audio import Samples
from drumstudio.core.errors import AudioWriteError, DrumStudioError, OutputExistsError
from drumstudio.core.finite import silence_non_finite
from drumstudio.core.mix import to_stereo
from drumstudio.core.resample import StreamResampler, resampled_length
from drumstudio.core.stems import MIXTURE
from drumstudio.files.av_container import open_container, plain_values
from drumstudio.files.av_tracks import Tracks
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.foreign_file import DecoderError, DecoderMissingError, NamelessFile
from drumstudio.files.formats import STEM_FORMATS, StemFormat
from drumstudio.files.measure import Measure, decibels
from drumstudio.files.stem_box import STEMS, NamedStem, add_stem_box, read_stem_box
from drumstudio.jobs.job import Checkpoint, portion

RATES = (44_100, 48_000)
"""Sample rates that players of stems are known to take; other songs are resampled."""

_BLOCK = 65_536
_FRAME = 1_024  # of AAC
_BIT_RATE = 256_000
# Noise in the place of what sounds like noise costs 3.4 dB of coding error on the evaluation
# music, and most of the first 23 ms of a file that begins with sound.
_AAC = {"aac_pns": "0"}
_SILENT = NamedStem("Silent", "#808080")
_TAGS = (
    *("title", "artist", "album", "album_artist", "composer", "genre", "date", "comment"),
    *("track", "disc", "copyright", "lyrics"),
)


def write_stem_mp4(
    checkpoint: Checkpoint,
    *,
    mixture: str,
    stems: dict[str, Any],
    looks: dict[str, tuple[str, str]],
    path: str,
    format: str,
    overwrite: bool = False,
    start: int = 0,
    stop: int | None = None,
    title: str = "",
    source: str | None = None,
) -> dict[str, Any]:
    """Write a song and its stems as one file; it appears whole or not at all.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where the job reports and may be stopped.
    mixture : str
        Path of the song, as media (`files.wav_file`).
    stems : dict
        Its stems, as plain `files.block_reader.SplitFiles`. Of more than four, those from the
        fourth on are added up; where there are fewer, silent ones are added.
    looks : dict
        Stem to its label and its colour, "#RRGGBB".
    path : str
        The file; its name should end in ".stem.mp4".
    format : str
        A name in `files.formats.STEM_FORMATS`.
    overwrite : bool
        Whether a file that is there is replaced.
    start, stop : int
        Range in samples of the song; the whole song if left out.
    title : str
        What the song is called, if `source` does not say.
    source : str or None
        The file that the song came from: its tags and its cover are carried over.

    Returns
    -------
    dict
        As of `files.encode`, with one file, measured as its mix.

    Raises
    ------
    OutputExistsError
        If the file is there and may not be replaced.
    AudioWriteError, DiskFullError
        If PyAV is not installed, the range is empty, the disk refuses, or what was written does
        not read back whole.
    AudioOpenError
        If the media can not be read.
    Cancelled
        If the person asked to stop.
    """
    form, target = STEM_FORMATS[format], Path(path)
    files = SplitFiles.from_plain(stems)
    assert files is not None
    kept = [Path(mixture), *files.stored.values(), *([Path(source)] if source else [])]
    atomic.require_replaceable(target, kept)
    if not overwrite and target.exists():
        raise OutputExistsError(
            f"Cannot write {target.name}",
            why=f"{target.parent} holds a file of that name already.",
            fix="Choose another name or folder, or allow files to be replaced.",
        )
    with SongReader(Path(mixture), files) as song:
        sound = _Sound(song, files, start, song.samples if stop is None else stop)
        if sound.samples < 1:
            raise AudioWriteError(
                f"Cannot write {target.name}",
                why="there is no sound in the range.",
                fix="Choose another range, or the whole song.",
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        gain = sound.gain(portion(checkpoint, 0.0, 0.1))
        named = [NamedStem(*looks[names[0]]) for names in sound.slots]
        if len(sound.slots) == STEMS and len(sound.slots[-1]) > 1:
            named[-1] = NamedStem("Others", named[-1].colour)
        named += [_SILENT] * (STEMS - len(named))
        with atomic.writing(target, inputs=kept) as temporary:
            writing = portion(checkpoint, 0.1, 0.8)
            measure = _write(temporary, target, sound, gain, form, (title, source), writing)
            with temporary.open("r+b") as file:
                add_stem_box(file, named)
            error = _check(temporary, target, sound, named, portion(checkpoint, 0.8, 1.0))
        notes = [f"The four stems sum to the mix to {error:.0f} dB of it."]
        return {
            "files": [
                {
                    "path": str(target),
                    "stem": "stems",
                    "frames": sound.samples,
                    "bytes": target.stat().st_size,
                    **measure.report(),
                }
            ],
            "null_residual_dbfs": None,
            "sums": [],
            "gain_db": 0.0 if gain == 1.0 else decibels(gain),
            "sample_rate": sound.rate,
            "notes": [*sound.notes(gain), *notes],
        }


class _Sound:
    """Mix and stems of a song as stereo of one rate, block by block."""

    def __init__(self, song: SongReader, files: SplitFiles, start: int, stop: int) -> None:
        self._song = song
        self._range = max(start, 0), min(stop, song.samples)
        self.rate = _nearest_rate(song.sample_rate)
        length = max(self._range[1] - self._range[0], 0)
        self.samples = resampled_length(length, song.sample_rate, self.rate)
        names = list(files.names)
        if len(names) > STEMS and _is_silent(song, files.computed):
            names.remove(files.computed)
        self.slots = [[name] for name in names[: STEMS - 1]]
        if names[STEMS - 1 :]:
            self.slots.append(names[STEMS - 1 :])

    def blocks(self, checkpoint: Checkpoint, message: str) -> Iterator[NDArray[np.float32]]:
        """Yield blocks of shape (5, 2, samples): the mix, then four stems."""
        streams = [
            StreamResampler(self._song.sample_rate, self.rate, 2, self.samples)
            for _ in range(1 + len(self.slots))
        ]
        same = self.rate == self._song.sample_rate
        first, last = self._range
        for place in range(first, last, _BLOCK):
            checkpoint((place - first) / max(1, last - first), message)
            count = min(_BLOCK, last - place)
            parts = [self._part([MIXTURE], place, count)]
            parts += [self._part(names, place, count) for names in self.slots]
            if not same:
                parts = [s.push(part) for s, part in zip(streams, parts, strict=True)]
            yield self._stack(parts)
        if not same:
            yield self._stack([stream.finish() for stream in streams])

    def _part(self, names: Sequence[str], start: int, count: int) -> Samples:
        total: Samples = sum(
            (self._song.read(name, start, count) for name in names[1:]),
            start=self._song.read(names[0], start, count).copy(),
        )
        silence_non_finite(total)
        return to_stereo(total, self._song.speakers)

    def _stack(self, parts: list[Samples]) -> NDArray[np.float32]:
        out = np.zeros((1 + STEMS, 2, parts[0].shape[1]), dtype=np.float32)
        for number, part in enumerate(parts):
            out[number] = part
        return out

    def gain(self, checkpoint: Checkpoint) -> float:
        """Return 1.0, or the gain at which neither mix nor stem goes beyond full scale."""
        blocks = self.blocks(checkpoint, "Looking for the loudest place")
        peak = max((float(np.abs(block).max(initial=0.0)) for block in blocks), default=0.0)
        return 1.0 if peak <= 1.0 else 0.999 / peak

    def notes(self, gain: float) -> list[str]:
        """Return what a person should know."""
        notes = []
        if self.rate != self._song.sample_rate:
            notes.append(f"Resampled from {self._song.sample_rate} to {self.rate} Hz.")
        if self._song.channels > 2:
            notes.append(f"Mixed down from {self._song.channels} channels to stereo.")
        if gain != 1.0:
            notes.append(
                f"A stem goes beyond full scale: all were turned down by {-decibels(gain):.2f} dB."
            )
        if len(self.slots[-1]) > 1:
            notes.append(f"The fourth stem is the sum of {', '.join(self.slots[-1])}.")
        return notes


def _nearest_rate(rate: int) -> int:
    """Return 44,100 for its multiples and 48,000 else, if a rate is neither of them."""
    return rate if rate in RATES else RATES[0] if rate % 11_025 == 0 else RATES[1]


def _is_silent(song: SongReader, stem: str) -> bool:
    return not any(
        song.read(stem, start, min(_BLOCK, song.samples - start)).any()
        for start in range(0, song.samples, _BLOCK)
    )


def _write(
    temporary: Path,
    target: Path,
    sound: _Sound,
    gain: float,
    form: StemFormat,
    about: tuple[str, str | None],
    checkpoint: Checkpoint,
) -> Measure:
    try:
        import av
    except ImportError as error:
        raise AudioWriteError(
            f"Cannot write {target.name}",
            why="STEMS are written by the package av, which is not installed.",
            fix='Install it with: python -m pip install "drumstudio[av]"',
        ) from error
    measure, place = Measure(sound.rate, 2), 0
    options = {"movie_timescale": str(sound.rate)}
    try:
        with ExitStack() as stack:
            out: Any = stack.enter_context(
                av.open(str(temporary), "w", format="mp4", container_options=options)
            )
            coding = _AAC if form.codec == "aac" else {}
            streams = [
                out.add_stream(form.codec, rate=sound.rate, options=coding)
                for _ in range(1 + STEMS)
            ]
            for stream in streams:
                stream.layout = "stereo"
                if form.codec == "aac":
                    stream.bit_rate = _BIT_RATE
            cover = _carry_over(out, stack, about)
            for block in sound.blocks(checkpoint, f"Writing {target.name}"):
                block *= np.float32(gain)
                measure.add(block[0])
                for first in range(0, block.shape[2], _FRAME):
                    part = block[:, :, first : first + _FRAME]
                    for stream, samples in zip(streams, part, strict=True):
                        frame = _frame(samples, form, sound.rate, place)
                        out.mux(stream.encode(frame))
                    place += part.shape[2]
            for stream in streams:
                out.mux(stream.encode(None))
            for packet in cover:
                out.mux(packet)
    except av.FFmpegError as error:
        raise AudioWriteError(
            f"Cannot write {target.name}",
            why=f"the encoder failed: {error}.",
            fix="Is the disk full? Otherwise write the stems as WAV files.",
        ) from error
    return measure


def _frame(samples: Samples, form: StemFormat, rate: int, place: int) -> Any:
    import av

    values: NDArray[Any]
    if form.codec == "alac":
        steps = np.clip(np.rint(samples.astype(np.float64) * 2**23), -(2**23), 2**23 - 1)
        values, kind = np.left_shift(steps.astype(np.int32), 8), "s32p"
    else:
        values, kind = np.ascontiguousarray(samples), "fltp"
    frame = av.AudioFrame.from_ndarray(values, format=kind, layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = rate, place, Fraction(1, rate)
    return frame


def _carry_over(out: Any, stack: ExitStack, about: tuple[str, str | None]) -> list[Any]:
    """Write the tags of the file that a song came from; return the packets of its cover."""
    title, source = about
    packets: list[Any] = []
    if source is not None:
        try:
            file = stack.enter_context(Path(source).open("rb"))  # noqa: SIM115
            given = stack.enter_context(open_container(NamelessFile(file)))
        except (OSError, DecoderError, DecoderMissingError):
            given = None
        if given is not None:
            tags = {**_lower(given.metadata)}
            for stream in given.streams.audio[:1]:
                tags = {**_lower(stream.metadata), **tags}
            for name in _TAGS:
                if tags.get(name):
                    out.metadata[name] = tags[name]
            covers = [stream for stream in given.streams.video if Tracks.is_cover(stream)]
            for stream in covers[:1]:
                picture = out.add_stream_from_template(stream)
                picture.disposition = type(stream.disposition).attached_pic.value
                for packet in given.demux(stream):
                    if packet.size:
                        packet.stream, packet.pts, packet.dts = picture, 0, 0
                        packets.append(packet)
    if title and "title" not in out.metadata:
        out.metadata["title"] = title
    return packets


def _lower(tags: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in tags.items()}


def _check(
    temporary: Path,
    target: Path,
    sound: _Sound,
    named: Sequence[NamedStem],
    checkpoint: Checkpoint,
) -> float:
    """Read everything back; return how far the stems are from the mix, in dB of its energy."""
    failure = DrumStudioError(
        f"Cannot write {target.name}",
        why="what was written does not read back whole.",
        fix="Try again; if it happens again, write the stems as WAV files.",
    )
    energy = off = 0.0
    with temporary.open("rb") as file, open_container(NamelessFile(file)) as given:
        streams = list(given.streams.audio)
        place = file.tell()
        is_named = read_stem_box(file) == tuple(named)
        file.seek(place)
        if (
            not is_named
            or len(streams) != 1 + STEMS
            or any(s.duration != sound.samples for s in streams)
        ):
            raise failure
        waiting: list[list[Samples]] = [[] for _ in streams]
        counts = [0] * len(streams)
        for frame_stream, samples in _decoded(given, streams):
            number = streams.index(frame_stream)
            waiting[number].append(samples)
            counts[number] += samples.shape[1]
            if all(waiting):
                parts = [blocks.pop(0).astype(np.float64) for blocks in waiting]
                if len({part.shape for part in parts}) != 1:
                    raise failure
                energy += float(np.square(parts[0]).sum())
                off += float(np.square(parts[0] - np.add.reduce(parts[1:])).sum())
                checkpoint(min(1.0, counts[0] / sound.samples), "Checking what was written")
        if min(counts) < sound.samples:
            raise failure
    return decibels((off / energy) ** 0.5) if energy else decibels(0.0)


def _decoded(given: Any, streams: list[Any]) -> Iterator[tuple[Any, Samples]]:
    for packet in given.demux(*streams):
        for frame in packet.decode():
            values = plain_values(frame, 2)
            if values.dtype == np.int32:
                values = values.astype(np.float32) / np.float32(2**31)
            yield packet.stream, values
