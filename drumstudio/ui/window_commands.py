"""What the window's commands do, and the dialogs they open."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QObject, QPoint
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QFileDialog, QMenu

from drumstudio import atomic, paths
from drumstudio.application.song_export import stem_word
from drumstudio.core.errors import DeviceError
from drumstudio.core.song import Song
from drumstudio.files.formats import FORMATS
from drumstudio.files.sound_kinds import AUDIO_SUFFIXES
from drumstudio.playback.output import OutputChoice, OutputDevice
from drumstudio.ui.about_dialog import AboutDialog
from drumstudio.ui.batch_dialog import BatchDialog
from drumstudio.ui.export_link import open_folder
from drumstudio.ui.guide_dialog import GuideDialog
from drumstudio.ui.log_dialog import LogDialog
from drumstudio.ui.menus import Menus
from drumstudio.ui.preferences_dialog import PreferencesDialog
from drumstudio.ui.shortcuts_dialog import ShortcutsDialog
from drumstudio.ui.timeline import ZOOM_STEP
from drumstudio.ui.tokens import ICON_PX

if TYPE_CHECKING:
    from drumstudio.ui.main_window import MainWindow

_COLOUR_NAMES = {
    **{"kick": "Red", "snare": "Yellow", "toms": "Violet", "hat": "Turquoise"},
    **{"cymbal": "Lime", "rest": "Blue", "drums": "Orange", "good": "Green"},
}
_NOTICE_MS = 3_000
_SHORT_SECONDS, _LONG_SECONDS = 1.0, 5.0


class WindowCommands(QObject):
    """Joins commands to what they do.

    Parameters
    ----------
    window : MainWindow
        Whose commands.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._needs_song: list[str] = []
        player, timeline = window.player, window.state.timeline
        document = window.document
        for name, function in (
            ("new", window.files.new),
            ("open", window.files.open),
            ("save", window.files.save),
            ("save_as", lambda: window.files.save_as()),
            ("open_songs", self.open_songs),
            ("quit", window.close),
            ("batch", self.batch),
            ("relink", self.relink),
            ("undo", self.undo),
            ("redo", self.redo),
            ("preferences", self.preferences),
            ("shortcuts", self.shortcuts),
            ("guide", self.show_guide),
            ("log", self.show_log),
            ("about", self.about),
        ):
            window.actions_.connect(name, function)
        middle = window.view.canvas.width
        for name, function in (
            ("import_stems", self.import_stems),
            ("refine", self.refine),
            ("save_picture", self.save_picture),
            ("export", self.export),
            ("select_all", lambda: window.state.select((0.0, window.state.seconds))),
            ("leave", self.leave),
            ("play", window.transport.toggle),
            ("play_range", window.transport.play_range),
            ("loop", player.toggle_loop),
            ("listen", window.transport.toggle_listen),
            ("to_start", player.to_start),
            ("to_end", player.to_end),
            ("seek_back", lambda: player.nudge(-_SHORT_SECONDS)),
            ("seek_on", lambda: player.nudge(_SHORT_SECONDS)),
            ("seek_far_back", lambda: player.nudge(-_LONG_SECONDS)),
            ("seek_far_on", lambda: player.nudge(_LONG_SECONDS)),
            ("mute", document.toggle_mute),
            ("solo", document.toggle_solo),
            ("track_up", lambda: self._step_lane(-1)),
            ("track_down", lambda: self._step_lane(1)),
            ("separate", self.separate),
            ("preview", self.preview),
            ("previous_hit", lambda: window.grid.step(forward=False)),
            ("next_hit", lambda: window.grid.step(forward=True)),
            ("marker", window.markers.add),
            ("tap_tempo", window.grid.tap),
            ("first_beat", window.grid.one_is_here),
            ("rename_song", window.songs.edit_name),
            ("remove_song", self.remove_song),
            ("zoom_in", lambda: timeline.zoom(ZOOM_STEP, middle() / 2)),
            ("zoom_out", lambda: timeline.zoom(1 / ZOOM_STEP, middle() / 2)),
            ("zoom_selection", self.zoom_selection),
            ("zoom_fit", timeline.fit),
            ("zoom_back", timeline.back),
            ("lanes_higher", lambda: window.state.scale_lanes(1.25)),
            ("lanes_lower", lambda: window.state.scale_lanes(0.8)),
            ("waves_higher", lambda: window.state.scale_waves(1.5)),
            ("waves_lower", lambda: window.state.scale_waves(1 / 1.5)),
        ):
            window.actions_.connect(name, function)
            self._needs_song.append(name)
        window.bar.export.clicked.connect(lambda: self.export())
        window.empty.open_asked.connect(self.open_songs)
        window.empty.demo_asked.connect(self.demo)
        window.songs.open_asked.connect(self.open_songs)
        window.songs.drag_asked.connect(window.exports.drag)
        window.songs.menu_asked.connect(self._song_menu)
        window.view.menu_asked.connect(self._lane_menu)
        window.view.rename_asked.connect(window.songs.edit_name)
        window.models.separate_asked.connect(self._separate_or_preview)
        self.apply_numbers(window.studio.settings.numbers)
        self.choose_output()
        window.bar.output_clicked.connect(self.preferences)

    def connect_menus(self, menus: Menus) -> None:
        """Fill the menus whose content changes when they open."""
        files = self._window.files
        menus.recent.aboutToShow.connect(lambda: files.fill_recent(menus.recent))
        menus.versions.aboutToShow.connect(lambda: self._fill_versions(menus.versions))
        menus.models.aboutToShow.connect(lambda: self._fill_models(menus.models))
        files.fill_recent(menus.recent)

    def show_song(self, song: Song | None) -> None:
        """Allow what needs a song only where there is one."""
        for name in self._needs_song:
            self._window.actions_[name].setEnabled(song is not None)
        has_drums = song is not None and song.separation is not None and song.separation.drums
        self._window.actions_["refine"].setEnabled(bool(has_drums))
        bar = self._window.bar
        for button in (bar.export, bar.play, bar.loop, bar.to_start):
            button.setEnabled(song is not None)

    def show_history(self, undo_name: str | None, redo_name: str | None) -> None:
        """Name what undo and redo would do."""
        for name, word, step in (("undo", "Undo", undo_name), ("redo", "Redo", redo_name)):
            action = self._window.actions_[name]
            action.setEnabled(step is not None)
            action.setText(f"{word} “{step}”" if step else word)

    def undo(self) -> None:
        """Take the last edit back, and show it at once."""
        self._window.studio.undo()
        self._window.document.refresh()

    def redo(self) -> None:
        """Do again what was taken back, and show it at once."""
        self._window.studio.redo()
        self._window.document.refresh()

    # --- songs -------------------------------------------------------------------------------

    def add_paths(self, paths_: Sequence[Path]) -> None:
        """Take what was dropped or opened."""
        models = self._window.models
        # A slow disk may take seconds to tell what is in a folder: an answer comes at once.
        self._window.statusBar().showMessage("Looking for songs…", _NOTICE_MS)
        self._window.studio.jobs.add_paths(paths_, models.model_id, models.values())

    def open_songs(self) -> None:
        """Ask for sound files."""
        patterns = " ".join(f"*{suffix}" for suffix in sorted(AUDIO_SUFFIXES))
        files, _ = QFileDialog.getOpenFileNames(
            self._window, "Open songs", str(Path.home()), f"Sound files ({patterns});;All files (*)"
        )
        if files:
            self.add_paths([Path(file) for file in files])

    def demo(self) -> None:
        """Take the demo song."""
        models = self._window.models
        self._window.studio.jobs.add_demo(models.model_id, models.values())

    def separate(self) -> None:
        """Separate the song at hand with the chosen model."""
        song, models = self._window.document.song, self._window.models
        if song is not None and models.model_id:
            self._window.studio.jobs.separate(song.id, models.model_id, models.values())

    def _separate_or_preview(self) -> None:
        song = self._window.document.song
        if song is not None and self._window.studio.jobs.is_separating(song.id):
            self.preview()
        else:
            self.separate()

    def preview(self) -> None:
        """Separate the song at hand now, from where it is listened to."""
        song, models = self._window.document.song, self._window.models
        if song is not None and models.model_id:
            self._window.studio.jobs.preview(song.id, models.model_id, models.values())

    def import_stems(self) -> None:
        """Ask for stems that were made elsewhere: drums alone, or several files."""
        song = self._window.document.song
        files, _ = QFileDialog.getOpenFileNames(
            self._window, "Import stems for this song: drums, or a file each", str(Path.home())
        )
        if song is None or not files:
            return
        jobs = self._window.studio.jobs
        if len(files) == 1:
            jobs.import_stems(song.id, {"drums": Path(files[0])})
        else:
            jobs.import_named(song.id, [Path(file) for file in files])

    def refine(self) -> None:
        """Have the drums of the song at hand drawn to the average of their hits."""
        song = self._window.document.song
        if song is not None:
            self._window.studio.jobs.refine(song.id, "hit-average")

    def drop_on_song(self, song_id: str, paths_: Sequence[Path]) -> None:
        """Take what was dropped on a song: stems of it, or more songs."""
        models = self._window.models
        jobs = self._window.studio.jobs
        jobs.drop_on_song(song_id, paths_, models.model_id, models.values())

    def export(self) -> None:
        """Ask what to export of the song at hand."""
        window = self._window
        window.exports.ask(window.document.song, window.state.selection)

    def batch(self) -> None:
        """Ask for files to separate into a folder."""
        models, studio = self._window.models, self._window.studio
        if not models.model_id:
            return
        names = [(card.id, card.name) for card in models.ready_cards()]
        dialog = BatchDialog(self._window, names, models.model_id, Path.home())
        if dialog.exec():
            studio.jobs.separate_to_folder(
                *(dialog.paths, dialog.export_settings(), dialog.model_id),
                models.values_of(dialog.model_id),
            )
        dialog.deleteLater()

    def relink(self) -> None:
        """Ask where files that the project misses may be."""
        folder = QFileDialog.getExistingDirectory(
            self._window, "Look for missing files in", str(Path.home())
        )
        if folder:
            self._window.studio.jobs.relink(Path(folder))

    def save_picture(self) -> None:
        """Save the lanes as they are seen as a picture."""
        song = self._window.document.song
        name = f"{song.name if song is not None else 'Lanes'}.png"
        file, _ = QFileDialog.getSaveFileName(
            self._window, "Save picture", str(Path.home() / name), "PNG picture (*.png)"
        )
        if file:
            path = Path(file).with_suffix(".png")
            studio, picture = self._window.studio, self._window.work.grab().toImage()

            def save() -> None:  # compressing it takes many frames
                with atomic.writing(path) as temporary:
                    if not picture.save(str(temporary), "PNG"):
                        raise OSError(f"the picture could not be written to {temporary}")

            studio.background.run(save, lambda _: studio.noticed(f"Saved {path.name}"))

    def remove_song(self) -> None:
        """Take the song at hand out of the project."""
        song = self._window.document.song
        if song is not None:
            self._window.studio.remove_song(song.id)

    # --- view --------------------------------------------------------------------------------

    def zoom_selection(self) -> None:
        """Fill the width with the selection."""
        selection = self._window.state.selection
        if selection is not None:
            self._window.state.timeline.to_range(*selection)

    def leave(self) -> None:
        """Leave a drag and the control that has the focus; drop the selection."""
        self._window.view.canvas.setFocus()
        self._window.state.left_mode.emit()
        self._window.state.select(None)

    def _step_lane(self, step: int) -> None:
        state = self._window.state
        stems = [lane.stem for lane in state.lanes]
        if stems:
            place = stems.index(state.chosen_lane) if state.chosen_lane in stems else 0
            state.choose_lane(stems[min(max(place + step, 0), len(stems) - 1)])

    # --- menus that open where the pointer is --------------------------------------------

    def _song_menu(self, song_id: str, stem: str, place: QPoint) -> None:
        self._window.document.choose(song_id)
        if stem:
            self._stem_menu(song_id, stem, place)
            return
        actions = self._window.actions_
        names = (
            "separate",
            "preview",
            "refine",
            "import_stems",
            "export",
            "rename_song",
            "remove_song",
        )
        _pop_up(QMenu(self._window), [actions[name] for name in names], place)

    def _lane_menu(self, stem: str, place: QPoint) -> None:
        song = self._window.document.song
        if song is not None:
            self._stem_menu(song.id, stem, place)

    def _stem_menu(self, song_id: str, stem: str, place: QPoint) -> None:
        menu = QMenu(self._window)
        document, exports = self._window.document, self._window.exports
        strip = document.strips().get(stem)
        if strip is not None:
            mute = menu.addAction("Unmute" if strip.mute else "Mute")
            mute.triggered.connect(lambda: document.toggle_mute(stem))
            solo = menu.addAction("End solo" if strip.solo else "Solo")
            solo.triggered.connect(lambda: document.toggle_solo(stem))
            self._add_colours(menu.addMenu("Colour"), stem, strip.colour)
            menu.addSeparator()
        show = menu.addAction(f"Show file of {stem_word(stem)}")
        show.triggered.connect(lambda: exports.show_file(song_id, stem))
        _pop_up(menu, [self._window.actions_["export"]], place)

    def _add_colours(self, menu: QMenu, stem: str, chosen: str) -> None:
        document, theme = self._window.document, self._window.theme
        own = menu.addAction("The stem's own", lambda: document.set_colour(stem, ""))
        own.setCheckable(True)
        own.setChecked(not chosen)
        for token in ("kick", "snare", "toms", "hat", "cymbal", "rest", "drums", "good"):
            colour = theme.colour(token).name()
            action = menu.addAction(_swatch(colour), _COLOUR_NAMES[token])
            action.triggered.connect(lambda _=False, c=colour: document.set_colour(stem, c))
            action.setCheckable(True)
            action.setChecked(colour == chosen)

    def _fill_models(self, menu: QMenu) -> None:
        menu.clear()
        models = self._window.models
        for card in models.ready_cards():
            action = menu.addAction(card.name, lambda i=card.id: models.choose(i))
            action.setCheckable(True)
            action.setChecked(card.id == models.model_id)

    def _fill_versions(self, menu: QMenu) -> None:
        menu.clear()
        studio = self._window.studio
        for version in studio.document.folder.versions():
            when = version.saved_at.replace("T", " ").removesuffix("Z")
            words = f"{when} UTC" + (f", {version.last_edit}" if version.last_edit else "")
            menu.addAction(words, lambda g=version.generation: studio.restore_version(g))
        menu.setEnabled(True)
        if menu.isEmpty():
            menu.addAction("None yet").setEnabled(False)

    # --- dialogs -----------------------------------------------------------------------------

    def preferences(self) -> None:
        """Show the preferences."""
        studio, bridge = self._window.studio, self._window.bridge
        folders = [
            ("Settings", str(paths.user_config_folder())),
            ("Unsaved projects and models", str(paths.user_data_folder())),
            ("Cache", str(paths.user_cache_folder())),
        ]

        def show_size(used: int) -> None:
            bridge.post(lambda: dialog.show_cache(used) if shown else None)

        def show_outputs(devices: tuple[OutputDevice, ...], _error: DeviceError | None) -> None:
            names = [(device.id, device.name) for device in devices]
            chosen = studio.settings.output
            bridge.post(lambda: dialog.show_outputs(names, chosen) if shown else None)

        shown = [True]

        dialog = PreferencesDialog(
            self._window,
            studio.settings,
            self.change_setting,
            folders,
            lambda: studio.free_cache(show_size),
        )
        studio.cache_bytes(show_size)
        show_outputs((), None)
        forget = self._window.transport.devices_listed.connect(show_outputs)
        self._window.transport.list_devices()
        dialog.exec()
        forget()
        shown.clear()
        dialog.deleteLater()

    def change_setting(self, name: str, value: object) -> None:
        """Change a setting; what it changes is changed at once."""
        self._window.studio.change_setting(name, value)
        if name == "theme":
            self._window.theme.use(str(value))
        elif name in ("output", "buffer"):
            self.choose_output()
        elif name == "numbers":
            self.apply_numbers(str(value))

    def choose_output(self) -> None:
        """Play on the device and with the buffer of the settings."""
        settings = self._window.studio.settings
        choice = OutputChoice(settings.output or None, int(settings.buffer))
        self._window.transport.choose_output(choice)

    @staticmethod
    def apply_numbers(numbers: str) -> None:
        """Write numbers as the setting says."""
        locales = {
            "system": QLocale.system(),
            "point": QLocale(QLocale.Language.English, QLocale.Country.UnitedStates),
            "comma": QLocale(QLocale.Language.German, QLocale.Country.Germany),
        }
        QLocale.setDefault(locales[numbers])

    def shortcuts(self) -> None:
        """Show the shortcuts."""
        dialog = ShortcutsDialog(self._window, self._window.keymap)
        dialog.keys_changed.connect(self._window.actions_.refresh_keys)
        dialog.exec()
        dialog.deleteLater()

    def show_guide(self) -> None:
        """Show the guide, beside the window."""
        dialog = GuideDialog(self._window)
        dialog.finished.connect(dialog.deleteLater)
        dialog.show()

    def show_log(self) -> None:
        """Show what was said."""
        reports = paths.reports_folder()
        dialog = LogDialog(
            self._window, self._window.log, str(reports), lambda: open_folder(reports)
        )
        dialog.exec()
        dialog.deleteLater()

    def about(self) -> None:
        """Show what this program is."""
        studio = self._window.studio
        output = self._window.player.output
        cards = studio.catalog.cards()
        facts = [
            ("Computes on", studio.last_device or studio.settings.device),
            ("Sound output", output.name if output is not None else "not opened yet"),
            ("Networks run on", f"torch {_torch_version()}"),
            ("Models", ", ".join(f"{card.name} ({card.licence})" for card in cards)),
            ("Formats", "; ".join(form.label for form in FORMATS.values())),
            ("Data", str(paths.user_data_folder())),
        ]
        dialog = AboutDialog(self._window, self._window.theme, facts)
        dialog.exec()
        dialog.deleteLater()


def _torch_version() -> str:
    """Return the version of torch, which this process never loads."""
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _swatch(colour: str) -> QIcon:
    pixmap = QPixmap(ICON_PX, ICON_PX)
    pixmap.fill(QColor(colour))
    return QIcon(pixmap)


def _pop_up(menu: QMenu, more: Sequence[object], place: QPoint) -> None:
    for action in more:
        menu.addAction(action)
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(place)
