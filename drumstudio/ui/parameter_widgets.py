"""A model's parameters as widgets, made from its card."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from drumstudio.catalog.model_card import ModelCard, Parameter, Value
from drumstudio.ui.parts import label, roomy


class ParameterForm(QWidget):
    """One row a parameter.

    Parameters
    ----------
    card : ModelCard
        The model.
    values : dict of str to value
        What is set already; the card's defaults for the others.
    """

    changed = Signal()

    def __init__(self, card: ModelCard, values: dict[str, Value]) -> None:
        super().__init__()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        self._widgets: dict[str, QWidget] = {}
        for parameter in card.parameters:
            widget = self._widget(parameter, values.get(parameter.name, parameter.default))
            widget.setAccessibleName(parameter.label)
            self._widgets[parameter.name] = widget
            box.addWidget(label(parameter.label, "muted", wrap=True))
            box.addWidget(widget)
            box.addSpacing(4)

    def values(self) -> dict[str, Value]:
        """Return what is set, by the parameters' names."""
        return {name: _value(widget) for name, widget in self._widgets.items()}

    def _widget(self, parameter: Parameter, value: Value) -> QWidget:
        if parameter.type == "bool":
            box = QCheckBox()
            box.setChecked(bool(value))
            box.toggled.connect(lambda _: self.changed.emit())
            return box
        if parameter.type == "choice":
            combo = QComboBox()
            combo.addItems(parameter.choices)
            combo.setCurrentText(str(value))
            combo.currentTextChanged.connect(lambda _: self.changed.emit())
            return combo
        if parameter.type == "int":
            spin = QSpinBox()
            spin.setRange(int(parameter.minimum), int(parameter.maximum))
            spin.setValue(int(value))
            roomy(spin)
            spin.valueChanged.connect(lambda _: self.changed.emit())
            return spin
        number = QDoubleSpinBox()
        number.setRange(parameter.minimum, parameter.maximum)
        number.setDecimals(2)
        number.setSingleStep((parameter.maximum - parameter.minimum) / 50 or 0.1)
        number.setValue(float(value))
        roomy(number)
        number.valueChanged.connect(lambda _: self.changed.emit())
        return number


def _value(widget: QWidget) -> Value:
    if isinstance(widget, QCheckBox):
        return widget.isChecked()
    if isinstance(widget, QComboBox):
        return widget.currentText()
    if isinstance(widget, QSpinBox):
        return widget.value()
    assert isinstance(widget, QDoubleSpinBox)
    return widget.value()
