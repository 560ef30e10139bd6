"""The spectrogram's place of work: tools above, layers at the left, the read-out below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from drumstudio.application.time_view import clock
from drumstudio.core.levels import STEMS
from drumstudio.core.stems import looks
from drumstudio.ui import tokens
from drumstudio.ui.bridge import Bridge
from drumstudio.ui.editor_layers import LayersPanel
from drumstudio.ui.parts import icon_button, label, line
from drumstudio.ui.song_state import SongState
from drumstudio.ui.spectrogram_canvas import SpectrogramCanvas, read_words
from drumstudio.ui.spectrogram_look import PaneLook
from drumstudio.ui.spectrogram_popup import SpectrogramPopup
from drumstudio.ui.spectrogram_ruler import WIDTH_PX, FrequencyRuler
from drumstudio.ui.spectrogram_scroll import FrequencyScroll
from drumstudio.ui.theme import Theme, tabular
from drumstudio.ui.tool_bar import ToolBar

_STEM_WORDS = ("Mixture", "Drums", "Rest")


class SpectrogramPane(QWidget):
    """Shows the spectrogram of the song at hand with everything that paints on it.

    Parameters
    ----------
    state : SongState
        Time.
    theme : Theme
        The colours.
    bridge : Bridge
        How news comes to this thread.
    """

    look_changed = Signal(object)  # the PaneLook
    close_asked = Signal()
    alone_asked = Signal()

    def __init__(self, state: SongState, theme: Theme, bridge: Bridge) -> None:
        super().__init__()
        self.setAccessibleName("Spectrogram pane")
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme = theme
        self.look = PaneLook()
        self.canvas = SpectrogramCanvas(state, theme, bridge)
        self.ruler = FrequencyRuler(self.canvas, theme)
        self.layers = LayersPanel(theme)
        self.tools = ToolBar(theme, self._view_controls())
        self.popup = SpectrogramPopup(self)
        self.popup.look_changed.connect(self._change_look)
        self.popup.whole_asked.connect(self.canvas.whole_height)
        self._read_out = label("", "small")
        self._read_out.setFont(tabular(self.font(), tokens.SMALL_PX))
        self._message = label("", "small")
        left = QWidget()
        left.setFixedWidth(tokens.HEADER_WIDTH_PX)
        row = QHBoxLayout(left)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self.layers.setFixedWidth(tokens.HEADER_WIDTH_PX - WIDTH_PX)
        row.addWidget(self.layers)
        row.addWidget(self.ruler)
        body = QGridLayout()
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addWidget(left, 0, 0)
        body.addWidget(self.canvas, 0, 1)
        self.scroll = FrequencyScroll(self.canvas)
        body.addWidget(self.scroll, 0, 2)
        body.setColumnStretch(1, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(tokens.HEADER_WIDTH_PX + 4, 1, 8, 2)
        foot.addWidget(self._read_out)
        foot.addStretch(1)
        foot.addWidget(self._message)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.tools)
        box.addWidget(line())
        box.addLayout(body, 1)
        box.addLayout(foot)
        self.canvas.hovered.connect(lambda read: self._read_out.setText(read_words(read, clock)))
        self.show_look(self.look)

    def _view_controls(self) -> list[QWidget]:
        self._stem = QComboBox()
        self._stem.setAccessibleName("Stem that is shown")
        self._stem.setToolTip("Whose spectrogram is shown")
        for stem, words in zip(STEMS, _STEM_WORDS, strict=True):
            self._stem.addItem(words, stem)
        self._stem.setProperty("role", "small")
        self._stem.setFixedSize(92, 26)
        self._stem.activated.connect(
            lambda place: self._change_look(replace(self.look, stem=self._stem.itemData(place)))
        )
        self._more = icon_button(self._theme, "look", "Look of the spectrogram", self.open_popup)
        self._alone = icon_button(
            self._theme,
            "expand",
            "Spectrogram over the lanes (Shift+Q)",
            self.alone_asked.emit,
            checkable=True,
        )
        close = icon_button(
            self._theme, "close", "Close spectrogram (Q)", self.close_asked.emit, token="muted"
        )
        for button in (self._more, self._alone, close):
            button.setFixedSize(27, 26)
        return [self._stem, self._more, self._alone, close]

    def show_look(self, look: PaneLook) -> None:
        """Show it in another way."""
        self.look = look
        self._stem.setCurrentIndex(self._stem.findData(look.stem))
        self._alone.setChecked(look.alone)
        self.canvas.show_look(look)
        self.tools.show_scale(look.scale)
        self.popup.show_look(look)

    def show_message(self, text: str) -> None:
        """Say what the pane is waiting for, at its bottom."""
        self._message.setText(text)

    def show_separated(self, separated: bool) -> None:
        """Allow what needs drums and rest only where there are some."""
        self.tools.setEnabled(True)
        for place, stem in enumerate(STEMS):
            item = self._stem.model().item(place)
            item.setEnabled(separated or stem == "mixture")
        if not separated and self.look.stem != "mixture":
            self.show_look(replace(self.look, stem="mixture"))

    def show_stems(self, stems: Sequence[str], focus: str) -> None:
        """Name what can be shown: the mixture, the stem that is painted, and all others."""
        others = [stem for stem in stems if stem != focus]
        all_else = looks(others[0]).label if len(others) == 1 else f"All but {focus}"
        self._stem.setItemText(1, looks(focus).label)
        self._stem.setItemText(2, all_else)

    def open_popup(self) -> None:
        """Show what can be set of the look."""
        self.popup.show_look(self.look)
        self.popup.adjustSize()
        corner = self._more.mapToGlobal(QPoint(self._more.width(), self._more.height() + 2))
        self.popup.move(corner - QPoint(self.popup.width(), 0))
        self.popup.show()
        self.popup.setFocus()

    def _change_look(self, look: PaneLook) -> None:
        self.show_look(look)
        self.look_changed.emit(look)
