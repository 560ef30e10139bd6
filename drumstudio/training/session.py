"""A training that can be watched, paused and stopped from other processes; the job `train`."""

from __future__ import annotations

import contextlib
import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from drumstudio import atomic
from drumstudio.catalog.install import install_best
from drumstudio.catalog.model_card import CARD_NAME, OWN_PROTOCOL, RANKING_METRIC, read_card
from drumstudio.core.errors import Cancelled, DrumStudioError
from drumstudio.files.training_folder import (
    BEST_FOLDER,
    EXAMPLE_FOLDER,
    ORDER_NAME,
    STOP,
    Order,
    TrainingFolderError,
    clear_request,
    is_among_the_users,
    read_progress,
    read_request,
    take_lock,
    write_order,
    write_progress,
)
from drumstudio.files.training_origin import read_installed
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import Checkpoint
from drumstudio.training import run
from drumstudio.training.cards import card_line
from drumstudio.training.data import SAMPLE_RATE, SampleCache, Source
from drumstudio.training.folders import FEWEST_TO_SPLIT
from drumstudio.training.held_out import (
    LONGEST_SECONDS,
    Samples,
    SongExcerpt,
    drums_by,
    mean_sdr,
    song_excerpts,
)
from drumstudio.training.trainer import Trainer

_WRITE_SECONDS = 1.0
_LOOK_SECONDS = 0.2
_MOST_POINTS = 400
_FIRST_STEPS = 3  # before the speed is believed


def train_job(checkpoint: Checkpoint, *, folder: str, **order: Any) -> dict[str, Any]:
    """Train as `run.train_job` does, seen and steered through the training's folder.

    Parameters
    ----------
    checkpoint : Checkpoint
    folder : str
        The training's own. In the user's folder of trainings, what came of it is put among the
        user's models when it is over.
    **order
        The other arguments of `run.train_job`.

    Returns
    -------
    dict
        As of `run.train_job`, and `state` ("done" or "stopped") and `installed` (id or "").

    Raises
    ------
    DrumStudioError
        As `run.train_job`; `TrainingFolderError` if another process trains there.
    Cancelled
        Also if somebody asked for a pause.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise atomic.explain_os_error(error, f"Cannot train in {place.name}", place) from error
    with contextlib.closing(_Lock(place)):
        return _Session(checkpoint, place, order).train()


class _Lock:
    """The training's lock, for a `with` block."""

    def __init__(self, folder: Path) -> None:
        self._lock = take_lock(folder)

    def close(self) -> None:
        self._lock.release()


class _Session:
    """One stretch of a training, from start or resume to pause or end."""

    def __init__(self, checkpoint: Checkpoint, folder: Path, order: dict[str, Any]) -> None:
        self._checkpoint = checkpoint
        self._folder = folder
        self._order = order
        self._progress = replace(
            read_progress(folder), state="preparing", error=None, seconds_left=None
        )
        if not any((folder / BEST_FOLDER).glob(f"*/{CARD_NAME}")):
            self._change(best=None)  # its process was ended while it kept one
        self._asked = ""
        self._written = self._looked = -math.inf
        self._began: tuple[float, float] | None = None
        self._excerpts: list[SongExcerpt] = []
        self._example: SongExcerpt | None = None
        self._bucket: list[float] = []
        self._stride = 1
        self._model = Path()
        self._trainer: Trainer | None = None

    def train(self) -> dict[str, Any]:
        try:
            return self._train()
        except DrumStudioError as error:
            # While the lock is held: nobody may see it gone without a word.
            self._change(state="failed", seconds_left=None, error=error.to_dict())
            self._write()
            raise

    def _train(self) -> dict[str, Any]:
        known = {name: value for name, value in self._order.items() if name != "steps"}
        write_order(self._folder, Order(**{**known, "data": tuple(known["data"])}))
        self._write()
        try:
            result = run.train_job(
                self._on_checkpoint, folder=str(self._folder), follow=self._follow, **self._order
            )
        except Cancelled:
            if self._asked != STOP:
                self._end("paused")
                raise
            result = self._stopped_report()
        except OSError as error:
            what = f"Cannot go on with the training {self._folder.name}"
            raise atomic.explain_os_error(
                error, what, Path(error.filename or self._folder)
            ) from error
        state = "stopped" if self._asked == STOP else "done"
        if is_among_the_users(self._folder) and self._progress.best is not None:
            install_best(self._folder)
        self._end(state)
        if is_among_the_users(self._folder) and state == "done":
            # Gigabytes that can be made again, should it ever go on after all.
            for name in ("pool", "decoded"):
                shutil.rmtree(self._folder / name, ignore_errors=True)
        return {**result, "state": state, "installed": read_installed(self._folder)[0]}

    def _stopped_report(self) -> dict[str, Any]:
        trainer = self._trainer
        return {
            "model": str(self._model),
            "steps": 0 if trainer is None else trainer.step,
            "minutes": 0.0 if trainer is None else round(trainer.seconds / 60, 2),
            "skipped_steps": 0 if trainer is None else trainer.skipped,
            "device": self._progress.device,
            "problems": {},
        }

    # --- what others see -----------------------------------------------------------------

    def _change(self, **news: Any) -> None:
        self._progress = replace(self._progress, **news)

    def _write(self) -> None:
        """Write the state; that it can not be written does not end a training that can go on."""
        self._written = time.monotonic()
        with contextlib.suppress(DrumStudioError, OSError):
            write_progress(self._folder, self._progress)

    def _end(self, state: str) -> None:
        clear_request(self._folder)
        self._change(state=state, seconds_left=None, message="")
        self._write()

    def _on_checkpoint(self, fraction: float, message: str) -> None:
        now = time.monotonic()
        if now - self._looked > _LOOK_SECONDS:
            self._looked = now
            if not (self._folder / ORDER_NAME).exists():
                raise TrainingFolderError(
                    f"The training {self._folder.name} has ended",
                    why="its folder is not there any more.",
                    fix="Begin a new one.",
                )
            self._asked = read_request(self._folder)
        # A training that goes on is not at its beginning while it prepares.
        least = self._progress.fraction if self._trainer is None else 0.0
        self._change(fraction=min(max(fraction, least), 1.0), message=message)
        if now - self._written > _WRITE_SECONDS:
            self._write()
        self._checkpoint(fraction, message)
        if self._asked:
            raise Cancelled

    # --- following the trainer -----------------------------------------------------------

    def _follow(self, trainer: Trainer, sources: Sequence[Source], model: Path) -> None:
        """Look on from now; called once, when the training is ready for its first step."""
        self._model, self._trainer = model, trainer
        cache = SampleCache(self._folder / "decoded")
        self._excerpts = list(song_excerpts(sources, cache, "valid"))
        taught = None if self._excerpts else next(song_excerpts(sources, cache, "train", 1), None)
        self._example = self._excerpts[0] if self._excerpts else taught
        songs, minutes = _amount(sources)
        many = "song" if songs == 1 else "songs"
        self._change(
            device=trainer.device,
            songs=songs,
            minutes=minutes,
            material=f"{songs} {many}, {minutes:.1f} minutes",
            score_data=self._score_words(songs),
            example=self._example_words(),
            # After a crash the trainer begins where it saved last: what came later is gone.
            losses=tuple(point for point in self._progress.losses if point[0] <= trainer.step),
            scores=tuple(point for point in self._progress.scores if point[0] <= trainer.step),
            step=trainer.step,
        )
        self._stride = _stride_of(self._progress.losses)
        self._hear_the_beginning(trainer.device)
        ship = trainer.after_save
        trainer.after_step = self._on_step

        def saved(trainer: Trainer) -> None:
            if ship is not None:
                ship(trainer)
            self._on_save(trainer)

        trainer.after_save = saved
        self._change(state="training")
        self._write()

    def _score_words(self, songs: int) -> str:
        if not self._excerpts and songs < FEWEST_TO_SPLIT:
            return f"no song is held out: of fewer than {FEWEST_TO_SPLIT}, all are trained on"
        if not self._excerpts:
            return "no song with drums and other stems is held out"
        names = ", ".join(excerpt.song for excerpt in self._excerpts)
        return f"your songs held out: {names} (up to {LONGEST_SECONDS:.0f} s each)"

    def _example_words(self) -> str:
        if self._example is None:
            return ""
        held = "held out" if self._excerpts else "trained on, so it flatters"
        return f"{self._example.song} ({held})"

    def _hear_the_beginning(self, device: str) -> None:
        """Write the example, and score doing nothing and the model that it begins with."""
        example = self._example
        if example is None:
            return
        self._say("Listening to what it begins with")
        self._write_example("mixture", example.mixture)
        self._write_example("true", example.drums)
        start = self._order.get("from_card")
        before = (
            drums_by(Path(start), self._excerpts or [example], device)
            if start is not None
            else None
        )
        if before is not None:
            self._write_example("before", before[0])
        if self._excerpts:
            nothing = mean_sdr(self._excerpts, [one.mixture for one in self._excerpts])
            self._change(
                mixture_score=nothing,
                start_score=None if before is None else mean_sdr(self._excerpts, before),
            )

    def _on_step(self, trainer: Trainer, figures: dict[str, float]) -> None:
        now = time.monotonic()
        self._began = self._began or (now, trainer.progress)
        if math.isfinite(figures["loss"]):
            self._bucket.append(figures["loss"])
        losses = self._progress.losses
        if len(self._bucket) >= self._stride:
            losses = (*losses, (trainer.step, sum(self._bucket) / len(self._bucket)))
            self._bucket = []
            if len(losses) > _MOST_POINTS:
                losses, self._stride = losses[1::2], self._stride * 2
        # By the clock, not by the trainer's own time: scores and saves take time, too.
        since, begun = now - self._began[0], self._began[1]
        gained = trainer.progress - begun
        left = since * (1 - trainer.progress) / gained if gained > 0 else None
        known = trainer.step > _FIRST_STEPS
        self._change(step=trainer.step, losses=losses, seconds_left=left if known else None)

    def _on_save(self, trainer: Trainer) -> None:
        """Score what was saved, keep it if it is the best, and let it be heard."""
        if self._asked and self._asked != STOP:
            # A pause shall not take as long as a score; the next save is scored again.
            if self._progress.best is None:
                self._keep(trainer.step, None)
            return
        scores = self._progress.scores
        if scores and scores[-1][0] == trainer.step:
            return  # the last step may be saved twice
        score = None
        if self._example is not None:
            self._say("Listening to what it has learnt")
            heard = self._excerpts or [self._example]
            estimates = drums_by(self._model, heard, trainer.device)
            self._write_example("now", estimates[0])
            if self._excerpts:
                score = mean_sdr(self._excerpts, estimates)
                self._change(scores=(*scores, (trainer.step, score)))
        best = self._progress.best
        if score is None or best is None or best[1] is None or score > best[1]:
            self._keep(trainer.step, score)
        self._write()

    def _say(self, message: str) -> None:
        self._change(message=message)
        self._write()

    def _write_example(self, name: str, samples: Samples) -> None:
        folder = self._folder / EXAMPLE_FOLDER
        folder.mkdir(exist_ok=True)
        with (
            atomic.writing(folder / f"{name}.wav") as path,
            WavWriter(path, SAMPLE_RATE, samples.shape[0]) as writer,
        ):
            writer.write(samples)

    def _keep(self, step: int, score: float | None) -> None:
        """Keep the model so far as the best, with what it learnt from and its score."""
        best = self._folder / BEST_FOLDER
        kept = best / self._model.name
        for folder in (best, kept):
            folder.mkdir(exist_ok=True)
        card = read_card(self._model)
        text = (self._model / CARD_NAME).read_text(encoding="utf-8")
        # The card, replaced at once, is what makes the new weights the best: whatever ends the
        # process before, the ones that were kept stand.
        weights = f"step-{step}.safetensors"
        with atomic.writing(kept / weights) as path:
            shutil.copyfile(self._model / card.weights, path)
        text = text.replace(f'\nweights = "{card.weights}"\n', f'\nweights = "{weights}"\n', 1)
        words = self._progress.material, self._progress.score_data
        atomic.write_text(kept / CARD_NAME, _own_card(text, *words, score))
        for old in kept.glob("*.safetensors"):
            if old.name != weights:
                old.unlink()
        self._change(best=(step, score))


def _own_card(text: str, material: str, score_data: str, score: float | None) -> str:
    """Return a trained model's card as one of the user's own."""
    stems = {"name": "Your stems", "licence": "yours", "credit": material}
    place = text.find("\n[[trained_on]]")
    place = len(text) if place < 0 else place
    text = text[:place] + _table("trained_on", stems) + text[place:]
    text = text.replace('\nlicence = "MIT"\n', '\nlicence = "yours"\n', 1)
    if score is not None:
        figures = {
            "metric": RANKING_METRIC,
            "value": round(score, 3),
            "data": score_data,
            "protocol": OWN_PROTOCOL,
        }
        text += _table("scores", figures)
    return text


def _table(kind: str, entries: dict[str, object]) -> str:
    lines = [card_line(key, value) for key, value in entries.items()]
    return "\n".join(["", f"[[{kind}]]", *lines, ""])


def _amount(sources: Sequence[Source]) -> tuple[int, float]:
    """Return how many songs are trained on, and the minutes of music in all."""
    lengths: dict[str, float] = {}
    loose = 0.0
    for source in sources:
        if source.split != "train" or source.role not in ("drums", "rest"):
            continue
        if source.song:
            lengths[source.song] = max(lengths.get(source.song, 0.0), source.seconds)
        else:
            loose += source.seconds
    return len(lengths), round((sum(lengths.values()) + loose) / 60, 2)


def _stride_of(losses: Sequence[tuple[int, float]]) -> int:
    return max(1, losses[-1][0] - losses[-2][0]) if len(losses) > 1 else 1
