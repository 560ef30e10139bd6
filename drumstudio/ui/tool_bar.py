"""What is painted with: the tools, where they move the sound, and how they are set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from drumstudio.application.edit_session import HEARINGS
from drumstudio.core.hit_shape import HitLimits
from drumstudio.core.stems import looks
from drumstudio.tools.table import TOOLS
from drumstudio.tools.tool import ToolSettings
from drumstudio.ui.parts import icon_button, label, upright_line
from drumstudio.ui.selection_bar import SelectionBar
from drumstudio.ui.theme import Theme

_TARGETS = (
    ("drums", "To drums", "Give to the drums what is painted"),
    ("rest", "To rest", "Give to the rest what is painted"),
    ("protect", "Protect", "Keep the drums as they are here, whatever a model says later"),
)
_LONGEST = 9  # letters of a stem on a button
_HEARINGS = (
    ("model", "Before", "Hear it without what was painted (A)"),
    ("painted", "Painted", "Hear only what is painted (P)"),
    ("unpainted", "All but", "Hear everything but what is painted (Shift+P)"),
)
_SELECT_HINT = "Shift: add · Ctrl: take away · Drag it: move · D: give to drums · Esc: none"
_AXIS_HINT = "Shift+wheel: other frequencies, with Ctrl: zoom them"
_CHANNELS = (("both", "L+R"), ("left", "L"), ("right", "R"))


class ToolBar(QWidget):
    """Two rows of controls above the spectrogram.

    Parameters
    ----------
    theme : Theme
        The icons.
    more : sequence of QWidget
        What stands at the right end of the first row.
    """

    tool_chosen = Signal(str)
    settings_changed = Signal(object)  # the ToolSettings
    hearing_asked = Signal(str)
    ends_chosen = Signal(str, str)  # the stem that is painted, and where what is taken goes

    def __init__(self, theme: Theme, more: Sequence[QWidget]) -> None:
        super().__init__()
        self.settings = ToolSettings()
        self._showing = False
        self._tools: dict[str, QToolButton] = {}
        self._targets: dict[str, QToolButton] = {}
        self._hearings: dict[str, QToolButton] = {}
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        first, second = QHBoxLayout(), QHBoxLayout()
        rows.addLayout(first)
        rows.addLayout(second)
        self._fill_first(first, theme, more)
        self._fill_second(second)
        self.selection = SelectionBar()
        rows.addWidget(self.selection)
        self._options = {
            "size": (self._size_words, self._ms),
            "hardness": (self._hard_words, self._hardness),
            "tolerance": (self._tolerance,),
            "hit limits": (self._hit_words, self._hit_ms, self._hit_hz),
        }
        self.show_settings(self.settings)

    # --- the rows ------------------------------------------------------------------------

    def _fill_first(self, row: QHBoxLayout, theme: Theme, more: Sequence[QWidget]) -> None:
        row.setContentsMargins(8, 4, 8, 0)
        row.setSpacing(1)
        group = QButtonGroup(self)
        for tool in TOOLS.values():
            tip = f"{tool.label} ({tool.keys.split(' | ')[0]})"
            button = icon_button(theme, tool.icon, tip, checkable=True)
            button.setToolTip(f"{tip}\n{tool.does}".strip())
            button.setFixedSize(27, 26)
            button.clicked.connect(lambda _=False, name=tool.name: self.tool_chosen.emit(name))
            group.addButton(button)
            row.addWidget(button)
            self._tools[tool.name] = button
        row.addSpacing(6)
        row.addWidget(upright_line())
        row.addSpacing(6)
        self._select = icon_button(
            theme,
            "select",
            "Select first, then change (V). Shift: add, Ctrl: take away, drag: move",
            lambda: self._change(selecting=self._select.isChecked()),
            checkable=True,
        )
        self._select.setAccessibleName("Select first, then change")
        self._select.setFixedSize(27, 26)
        row.addWidget(self._select)
        targets = QButtonGroup(self)
        for name, words, tip in _TARGETS:
            button = QToolButton()
            button.setText(words)
            button.setCheckable(True)
            button.setProperty("role", "target")
            button.setProperty("kind", name)
            button.setFixedHeight(26)
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.clicked.connect(lambda _=False, name=name: self._change(target=name))
            targets.addButton(button)
            row.addWidget(button)
            self._targets[name] = button
        swap = icon_button(theme, "swap", "Swap drums and rest (X)", self.swap)
        swap.setFixedSize(27, 26)
        row.addWidget(swap)
        row.addStretch(1)
        for widget in more:
            row.addWidget(widget)

    def _fill_second(self, row: QHBoxLayout) -> None:
        row.setContentsMargins(10, 2, 8, 4)
        row.setSpacing(5)
        self._size_words = label("Size", "small")
        row.addWidget(self._size_words)
        self._ms = QDoubleSpinBox()
        self._ms.setRange(1.0, 10_000.0)
        self._ms.setDecimals(0)
        self._ms.setSuffix(" ms")
        self._ms.setAccessibleName("Size of the brush in milliseconds")
        self._hz = QSpinBox()
        self._hz.setRange(10, 20_000)
        self._hz.setSuffix(" Hz")
        self._hz.setSingleStep(100)
        self._hz.setAccessibleName("Size of the brush in hertz")
        self._octaves = QDoubleSpinBox()
        self._octaves.setRange(0.05, 6.0)
        self._octaves.setSingleStep(0.1)
        self._octaves.setDecimals(2)
        self._octaves.setSuffix(" oct")
        self._octaves.setAccessibleName("Height of the brush in octaves")
        for spin, width in ((self._ms, 78), (self._hz, 88), (self._octaves, 88)):
            spin.setKeyboardTracking(False)
            spin.setFixedSize(width, 24)
            spin.setProperty("role", "small")
            row.addWidget(spin)
        self._ms.valueChanged.connect(lambda value: self._change(size_seconds=value / 1000))
        self._hz.valueChanged.connect(lambda value: self._change(size_hz=float(value)))
        self._octaves.valueChanged.connect(lambda value: self._change(size_octaves=value))
        self._hard_words, self._hardness = self._slider(
            "Hardness", "Hard", "A soft edge, or a hard one", row
        )
        self._hardness.valueChanged.connect(lambda value: self._change(hardness=value / 100))
        _, self._strength = self._slider("Strength", "Strength", "How much of it is moved", row)
        self._strength.valueChanged.connect(lambda value: self._change(strength=value / 100))
        self._channels = QComboBox()
        for channels, words in _CHANNELS:
            self._channels.addItem(words, channels)
        self._channels.setAccessibleName("Channels that are painted")
        self._channels.setToolTip("Paint both channels, or one alone")
        self._channels.setProperty("role", "small")
        self._channels.setFixedSize(66, 24)
        self._channels.activated.connect(
            lambda place: self._change(channels=self._channels.itemData(place))
        )
        row.addWidget(self._channels)
        self._tolerance = QDoubleSpinBox()
        self._tolerance.setRange(1.0, 40.0)
        self._tolerance.setDecimals(0)
        self._tolerance.setSuffix(" dB")
        self._tolerance.setPrefix("± ")
        self._tolerance.setFixedSize(78, 24)
        self._tolerance.setProperty("role", "small")
        self._tolerance.setKeyboardTracking(False)
        self._tolerance.setAccessibleName("Tolerance of the magic wand")
        self._tolerance.setToolTip("How much quieter or louder the wand's region may be")
        self._tolerance.valueChanged.connect(lambda value: self._change(tolerance_db=value))
        row.addWidget(self._tolerance)
        self._fill_hit_limits(row)
        row.addStretch(1)
        row.addWidget(label("Hear", "small"))
        for name, words, tip in _HEARINGS:
            button = QToolButton()
            button.setText(words)
            button.setCheckable(True)
            button.setFixedHeight(24)
            button.setProperty("role", "small")
            button.setToolTip(tip)
            button.setAccessibleName(tip.split(" (")[0])
            button.clicked.connect(lambda _=False, name=name: self.hearing_asked.emit(name))
            row.addWidget(button)
            self._hearings[name] = button

    def _fill_hit_limits(self, row: QHBoxLayout) -> None:
        self._hit_words = label("At most", "small")
        self._hit_ms = QSpinBox()
        self._hit_ms.setRange(20, 4_000)
        self._hit_ms.setSingleStep(50)
        self._hit_ms.setSuffix(" ms")
        self._hit_ms.setAccessibleName("Longest hit of the onset brush in milliseconds")
        self._hit_ms.setToolTip("How long a hit may sound")
        self._hit_hz = QSpinBox()
        self._hit_hz.setRange(20, round(HitLimits().hertz))
        self._hit_hz.setSingleStep(500)
        self._hit_hz.setSuffix(" Hz")
        self._hit_hz.setAccessibleName("Height of the onset brush in hertz")
        self._hit_hz.setToolTip("How high the region around the click may be, from edge to edge")
        row.addWidget(self._hit_words)
        for spin, width in ((self._hit_ms, 84), (self._hit_hz, 94)):
            spin.setKeyboardTracking(False)
            spin.setFixedSize(width, 24)
            spin.setProperty("role", "small")
            spin.valueChanged.connect(lambda _: self._change(hit_limits=self._hit_limits()))
            row.addWidget(spin)

    def _hit_limits(self) -> HitLimits:
        return HitLimits(self._hit_ms.value() / 1000, float(self._hit_hz.value()))

    @staticmethod
    def _slider(name: str, words: str, tip: str, row: QHBoxLayout) -> tuple[QLabel, QSlider]:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setPageStep(10)
        slider.setMinimumWidth(36)
        slider.setMaximumWidth(84)
        slider.setAccessibleName(name)
        slider.setToolTip(tip)
        said = label(words, "small")
        row.addSpacing(3)
        row.addWidget(said)
        row.addWidget(slider, 1)
        return said, slider

    # --- showing and changing ------------------------------------------------------------

    def show_settings(self, settings: ToolSettings) -> None:
        """Show what is painted with."""
        self.settings = settings
        self._showing = True
        options = TOOLS[settings.tool].options
        self._tools[settings.tool].setChecked(True)
        self._targets[settings.target].setChecked(True)
        selects = settings.selecting and TOOLS[settings.tool].selects
        self._select.setChecked(settings.selecting)
        self._select.setEnabled(TOOLS[settings.tool].selects)
        self.selection.setVisible(selects)
        for button in self._targets.values():
            button.setEnabled("target" in options and not selects)
        self._ms.setValue(settings.size_seconds * 1000)
        self._hz.setValue(round(settings.size_hz))
        self._octaves.setValue(settings.size_octaves)
        self._hardness.setValue(round(settings.hardness * 100))
        self._strength.setValue(round(settings.strength * 100))
        self._strength.setToolTip(f"How much of it is moved: {settings.strength:.0%} of amplitude")
        self._channels.setCurrentIndex(self._channels.findData(settings.channels))
        self._tolerance.setValue(settings.tolerance_db)
        self._hit_ms.setValue(round(settings.hit_limits.seconds * 1000))
        self._hit_hz.setValue(round(settings.hit_limits.hertz))
        for option, widgets in self._options.items():
            for widget in widgets:
                widget.setVisible(option in options)
        self._hz.setVisible("size" in options and not settings.in_octaves)
        self._octaves.setVisible("size" in options and settings.in_octaves)
        self._showing = False

    def show_scale(self, scale: str) -> None:
        """Measure the brush as the frequencies are shown: in hertz on a linear scale alone."""
        self._change(in_octaves=scale != "linear")

    def show_ends(self, stems: Sequence[str], focus: str, destination: str) -> None:
        """Show which stem is painted and where what is taken goes; more than two can be chosen.

        Parameters
        ----------
        stems : sequence of str
            Those of the song.
        focus, destination : str
            Two of them.
        """
        for name, stem in (("drums", focus), ("rest", destination)):
            button = self._targets[name]
            tip = f"Give to the {stem} what is painted"
            button.setText(f"To {stem if len(stem) <= _LONGEST else stem[:_LONGEST] + '…'}")
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.setMenu(self._ends_menu(name, stems, focus, destination))
            menu = QToolButton.ToolButtonPopupMode.MenuButtonPopup
            plain = QToolButton.ToolButtonPopupMode.DelayedPopup
            button.setPopupMode(menu if len(stems) > 2 else plain)
        tip = f"Keep the {focus} as they are here, whatever a model says later"
        self._targets["protect"].setToolTip(tip)
        self._targets["protect"].setAccessibleName(tip)

    def _ends_menu(
        self, name: str, stems: Sequence[str], focus: str, destination: str
    ) -> QMenu | None:
        if len(stems) <= 2:
            return None
        menu = QMenu(self._targets[name])
        for stem in stems:
            if name == "rest" and stem == focus:
                continue
            action = menu.addAction(looks(stem).label)
            action.setCheckable(True)
            action.setChecked(stem == (focus if name == "drums" else destination))
            to = (stem, "" if stem == destination else destination)
            ends = to if name == "drums" else (focus, stem)
            action.triggered.connect(lambda _=False, ends=ends: self.ends_chosen.emit(*ends))
        return menu

    def target_words(self) -> list[tuple[str, str, str]]:
        """Return name, words and tip of every target, as they stand."""
        return [(name, one.text(), one.toolTip()) for name, one in self._targets.items()]

    def show_hearing(self, hearing: str) -> None:
        """Show what is heard, one of `application.edit_session.HEARINGS`."""
        assert hearing in HEARINGS
        for name, button in self._hearings.items():
            button.setChecked(name == hearing)

    def show_channels(self, count: int) -> None:
        """Allow to paint one channel only where there are two."""
        self._channels.setEnabled(count == 2)

    def choose(self, tool: str) -> None:
        """Take another tool."""
        self._change(tool=tool)

    def toggle_selecting(self) -> None:
        """Select with the tools, or paint with them again."""
        self._change(selecting=not self.settings.selecting)

    def aim(self, target: str) -> None:
        """Move the sound elsewhere from now on."""
        self._change(target=target)

    def swap(self) -> None:
        """Exchange drums and rest."""
        self.show_settings(self.settings.swapped())
        self.settings_changed.emit(self.settings)

    def scale(self, steps: int) -> None:
        """Make the brush larger, or smaller by a negative number of steps."""
        self.show_settings(self.settings.scaled(steps))
        self.settings_changed.emit(self.settings)

    @property
    def hint(self) -> str:
        """What the modifiers of the tool do."""
        tool = TOOLS[self.settings.tool]
        hint = _SELECT_HINT if self.settings.selecting and tool.selects else tool.hint
        return f"{hint} · {_AXIS_HINT}"

    def _change(self, **fields: object) -> None:
        if not self._showing:
            self.show_settings(replace(self.settings, **fields))
            self.settings_changed.emit(self.settings)
