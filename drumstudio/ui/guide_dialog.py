"""Help > Guide: one page with pictures, read from the program's own files."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtWidgets import QTextBrowser, QWidget

from drumstudio import paths
from drumstudio.ui.dialogs import Dialog
from drumstudio.ui.parts import push_button

_SIZE = (760, 640)


class GuideDialog(Dialog):
    """What to do with the program, from the first song to the export.

    Parameters
    ----------
    parent : QWidget
        The window, which goes on beside it.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "Guide", 480)
        self.page = QTextBrowser()
        self.page.setAccessibleName("Guide")
        self.page.setOpenLinks(False)
        self.page.document().setDefaultStyleSheet("p, li { line-height: 130%; }")
        folder = paths.shipped_folder("resources") / "guide"
        self.page.setSearchPaths([str(folder)])
        self.page.setSource(QUrl.fromLocalFile(str(folder / "guide.html")))
        self.content.addWidget(self.page)
        self.add_button(push_button("Close", self.accept, "primary"), default=True)
        room = self.screen().availableGeometry()
        self.resize(min(_SIZE[0], room.width() - 40), min(_SIZE[1], room.height() - 60))
