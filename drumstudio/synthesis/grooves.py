"""Who strikes what, when and how hard: grids, drawn patterns, fills, feel, MIDI notes.

`draw_groove` makes a groove of any length on a `Grid`: a pattern is drawn once (from a style's
chances, or from a Markov chain), repeated with small changes, filled at the ends of phrases and
humanised. The grid travels with it, so that a bass or a pluck can share it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drumstudio.synthesis.groove_styles import STYLES, Style

INSTRUMENTS = (
    "kick",
    "snare",
    "rim",
    "clap",
    "brush",
    "hat_closed",
    "hat_open",
    "hat_pedal",
    "ride",
    "crash",
    "tom_high",
    "tom_mid",
    "tom_low",
    "hand_high",
    "hand_low",
    "shaker",
    "cowbell",
    "tambourine",
    "triangle",
)

# General MIDI level 1 percussion key map.
GENERAL_MIDI = {
    **dict.fromkeys((35, 36), "kick"),
    **dict.fromkeys((38, 40), "snare"),
    **dict.fromkeys((31, 37, 75), "rim"),
    39: "clap",
    **dict.fromkeys((22, 42), "hat_closed"),
    **dict.fromkeys((26, 46), "hat_open"),
    44: "hat_pedal",
    **dict.fromkeys((51, 53, 59), "ride"),
    **dict.fromkeys((49, 52, 55, 57), "crash"),
    **dict.fromkeys((48, 50), "tom_high"),
    **dict.fromkeys((45, 47), "tom_mid"),
    **dict.fromkeys((41, 43, 58), "tom_low"),
    **dict.fromkeys((60, 62, 63, 65), "hand_high"),
    **dict.fromkeys((61, 64, 66), "hand_low"),
    **dict.fromkeys((69, 70, 82), "shaker"),
    **dict.fromkeys((56, 67, 68, 76, 77), "cowbell"),
    54: "tambourine",
    **dict.fromkeys((80, 81), "triangle"),
}

# Beats a bar and their weights; a tenth of the grooves are in an odd metre.
_METRES = ((4, 0.9), (3, 0.05), (5, 0.025), (7, 0.025))


@dataclass(frozen=True, slots=True)
class Grid:
    """A steady pulse that every part of a clip may share.

    Parameters
    ----------
    bpm : float
        Beats a minute, positive.
    beats_per_bar : int
        Beats from one downbeat to the next.
    steps_per_beat : int
        3 or 4.
    swing : float
        Delay of every second step (of 4 a beat), as a share of a step, in [0, 0.5].
    start_seconds : float
        Time of a downbeat; may be negative, so that a clip can begin anywhere in a bar.
    """

    bpm: float
    beats_per_bar: int = 4
    steps_per_beat: int = 4
    swing: float = 0.0
    start_seconds: float = 0.0

    @property
    def steps_per_bar(self) -> int:
        """Steps from one downbeat to the next."""
        return self.beats_per_bar * self.steps_per_beat

    @property
    def step_seconds(self) -> float:
        """Length of a step without swing, in seconds."""
        return 60 / self.bpm / self.steps_per_beat

    def seconds(self, step: float) -> float:
        """Return when a step sounds, in seconds; fractions lie between the steps."""
        late = self.swing if self.steps_per_beat == 4 and int(step // 1) % 2 else 0.0
        return self.start_seconds + (step + late) * self.step_seconds

    def steps_in(self, seconds: float) -> int:
        """Return how many steps begin before `seconds`, counted from the first downbeat."""
        return max(0, int(np.ceil((seconds - self.start_seconds) / self.step_seconds)))


@dataclass(frozen=True, slots=True)
class Hit:
    """One stroke: when (seconds), what (a name of `INSTRUMENTS`), how hard in (0, 1]."""

    seconds: float
    instrument: str
    velocity: float


@dataclass(frozen=True, slots=True)
class Groove:
    """The strokes of one clip, in order of time, and the grid they were drawn on."""

    grid: Grid
    hits: tuple[Hit, ...]
    electronic: float = 0.4

    def times_of(self, instrument: str) -> NDArray[np.float64]:
        """Return when an instrument is struck, in seconds; shape (hits,)."""
        return np.array([hit.seconds for hit in self.hits if hit.instrument == instrument])


def draw_grid(rng: np.random.Generator, style: Style | None = None) -> Grid:
    """Draw tempo, metre, swing and where in the bar the clip begins.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    style : Style or None
        Gives the ranges; None draws from all tempos, 60-200 beats a minute.
    """
    low, high = style.bpm if style else (60.0, 200.0)
    # Four of five within the style's own tempos, the fifth anywhere.
    bpm = rng.uniform(low, high) if rng.random() < 0.8 else rng.uniform(60, 200)
    metres, weights = zip(*_METRES, strict=True)
    grid = Grid(
        bpm=float(bpm),
        beats_per_bar=int(rng.choice(metres, p=weights)),
        steps_per_beat=style.steps_per_beat if style else 4,
        swing=float(rng.uniform(*style.swing)) if style else 0.0,
    )
    bar_seconds = grid.steps_per_bar * grid.step_seconds
    return replace(grid, start_seconds=float(-rng.random() * bar_seconds))


def _accents(grid: Grid) -> NDArray[np.float64]:
    """Return how strong each step of a bar is, in (0, 1]."""
    step = np.arange(grid.steps_per_bar)
    within = step % grid.steps_per_beat
    strength = np.where(within == 0, 0.9, np.where(within == 2, 0.75, 0.62))
    strength[0] = 1.0
    return strength


def _style_pattern(
    rng: np.random.Generator, style: Style, grid: Grid
) -> dict[str, NDArray[np.float64]]:
    """Draw one bar from a style: instrument to velocities a step, 0 for none."""
    pattern = {}
    strength = _accents(grid)
    for instrument, chances in style.chances.items():
        # Longer or shorter bars go on with, or stop within, the style's own.
        chance = np.array([0 if c == "." else int(c) for c in chances]) / 9
        chance = np.resize(chance, grid.steps_per_bar)
        # Chance of an instrument being there at all, unless it is the style's backbone.
        if np.max(chance) < 0.6 and rng.random() < 0.4:
            continue
        struck = rng.random(grid.steps_per_bar) < chance
        pattern[instrument] = np.where(struck, strength, 0.0)
    if style.ghost and "snare" in pattern and rng.random() < 0.7:
        empty = (pattern["snare"] == 0) & (rng.random(grid.steps_per_bar) < style.ghost)
        pattern["snare"] = pattern["snare"] + empty * rng.uniform(0.12, 0.35)
    return pattern


def _markov_pattern(rng: np.random.Generator, grid: Grid) -> dict[str, NDArray[np.float64]]:
    """Draw one bar from a random Markov chain over kick, snare, ghost, tom and nothing."""
    states = ("kick", "snare", "ghost", "tom_low", "tom_high", None)
    favour = np.array([1.2, 0.7, 0.4, 0.25, 0.2, 2.5])
    chain = rng.dirichlet(favour, len(states))
    strength = _accents(grid)
    pattern = {name: np.zeros(grid.steps_per_bar) for name in ("kick", "snare")}
    state = 0
    for step in range(grid.steps_per_bar):
        name = states[state]
        if name == "ghost":
            pattern["snare"][step] = rng.uniform(0.12, 0.4)
        elif name is not None:
            pattern.setdefault(name, np.zeros(grid.steps_per_bar))[step] = strength[step]
        state = int(rng.choice(len(states), p=chain[state]))
    metal = str(rng.choice(["hat_closed", "hat_open", "ride", "shaker", "hat_closed"]))
    every = int(rng.choice([1, 2, 2, 4]))
    pattern[metal] = np.where(np.arange(grid.steps_per_bar) % every == 0, strength, 0.0)
    return pattern


def _fill(rng: np.random.Generator, grid: Grid, first_step: int, steps: int) -> list[Hit]:
    """Return a fill over some steps: toms going down, a snare roll, or both with kicks."""
    kind = rng.random()
    path = ["snare", "tom_high", "tom_mid", "tom_low"]
    density = float(rng.choice([0.7, 0.9, 1.0]))
    doubled = rng.random() < 0.25
    hits = []
    for step in range(steps):
        for half in (0.0, 0.5) if doubled else (0.0,):
            if rng.random() > density:
                continue
            share = step / max(1, steps - 1)
            if kind < 0.55:
                name = path[min(3, int(share * 4 + 0.3 * rng.random()))]
            elif kind < 0.8:
                name = "snare"
            else:
                name = str(rng.choice([*path, "kick"]))
            rising = (0.45 + 0.5 * share) * rng.uniform(0.8, 1.1)
            hits.append(Hit(grid.seconds(first_step + step + half), name, min(1.0, rising)))
    return hits


def _roll(rng: np.random.Generator, grid: Grid, step: int, name: str, velocity: float) -> list[Hit]:
    """Return two to six quick strokes in the place of one step."""
    number = int(rng.choice([2, 3, 4, 6]))
    span = float(rng.choice([1, 1, 2]))
    slope = rng.uniform(-0.5, 0.5)
    return [
        Hit(
            grid.seconds(step) + k * span * grid.step_seconds / number,
            name,
            float(np.clip(velocity * (0.75 + slope * (k / number - 0.5)), 0.1, 1)),
        )
        for k in range(number)
    ]


def _strokes(
    rng: np.random.Generator,
    grid: Grid,
    style: Style | None,
    pattern: dict[str, NDArray[np.float64]],
    steps: int,
) -> list[Hit]:
    """Repeat a bar with small changes, rolls, crashes and fills over `steps` steps."""
    hits: list[Hit] = []
    phrase = int(rng.choice([2, 4, 4, 8]))
    fills = rng.random() < 0.75
    first_bar = int(rng.integers(phrase))
    crash = rng.random() < 0.5
    change = rng.uniform(0, 0.12)
    bars = -(-steps // grid.steps_per_bar)
    for bar in range(bars):
        first = bar * grid.steps_per_bar
        fill_steps = 0
        if fills and (bar + first_bar) % phrase == phrase - 1:
            fill_steps = int(rng.choice([2, 4, 4, 8, grid.steps_per_bar]))
        plain = grid.steps_per_bar - fill_steps
        for name, velocities in pattern.items():
            for step in np.flatnonzero(velocities[: max(0, plain)]):
                if rng.random() < change * 0.5:
                    continue
                velocity = float(velocities[step])
                if style and name == "hat_closed" and rng.random() < style.rolls:
                    hits += _roll(rng, grid, first + int(step), name, velocity)
                else:
                    hits.append(Hit(grid.seconds(first + int(step)), name, velocity))
            if rng.random() < change * 2:
                step = int(rng.integers(grid.steps_per_bar))
                if step < plain and velocities[step] == 0:
                    hits.append(Hit(grid.seconds(first + step), name, rng.uniform(0.3, 0.8)))
        hits += _fill(rng, grid, first + plain, fill_steps) if fill_steps > 0 else []
        if crash and (bar + first_bar) % phrase == 0:
            hits.append(Hit(grid.seconds(first), "crash", rng.uniform(0.7, 1)))
    return hits


def humanise(
    rng: np.random.Generator, hits: Iterable[Hit], *, late_seconds: float, uneven: float
) -> list[Hit]:
    """Return strokes moved and weighted as hands would, with some flams.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    hits : iterable of Hit
        Strokes.
    late_seconds : float
        Standard deviation of their timing, in seconds; each instrument also leans by as much.
    uneven : float
        Standard deviation of the logarithm of their velocity.
    """
    lean = dict(zip(INSTRUMENTS, late_seconds * rng.standard_normal(len(INSTRUMENTS)), strict=True))
    flams = rng.random() < 0.25
    moved = []
    for hit in hits:
        when = hit.seconds + lean[hit.instrument] + late_seconds * rng.standard_normal()
        hard = float(np.clip(hit.velocity * np.exp(uneven * rng.standard_normal()), 0.05, 1))
        moved.append(Hit(when, hit.instrument, hard))
        is_flam = flams and hit.instrument == "snare" and hit.velocity > 0.5
        if is_flam and rng.random() < 0.15:
            moved.append(Hit(when - rng.uniform(0.012, 0.035), hit.instrument, 0.4 * hard))
    return moved


def draw_groove(rng: np.random.Generator, seconds: float, grid: Grid | None = None) -> Groove:
    """Draw a groove that covers `seconds`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    seconds : float
        Length of the clip; strokes lie in [0, seconds).
    grid : Grid or None
        The pulse to play on; None draws one that suits the style.
    """
    names = [
        name
        for name, style in STYLES.items()
        if grid is None or style.steps_per_beat == grid.steps_per_beat
    ]
    style = STYLES[names[int(rng.integers(len(names)))]] if rng.random() < 0.85 else None
    grid = grid or draw_grid(rng, style)
    if style is None or style.steps_per_beat != grid.steps_per_beat:
        pattern = _markov_pattern(rng, grid)
    else:
        pattern = _style_pattern(rng, style, grid)
    hits = _strokes(rng, grid, style, pattern, grid.steps_in(seconds))
    electronic = style.electronic if style else 0.4
    tight = rng.random() < 0.25 + 0.5 * electronic
    hits = humanise(
        rng,
        hits,
        late_seconds=0.0 if tight else rng.uniform(0.002, 0.011),
        uneven=rng.uniform(0, 0.08) if tight else rng.uniform(0.05, 0.25),
    )
    inside = sorted(
        (hit for hit in hits if 0 <= hit.seconds < seconds), key=lambda hit: hit.seconds
    )
    return Groove(grid, tuple(inside), electronic)


def groove_from_notes(
    notes: Iterable[tuple[float, int, int]], *, bpm: float = 120.0, electronic: float = 0.3
) -> Groove:
    """Return the groove of a General MIDI drum track, read elsewhere.

    Parameters
    ----------
    notes : iterable of (float, int, int)
        Seconds, note number and velocity (1-127) of each note-on of the drum channel. Notes
        that are no drum of the General MIDI map are left out.
    bpm : float
        Tempo written in the file, in beats a minute.
    electronic : float
        Chance that it is played on a drum-machine kit.
    """
    hits = [
        Hit(float(seconds), GENERAL_MIDI[note], velocity / 127)
        for seconds, note, velocity in notes
        if note in GENERAL_MIDI and velocity > 0
    ]
    return Groove(Grid(bpm), tuple(sorted(hits, key=lambda hit: hit.seconds)), electronic)


def excerpt(
    rng: np.random.Generator, groove: Groove, seconds: float, *, tempo_range: float = 0.15
) -> Groove:
    """Return a window of a longer groove at a slightly different tempo.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    groove : Groove
        Its strokes are repeated if it is shorter than `seconds`.
    seconds : float
        Length of the window.
    tempo_range : float
        Largest relative change of tempo.
    """
    if not groove.hits:
        return groove
    speed = 1 + rng.uniform(-tempo_range, tempo_range)
    beat = 60 / groove.grid.bpm
    first = groove.hits[0].seconds
    # Whole bars, so that a repeat stays in time.
    bar = beat * groove.grid.beats_per_bar
    span = max(bar, np.ceil((groove.hits[-1].seconds - first + beat / 8) / bar) * bar)
    begin = float(rng.uniform(0, span))
    grid = replace(
        groove.grid,
        bpm=groove.grid.bpm * speed,
        start_seconds=(groove.grid.start_seconds - first - begin) / speed,
    )
    hits = []
    repeats = int(np.ceil((begin + seconds * speed) / span)) + 1
    for repeat in range(repeats):
        for hit in groove.hits:
            when = (hit.seconds - first + repeat * span - begin) / speed
            if 0 <= when < seconds:
                hits.append(replace(hit, seconds=when))
    return Groove(grid, tuple(hits), groove.electronic)
