"""Starting, watching, pausing and keeping trainings, whichever process trains."""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from drumstudio import atomic, paths
from drumstudio.catalog.catalog import default_catalog
from drumstudio.catalog.install import install_best, model_id_of
from drumstudio.catalog.model_card import ModelCard
from drumstudio.core.errors import DrumStudioError, SettingError
from drumstudio.core.names import safe_name
from drumstudio.files.training_folder import (
    LOG_NAME,
    ORDER_NAME,
    PAUSE,
    STOP,
    Order,
    TrainingFolderError,
    TrainingView,
    all_trainings,
    clear_request,
    is_among_the_users,
    read_order,
    read_progress,
    take_lock,
    trainings_folder,
    view_of,
    write_order,
    write_progress,
    write_request,
)
from drumstudio.files.training_origin import forget_installed
from drumstudio.jobs.job import Checkpoint
from drumstudio.workers.detached import Detached
from drumstudio.workers.handle import Handle
from drumstudio.workers.pool import WorkerPool

TRAINABLE_ENGINES = ("tfc-tdf", "dual-path", "band-path")
"""Engines whose networks can be trained: those of `training.run.NETWORKS`, which loads torch."""

NEW_MODEL_RECIPE, IMPROVE_RECIPE = "fast", "improve"

_LOOK_SECONDS = 0.1
# An id is no longer than 40 letters: the number must be among them.
_NUMBERED_LETTERS = 32
# A step, and a save on a slow disk; then the process is ended, and what it saved last counts.
_PAUSE_SECONDS = 60.0


def folder_for(name: str) -> Path:
    """Return the folder of a training of that name."""
    return trainings_folder() / safe_name(name)


def free_name(wanted: str) -> str:
    """Return a name that neither a model nor a training has: the wanted one, or with a number."""
    name, number = wanted, 1
    while _is_taken(name):
        number += 1
        name = f"{wanted[:_NUMBERED_LETTERS].strip()} {number}"
    return name


def _is_taken(name: str) -> bool:
    ids = {card.id for card in default_catalog().cards()}
    model_id = model_id_of(name)
    installed = (paths.user_models_folder() / model_id).exists()
    return model_id in ids or installed or folder_for(name).exists()


def create(order: Order) -> Path:
    """Make the folder of a new training; return it.

    Raises
    ------
    SettingError
        If a model or a training has that name, or it is none.
    DrumStudioError
        If the folder can not be written.
    """
    name = order.name or ""
    if _is_taken(name):
        raise SettingError(
            f"Cannot call a new model {name}",
            why="a model or a training has that name already.",
            fix=f"Choose another one, for instance {free_name(name)}.",
        )
    folder = folder_for(name)
    write_order(folder, order)
    return folder


def start_in_background(folder: Path) -> Detached:
    """Train in a process of its own, which goes on when this one ends.

    Raises
    ------
    TrainingFolderError
        If it is no training, or a process works on it already.
    DrumStudioError
        If it can not be started.
    """
    prepare(folder)
    try:
        return Detached(["train", "resume", str(folder), "--prepared"], folder / LOG_NAME)
    except DrumStudioError as error:
        _note_failure(folder, error)
        raise


def prepare(folder: Path) -> Order:
    """Return what to train in a folder, and note that it is about to begin.

    Raises
    ------
    TrainingFolderError
        If it is no training, or a process works on it already.
    """
    order = read_order(folder)
    require_idle(folder)
    clear_request(folder)
    progress = replace(read_progress(folder), state="starting", error=None)
    write_progress(folder, replace(progress, message="", seconds_left=None))
    return order


def require_idle(folder: Path) -> None:
    """Refuse to go on if a process works on a training already.

    Raises
    ------
    TrainingFolderError
        If so.
    """
    view = view_of(folder)
    if view.running:
        raise TrainingFolderError(
            f"Cannot start {view.name}",
            why="it is being trained already.",
            fix="Watch it on the training page, or pause it first: studio train pause",
        )


def train_here(
    pool: WorkerPool, folder: Path, order: Order, checkpoint: Checkpoint
) -> dict[str, Any]:
    """Train in a worker of this process until it is done, paused or stopped; return the report.

    Whatever interrupts it, Ctrl-C or a shutdown, it saves its state first. Why it failed is
    written into its folder, also if its process was ended by force.

    Raises
    ------
    Cancelled
        If it was paused from elsewhere.
    DrumStudioError
        As the worker's job `train`.
    """
    handle = pool.submit("train", folder=str(folder), **order.arguments())
    try:
        while not handle.wait(_LOOK_SECONDS):
            checkpoint(handle.progress.fraction, handle.progress.message)
    except BaseException:
        _pause_and_wait(folder, handle)
        raise
    try:
        return handle.result()
    except DrumStudioError as error:
        _note_failure(folder, error)
        raise


def _pause_and_wait(folder: Path, handle: Handle) -> None:
    write_request(folder, PAUSE)
    until = time.monotonic() + _PAUSE_SECONDS
    while time.monotonic() < until and not handle.wait(_LOOK_SECONDS):
        pass
    handle.cancel()
    clear_request(folder)


def _note_failure(folder: Path, error: DrumStudioError) -> None:
    """Write why a training failed, unless it stands there or another process is at it."""
    if isinstance(error, TrainingFolderError) or not folder.is_dir():
        return
    if read_progress(folder).error == error.to_dict():
        return
    try:
        lock = take_lock(folder)
    except DrumStudioError:
        return
    progress = replace(read_progress(folder), state="failed", error=error.to_dict())
    # On a full disk its state goes on saying that it trains, and its lock that it does not.
    with contextlib.suppress(DrumStudioError):
        write_progress(folder, replace(progress, seconds_left=None))
    lock.release()


# --- asking one that may run elsewhere ---------------------------------------------------


def pause(folder: Path) -> None:
    """Ask a training to save its state and end its process; of one that does not run, nothing.

    Raises
    ------
    DrumStudioError
        If its folder can not be written.
    """
    if view_of(folder).running:
        write_request(folder, PAUSE)


def stop(folder: Path) -> None:
    """End a training for good and keep its best model among the user's.

    Raises
    ------
    DrumStudioError
        If it has no model yet, or a folder can not be written.
    """
    if view_of(folder).running:
        write_request(folder, STOP)
        return
    read_order(folder)
    lock = take_lock(folder)
    try:
        if is_among_the_users(folder):
            install_best(folder)
        write_progress(folder, replace(read_progress(folder), state="stopped", error=None))
    finally:
        lock.release()


def install(folder: Path) -> ModelCard:
    """Put the best model of a training among the user's, also while it goes on.

    Raises
    ------
    DrumStudioError
        If it has no model yet, or a folder can not be written.
    """
    read_order(folder)
    return install_best(folder)


def remove(folder: Path) -> None:
    """Remove a training with its clips and states; a model that came of it stays.

    Raises
    ------
    TrainingFolderError
        If it is none of the user's trainings, or a process works on it.
    """
    if not is_among_the_users(folder) or not (folder / ORDER_NAME).is_file():
        raise TrainingFolderError(
            f"Cannot remove {folder.name}",
            why="it is none of your trainings.",
            fix="See them with: studio train list",
        )
    take_lock(folder).release()
    forget_installed(folder)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise atomic.explain_os_error(error, f"Cannot remove {folder.name}", folder) from error


def wait_until_over(folder: Path, seconds: float) -> TrainingView:
    """Return a training once no process works on it, or as it stands after some seconds."""
    until = time.monotonic() + seconds
    while (view := view_of(folder)).running and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
    return view


def find(folder_or_name: str) -> Path:
    """Return the folder of a training, by its path, its name or the name of its model.

    Raises
    ------
    TrainingFolderError
        If there is none; it lists what there is.
    """
    path = Path(folder_or_name)
    if (path / ORDER_NAME).is_file():
        return path
    views = all_trainings()
    for view in views:
        if folder_or_name in (view.folder.name, view.name):
            return view.folder
    names = ", ".join(view.name for view in views)
    raise TrainingFolderError(
        f"There is no training {folder_or_name}",
        why=f"The trainings here are {names}." if names else "There are no trainings yet.",
        fix="See them with: studio train list",
    )
