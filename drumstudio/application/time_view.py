"""Which stretch of time a window shows: zoom, scroll and ruler as plain arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

MOST_PIXELS_PER_SAMPLE = 32
"""The closest zoom: single samples as far apart as this."""

_STEPS_SECONDS = (
    *(step * scale for scale in (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1) for step in (1, 2, 5)),
    *(1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 36_000.0),
)
_REVEAL_MARGIN = 0.1  # share of the width that stays between what is revealed and the edge


@dataclass(frozen=True, slots=True)
class TimeView:
    """A window onto a song's time.

    Every method returns a view that shows nothing before the song, and nothing after it
    where the song fills the width.

    Parameters
    ----------
    start_seconds : float
        At the left edge.
    seconds_per_pixel : float
        The zoom; positive.
    width_pixels : int
        At least 1.
    length_seconds : float
        Of the song; not negative.
    sample_rate : int
        Hertz; bounds the zoom.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    start_seconds: float
    seconds_per_pixel: float
    width_pixels: int
    length_seconds: float
    sample_rate: int

    def __post_init__(self) -> None:
        if not (self.seconds_per_pixel > 0.0 and math.isfinite(self.seconds_per_pixel)):
            raise ValueError(f"seconds_per_pixel must be positive, got {self.seconds_per_pixel}")
        if self.width_pixels < 1 or self.sample_rate < 1 or not self.length_seconds >= 0.0:
            raise ValueError(
                "width_pixels and sample_rate must be at least 1 and length_seconds at least 0, "
                f"got {self.width_pixels}, {self.sample_rate}, {self.length_seconds}"
            )

    @classmethod
    def whole(cls, length_seconds: float, width_pixels: int, sample_rate: int) -> TimeView:
        """Return a view that shows a whole song."""
        view = cls(0.0, 1.0, width_pixels, length_seconds, sample_rate)
        return replace(view, seconds_per_pixel=view.widest)

    @property
    def widest(self) -> float:
        """Seconds a pixel at which the song just fills the width (a second, if it is empty)."""
        return max(self.length_seconds or 1.0, self._closest_span) / self.width_pixels

    @property
    def closest(self) -> float:
        """Seconds a pixel at the closest zoom."""
        return self._closest_span / self.width_pixels

    @property
    def _closest_span(self) -> float:
        return self.width_pixels / (self.sample_rate * MOST_PIXELS_PER_SAMPLE)

    @property
    def span_seconds(self) -> float:
        """Seconds from edge to edge."""
        return self.seconds_per_pixel * self.width_pixels

    @property
    def stop_seconds(self) -> float:
        """Seconds at the right edge."""
        return self.start_seconds + self.span_seconds

    def seconds_at(self, pixel: float) -> float:
        """Return the time at a distance from the left edge."""
        return self.start_seconds + pixel * self.seconds_per_pixel

    def pixel_at(self, seconds: float) -> float:
        """Return the distance of a time from the left edge; outside the width too."""
        return (seconds - self.start_seconds) / self.seconds_per_pixel

    def _placed(self, start_seconds: float, seconds_per_pixel: float) -> TimeView:
        zoom = min(max(seconds_per_pixel, self.closest), self.widest)
        latest = max(self.length_seconds - zoom * self.width_pixels, 0.0)
        start = min(max(start_seconds, 0.0), latest)
        return replace(self, start_seconds=start, seconds_per_pixel=zoom)

    def zoomed(self, factor: float, about_pixel: float) -> TimeView:
        """Return the view closer by a factor, with the time under a pixel staying there.

        Near an end of the song, or of the zoom, it may have to give way.

        Raises
        ------
        ValueError
            If the factor is not positive.
        """
        if not factor > 0.0:
            raise ValueError(f"factor must be positive, got {factor}")
        zoom = min(max(self.seconds_per_pixel / factor, self.closest), self.widest)
        return self._placed(self.seconds_at(about_pixel) - about_pixel * zoom, zoom)

    def fitted(self) -> TimeView:
        """Return the view of the whole song."""
        return self._placed(0.0, self.widest)

    def to_range(self, start_seconds: float, stop_seconds: float) -> TimeView:
        """Return the view that a range fills, as far as the zoom goes; ends in any order."""
        first, last = sorted((start_seconds, stop_seconds))
        zoom = max((last - first) / self.width_pixels, self.closest)
        return self._placed((first + last - zoom * self.width_pixels) / 2, zoom)

    def scrolled(self, pixels: float) -> TimeView:
        """Return the view later by some pixels; earlier by a negative number."""
        return self._placed(self.seconds_at(pixels), self.seconds_per_pixel)

    def resized(self, width_pixels: int) -> TimeView:
        """Return the view at another width, with zoom and left edge kept as far as they go."""
        resized = replace(self, width_pixels=width_pixels)
        was_whole = self.seconds_per_pixel >= self.widest
        zoom = resized.widest if was_whole else self.seconds_per_pixel
        return resized._placed(self.start_seconds, zoom)

    def with_length(self, length_seconds: float) -> TimeView:
        """Return the view of a song that is another length now."""
        longer = replace(self, length_seconds=length_seconds)
        return longer._placed(self.start_seconds, self.seconds_per_pixel)

    def showing(self, seconds: float) -> TimeView:
        """Return the view that shows a time: this one if it does, else moved just enough."""
        margin = _REVEAL_MARGIN * self.span_seconds
        if seconds < self.start_seconds:
            return self._placed(seconds - margin, self.seconds_per_pixel)
        if seconds > self.stop_seconds:
            return self._placed(seconds + margin - self.span_seconds, self.seconds_per_pixel)
        return self

    def following(self, seconds: float) -> TimeView:
        """Return the view for a playhead: turned over like a page when it runs out of it."""
        if self.start_seconds <= seconds < self.stop_seconds:
            return self
        return self._placed(seconds - _REVEAL_MARGIN * self.span_seconds, self.seconds_per_pixel)

    def clock_ticks(self, min_spacing_pixels: float) -> list[tuple[float, str]]:
        """Return the ruler's marks in minutes and seconds.

        Parameters
        ----------
        min_spacing_pixels : float
            Marks are at least this far apart; positive.

        Returns
        -------
        list of (float, str)
            Seconds and text ("1:05", "1:05.25"), in order.
        """
        least = min_spacing_pixels * self.seconds_per_pixel
        step = next((step for step in _STEPS_SECONDS if step >= least), _STEPS_SECONDS[-1])
        decimals = max(math.ceil(-math.log10(step) - 1e-9), 0)
        first = math.ceil(self.start_seconds / step - 1e-9)
        last = math.floor(self.stop_seconds / step + 1e-9)
        return [(n * step, clock(n * step, decimals)) for n in range(first, last + 1)]


def clock(seconds: float, decimals: int = 0) -> str:
    """Return a time, rounded: "4:03", "0:42.318", "-0:01", from an hour on "1:25:01"."""
    scale = 10**decimals
    minutes, rest = divmod(round(abs(seconds) * scale), 60 * scale)
    sign = "-" if seconds < 0 and (minutes or rest) else ""
    whole, part = divmod(rest, scale)
    hours, left = divmod(minutes, 60)
    front = f"{hours}:{left:02d}" if hours else f"{left}"
    return f"{sign}{front}:{whole:02d}" + (f".{part:0{decimals}d}" if decimals else "")


class ViewHistory:
    """The views before this one, for "back".

    Parameters
    ----------
    limit : int
        How many are remembered.
    """

    def __init__(self, limit: int = 50) -> None:
        self._limit = limit
        self._views: list[TimeView] = []

    def remember(self, view: TimeView) -> None:
        """Remember a view that is about to be left by a jump."""
        if not self._views or self._views[-1] != view:
            self._views.append(view)
            del self._views[: -self._limit]

    def back(self) -> TimeView | None:
        """Return the view left last, and forget it; None if there is none."""
        return self._views.pop() if self._views else None
