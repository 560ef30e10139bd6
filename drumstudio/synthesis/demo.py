"""The demo song: thirty seconds rendered from nothing, with its true stems (numpy only).

"Twelve Bars for a Workshop": D minor, 96 beats a minute, intro, verse, lift and ending, for
drums, bass, electric piano with pad, and a synthesiser lead. Every sound is computed by this
package and no recording is used. The piece and its rendering are dedicated to the public domain
under CC0 1.0. The same machine renders the same bits every time; another machine may round its
sines differently in the last bit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumstudio import atomic
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import Checkpoint
from drumstudio.synthesis import demo_band, demo_drums
from drumstudio.synthesis.grooves import Grid
from drumstudio.synthesis.tones import SAMPLE_RATE

SECONDS = 30
GRID = Grid(bpm=96, swing=0.12)

Stereo = NDArray[np.float32]

# A bar each: the bass's root and the piano's voicing, as MIDI pitches.
_DM9 = (38, (53, 57, 60, 64))
_BB = (34, (53, 57, 58, 62))
_F = (41, (52, 55, 57, 60))
_C = (36, (52, 55, 57, 62))
_GM9 = (43, (53, 57, 58, 62))
_C_SUS = (36, (53, 58, 60, 62))
_A7 = (33, (55, 58, 61, 65))
_CHORDS = (_DM9, _BB, _DM9, _BB, _F, _C, _GM9, _C_SUS, _F, _A7, _BB, _DM9)

# (step, length in steps, velocity) of the piano, for intro, verse and lift.
_COMP_INTRO = ((0, 10, 0.62), (10, 6, 0.45))
_COMP_VERSE = ((0, 5, 0.66), (6, 2, 0.42), (10, 5, 0.55))
_COMP_LIFT = ((0, 2, 0.7), (3, 3, 0.6), (6, 3, 0.55), (10, 2, 0.62), (12, 4, 0.5))

# (step, length in steps, semitones over the root, velocity) of the bass.
_BASS_INTRO = ((0, 14, 0, 0.7),)
_BASS_VERSE = (
    (0, 4, 0, 0.95),
    (6, 1.5, 0, 0.6),
    (8, 1, 12, 0.55),
    (10, 3, 0, 0.85),
    (14, 2, 7, 0.7),
)
_BASS_LIFT = (
    (0, 2.5, 0, 1.0),
    (3, 2, 0, 0.75),
    (6, 2, 7, 0.8),
    (8, 1.5, 12, 0.75),
    (10, 2, 0, 0.9),
    (12, 2, 12, 0.7),
    (14, 2, 10, 0.7),
)

# (bar, step, length in steps, pitch, velocity) of the lead.
_LEAD = (
    (3, 8, 2, 69, 0.5),
    (3, 10, 2, 72, 0.55),
    (3, 12, 4, 74, 0.6),
    (5, 6, 2, 76, 0.55),
    (5, 8, 2, 74, 0.5),
    (5, 10, 3, 72, 0.5),
    (6, 0, 3, 74, 0.85),
    (6, 3, 3, 70, 0.75),
    (6, 6, 4, 74, 0.85),
    (6, 10, 2, 77, 0.85),
    (6, 12, 4, 76, 0.8),
    (7, 0, 6, 74, 0.85),
    (7, 6, 2, 72, 0.7),
    (7, 8, 4, 70, 0.75),
    (7, 12, 4, 67, 0.7),
    (8, 0, 3, 69, 0.8),
    (8, 3, 3, 72, 0.8),
    (8, 6, 6, 76, 0.9),
    (8, 12, 2, 74, 0.75),
    (8, 14, 2, 72, 0.7),
    (9, 0, 4, 73, 0.85),
    (9, 4, 2, 76, 0.8),
    (9, 6, 2, 79, 0.9),
    (9, 8, 4, 77, 0.9),
    (9, 12, 4, 76, 0.8),
    (10, 0, 6, 74, 0.75),
    (10, 6, 2, 72, 0.6),
    (10, 8, 6, 70, 0.6),
    (11, 0, 10, 69, 0.55),
)


def _at(bar: int, step: float) -> float:
    """Return when a step of a bar sounds, in seconds."""
    return GRID.seconds(bar * GRID.steps_per_bar + step)


def _length(steps: float) -> float:
    return steps * GRID.step_seconds


def _put(track: NDArray[np.float64], wave: NDArray[np.float64], seconds: float) -> None:
    """Add a sound, shape (..., samples), to a track in place; what is too long is cut."""
    first = int(seconds * SAMPLE_RATE)
    count = min(wave.shape[-1], track.shape[-1] - first)
    track[..., first : first + count] += wave[..., :count]


def _play_bass(count: int) -> NDArray[np.float64]:
    track = np.zeros(count)
    for bar, (root, _) in enumerate(_CHORDS):
        figure = _BASS_INTRO if bar < 2 else _BASS_VERSE if bar < 6 else _BASS_LIFT
        if bar >= 10:
            figure = _BASS_INTRO
        for step, steps, above, velocity in figure:
            # The line stays above the lowest note of a five-string bass.
            pitch = root + above - (12 if root + above > 48 else 0)
            note = demo_band.bass_note(pitch, _length(steps) * 0.95, velocity)
            _put(track, note, _at(bar, step) + 0.004)
    return np.stack([track, track])


def _play_chords(count: int) -> NDArray[np.float64]:
    piano = np.zeros(count)
    pad = np.zeros((2, count))
    held: dict[int, NDArray[np.float64]] = {}
    for bar, (_, voicing) in enumerate(_CHORDS):
        figure = _COMP_INTRO if bar < 2 else _COMP_VERSE if bar < 6 else _COMP_LIFT
        if bar >= 10:
            figure = ((0, 15, 0.6),)
        for step, steps, velocity in figure:
            for number, pitch in enumerate(voicing):
                note = demo_band.electric_piano_note(pitch, _length(steps), velocity)
                _put(piano, note, _at(bar, step) + 0.006 * number)
        swell = 0.5 if bar < 6 else 0.9
        for pitch in voicing[:3]:
            if pitch not in held:
                held[pitch] = demo_band.pad_note(pitch, _length(15.5))
            _put(pad, swell * held[pitch], _at(bar, 0))
    # The piano's own tremolo, from side to side.
    time = np.arange(count) / SAMPLE_RATE
    sway = 0.22 * np.sin(2 * np.pi * 3.2 * time)
    stereo = np.stack([piano * (1 + sway), piano * (1 - sway)])
    hall = demo_band.room(piano + 0.6 * pad.mean(0), 1.4, 21, 3500)
    return 0.30 * stereo + 0.055 * pad + 0.05 * hall


def _play_lead(count: int) -> NDArray[np.float64]:
    notes = [
        (_at(bar, step), _length(steps) * 0.96, float(pitch), velocity)
        for bar, step, steps, pitch, velocity in _LEAD
    ]
    line = demo_band.lead_line(notes, count)
    hall = demo_band.room(line, 1.2, 22, 4000)
    echoes = demo_band.ping_pong(line, _length(3), 0.34)
    return 0.7 * np.stack([line, line]) + 0.75 * echoes + 0.1 * hall


def render_demo() -> dict[str, Stereo]:
    """Return the demo song's stems.

    Returns
    -------
    dict of str to ndarray, float32, shape (2, 1323000)
        `drums`, `bass`, `chords` and `lead`, 30 s at 44.1 kHz. Their sum, which is the song,
        peaks at -1 dBFS; the drums are about 3 dB below the other three together.
    """
    count = SECONDS * SAMPLE_RATE
    tracks = {
        "drums": demo_drums.play(GRID, count),
        "bass": _play_bass(count),
        "chords": _play_chords(count),
        "lead": _play_lead(count),
    }
    # Levels of the mix, in decibels of root mean square against the drums.
    wanted = {"drums": 0.0, "bass": 0.2, "chords": -2.2, "lead": -5.0}
    mixed = {}
    for name, track in tracks.items():
        loudness = np.sqrt(np.mean(track**2))
        mixed[name] = track * (10 ** (wanted[name] / 20) / loudness)
    ending = np.ones(count)
    tail = 2 * SAMPLE_RATE
    ending[-tail:] = 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, tail))
    peak = float(np.max(np.abs(sum(mixed.values()) * ending)))
    gain = 10 ** (-1 / 20) / peak
    return {name: (track * (gain * ending)).astype(np.float32) for name, track in mixed.items()}


def render_demo_files(checkpoint: Checkpoint, *, folder: str) -> dict[str, object]:
    """Render the demo song into a folder (the worker's job).

    Parameters
    ----------
    checkpoint : Checkpoint
        Where to report and to be stopped.
    folder : str
        An existing folder; gets `drums.wav`, `rest.wav` and `mix.wav`, float32, in this order.

    Returns
    -------
    dict
        `sample_rate`, `samples`, `seconds`, and the `files` by stem.

    Raises
    ------
    DrumStudioError
        If a file can not be written.
    """
    checkpoint(0.0, "Rendering the demo song")
    stems = render_demo()
    drums = stems["drums"]
    rest = stems["bass"] + stems["chords"] + stems["lead"]
    files = {}
    parts = {"drums": drums, "rest": rest, "mix": drums + rest}
    for number, (name, samples) in enumerate(parts.items()):
        checkpoint(0.7 + 0.1 * number, "Writing the demo song")
        path = Path(folder) / f"{name}.wav"
        with (
            atomic.writing(path) as temporary,
            WavWriter(temporary, SAMPLE_RATE, 2) as writer,
        ):
            writer.write(samples)
        files[name] = str(path)
    checkpoint(1.0, "The demo song is ready")
    return {
        "sample_rate": SAMPLE_RATE,
        "samples": SECONDS * SAMPLE_RATE,
        "seconds": float(SECONDS),
        "files": files,
    }
