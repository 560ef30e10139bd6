"""What a window shows outside itself or outside its screen: nothing, if all is well."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QAbstractScrollArea, QRubberBand, QSplitterHandle, QWidget

_LOOSE_PX = 1  # style sheets draw borders on half pixels
_FREE = (QRubberBand, QSplitterHandle)  # lie over their neighbours on purpose


def _scrolls(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    area = parent.parentWidget() if parent is not None else None
    return isinstance(area, QAbstractScrollArea) and area.viewport() is parent


def screen_platform(folder: Path, *screens: tuple[int, int, int, int, int]) -> str:
    """Return the platform for Qt whose screens are those of (x, y, width, height, ratio)."""
    names = ("x", "y", "width", "height", "dpr")
    plain = [
        {"name": f"screen {number}", "logicalDpi": 96, "logicalBaseDpi": 96}
        | dict(zip(names, screen, strict=True))
        for number, screen in enumerate(screens)
    ]
    path = folder / "screens.json"
    path.write_text(json.dumps({"screens": plain}))
    return f"offscreen:configfile={path}"


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
    room, place = window.screen().availableGeometry(), window.geometry()
    return [] if room.contains(place) else [f"{_name(window)} {_words(place)} on {_words(room)}"]


def _name(widget: QWidget) -> str:
    parent = widget.parentWidget()
    above = f" of {type(parent).__name__}" if parent is not None else ""
    name = widget.accessibleName() or getattr(widget, "text", str)() or widget.objectName()
    return f"{type(widget).__name__} {name!r}{above}"


def _words(rect: QRect) -> str:
    return f"{rect.x()},{rect.y()} {rect.width()}x{rect.height()}"
