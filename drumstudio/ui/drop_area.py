"""Dropping files and folders anywhere on the window, and dragging files out of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QDrag, QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QWidget

_URLS = "text/uri-list"


class DropArea(QObject):
    """Takes what is dropped on a widget or any of its children.

    Parameters
    ----------
    widget : QWidget
        The window, or a part of it that takes something else.
    """

    dropped = Signal(list, QPoint)  # of Path, where on the widget
    hovering = Signal(bool)

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802, ARG002
        """Accept drags of local files, and hand over what is dropped."""
        if isinstance(event, QDropEvent) and event.type() == QEvent.Type.Drop:
            self.hovering.emit(False)
            paths = local_paths(event.mimeData()) if event.source() is None else []
            if paths:
                event.acceptProposedAction()
                self.dropped.emit(paths, event.position().toPoint())
            return True
        if isinstance(event, QDragEnterEvent | QDragMoveEvent):
            # What was dragged out of this very window is not taken back in.
            if event.source() is None and local_paths(event.mimeData()):
                event.acceptProposedAction()
                self.hovering.emit(True)
                return True
        elif event.type() == QEvent.Type.DragLeave:
            self.hovering.emit(False)
        return False


def local_paths(mime: QMimeData) -> list[Path]:
    """Return the files and folders of this computer among what is dragged."""
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]


class _Files(QMimeData):
    """Files that may still be written while they are carried."""

    def __init__(self, paths: list[Path], ready: Callable[[], bool]) -> None:
        super().__init__()
        self._urls = [QUrl.fromLocalFile(str(path)) for path in paths]
        self._ready = ready

    def formats(self) -> list[str]:
        """Return what may be asked for: a list of files."""
        return [_URLS]

    def retrieveData(self, mime_type: str, kind: object) -> object:  # noqa: N802 (Qt's name)
        """Return the files, once they are written; nothing if they could not be."""
        if mime_type != _URLS or not self._ready():
            return None
        return self._urls


def drag_files(
    source: QWidget, paths: list[Path], ready: Callable[[], bool] | None = None
) -> Qt.DropAction:
    """Let the person carry files out of the window; return what became of them.

    Parameters
    ----------
    source : QWidget
        Where they come from.
    paths : list of Path
        The files.
    ready : callable, optional
        Waits until they are written, and returns whether they are; called when they are taken.
    """
    mime = _Files(paths, ready or (lambda: True))
    drag = QDrag(source)
    drag.setMimeData(mime)
    return drag.exec(Qt.DropAction.CopyAction)
