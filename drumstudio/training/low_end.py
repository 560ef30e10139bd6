"""Bass lines and long kicks from one family of sounds, which only music tells apart.

Below 200 Hz a gliding electronic bass and a long electronic kick are the same sound: what differs
is that a bass moves through pitches and a kick does not. So both are drawn here from the same
oscillators, envelopes and drives, as negatives and positives of the same hardness.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drumstudio.synthesis.grooves import Grid
from drumstudio.synthesis.parts import PlayedNote, duck_curve
from drumstudio.training.data import SAMPLE_RATE

Mono = NDArray[np.float32]

_TABLE = 2048
_SCALES = (
    (0, 3, 5, 7, 10),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 4, 7, 9),
    (0, 1, 3, 5, 7, 8, 10),
    (0, 7),
)


def bass_line(
    rng: np.random.Generator, grid: Grid, seconds: float, recorded: Mono | None = None
) -> Mono:
    """Return a bass part on a grid, float32 (samples,), peak 0.9.

    Parameters
    ----------
    rng : numpy.random.Generator
    grid : Grid
        Its first downbeat lies at or before 0.
    seconds : float
        Length.
    recorded : ndarray, float32, shape (samples,), optional
        One note of a bass, played at all pitches; a drawn oscillator without it.
    """
    voice = _Voice(rng, kick=False) if recorded is None else _Recorded(rng, recorded)
    root = voice.lowest_hz * 2 ** (rng.uniform(0, 18) / 12)
    scale = _SCALES[int(rng.integers(len(_SCALES)))]
    # One in eight stays on its root, as much electronic music does.
    span = 0 if rng.random() < 0.12 else int(rng.integers(3, 9))
    steps = grid.steps_per_bar
    density = rng.uniform(0.12, 0.75)
    bars = [_bar(rng, steps, density, span) for _ in range(int(rng.choice([1, 2, 2, 4])))]
    roots = rng.integers(-3, 4, 4) * (rng.random() < 0.7)
    hold = float(rng.choice([0.35, 0.6, 0.9, 1.0, 1.0]))
    notes: list[tuple[float, float, float]] = []
    total = -(-grid.steps_in(seconds) // steps)
    for bar in range(total):
        pattern = bars[bar % len(bars)]
        shift = int(roots[bar % 4])
        for index, (step, degree, octave) in enumerate(pattern):
            end = pattern[index + 1][0] if index + 1 < len(pattern) else steps
            place = degree + shift
            tone = scale[place % len(scale)] + 12 * (place // len(scale)) + 12 * octave
            start = grid.seconds(bar * steps + step)
            length = max(0.05, (end - step) * grid.step_seconds * hold)
            notes.append((start, length, root * 2 ** (tone / 12)))
    line = voice.play(rng, notes, int(seconds * SAMPLE_RATE))
    if rng.random() < 0.25:
        line *= _side_chain(rng, grid, line.shape[0])
    return _normalised(line)


def played_bass(
    rng: np.random.Generator,
    notes: list[PlayedNote],
    kicks: NDArray[np.float64],
    seconds: float,
    recorded: Mono | None = None,
) -> Mono:
    """Return the notes of a bass part as sound, float32 (samples,), peak 0.9.

    Parameters
    ----------
    rng : numpy.random.Generator
    notes : list of PlayedNote
    kicks : ndarray, float64, shape (kicks,)
        When kicks are struck, in seconds: a third of the basses are pushed down by them.
    seconds : float
        Length.
    recorded : ndarray, float32, shape (samples,), optional
        As for `bass_line`.
    """
    voice = _Voice(rng, kick=False) if recorded is None else _Recorded(rng, recorded)
    samples = int(seconds * SAMPLE_RATE)
    line = voice.play(
        rng,
        [(note.seconds, note.length_seconds, _hertz(note.pitch)) for note in notes],
        samples,
    )
    if len(kicks) and rng.random() < 0.33:
        line *= duck_curve(
            kicks, samples, 1 / SAMPLE_RATE, rng.uniform(0.4, 1), rng.uniform(0.1, 0.5)
        )
    return _normalised(line)


def _hertz(pitch: float) -> float:
    return 440 * 2 ** ((pitch - 69) / 12)


def kick_line(rng: np.random.Generator, times: NDArray[np.float64], seconds: float) -> Mono:
    """Return long kicks at given times, float32 (samples,), peak 0.9; all of one pitch.

    Parameters
    ----------
    rng : numpy.random.Generator
    times : ndarray, float64, shape (hits,)
        Onsets in seconds.
    seconds : float
        Length of the result.
    """
    voice = _Voice(rng, kick=True)
    hertz = float(np.exp(rng.uniform(np.log(36), np.log(72))))
    longest = float(rng.uniform(0.12, 0.75))
    gaps = np.diff(np.append(times, times[-1] + 2.0)) if len(times) else times
    notes = [
        (float(time), min(longest, 0.97 * float(gap)), hertz)
        for time, gap in zip(times, gaps, strict=True)
        if gap > 0.06
    ]
    return _normalised(voice.play(rng, notes, int(seconds * SAMPLE_RATE)))


class _Voice:
    """One sound: harmonics, fall of pitch at the onset, envelope, glide, wobble, drive."""

    def __init__(self, rng: np.random.Generator, *, kick: bool) -> None:
        numbers = np.arange(1, 33)
        kind = (
            "sine"
            if kick and rng.random() < 0.8
            else str(rng.choice(["sine", "sine", "saw", "square", "pluck", "random"]))
        )
        slope = rng.uniform(0.6, 1.6)
        amplitudes = {
            "sine": (numbers == 1) + rng.uniform(0, 0.3) * (numbers == 2),
            "saw": numbers**-slope,
            "square": (numbers % 2) * numbers**-slope,
            "pluck": np.abs(np.sin(np.pi * numbers * rng.uniform(0.08, 0.4))) * numbers**-slope,
            "random": rng.random(32) * numbers**-slope,
        }[kind]
        bright = 1 / (1 + (numbers / rng.uniform(3, 20)) ** 4)
        dark = 1 / (1 + (numbers / rng.uniform(1.2, 4)) ** 4)
        phases = rng.uniform(0, 2 * np.pi, 32) * (rng.random() < 0.5)
        self.bright = _wave_table(amplitudes * bright, phases)
        self.dark = _wave_table(amplitudes * dark, phases)
        self.closing = float(np.exp(rng.uniform(np.log(0.04), np.log(1.0))))
        falls = kick or rng.random() < 0.5
        self.fall = float(rng.uniform(1, 7)) if falls else 0.0
        slowest = 0.06 if kick else 0.14
        self.fall_seconds = float(np.exp(rng.uniform(np.log(0.006), np.log(slowest))))
        self.decay = float(np.exp(rng.uniform(np.log(0.12), np.log(3.0))))
        self.attack = float(rng.choice([0.001, 0.003, 0.008, 0.02]))
        self.release = float(rng.uniform(0.008, 0.06))
        self.glide = float(rng.uniform(0.02, 0.2)) if not kick and rng.random() < 0.35 else 0.0
        self.wobble = float(rng.uniform(1, 9)) if not kick and rng.random() < 0.12 else 0.0
        self.detune = float(rng.uniform(0.002, 0.02)) if not kick and rng.random() < 0.2 else 0.0
        self.drive = float(np.exp(rng.uniform(0, np.log(8)))) if rng.random() < 0.5 else 0.0
        self.uneven = 0.03 if kick else 0.15
        self.lowest_hz = 27.5

    def play(
        self, rng: np.random.Generator, notes: list[tuple[float, float, float]], samples: int
    ) -> Mono:
        """Return the notes (start and length in seconds, pitch in hertz) as one part."""
        out = np.zeros(samples, np.float32)
        before = 0.0
        for start, length, hertz in notes:
            first = round(start * SAMPLE_RATE)
            count = round((length + self.release) * SAMPLE_RATE)
            wave = self._note(length, count, hertz, before or hertz)
            before = hertz
            wave *= np.float32(np.exp(self.uneven * rng.standard_normal()))
            begin, end = max(0, first), min(samples, first + count)
            if begin < end:
                out[begin:end] += wave[begin - first : end - first]
        if self.drive:
            out = np.tanh(self.drive * out).astype(np.float32)
        return out

    def _note(self, length: float, count: int, hertz: float, before: float) -> Mono:
        time = np.arange(count, dtype=np.float32) / SAMPLE_RATE
        pitch = hertz * (1 + self.fall * np.exp(-time / self.fall_seconds))
        if self.glide:
            pitch *= (before / hertz) ** np.exp(-time / self.glide)
        phase = np.cumsum(pitch, dtype=np.float64) / SAMPLE_RATE
        openness = np.exp(-time / self.closing)
        if self.wobble:
            openness = 0.5 - 0.5 * np.cos(2 * np.pi * self.wobble * time)
        wave = _look_up(self.dark, phase) * (1 - openness) + _look_up(self.bright, phase) * openness
        if self.detune:
            wave = wave + _look_up(self.bright, phase * (1 + self.detune)) * openness
        envelope = np.exp(-time / self.decay) * np.minimum(1, time / self.attack)
        envelope *= np.clip((length + self.release - time) / self.release, 0, 1)
        return (wave * envelope).astype(np.float32)


class _Recorded(_Voice):
    """A recorded bass note, played at other pitches by another rate."""

    def __init__(self, rng: np.random.Generator, recorded: Mono) -> None:
        super().__init__(rng, kick=False)
        self.lowest_hz = 36.0
        self._samples = recorded / np.float32(np.abs(recorded).max(initial=0.0) + 1e-9)
        self._hertz = _pitch(recorded)

    def _note(self, length: float, count: int, hertz: float, before: float) -> Mono:
        rate = float(np.clip(hertz / self._hertz, 0.35, 3.0))
        place = np.arange(count) * rate
        wave = np.interp(place, np.arange(len(self._samples)), self._samples, right=0.0)
        time = np.arange(count, dtype=np.float32) / SAMPLE_RATE
        return (wave * np.clip((length + self.release - time) / self.release, 0, 1)).astype(
            np.float32
        )


def _pitch(samples: Mono) -> float:
    """Return the strongest period's frequency between 30 and 260 Hz, by autocorrelation."""
    stretch = samples[2000 : 2000 + 16384].astype(np.float64)
    spectrum = np.fft.rfft(stretch, 65536)
    correlation = np.fft.irfft(np.square(np.abs(spectrum)))[: SAMPLE_RATE // 30]
    first = SAMPLE_RATE // 260
    return SAMPLE_RATE / (first + int(np.argmax(correlation[first:])))


def _bar(
    rng: np.random.Generator, steps: int, density: float, span: int
) -> list[tuple[int, int, int]]:
    """Draw one bar: (step, degree of the scale, octave) of its notes."""
    strength = np.where(np.arange(steps) % 4 == 0, 1.6, np.where(np.arange(steps) % 2 == 0, 1, 0.6))
    struck = np.flatnonzero(rng.random(steps) < density * strength)
    if rng.random() < 0.7:
        struck = np.union1d(struck, [0])
    degrees = np.where(rng.random(len(struck)) < 0.45, 0, rng.integers(-1, span + 1, len(struck)))
    degrees = degrees * (span > 0)
    octaves = (rng.random(len(struck)) < 0.12) * (span > 0)
    return [(int(s), int(d), int(o)) for s, d, o in zip(struck, degrees, octaves, strict=True)]


def _side_chain(rng: np.random.Generator, grid: Grid, samples: int) -> Mono:
    """Return the gain of a compressor that every beat pushes down, float32 (samples,)."""
    beat = grid.step_seconds * grid.steps_per_beat
    beats = np.arange(grid.start_seconds, samples / SAMPLE_RATE, beat)
    return duck_curve(beats, samples, 1 / SAMPLE_RATE, rng.uniform(0.4, 1), rng.uniform(0.1, 0.5))


def _wave_table(amplitudes: NDArray[np.float64], phases: NDArray[np.float64]) -> Mono:
    turns = 2 * np.pi * np.arange(_TABLE) / _TABLE
    numbers = np.arange(1, len(amplitudes) + 1)
    waves = np.sin(np.outer(numbers, turns) + phases[:, None])
    return (amplitudes @ waves).astype(np.float32) / np.float32(np.abs(amplitudes).sum() + 1e-9)


def _look_up(table: Mono, phase: NDArray[np.float64]) -> Mono:
    return table[(phase * _TABLE).astype(np.int64) & (_TABLE - 1)]


def _normalised(samples: Mono) -> Mono:
    peak = float(np.abs(samples).max(initial=0.0))
    return samples * np.float32(0.9 / peak) if peak > 1e-6 else samples
