"""The preferences: one widget a setting, made from the list of settings; and the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QWidget,
)

from drumstudio.settings import SETTINGS, Setting, Settings
from drumstudio.ui.dialogs import Dialog
from drumstudio.ui.parts import label, line, push_button, roomy

_WORDS = {
    "auto": "Automatic",
    "cpu": "Processor (CPU)",
    "cuda": "NVIDIA graphics (CUDA)",
    "mps": "Apple graphics (MPS)",
    "system": "As the system",
    "dark": "Dark",
    "light": "Light",
    "separate": "Separate their drums at once",
    "only open": "Only open them",
    "point": "1,234.5",
    "comma": "1.234,5",
}


class PreferencesDialog(Dialog):
    """Every setting; a change is in force at once.

    Parameters
    ----------
    parent : QWidget
        The window.
    settings : Settings
        As they are.
    change : callable
        Takes a setting's name and its new value.
    folders : list of (str, str)
        What lies where: a name and a path.
    free_cache : callable
        Removes what the cache holds; its size is then shown by `show_cache`.
    """

    def __init__(
        self,
        parent: QWidget,
        settings: Settings,
        change: Callable[[str, object], None],
        folders: list[tuple[str, str]],
        free_cache: Callable[[], None],
    ) -> None:
        super().__init__(parent, "Preferences", 520)
        self._change = change
        form = QFormLayout()
        form.setSpacing(6)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for setting in SETTINGS:
            widget = self._widget(setting, getattr(settings, setting.name))
            widget.setAccessibleName(setting.label)
            form.addRow(label(setting.label), widget)
        self.content.addLayout(form)
        self.content.addWidget(line())
        self._cache = label("Looking…", "muted")
        free = push_button("Free space", free_cache)
        row = QHBoxLayout()
        row.addWidget(label("Cache"))
        row.addSpacing(8)
        row.addWidget(self._cache, 1)
        row.addWidget(free)
        self.content.addLayout(row)
        self.content.addWidget(line())
        for name, path in folders:
            words = QLabel(f"{name}: {path}")
            words.setProperty("role", "small")
            words.setWordWrap(True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.content.addWidget(words)
        self.content.addStretch()
        self.add_button(push_button("Close", self.accept, "primary"), default=True)

    def show_outputs(self, devices: Sequence[tuple[str, str]], chosen: str) -> None:
        """Show the sound devices there are, as (id, name), with the one in the settings."""
        while self._output.count() > 1:
            self._output.removeItem(1)
        for identity, name in devices:
            self._output.addItem(name, identity)
        if chosen and self._output.findData(chosen) < 0:
            self._output.addItem(f"{chosen} (not connected)", chosen)
        self._output.setCurrentIndex(max(self._output.findData(chosen), 0))

    def show_cache(self, used_bytes: int) -> None:
        """Show how much the cache holds."""
        large = used_bytes >= 1e9
        self._cache.setText(f"{used_bytes / 1e9:.1f} GB" if large else f"{used_bytes / 1e6:.0f} MB")

    def _widget(self, setting: Setting, value: object) -> QWidget:
        if setting.name == "output":
            self._output = QComboBox()
            self._output.addItem("The system's choice", "")
            self._output.activated.connect(
                lambda place: self._change("output", self._output.itemData(place))
            )
            return self._output
        if setting.choices:
            combo = QComboBox()
            for choice in setting.choices:
                combo.addItem(_WORDS.get(choice, choice), choice)
            combo.setCurrentIndex(combo.findData(value))
            combo.activated.connect(lambda place: self._change(setting.name, combo.itemData(place)))
            return combo
        spin = QSpinBox() if isinstance(setting.default, int) else QDoubleSpinBox()
        spin.setRange(
            *(type(setting.default)(bound) for bound in (setting.minimum, setting.maximum))
        )
        spin.setValue(value)
        spin.setKeyboardTracking(False)
        roomy(spin)
        if setting.minimum == 0 and isinstance(spin, QSpinBox):
            spin.setSpecialValueText("Automatic")
        spin.valueChanged.connect(lambda new: self._change(setting.name, new))
        return spin
