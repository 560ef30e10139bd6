"""The user's trainings as a window sees them: looked at now and then, asked, started."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drumstudio.application.background import Background
from drumstudio.application.listeners import Listeners
from drumstudio.catalog.catalog import Catalog
from drumstudio.core.errors import DrumStudioError
from drumstudio.files.training_folder import Order, TrainingView, all_trainings
from drumstudio.workers.detached import Detached
from drumstudio.workers.handle import Handle
from drumstudio.workers.pool import WorkerPool
from drumstudio.workflows import trainings as work


@dataclass(frozen=True, slots=True)
class Start:
    """What a training may begin with.

    Parameters
    ----------
    title : str
        For a person: "New model", "Improve Fast with my stems".
    recipe : str
    from_card : str or None
        Folder of the model that is improved.
    name : str
        What the new model may be called: a name that is free.
    minutes : float
        How long it takes at least to be of use.
    """

    title: str
    recipe: str
    from_card: str | None
    name: str
    minutes: float


@dataclass(frozen=True, slots=True)
class Material:
    """What was understood of the folders to train from.

    Parameters
    ----------
    folders : tuple of Path
    checking : bool
        Whether they are being looked at; the rest is of the time before.
    songs : tuple of dict
        As `training.folders.check` has them: song, stems, seconds, split, folder.
    minutes : float
        Of all that is trained on.
    problems : tuple of (str, str)
        Song or file, and a sentence.
    error : DrumStudioError or None
        Why they can not be trained on at all.
    """

    folders: tuple[Path, ...] = ()
    checking: bool = False
    songs: tuple[dict[str, Any], ...] = ()
    minutes: float = 0.0
    problems: tuple[tuple[str, str], ...] = ()
    error: DrumStudioError | None = None

    @property
    def ready(self) -> bool:
        """Whether a training can begin with them."""
        return bool(self.folders) and not self.checking and self.error is None


_IMPROVING_MINUTES, _NEW_MINUTES = 10.0, 120.0


class Trainings:
    """What there is to see and to do of trainings. Listeners are called from any thread.

    Parameters
    ----------
    catalog : Catalog
        The models; read again when one has come.
    pool : WorkerPool
        Looks through folders of music.
    background : Background
        Does what reads and writes the trainings' folders, so that no window waits.
    failed : callable
        Told what could not be done.

    Attributes
    ----------
    views : tuple of TrainingView
        The trainings as they were seen last, the newest first.
    starts : tuple of Start
        What a new one may begin with; empty before the first look.
    keep_when_closed : bool
        Whether what this window started goes on when it is closed.
    changed : Listeners
        Called when `views` or `starts` is different.
    material_changed : Listeners
        Called when `material` is different.
    model_ready : Listeners
        Called with a model's id when it has come among the user's.
    """

    def __init__(
        self,
        catalog: Catalog,
        pool: WorkerPool,
        background: Background,
        failed: Callable[[DrumStudioError], None],
    ) -> None:
        self.changed: Listeners[[]] = Listeners()
        self.material_changed: Listeners[[]] = Listeners()
        self.model_ready: Listeners[[str]] = Listeners()
        self.views: tuple[TrainingView, ...] = ()
        self.starts: tuple[Start, ...] = ()
        self.material = Material()
        self.keep_when_closed = False
        self._catalog = catalog
        self._pool = pool
        self._background = background
        self._checking = Background(failed)
        self._failed = failed
        self._ours: dict[Path, Detached] = {}
        self._check: Handle | None = None
        self._looked = self._looking = False

    # --- what there is -------------------------------------------------------------------

    def look(self) -> None:
        """Look how the trainings stand now."""
        if not self._looking:
            self._looking = True
            self._background.run(self._look)

    def _look(self) -> None:
        self._looking = False
        views, starts = tuple(all_trainings()), self.starts
        names = [view.folder for view in views]
        if not starts or names != [view.folder for view in self.views]:
            starts = tuple(_starts(self._catalog))
        before = {view.folder: (view.installed, view.state) for view in self.views}
        for view in views if self._looked else ():
            known = before.get(view.folder, ("", ""))
            over = view.state in ("done", "stopped") and known[1] != view.state
            if view.installed and (view.installed != known[0] or over):
                self._catalog.refresh()
                starts = tuple(_starts(self._catalog))
                self.model_ready(view.installed)
        self._looked = True
        if (views, starts) != (self.views, self.starts):
            self.views, self.starts = views, starts
            self.changed()

    def view(self, folder: Path) -> TrainingView | None:
        """Return a training as it was seen last; None if it has gone."""
        return next((view for view in self.views if view.folder == folder), None)

    @property
    def running(self) -> tuple[TrainingView, ...]:
        """Every training that a process works on."""
        return tuple(view for view in self.views if view.running)

    @property
    def ours(self) -> tuple[TrainingView, ...]:
        """Of these, the ones that this window started."""
        return tuple(view for view in self.running if view.folder in self._ours)

    # --- the material --------------------------------------------------------------------

    def add_folders(self, folders: Sequence[Path]) -> None:
        """Take more folders to train from, and look what is in them."""
        known = self.material.folders
        more = [folder.absolute() for folder in folders]
        self._look_through((*known, *dict.fromkeys(f for f in more if f not in known)))

    def remove_folder(self, folder: Path) -> None:
        """Leave a folder out again."""
        self._look_through(tuple(one for one in self.material.folders if one != folder))

    def _look_through(self, folders: tuple[Path, ...]) -> None:
        if self._check is not None:
            self._check.cancel()
            self._check = None
        self.material = Material(folders, checking=bool(folders))
        self.material_changed()
        if not folders:
            return
        handle = self._check = self._pool.submit(
            "check_training_data", folders=[str(folder) for folder in folders]
        )

        def understood(report: dict[str, Any]) -> None:
            if self._check is handle:
                self._show(_material(folders, report))

        def refused(error: DrumStudioError) -> None:
            if self._check is handle:
                self._show(Material(folders, error=error))

        self._checking.run(handle.result, understood, refused)

    def _show(self, material: Material) -> None:
        self._check = None
        self.material = material
        self.material_changed()

    # --- asking --------------------------------------------------------------------------

    def begin(
        self,
        order: Order,
        done: Callable[[Path], object],
        failed: Callable[[DrumStudioError], object],
    ) -> None:
        """Start a new training; `done` is told its folder, `failed` why it could not begin."""

        def start() -> Path:
            folder = work.create(order)
            self._ours[folder] = work.start_in_background(folder)
            return folder

        def started(folder: Path) -> None:
            self._look()
            done(folder)

        self._background.run(start, started, failed)

    def resume(self, folder: Path) -> None:
        """Go on with a training."""

        def start() -> None:
            self._ours[folder] = work.start_in_background(folder)

        self._do(start)

    def pause(self, folder: Path) -> None:
        """Have a training save its state and end its process."""
        self._do(lambda: work.pause(folder))

    def stop(self, folder: Path) -> None:
        """End a training and keep its best model."""
        self._do(lambda: work.stop(folder))

    def remove(self, folder: Path) -> None:
        """Remove a training; a model that came of it stays."""
        self._do(lambda: work.remove(folder))

    def _do(self, function: Callable[[], object]) -> None:
        self._background.run(function, lambda _: self.look(), self._refused)

    def _refused(self, error: DrumStudioError) -> None:
        self._failed(error)
        self.look()

    def close(self) -> None:
        """Pause what this window started, unless it shall go on without it."""
        if self._check is not None:
            self._check.cancel()
        self._checking.close(0.5)
        if self.keep_when_closed:
            return
        for folder, process in self._ours.items():
            if process.running:
                try:
                    work.pause(folder)
                except DrumStudioError:
                    continue  # a full disk: it goes on, and the next window can pause it


def _starts(catalog: Catalog) -> list[Start]:
    """Return what a training may begin with: a model that can learn more, or nothing."""
    improving = [
        Start(
            f"Improve {card.name} with my stems",
            work.IMPROVE_RECIPE,
            str(card.folder),
            work.free_name(f"{card.name}, my stems"),
            _IMPROVING_MINUTES,
        )
        for card in catalog.cards()
        if card.engine in work.TRAINABLE_ENGINES and catalog.ready(card)
    ]
    name = work.free_name("My model")
    return [*improving, Start("New model", work.NEW_MODEL_RECIPE, None, name, _NEW_MINUTES)]


def _material(folders: tuple[Path, ...], report: dict[str, Any]) -> Material:
    songs = tuple(report["songs"])
    seconds = sum(float(song["seconds"]) for song in songs)
    return Material(
        folders,
        songs=songs,
        minutes=sum(report["minutes"].values()) if not songs else seconds / 60,
        problems=tuple(
            (name, line) for name, lines in report["problems"].items() for line in lines
        ),
    )
