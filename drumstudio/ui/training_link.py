"""Joins trainings to the page that shows them, the model picker and the close of the window."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from drumstudio.application.material import song_material
from drumstudio.application.studio import Studio
from drumstudio.application.transport import Transport
from drumstudio.application.transport_view import State
from drumstudio.core.errors import DrumStudioError, SettingError
from drumstudio.files.training_folder import Order
from drumstudio.files.wav_file import WavReader
from drumstudio.playback.output import OutputChoice
from drumstudio.ui.actions import Actions
from drumstudio.ui.bridge import Bridge
from drumstudio.ui.editor_link import EditorLink
from drumstudio.ui.lower_half import LowerHalf
from drumstudio.ui.model_panel import ModelPanel
from drumstudio.ui.training_page import TrainingPage

_LOOK_MS = 1_000
_IDLE_LOOKS = 5  # while the page is closed: only every so many


class TrainingLink(QObject):
    """Shows the trainings and turns what a person does into requests.

    Parameters
    ----------
    studio, transport : Studio, Transport
        What is asked; what plays the song stops for an example.
    bridge : Bridge
        How news comes to this thread.
    page, lower : TrainingPage, LowerHalf
        Where it is shown.
    models : ModelPanel
        Where a model comes to be when it is ready.
    editing : EditorLink
        Shows and hides the spectrogram, beside which the page stands.
    parent : QWidget
        The window.
    """

    problem = Signal(object)

    def __init__(
        self,
        studio: Studio,
        transport: Transport,
        bridge: Bridge,
        page: TrainingPage,
        lower: LowerHalf,
        models: ModelPanel,
        editing: EditorLink,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._studio = studio
        self._transport = transport
        self._bridge = bridge
        self._page = page
        self._lower = lower
        self._models = models
        self._editing = editing
        self._window = parent
        self._looks = 0
        self._example = ExamplePlayer(transport, bridge, self)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)
        trainings = studio.trainings
        bridge.listen(trainings.changed, self._show)
        bridge.listen(trainings.material_changed, self._show_material)
        bridge.listen(trainings.model_ready, self._on_model)
        self._connect()
        trainings.look()
        self._timer.start()

    def _connect(self) -> None:
        page, watch, trainings = self._page, self._page.watch, self._studio.trainings
        page.close_asked.connect(self.close_page)
        page.training_chosen.connect(lambda _: self._on_chosen())
        page.setup.folders_added.connect(self.add_folders)
        page.setup.folder_removed.connect(trainings.remove_folder)
        page.setup.start_asked.connect(self._start)
        watch.pause_asked.connect(lambda: self._ask(trainings.pause))
        watch.resume_asked.connect(lambda: self._ask(trainings.resume))
        watch.stop_asked.connect(lambda: self._ask(trainings.stop))
        watch.remove_asked.connect(self._remove)
        watch.example_asked.connect(self._play)
        self._example.ended.connect(lambda: watch.show_playing(""))
        self._example.problem.connect(self.problem.emit)
        self._lower.spectrogram_asked.connect(lambda: self._editing.show_pane(True))
        self._lower.hide_spectrogram_asked.connect(
            lambda: self._editing.show_pane(False, remember=False)
        )

    def connect_actions(self, actions: Actions) -> None:
        """Say what the command of the page does."""
        actions.connect("training", self.toggle_page)

    def close(self) -> None:
        """Show and play nothing more."""
        self._timer.stop()
        self._example.close()

    # --- the page ------------------------------------------------------------------------

    def toggle_page(self) -> None:
        """Show the page, or close it if it is what is seen."""
        if self._lower.is_training_shown:
            self.close_page()
        else:
            self.open_page()

    def open_page(self) -> None:
        """Show the page, with the newest of the trainings that are not over."""
        views = self._studio.trainings.views
        going = [view.folder for view in views if view.state not in ("done", "stopped")]
        if going and not self._lower.is_training_open:
            self._page.chosen = going[0]
        self._lower.open_training()
        self._editing.share_height()
        self._show()
        self._studio.trainings.look()
        self._page.trainings.setFocus()

    def close_page(self) -> None:
        """Close the page; what trains goes on."""
        self._example.stop()
        self._lower.close_training()

    # --- showing -------------------------------------------------------------------------

    def _look(self) -> None:
        self._looks += 1
        if self._lower.is_training_shown or self._looks % _IDLE_LOOKS == 0:
            self._studio.trainings.look()

    def _show(self) -> None:
        settings, trainings = self._studio.settings, self._studio.trainings
        self._page.setup.show_starts(trainings.starts, settings.device, settings.processor_threads)
        self._page.show_trainings(trainings)

    def _show_material(self) -> None:
        self._page.setup.show_material(self._studio.trainings.material)

    def _on_chosen(self) -> None:
        self._example.stop()
        self._show()

    def _on_model(self, model_id: str) -> None:
        self._models.show_models()
        card = self._studio.catalog.find(model_id)
        self._studio.noticed(f"{card.name} is among your models now")

    # --- asking --------------------------------------------------------------------------

    def add_folders(self, paths: list[Path]) -> None:
        """Take folders of music; of files that were dropped, say what would do."""
        folders = [path for path in paths if path.is_dir()]
        if folders:
            self._studio.trainings.add_folders(folders)
        if len(folders) < len(paths):
            self._studio.noticed("Drop folders: each song in a folder of its own with its stems")

    def _start(self, order: Order) -> None:
        def begun(folder: Path) -> None:
            self._bridge.post(lambda: self._begun(folder))

        def failed(error: DrumStudioError) -> None:
            self._bridge.post(lambda: self._refused(error))

        self._studio.trainings.begin(order, begun, failed)

    def _begun(self, folder: Path) -> None:
        self._page.chosen = folder
        self._page.setup.show_started()
        self._show()

    def _refused(self, error: DrumStudioError) -> None:
        if isinstance(error, SettingError):  # a name that is taken: what was typed stays
            self._page.setup.show_refused()
        else:
            self._page.setup.show_started()
        self.problem.emit(error)

    def _ask(self, what) -> None:  # noqa: ANN001 (one of the methods of Trainings)
        if self._page.chosen is not None:
            what(self._page.chosen)

    def _remove(self) -> None:
        folder = self._page.chosen
        view = self._studio.trainings.view(folder) if folder is not None else None
        if view is None:
            return
        question = QMessageBox(self._window)
        question.setWindowTitle("DrumStudio")
        question.setText(f"Remove the training {view.name}?")
        kept = "The model that came of it stays." if view.installed else "Its model goes with it."
        question.setInformativeText(f"It can not be taken up again. {kept}")
        remove = question.addButton("Remove", QMessageBox.ButtonRole.DestructiveRole)
        cancel = question.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(cancel)
        question.setEscapeButton(cancel)
        question.exec()
        clicked = question.clickedButton()
        question.deleteLater()
        if clicked is remove:
            self._example.stop()
            self._studio.trainings.remove(view.folder)

    def _play(self, path: Path | None) -> None:
        if path is None:
            self._example.stop()
        else:
            settings = self._studio.settings
            self._example.play(path, OutputChoice(settings.output or None, int(settings.buffer)))


class ExamplePlayer(QObject):
    """Plays a file once, beside the song: whichever of the two begins, the other stops.

    Parameters
    ----------
    song : Transport
        What plays the song.
    bridge : Bridge
        How news comes to this thread.
    parent : QObject
        Who owns it.
    """

    ended = Signal()
    problem = Signal(object)

    def __init__(self, song: Transport, bridge: Bridge, parent: QObject) -> None:
        super().__init__(parent)
        self._song = song
        self._bridge = bridge
        self._player: Transport | None = None  # it has a thread: made when it is needed
        self._playing = False
        bridge.listen(song.changed, self._on_song)

    def play(self, path: Path, output: OutputChoice) -> None:
        """Play a file from its beginning."""
        try:
            with WavReader(path) as reader:
                shape = reader.sample_rate, reader.samples
            material = song_material(path, None, *shape)
        except DrumStudioError as error:
            self.problem.emit(error)
            self.ended.emit()
            return
        if self._song.view.state is State.PLAYING:
            self._song.stop()
        if self._player is None:
            self._player = self._song.another()
            self._bridge.listen(self._player.changed, self._on_player)
            self._bridge.listen(self._player.failed, self.problem.emit)
        self._player.choose_output(output)
        self._player.set_monitor(self._song.view.monitor_db)
        self._player.open(material)
        self._playing = True
        self._player.play()

    def stop(self) -> None:
        """Play no more."""
        if self._player is not None and self._playing:
            self._player.stop()

    def close(self) -> None:
        """Stop and give the device back."""
        if self._player is not None:
            self._player.close()
            self._player = None

    def _on_song(self) -> None:
        if self._song.view.state is State.PLAYING:
            self.stop()

    def _on_player(self) -> None:
        over = self._player is None or self._player.view.state is not State.PLAYING
        if self._playing and over:
            self._playing = False
            if self._player is not None:
                self._player.stop()  # an example is not played on after a device was lost
            self.ended.emit()
