"""What the instruments beside the drums play: harmony, and notes in time (numpy only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumstudio.synthesis.grooves import Grid, Groove

# Semitones of the scales over the root: major, minor, dorian, mixolydian, phrygian, pentatonics.
_SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 5, 7, 9, 10),
    (0, 1, 3, 5, 7, 8, 10),
    (0, 3, 5, 7, 10),
    (0, 2, 4, 7, 9),
)


@dataclass(frozen=True, slots=True)
class PlayedNote:
    """A note: start and length in seconds, MIDI pitch, velocity in (0, 1]."""

    seconds: float
    length_seconds: float
    pitch: float
    velocity: float


@dataclass(frozen=True, slots=True)
class Harmony:
    """A key and the chord of every bar, repeated.

    Parameters
    ----------
    tonic : int
        Pitch class of the key, 0-11.
    scale : tuple of int
        Semitones above the tonic.
    degrees : tuple of int
        Scale step of each bar's root.
    """

    tonic: int
    scale: tuple[int, ...]
    degrees: tuple[int, ...]

    def pitch(self, step: int) -> int:
        """Return semitones above C of a scale step, which may lie beyond one octave."""
        octave, within = divmod(step, len(self.scale))
        return self.tonic + 12 * octave + self.scale[within]

    def chord(self, bar: int, size: int = 3) -> list[int]:
        """Return semitones above C of a bar's chord: every second scale step over its root."""
        root = self.degrees[bar % len(self.degrees)]
        return [self.pitch(root + 2 * k) for k in range(size)]


def draw_harmony(rng: np.random.Generator) -> Harmony:
    """Draw a key, a scale and one to four chords."""
    scale = _SCALES[int(rng.integers(len(_SCALES)))]
    number = int(rng.choice([1, 2, 4, 4]))
    degrees = (0, *(int(d) for d in rng.integers(0, len(scale), number - 1)))
    return Harmony(int(rng.integers(12)), scale, degrees)


def place_pitch(pitch: float, low: float, high: float) -> float:
    """Return a pitch moved by octaves into [low, high), or as near as octaves allow."""
    while pitch < low:
        pitch += 12
    while pitch >= high:
        pitch -= 12
    return pitch


def _bars(grid: Grid, seconds: float) -> range:
    return range(-(-grid.steps_in(seconds) // grid.steps_per_bar))


def draw_rhythm(
    rng: np.random.Generator, groove: Groove, seconds: float, density: float
) -> list[tuple[float, float, int]]:
    """Draw when a part plays: (seconds, length in seconds, bar) of each of its events.

    A bar's rhythm is drawn once and repeated with small changes; or the part follows the kicks,
    the snares or all drums exactly, or avoids the kicks.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    groove : Groove
        Grid and strokes of the drums.
    seconds : float
        Length of the clip.
    density : float
        Chance of a step to be played, in (0, 1].
    """
    grid = groove.grid
    follow = rng.random()
    bar_seconds = grid.steps_per_bar * grid.step_seconds
    times: list[tuple[float, int]] = []
    if follow < 0.3 and groove.hits:
        leaders = ("kick",) if follow < 0.15 else ("snare", "clap", "rim")
        if follow > 0.23:
            leaders = ("kick", "snare", "hat_closed", "ride", "clap")
        for hit in groove.hits:
            if hit.instrument in leaders and (not times or hit.seconds > times[-1][0] + 0.05):
                times.append((hit.seconds, int((hit.seconds - grid.start_seconds) // bar_seconds)))
    if not times:
        every = int(rng.choice([1, 1, 2, 2, 4]))
        steps = np.arange(0, grid.steps_per_bar, every)
        played = rng.random(len(steps)) < min(1.0, density * every)
        if rng.random() < 0.2:
            # Off the beat only, where the kicks are not.
            played &= steps % grid.steps_per_beat != 0
        if np.count_nonzero(played) < 2:
            played[rng.integers(0, len(steps), 2)] = True
        loose = rng.uniform(0, 0.008)
        for bar in _bars(grid, seconds):
            for step in steps[played]:
                if rng.random() > 0.06:
                    when = grid.seconds(bar * grid.steps_per_bar + int(step))
                    times.append((when + loose * rng.standard_normal(), bar))
    times.sort()
    ends = [when for when, _ in times[1:]] + [seconds + 1.0]
    legato = rng.uniform(0.25, 1.0)
    longest = grid.step_seconds * float(rng.choice([1, 2, 4, 16, 16, 64]))
    return [
        (when, max(0.04, min(longest, (end - when) * legato)), bar)
        for (when, bar), end in zip(times, ends, strict=True)
        if -1.0 < when < seconds
    ]


def _velocity(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.5, 1))


def held_chords(
    rng: np.random.Generator, groove: Groove, harmony: Harmony, seconds: float, octave: int
) -> list[PlayedNote]:
    """Return a chord held through each bar, as a pad or an organ plays."""
    grid = groove.grid
    size = int(rng.integers(2, 5))
    bar_seconds = grid.steps_per_bar * grid.step_seconds
    notes = []
    for bar in _bars(grid, seconds):
        start = grid.seconds(bar * grid.steps_per_bar)
        for pitch in harmony.chord(bar, size):
            placed = place_pitch(pitch, 12 * octave, 12 * octave + 14)
            notes.append(PlayedNote(start, bar_seconds * 1.02, placed, 0.8))
    return notes


def struck_chords(
    rng: np.random.Generator,
    groove: Groove,
    harmony: Harmony,
    seconds: float,
    octave: int,
    *,
    power: bool = False,
) -> list[PlayedNote]:
    """Return chords in rhythm: stabs, comping, strums; `power` is root, fifth and octave."""
    size = int(rng.integers(2, 5))
    strum = float(rng.choice([0, 0, rng.uniform(0.004, 0.03)]))
    notes = []
    for when, length, bar in draw_rhythm(rng, groove, seconds, rng.uniform(0.1, 0.7)):
        chord = harmony.chord(bar, size)
        if power:
            chord = [chord[0], chord[0] + 7, chord[0] + 12][: max(2, size)]
        root = place_pitch(chord[0], 12 * octave, 12 * octave + 12)
        velocity = _velocity(rng)
        for number, pitch in enumerate(chord):
            placed = root + pitch - chord[0] if power else place_pitch(pitch, root, root + 14)
            notes.append(PlayedNote(when + number * strum, length, placed, velocity))
    return notes


def arpeggio(
    rng: np.random.Generator, groove: Groove, harmony: Harmony, seconds: float, octave: int
) -> list[PlayedNote]:
    """Return single chord notes, up, down or in a fixed random order, in rhythm."""
    span = int(rng.integers(3, 7))
    order = np.arange(span)
    shape = rng.random()
    if shape < 0.3:
        order = order[::-1]
    elif shape < 0.6:
        order = rng.permutation(span)
    notes = []
    rhythm = draw_rhythm(rng, groove, seconds, rng.uniform(0.3, 1))
    for number, (when, length, bar) in enumerate(rhythm):
        pitch = harmony.chord(bar, span)[order[number % span]]
        base = 12 * octave + harmony.tonic
        notes.append(PlayedNote(when, length, base + pitch - harmony.tonic, _velocity(rng)))
    return notes


def melody(
    rng: np.random.Generator, groove: Groove, harmony: Harmony, seconds: float, octave: int
) -> list[PlayedNote]:
    """Return a line that wanders along the scale, with pauses."""
    step = int(rng.integers(0, 7))
    notes = []
    for when, length, _ in draw_rhythm(rng, groove, seconds, rng.uniform(0.1, 0.5)):
        step = int(np.clip(step + rng.choice([-2, -1, -1, 0, 1, 1, 2, 4, -4]), -3, 12))
        if rng.random() < 0.2:
            continue
        notes.append(PlayedNote(when, length, 12 * octave + harmony.pitch(step), _velocity(rng)))
    return notes


def repeated(
    rng: np.random.Generator, groove: Groove, harmony: Harmony, seconds: float, octave: int
) -> list[PlayedNote]:
    """Return one pitch chopped in rhythm: a vocal chop, a pluck, a pulse."""
    pitch = 12 * octave + harmony.pitch(int(rng.integers(0, 7)))
    return [
        PlayedNote(when, length, pitch, _velocity(rng))
        for when, length, _ in draw_rhythm(rng, groove, seconds, rng.uniform(0.1, 0.9))
    ]


def sporadic(rng: np.random.Generator, groove: Groove, seconds: float) -> list[PlayedNote]:
    """Return a few events at any time, without pitch or grid."""
    number = int(rng.integers(1, max(2, int(seconds * rng.uniform(0.15, 3)) + 1)))
    return [
        PlayedNote(float(when), 6.0, 60.0, _velocity(rng))
        for when in np.sort(rng.uniform(-0.5, seconds, number))
    ]


def bass_notes(
    rng: np.random.Generator, groove: Groove, harmony: Harmony, seconds: float, low_hz: float
) -> list[PlayedNote]:
    """Return a bass line: root notes in rhythm, fifths, octaves, passing notes, or long notes.

    Parameters
    ----------
    low_hz : float
        The line stays within about an octave above this frequency.
    """
    lowest = 69 + 12 * np.log2(low_hz / 440)
    moving = rng.choice([0.0, 0.15, 0.5])
    notes = []
    if rng.random() < 0.3:
        # A long note a bar: what tells it from a kick is only that it stays.
        grid = groove.grid
        held = grid.steps_per_bar * grid.step_seconds * rng.uniform(0.6, 1)
        rhythm = [
            (grid.seconds(bar * grid.steps_per_bar), held, bar) for bar in _bars(grid, seconds)
        ]
    else:
        rhythm = draw_rhythm(rng, groove, seconds, rng.uniform(0.15, 0.8))
    for when, length, bar in rhythm:
        chord = harmony.chord(bar, 3)
        pitch = float(chord[0])
        if rng.random() < moving:
            pitch = float(rng.choice([chord[2], chord[1], chord[0] + 12, chord[0] - 2]))
        placed = place_pitch(pitch, lowest, lowest + 12)
        if rng.random() < moving * 0.3:
            placed += 12
        notes.append(PlayedNote(when, length, placed, _velocity(rng)))
    return notes


def duck_curve(
    times: NDArray[np.float64], points: int, hop_seconds: float, depth: float, release: float
) -> NDArray[np.float32]:
    """Return side-chain gains: pushed down by `depth` at every time, back after `release` s.

    Parameters
    ----------
    times : ndarray, float64, shape (strokes,)
        When it ducks, seconds.
    points, hop_seconds : int, float
        Length and spacing of the curve.
    depth : float
        0 none, 1 to silence.
    release : float
        Seconds until it is back.
    """
    since = np.full(points, 1e3, np.float32)
    now = np.arange(points) * hop_seconds
    order = np.searchsorted(times, now, side="right")
    struck = order > 0
    since[struck] = now[struck] - times[order[struck] - 1]
    recovered = np.clip(since / release, 0, 1)
    return (1 - depth * (1 - recovered**1.5)).astype(np.float32)
