"""The look as one table: every colour and measure of the window, dark and light. No Qt here."""

from __future__ import annotations

from types import MappingProxyType

# Name: (dark, light). Chosen so that text and muted stand at 4.5 : 1 or better on every ground.
_TABLE = {
    "ground": ("#14161A", "#F4F5F7"),
    "panel": ("#1B1E24", "#FFFFFF"),
    "raised": ("#242831", "#EEF0F3"),
    "hover": ("#2E333E", "#E3E6EB"),
    "line": ("#2F343E", "#D5D9E0"),
    "text": ("#E7EAF0", "#1A1D23"),
    "muted": ("#98A0AE", "#5D6673"),
    "accent": ("#FF7A45", "#D9541E"),
    "primary": ("#FF7A45", "#C2461A"),
    "primary_hover": ("#FF8F62", "#A93A12"),
    "on_primary": ("#14161A", "#FFFFFF"),
    "original": ("#AEB6C4", "#6B7482"),
    "drums": ("#FF9F6B", "#D96A2B"),
    "rest": ("#5BB8FF", "#1F7FCC"),
    "kick": ("#FF6B6B", "#C93A3A"),
    "snare": ("#FFD166", "#A87A00"),
    "toms": ("#C792EA", "#8A4FBF"),
    "hat": ("#7BDFF2", "#1B8FA6"),
    "cymbal": ("#B8F2A6", "#4E9A3A"),
    "good": ("#5AD19A", "#1B7F4C"),
    "warning": ("#FFC857", "#8A5F00"),
    "error": ("#FF5D5D", "#C02B2B"),
}

DARK = MappingProxyType({name: pair[0] for name, pair in _TABLE.items()})
LIGHT = MappingProxyType({name: pair[1] for name, pair in _TABLE.items()})

TEXT_PX = 13
SMALL_PX = 11
GRID_PX = 4
ROW_PX = 28
RADIUS_PX = 6
ICON_PX = 16
HEADER_WIDTH_PX = 204
LANE_MIN_PX = 40
LANE_MAX_PX = 240  # the lanes fill the centre until something else stands below them
FIRST_WINDOW = (1440, 900)  # where the screen has room for it
SMALLEST_WINDOW = (940, 440)  # 1920 x 1080 at 200 % is 960 x 540, less the desktop's own


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours ("#RRGGBB"), in [1, 21].

    Notes
    -----
    Relative luminance and ratio after WCAG 2.2.
    """
    bright, dim = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
