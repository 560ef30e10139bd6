"""A training's own folder, as programs speak through it: what to do, how far it is, what is asked.

Who trains holds the lock and writes the state; whoever watches reads the state and may leave a
request. Nothing here needs the one to know of the other.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from drumstudio import atomic, paths
from drumstudio.core.errors import DrumStudioError, SettingError
from drumstudio.files import strict_json
from drumstudio.files.lock import FileLock, is_held
from drumstudio.files.plain_file import read_plain
from drumstudio.files.training_origin import read_installed, stranger_in

ORDER_NAME = "training.json"
STATE_NAME = "progress.json"
REQUEST_NAME = "request.json"
LOCK_NAME = "training.lock"
LOG_NAME = "log.txt"
BEST_FOLDER = "best"
EXAMPLE_FOLDER = "example"

PAUSE, STOP = "pause", "stop"
DEVICES = ("auto", "cpu", "cuda")

_MAX_BYTES = 1_000_000
# From the start of a process until it holds the lock: imports, on a slow disk.
_STARTING_SECONDS = 90.0
# Who looks holds the lock for an instant, which must not look like a process that trains.
_LOCK_TRIES, _LOCK_PAUSE_SECONDS = 10, 0.05
_LOOKS, _LOOK_PAUSE_SECONDS = 3, 0.003


class TrainingFolderError(DrumStudioError):
    """A training's folder is not one, or is in use."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to train; the arguments of the worker's job `train`, but for the folder.

    Parameters
    ----------
    recipe : str
        Name of a recipe of ours, or a TOML file.
    data : tuple of str
        Folders to train from.
    name : str or None
        Of the model; the recipe's if None.
    minutes : float or None
        How long; as the recipe says if None.
    device : str
        "auto", "cpu" or "cuda".
    threads : int
    from_card : str or None
        Folder of the model that it begins with.
    seed : int or None

    Raises
    ------
    SettingError
        If a number or the device is none that can be trained with.
    """

    recipe: str
    data: tuple[str, ...]
    name: str | None = None
    minutes: float | None = None
    device: str = "auto"
    threads: int = 1
    from_card: str | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        _check("minutes", self.minutes, 1e-6, 1e6)
        _check("threads", self.threads, 1, 256)
        _check("seed", self.seed, 0, 2**63 - 1)
        if self.device not in DEVICES:
            raise SettingError(
                f"Cannot train on {str(self.device)[:40]}",
                why=f"the devices are {', '.join(DEVICES)}.",
                fix="Name one of them, or leave it out.",
            )

    def arguments(self) -> dict[str, Any]:
        """Return the order as arguments of the job."""
        return {**asdict(self), "data": list(self.data)}


def _check(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise SettingError(
            f"Cannot train with {name} {value!r:.40}",
            why=f"it has to be from {low} to {high}.",
            fix="Give another number, or leave it out.",
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is, as its process wrote it last.

    Parameters
    ----------
    state : str
        "starting", "preparing", "training", "paused", "stopped", "done" or "failed".
    updated : float
        When it was written, in seconds since 1970.
    fraction : float
        In [0, 1].
    message : str
        What it does at the moment.
    step : int
        Steps done.
    seconds_left : float or None
        Until its end, as reckoned from its speed; None before that is known.
    losses : tuple of (int, float)
        Step and mean loss up to it.
    scores : tuple of (int, float)
        Step and mean drums SDR, dB, over the held-out songs.
    score_data : str
        What `scores` are measured on, or why there are none.
    mixture_score, start_score : float or None
        The SDR of doing nothing, and of the model that it began with, on the same.
    best : tuple of (int, float or None) or None
        Step and score of the weights that are kept.
    songs, minutes : int, float
        What it trains on.
    material : str
        The same in words, for the model's card.
    example : str
        What the example is an excerpt of, in words; empty before there is one.
    device : str
        Where it computes.
    error : dict or None
        Why it failed, as `DrumStudioError.to_dict`.
    """

    state: str = "starting"
    updated: float = 0.0
    fraction: float = 0.0
    message: str = ""
    step: int = 0
    seconds_left: float | None = None
    losses: tuple[tuple[int, float], ...] = ()
    scores: tuple[tuple[int, float], ...] = ()
    score_data: str = ""
    mixture_score: float | None = None
    start_score: float | None = None
    best: tuple[int, float | None] | None = None
    songs: int = 0
    minutes: float = 0.0
    material: str = ""
    example: str = ""
    device: str = ""
    error: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class TrainingView:
    """A training as it is seen from outside.

    Parameters
    ----------
    folder : Path
    order : Order or None
        None if it can not be read.
    progress : Progress
    state : str
        As in `progress`, but truer: "pausing" and "stopping" while a request waits,
        "interrupted" if its process has gone without a word.
    installed : str
        Id of the model that came of it, among the user's.
    """

    folder: Path
    order: Order | None
    progress: Progress
    state: str
    installed: str = ""

    @property
    def name(self) -> str:
        """What it is called on screen."""
        return (self.order.name if self.order else None) or self.folder.name

    @property
    def running(self) -> bool:
        """Whether a process works on it."""
        return self.state in ("starting", "preparing", "training", "pausing", "stopping")

    @property
    def resumable(self) -> bool:
        """Whether it can go on."""
        ended = ("paused", "interrupted", "failed", "stopped")
        return self.order is not None and self.state in ended

    def to_dict(self) -> dict[str, Any]:
        """Return the training as plain values for JSON."""
        progress = asdict(self.progress)
        return {
            "name": self.name,
            "folder": str(self.folder),
            "order": self.order.arguments() if self.order else None,
            **progress,
            "state": self.state,
            "installed": self.installed,
        }

    @property
    def keepable(self) -> bool:
        """Whether there is a model to keep that is not among the user's yet."""
        return self.progress.best is not None and self.state not in ("stopped", "done")


def trainings_folder() -> Path:
    """Return where the user's trainings are."""
    return paths.user_data_folder() / "trainings"


def is_among_the_users(folder: Path) -> bool:
    """Return whether a training's folder is where the user's are, not one of its own place."""
    return folder.resolve().parent == trainings_folder().resolve()


def all_trainings() -> list[TrainingView]:
    """Return the user's trainings, the newest first; what is no training is left out."""
    try:
        found = [path for path in trainings_folder().iterdir() if (path / ORDER_NAME).is_file()]
        found.sort(key=lambda path: (path / ORDER_NAME).stat().st_mtime, reverse=True)
    except OSError:
        return []
    return [view_of(folder) for folder in found]


def view_of(folder: Path) -> TrainingView:
    """Return a training as it stands now; whatever its files hold, this does not raise."""
    order: Order | None = None
    with contextlib.suppress(TrainingFolderError):
        order = read_order(folder)
    # First the lock: a process that ends in between has written its last word by then.
    held = is_training(folder)
    progress = read_progress(folder)
    state = _state(progress, held, read_request(folder))
    return TrainingView(folder, order, progress, state, read_installed(folder)[0])


def _state(progress: Progress, held: bool, request: str) -> str:
    active = progress.state in ("starting", "preparing", "training")
    young = abs(time.time() - progress.updated) < _STARTING_SECONDS
    if held or (progress.state == "starting" and young):
        asked = {PAUSE: "pausing", STOP: "stopping"}.get(request)
        # Its process holds the lock a moment longer than the last word says.
        return asked or (progress.state if active else "training")
    return "interrupted" if active else progress.state


def is_training(folder: Path) -> bool:
    """Return whether a process holds the training's lock."""
    try:
        for _ in range(_LOOKS):
            if not is_held(folder / LOCK_NAME):
                return False
            time.sleep(_LOOK_PAUSE_SECONDS)
    except OSError:
        return False
    return True


def take_lock(folder: Path) -> FileLock:
    """Return the training's lock, taken.

    Raises
    ------
    TrainingFolderError
        If another process has it.
    DrumStudioError
        If it can not be locked at all.
    """
    lock = FileLock(folder / LOCK_NAME)
    try:
        for _ in range(_LOCK_TRIES):
            if lock.try_acquire():
                return lock
            time.sleep(_LOCK_PAUSE_SECONDS)
    except OSError as error:
        raise atomic.explain_os_error(error, f"Cannot train in {folder.name}", folder) from error
    raise TrainingFolderError(
        f"Cannot train {folder.name} now",
        why="another process is training it.",
        fix="Watch it on the training page, or pause it first: studio train pause",
    )


# --- what to do --------------------------------------------------------------------------


def write_order(folder: Path, order: Order) -> None:
    """Write what to train.

    Raises
    ------
    DrumStudioError
        If the folder can not be written, or holds a link, a pipe or the like.
    """
    _require_own(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise atomic.explain_os_error(error, f"Cannot train in {folder}", folder) from error
    atomic.write_text(folder / ORDER_NAME, json.dumps(order.arguments(), indent=1))


def read_order(folder: Path) -> Order:
    """Return what to train in a folder.

    Raises
    ------
    TrainingFolderError
        If it is the folder of no training, or it holds a link, a pipe or the like.
    """
    _require_own(folder)
    try:
        plain = _read(folder / ORDER_NAME)
        data = plain.pop("data")
        if not isinstance(data, list):
            raise ValueError("the folders are no list")
        minutes, seed = plain.pop("minutes"), plain.pop("seed")
        known = {one.name for one in fields(Order)}
        order = Order(
            data=tuple(str(path) for path in data),
            minutes=None if minutes is None else float(minutes),
            seed=None if seed is None else int(seed),
            **{name: value for name, value in plain.items() if name in known},
        )
        texts = [order.recipe]
        texts += [text for text in (order.name, order.from_card) if text is not None]
        if not all(isinstance(text, str) for text in texts) or type(order.threads) is not int:
            raise ValueError("a text is none")
    except (KeyError, TypeError, ValueError, OverflowError, SettingError) as error:
        raise TrainingFolderError(
            f"Cannot train in {folder.name}",
            why=f"it is not the folder of a training, or its {ORDER_NAME} is damaged.",
            fix="Name one of the trainings that this lists: studio train list",
        ) from error
    return order


def _require_own(folder: Path) -> None:
    stranger = stranger_in(folder)
    if stranger is not None:
        raise TrainingFolderError(
            f"Cannot train in {folder.name}",
            why=f"{stranger} is neither a file nor a folder of its own.",
            fix="Remove it: a training keeps all it has in its own folder.",
        )


# --- how far it is -----------------------------------------------------------------------


def write_progress(folder: Path, progress: Progress) -> None:
    """Write how far a training is, with the time of now.

    Raises
    ------
    DrumStudioError
        If the folder can not be written, or is not there any more.
    """
    plain = asdict(replace(progress, updated=time.time()))
    atomic.write_text(folder / STATE_NAME, json.dumps(_finite(plain)))


def read_progress(folder: Path) -> Progress:
    """Return how far a training is; what is missing or damaged counts as not written."""
    try:
        return _progress(_read(folder / STATE_NAME))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return Progress()


def _progress(plain: dict[str, Any]) -> Progress:
    first = Progress()
    known: dict[str, Any] = {}
    for one in fields(Progress):
        value, usual = plain.get(one.name), getattr(first, one.name)
        if one.name in ("losses", "scores"):
            known[one.name] = tuple((int(step), float(y)) for step, y in value or ())
        elif one.name == "best":
            known["best"] = (
                (int(value[0]), None if value[1] is None else float(value[1])) if value else None
            )
        elif one.name == "error":
            known["error"] = None
            if isinstance(value, dict) and {"what", "why", "fix"} <= set(value):
                known["error"] = {str(key): str(text) for key, text in value.items()}
        elif value is None:
            known[one.name] = usual
        elif usual is None:
            known[one.name] = float(value)
        else:
            known[one.name] = type(usual)(value)
    return Progress(**known)


def _finite(value: Any) -> Any:
    """Return a value with None for numbers that JSON has no word for."""
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# --- what is asked of it -----------------------------------------------------------------


def write_request(folder: Path, request: str) -> None:
    """Ask the process that trains to pause or to stop; it looks at every step.

    Raises
    ------
    DrumStudioError
        If the folder can not be written.
    """
    atomic.write_text(folder / REQUEST_NAME, json.dumps({"wanted": request}))


def read_request(folder: Path) -> str:
    """Return what was asked last: "pause", "stop" or ""."""
    if not (folder / REQUEST_NAME).exists():  # looked for at every step
        return ""
    try:
        wanted = _read(folder / REQUEST_NAME).get("wanted")
    except ValueError:
        return ""
    return wanted if wanted in (PAUSE, STOP) else ""


def clear_request(folder: Path) -> None:
    """Forget what was asked."""
    with contextlib.suppress(OSError):
        (folder / REQUEST_NAME).unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        plain = strict_json.parse(read_plain(path, _MAX_BYTES))
    except OSError:
        return {}
    if not isinstance(plain, dict):
        raise ValueError("it is no object")
    return plain
