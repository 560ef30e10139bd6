"""Scores separators on excerpts whose true drums are known."""

from __future__ import annotations

import contextlib
import json
import re
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drumstudio import atomic
from drumstudio.catalog.catalog import default_catalog
from drumstudio.catalog.model_card import RANKING_PROTOCOL, ModelCard, read_card
from drumstudio.core import scores
from drumstudio.core.audio import Audio, Samples
from drumstudio.core.errors import AudioOpenError
from drumstudio.core.stft import istft, stft
from drumstudio.files.decode import decode
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.inference.separate import separate
from drumstudio.jobs.job import Checkpoint, no_checkpoint, portion
from drumstudio.training import evaluation_sets
from drumstudio.training.plots import plot_scores
from drumstudio.training.score_table import as_table, song_of

MIXTURE, ORACLE, BASELINE = "mixture", "oracle_wiener", "hpss"
"""Rows that stand in every table: doing nothing, the best mask there is, a method without data."""

_WIENER_N_FFT, _WIENER_HOP = 4096, 1024
_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".m4a", ".opus", ".aif", ".aiff")

# proc(5): 5 resets the high-water mark that status shows as VmHWM.
_CLEAR_PEAK, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")

Row = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A piece of music with its true drums.

    Parameters
    ----------
    name : str
        Its folder's name.
    mixture, drums : Audio
        Of one shape and rate.
    """

    name: str
    mixture: Audio
    drums: Audio

    @property
    def song(self) -> str:
        """What its name begins with; excerpts of one song share it."""
        return song_of(self.name)


def evaluate(
    checkpoint: Checkpoint,
    *,
    folder: str,
    card_folders: list[str],
    device: str = "auto",
    threads: int = 1,
    full: bool = True,
    plot: str | None = None,
    report_folder: str | None = None,
    set_name: str | None = None,
    reason: str | None = None,
    log: str | None = None,
) -> dict[str, Any]:
    """Return how well models separate excerpts whose drums are known; a song has one vote.

    Parameters
    ----------
    checkpoint : Checkpoint
    folder : str
        Holds a folder for each excerpt with `drums.*` and `rest.*`, or `drums.*` and `mix.*`. A
        folder without both is left out, with a note. With a set: the audio pack.
    card_folders : list of str
        Folders of model cards; the baseline, the mixture and the oracle are added. All models are
        compared with the first.
    device : str
    threads : int
    full : bool
        Also separate the rest alone and the drums alone (three times the work).
    plot : str, optional
        A PNG of the scores is written there.
    report_folder : str, optional
        Where `evaluation.json`, `.md` and `.png` are written, under the set's name if there is one.
    set_name : str, optional
        "steer" or "check", see `evaluation_sets`.
    reason : str, optional
        What a run on "check" is for; it is written down.
    log : str, optional
        Where it is written down; by default beside the models that ship.

    Returns
    -------
    dict
        `excerpts` (name to model to row), `songs` (means of each song's excerpts), `median`,
        `mean` and `worst` over the songs (model to row; the worst leakage is the loudest),
        `interval` (model to the 95 % t-interval of its mean SDR), `paired` (model to how much
        better than the first it is, song by song: `mean`, `interval`, `worst_song`, `worst`),
        `set`, `protocol`, `device`, `notes`, `errors` (name to a plain error, of excerpts that
        can not be read: the others are scored), `table` (text). A row holds `sdr`, `si_sdr`,
        `frame_sdr`, `sdr_improvement`, `hpss_improvement` in decibels, `onset_f` in [0, 1],
        `real_time_factor`, `peak_memory_mb` (of the whole process), and, if `full`,
        `leakage_db` and `drums_alone_sdr`; what does not apply is None.

    Raises
    ------
    DrumStudioError
        If the folder holds no excerpt that can be read, or a model can not run.
    """
    evaluation_sets.require_a_reason(set_name, reason)
    if set_name is None:
        found, notes = find_excerpts(Path(folder))
    else:
        found, notes = _stems_of(evaluation_sets.excerpt_folders(Path(folder), set_name))
        if notes:
            raise AudioOpenError(
                f"Cannot evaluate on the set {set_name}",
                why=notes[0],
                fix="Give the folder of the audio pack as it was handed out.",
            )
    models = _with_baseline([read_card(Path(card)) for card in card_folders])
    table: dict[str, dict[str, Row]] = {}
    errors: dict[str, AudioOpenError] = {}
    songs: dict[str, list[str]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="evaluate-") as work:
        for number, (name, stems) in enumerate(found.items()):
            part = portion(checkpoint, number / len(found), (number + 1) / len(found))
            part(0.0, f"Reading {name}")
            try:
                excerpt = read_excerpt(name, stems, Path(work))
            except AudioOpenError as error:
                errors[name] = error
                continue
            songs[excerpt.song].append(name)
            runner = _Runner(excerpt, Path(work), device, threads, full)
            table[name] = runner.rows(part, models)
            notes += runner.notes
    if not table:
        raise next(iter(errors.values()))
    if errors and set_name is not None:
        raise next(iter(errors.values()))
    result = summarised(table, songs)
    result |= {
        "set": set_name,
        "protocol": RANKING_PROTOCOL,
        "device": device,
        "notes": sorted(set(notes)),
        "errors": {name: error.to_dict() for name, error in errors.items()},
    }
    result["table"] = as_table(result)
    if plot is not None:
        plot_scores(result, Path(plot))
    if set_name == evaluation_sets.CHECK:
        place = evaluation_sets.check_log() if log is None else Path(log)
        evaluation_sets.write_down(result, models, reason or "", place)
    if report_folder is not None:
        _write_report(Path(report_folder), result)
    return result


def summarised(table: dict[str, dict[str, Row]], songs: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the parts of `evaluate`'s result that follow from its rows.

    Parameters
    ----------
    table : dict
        Excerpt to model to row.
    songs : mapping of str to list of str
        Song to its excerpts.
    """
    names = list(next(iter(table.values())))
    by_song = {
        song: {model: _summary([table[part][model] for part in parts], _mean) for model in names}
        for song, parts in songs.items()
    }
    sdrs = {model: [float(rows[model]["sdr"] or 0) for rows in by_song.values()] for model in names}

    def over_songs(combine: Callable[[list[float]], float]) -> dict[str, Row]:
        return {m: _summary([rows[m] for rows in by_song.values()], combine) for m in names}

    worst = over_songs(min)
    for model, loudest in over_songs(max).items():
        worst[model]["leakage_db"] = loudest.get("leakage_db")
    methods = [model for model in names if model not in (MIXTURE, ORACLE, BASELINE)] or [BASELINE]
    paired = {}
    for model in methods[1:]:
        gains = [one - other for one, other in zip(sdrs[model], sdrs[methods[0]], strict=True)]
        least = int(np.argmin(gains))
        paired[model] = {
            "against": methods[0],
            "mean": _mean(gains),
            "interval": scores.t_interval(gains),
            "worst_song": list(by_song)[least],
            "worst": gains[least],
        }
    return {
        "excerpts": table,
        "songs": by_song,
        "median": over_songs(_median),
        "mean": over_songs(_mean),
        "worst": worst,
        "interval": {model: scores.t_interval(values) for model, values in sdrs.items()},
        "paired": paired,
    }


def find_excerpts(folder: Path) -> tuple[dict[str, dict[str, Path]], list[str]]:
    """Return the excerpts of a folder, name to stem to file, and what was left out.

    Raises
    ------
    AudioOpenError
        If there is none.
    """
    found, notes = _stems_of(sorted(path for path in folder.glob("*") if path.is_dir()))
    if not found:
        raise AudioOpenError(
            f"Cannot evaluate on {folder}",
            why="it holds no folder with drums and rest (or drums and mix).",
            fix="Give a folder with one folder for each excerpt, holding drums.wav and rest.wav.",
        )
    return found, notes


def _stems_of(folders: Iterable[Path]) -> tuple[dict[str, dict[str, Path]], list[str]]:
    found, notes = {}, []
    for excerpt in folders:
        stems = {
            path.stem.lower(): path
            for path in sorted(excerpt.iterdir())
            if path.suffix.lower() in _SUFFIXES
        }
        if "drums" in stems and ("rest" in stems or "mix" in stems):
            found[excerpt.name] = stems
        else:
            notes.append(f"{excerpt.name} was left out: it does not hold both drums and rest.")
    return found, notes


def oracle_wiener(mixture: Samples, drums: Samples) -> Samples:
    """Return the mixture through the mask that the true stems give, float32, same shape.

    Notes
    -----
    |D|^2 / (|D|^2 + |R|^2) on an STFT of 4096/1024: the usual upper bound of real masks.
    """
    rest = mixture - drums
    true = np.square(np.abs(stft(drums, _WIENER_N_FFT, _WIENER_HOP)))
    other = np.square(np.abs(stft(rest, _WIENER_N_FFT, _WIENER_HOP)))
    masked = stft(mixture, _WIENER_N_FFT, _WIENER_HOP) * (true / (true + other + 1e-12))
    return istft(masked.astype(np.complex64), _WIENER_HOP, mixture.shape[1])


def score(excerpt: Excerpt, estimate: Samples) -> Row:
    """Return the scores of one estimate of an excerpt's drums."""
    true, rate = excerpt.drums.samples, excerpt.drums.sample_rate
    plain = scores.sdr(true, estimate)
    return {
        "sdr": plain,
        "si_sdr": scores.si_sdr(true, estimate),
        "frame_sdr": scores.framewise_sdr(true, estimate, rate),
        "sdr_improvement": plain - scores.sdr(true, excerpt.mixture.samples),
        "onset_f": scores.onset_f(true, estimate, rate),
    }


class _Runner:
    """Separates one excerpt with every model."""

    def __init__(self, excerpt: Excerpt, work: Path, device: str, threads: int, full: bool) -> None:
        self._excerpt = excerpt
        self._work = work
        self._device = device
        self._threads = threads
        self._full = full
        self.notes: list[str] = []

    def rows(self, checkpoint: Checkpoint, models: list[ModelCard]) -> dict[str, Row]:
        """Return a row for the mixture, every model and the oracle."""
        excerpt = self._excerpt
        mixture, drums = excerpt.mixture.samples, excerpt.drums.samples
        rows = {MIXTURE: score(excerpt, mixture)}
        for number, card in enumerate(models):
            checkpoint(number / len(models), f"{card.name} on {excerpt.name}")
            _forget_peak_memory()
            began = time.perf_counter()
            estimate = self._separated(card, mixture)
            seconds = time.perf_counter() - began
            row = score(excerpt, estimate)
            row["real_time_factor"] = seconds / excerpt.mixture.seconds
            row["peak_memory_mb"] = _peak_memory_mb()
            if self._full:
                rest = mixture - drums
                row["leakage_db"] = scores.leakage_db(rest, self._separated(card, rest))
                row["drums_alone_sdr"] = scores.sdr(drums, self._separated(card, drums))
            rows[card.id] = row
        rows[ORACLE] = score(excerpt, oracle_wiener(mixture, drums))
        columns = list(dict.fromkeys(key for row in rows.values() for key in row))
        for row in rows.values():
            for column in columns:
                row.setdefault(column, None)
            row["hpss_improvement"] = (row["sdr"] or 0.0) - (rows[BASELINE]["sdr"] or 0.0)
        return rows

    def _separated(self, card: ModelCard, samples: Samples) -> Samples:
        given, taken = self._work / "given.wav", self._work / "taken.wav"
        with WavWriter(given, self._excerpt.mixture.sample_rate, samples.shape[0]) as writer:
            writer.write(samples)
        chunks = self._work / "chunks"
        separate(
            no_checkpoint,
            mixture=str(given),
            drums=str(taken),
            card_folder=str(card.folder),
            settings={},
            device=self._device,
            threads=self._threads,
            chunk_seconds=None,
            work_folder=str(chunks),
        )
        return _read(taken).samples


def _forget_peak_memory() -> None:
    """Let the system measure this process's peak memory anew, where it can."""
    with contextlib.suppress(OSError):
        _CLEAR_PEAK.write_text("5")


def _peak_memory_mb() -> float | None:
    """Return the most memory the process held since `_forget_peak_memory`; None off Linux."""
    try:
        text = _STATUS.read_text()
    except OSError:
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return int(found[1]) / 1024 if found else None


def _with_baseline(cards: list[ModelCard]) -> list[ModelCard]:
    baseline = (
        [] if any(card.id == BASELINE for card in cards) else [default_catalog().find(BASELINE)]
    )
    return baseline + cards


def read_excerpt(name: str, stems: dict[str, Path], work: Path) -> Excerpt:
    """Return an excerpt, its stems decoded; the shorter stem sets the length.

    Raises
    ------
    AudioOpenError
        If a stem can not be opened, or rates or channels of the stems differ.
    """
    other = "rest" if "rest" in stems else "mix"
    parts = {}
    for stem in ("drums", other):
        target = work / f"{stem}.wav"
        try:
            decode(no_checkpoint, source=str(stems[stem]), target=str(target))
        except AudioOpenError as error:
            what = f"Cannot evaluate on {name}: {stems[stem].name} can not be opened"
            raise AudioOpenError(what, why=error.why, fix=error.fix) from error
        parts[stem] = _read(target)
    drums, second = parts["drums"], parts[other]
    if (drums.sample_rate, drums.channels) != (second.sample_rate, second.channels):
        raise AudioOpenError(
            f"Cannot evaluate on {name}",
            why=f"its drums have {drums.channels} channels at {drums.sample_rate} Hz, "
            f"its {other} {second.channels} at {second.sample_rate} Hz.",
            fix="Export both stems with one rate and one number of channels.",
        )
    count = min(drums.samples.shape[1], second.samples.shape[1])
    true, beside = drums.samples[:, :count], second.samples[:, :count]
    mixture = true + beside if other == "rest" else beside
    return Excerpt(name, Audio(mixture, drums.sample_rate), Audio(true, drums.sample_rate))


def _read(path: Path) -> Audio:
    with WavReader(path) as reader:
        return Audio(reader.read(0, reader.samples), reader.sample_rate)


def _mean(values: list[float]) -> float:
    return float(statistics.fmean(values))


def _median(values: list[float]) -> float:
    return float(statistics.median(values))


def _summary(rows: list[Row], combine: Callable[[list[float]], float]) -> Row:
    summary: Row = {}
    for key in rows[0]:
        values = [value for row in rows if (value := row[key]) is not None]
        summary[key] = combine(values) if values else None
    return summary


def _write_report(folder: Path, result: dict[str, Any]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise atomic.explain_os_error(error, "Cannot write the evaluation", folder) from error
    name = result["set"] or "evaluation"
    atomic.write_text(folder / f"{name}.json", json.dumps(result, indent=1) + "\n")
    atomic.write_text(folder / f"{name}.md", result["table"])
    plot_scores(result, folder / f"{name}.png")
