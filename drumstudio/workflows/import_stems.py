"""Stems that were made elsewhere, as a separation of a song."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from drumstudio import atomic
from drumstudio.core.audio import Samples
from drumstudio.core.errors import AudioOpenError, ProjectError
from drumstudio.core.resample import StreamResampler, resampled_length
from drumstudio.core.separation import Media, Separation, Stem
from drumstudio.core.song import Song, cleaned_name, new_id
from drumstudio.core.stems import (
    KNOWN,
    LONGEST_NAME,
    MAX_STEMS,
    computed_name,
    is_name,
    ordered,
    serving_as_drums,
)
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.project_media import SEPARATIONS, ProjectMedia
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.jobs.job import Checkpoint, portion
from drumstudio.workers.pool import WorkerPool
from drumstudio.workflows.project import note_texts, shape_of
from drumstudio.workflows.stem_presence import find_presence, require_present

_BLOCK_SAMPLES = 65_536
_SILENT_DB = -120.0  # a residual below this is rounding

_ALIASES = {
    **{"drum": "drums", "vocal": "vocals", "vox": "vocals", "voice": "vocals"},
    **{"others": "other", "guitars": "guitar", "hat": "hihat", "hats": "hihat"},
    **{"tom": "toms", "cymbal": "cymbals", "basses": "bass", "pianos": "piano"},
}
_WHOLE = frozenset(("mixture", "mix", "original", "master", "full"))


def import_stems(
    sources: Mapping[str, Path],
    song: Song,
    media: ProjectMedia,
    pool: WorkerPool,
    checkpoint: Checkpoint,
    *,
    anyway: bool = False,
    later_seconds: float = 0.0,
) -> Separation:
    """Take stems that were made elsewhere as a separation of a song.

    They are brought to the song's rate, channels and length; what was done is in the notes,
    and how loud is what they leave of the song.

    Parameters
    ----------
    sources : mapping of str to Path
        A name for each stem, and any sound file that starts where the song starts.
    song : Song
        The song.
    media : ProjectMedia
        Of its project.
    anyway : bool
        Whether stems are taken that do not sound in the song.
    later_seconds : float
        How much later than in their files they sound; negative is earlier.

    Raises
    ------
    NotInSongError
        If a stem does not sound in the song.
    DrumStudioError
        If a name can be none, or is given twice; if a file can not be read, has more channels
        than the song (and the song has more than one), or the disk refuses. Nothing is kept.
    Cancelled
        If the person asked to stop.
    """
    require_stems(sources, song)
    if not abs(later_seconds) < song.mixture.seconds:
        raise ProjectError(
            f"Cannot move the stems of {song.name} by {later_seconds} s",
            why=f"the song is {song.mixture.seconds:.3f} s long.",
            fix="Name fewer seconds.",
        )
    media.require_free(len(sources) * song.mixture.bytes, f"Cannot take the stems of {song.name}")
    stems, notes = [], []
    for number, stem in enumerate(ordered(sources)):
        part = portion(checkpoint, 0.95 * number / len(sources), 0.95 * (number + 1) / len(sources))
        kept, said = _imported(stem, sources[stem], song, media, pool, part, later_seconds)
        stems.append(Stem(stem, kept))
        notes += [f"{stem} {note}" for note in said] if len(sources) > 1 else said
    computed = computed_name(sources, "residual")
    files = {stem.name: media.path(SEPARATIONS, stem.media.sha256) for stem in stems}
    mixture = media.mixture_file(song)
    if not anyway:
        looking = portion(checkpoint, 0.95, 0.97)
        found = {name: find_presence(mixture, path, looking) for name, path in files.items()}
        require_present(found, song.name)
    left = _left_db(mixture, SplitFiles(files, computed), portion(checkpoint, 0.97, 1.0))
    if len(sources) > 1:
        notes.append(
            "the stems sum to the song"
            if left <= _SILENT_DB
            else f"what they leave of the song, {computed}, peaks at {left:.1f} dB"
        )
    only = next(iter(sources.values())).stem if len(sources) == 1 else ""
    return Separation(
        id=new_id(),
        name=cleaned_name(only or f"Imported {', '.join(stem.name for stem in stems)}"),
        stems=tuple(stems),
        computed=computed,
        origin="import",
        drums=serving_as_drums(sources),
        notes=note_texts(notes),
    )


def require_stems(sources: Mapping[str, Path], song: Song) -> None:
    """Refuse names that no stems can have, before any work.

    Raises
    ------
    ProjectError
        If there are none or too many, or a name can be none.
    """
    what = f"Cannot take the stems of {song.name}"
    wrong = [name for name in sources if not is_name(name)]
    if wrong:
        shown = wrong[0] if len(wrong[0]) <= LONGEST_NAME else wrong[0][:LONGEST_NAME] + "..."
        raise ProjectError(
            what,
            why=f"{shown!r} can not be the name of a stem.",
            fix=f"Use a short lower-case word, such as {', '.join(list(KNOWN)[:3])}, without "
            f"slashes and of at most {LONGEST_NAME} letters.",
        )
    if not 1 <= len(sources) <= MAX_STEMS:
        raise ProjectError(
            what,
            why=f"there are {len(sources)}; a separation has 1 to {MAX_STEMS}.",
            fix="Add some of them up first." if sources else "Name a file for each stem.",
        )


def named_stems(files: Iterable[Path], song: Song) -> tuple[dict[str, Path], tuple[Path, ...]]:
    """Return which stem each of some files is, by their names, and those that are the whole song.

    A name that says a usual stem ("03 Night - Drums.wav") is that stem; else the file's own
    name is the stem's. A file called mix, original or like the song itself is left out.

    Parameters
    ----------
    files : iterable of Path
        Sound files.
    song : Song
        The song that they are stems of.
    """
    stems: dict[str, Path] = {}
    whole = []
    titles = {_plain(song.name), _plain(Path(song.source).stem)}
    for path in sorted(files):
        words = re.findall(r"[^\W_]+", path.stem.lower())
        known = [_ALIASES.get(word, word) for word in words]
        usual = next((word for word in reversed(known) if word in KNOWN), "")
        if not usual and (_plain(path.stem) in titles or words[-1:] and words[-1] in _WHOLE):
            whole.append(path)
            continue
        name = usual if usual and usual not in stems else _plain(path.stem) or "track"
        number = 1
        while name in stems or not is_name(name):
            number += 1
            name = f"{_plain(path.stem)[: LONGEST_NAME - 5] or 'track'} {number}"
        stems[name] = path
    return stems, tuple(whole)


def are_stems(files: Sequence[Path], song: Song) -> bool:
    """Return whether most of some files are stems of a song, as their names tell."""
    stems, _ = named_stems(files, song)
    usual = sum(name in KNOWN for name in stems)
    return usual > 0 and 2 * usual >= len(stems)


def _plain(text: str) -> str:
    """Return a file's name as a stem's: small letters, one space between words."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text).lower())
    return " ".join(words)[:LONGEST_NAME].strip()


# --- inside ----------------------------------------------------------------------------


def _imported(
    stem: str,
    source: Path,
    song: Song,
    media: ProjectMedia,
    pool: WorkerPool,
    checkpoint: Checkpoint,
    later_seconds: float,
) -> tuple[Media, list[str]]:
    with media.incoming(SEPARATIONS) as decoded_path:
        decoded = pool.run(
            "decode", portion(checkpoint, 0.0, 0.6), source=str(source), target=str(decoded_path)
        )
        notes = [f"imported from {source.name}", *decoded["notes"]]
        with media.incoming(SEPARATIONS) as fitted_path:
            fitting = portion(checkpoint, 0.6, 0.9)
            notes += _fit(*(decoded_path, fitted_path, song, stem, source, fitting, later_seconds))
            sha256, size = media.keep(fitted_path, SEPARATIONS)
    checkpoint(1.0, f"Imported {source.name}")
    return shape_of(media.path(SEPARATIONS, sha256), sha256, size), notes


def _left_db(mixture: Path, stems: SplitFiles, checkpoint: Checkpoint) -> float:
    """Return the peak of what some stems leave of a song, in dB of full scale."""
    peak = 0.0
    with SongReader(mixture, stems) as reader:
        for start in range(0, reader.samples, _BLOCK_SAMPLES):
            checkpoint(start / reader.samples, "Looking at what the stems leave")
            count = min(_BLOCK_SAMPLES, reader.samples - start)
            peak = max(peak, float(np.abs(reader.read(stems.computed, start, count)).max()))
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def _fit(
    decoded: Path,
    target: Path,
    song: Song,
    stem: str,
    source: Path,
    checkpoint: Checkpoint,
    later_seconds: float,
) -> list[str]:
    """Write a stem with the song's rate, channels and length; return what had to be done."""
    shape = song.mixture
    what = f"Cannot take {source.name} as the {stem} of {song.name}"
    atomic.require_free(target.parent, 4 * shape.samples * shape.channels, what)
    with WavReader(decoded) as reader:
        if shape.channels != 1 and reader.channels not in (1, shape.channels):
            raise AudioOpenError(
                what,
                why=f"it has {reader.channels} channels and the song has {shape.channels}.",
                fix="Export it with as many channels as the song.",
            )
        with (
            atomic.writing(target, what=what, kind=ProjectError) as temporary,
            WavWriter(temporary, shape.sample_rate, shape.channels) as writer,
        ):
            later = round(later_seconds * shape.sample_rate)
            for block in _later(_fitted_blocks(reader, shape), shape, later):
                checkpoint(writer.samples / max(1, shape.samples), f"Importing {source.name}")
                writer.write(block[:, : shape.samples - writer.samples])
        notes = _fitting_notes(reader, shape)
        if later:
            way = "later" if later > 0 else "earlier"
            notes.append(f"moved {abs(later) / shape.sample_rate:.3f} s {way}")
        return notes


def _fitted_blocks(reader: WavReader, shape: Media) -> Iterator[Samples]:
    """Yield the samples at a song's rate and with its channels, at least as many as it has."""
    length = resampled_length(reader.samples, reader.sample_rate, shape.sample_rate)
    same_rate = reader.sample_rate == shape.sample_rate
    stream = StreamResampler(reader.sample_rate, shape.sample_rate, shape.channels, length)
    for start in range(0, reader.samples, _BLOCK_SAMPLES):
        block = reader.read(start, min(_BLOCK_SAMPLES, reader.samples - start))
        block = _with_channels(block, shape.channels)
        yield block if same_rate else stream.push(block)
    if not same_rate:
        yield stream.finish()
    for start in range(length, shape.samples, _BLOCK_SAMPLES):
        count = min(_BLOCK_SAMPLES, shape.samples - start)
        yield np.zeros((shape.channels, count), dtype=np.float32)


def _later(blocks: Iterator[Samples], shape: Media, samples: int) -> Iterator[Samples]:
    """Yield sound some samples later, or earlier by a negative number, with silence around it."""
    silence = np.zeros((shape.channels, _BLOCK_SAMPLES), dtype=np.float32)
    for start in range(0, max(samples, 0), _BLOCK_SAMPLES):
        yield silence[:, : min(_BLOCK_SAMPLES, samples - start)]
    skipped = max(-samples, 0)
    for block in blocks:
        left = block[:, skipped:]
        skipped = max(skipped - block.shape[1], 0)
        if left.shape[1]:
            yield left
    for start in range(0, max(-samples, 0), _BLOCK_SAMPLES):
        yield silence[:, : min(_BLOCK_SAMPLES, -samples - start)]


def _fitting_notes(reader: WavReader, shape: Media) -> list[str]:
    notes = []
    if reader.channels != shape.channels:
        notes.append(f"made of {reader.channels} channels into {shape.channels}")
    if reader.sample_rate != shape.sample_rate:
        notes.append(f"resampled from {reader.sample_rate} to {shape.sample_rate} Hz")
    length = resampled_length(reader.samples, reader.sample_rate, shape.sample_rate)
    if length != shape.samples:
        seconds = abs(length - shape.samples) / shape.sample_rate
        done = "cut at the song's end by" if length > shape.samples else "filled with silence for"
        notes.append(f"{done} {seconds:.3f} s")
    return notes


def _with_channels(block: Samples, channels: int) -> Samples:
    if block.shape[0] == channels:
        return block
    if block.shape[0] == 1:
        return np.repeat(block, channels, axis=0)
    mono: Samples = block.mean(axis=0, keepdims=True, dtype=np.float32)
    return mono
