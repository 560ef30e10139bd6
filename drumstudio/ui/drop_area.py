"""Dropping files and folders anywhere on the window, and dragging files out of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QDrag, QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QWidget


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
            paths = local_paths(event.mimeData())
            if paths and event.source() is None:
                event.acceptProposedAction()
                self.dropped.emit(paths, event.position().toPoint())
            return True
        if isinstance(event, QDragEnterEvent | QDragMoveEvent):
            # What was dragged out of this very window is not taken back in.
            if local_paths(event.mimeData()) and event.source() is None:
                event.acceptProposedAction()
                self.hovering.emit(True)
                return True
        elif event.type() == QEvent.Type.DragLeave:
            self.hovering.emit(False)
        return False


def local_paths(mime: QMimeData) -> list[Path]:
    """Return the files and folders of this computer among what is dragged."""
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]


def drag_files(source: QWidget, paths: list[Path]) -> Qt.DropAction:
    """Let the person carry files out of the window; return what became of them."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    drag = QDrag(source)
    drag.setMimeData(mime)
    return drag.exec(Qt.DropAction.CopyAction)
