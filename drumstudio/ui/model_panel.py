"""The model picker at the right: cards, parameters, the button that separates."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from drumstudio.catalog.catalog import Catalog
from drumstudio.catalog.model_card import ModelCard, Value
from drumstudio.ui.gesture_slider import GestureSlider
from drumstudio.ui.model_card_view import ModelCardView, plain_words
from drumstudio.ui.parameter_widgets import ParameterForm
from drumstudio.ui.parts import label, line, plain_tip, push_button
from drumstudio.ui.theme import Theme, tabular


class ModelPanel(QWidget):
    """Shows the models and what is set of the chosen one.

    Parameters
    ----------
    catalog : Catalog
        The models.
    theme : Theme
        The icons.
    """

    separate_asked = Signal()
    settings_changed = Signal()
    separation_chosen = Signal(str)
    amount_chosen = Signal(float)  # in [-1, 1], when the gesture is over

    def __init__(self, catalog: Catalog, theme: Theme) -> None:
        super().__init__()
        self._catalog = catalog
        self._theme = theme
        self._values: dict[str, dict[str, Value]] = {}
        self._form: ParameterForm | None = None
        self.model_id = ""
        body = QWidget()
        self._box = QVBoxLayout(body)
        self._box.setContentsMargins(12, 4, 12, 8)
        self._box.setSpacing(8)
        self._cards: list[ModelCardView] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self._box.addLayout(self._list)
        self._add_separations()
        self._add_more()
        self._box.addStretch(1)
        self.show_models()
        scroll = QScrollArea()
        scroll.setWidget(body)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.separate = push_button("Separate drums", self.separate_asked.emit, "primary")
        self.separate.setMinimumHeight(32)
        self.separate.setEnabled(False)
        self._device = label("", "small", wrap=True)
        foot = QVBoxLayout()
        foot.setContentsMargins(12, 8, 12, 12)
        foot.setSpacing(6)
        foot.addWidget(self._device)
        foot.addWidget(self.separate)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addWidget(line())
        whole.addLayout(foot)

    def _add_more(self) -> None:
        """Add what a newcomer does not need: the models' figures, and the parameters."""
        self._more = push_button("More", lambda: self._show_more(self._rest.isHidden()), "flat")
        row = QHBoxLayout()
        row.addWidget(self._more)
        row.addStretch(1)
        self._box.addLayout(row)
        self._rest = QWidget()
        self._place = QVBoxLayout(self._rest)
        self._place.setContentsMargins(0, 0, 0, 0)
        self._place.setSpacing(8)
        self._heading = label("PARAMETERS", "heading")
        self._place.addWidget(self._heading)
        self._box.addWidget(self._rest)
        self._show_more(False)

    def _show_more(self, shown: bool) -> None:
        self._rest.setVisible(shown)
        self._more.setText("Less" if shown else "More…")
        self._more.setToolTip("Scores and speeds of the models, and the parameters")
        for view in self._cards:
            view.show_figures(shown)

    def show_models(self) -> None:
        """Show the models of the catalog as it is now; the chosen one stays chosen."""
        while (item := self._list.takeAt(0)) is not None:
            item.widget().hide()
            item.widget().deleteLater()
        self._cards = []
        cards = [card for card in self._catalog.cards() if card.kind == "separator"]
        ready = {card.id: self._catalog.ready(card) for card in cards}
        there = [card for card in cards if ready[card.id]]
        for card in cards:
            view = ModelCardView(card, plain_words(card, there), ready=ready[card.id])
            view.show_figures(not self._rest.isHidden())
            view.chosen.connect(self.choose)
            view.show_chosen(card.id == self.model_id)
            self._cards.append(view)
            self._list.addWidget(view)
        for problem in self._catalog.problems:
            warning = label(f"{problem.what}: {problem.why}", "warning", wrap=True)
            warning.setToolTip(plain_tip(str(problem)))
            self._list.addWidget(warning)

    def _add_separations(self) -> None:
        self._separations = QWidget()
        box = QVBoxLayout(self._separations)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(line())
        box.addSpacing(4)
        box.addWidget(label("SEPARATION HEARD", "heading"))
        self._combo = QComboBox()
        self._combo.setAccessibleName("Separation heard")
        self._combo.activated.connect(
            lambda place: self.separation_chosen.emit(self._combo.itemData(place))
        )
        self._facts = label("", "small", wrap=True)
        box.addWidget(self._combo)
        box.addWidget(self._facts)
        box.addSpacing(6)
        head = QHBoxLayout()
        head.addWidget(label("AMOUNT", "heading"))
        head.addStretch()
        self._amount_words = label("", "small")
        self._amount_words.setFont(tabular(self.font()))
        head.addWidget(self._amount_words)
        box.addLayout(head)
        self._amount = GestureSlider(-100, 100)
        self._amount.setProperty("role", "centred")
        self._amount.setAccessibleName("Amount of drums")
        self._amount.setToolTip(
            "Left: fuller drums, more of what may be drums. Right: cleaner drums, less of the "
            "rest.\nDouble click: as the model made them."
        )
        self._amount.moved.connect(self._on_amount)
        box.addWidget(self._amount)
        ends = QHBoxLayout()
        ends.addWidget(label("fuller", "small"))
        ends.addStretch()
        ends.addWidget(label("cleaner", "small"))
        box.addLayout(ends)
        self._separations.hide()
        self._box.addWidget(self._separations)

    def ready_cards(self) -> list[ModelCard]:
        """Return the cards of the models that can be chosen."""
        return [view.card for view in self._cards if self._catalog.ready(view.card)]

    def choose(self, model_id: str) -> None:
        """Choose a model and show its parameters."""
        card = self._catalog.find(model_id)
        if self._form is not None:
            self._values[self.model_id] = self._form.values()
            self._form.deleteLater()
        self.model_id = model_id
        for view in self._cards:
            view.show_chosen(view.card.id == model_id)
        self._form = ParameterForm(card, self._values.get(model_id, {}))
        self._form.changed.connect(self.settings_changed.emit)
        self._place.addWidget(self._form)
        self._heading.setVisible(bool(card.parameters))
        self.settings_changed.emit()

    def values(self) -> dict[str, Value]:
        """Return the chosen model's parameters."""
        return self._form.values() if self._form is not None else {}

    def values_of(self, model_id: str) -> dict[str, Value]:
        """Return a model's parameters as they were set here; none where they never were."""
        return self.values() if model_id == self.model_id else self._values.get(model_id, {})

    def show_ready(self, text: str, tip: str, *, enabled: bool) -> None:
        """Show what the button would do."""
        self.separate.setText(text)
        self.separate.setToolTip(tip)
        self.separate.setEnabled(enabled)

    def show_device(self, text: str) -> None:
        """Show where it will be computed."""
        self._device.setText(text)

    def _on_amount(self, value: int, over: bool) -> None:
        self._amount_words.setText(_amount_words(value))
        if over:
            self.amount_chosen.emit(value / 100)

    def show_amount(self, amount: float, *, possible: bool) -> None:
        """Show how much of the model's drums is taken, if any of its stems serves as drums."""
        self._amount.setEnabled(possible)
        self._amount.show_value(round(amount * 100))
        self._amount_words.setText(_amount_words(self._amount.value()))

    def show_speeds(self, real_time: Callable[[str], float | None]) -> None:
        """Show how fast each model was on this computer."""
        for view in self._cards:
            view.show_speed(real_time(view.card.id))

    def show_separations(self, rows: list[tuple[str, str]], active: str | None, facts: str) -> None:
        """Show the song's separations as (id, name), with the one that is heard."""
        self._separations.setVisible(bool(rows))
        self._combo.clear()
        for identity, name in rows:
            self._combo.addItem(name, identity)
        self._combo.setCurrentIndex(max(self._combo.findData(active), 0))
        self._facts.setText(facts)


def _amount_words(value: int) -> str:
    return "as the model made it" if value == 0 else f"{value:+d} %"
