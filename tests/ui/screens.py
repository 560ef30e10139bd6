"""What a window shows outside itself or outside its screen: nothing, if all is well."""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QAbstractScrollArea, QRubberBand, QSplitterHandle, QWidget

_LOOSE_PX = 1  # style sheets draw borders on half pixels
_FREE = (QRubberBand, QSplitterHandle)  # lie over their neighbours on purpose


def _scrolls(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    area = parent.parentWidget() if parent is not None else None
    return isinstance(area, QAbstractScrollArea) and area.viewport() is parent


def outside(window: QWidget) -> list[str]:
    """Return what is cut off by its parent, or by the window, in words."""
    found = []
    for widget in window.findChildren(QWidget):
        parent = widget.parentWidget()
        hidden = not widget.isVisible() or widget.isWindow() or parent is None
        if hidden or isinstance(widget, _FREE) or _scrolls(widget):
            continue
        if widget.objectName() == "qt_qmainwindow_extended_splitter":
            continue
        room = parent.rect().adjusted(-_LOOSE_PX, -_LOOSE_PX, _LOOSE_PX, _LOOSE_PX)
        if widget.width() and widget.height() and not room.contains(widget.geometry()):
            found.append(f"{_name(widget)} {_words(widget.geometry())} in {_words(parent.rect())}")
    return found


def beyond_screen(window: QWidget) -> list[str]:
    """Return whether a window reaches beyond its screen, in words."""
    room, frame = window.screen().availableGeometry(), window.frameGeometry()
    return [] if room.contains(frame) else [f"{_name(window)} {_words(frame)} on {_words(room)}"]


def _name(widget: QWidget) -> str:
    parent = widget.parentWidget()
    above = f" of {type(parent).__name__}" if parent is not None else ""
    return f"{type(widget).__name__} {widget.accessibleName() or widget.objectName()!r}{above}"


def _words(rect: QRect) -> str:
    return f"{rect.x()},{rect.y()} {rect.width()}x{rect.height()}"
