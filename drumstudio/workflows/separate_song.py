"""One song to its stems: decode, separate (or take from the cache), export."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from drumstudio import atomic
from drumstudio.core.errors import DrumStudioError, OutputExistsError, SettingError
from drumstudio.core.stems import DRUMLESS
from drumstudio.files.formats import FORMATS, Format, require_channels
from drumstudio.files.result_cache import CachedResult, ResultCache, cache_key, refined_key
from drumstudio.inference.version import ENGINE_VERSION
from drumstudio.jobs.job import Checkpoint, portion
from drumstudio.workers.pool import WorkerPool
from drumstudio.workflows.separation_settings import (
    RefinementSettings,
    SeparationSettings,
    split_of,
)
from drumstudio.workflows.write_stems import file_names, write_stems


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """What is written, and how.

    Parameters
    ----------
    folder : Path
        Where to.
    stems : tuple of str
        Which stems of the model, or "drumless"; empty for all of them.
    file_format : str
        One of `files.formats.ALL_FORMATS`; a stem file holds all stems.
    name_template : str
        With the fields {song}, {stem} and {model}.
    overwrite : {"never", "always", "refuse"}
        What to do about files that are there: keep them and skip, replace them, or fail.
    inputs : tuple of Path
        Songs of the same run, which are never replaced.
    """

    folder: Path
    stems: tuple[str, ...] = ()
    file_format: str = "wav24"
    name_template: str = "{song}_{stem}"
    overwrite: str = "refuse"
    inputs: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Separated:
    """A separation that stands on disk as long as its context lasts.

    Parameters
    ----------
    mixture, drums : Path
        Media WAV files of one length, rate and number of channels.
    record : dict
        What the engine reported: device, seconds, real_time_factor, notes, ...
    from_cache : bool
        True if nothing had to be computed.
    """

    mixture: Path
    drums: Path
    record: dict[str, Any]
    from_cache: bool


@dataclass(slots=True)
class SongReport:
    """What happened to one song; `to_dict` is a row of `studio separate --json`.

    `passed_over` says what a file of a named folder is that is no song, None for songs;
    `silenced_samples` how many samples were no numbers (NaN, infinite) and became silence.
    """

    song: str
    model: str
    device: str | None = None
    seconds: float | None = None
    real_time_factor: float | None = None
    null_residual_dbfs: float | None = None
    sums: list[list[str]] = field(default_factory=list)
    gain_db: float | None = None
    from_cache: bool = False
    skipped: bool = False
    passed_over: str | None = None
    silenced_samples: int = 0
    files: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: dict[str, str] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON-able values."""
        return asdict(self)


def output_paths(
    song: Path, relative: Path, settings: SeparationSettings, export: ExportSettings
) -> dict[str, Path]:
    """Return where each stem of a song goes: {"drums": Path, ...}.

    Raises
    ------
    SettingError
        If the model gives no such stem, or the name template has an unknown field or gives two
        stems one name.
    """
    card = settings.card
    stems = export.stems or card.all_stems
    known = (*card.all_stems, *((DRUMLESS,) if card.drums else ()))
    unknown = [stem for stem in stems if stem not in known]
    if unknown:
        raise SettingError(
            f"Cannot export {' and '.join(unknown)}",
            why=f"{card.name} gives {', '.join(card.all_stems)}"
            + ("." if card.drums else ", and none of them serves as drums."),
            fix=f"Choose among {', '.join(known)}.",
        )
    names = file_names(
        export.name_template,
        {stem: stem for stem in stems},
        export.file_format,
        song=song.stem,
        model=settings.card.id,
    )
    return {stem: export.folder / relative / name for stem, name in names.items()}


@contextmanager
def separated(
    song: Path,
    settings: SeparationSettings,
    pool: WorkerPool,
    cache: ResultCache,
    checkpoint: Checkpoint,
    form: Format | None,
) -> Iterator[Separated]:
    """Decode and separate a song; the files may be read until the context ends.

    Raises
    ------
    DrumStudioError
        If the song can not be read or the separation fails, or `form` does not hold its channels:
        then before it is separated.
    Cancelled
        If the person asked to stop; what was computed is kept and used by the next try.
    """
    with cache.scratch() as folder:
        mixture = folder / "mixture.wav"
        decoded = pool.run(
            "decode", portion(checkpoint, 0.0, 0.05), source=str(song), target=str(mixture)
        )
        what = f"Cannot write the stems of {song.name}"
        if form is not None:
            require_channels(form, decoded["channels"], decoded["speakers"], what)
        found, from_cache = separate_mixture(
            mixture, decoded["sha256"], settings, pool, cache, portion(checkpoint, 0.05, 0.95)
        )
        record = {
            **found.record,
            "notes": [*decoded["notes"], *found.record["notes"]],
            "silenced": decoded["silenced"],
        }
        with found:
            yield Separated(mixture, found.drums, record, from_cache)


def separate_mixture(
    mixture: Path,
    samples_sha256: str,
    settings: SeparationSettings,
    pool: WorkerPool,
    cache: ResultCache,
    checkpoint: Checkpoint,
    *,
    start_seconds: float = 0.0,
    preview: Path | None = None,
) -> tuple[CachedResult, bool]:
    """Return the drums of a decoded song, and whether they were in the cache already.

    Parameters
    ----------
    mixture : Path
        A media WAV.
    samples_sha256 : str
        Hash of its samples, as the decode job returned it.
    start_seconds : float
        What follows it is separated first.
    preview : Path, optional
        A media file in which what is finished can be heard at once (`files.preview`).

    Raises
    ------
    DrumStudioError
        If the separation fails.
    Cancelled
        If the person asked to stop; what was computed is kept and used by the next try.
    """
    key = cache_key(samples_sha256, settings.card.hash, ENGINE_VERSION, settings.parameters)
    chain = [key]
    for one in settings.refinements:
        chain.append(refined_key(chain[-1], one.card.hash, ENGINE_VERSION, one.parameters))
    found = cache.get(chain[-1])
    if found is not None:
        return found, True
    share = 1.0 if not settings.refinements else 0.9
    part = portion(checkpoint, 0.0, share)
    found, from_cache = _separated_mixture(
        *(mixture, key, settings, pool, cache, part), start_seconds=start_seconds, preview=preview
    )
    for number, (one, key) in enumerate(zip(settings.refinements, chain[1:], strict=True)):
        step = (1.0 - share) / len(settings.refinements)
        part = portion(checkpoint, share + step * number, share + step * (number + 1))
        with found:
            found = _refined(mixture, found, one, key, pool, cache, part)
    return found, from_cache


def _refined(
    mixture: Path,
    before: CachedResult,
    settings: RefinementSettings,
    key: str,
    pool: WorkerPool,
    cache: ResultCache,
    checkpoint: Checkpoint,
) -> CachedResult:
    there = cache.get(key)
    if there is not None:
        return there
    with cache.scratch() as folder:
        target = folder / "drums.wav"
        made = pool.run(
            "refine",
            checkpoint,
            mixture=str(mixture),
            drums=str(before.drums),
            target=str(target),
            card_folder=str(settings.card.folder),
            settings=settings.parameters,
        )
        seconds = float(before.record["seconds"]) + float(made["seconds"])
        return cache.put(key, target, {**before.record, "seconds": seconds})


def _separated_mixture(
    mixture: Path,
    key: str,
    settings: SeparationSettings,
    pool: WorkerPool,
    cache: ResultCache,
    checkpoint: Checkpoint,
    *,
    start_seconds: float,
    preview: Path | None,
) -> tuple[CachedResult, bool]:
    found = cache.get(key)
    if found is not None:
        return found, True
    with cache.scratch() as folder:
        drums = folder / "drums.wav"
        with cache.working(key) as work_folder:
            record = pool.run(
                "separate",
                checkpoint,
                mixture=str(mixture),
                drums=str(drums),
                card_folder=str(settings.card.folder),
                settings=settings.parameters,
                device=settings.device,
                threads=settings.threads,
                work_folder=str(work_folder),
                start_seconds=start_seconds,
                preview=str(preview) if preview is not None else None,
            )
        return cache.put(key, drums, record), False


def separate_song(
    song: Path,
    relative: Path,
    settings: SeparationSettings,
    export: ExportSettings,
    pool: WorkerPool,
    cache: ResultCache,
    checkpoint: Checkpoint,
) -> SongReport:
    """Separate a song and write its stems; return what happened.

    Parameters
    ----------
    song : Path
        The song's file.
    relative : Path
        The folder below `export.folder` that its stems go to.

    Raises
    ------
    DrumStudioError
        If anything fails; nothing half-written is left.
    Cancelled
        If the person asked to stop.
    """
    started = time.monotonic()
    report = SongReport(str(song), settings.card.id)
    outputs = output_paths(song, relative, settings, export)
    there = [path for path in outputs.values() if os.path.lexists(path)]
    if there and export.overwrite == "never":
        report.skipped = True
        report.notes.append(f"skipped: {there[0].name} is there already")
        return report
    if there and export.overwrite != "always":
        raise OutputExistsError(
            f"Cannot write {there[0].name}",
            why=f"{there[0].parent} holds a file of that name already.",
            fix="Choose another folder or name, or say --overwrite never or always.",
        )
    for path in there:  # asked before the work: it costs no waiting
        atomic.require_replaceable(path, (song, *export.inputs))
    with (
        _output_folder(export.folder / relative, song),
        separated(
            song, settings, pool, cache, checkpoint, FORMATS.get(export.file_format)
        ) as result,
    ):
        written = write_stems(
            result.mixture,
            split_of(settings.card, result.drums),
            outputs,
            pool,
            portion(checkpoint, 0.95, 1.0),
            file_format=export.file_format,
            overwrite=export.overwrite == "always",
            source=song,
            title=song.stem,
        )
    report.device = result.record["device"]
    report.seconds = round(time.monotonic() - started, 3)
    report.real_time_factor = result.record["real_time_factor"]
    report.null_residual_dbfs = written["null_residual_dbfs"]
    report.sums = written["sums"]
    report.gain_db = written["gain_db"]
    report.from_cache = result.from_cache
    report.silenced_samples = result.record["silenced"]
    report.files = written["files"]
    report.notes.extend([*result.record["notes"], *written["notes"]])
    return report


@contextmanager
def _output_folder(folder: Path, song: Path) -> Iterator[None]:
    """Make the folder before the work, so that one that can not be made costs no waiting."""
    there = folder.is_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise atomic.explain_os_error(
            error, f"Cannot write the stems of {song.name}", folder
        ) from error
    try:
        yield
    except BaseException:
        if not there:
            with suppress(OSError):  # it stays if another song's stems are in it
                folder.rmdir()
        raise


def failed(song: Path, settings: SeparationSettings, error: DrumStudioError) -> SongReport:
    """Return the report of a song that could not be done."""
    return SongReport(str(song), settings.card.id, error=error.to_dict())
