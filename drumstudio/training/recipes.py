"""Named, complete descriptions of trainings: network, plan, mixing, data and pool."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drumstudio.core.errors import SettingError
from drumstudio.training.augment import MixRules
from drumstudio.training.trainer import PARTS, Plan

BOOK = Path(__file__).parent / "recipe_book"


@dataclass(frozen=True, slots=True)
class PoolRules:
    """How many clips of each kind are rendered at first, at each refresh, and kept at most.

    Parameters
    ----------
    first, refresh, most : dict of str to int
    refresh_steps : int
        Steps between two refreshes; 0 for none.
    long_kicks : float
        Share of the rendered drums with a long kick below the kit's own.
    sounds : float
        How many sounds are synthesised for the rendered clips, as a share of what a bank of
        one-shots holds by default, which takes 40 s to make.
    """

    first: dict[str, int]
    refresh: dict[str, int]
    most: dict[str, int]
    refresh_steps: int
    long_kicks: float
    sounds: float = 1.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that is needed to train a model but the sound.

    Parameters
    ----------
    id, name, description : str
        As in the model's card.
    engine : str
        Entry of `inference.engines.ENGINES` that runs the result; "" for a recipe that goes on
        from any trained model and takes engine, network and settings of that.
    network : dict
        Arguments of the network's constructor; empty where the engine is "".
    plan : Plan
    mix : MixRules
    pool : PoolRules
    without_licences, without_origins : tuple of str
        Sources that are left out.
    level_db : float
        Default of the model's setting `level`.
    hit_average : float or None
        Default of the model's setting `hit_average`; None where it has none.
    """

    id: str
    name: str
    description: str
    engine: str
    network: dict[str, Any]
    plan: Plan
    mix: MixRules
    pool: PoolRules
    without_licences: tuple[str, ...]
    without_origins: tuple[str, ...]
    level_db: float = 0.0
    hit_average: float | None = None


def recipe_ids() -> list[str]:
    """Return the names of the recipes that come with the program."""
    return sorted(path.stem for path in BOOK.glob("*.toml"))


def read_recipe(id_or_file: str) -> Recipe:
    """Return a recipe by its name, or from a TOML file.

    Raises
    ------
    SettingError
        If there is none of that name, or a table or key of the file is not a recipe's.
    """
    path = Path(id_or_file)
    if path.suffix != ".toml":
        path = BOOK / f"{id_or_file}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf8"))
    except OSError as error:
        raise SettingError(
            f"Cannot read the recipe {id_or_file}",
            why=error.strerror or "the file can not be read",
            fix=f"Give a TOML file, or one of: {', '.join(recipe_ids())}.",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise _broken(path, str(error)) from error
    try:
        data, pool = table.get("data", {}), table["pool"]
        plan = Plan(**table["train"])
        if plan.part != "whole" and plan.part not in PARTS.get(table["engine"], ()):
            raise ValueError(f"there is no part {plan.part!r} to train of this network")
        if ("engine" in table) != ("network" in table):
            raise KeyError("engine and network go together")
        return Recipe(
            id=str(table["id"]),
            name=str(table["name"]),
            description=str(table["description"]),
            engine=str(table.get("engine", "")),
            network=dict(table.get("network", {})),
            plan=plan,
            mix=MixRules(**table.get("mix", {})),
            pool=PoolRules(
                first=dict(pool["first"]),
                refresh=dict(pool.get("refresh", {})),
                most=dict(pool.get("most", {})),
                refresh_steps=int(pool.get("refresh_steps", 0)),
                long_kicks=float(pool.get("long_kicks", 0.2)),
                sounds=float(pool.get("sounds", 1.0)),
            ),
            without_licences=tuple(data.get("without_licences", ())),
            without_origins=tuple(data.get("without_origins", ())),
            level_db=float(table.get("level_db", 0.0)),
            hit_average=float(table["hit_average"]) if "hit_average" in table else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _broken(path, f"{type(error).__name__}: {error}") from error


def _broken(path: Path, why: str) -> SettingError:
    return SettingError(
        f"Cannot use the recipe {path.name}",
        why=why,
        fix=f"Start from a copy of {BOOK / 'fast.toml'}.",
    )
