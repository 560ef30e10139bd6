"""The window's theme: tokens as Qt colours, the palette, the style sheet and tinted icons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

from PySide6.QtCore import QByteArray, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from drumstudio import paths
from drumstudio.ui import tokens

THEMES = ("system", "dark", "light")


class Theme(QObject):
    """The tokens in use; widgets that paint themselves ask it for colours and repaint on change.

    Parameters
    ----------
    application : QApplication
        Gets palette, font and style sheet.
    name : {"system", "dark", "light"}
        Which tokens; "system" follows the desktop.
    """

    changed = Signal()

    def __init__(self, application: QApplication, name: str = "system") -> None:
        super().__init__(application)
        self._application = application
        self._name = name
        self._tokens: Mapping[str, str] = tokens.DARK
        self._sources: dict[str, str] = {}
        application.setStyle("Fusion")
        font = QFont(application.font())
        font.setPixelSize(tokens.TEXT_PX)
        application.setFont(font)
        application.styleHints().colorSchemeChanged.connect(self._on_system_changed)
        self._apply()

    @property
    def dark(self) -> bool:
        """Whether the dark tokens are in use."""
        return self._tokens is tokens.DARK

    def use(self, name: str) -> None:
        """Change to another theme at once."""
        if name not in THEMES:
            raise ValueError(f"themes are {THEMES}, got {name!r}")
        if name != self._name:
            self._name = name
            self._apply()

    def colour(self, token: str, alpha: int = 255) -> QColor:
        """Return a token as a colour; `alpha` in [0, 255]."""
        colour = QColor(self._tokens[token])
        colour.setAlpha(alpha)
        return colour

    def icon(self, name: str, token: str = "text") -> QIcon:
        """Return one of our line icons; it takes the theme's colours each time it is drawn."""
        return QIcon(_LineIcon(self, name, token))

    def pixmap(self, name: str, token: str = "text", size: int = tokens.ICON_PX) -> QPixmap:
        """Return an icon as a picture for a label, sharp on the application's screen."""
        ratio = self._application.devicePixelRatio()
        pixmap = self.icon_pixmap(name, self.colour(token), round(size * ratio))
        pixmap.setDevicePixelRatio(ratio)
        return pixmap

    def icon_pixmap(self, name: str, colour: QColor, pixels: int) -> QPixmap:
        """Return an icon of so many device pixels a side, in any colour."""
        pixmap = QPixmap(pixels, pixels)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self._renderer(name, colour).render(painter, QRectF(0, 0, pixels, pixels))
        painter.end()
        return pixmap

    def _renderer(self, name: str, colour: QColor) -> QSvgRenderer:
        if name not in self._sources:
            path = icons_folder() / f"{name}.svg"
            self._sources[name] = path.read_text(encoding="utf-8")
        tinted = self._sources[name].replace("currentColor", colour.name())
        return QSvgRenderer(QByteArray(tinted.encode()))

    def _on_system_changed(self) -> None:
        if self._name == "system":
            self._apply()

    def _apply(self) -> None:
        hints = self._application.styleHints()
        wants_light = self._name == "light" or (
            self._name == "system" and hints.colorScheme() == Qt.ColorScheme.Light
        )
        self._tokens = tokens.LIGHT if wants_light else tokens.DARK
        self._application.setPalette(self._palette())
        self._application.setStyleSheet(self._style_sheet())
        self.changed.emit()

    def _palette(self) -> QPalette:
        palette = QPalette()
        roles = QPalette.ColorRole
        for role, token in (
            (roles.Window, "panel"),
            (roles.Base, "ground"),
            (roles.AlternateBase, "raised"),
            (roles.Button, "raised"),
            (roles.ToolTipBase, "raised"),
            (roles.Text, "text"),
            (roles.WindowText, "text"),
            (roles.ButtonText, "text"),
            (roles.ToolTipText, "text"),
            (roles.PlaceholderText, "muted"),
            (roles.Highlight, "primary"),
            (roles.HighlightedText, "on_primary"),
            (roles.Accent, "accent"),
            (roles.Link, "accent"),
            (roles.Mid, "line"),
        ):
            palette.setColor(role, self.colour(token))
        for role in (roles.Text, roles.WindowText, roles.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.colour("muted", 130))
        return palette

    def _style_sheet(self) -> str:
        sheet = (Path(__file__).with_name("style.qss")).read_text(encoding="utf-8")
        icons = icons_folder().as_posix()
        shade = "dark" if self.dark else "light"
        measures = {
            "radius": tokens.RADIUS_PX,
            "text_px": tokens.TEXT_PX,
            "small_px": tokens.SMALL_PX,
            "icons": icons,
            "shade": shade,
        }
        return Template(sheet).substitute(measures, **self._tokens)


def icons_folder() -> Path:
    """Return the folder of our icons."""
    return paths.shipped_folder("resources") / "icons"


def tabular(font: QFont, pixels: int = tokens.SMALL_PX) -> QFont:
    """Return a font of that size whose figures all have one width, for times and meters."""
    figures = QFont(font)
    figures.setPixelSize(pixels)
    figures.setFeature(QFont.Tag("tnum"), 1)
    return figures


class _LineIcon(QIconEngine):
    """An icon drawn in the theme's colour of the moment; dimmed when disabled."""

    def __init__(self, theme: Theme, name: str, token: str) -> None:
        super().__init__()
        self._theme = theme
        self._name = name
        self._token = token

    def clone(self) -> QIconEngine:  # Qt's name
        return _LineIcon(self._theme, self._name, self._token)

    def pixmap(self, size, mode, state):  # noqa: ANN001 (Qt's signature)
        token = self._token
        if mode == QIcon.Mode.Disabled:
            colour = self._theme.colour("muted")
            colour = QColor(colour.red(), colour.green(), colour.blue())
        else:
            if state == QIcon.State.On and token == "text":
                token = "accent"
            colour = self._theme.colour(token)
        pixmap = self._theme.icon_pixmap(self._name, colour, min(size.width(), size.height()))
        if mode == QIcon.Mode.Disabled:
            faded = QPixmap(pixmap.size())
            faded.fill(Qt.GlobalColor.transparent)
            painter = QPainter(faded)
            painter.setOpacity(0.5)
            painter.drawPixmap(0, 0, pixmap)
            painter.end()
            return faded
        return pixmap

    def scaledPixmap(self, size, mode, state, scale):  # noqa: ANN001, N802
        pixmap = self.pixmap(size * scale, mode, state)  # Qt asks in logical pixels
        pixmap.setDevicePixelRatio(scale)
        return pixmap

    def paint(self, painter, rect, mode, state):  # noqa: ANN001
        ratio = painter.device().devicePixelRatioF()
        side = min(rect.width(), rect.height())
        pixmap = self.pixmap(rect.size() * ratio, mode, state)
        pixmap.setDevicePixelRatio(ratio)
        x = rect.x() + (rect.width() - side) / 2
        y = rect.y() + (rect.height() - side) / 2
        painter.drawPixmap(round(x), round(y), pixmap)
