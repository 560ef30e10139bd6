"""A model as a card that can be chosen: name, score, speed, size, licence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QRadioButton, QVBoxLayout

from drumstudio.catalog.model_card import OWN_PROTOCOL, ModelCard
from drumstudio.ui.parts import label, plain_tip


class ModelCardView(QFrame):
    """One card of the picker.

    Parameters
    ----------
    card : ModelCard
        What is shown; a figure that it does not hold is "not measured".
    words : str
        What a newcomer should know of it, which then stands before its name; maybe empty.
    ready : bool
        Whether its weights are here.
    """

    chosen = Signal(str)

    def __init__(self, card: ModelCard, words: str, *, ready: bool) -> None:
        super().__init__()
        self.card = card
        self.setProperty("role", "card")
        self.setToolTip(plain_tip(details(card)))
        self.radio = QRadioButton(words or card.name)
        self.radio.setAccessibleName(f"Model {card.name}")
        self.radio.setAutoExclusive(False)
        self.radio.setEnabled(ready)
        self.radio.clicked.connect(lambda: self.chosen.emit(card.id))
        top = QHBoxLayout()
        top.addWidget(self.radio, 1)
        if not ready:
            top.addWidget(label("not here", "small"))
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 8)
        box.setSpacing(2)
        box.addLayout(top)
        box.addWidget(label(card.name if words else card.description, "small", wrap=True))
        self._figures = label(figures(card), "small", wrap=True)
        self._figures.hide()
        box.addWidget(self._figures)
        self._ready = ready

    def show_speed(self, real_time: float | None) -> None:
        """Show how fast the model was on this computer, once it has run."""
        self._figures.setText(figures(self.card, real_time))

    def show_figures(self, shown: bool) -> None:
        """Show score, speed and size, or only what they come to."""
        self._figures.setVisible(shown)

    def show_chosen(self, chosen: bool) -> None:
        """Show whether it is the one."""
        self.radio.setChecked(chosen)
        self.setProperty("chosen", "true" if chosen else "false")
        self.style().unpolish(self)
        self.style().polish(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        """Choose it by a click anywhere on it."""
        if self._ready and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self.card.id)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Choose it by Return."""
        if self._ready and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self.card.id)
        else:
            super().keyPressEvent(event)


def plain_words(card: ModelCard, cards: Sequence[ModelCard]) -> str:
    """Return what a newcomer should know of a model beside the others, "Best drums", if anything.

    Parameters
    ----------
    card : ModelCard
        Which.
    cards : sequence of ModelCard
        All that can be chosen; best and quickest are so by their measured figures.
    """
    if not card.weights:
        return "Rough, without a network"
    networks = [one for one in cards if one.weights]
    best = max((one.ranking_score for one in networks), default=-math.inf)
    if math.isfinite(best) and card.ranking_score == best:
        return "Best drums"
    quickest = min((_slowness(one) for one in networks), default=math.inf)
    if math.isfinite(quickest) and _slowness(card) == quickest:
        return "Quicker"
    return ""


def _slowness(card: ModelCard) -> float:
    return card.speed[0].real_time_factor if card.speed else math.inf


def figures(card: ModelCard, here: float | None = None) -> str:
    """Return the card's short line: score, speed (here if it has run here), size."""
    score = card.ranking_score
    own = next((one.value for one in card.scores if one.protocol == OWN_PROTOCOL), None)
    parts = ["score not measured" if own is None else f"{own:.1f} dB on your songs"]
    if math.isfinite(score):
        parts = [f"{score:.1f} dB"]
    if here is not None:
        parts.append(f"{here:.0f}x real time here" if here >= 9.5 else f"{here:.1f}x here")
    elif card.speed:
        parts.append(f"{1 / card.speed[0].real_time_factor:.0f}x real time")
    else:
        parts.append("speed not measured")
    parts.append(f"{card.bytes / 1e6:.1f} MB" if card.bytes else "no weights")
    return " · ".join(parts)


def details(card: ModelCard) -> str:
    """Return what the tooltip says: every figure with where it comes from."""
    rate = f"{card.sample_rate / 1000:g} kHz" if card.sample_rate else "any rate"
    lines = [card.description, "", f"Gives {', '.join(card.all_stems)}; works at {rate}."]
    for score in card.scores:
        lines.append(f"{score.metric}: {score.value:.2f} dB on {score.data} ({score.protocol})")
    if not card.scores:
        lines.append("Quality: not measured")
    for speed in card.speed:
        lines.append(
            f"Speed: {1 / speed.real_time_factor:.1f}x real time on {speed.device} "
            f"({speed.measured})"
        )
    if not card.speed:
        lines.append("Speed: not measured")
    lines.append(f"Licence: {card.licence}")
    for source in card.trained_on:
        lines.append(f"Trained on {source.name} ({source.licence}), {source.credit}")
    return "\n".join(lines)
