"""New, open, save, recent, recover, close: the questions about the project's files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QCheckBox, QFileDialog, QMenu, QMessageBox, QProgressDialog, QWidget

from drumstudio import atomic, paths
from drumstudio.application import recovery
from drumstudio.application.studio import Studio
from drumstudio.core.errors import Cancelled, DrumStudioError
from drumstudio.files.project_folder import SUFFIX
from drumstudio.ui.bridge import Bridge
from drumstudio.ui.recovery_dialog import RecoveryDialog

_RECENT = 10


class FileLink(QObject):
    """Asks a person about files and tells the studio.

    Parameters
    ----------
    studio : Studio
        What is asked.
    bridge : Bridge
        How answers come to this thread.
    show_error : callable
        Shows a `DrumStudioError`.
    window : QWidget
        Over which dialogs stand.
    """

    def __init__(
        self,
        studio: Studio,
        bridge: Bridge,
        show_error: Callable[[DrumStudioError], None],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._studio = studio
        self._bridge = bridge
        self._show_error = show_error
        self._window = window

    # --- asking ----------------------------------------------------------------------------

    def new(self) -> None:
        """Begin an empty project, once the present one is safe."""
        self._when_safe("New project", self._studio.new_project)

    def open(self) -> None:
        """Ask for a project's folder and open it."""
        folder = QFileDialog.getExistingDirectory(self._window, "Open project", str(Path.home()))
        if folder:
            self.open_path(Path(folder))

    def open_path(self, path: Path) -> None:
        """Open a project, once the present one is safe."""
        self._when_safe("Open project", lambda: self._open(path))

    def _open(self, path: Path) -> None:
        self._studio.open_project(path)
        self._remember(path)

    def save(self) -> None:
        """Save; the first time ask for a name."""
        if self._studio.document.is_never_saved or self._studio.document.is_read_only:
            self.save_as()
        else:
            self._studio.save()

    def save_as(self, then: Callable[[], object] | None = None) -> None:
        """Ask for a name and save under it."""
        songs = self._studio.songs
        name = (songs[0].name if songs else "Project") + SUFFIX
        start = Path.home() / name if self._studio.document.is_never_saved else (
            self._studio.document.folder.path
        )  # fmt: skip
        chosen, _ = QFileDialog.getSaveFileName(
            self._window, "Save project as", str(start), f"DrumStudio project (*{SUFFIX})"
        )
        if chosen:
            self.save_to(Path(chosen), then)

    def save_to(self, path: Path, then: Callable[[], object] | None = None) -> None:
        """Save under a name, with everything; a bar shows how far it is."""
        if not path.name.endswith(SUFFIX):
            path = path.with_name(path.name + SUFFIX)
        bar = QProgressDialog("Saving…", "Cancel", 0, 1000, self._window)
        bar.setWindowTitle("Save project")
        bar.setWindowModality(Qt.WindowModality.WindowModal)
        bar.setMinimumDuration(400)
        cancelled: list[bool] = []
        bar.canceled.connect(lambda: cancelled.append(True))

        def checkpoint(fraction: float, message: str) -> None:
            if cancelled:
                raise Cancelled
            self._bridge.post(lambda: _show_progress(bar, fraction, message), key=bar)

        def done(error: DrumStudioError | None) -> None:
            self._bridge.post(lambda: finish(error))

        def finish(error: DrumStudioError | None) -> None:
            bar.reset()
            bar.deleteLater()
            if error is not None:
                self._show_error(error)
                return
            self._remember(path)
            if then is not None:
                then()

        self._studio.save_as(path, checkpoint, done)

    def offer_recovery(self) -> None:
        """After a crash: ask what to do with the work that was not saved."""

        def found(projects: list[recovery.Recoverable]) -> None:
            if projects:
                self._bridge.post(lambda: self._ask_recovery(projects))

        self._studio.background.run(recovery.recoverable_projects, found)

    def _ask_recovery(self, projects: list[recovery.Recoverable]) -> None:
        dialog = RecoveryDialog(self._window, projects)
        dialog.exec()
        for project in dialog.discarded:
            self._studio.background.run(lambda p=project: recovery.discard(p))
        if dialog.recovered is not None:
            self._studio.open_project(dialog.recovered.path)
        dialog.deleteLater()

    # --- before something is left ---------------------------------------------------------

    def may_close(self, then: Callable[[], object]) -> bool:
        """Return whether the window may close now; if not, one question, then `then`."""
        busy = self._studio.queue.busy
        unsaved = self._has_unsaved_work()
        training = ", ".join(view.name for view in self._studio.trainings.ours)
        if busy or unsaved:
            self._ask(busy=busy, unsaved=unsaved, then=then, training=training)
        elif training:
            self._ask_training(training, then)
        else:
            return True
        return False

    def _ask_training(self, name: str, then: Callable[[], object]) -> None:
        """Ask what shall become of a training that this window began."""
        question = QMessageBox(self._window)
        question.setWindowTitle("DrumStudio")
        question.setIcon(QMessageBox.Icon.NoIcon)
        question.setText(f"{name} is being trained. Keep training in the background?")
        question.setInformativeText(
            "The next window shows it again. Paused, it goes on from there when you say so."
        )
        role = QMessageBox.ButtonRole
        keep = question.addButton("Keep training in the background", role.AcceptRole)
        pause = question.addButton("Pause it", role.DestructiveRole)
        cancel = question.addButton("Cancel", role.RejectRole)
        question.setDefaultButton(keep)
        question.setEscapeButton(cancel)
        question.exec()
        clicked = question.clickedButton()
        question.deleteLater()
        if clicked in (keep, pause):
            self._studio.trainings.keep_when_closed = clicked is keep
            then()

    def _when_safe(self, title: str, then: Callable[[], object]) -> None:
        busy, unsaved = self._studio.queue.busy, self._has_unsaved_work()
        if busy or unsaved:
            self._ask(busy=busy, unsaved=unsaved, then=then)
        else:
            then()

    def _has_unsaved_work(self) -> bool:
        document = self._studio.document
        if document.is_read_only:
            return False
        return document.is_modified or (document.is_never_saved and bool(self._studio.songs))

    def _ask(
        self, *, busy: bool, unsaved: bool, then: Callable[[], object], training: str = ""
    ) -> None:
        """Ask one question, whatever there is to lose."""
        question = QMessageBox(self._window)
        question.setWindowTitle("DrumStudio")
        question.setIcon(QMessageBox.Icon.NoIcon)
        name = self._studio.document.name
        if unsaved:
            known = not self._studio.document.is_never_saved
            question.setText(f"Save the changes to {name}?" if known else "Save this project?")
        else:
            question.setText("Stop what is running?")
        hints = ["Discarded work is moved aside, not deleted."] if unsaved else []
        if busy:
            hints.append("Jobs that are running stop; finished chunks are kept for the next try.")
        question.setInformativeText("\n".join(hints))
        keep = QCheckBox(f"Keep training {training} in the background (else it is paused)")
        keep.setChecked(True)
        if training:
            question.setCheckBox(keep)
        save = question.addButton("Save", QMessageBox.ButtonRole.AcceptRole) if unsaved else None
        words = "Discard" if unsaved else "Stop"
        discard = question.addButton(words, QMessageBox.ButtonRole.DestructiveRole)
        cancel = question.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(save or discard)
        question.setEscapeButton(cancel)
        question.exec()
        clicked, keep_it = question.clickedButton(), keep.isChecked()
        question.deleteLater()
        if clicked is cancel:
            return
        if training:
            self._studio.trainings.keep_when_closed = keep_it
        if clicked is save:
            self._save_then(then)
        elif unsaved:
            self._discard_then(then)
        else:
            then()

    def _save_then(self, then: Callable[[], object]) -> None:
        if self._studio.document.is_never_saved:
            self.save_as(then)
        else:
            self._studio.save(lambda: self._bridge.post(then))

    def _discard_then(self, then: Callable[[], object]) -> None:
        self._studio.discard_changes(lambda: self._bridge.post(then))

    # --- recent ----------------------------------------------------------------------------

    def fill_recent(self, menu: QMenu) -> None:
        """Fill a menu with the projects opened last."""
        menu.clear()
        for path in self.recent():
            menu.addAction(path.name.removesuffix(SUFFIX), lambda p=path: self.open_path(p))
        menu.setEnabled(not menu.isEmpty())

    def recent(self) -> list[Path]:
        """Return the projects opened last that are still there, newest first."""
        try:
            stored = json.loads(_recent_file().read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        if not isinstance(stored, list):
            return []
        return [Path(path) for path in stored if isinstance(path, str) and Path(path).is_dir()]

    def _remember(self, path: Path) -> None:
        wanted = [path, *(other for other in self.recent() if other != path)][:_RECENT]

        def store() -> None:
            _recent_file().parent.mkdir(parents=True, exist_ok=True)
            atomic.write_text(_recent_file(), json.dumps([str(each) for each in wanted]))

        self._studio.background.run(store, failed=lambda _: None)  # a list that can be lost


def _recent_file() -> Path:
    return paths.user_config_folder() / "recent.json"


def _show_progress(bar: QProgressDialog, fraction: float, message: str) -> None:
    bar.setValue(round(fraction * 1000))
    bar.setLabelText(message)
