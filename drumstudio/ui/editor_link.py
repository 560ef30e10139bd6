"""Joins the mask editor to the window: the song's session, the pane, the keys, the layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtWidgets import QMenu, QSplitter, QWidget

from drumstudio.application import stroke_layers
from drumstudio.application.alike import AlikeFinder, Review
from drumstudio.application.document import Document
from drumstudio.application.edit_session import EditSession
from drumstudio.application.material import AUDITIONS
from drumstudio.application.spectrogram_view import SpectrogramView
from drumstudio.application.studio import Studio
from drumstudio.application.transport import Transport
from drumstudio.core.errors import DrumStudioError
from drumstudio.core.song import Song
from drumstudio.core.strokes import Shape, rectangle
from drumstudio.tools.table import TOOLS
from drumstudio.tools.tool import ToolSettings
from drumstudio.ui.actions import Actions
from drumstudio.ui.aim_link import AimLink
from drumstudio.ui.bridge import Bridge
from drumstudio.ui.editor_review import ReviewDialog
from drumstudio.ui.selection_link import NAMES, SelectionLink
from drumstudio.ui.song_state import SongState
from drumstudio.ui.spectrogram_look import PaneLook, load_look, store_look
from drumstudio.ui.spectrogram_pane import SpectrogramPane

_NO_SELECTION = "Select a stretch of time first: drag in the ruler"
_TOOL_COMMANDS = {tool.command: tool.name for tool in TOOLS.values()}


class EditorLink(QObject):
    """Opens a session for the song at hand and turns what a person does into edits.

    Parameters
    ----------
    studio, transport : Studio, Transport
        What is shown and asked.
    bridge : Bridge
        How news comes to this thread.
    pane : SpectrogramPane
        Where it is shown.
    splitter : QSplitter
        What the pane shares the centre with; the pane is in its last part.
    state : SongState
        Time: cursor, selection.
    parent : QWidget
        The window.
    """

    problem = Signal(object)
    edits_drawn = Signal(object)  # the EditedBlocks of the song at hand, or None
    lanes_folded = Signal(bool)
    hint_changed = Signal(str)  # what the tool's modifiers do; empty if no tool is at hand

    def __init__(
        self,
        studio: Studio,
        transport: Transport,
        bridge: Bridge,
        pane: SpectrogramPane,
        splitter: QSplitter,
        state: SongState,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._studio = studio
        self._transport = transport
        self._bridge = bridge
        self._pane = pane
        self._splitter = splitter
        self._state = state
        self._window = parent
        self._actions: Actions | None = None
        self._song: Song | None = None
        self._document: Document | None = None
        self.session: EditSession | None = None
        self.view: SpectrogramView | None = None
        self._finder: AlikeFinder | None = None
        self._review: ReviewDialog | None = None
        self._has_its_height = False
        self._is_refused = ""  # a song whose session could not be opened, so that it is told once
        self._disconnects: list[Callable[[], None]] = []
        self.selecting = SelectionLink(bridge, pane.tools.selection, state, self)
        self.aiming = AimLink(pane, state, bridge, self)
        look = load_look()
        pane.show_look(look)
        pane.setVisible(look.visible)
        self._connect()

    def _connect(self) -> None:
        pane, tools, layers = self._pane, self._pane.tools, self._pane.layers
        pane.look_changed.connect(lambda _: self._store())
        pane.close_asked.connect(lambda: self.show_pane(False))
        pane.alone_asked.connect(self.toggle_alone)
        pane.canvas.failed.connect(self.problem.emit)
        pane.canvas.menu_asked.connect(self._open_menu)
        pane.canvas.entered.connect(self._on_entered)
        self._splitter.splitterMoved.connect(lambda *_: self._look())
        tools.tool_chosen.connect(tools.choose)
        tools.settings_changed.connect(self._take_settings)
        tools.hearing_asked.connect(self.toggle_hearing)
        layers.chosen.connect(self._choose_layer)
        layers.add_asked.connect(lambda kind: self._on_song(stroke_layers.add_layer, kind))
        layers.delete_asked.connect(lambda *a: self._on_song(stroke_layers.delete_layer, *a))
        layers.switch_asked.connect(lambda *a: self._on_song(stroke_layers.set_layer_on, *a))
        layers.rename_asked.connect(lambda *a: self._on_song(stroke_layers.rename_layer, *a))
        layers.move_asked.connect(lambda *a: self._on_song(stroke_layers.move_layer, *a))
        layers.opacity_asked.connect(lambda *a: self._on_song(stroke_layers.set_layer_opacity, *a))

    def connect_actions(self, actions: Actions) -> None:
        """Say what the commands of the spectrogram do."""
        self._actions = actions
        tools = self._pane.tools
        actions.connect("spectrogram", self.toggle_pane)
        actions.connect("spectrogram_alone", self.toggle_alone)
        for command, tool in _TOOL_COMMANDS.items():
            actions.connect(command, lambda tool=tool: tools.choose(tool))
        for name, function in (
            ("swap_target", tools.swap),
            ("brush_smaller", lambda: tools.scale(-1)),
            ("brush_larger", lambda: tools.scale(1)),
            ("hear_before", lambda: self.toggle_hearing("model")),
            ("hear_painted", lambda: self.toggle_hearing("painted")),
            ("hear_unpainted", lambda: self.toggle_hearing("unpainted")),
            ("restore_model", self.restore_selection),
            ("select_mode", tools.toggle_selecting),
            ("invert_selection", self.selecting.invert),
            ("selection_to_drums", lambda: self.paint_selection("drums")),
            ("selection_to_rest", lambda: self.paint_selection("rest")),
            ("fix_everywhere", self.fix_everywhere),
            ("all_frequencies", self._pane.canvas.whole_height),
        ):
            actions.connect(name, function)
        self._show_possible()

    # --- the song ------------------------------------------------------------------------

    def show_song(self, song: Song | None) -> None:
        """Show a song as it stands now."""
        document = self._studio.document
        if song is not None and song not in document.project.songs:
            return  # it changed, or another project was opened, since: that news is on its way
        another = document is not self._document or (song and song.id) != (
            self._song and self._song.id
        )
        self._song, self._document = song, document
        if another:
            self._close_song()
        separated = song is not None and song.separation is not None
        if separated and self.session is None:
            self._open_session()
        elif not separated and self.session is not None:
            self._close_song()
        self._fold_lanes()
        if self._pane.isVisibleTo(self._pane.parentWidget()):
            self._open_view()
            if not self._has_its_height and self._splitter.isVisible():
                self._has_its_height = True
                self.share_height()
        if self.session is not None:
            self.session.apply()
        self._show_layers()
        self.aiming.refresh()
        self._show_possible()

    def _open_session(self) -> None:
        assert self._song is not None
        assert self._document is not None
        if self._is_refused == self._song.id:
            return
        try:
            session = EditSession(self._document, self._song.id, self._transport)
        except DrumStudioError as error:
            self._is_refused = self._song.id
            self.problem.emit(error)
            return
        self._is_refused = ""
        session.editor.settings = self._pane.tools.settings
        post = self._bridge.post
        self._disconnects = [
            session.failed.connect(lambda error: post(lambda: self.problem.emit(error))),
            session.hearing_changed.connect(lambda: post(self._show_hearing, key="hearing")),
            session.not_found.connect(lambda: post(self._say_not_found, key="not found")),
            session.drawn.connect(
                lambda edits: post(lambda: self.edits_drawn.emit(edits), key="edits drawn")
            ),
        ]
        self.session = session
        self._pane.tools.show_channels(self._song.mixture.channels)
        if self.view is not None:
            self.view.set_editor(session.editor)
            self._pane.canvas.show_session(session)
        self.selecting.show(self.session, self.view)
        self.aiming.show(self.session)
        self._show_hearing()

    def _open_view(self) -> None:
        if self.view is not None or self._song is None or self._document is None:
            return
        editor = self.session.editor if self.session is not None else None
        try:
            self.view = SpectrogramView(self._document, self._song.id, editor)
        except DrumStudioError:
            return  # its sound is missing, which the lanes have told
        self._pane.canvas.show_song(self.view, self.session)
        self.selecting.show(self.session, self.view)

    def _close_song(self) -> None:
        for disconnect in self._disconnects:
            disconnect()
        self._disconnects = []
        if self._review is not None:
            self._review.reject()
        if self._finder is not None:
            self._finder.close()
            self._finder = None
        self._pane.canvas.close_song()
        self.selecting.show(None, None)
        self.aiming.show(None)
        if self.view is not None:
            self.view.close()
            self.view = None
        if self.session is not None:
            self.session.close()
            self.session = None
            self.edits_drawn.emit(None)

    def close(self) -> None:
        """Let go of the song, and remember how it was shown."""
        store_look(self._look())
        self._close_song()

    def _show_layers(self) -> None:
        layers = self._song.layers if self._song is not None else ()
        chosen = self.session.editor.layer_id if self.session is not None else None
        there = chosen if chosen in {layer.id for layer in layers} else None
        self._pane.layers.show_layers(layers, there)

    def _show_possible(self) -> None:
        """Allow what needs a song, or drums of it, only where there are some."""
        shown = self._pane.isVisibleTo(self._pane.parentWidget())
        ready = self.session is not None
        self._pane.tools.setEnabled(self._song is not None)
        self._pane.layers.setEnabled(ready)
        self._pane.show_separated(ready)
        no_drums = self._song is not None and not ready
        self._pane.show_message("Separate the song to paint on it" if no_drums else "")
        if self._actions is None:
            return
        for name in ("spectrogram", "spectrogram_alone"):
            self._actions[name].setEnabled(self._song is not None)
        painting = ("swap_target", "brush_smaller", "brush_larger", "restore_model")
        painting += ("select_mode", "invert_selection", "selection_to_drums", "selection_to_rest")
        painting += ("fix_everywhere",)
        for name in (*_TOOL_COMMANDS, *painting):
            self._actions[name].setEnabled(shown and ready)
        for name in ("hear_before", "hear_painted", "hear_unpainted"):
            self._actions[name].setEnabled(ready)
        self._actions["all_frequencies"].setEnabled(shown)

    # --- the pane ------------------------------------------------------------------------

    def toggle_pane(self) -> None:
        """Show the spectrogram, or hide it."""
        self.show_pane(not self._pane.isVisibleTo(self._pane.parentWidget()))

    def show_pane(self, visible: bool, *, remember: bool = True) -> None:
        """Show the spectrogram or hide it, for the next start of the program, too."""
        if visible and not self._pane.isVisibleTo(self._pane.parentWidget()):
            self._pane.show()
            self._fold_lanes()
            self.share_height()
            self._open_view()
            self._pane.canvas.setFocus()
        elif not visible:
            self._pane.canvas.abort()
            self._pane.hide()
            self._fold_lanes()
            self._tell_hint()
        if remember:
            self._store()
        self._show_possible()

    def toggle_alone(self) -> None:
        """Give the spectrogram the room of the lanes, or give it back."""
        look = self._look()
        self._pane.show_look(replace(look, alone=not look.alone))
        self._fold_lanes()
        self.share_height()  # before it is remembered how the height is shared
        self.show_pane(True)

    def _fold_lanes(self) -> None:
        shown = self._pane.isVisibleTo(self._pane.parentWidget())
        self.lanes_folded.emit(shown and self._pane.look.alone and self._song is not None)

    def share_height(self) -> None:
        """Give the pane its share of the centre."""
        height, share = self._splitter.height(), self._pane.look.height
        below = round(height * share / 100)
        self._splitter.setSizes([height - below, below])

    def _look(self) -> PaneLook:
        visible = self._pane.isVisibleTo(self._pane.parentWidget())
        look = replace(self._pane.look, visible=visible)
        sizes = self._splitter.sizes()
        if visible and all(sizes) and not look.alone:
            share = round(100 * sizes[-1] / sum(sizes))
            look = replace(look, height=min(max(share, 10), 90))
        self._pane.look = look
        return look

    def _store(self) -> None:
        look = self._look()
        self._studio.background.run(lambda: store_look(look))

    # --- painting ------------------------------------------------------------------------

    def _take_settings(self, settings: ToolSettings) -> None:
        if self.session is not None:
            if self.session.editor.settings.tool != settings.tool:
                self._pane.canvas.abort()
                self.selecting.show_preview(None)
            self.session.editor.settings = settings
        self._pane.canvas.brush_changed()
        self._tell_hint()

    def _on_entered(self, inside: bool) -> None:
        if not inside:
            self.selecting.show_preview(None)
        self._tell_hint()

    def _tell_hint(self) -> None:
        over = self._pane.canvas.underMouse() and self.session is not None
        self.hint_changed.emit(self._pane.tools.hint if over else "")

    def _choose_layer(self, layer_id: str) -> None:
        if self.session is not None:
            self.session.editor.layer_id = layer_id

    def _on_song(self, change: Callable[..., object], *arguments: object) -> None:
        """Make a change of the song's layers; show at once what came of it."""
        if self._song is None or self._document is None:
            return
        try:
            made = change(self._document, self._song.id, *arguments)
        except DrumStudioError as error:
            self.problem.emit(error)
            made = None
        if isinstance(made, str):  # the id of a new layer
            self._choose_layer(made)
        self._song = self._studio.song(self._song.id)
        self._show_layers()

    def _selected(self) -> list[Shape] | None:
        """Return the selected time with the frequencies that are shown."""
        selection, axis = self._state.selection, self._pane.canvas.axis
        if selection is None:
            self._studio.noticed(_NO_SELECTION)
            return None
        # What is shown to its end is meant to its end.
        low = axis.low_hz if axis.low_hz > 20.0 else -1.0
        return [rectangle(*selection, low, axis.high_hz + 1.0)]

    def restore_selection(self) -> None:
        """Bring the model's drums back in the selection."""
        selection = self.selecting.selection
        areas = selection.shapes() if selection is not None else self._selected()
        if areas is not None and self.session is not None:
            self._try(lambda editor: editor.restore(areas))

    def paint_selection(self, target: str) -> None:
        """Give the selection, as high as it is shown, to drums or rest."""
        if self.selecting.selection is not None:
            self.selecting.give(target)
            return
        areas = self._selected()
        if areas is None or self.session is None:
            return
        settings = replace(self.session.editor.settings, target=target)
        self._try(lambda editor: editor.paint_found(areas, NAMES[target], settings))

    def _try(self, act: Callable[..., object]) -> None:
        assert self.session is not None
        try:
            act(self.session.editor)
        except DrumStudioError as error:
            self.problem.emit(error)

    def _say_not_found(self) -> None:
        self._studio.noticed("Nothing was found here; try elsewhere")

    # --- the same elsewhere --------------------------------------------------------------

    def fix_everywhere(self) -> None:
        """Look for hits like the corrected one: in the selection, or what was painted last."""
        if self.session is None or self._document is None:
            return
        try:
            self._document.require_writable("Cannot paint")
        except DrumStudioError as error:
            self.problem.emit(error)
            return
        if self._review is not None:
            self._review.reject()
        if self._finder is None:
            self._finder = self._new_finder(self.session)
        dialog = self._review = ReviewDialog(self._window)
        dialog.hit_chosen.connect(self._show_hit)
        dialog.ticks_changed.connect(self._pane.canvas.show_hits)
        dialog.fix_asked.connect(self._finder.fix)
        dialog.finished.connect(lambda _: self._review_over(dialog))
        dialog.show()
        self._finder.look(self._state.selection)

    def _new_finder(self, session: EditSession) -> AlikeFinder:
        finder, post = AlikeFinder(session), self._bridge.post
        finder.found.connect(lambda review: post(lambda: self._show_review(review)))
        finder.progressed.connect(
            lambda share: post(lambda: self._show_looking(share), key="looking for hits")
        )
        finder.failed.connect(lambda error: post(lambda: self._review_failed(error)))
        finder.fixed.connect(
            lambda count: self._studio.noticed(f"Fixed {count} hit{'s' if count != 1 else ''}")
        )
        return finder

    def _show_looking(self, share: float) -> None:
        if self._review is not None:
            self._review.show_looking(share)

    def _show_review(self, review: Review) -> None:
        if self._review is not None:
            self._review.show_review(review)

    def _review_failed(self, error: DrumStudioError) -> None:
        if self._review is not None:
            self._review.reject()
        self.problem.emit(error)

    def _review_over(self, dialog: ReviewDialog) -> None:
        if self._review is dialog:
            self._review = None
            self._pane.canvas.show_hits([])
            if self._finder is not None and not dialog.result():
                self._finder.cancel()
        dialog.deleteLater()

    def _show_hit(self, seconds: float) -> None:
        self._state.timeline.reveal(seconds)
        self._transport.scrub(seconds)

    # --- hearing -------------------------------------------------------------------------

    def toggle_hearing(self, what: str) -> None:
        """Hear something else of the song, or all of it again."""
        if self.session is not None:
            self.session.toggle(what)
            self._show_hearing()
            layers = self.session.editor.song.layers
            if self.session.hearing in AUDITIONS and not any(one.strokes for one in layers):
                self._studio.noticed("Nothing is painted yet")
        else:
            self._pane.tools.show_hearing("edited")

    def _show_hearing(self) -> None:
        if self.session is not None:
            self._pane.tools.show_hearing(self.session.hearing)
            if self.view is not None:  # what is heard before the strokes is seen before them
                before = self.session.hearing == "model"
                shown = None if before else self.session.editor
                if self.view.editor is not shown:
                    self.view.set_editor(shown)

    # --- the menu where the pointer is ---------------------------------------------------

    def _open_menu(self, _seconds: float, _hertz: float, place: QPoint) -> None:
        menu = QMenu(self._pane)
        if self._actions is not None:
            names = ("fix_everywhere", "selection_to_drums", "selection_to_rest", "restore_model")
            for name in names:
                menu.addAction(self._actions[name])
            menu.addSeparator()
            for name, words, tip in self._pane.tools.target_words():
                action = menu.addAction(words)
                action.setToolTip(tip)
                action.setCheckable(True)
                action.setChecked(self._pane.tools.settings.target == name)
                action.triggered.connect(lambda _=False, name=name: self._pane.tools.aim(name))
            menu.addSeparator()
            menu.addAction(self._actions["all_frequencies"])
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)
