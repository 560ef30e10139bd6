"""The demo song's drummer: a kit of our own recipes, the groove, the overheads and the bus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drumstudio.synthesis import demo_band
from drumstudio.synthesis.drum_sounds import synthesise
from drumstudio.synthesis.grooves import Grid
from drumstudio.synthesis.tones import SAMPLE_RATE, Wave, equalise

# instrument: family, which drum, level, pan in [-1, 1], share sent to the room.
_KIT: dict[str, tuple[str, int, float, float, float]] = {
    "kick": ("kick", 5, 1.0, 0.0, 0.2),
    "snare": ("snare", 9, 0.62, -0.05, 0.7),
    "rim": ("rim", 6, 0.5, -0.05, 0.8),
    "hat": ("hat_closed", 14, 0.22, 0.35, 0.3),
    "open": ("hat_open", 14, 0.18, 0.35, 0.3),
    "pedal": ("hat_pedal", 14, 0.12, 0.35, 0.3),
    "ride": ("ride", 1, 0.13, -0.4, 0.3),
    "crash": ("crash", 1, 0.34, 0.3, 0.5),
    "high": ("tom", 3, 0.62, 0.3, 0.6),
    "middle": ("tom", 5, 0.68, 0.0, 0.6),
    "low": ("tom", 18, 0.8, -0.35, 0.6),
    "shaker": ("shaker", 14, 0.2, 0.5, 0.2),
    "tambourine": ("tambourine", 4, 0.16, -0.5, 0.4),
}
_TAKES = 4

# A bar each: instrument to (step, velocity).
_Bar = dict[str, tuple[tuple[float, float], ...]]
_EIGHTHS = tuple((step, 0.9 if step % 4 == 0 else 0.6) for step in range(0, 16, 2))
_SIXTEENTHS = tuple((step, 0.8 if step % 4 == 2 else 0.5) for step in range(16))

_INTRO_1: _Bar = {"shaker": _SIXTEENTHS, "rim": ((4, 0.6), (12, 0.65))}
_INTRO_2: _Bar = {
    "shaker": _SIXTEENTHS,
    "rim": ((4, 0.65),),
    "hat": tuple((step, 0.3 + 0.04 * step) for step in range(0, 12, 2)),
    "kick": ((0, 0.6), (10, 0.6)),
    "snare": ((12, 0.7), (12.9, 0.35), (13, 0.6)),
    "high": ((14, 0.75),),
    "low": ((15, 0.85),),
}
_VERSE_1: _Bar = {
    "kick": ((0, 1.0), (7, 0.7), (10, 0.9)),
    "snare": ((4, 0.95), (12, 1.0), (6, 0.16), (9, 0.22), (15, 0.2)),
    "hat": (*_EIGHTHS, (5, 0.3), (11, 0.35)),
}
_VERSE_2: _Bar = {
    "kick": ((0, 1.0), (3, 0.6), (7, 0.7), (10, 0.9)),
    "snare": ((4, 0.95), (12, 1.0), (7, 0.2), (9, 0.25), (11, 0.15)),
    "hat": (*_EIGHTHS[:7], (3, 0.3), (13, 0.35)),
    "open": ((14, 0.7),),
}
_VERSE_FILL: _Bar = {
    "kick": ((0, 1.0), (7, 0.7), (8, 0.8), (12, 0.8)),
    "snare": ((4, 0.95), (7.85, 0.3), (8, 0.8), (9, 0.55), (6, 0.2)),
    "hat": _EIGHTHS[:4],
    "high": ((10, 0.75), (11, 0.65)),
    "middle": ((12, 0.85), (13, 0.7)),
    "low": ((14, 0.95), (15, 0.85)),
}
_LIFT_1: _Bar = {
    "crash": ((0, 0.9),),
    "kick": ((0, 1.0), (3, 0.75), (6, 0.6), (10, 0.95)),
    "snare": ((4, 1.0), (12, 1.0), (7, 0.22), (9, 0.25), (14, 0.2)),
    "ride": _EIGHTHS[1:],
    "tambourine": ((4, 0.8), (12, 0.85), (8, 0.4)),
    "pedal": ((4, 0.7), (12, 0.7)),
}
_LIFT_2: _Bar = {
    **{name: hits for name, hits in _LIFT_1.items() if name != "crash"},
    "kick": ((0, 1.0), (3, 0.75), (8, 0.6), (10, 0.95), (11, 0.6)),
    "ride": _EIGHTHS,
}
_LIFT_FILL: _Bar = {
    "kick": ((0, 1.0), (3, 0.75), (10, 0.9)),
    "ride": _EIGHTHS[:4],
    "tambourine": ((4, 0.8),),
    "snare": (
        (4, 1.0),
        *((8 + 0.5 * step, 0.35 + 0.07 * step) for step in range(8)),
        (15, 0.95),
    ),
    "high": ((12, 0.85), (12.5, 0.65)),
    "middle": ((13, 0.85), (13.5, 0.7)),
    "low": ((14, 0.95), (14.5, 0.8)),
}
_ENDING: _Bar = {
    "crash": ((0, 0.8),),
    "kick": ((0, 0.95), (7, 0.5), (10, 0.7)),
    "rim": ((4, 0.7), (12, 0.75)),
    "hat": _EIGHTHS[1:],
    "snare": ((14, 0.3), (15, 0.45)),
}
_LAST: _Bar = {"crash": ((0, 0.95),), "kick": ((0, 1.0),), "low": ((0, 0.5),)}

BARS: tuple[_Bar, ...] = (
    _INTRO_1,
    _INTRO_2,
    {**_VERSE_1, "crash": ((0, 0.7),)},
    _VERSE_2,
    _VERSE_1,
    _VERSE_FILL,
    _LIFT_1,
    _LIFT_2,
    {**_LIFT_1, "crash": ((0, 0.6),)},
    _LIFT_FILL,
    _ENDING,
    _LAST,
)


def play(grid: Grid, count: int) -> NDArray[np.float64]:
    """Return the drums of the whole song.

    Parameters
    ----------
    grid : Grid
        Tempo and swing; the first bar begins at 0.
    count : int
        Samples.

    Returns
    -------
    ndarray, float64, shape (2, count)
    """
    rng = np.random.default_rng(96)
    kit = {name: _strokes(family, which) for name, (family, which, *_) in _KIT.items()}
    close = np.zeros((2, count))
    send = np.zeros(count)
    for bar, strokes in enumerate(BARS):
        for name, hits in strokes.items():
            _, _, level, pan, sent = _KIT[name]
            angle = (pan + 1) * np.pi / 4
            sides = np.array([[np.cos(angle)], [np.sin(angle)]])
            for step, velocity in hits:
                hard, soft = kit[name][int(rng.integers(_TAKES))]
                wave = velocity * hard + (1 - velocity) * soft
                gain = level * velocity**1.4 * (1 + 0.05 * rng.standard_normal())
                late = 0.003 * rng.standard_normal() + (0.006 if name == "snare" else 0.0)
                seconds = max(0.0, grid.seconds(bar * grid.steps_per_bar + step) + late)
                first = int(seconds * SAMPLE_RATE)
                length = min(len(wave), count - first)
                if name == "open":
                    length = min(length, int(2.1 * grid.step_seconds * SAMPLE_RATE))
                    wave[length - 900 : length] *= np.linspace(1, 0, 900)
                close[:, first : first + length] += sides * (gain * wave[:length])
                send[first : first + length] += sent * gain * wave[:length]
    overheads = demo_band.room(send, 0.45, 23, 7000)
    whole = close + 0.35 * overheads
    # The bus: tanh rounds the highest peaks and glues the kit together.
    drive = 2.0 / np.max(np.abs(whole))
    return np.tanh(whole * drive) / drive


def _strokes(family: str, which: int) -> list[tuple[Wave, Wave]]:
    """Return takes of one drum, struck hard and soft: a soft stroke is duller, not only softer."""
    hard = [take.astype(np.float64) for take in synthesise(family, which, takes=_TAKES)]
    return [(take, equalise(take, [600, 2500, 9000], [0, -6, -14])) for take in hard]
