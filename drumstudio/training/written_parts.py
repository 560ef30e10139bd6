"""Drums and bass that belong together: from scores, and drawn in the ways that songs have them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumstudio.synthesis.grooves import Groove, Hit, groove_from_notes
from drumstudio.synthesis.parts import Harmony, PlayedNote, bass_notes, place_pitch
from drumstudio.training.data import TrainingDataError

_DRUM_CHANNEL = 9
_BASSES = range(32, 40)
"""General MIDI programs, counted from 0."""
_FEWEST_NOTES = 16
_NEAR_SECONDS = 0.06


@dataclass(frozen=True, slots=True)
class Score:
    """What a score has the drums and the bass play.

    Parameters
    ----------
    groove : Groove
    bass : tuple of PlayedNote
        In order of time.
    seconds : float
        Its length.
    """

    groove: Groove
    bass: tuple[PlayedNote, ...]
    seconds: float


def read_score(path: Path) -> Score | None:
    """Return drums and bass of a MIDI file; None if it has not enough of both.

    Raises
    ------
    TrainingDataError
        If it can not be read.
    """
    import mido

    programs: dict[int, int] = {}
    drums: list[tuple[float, int, int]] = []
    bass: list[PlayedNote] = []
    held: dict[tuple[int, int], tuple[float, int]] = {}
    now = 0.0
    try:
        for message in mido.MidiFile(str(path)):
            now += message.time
            if message.type == "program_change":
                programs[message.channel] = message.program
            if message.type not in ("note_on", "note_off"):
                continue
            struck = message.type == "note_on" and message.velocity > 0
            if message.channel == _DRUM_CHANNEL:
                if struck:
                    drums.append((now, message.note, message.velocity))
            elif programs.get(message.channel) in _BASSES:
                key = (message.channel, message.note)
                if key in held:
                    start, velocity = held.pop(key)
                    bass.append(PlayedNote(start, now - start, message.note, velocity / 127))
                if struck:
                    held[key] = (now, message.velocity)
    except (OSError, ValueError, EOFError, KeyError, IndexError) as error:
        raise TrainingDataError(
            f"Cannot read the score {path.name}",
            why=str(error) or type(error).__name__,
            fix="Remove the file from the training folder.",
        ) from error
    if len(drums) < _FEWEST_NOTES or len(bass) < _FEWEST_NOTES:
        return None
    bass.sort(key=lambda note: note.seconds)
    return Score(groove_from_notes(drums), tuple(bass), now)


def window(
    rng: np.random.Generator, score: Score, seconds: float
) -> tuple[Groove, list[PlayedNote]]:
    """Return what a score plays in a drawn window, at a tempo and a pitch near its own.

    Parameters
    ----------
    rng : numpy.random.Generator
    score : Score
    seconds : float
        Length of the window.
    """
    speed = float(np.exp(rng.uniform(-0.12, 0.12)))
    shift = int(rng.integers(-4, 5))
    notes = sorted(note.seconds for note in score.bass)
    begin = float(rng.choice(notes)) - rng.uniform(0, 0.5 * seconds)
    begin = float(np.clip(begin, 0, max(0.0, score.seconds - seconds * speed)))
    hits = tuple(
        Hit((hit.seconds - begin) / speed, hit.instrument, hit.velocity)
        for hit in score.groove.hits
        if 0 <= hit.seconds - begin < seconds * speed
    )
    bass = [
        PlayedNote(
            (note.seconds - begin) / speed,
            note.length_seconds / speed,
            note.pitch + shift,
            note.velocity,
        )
        for note in score.bass
        if 0 <= note.seconds - begin < seconds * speed
    ]
    return Groove(score.groove.grid, hits, score.groove.electronic), bass


def bass_for(
    rng: np.random.Generator, groove: Groove, harmony: Harmony, seconds: float
) -> list[PlayedNote]:
    """Return a bass line that goes with the kicks as basses do.

    On each kick, on the off-beats between them, held under them, or free.

    Parameters
    ----------
    rng : numpy.random.Generator
    groove : Groove
    harmony : Harmony
    seconds : float
        Length of the clip.
    """
    kicks = groove.times_of("kick")
    lowest = 28 + float(rng.uniform(0, 12))
    way = rng.random()
    if way < 0.3 and len(kicks) > 3:
        times = kicks
    elif way < 0.5:
        times = _off_beats(groove, kicks, seconds)
    else:
        # Held notes of a bar are among these, too.
        return bass_notes(rng, groove, harmony, seconds, 440 * 2 ** ((lowest - 69) / 12))
    bar = groove.grid.steps_per_bar * groove.grid.step_seconds
    hold = float(rng.uniform(0.3, 1.0))
    ends = np.append(times[1:], seconds)
    steady = rng.random() < 0.5
    notes = []
    for start, end in zip(times, ends, strict=True):
        chord = harmony.chord(int((start - groove.grid.start_seconds) // bar), 3)
        tone = chord[0] if steady or rng.random() < 0.7 else chord[int(rng.integers(3))]
        length = max(0.06, hold * min(float(end - start), bar))
        velocity = float(rng.uniform(0.6, 1.0))
        notes.append(
            PlayedNote(float(start), length, place_pitch(tone, lowest, lowest + 12), velocity)
        )
    return notes


def _off_beats(groove: Groove, kicks: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    grid = groove.grid
    half = max(1, grid.steps_per_beat // 2)
    steps = range(half, grid.steps_in(seconds), grid.steps_per_beat)
    times = [grid.seconds(step) for step in steps]
    free = [t for t in times if t >= 0 and not np.any(np.abs(kicks - t) < _NEAR_SECONDS)]
    return np.array(free)
