"""Training clips of drums: a groove, a kit, a room and a bus for every clip.

    bank = OneShotBank({"kick": [...], "snare": [...]}, kits=[...], seed=1)
    drums = DrumClips(bank, seed=2)
    clips = drums.render(24, 12.0)         # Tensor, float32, (24, 2, 529200), 44.1 kHz
    drums.grooves                          # the grooves just played: grid and strokes

Torch is used here and in `renderer`, `rooms`, `oscillators` and `backing_clips` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from drumstudio.synthesis.grooves import INSTRUMENTS, Grid, Groove, Hit, draw_groove, excerpt
from drumstudio.synthesis.one_shots import Drum, OneShotBank
from drumstudio.synthesis.renderer import EventRenderer, Events
from drumstudio.synthesis.rooms import (
    CLIPS_AT_ONCE,
    EQ_KNOTS,
    Desk,
    Room,
    compress,
    impulse_responses,
    mix_down,
    pan_gains,
    saturate,
    set_level,
    widen,
)
from drumstudio.synthesis.tones import SAMPLE_RATE

# Rows of a clip: seven close groups, then the stereo pairs of recorded overheads and rooms.
_KICK, _SNARE, _HATS, _TOMS, _CYMBALS, _HANDS, _SMALL, _LEFT, _RIGHT = range(9)
_ROWS = 9


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an instrument's sounds come from and how it usually sits in a mix."""

    families: tuple[str, ...]
    row: int
    level_db: float
    spread_db: float
    rate: float = 1.0


_PLACES: dict[str, _Place] = {
    "kick": _Place(("kick",), _KICK, 0, 3),
    "snare": _Place(("snare",), _SNARE, -2, 3),
    "rim": _Place(("rim", "snare"), _SNARE, -6, 4),
    "clap": _Place(("clap", "snare"), _SNARE, -5, 4),
    "brush": _Place(("brush", "snare"), _SNARE, -7, 4),
    "hat_closed": _Place(("hat_closed",), _HATS, -13, 5),
    "hat_open": _Place(("hat_open",), _HATS, -13, 5),
    "hat_pedal": _Place(("hat_pedal", "hat_closed"), _HATS, -16, 5),
    "ride": _Place(("ride",), _CYMBALS, -13, 5),
    "crash": _Place(("crash",), _CYMBALS, -8, 5),
    "tom_high": _Place(("tom",), _TOMS, -3, 4, 1.35),
    "tom_mid": _Place(("tom",), _TOMS, -3, 4, 1.0),
    "tom_low": _Place(("tom",), _TOMS, -2, 4, 0.75),
    "hand_high": _Place(("hand_drum", "cowbell"), _HANDS, -6, 5, 1.2),
    "hand_low": _Place(("hand_drum",), _HANDS, -5, 5, 0.8),
    "shaker": _Place(("shaker",), _SMALL, -16, 5),
    "cowbell": _Place(("cowbell",), _SMALL, -11, 5),
    "tambourine": _Place(("tambourine",), _SMALL, -13, 5),
    "triangle": _Place(("triangle",), _SMALL, -16, 5),
}


@dataclass(slots=True)
class _Voice:
    """An instrument of one clip's kit: which drum, at what pitch, decay, gain and dullness."""

    drum: Drum
    row: int
    rate: float
    decay: float
    gain: float
    dullness: float
    ladder: bool
    close: float
    overhead: float
    room: float


class DrumClips:
    """Renders batches of drums-only clips; every call goes on with new ones.

    Parameters
    ----------
    bank : OneShotBank
        Sounds and kits.
    seed : int
        The same seed and the same calls give the same clips.
    device : torch.device or str
        Where to render.
    midi_grooves : sequence of Groove
        Played grooves (see `grooves.groove_from_notes`); a fifth of the clips take one.
    """

    def __init__(
        self,
        bank: OneShotBank,
        seed: int,
        *,
        device: torch.device | str = "cpu",
        midi_grooves: Sequence[Groove] = (),
    ) -> None:
        self._bank = bank
        self._rng = np.random.default_rng([seed, 10])
        self._renderer = EventRenderer(bank, device)
        self._midi_grooves = [groove for groove in midi_grooves if groove.hits]
        self.grooves: list[Groove] = []

    def render(
        self,
        count: int,
        seconds: float,
        *,
        grids: Sequence[Grid] | None = None,
        grooves: Sequence[Groove] | None = None,
    ) -> torch.Tensor:
        """Return new clips.

        Parameters
        ----------
        count : int
            How many.
        seconds : float
            Length of each; longer clips cost less a second.
        grids : sequence of Grid or None
            The pulses to play on, one a clip; None draws them. What was played is in `grooves`.
        grooves : sequence of Groove or None
            What to play, one a clip; None draws it.

        Returns
        -------
        Tensor, float32, shape (count, 2, samples)
            At 44.1 kHz; root mean square about -20 dBFS, spread 3 dB; no sample above 0.98.
        """
        samples = round(seconds * SAMPLE_RATE)
        self.grooves = list(grooves or ()) or [
            self._draw_groove(seconds, None if grids is None else grids[clip])
            for clip in range(count)
        ]
        at_once = CLIPS_AT_ONCE.get(self._renderer.device.type, 1)
        parts = [
            self._render_group(self.grooves[first : first + at_once], samples)
            for first in range(0, count, at_once)
        ]
        return torch.cat(parts) if parts else torch.zeros(0, 2, samples)

    def _render_group(self, grooves: Sequence[Groove], samples: int) -> torch.Tensor:
        """Render some clips together; shape (clips, 2, samples)."""
        count = len(grooves)
        events = Events()
        desk = Desk.flat(count, _ROWS)
        rooms = []
        for clip, groove in enumerate(grooves):
            electronic = self._rng.random() < groove.electronic
            self._play(events, clip * _ROWS, groove, self._draw_kit(groove, electronic))
            rooms.append(self._set_desk(desk, clip, electronic))
        rows = self._renderer.render(events, count * _ROWS, samples).view(count, _ROWS, samples)
        self._drive_rows(rows)
        answers = impulse_responses(rooms, self._rng, rows.device)
        return self._master(mix_down(rows, desk, answers))

    def _draw_groove(self, seconds: float, grid: Grid | None) -> Groove:
        if grid is None and self._midi_grooves and self._rng.random() < 0.2:
            chosen = self._midi_grooves[int(self._rng.integers(len(self._midi_grooves)))]
            return excerpt(self._rng, chosen, seconds)
        return draw_groove(self._rng, seconds, grid)

    # -- the kit ----------------------------------------------------------------------------

    def _draw_kit(self, groove: Groove, electronic: bool) -> dict[str, _Voice]:
        """Choose a drum and its treatment for every instrument of the groove."""
        rng = self._rng
        kits = self._bank.recorded_kits
        kit = kits[int(rng.integers(len(kits)))] if kits and rng.random() < 0.6 else None
        kit = None if electronic else kit
        # One pitch for the whole kit, and a little for each drum.
        kit_rate = 2 ** (rng.uniform(-5, 5) / 12) if rng.random() < 0.5 else 1.0
        short = rng.random() < 0.35
        long_kick = rng.random() < (0.5 if electronic else 0.08)
        recorded = rng.random() < 0.6
        tom_drum: Drum | None = None
        mix = (rng.choice([1.0, -1.0]), rng.uniform(0.3, 1.2), rng.uniform(0, 0.9))
        voices: dict[str, _Voice] = {}
        used = {hit.instrument for hit in groove.hits}
        for name in INSTRUMENTS:
            if name not in used:
                continue
            place = _PLACES[name]
            family = "long_kick" if name == "kick" and long_kick else place.families[0]
            drum = self._from_kit(kit, place.families)
            balanced = drum is not None
            if drum is None and name.startswith("tom") and tom_drum and rng.random() < 0.7:
                drum = tom_drum
            if drum is None:
                drum = self._from_family(family, recorded and rng.random() < 0.8)
            if name.startswith("tom"):
                tom_drum = drum
            level_db = (
                rng.normal(0, 2.5) if balanced else rng.normal(place.level_db, place.spread_db)
            )
            rate = kit_rate * 2 ** (rng.normal(0, 0.7) / 12)
            voices[name] = _Voice(
                drum=drum,
                row=place.row,
                rate=float(rate * (1.0 if balanced else place.rate)),
                decay=float(rng.uniform(20, 120)) if short and rng.random() < 0.7 else 0.0,
                gain=float(10 ** (level_db / 20)),
                dullness=float(rng.uniform(0.2, 0.9)),
                ladder=balanced and len(drum) > 1,
                close=float(mix[0] * rng.uniform(0.5, 1.2)),
                overhead=float(mix[1] * rng.uniform(0.7, 1.3)),
                room=float(mix[2] * rng.uniform(0.7, 1.3)),
            )
        return voices

    def _from_kit(
        self, kit: dict[str, list[Drum]] | None, families: tuple[str, ...]
    ) -> Drum | None:
        for family in families if kit else ():
            if kit and kit.get(family):
                return kit[family][int(self._rng.integers(len(kit[family])))]
        return None

    def _from_family(self, family: str, recorded: bool) -> Drum:
        """Draw a drum of a family, recorded if wanted and there, else synthesised."""
        pools = [self._bank.drums.get(family, []), self._bank.synthesised.get(family, [])]
        pool = next((p for p in (pools if recorded else pools[::-1]) if p), None)
        if pool is None:
            raise ValueError(f"the bank holds no drum of the family {family!r}")
        return pool[int(self._rng.integers(len(pool)))]

    # -- the strokes ------------------------------------------------------------------------

    def _play(
        self, events: Events, first_row: int, groove: Groove, voices: dict[str, _Voice]
    ) -> None:
        """Add the groove's strokes to the events."""
        rng = self._rng
        curve = rng.uniform(0.8, 2)
        closings = _closings(groove.hits)
        choke_kick = rng.random() < 0.5
        pan_toms = rng.uniform(0, 0.7)
        kicks = groove.times_of("kick")
        for number, hit in enumerate(groove.hits):
            voice = voices[hit.instrument]
            stroke_number = self._stroke_number(voice, hit.velocity)
            stroke = voice.drum[stroke_number]
            # A recorded ladder holds its own dynamics; half of the velocity is in it already.
            power = curve * (0.3 if voice.ladder else 1.0)
            gain = voice.gain * stroke.gain * hit.velocity**power
            length = None
            release = 64
            if hit.instrument == "hat_open":
                length = int((closings[number] - hit.seconds) * SAMPLE_RATE)
                release = 900
            elif hit.instrument == "kick" and choke_kick:
                later = kicks[kicks > hit.seconds + 0.01]
                if len(later):
                    length = int((later[0] - hit.seconds) * SAMPLE_RATE)
                    release = 300
            options = {
                "rate": min(8.0, voice.rate * (1 + 0.002 * rng.standard_normal())),
                "length": None if length is None else max(200, length),
                "decay": voice.decay,
                "dullness": voice.dullness * (1 - hit.velocity) ** 1.5,
                "release": release,
            }
            onset = round(hit.seconds * SAMPLE_RATE)
            for sounds, level in (
                (stroke.close, voice.close if stroke.overhead or stroke.room else 1.0),
                (stroke.overhead, voice.overhead),
                (stroke.room, voice.room),
            ):
                close = sounds is stroke.close
                if not sounds or abs(level * gain) < 1e-5:
                    continue
                if len(sounds) == 2:
                    for row, sound in zip((_LEFT, _RIGHT), sounds, strict=True):
                        events.add(first_row + row, sound, onset, gain=level * gain, **options)
                elif close and not hit.instrument.startswith("tom"):
                    row = first_row + voice.row
                    events.add(row, sounds[0], onset, gain=level * gain, **options)
                else:
                    side = {"tom_high": -pan_toms, "tom_low": pan_toms}.get(hit.instrument, 0.0)
                    for row, pan in zip((_LEFT, _RIGHT), pan_gains(side), strict=True):
                        gains = {"gain": level * gain * pan}
                        events.add(first_row + row, sounds[0], onset, **gains, **options)

    def _stroke_number(self, voice: _Voice, velocity: float) -> int:
        number = len(voice.drum)
        if voice.ladder:
            wanted = velocity * number - 0.5 + self._rng.normal(0, 0.6)
            return int(np.clip(round(wanted), 0, number - 1))
        return int(self._rng.integers(number))

    # -- the mix ----------------------------------------------------------------------------

    def _set_desk(self, desk: Desk, clip: int, electronic: bool) -> Room:
        """Draw equalisers, panning and sends of one clip; return its room."""
        rng = self._rng
        width = rng.uniform(0, 0.8)
        positions = rng.uniform(-1, 1, _ROWS) * width
        positions[_KICK] *= 0.15
        positions[_SNARE] *= 0.3
        desk.pan[clip] = [pan_gains(float(position)) for position in positions]
        desk.pan[clip, _LEFT] = (1, 0)
        desk.pan[clip, _RIGHT] = (0, 1)
        strength = rng.choice([0.0, 1.5, 3.0, 4.5])
        desk.eq_db[clip] = np.clip(
            strength * rng.standard_normal((_ROWS, EQ_KNOTS))
            + strength * 0.6 * rng.standard_normal(EQ_KNOTS),
            -9,
            9,
        )
        desk.high_pass_hz[clip, _HATS] = rng.choice([0, 200, 500])
        desk.high_pass_hz[clip, _CYMBALS] = rng.choice([0, 150, 400])
        desk.high_pass_hz[clip, _KICK] = rng.choice([0, 20, 30])
        # Everything is sent to the room; the kick is often kept drier.
        sends = rng.uniform(0.4, 1.2, _ROWS)
        sends[_KICK] *= rng.uniform(0.1, 1)
        desk.send[clip] = sends
        if electronic:
            desk.send[clip, _KICK] *= rng.choice([0, 0, 0.3])
            wet = rng.choice([0.0, 0.1, 0.3]) * rng.uniform(0.3, 1.5)
            return Room(
                rng.uniform(0.1, 0.9), early=wet, tail=wet, dull_hz=rng.uniform(2500, 11_000)
            )
        overhead = 10 ** (rng.uniform(-6, 3) / 20) if rng.random() < 0.75 else 0.0
        return Room(
            seconds=rng.uniform(0.1, 0.9),
            overhead_seconds=rng.uniform(0.002, 0.02),
            overhead=overhead * 0.7,
            early=rng.uniform(0, 0.6),
            tail=10 ** (rng.uniform(-22, 0) / 20),
            dull_hz=rng.uniform(1500, 11_000),
            spread=rng.uniform(0.3, 1),
        )

    def _drive_rows(self, rows: torch.Tensor) -> None:
        """Saturate some kicks, snares and toms in place."""
        for row in (_KICK, _SNARE, _TOMS):
            chosen = np.flatnonzero(self._rng.random(len(rows)) < 0.25)
            if len(chosen) == 0:
                continue
            drive = torch.from_numpy(
                np.exp(self._rng.uniform(-0.7, 2, len(chosen))).astype(np.float32)
            )
            part = rows[chosen, row][:, None]
            rows[chosen, row] = saturate(part, drive.to(rows.device))[:, 0]

    def _master(self, mixes: torch.Tensor) -> torch.Tensor:
        """Compress, saturate, widen and level the clips."""
        rng = self._rng
        clips = len(mixes)

        def column(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(mixes.device)

        ratio = np.where(rng.random(clips) < 0.6, rng.uniform(1.5, 6, clips), 1.0)
        threshold = column(rng.uniform(-24, -6, clips))
        release = float(rng.uniform(0.03, 0.25))
        raised_db = float(rng.choice([0, 0, 0, rng.uniform(3, 12)]))
        mixes = compress(mixes, threshold, column(ratio), release, parallel_db=raised_db)
        drive = np.where(rng.random(clips) < 0.4, np.exp(rng.uniform(-1, 1.4, clips)), 0.0)
        mixes = saturate(mixes, column(drive))
        width = np.where(rng.random(clips) < 0.1, 0.0, rng.uniform(0.5, 2.0, clips))
        mixes = widen(mixes, column(width))
        return set_level(mixes, column(rng.normal(-20, 3, clips)))


def _closings(hits: Sequence[Hit]) -> list[float]:
    """Return for every hit when the next closed or pedalled hi-hat comes, in seconds."""
    closings = [float("inf")] * len(hits)
    following = 1e6
    for number in range(len(hits) - 1, -1, -1):
        closings[number] = following
        if hits[number].instrument in ("hat_closed", "hat_pedal", "hat_open"):
            following = hits[number].seconds
    return closings
