"""The stretch of time that ruler and lanes show together, as Qt hears of its changes."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from drumstudio.application.time_view import TimeView, ViewHistory

ZOOM_STEP = 1.6


class Timeline(QObject):
    """One `TimeView` that several widgets share.

    Parameters
    ----------
    parent : QObject
        Who owns it.
    """

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.view = TimeView.whole(1.0, 1, 44_100)
        self._history = ViewHistory()

    def show_song(self, seconds: float, sample_rate: int) -> None:
        """Show the whole of another song."""
        self._history = ViewHistory()
        self._set(TimeView.whole(seconds, self.view.width_pixels, sample_rate))

    def set_width(self, pixels: int) -> None:
        """Follow the width of the widgets."""
        self._set(self.view.resized(max(pixels, 1)))

    def zoom(self, factor: float, about_pixel: float) -> None:
        """Zoom in (above 1) or out, with the time under a pixel staying there."""
        self._set(self.view.zoomed(factor, about_pixel))

    def scroll(self, pixels: float) -> None:
        """Show what is later by some pixels."""
        self._set(self.view.scrolled(pixels))

    def scroll_to(self, seconds: float) -> None:
        """Put a time at the left edge."""
        self.scroll((seconds - self.view.start_seconds) / self.view.seconds_per_pixel)

    def fit(self) -> None:
        """Show the whole song."""
        self._jump(self.view.fitted())

    def to_range(self, start_seconds: float, stop_seconds: float) -> None:
        """Fill the width with a range."""
        self._jump(self.view.to_range(start_seconds, stop_seconds))

    def back(self) -> None:
        """Return to the view before the last jump."""
        before = self._history.back()
        if before is not None:
            self._set(before.resized(self.view.width_pixels))

    def reveal(self, seconds: float) -> None:
        """Move just enough to show a time."""
        self._set(self.view.showing(seconds))

    def follow(self, seconds: float) -> None:
        """Turn the page when the playhead runs out of the view."""
        self._set(self.view.following(seconds))

    def _jump(self, view: TimeView) -> None:
        if view != self.view:
            self._history.remember(self.view)
            self._set(view)

    def _set(self, view: TimeView) -> None:
        if view != self.view:
            self.view = view
            self.changed.emit()
