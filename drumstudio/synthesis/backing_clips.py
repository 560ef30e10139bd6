"""Training clips of music without drums: basses, chords, riffs, voices, noises.

    backing = BackingClips(bank, seed=3)
    clips = backing.render(24, 12.0)                            # grids of their own
    clips = backing.render(24, 12.0, bpm_and_grid=drums.grooves)  # on the drums' own grids

Every clip has one to six layers in one key; a bass in six of ten, up to 9 dB above the rest.
Melodic one-shots that the caller put into the bank are sequenced like the synthesised ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from drumstudio.synthesis.bass_lines import BassLine, draw_bass_line
from drumstudio.synthesis.grooves import Groove, draw_groove
from drumstudio.synthesis.melodic_sounds import MELODIC_FAMILIES
from drumstudio.synthesis.one_shots import Note, OneShotBank
from drumstudio.synthesis.oscillators import render_voices
from drumstudio.synthesis.parts import (
    Harmony,
    PlayedNote,
    arpeggio,
    bass_notes,
    draw_harmony,
    duck_curve,
    held_chords,
    melody,
    repeated,
    sporadic,
    struck_chords,
)
from drumstudio.synthesis.renderer import EventRenderer, Events
from drumstudio.synthesis.rooms import (
    CLIPS_AT_ONCE,
    EQ_KNOTS,
    Desk,
    Room,
    along,
    compress,
    impulse_responses,
    mix_down,
    pan_gains,
    saturate,
    set_level,
    widen,
)
from drumstudio.synthesis.tones import SAMPLE_RATE

# Row 0 is the synthesised bass; a layer takes one row, or two if it is doubled left and right.
_ROWS = 10
_DUCK_HOP = 64

_Player = Callable[[np.random.Generator, Groove, Harmony, float, int], list[PlayedNote]]


@dataclass(frozen=True, slots=True)
class _Layer:
    """One kind of part: families it may sound with, how it plays, octave, weight of the draw."""

    families: tuple[str, ...]
    players: tuple[_Player, ...]
    octaves: tuple[int, int]
    weight: float
    distorted: bool = False
    doubled: float = 0.0


def _power_chords(
    rng: np.random.Generator, groove: Groove, harmony: Harmony, seconds: float, octave: int
) -> list[PlayedNote]:
    return struck_chords(rng, groove, harmony, seconds, octave, power=True)


def _noises(
    rng: np.random.Generator, groove: Groove, harmony: Harmony, seconds: float, octave: int
) -> list[PlayedNote]:
    return sporadic(rng, groove, seconds)


_LAYERS: tuple[_Layer, ...] = (
    _Layer(("pad", "organ", "voice", "flute"), (held_chords,), (4, 5), 1.4, doubled=0.3),
    _Layer(("piano", "bell", "organ", "guitar"), (struck_chords, arpeggio), (4, 6), 1.6),
    _Layer(("pluck", "bell"), (arpeggio, repeated, struck_chords), (4, 6), 2.0, doubled=0.2),
    _Layer(("guitar",), (struck_chords, arpeggio, melody), (3, 5), 1.0, doubled=0.2),
    _Layer(("guitar",), (_power_chords,), (3, 3), 1.2, distorted=True, doubled=0.6),
    _Layer(("guitar", "lead"), (melody,), (4, 6), 0.5, distorted=True),
    _Layer(("brass",), (struck_chords, melody), (4, 5), 0.8),
    _Layer(("lead", "flute", "brass"), (melody,), (4, 6), 1.0),
    _Layer(("voice",), (melody, melody, repeated), (4, 5), 1.8),
    _Layer(("consonant", "breath"), (repeated, _noises), (5, 5), 0.9),
    _Layer(("sweep", "crackle", "applause"), (_noises,), (5, 5), 0.5),
)
_NOISE_FAMILIES = ("consonant", "breath", "sweep", "crackle", "applause")


class BackingClips:
    """Renders batches of drumless clips; every call goes on with new ones.

    Parameters
    ----------
    bank : OneShotBank
        Notes: synthesised, and any melodic families the caller gave.
    seed : int
        The same seed and the same calls give the same clips.
    device : torch.device or str
        Where to render.
    """

    def __init__(self, bank: OneShotBank, seed: int, *, device: torch.device | str = "cpu") -> None:
        self._rng = np.random.default_rng([seed, 20])
        self._renderer = EventRenderer(bank, device)
        self._notes = {family: notes for family, notes in bank.notes.items() if notes}
        self._recorded = [family for family in self._notes if family not in MELODIC_FAMILIES]

    def render(
        self, count: int, seconds: float, *, bpm_and_grid: Sequence[Groove] | None = None
    ) -> torch.Tensor:
        """Return new clips.

        Parameters
        ----------
        count : int
            How many.
        seconds : float
            Length of each; longer clips cost less a second.
        bpm_and_grid : sequence of Groove or None
            What the drums play in each clip (`DrumClips.grooves`), to share tempo, grid and
            accents with; None draws silent drummers.

        Returns
        -------
        Tensor, float32, shape (count, 2, samples)
            At 44.1 kHz; root mean square about -20 dBFS, spread 3 dB; no sample above 0.98.
        """
        samples = round(seconds * SAMPLE_RATE)
        grooves = bpm_and_grid or [draw_groove(self._rng, seconds) for _ in range(count)]
        if len(grooves) != count:
            raise ValueError(f"bpm_and_grid must have {count} grooves, got {len(grooves)}")
        at_once = CLIPS_AT_ONCE.get(self._renderer.device.type, 1)
        parts = [
            self._render_group(grooves[first : first + at_once], samples)
            for first in range(0, count, at_once)
        ]
        return torch.cat(parts) if parts else torch.zeros(0, 2, samples)

    def _render_group(self, grooves: Sequence[Groove], samples: int) -> torch.Tensor:
        """Render some clips together; shape (clips, 2, samples)."""
        rng = self._rng
        count = len(grooves)
        events = Events()
        desk = Desk.flat(count, _ROWS)
        drive = np.zeros((count, _ROWS), np.float32)
        level_db = np.full((count, _ROWS), -300.0, np.float32)
        ducks: list[tuple[int, int, np.ndarray]] = []
        lines: list[tuple[int, BassLine]] = []
        rooms = []
        for clip, groove in enumerate(grooves):
            harmony = draw_harmony(rng)
            self._set_desk(desk, clip)
            row = 1
            has_bass = rng.random() < 0.6
            if has_bass and rng.random() < 0.5:
                line = draw_bass_line(rng, groove, harmony, samples)
                lines.append((clip, line))
                drive[clip, 0] = line.drive
                level_db[clip, 0] = rng.uniform(-3, 9)
            elif has_bass:
                self._play_bass(events, clip * _ROWS, groove, harmony, samples)
                drive[clip, 0] = rng.choice([0, 0, rng.uniform(0.3, 4)])
                level_db[clip, 0] = rng.uniform(-3, 9)
            layers = int(
                rng.choice([0, 1, 1, 2, 2, 3, 3, 4, 5] if has_bass else [1, 2, 2, 3, 3, 4, 5])
            )
            while layers > 0 and row < _ROWS - 1:
                layers -= 1
                row = self._add_layer(
                    events, desk, drive, level_db, clip, row, groove, harmony, samples
                )
            if rng.random() < 0.2:
                # Music that pumps with the kick.
                curve = duck_curve(
                    groove.times_of("kick"),
                    -(-samples // _DUCK_HOP) + 1,
                    _DUCK_HOP / SAMPLE_RATE,
                    rng.uniform(0.2, 0.9),
                    rng.uniform(0.1, 0.4),
                )
                ducks += [(clip, ducked, curve) for ducked in range(1, row)]
            rooms.append(self._draw_room())
        rows = self._renderer.render(events, count * _ROWS, samples).view(count, _ROWS, samples)
        for clip, line in lines:
            voices = render_voices(
                line.tables, line.hertz, line.brightness, line.level, samples, rows.device
            )
            rows[clip, 0] = voices.sum(0)
        self._finish_rows(rows, drive, level_db, ducks)
        answers = impulse_responses(rooms, rng, rows.device)
        return self._master(mix_down(rows, desk, answers))

    # -- the parts --------------------------------------------------------------------------

    def _choose_note(self, family: str) -> Note:
        notes = self._notes[family]
        return notes[int(self._rng.integers(len(notes)))]

    def _play_bass(
        self, events: Events, row: int, groove: Groove, harmony: Harmony, samples: int
    ) -> None:
        """Sequence a plucked or synthesised bass note."""
        rng = self._rng
        families = [
            name for name in ("bass_pluck", "bass_pluck", "bass_synth") if name in self._notes
        ]
        note = self._choose_note(families[int(rng.integers(len(families)))])
        low_hz = float(np.exp(rng.uniform(np.log(30), np.log(62))))
        notes = bass_notes(rng, groove, harmony, samples / SAMPLE_RATE, low_hz)
        self._sequence(events, row, note, note.hertz, notes)

    def _add_layer(
        self,
        events: Events,
        desk: Desk,
        drive: np.ndarray,
        level_db: np.ndarray,
        clip: int,
        row: int,
        groove: Groove,
        harmony: Harmony,
        samples: int,
    ) -> int:
        """Add one layer to a clip; return the next free row."""
        rng = self._rng
        weights = np.array([layer.weight for layer in _LAYERS])
        layer = _LAYERS[int(rng.choice(len(_LAYERS), p=weights / weights.sum()))]
        family = layer.families[int(rng.integers(len(layer.families)))]
        if self._recorded and not layer.distorted and rng.random() < 0.35:
            family = self._recorded[int(rng.integers(len(self._recorded)))]
        note = self._choose_note(family)
        player = layer.players[int(rng.integers(len(layer.players)))]
        octave = int(rng.integers(layer.octaves[0], layer.octaves[1] + 1))
        notes = player(rng, groove, harmony, samples / SAMPLE_RATE, octave)
        hertz = note.hertz
        if family in _NOISE_FAMILIES or hertz == 0:
            # Pitch unknown or of no meaning: the part's middle is where it was recorded.
            centre = float(np.median([played.pitch for played in notes])) if notes else 60.0
            hertz = 440 * 2 ** ((centre + rng.uniform(-4, 4) - 69) / 12)
        rows = [row]
        if rng.random() < layer.doubled and row + 1 < _ROWS:
            rows.append(row + 1)
            width = float(rng.uniform(0.4, 1))
            desk.pan[clip, row], desk.pan[clip, row + 1] = pan_gains(-width), pan_gains(width)
        level = rng.normal(0, 4)
        for number, target in enumerate(rows):
            detune = 2 ** (rng.normal(0, 0.06 if number else 0.0) / 12)
            self._sequence(
                events, clip * _ROWS + target, note, hertz * detune, notes, number * 0.01
            )
            level_db[clip, target] = level
            if layer.distorted:
                drive[clip, target] = np.exp(rng.uniform(0.7, 4))
                desk.low_pass_hz[clip, target] = rng.uniform(3500, 5500)
                desk.high_pass_hz[clip, target] = rng.uniform(60, 130)
            elif rng.random() < 0.15:
                drive[clip, target] = np.exp(rng.uniform(-1, 1.5))
        return row + len(rows)

    def _sequence(
        self,
        events: Events,
        row: int,
        note: Note,
        hertz: float,
        notes: Sequence[PlayedNote],
        loose_seconds: float = 0.0,
    ) -> None:
        """Add notes played with one one-shot whose pitch is `hertz`."""
        rng = self._rng
        release = int(rng.uniform(0.005, 0.12) * SAMPLE_RATE)
        dull = rng.uniform(0, 0.9)
        for played in notes:
            wanted = 440 * 2 ** ((played.pitch - 69) / 12)
            rate = wanted / hertz
            # Octaves away from the recording it would be another instrument.
            while rate > 2.2:
                rate /= 2
            while rate < 0.42:
                rate *= 2
            late = loose_seconds * abs(rng.standard_normal())
            events.add(
                row,
                note.sound,
                round((played.seconds + late) * SAMPLE_RATE),
                rate=rate,
                gain=played.velocity,
                length=int(played.length_seconds * SAMPLE_RATE) + release,
                dullness=dull * (1 - played.velocity),
                attack=60,
                release=release,
            )

    # -- the mix ----------------------------------------------------------------------------

    def _set_desk(self, desk: Desk, clip: int) -> None:
        rng = self._rng
        positions = rng.uniform(-1, 1, _ROWS) * rng.uniform(0, 1)
        positions[0] *= 0.1
        desk.pan[clip] = [pan_gains(float(position)) for position in positions]
        strength = rng.choice([0.0, 1.5, 3.0, 4.5])
        desk.eq_db[clip] = np.clip(strength * rng.standard_normal((_ROWS, EQ_KNOTS)), -9, 9)
        desk.send[clip] = rng.uniform(0, 1, _ROWS)
        desk.send[clip, 0] *= rng.choice([0, 0, 0.5])
        # Mixers clear the bass range of everything else, more often than not.
        corner = rng.choice([0, 80, 150])
        desk.high_pass_hz[clip, 1:] = corner
        desk.low_pass_hz[clip, 1:] = np.where(
            rng.random(_ROWS - 1) < 0.15, rng.uniform(800, 9000, _ROWS - 1), 0
        )

    def _draw_room(self) -> Room:
        rng = self._rng
        wet = rng.choice([0.0, 0.2, 0.5, 1.0]) * rng.uniform(0.2, 1)
        return Room(
            seconds=float(rng.uniform(0.2, 1.5)),
            early=float(wet * rng.uniform(0, 1)),
            tail=float(wet),
            dull_hz=float(rng.uniform(1500, 9000)),
            spread=float(rng.uniform(0.4, 1)),
        )

    def _finish_rows(
        self,
        rows: torch.Tensor,
        drive: np.ndarray,
        level_db: np.ndarray,
        ducks: list[tuple[int, int, np.ndarray]],
    ) -> None:
        """Distort, duck and level the rows, in place."""
        for clip, row in np.argwhere(drive > 0):
            strength = torch.tensor([drive[clip, row]], device=rows.device)
            part = rows[clip, row][None, None]
            rows[clip, row] = saturate(part, strength)[0, 0]
        for clip, row, curve in ducks:
            points = torch.from_numpy(curve[None]).to(rows.device)
            rows[clip, row] *= along(points, rows.shape[-1])[0]
        loudness = rows.square().mean(2).sqrt()
        target = torch.from_numpy(10 ** ((level_db - 20) / 20)).to(rows.device)
        gain = torch.where(loudness > 1e-6, target / loudness.clamp(min=1e-6), 0.0)
        rows *= gain[..., None]

    def _master(self, mixes: torch.Tensor) -> torch.Tensor:
        """Compress, saturate, widen and level the clips."""
        rng = self._rng
        clips = len(mixes)

        def column(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(mixes.device)

        ratio = np.where(rng.random(clips) < 0.4, rng.uniform(1.5, 4, clips), 1.0)
        threshold = column(rng.uniform(-20, -6, clips))
        mixes = compress(mixes, threshold, column(ratio), float(rng.uniform(0.05, 0.3)))
        drive = np.where(rng.random(clips) < 0.3, np.exp(rng.uniform(-1, 0.8, clips)), 0.0)
        mixes = saturate(mixes, column(drive))
        width = np.where(rng.random(clips) < 0.1, 0.0, rng.uniform(0.6, 2.2, clips))
        mixes = widen(mixes, column(width))
        return set_level(mixes, column(rng.normal(-20, 3, clips)))
