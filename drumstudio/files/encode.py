"""The encode job: a song's stems become files, all of them whole or none at all.

How the parts stay the song: in a format of whole numbers the computed stem is not rounded by
itself. Mixture and stored stems are rounded, and what they leave is their difference, which
needs no rounding; so is drumless, the mixture without the drums. So the stems sum to the
rounded mixture exactly: off by at most half a step (-144.5 dB at 24 bit, -96.3 at 16), which
no set of whole numbers can better, and by nothing at all if the song came from a file of as
many bits. Separate roundings would be off by up to half a step for each stem. The price is
that the computed stem may be half a step for each stored one, and another half, from its
ideal, where the song is not of so many bits.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumstudio import atomic
from drumstudio.core.audio import Samples
from drumstudio.core.errors import AudioWriteError, OutputExistsError, SettingError
from drumstudio.core.finite import silence_non_finite
from drumstudio.core.resample import StreamResampler, resampled_length
from drumstudio.core.stems import DRUMLESS, MIXTURE
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.decoders import block_frames
from drumstudio.files.formats import FORMATS, HIGHEST_RATE, Format, require_channels
from drumstudio.files.measure import Measure, decibels
from drumstudio.files.sound_kinds import stem_mark
from drumstudio.files.stem_file import (
    Shape,
    StemWriter,
    explained,
    force_to_disk,
    of_one_length,
    reading_back,
    writing_stem,
)
from drumstudio.jobs.job import Checkpoint, portion


def encode(
    checkpoint: Checkpoint,
    *,
    mixture: str,
    stems: dict[str, Any] | None,
    outputs: list[dict[str, str]],
    format: str,
    sample_rate: int | None = None,
    overwrite: bool = False,
    start: int = 0,
    stop: int | None = None,
    inputs: Sequence[str] = (),
) -> dict[str, Any]:
    """Write stems of a song to files; all of them appear, whole, or none.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where the job reports and may be stopped.
    mixture : str
        Path of the song, as media (`files.wav_file`).
    stems : dict or None
        Its stems, as plain `files.block_reader.SplitFiles`; needed unless only the mixture is
        written.
    outputs : list of dict
        {"stem": ..., "path": ...} with "mixture", a stem, or "drumless"; folders are made as
        needed.
    format : str
        A name in `FORMATS`.
    sample_rate : int or None
        Hertz; None takes the song's, or the next that the format holds.
    overwrite : bool
        Whether files that are there are replaced.
    start, stop : int
        Range in samples of the song; the whole song if left out.
    inputs : sequence of str
        Files that no output may replace, beside `mixture` and `drums`: what those came from.

    Returns
    -------
    dict
        files: list of {path, stem, frames, bytes, peak_db, true_peak_db, lufs}, as written
        (before a lossy coding), lufs None where there is none to measure;
        null_residual_dbfs (None unless all stems, or drums and drumless, are written without
        loss);
        gain_db (0.0, or how far all stems were turned down together so that none clips);
        sums (which stems those are, a list for each set); sample_rate; notes (list of
        sentences).

    Raises
    ------
    SettingError
        If there is no such format, or it does not hold `sample_rate`.
    OutputExistsError
        If a file is there and may not be replaced.
    AudioWriteError, DiskFullError
        If the format can not hold the song, the song is empty, or the disk refuses; also if
        what was written does not read back whole.
    AudioOpenError
        If the media can not be read.
    Cancelled
        If the person asked to stop.
    ValueError
        If a stem does not exist or two outputs have one path.

    Notes
    -----
    The null residual is read back from the written files: the highest
    |sum of the stems / gain - mixture|, relative to max(1, peak of the mixture) and to 1 / gain.
    With a `sample_rate` other than the song's, the mixture is the one at that rate. In
    floating point it stays below -140 dB while no stem is more than 6 dB above the mixture's
    peak or full scale: beyond, float32 has no two numbers whose sum comes closer.
    """
    form = _known_format(format)
    files = SplitFiles.from_plain(stems)
    paths = _checked_outputs(outputs, files)
    stored = files.stored.values() if files is not None else ()
    kept = [Path(path) for path in (mixture, *stored, *inputs)]
    with SongReader(Path(mixture), files) as song:
        rate = _checked_rate(form, song, sample_rate, next(iter(paths.values())))
        source = _Source(song, rate, *_checked_range(song, start, stop, paths))
        _refuse_existing(paths, kept, overwrite=overwrite)
        _require_room(paths, source.shape.data_bytes(form))
        export = _Export(source, form, tuple(paths))
        gain = 1.0
        if form.full_scale_is_a_limit:
            gain = export.common_gain(portion(checkpoint, 0.0, 0.1))
        with _all_or_none(paths, kept) as temporaries, ExitStack() as stack:
            writers = {
                stem: stack.enter_context(
                    writing_stem(paths[stem], temporary, form, source.shape, stem_mark(stem))
                )
                for stem, temporary in temporaries.items()
            }
            measures = export.write(paths, writers, gain, portion(checkpoint, 0.1, 0.8))
            residual = export.check(paths, temporaries, gain, portion(checkpoint, 0.8, 1.0))
            for stem, temporary in temporaries.items():
                force_to_disk(paths[stem], temporary)
            # An export is long: somebody else may have put a file there meanwhile.
            _refuse_existing(paths, kept, overwrite=overwrite)
        return {
            "files": [
                {
                    "path": str(path),
                    "stem": stem,
                    "frames": source.shape.samples,
                    "bytes": path.stat().st_size,
                    **measures[stem].report(),
                }
                for stem, path in paths.items()
            ],
            "null_residual_dbfs": residual,
            "sums": [list(stems) for stems in export.sums()],
            "gain_db": 0.0 if gain == 1.0 else decibels(gain),
            "sample_rate": rate,
            "notes": export.notes(gain),
        }


# --- asked for what can be done? -------------------------------------------------------


def _known_format(name: str) -> Format:
    if name not in FORMATS:
        raise SettingError(
            f'Cannot write "{name}" files',
            why="there is no format of that name.",
            fix=f"Choose one of {', '.join(FORMATS)}.",
        )
    return FORMATS[name]


def _checked_outputs(outputs: list[dict[str, str]], stems: SplitFiles | None) -> dict[str, Path]:
    paths = {output["stem"]: Path(output["path"]) for output in outputs}
    known = {MIXTURE, *(stems.names if stems is not None else ())}
    if stems is not None and stems.drums:
        known.add(DRUMLESS)
    if not paths or set(paths) - known:
        raise ValueError(f"outputs need stems of {sorted(known)}, got {sorted(paths)}")
    if len(set(paths.values())) < len(outputs):
        raise ValueError(f"each stem needs a path of its own, got {outputs}")
    return paths


def _checked_rate(form: Format, song: SongReader, asked: int | None, path: Path) -> int:
    what = f"Cannot write {path.name}"
    if song.samples == 0:
        raise AudioWriteError(
            what, why="the song is empty: its length is zero.", fix="Import the song again."
        )
    require_channels(form, song.channels, song.speakers, what)
    if asked is None:
        return form.rate_for(song.sample_rate)
    if not form.holds(asked):
        raise SettingError(
            what,
            why=f"{form.label} can not have a sample rate of {asked} Hz.",
            fix=f"Leave the rate out, or choose {form.rate_for(min(asked, HIGHEST_RATE))}.",
        )
    return asked


def _checked_range(
    song: SongReader, start: int, stop: int | None, paths: dict[str, Path]
) -> tuple[int, int]:
    first, last = max(start, 0), song.samples if stop is None else min(stop, song.samples)
    if first >= last:
        raise AudioWriteError(
            f"Cannot write {next(iter(paths.values())).name}",
            why="there is no sound in the range.",
            fix="Choose another range, or the whole song.",
        )
    return first, last


def _require_room(paths: dict[str, Path], bytes_each: int) -> None:
    for folder in {path.parent for path in paths.values()}:
        there = [path for path in paths.values() if path.parent == folder]
        with explained(there[0]):
            folder.mkdir(parents=True, exist_ok=True)
        atomic.remove_abandoned(folder)
        atomic.require_free(folder, len(there) * bytes_each, f"Cannot write {there[0].name}")


def _refuse_existing(paths: dict[str, Path], inputs: list[Path], *, overwrite: bool) -> None:
    for path in paths.values():
        atomic.require_replaceable(path, inputs)
        if not overwrite and os.path.lexists(path):
            raise OutputExistsError(
                f"Cannot write {path.name}",
                why=f"{path.parent} holds a file of that name already.",
                fix="Choose another name or folder, or allow files to be replaced.",
            )


@contextmanager
def _all_or_none(paths: dict[str, Path], inputs: list[Path]) -> Iterator[dict[str, Path]]:
    """Yield a temporary file for each path; all become their paths at the end, or none.

    Several files can not be renamed in one step. If a later rename fails, the earlier ones are
    taken back where they were new; where they replaced a file, the new one stays.
    """
    new = {stem for stem, path in paths.items() if not os.path.lexists(path)}
    numbers: dict[str, int] = {}
    try:
        with ExitStack() as stack:
            temporaries = {
                stem: stack.enter_context(atomic.writing(path, inputs=inputs))
                for stem, path in paths.items()
            }
            numbers = {stem: path.stat().st_ino for stem, path in temporaries.items()}
            yield temporaries
    except BaseException:
        for stem in new & set(numbers):
            with suppress(OSError):
                if paths[stem].lstat().st_ino == numbers[stem]:  # ours, not somebody else's
                    atomic.remove(paths[stem])
        raise


# --- reading the song ------------------------------------------------------------------


class _Source:
    """A range of a song at the rate of its export, in equal blocks, every sample finite."""

    def __init__(self, song: SongReader, sample_rate: int, first: int, last: int) -> None:
        self._song = song
        self._range = (first, last)
        self.stems = song.stems
        self.own_rate = song.sample_rate
        # A song of one sample has one at any rate.
        samples = max(1, resampled_length(last - first, song.sample_rate, sample_rate))
        self.shape = Shape(sample_rate, song.channels, samples, song.speakers)
        self.block = block_frames(song.channels)
        self.silenced = 0

    def blocks(self, stem: str) -> Iterator[Samples]:
        """Yield the mixture or a stored stem as float32 blocks of shape (channels, `block`)."""
        if self.shape.sample_rate == self.own_rate:
            yield from self._own_blocks(stem)
        else:
            yield from of_one_length(self._resampled(stem), self.block)

    def _own_blocks(self, stem: str) -> Iterator[Samples]:
        first, last = self._range
        for start in range(first, last, self.block):
            count = min(self.block, last - start)
            block = self._song.read(stem, start, count)
            self.silenced += silence_non_finite(block)
            yield block

    def _resampled(self, stem: str) -> Iterator[Samples]:
        shape = self.shape
        resampler = StreamResampler(self.own_rate, shape.sample_rate, shape.channels, shape.samples)
        for block in self._own_blocks(stem):
            yield resampler.push(block)
        yield resampler.finish()


# --- from mixture and stored stems to what is written ----------------------------------

Blocks = dict[str, Samples]
"""Of one stretch: the mixture, and those stored stems that are needed."""


@dataclass(slots=True)
class _Export:
    """One export: what is read, in which format it is written, which stems.

    Each of the three passes reads the song anew, block by block: the search for the gain,
    the writing, and the reading back.
    """

    source: _Source
    form: Format
    stems: tuple[str, ...]
    silenced: int = 0

    def common_gain(self, checkpoint: Checkpoint) -> float:
        """Return 1.0, or the gain at which no stem that is written clips."""
        peak = 0.0
        fits = True
        full = 2 ** (self.form.bits - 1) if self.form.bits else 0
        for blocks in self._blocks(checkpoint, "Looking for the loudest place"):
            for stem in self.stems:
                highest = float(np.abs(self._exact(stem, blocks)).max())
                peak = max(peak, highest)
                if full and 0.99 < highest <= 1.0:
                    steps = self._values(stem, blocks, 1.0)
                    fits = fits and -full <= steps.min() and steps.max() < full
        if fits and peak <= 1.0:
            return 1.0
        # Room for the roundings: half a step of the mixture's, and of every stored stem's.
        stems = len(self.source.stems.stored) if self.source.stems is not None else 1
        return (1.0 - (stems / 2 + 1.5) / full if full else 1.0) / peak

    def write(
        self,
        paths: dict[str, Path],
        writers: dict[str, StemWriter],
        gain: float,
        checkpoint: Checkpoint,
    ) -> dict[str, Measure]:
        """Write and close all stems in one pass over the song; return their measures."""
        measures = {
            stem: Measure(self.source.shape.sample_rate, self.source.shape.channels)
            for stem in self.stems
        }
        step = np.float32(2.0 ** (1 - self.form.bits) if self.form.bits else 1.0)
        self.source.silenced = 0
        message = f"Writing {' and '.join(path.name for path in paths.values())}"
        for blocks in self._blocks(checkpoint, message):
            for stem in self.stems:
                values = self._values(stem, blocks, gain)
                measures[stem].add(values.astype(np.float32) * step)
                with explained(paths[stem]):
                    writers[stem].write(values)
        self.silenced = self.source.silenced
        for stem, writer in writers.items():
            with explained(paths[stem]):
                writer.close()
        return measures

    def check(
        self,
        paths: dict[str, Path],
        temporaries: dict[str, Path],
        gain: float,
        checkpoint: Checkpoint,
    ) -> float | None:
        """Read everything back; return the null residual in dB, if there is one.

        Raises
        ------
        AudioWriteError
            If a file does not hold what it should.
        """
        shape, block = self.source.shape.stored(self.form), self.source.block
        sums = self.sums()
        residual = peak = 0.0
        with ExitStack() as stack:
            written = {
                stem: stack.enter_context(
                    reading_back(paths[stem], temporary, shape.stored(self.form), block)
                )
                for stem, temporary in temporaries.items()
            }
            message = "Checking what was written"
            for original in self._blocks(checkpoint, message) if sums else ():
                mixture = original[MIXTURE]
                found = {
                    stem: next(written[stem]).astype(np.float64)
                    for stem in dict.fromkeys(itertools.chain(*sums))
                }
                for stems in sums:
                    total = np.add.reduce([found[stem] for stem in stems])
                    residual = max(residual, float(np.abs(total / gain - mixture).max()))
                peak = max(peak, float(np.abs(mixture).max()))
            for blocks in written.values():
                for number, _ in enumerate(blocks):
                    checkpoint(min(1.0, number * block / shape.samples), message)
        return decibels(residual * gain / max(1.0, peak)) if sums else None

    def sums(self) -> list[tuple[str, ...]]:
        """Return the sets of stems that are written without loss and sum to the mixture."""
        files = self.source.stems
        if files is None or not self.form.lossless:
            return []
        sets = [files.names] + ([(files.drums, DRUMLESS)] if files.drums else [])
        return [names for names in sets if set(names) <= set(self.stems)]

    def _made_of(self, stem: str) -> tuple[str, ...]:
        """Return the stored stems that are taken from the mixture for a stem that is not stored."""
        files = self.source.stems
        if files is None or stem == MIXTURE:
            return ()
        if stem == DRUMLESS:
            return (files.drums,)
        return tuple(files.stored) if stem == files.computed else ()

    def _blocks(self, checkpoint: Checkpoint, message: str) -> Iterator[Blocks]:
        needed = [MIXTURE]
        for stem in self.stems:
            needed += self._made_of(stem) or (stem,)
        sources = {stem: self.source.blocks(stem) for stem in dict.fromkeys(needed)}
        for number, mixture in enumerate(sources.pop(MIXTURE)):
            checkpoint(number * self.source.block / self.source.shape.samples, message)
            yield {MIXTURE: mixture, **{stem: next(blocks) for stem, blocks in sources.items()}}

    def _values(self, stem: str, blocks: Blocks, gain: float) -> NDArray[Any]:
        """Return a stem's block as it is handed to the encoder: int32 steps, or float32."""
        if not self.form.bits:
            return np.asarray(self._exact(stem, blocks) * gain, dtype=np.float32)
        scale = gain * 2 ** (self.form.bits - 1)
        taken = self._made_of(stem)
        steps = np.rint(blocks[MIXTURE if taken else stem].astype(np.float64) * scale)
        for stored in taken:  # why it is not rounded by itself: see the top of this file
            steps -= np.rint(blocks[stored].astype(np.float64) * scale)
        return np.asarray(steps, dtype=np.int32)

    def _exact(self, stem: str, blocks: Blocks) -> NDArray[np.float64]:
        """Return a stem in float64, in which a difference of float32 is exact enough."""
        taken = self._made_of(stem)
        exact = blocks[MIXTURE if taken else stem].astype(np.float64)
        for stored in taken:
            exact -= blocks[stored]
        return exact

    def notes(self, gain: float) -> list[str]:
        """Return what a person should know about the written files."""
        notes = []
        source = self.source
        rate = source.shape.sample_rate
        if rate != source.own_rate:
            notes.append(f"Resampled from {source.own_rate} to {rate} Hz.")
        if source.shape.stored(self.form) != source.shape:
            notes.append(f"{self.form.label} knows no side speakers here: they became rear ones.")
        if gain != 1.0:
            down = -decibels(gain)
            by = f"{down:.2f}" if down >= 0.01 else "less than 0.01"
            notes.append(f"A stem goes beyond full scale: all were turned down by {by} dB.")
        if self.silenced:
            notes.append(f"{self.silenced} samples were not numbers and were set to silence.")
        return notes
