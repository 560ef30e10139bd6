"""A whole training: from folders and a recipe to a model that the studio can use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from drumstudio import atomic
from drumstudio.catalog.install import model_id_of
from drumstudio.catalog.model_card import ModelCard, read_card
from drumstudio.catalog.weights import check_tensors, load_weights
from drumstudio.core.errors import ModelCorruptError, SettingError
from drumstudio.inference import device as devices
from drumstudio.jobs.job import Checkpoint, no_checkpoint, portion
from drumstudio.nets.band_path import BandPath
from drumstudio.nets.dual_path import DualPath
from drumstudio.nets.tfc_tdf import TfcTdf
from drumstudio.training.cards import credits_of, write_card
from drumstudio.training.data import SAMPLE_RATE, SampleCache, Source, TrainingDataError
from drumstudio.training.folders import find_sources
from drumstudio.training.known_excerpts import refuse_excerpts
from drumstudio.training.plots import plot_curve
from drumstudio.training.pools import ClipPool, draw_mixture
from drumstudio.training.recipes import Recipe, read_recipe
from drumstudio.training.render import Renderer, fill_pool
from drumstudio.training.trainer import CURVE_NAME, WEIGHTS_NAME, Batch, Trainer

NETWORKS = {"tfc-tdf": TfcTdf, "dual-path": DualPath, "band-path": BandPath}
"""Engine of a recipe to the network it trains."""

_REFRESH_NUMBER = 1_000_000


def train_job(
    checkpoint: Checkpoint,
    *,
    recipe: str,
    data: Sequence[str],
    folder: str,
    minutes: float | None = None,
    steps: int | None = None,
    device: str = "auto",
    threads: int = 1,
    from_card: str | None = None,
    seed: int | None = None,
    name: str | None = None,
    follow: Callable[[Trainer, Sequence[Source], Path], None] | None = None,
) -> dict[str, Any]:
    """Train a model, or go on with a training that was left.

    Parameters
    ----------
    checkpoint : Checkpoint
        Called at each step; a cancelled training keeps its state and its weights so far.
    recipe : str
        Name of a recipe of ours, or a TOML file.
    data : sequence of str
        Folders to train from, see `folders`.
    folder : str
        The training's own folder, made at the beginning but not a second time if it goes: decoded
        files, clips, state, curve (PNG, JSON lines), and the model so far in a folder of the
        recipe's name, with its card.
    minutes, steps : float, int, optional
        Length of the training in place of the recipe's.
    device : str
        "auto", "cpu" or "cuda".
    threads : int
        For the processor's part.
    from_card : str, optional
        Folder of a model whose weights are the start. A recipe without a network of its own
        needs one, and takes network, settings and, unless `name` is given, its name from it.
    seed : int, optional
        In place of the recipe's.
    name : str, optional
        Of the model, in place of the recipe's; its id is made of it.
    follow : callable, optional
        Called before the first step with trainer, sources and the model's folder; may look on.

    Returns
    -------
    dict
        `model` (the card's folder), `steps`, `minutes`, `skipped_steps`, `device`, `problems`.

    Raises
    ------
    DrumStudioError
        If recipe, data or weights can not be used, or the disk is full.
    Cancelled
    """
    devices.set_up(threads)
    start = None if from_card is None else read_card(Path(from_card))
    read = read_recipe(recipe)
    book = read if read.engine else going_on(read, start)
    plan = book.plan
    if start is None and plan.part == "low path":
        raise SettingError(
            f"Cannot train by the recipe {book.id} alone",
            why="it trains a part of a network, and the rest would know nothing.",
            fix="Name the model that it begins with, for instance: --from fast",
        )
    if steps is not None:
        plan = replace(plan, steps=steps)
    elif minutes is not None:
        plan = replace(plan, steps=0, minutes=minutes)
    if seed is not None:
        plan = replace(plan, seed=seed)
    book = replace(book, plan=plan)
    if name is not None:
        book = replace(book, name=name, id=model_id_of(name))
    work = Path(folder)
    work.mkdir(parents=True, exist_ok=True)
    checkpoint(0.0, "Looking at the training folders")
    found = find_sources(
        [Path(path) for path in data],
        without_licences=book.without_licences,
        without_origins=book.without_origins,
    )
    if not (read.engine or any(source.role == "drums" for source in found.sources)):
        raise TrainingDataError(
            f"Cannot improve {start.name if start else read.name} with these folders",
            why="they hold no drums: what the drums sound like is what there is to learn.",
            fix="Put each song into a folder of its own with drums.wav and rest.wav.",
        )
    cache = SampleCache(work / "decoded")
    heard = portion(checkpoint, 0.0, 0.02)
    refuse_excerpts(heard, found.sources, cache, work / "listened.txt")
    clips = _Clips(book, found.sources, work, cache)
    clips.fill(portion(checkpoint, 0.02, 0.05))
    torch.manual_seed(plan.seed)
    net = _network(book, start)
    scores = bool(book.pool.first.get("written"))  # others are not played by these clips
    taught = [s for s in found.sources if s.split == "train" and (scores or s.role != "score")]
    credits = credits_of([Path(path) for path in data], taught, start)
    # The settings of a model that was improved are those of the model it was.
    parameters = start.parameters if start and not read.engine else ()
    model = work / book.id

    def ship(trainer: Trainer) -> None:
        weights = (work / WEIGHTS_NAME).read_bytes()
        write_card(model, book, weights, credits, parameters=parameters)
        plot_curve(work / CURVE_NAME, work / "curve.png")

    chosen = devices.choose(device)
    trainer = Trainer(net, plan, clips.batch, work, chosen, after_save=ship)
    trainer.resume()
    if follow is not None:
        follow(trainer, found.sources, model)
    trainer.run(portion(checkpoint, 0.05, 1.0))
    return {
        "model": str(model),
        "steps": trainer.step,
        "minutes": round(trainer.seconds / 60, 2),
        "skipped_steps": trainer.skipped,
        "device": chosen,
        "problems": {name: list(lines) for name, lines in found.problems.items()},
    }


class _Clips:
    """The pool of a training: filled at first, refreshed by the number of the step."""

    def __init__(
        self, recipe: Recipe, sources: list[Source], work: Path, cache: SampleCache
    ) -> None:
        self._recipe = recipe
        self._folder = work / "pool"
        rules = recipe.pool
        self._renderer = Renderer(
            sources,
            cache,
            recipe.plan.seed,
            rules.long_kicks,
            rules.sounds,
        )
        self._count = round(recipe.plan.crop_seconds * SAMPLE_RATE)
        self._pool: ClipPool | None = None

    def fill(self, checkpoint: Checkpoint) -> None:
        """Render the first clips, unless an earlier session did."""
        done = self._folder / "filled"
        if not done.exists():
            fill_pool(checkpoint, self._renderer, self._folder, self._recipe.pool.first, 0)
            atomic.write_bytes(done, b"")
        self._pool = ClipPool(self._folder)

    def batch(self, step: int) -> Batch:
        """Return the mixtures and drums of a step."""
        assert self._pool is not None
        rules = self._recipe.pool
        if step and rules.refresh_steps and step % rules.refresh_steps == 0:
            self._renderer.reseed(step)
            first = _REFRESH_NUMBER + step * 1000
            fill_pool(no_checkpoint, self._renderer, self._folder, rules.refresh, first, rules.most)
            self._pool.refresh()
        rng = np.random.default_rng([self._recipe.plan.seed, step])
        pairs = [
            draw_mixture(rng, self._pool, self._count, self._recipe.mix)
            for _ in range(self._recipe.plan.batch)
        ]
        return np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])


def going_on(recipe: Recipe, start: ModelCard | None) -> Recipe:
    """Return a recipe without a network with that of the model that it goes on from.

    Raises
    ------
    SettingError
        If there is no model, or it is none that can be trained.
    """
    if start is None:
        raise SettingError(
            f"Cannot train by the recipe {recipe.id} alone",
            why="it improves a model, and none was named.",
            fix="Name one, for instance: --from fast",
        )
    if start.engine not in NETWORKS:
        raise SettingError(
            f"Cannot improve {start.name}",
            why="it is a method without a network to train.",
            fix="Choose a trained model, for instance: --from fast",
        )
    name = f"{start.name}, improved"
    return replace(
        recipe,
        id=model_id_of(name),
        name=name,
        description=f"{start.name}, trained further on stems of the user.",
        engine=start.engine,
        network=dict(start.network),
    )


def _built(engine: str, network: Mapping[str, Any], name: str) -> torch.nn.Module:
    try:
        return NETWORKS[engine](**network)
    except (TypeError, ValueError, LookupError, ArithmeticError, RuntimeError) as error:
        raise SettingError(
            f"Cannot train {name}",
            why=f"its recipe or card describes no such network: {error}.",
            fix="Use one of ours as it is, for instance: --recipe fast",
        ) from error


def _network(recipe: Recipe, card: ModelCard | None) -> torch.nn.Module:
    net = _built(recipe.engine, recipe.network, recipe.name)
    if card is not None:
        # A network may begin with the weights of the simpler one that it is built upon.
        fits = issubclass(type(net), NETWORKS[card.engine]) if card.engine in NETWORKS else False
        if not (fits and card.network.items() <= recipe.network.items()):
            raise ModelCorruptError(
                f"Cannot start from {card.name}",
                why=f"its network is not the one that the recipe {recipe.id} describes.",
                fix="Choose a model that this recipe trained, or start without one.",
            )
        state = load_weights(card, card.folder)
        check_tensors(state, _built(card.engine, card.network, card.name))
        net.load_state_dict(state, strict=card.engine == recipe.engine)
    # Channels last halves the memory traffic of convolutions on a processor.
    return net.to(memory_format=torch.channels_last)
