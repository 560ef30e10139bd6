"""Puts a model among the user's: whole or not at all, and in the place of no other."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import tomllib
from collections.abc import Iterable
from pathlib import Path

from drumstudio import atomic, paths
from drumstudio.catalog.catalog import Catalog
from drumstudio.catalog.model_card import CARD_NAME, MAX_CARD_BYTES, ModelCard, read_card
from drumstudio.core.errors import (
    DrumStudioError,
    ModelCorruptError,
    ModelMissingError,
    SettingError,
)
from drumstudio.files.plain_file import copy_plain, read_plain
from drumstudio.files.training_folder import BEST_FOLDER
from drumstudio.files.training_origin import read_installed, write_installed

_MOST_LETTERS = 40


def model_id_of(name: str) -> str:
    """Return the id of a model of that name: "Our Club 2" becomes "our-club-2".

    Raises
    ------
    SettingError
        If the name holds neither a letter from a to z nor a digit.
    """
    words = re.findall(r"[a-z0-9]+", name.lower())
    if not words:
        raise SettingError(
            f"Cannot call a model {name!r}",
            why="a name needs a letter from a to z or a digit.",
            fix="Choose another name.",
        )
    return "-".join(words)[:_MOST_LETTERS].strip("-")


def install_model(
    source: Path, models: Path, *, taken: Iterable[str], replaces: tuple[str, str] = ("", "")
) -> ModelCard:
    """Copy a model's folder among others; return the copy's card.

    Parameters
    ----------
    source : Path
        Holds the card and its weights.
    models : Path
        The user's models; made if need be.
    taken : iterable of str
        Ids of models elsewhere, which it may not pose as.
    replaces : (str, str)
        Id, and hash of the weights, of an earlier state of the very same model: if it still is
        there, it is replaced.

    Raises
    ------
    DrumStudioError
        If the model is damaged, or the folder can not be written.
    """
    card = read_card(source)
    others = set(taken)
    target, number = card.id, 1
    if replaces[0] and _is_that_model(models / replaces[0], replaces[1]):
        target = replaces[0]
    else:
        while target in others or (models / target).exists():
            number += 1
            target = f"{card.id}-{number}"
    name = card.name if number == 1 else f"{card.name} ({number})"
    if target == replaces[0]:
        name = read_card(models / target).name
    # Hidden, and no model before it has its final name: a catalog does not take it for one.
    incoming = models / f".{target}.{secrets.token_hex(4)}.partial"
    what = f"Cannot put {card.name} among your models"
    try:
        incoming.mkdir(parents=True)
        with atomic.writing(incoming / card.weights) as weights:
            if copy_plain(source / card.weights, weights, card.bytes) != card.sha256:
                raise _damaged("its weights are not those that its card names")
        text = read_plain(source / CARD_NAME, MAX_CARD_BYTES).decode("utf-8")
        atomic.write_text(incoming / CARD_NAME, _renamed(text, target, name))
        _swap(incoming, models / target)
        atomic.sync_folder(models)
    except OSError as error:
        raise atomic.explain_os_error(error, what, models / target) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return read_card(models / target)


def _is_that_model(folder: Path, sha256: str) -> bool:
    try:
        return read_card(folder).sha256 == sha256
    except DrumStudioError:
        return False


def _swap(incoming: Path, target: Path) -> None:
    """Put a folder in its place; the one that was there before goes."""
    before = incoming.with_name(incoming.name + ".old")
    if target.exists():
        os.replace(target, before)
    try:
        os.replace(incoming, target)
    except OSError:
        with contextlib.suppress(OSError):
            os.replace(before, target)
        raise
    shutil.rmtree(before, ignore_errors=True)


def _renamed(text: str, model_id: str, name: str) -> str:
    """Return a card of ours with another id and name: both stand on lines of their own."""
    lines = text.split("\n")
    for key, value in (("id", model_id), ("name", name)):
        place = next((n for n, line in enumerate(lines) if line.startswith(f"{key} = ")), None)
        if place is None:
            raise _damaged(f"its card has no line for its {key}")
        lines[place] = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    renamed = "\n".join(lines)
    try:  # such a line may stand inside a text
        table = tomllib.loads(renamed)
    except ValueError as error:
        raise _damaged(f"its card can not be renamed: {error}") from error
    if (table.get("id"), table.get("name")) != (model_id, name):
        raise _damaged("its card can not be renamed")
    return renamed


def _damaged(why: str) -> ModelCorruptError:
    return ModelCorruptError(
        "Cannot put this model among yours", why=f"{why}.", fix="Train the model again."
    )


def install_best(folder: Path) -> ModelCard:
    """Put the best model of a training among the user's and note that in the training's folder.

    Parameters
    ----------
    folder : Path
        The training's own.

    Raises
    ------
    ModelMissingError
        If the training has no model yet.
    DrumStudioError
        If the model is damaged, or a folder can not be written.
    """
    kept = sorted((folder / BEST_FOLDER).glob(f"*/{CARD_NAME}"))
    if not kept:
        raise ModelMissingError(
            f"The training {folder.name} has no model yet",
            why="it has not saved any weights so far.",
            fix="Let it train for some minutes first.",
        )
    shipped = Catalog([paths.shipped_folder("models")])
    card = install_model(
        kept[0].parent,
        paths.user_models_folder(),
        taken=[one.id for one in shipped.cards()],
        replaces=read_installed(folder),
    )
    write_installed(folder, card.id, card.sha256)
    return card
