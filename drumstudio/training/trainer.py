"""The training loop: AdamW, warm-up, one cosine, an averaged copy, and a state to go on from."""

from __future__ import annotations

import copy
import io
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from drumstudio import atomic
from drumstudio.catalog.weights import LOAD_ERRORS, save_weights
from drumstudio.core.errors import DrumStudioError
from drumstudio.files.plain_file import open_plain
from drumstudio.jobs.job import Checkpoint
from drumstudio.training.losses import low_path_loss, mask_loss, whole_loss

STATE_NAME = "state.pt"
WEIGHTS_NAME = "weights.safetensors"
CURVE_NAME = "curve.jsonl"

Batch = tuple[np.ndarray, np.ndarray]
LOSSES = {"whole": whole_loss, "masks": mask_loss, "low path": low_path_loss}
"""What is made small, by the part of the network that is trained."""

PARTS = {
    "tfc-tdf": ("whole",),
    "dual-path": ("whole", "low path"),
    "band-path": ("whole", "masks"),
}
"""What can be trained of the networks, by engine."""

DrawBatch = Callable[[int], Batch]
"""From the number of a step to its mixtures and drums, float32 (batch, 2, samples)."""


class TrainingError(DrumStudioError):
    """A training can not start or go on."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train; the `[train]` table of a recipe.

    Parameters
    ----------
    steps : int
        Length of the cosine in steps; 0 leaves it to `minutes`.
    minutes : float
        Length of the cosine in minutes of training, over all sessions; used where `steps` is 0.
    batch : int
        Mixtures a step.
    crop_seconds : float
        Length of each.
    learning_rate, final_rate : float
        Top and end of the cosine.
    warm_up_steps : int
        Steps of linear rise.
    weight_decay : float
        Of AdamW, on weights of two and more dimensions.
    gradient_limit : float
        Largest norm of the gradient.
    averaging : float
        Share kept by the averaged copy at each step; it is what ships.
    save_minutes : float
        Time between two saves of state and weights.
    seed : int
    part : str
        What is trained: the "whole" network by its sound, all of a band-path network by its
        "masks" too, or the "low path" of a dual-path network alone.
    processor_time : bool
        Whether minutes are those that one thread of the processor worked for it, so that other
        programs cost none of them; without it, and always on CUDA, those of the clock.
    frozen_norms : bool
        Whether batch normalisation keeps the statistics it began with.
    processor_bfloat16 : bool
        Whether a processor computes in bfloat16 too: a quarter faster where it has instructions
        for it, many times slower where it has not.
    """

    steps: int = 0
    minutes: float = 60.0
    batch: int = 4
    crop_seconds: float = 6.0
    learning_rate: float = 2e-3
    final_rate: float = 2e-5
    warm_up_steps: int = 100
    weight_decay: float = 1e-2
    gradient_limit: float = 1.0
    averaging: float = 0.998
    save_minutes: float = 3.0
    seed: int = 0
    part: str = "whole"
    processor_time: bool = False
    frozen_norms: bool = False
    processor_bfloat16: bool = False


@dataclass(slots=True)
class Trainer:
    """One training in one folder, which can be left and taken up again.

    Parameters
    ----------
    net : Module
        From mixtures (batch, 2, samples) to drums of the same shape.
    plan : Plan
    draw : callable
        Batches by the number of the step: the same number, the same batch.
    folder : Path
        State, weights and curve are kept here; it is there.
    device : str
        "cpu" or "cuda".
    after_save : callable
        Called after each save, with the trainer.
    after_step : callable
        Called after each step, with the trainer and what `train_step` returned.

    Notes
    -----
    On CUDA, and elsewhere if the plan says so, the net runs in bfloat16 (STFTs, mask and loss in
    float32). With a plan in steps, a training that was interrupted gives the same weights, bit for
    bit, as one that was not.
    """

    net: nn.Module
    plan: Plan
    draw: DrawBatch
    folder: Path
    device: str = "cpu"
    step: int = 0
    seconds: float = 0.0
    skipped: int = 0
    after_save: Callable[[Trainer], None] | None = None
    after_step: Callable[[Trainer, dict[str, float]], None] | None = None
    average: nn.Module = field(init=False)
    _optimiser: torch.optim.AdamW = field(init=False)

    def __post_init__(self) -> None:
        self.net.to(self.device)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        many = [p for p in self.net.parameters() if p.ndim > 1]
        few = [p for p in self.net.parameters() if p.ndim <= 1]
        self._optimiser = torch.optim.AdamW(
            [
                {"params": many, "weight_decay": self.plan.weight_decay},
                {"params": few, "weight_decay": 0.0},
            ],
            lr=self.plan.learning_rate,
        )

    @property
    def progress(self) -> float:
        """Share of the plan that is done, in [0, 1]."""
        if self.plan.steps:
            return min(1.0, self.step / self.plan.steps)
        return min(1.0, self.seconds / (60 * self.plan.minutes))

    def learning_rate(self) -> float:
        """Return the rate of the coming step."""
        warm = min(1.0, (self.step + 1) / max(1, self.plan.warm_up_steps))
        wave = 0.5 + 0.5 * math.cos(math.pi * self.progress)
        return warm * (
            self.plan.final_rate + (self.plan.learning_rate - self.plan.final_rate) * wave
        )

    def train_step(self, batch: Batch) -> dict[str, float]:
        """Take one step on a batch and return loss, gradient norm and rate."""
        rate = self.learning_rate()
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        mixture, drums = (torch.from_numpy(part).to(self.device) for part in batch)
        self.net.train()
        if self.plan.frozen_norms:
            for module in self.net.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        reduced = self.device == "cuda" or self.plan.processor_bfloat16
        with torch.autocast(self.device, torch.bfloat16, enabled=reduced):
            loss = LOSSES[self.plan.part](self.net, mixture, drums)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), self.plan.gradient_limit)
        self.step += 1
        figures = {"loss": float(loss.detach()), "gradient": float(norm), "rate": rate}
        if not (math.isfinite(figures["loss"]) and math.isfinite(figures["gradient"])):
            self.skipped += 1
            return figures
        self._optimiser.step()
        self._average_in()
        return figures

    @torch.no_grad()
    def _average_in(self) -> None:
        # A young average follows fast, so that it holds no trace of the random start.
        keep = min(self.plan.averaging, (1 + self.step) / (10 + self.step))
        current = self.net.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(current[name], 1 - keep)
            else:
                value.copy_(current[name])

    def run(self, checkpoint: Checkpoint) -> None:
        """Train to the end of the plan, saving now and then; `Cancelled` saves and stops.

        Parameters
        ----------
        checkpoint : Checkpoint
            Told loss and remaining time at each step.
        """
        curve: list[dict[str, float]] = []
        saved = time.monotonic()
        smooth = math.nan
        try:
            while self.progress < 1.0:
                start = self._clock()
                figures = self.train_step(self.draw(self.step))
                self.seconds += self._clock() - start
                if math.isfinite(figures["loss"]):
                    smooth = figures["loss"] if math.isnan(smooth) else smooth
                    smooth += 0.02 * (figures["loss"] - smooth)
                curve.append({"step": self.step, "seconds": round(self.seconds, 2), **figures})
                if self.after_step is not None:
                    self.after_step(self, figures)
                if time.monotonic() - saved > 60 * self.plan.save_minutes:
                    self.save(curve)
                    curve, saved = [], time.monotonic()
                checkpoint(self.progress, self._message(smooth))
        finally:
            self.save(curve)

    def _clock(self) -> float:
        processor = self.plan.processor_time and self.device == "cpu"
        return time.thread_time() if processor else time.monotonic()

    def _message(self, loss: float) -> str:
        done = max(self.progress, 1e-6)
        left = self.seconds * (1 - done) / done / 60
        return f"Step {self.step}, loss {loss:.3f}, about {left:.0f} min left"

    def save(self, curve: list[dict[str, float]]) -> None:
        """Write state and weights, each whole or not at all, and add to the curve."""
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "skipped": self.skipped,
            "plan": asdict(self.plan),
        }
        # Through memory: torch tells of a full disk as of a mistake in the program.
        written = io.BytesIO()
        torch.save(state, written)
        atomic.write_bytes(self.folder / STATE_NAME, written.getvalue())
        save_weights(self.average, self.folder / WEIGHTS_NAME, {"step": str(self.step)})
        lines = "".join(json.dumps(entry) + "\n" for entry in curve)
        appending = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with os.fdopen(open_plain(self.folder / CURVE_NAME, appending), "ab") as file:
            file.write(lines.encode())
        if self.after_save is not None:
            self.after_save(self)

    def resume(self) -> bool:
        """Go on from the folder's state; False if there is none.

        Raises
        ------
        TrainingError
            If the state does not fit the network.
        """
        path = self.folder / STATE_NAME
        if not path.exists():
            return False
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self._optimiser.load_state_dict(state["optimiser"])
            self.step = int(state["step"])
            self.seconds = float(state["seconds"])
            self.skipped = int(state["skipped"])
        except LOAD_ERRORS as error:
            raise TrainingError(
                f"Cannot go on with the training in {self.folder.name}",
                why=f"its state does not fit this recipe: {str(error)[:200]}",
                fix="Train in another folder, or with the recipe it was begun with.",
            ) from error
        return True
