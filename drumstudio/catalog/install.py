"""Puts a model among the user's: whole or not at all, and in the place of no other."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping
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
from drumstudio.files.lock import FileLock
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
        If the model is damaged or has no weights, or the folder can not be written.
    """
    card = read_card(source)
    if not card.weights:
        raise _damaged("it has no weights")
    what = f"Cannot put {card.name} among your models"
    with _installing(models, what):
        target, name = _place_for(card, models, set(taken), replaces)
        try:
            if target == replaces[0]:
                _write_model(source, card, models / target, target, name)
                _remove_others(models / target)
            else:
                # Hidden, and no model before it has its final name: a catalog passes it over.
                incoming = models / f".{target}.{secrets.token_hex(4)}.partial"
                incoming.mkdir()
                _write_model(source, card, incoming, target, name)
                os.replace(incoming, models / target)
                atomic.sync_folder(models)
        except OSError as error:
            raise atomic.explain_os_error(error, what, models / target) from error
    return read_card(models / target)


def _place_for(
    card: ModelCard, models: Path, others: set[str], replaces: tuple[str, str]
) -> tuple[str, str]:
    """Return id and name under which a model goes among others: its own place, or a free one."""
    if replaces[0] and _is_that_model(models / replaces[0], replaces[1]):
        return replaces[0], read_card(models / replaces[0]).name
    target, number = card.id, 1
    while target in others or os.path.lexists(models / target):
        number += 1
        target = f"{card.id}-{number}"
    return target, card.name if number == 1 else f"{card.name} ({number})"


@contextlib.contextmanager
def _installing(models: Path, what: str) -> Iterator[None]:
    """Let nobody else install meanwhile, and leave nothing half-written behind."""
    lock = FileLock(models.with_suffix(".lock"))
    try:
        models.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise atomic.explain_os_error(error, what, models) from error
    try:
        _remove_abandoned(models)  # of who was killed
        yield
    finally:
        _remove_abandoned(models)
        lock.release()


def _remove_abandoned(models: Path) -> None:
    for folder in models.glob(".*.partial"):
        shutil.rmtree(folder, ignore_errors=True)


def _write_model(source: Path, card: ModelCard, folder: Path, model_id: str, name: str) -> None:
    """Write weights and then their card: until the card is replaced, the model is the old one."""
    weights = f"{card.sha256[:16]}.safetensors"
    with atomic.writing(folder / weights) as copy:
        if copy_plain(source / card.weights, copy, card.bytes) != card.sha256:
            raise _damaged("its weights are not those that its card names")
    text = read_plain(source / CARD_NAME, MAX_CARD_BYTES).decode("utf-8")
    values = {"id": model_id, "name": name, "weights": weights}
    atomic.write_text(folder / CARD_NAME, _changed(text, values))


def _remove_others(folder: Path) -> None:
    """Remove the weights of earlier states from a model's folder, and what was half-written."""
    kept = read_card(folder).weights
    for path in folder.glob("*.safetensors"):
        if path.name != kept:
            with contextlib.suppress(OSError):
                atomic.remove(path)
    atomic.remove_leftovers(folder)


def _is_that_model(folder: Path, sha256: str) -> bool:
    try:
        return read_card(folder).sha256 == sha256
    except DrumStudioError:
        return False


def _changed(text: str, values: Mapping[str, str]) -> str:
    """Return a card of ours with other values, each of which stands on a line of its own."""
    lines = text.split("\n")
    for key, value in values.items():
        place = next((n for n, line in enumerate(lines) if line.startswith(f"{key} = ")), None)
        if place is None:
            raise _damaged(f"its card has no line for its {key}")
        lines[place] = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    changed = "\n".join(lines)
    try:  # such a line may stand inside a text
        table = tomllib.loads(changed)
    except ValueError as error:
        raise _damaged(f"its card can not be renamed: {error}") from error
    if {key: table.get(key) for key in values} != values:
        raise _damaged("its card can not be renamed")
    return changed


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
