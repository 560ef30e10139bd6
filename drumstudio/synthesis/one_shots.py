"""All one-shots of a training, back to back in one int16 array, with families and kits.

A *sound* is one mono channel in the array. A *stroke* is one recording of one hit: its close,
overhead and room channels. A *drum* is a tuple of strokes that are the same drum struck again
(round robin, soft to hard); a *kit* maps families to drums with their recorded balance.
Reading files is the caller's: arrays at 44.1 kHz come in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drumstudio.synthesis.drum_sounds import FAMILIES, synthesise
from drumstudio.synthesis.melodic_sounds import MELODIC_FAMILIES, synthesise_note

# Silence around every sound, so that interpolation and the velocity filter (7 samples of up to
# 16 times the rate) read nothing of the neighbours.
GUARD_SAMPLES = 128
# What a tile of the renderer may read past the last sound.
TAIL_SAMPLES = 40_000

# Names that the caller may use for families, and the family each stands for.
ALIASES = {
    "hihat": "hat_closed",
    "hihat_half": "hat_open",
    "hihat_open": "hat_open",
    "hihat_pedal": "hat_pedal",
    "ride_bell": "ride",
    "splash": "crash",
    "china": "crash",
    "cymbal": "crash",
    "conga": "hand_drum",
    "bongo": "hand_drum",
    "cajon": "hand_drum",
    "djembe": "hand_drum",
    "dunun": "hand_drum",
    "frame_drum": "hand_drum",
    "tabla": "hand_drum",
    "timbale": "tom",
    "taiko": "tom",
    "woodblock": "rim",
    "clave": "rim",
    "sticks": "rim",
    "castanets": "rim",
    **dict.fromkeys(("agogo", "bell", "perc", "body", "bobobo", "click", "guiro"), "cowbell"),
    "cuica": "hand_drum",
    "gong": "crash",
    "belltree": "triangle",
}


@dataclass(frozen=True, slots=True)
class Stroke:
    """One recording of one hit.

    Parameters
    ----------
    close, overhead, room : tuple of int
        Sounds of each microphone group: none, one (mono) or two (left, right).
    gain : float
        What brings the stored int16 (scaled to full range) back to its recorded level.
    """

    close: tuple[int, ...] = ()
    overhead: tuple[int, ...] = ()
    room: tuple[int, ...] = ()
    gain: float = 1.0


Drum = tuple[Stroke, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """One melodic one-shot: its sound and its pitch in hertz (0 where unknown)."""

    sound: int
    hertz: float


@dataclass(slots=True)
class OneShotBank:
    """Drums, kits and melodic notes in one array.

    Parameters
    ----------
    recorded : mapping of str to sequence of ndarray, float, shape (samples,) or (2, samples)
        Family (a key of `drum_sounds.FAMILIES`, of `ALIASES`, or any other name, which
        makes it melodic: `bass`, `guitar`, `voice`, ...) to one-shots at 44.1 kHz. Levels are
        normalised.
    kits : sequence of mapping
        Each kit: family to a sequence of drums; a drum is a sequence of strokes, soft to hard;
        a stroke maps `close`, `oh`, `room` (any of them) to an array like those above. The
        balance within a kit is kept.
    drums_per_family : int
        How many synthesised drums to add to each family (three strokes each).
    notes_per_family : int
        How many synthesised notes to add to each melodic family.
    seed : int
        Which synthesised ones; another seed gives others without limit.
    """

    recorded: Mapping[str, Sequence[NDArray[np.floating]]]
    kits: Sequence[Mapping[str, Sequence[Sequence[Mapping[str, NDArray[np.floating]]]]]] = ()
    drums_per_family: int = 40
    notes_per_family: int = 24
    seed: int = 0
    samples: NDArray[np.int16] = field(init=False)
    starts: NDArray[np.int64] = field(init=False)
    lengths: NDArray[np.int64] = field(init=False)
    drums: dict[str, list[Drum]] = field(init=False, default_factory=dict)
    synthesised: dict[str, list[Drum]] = field(init=False, default_factory=dict)
    recorded_kits: list[dict[str, list[Drum]]] = field(init=False, default_factory=list)
    notes: dict[str, list[Note]] = field(init=False, default_factory=dict)
    _parts: list[NDArray[np.int16]] = field(init=False, default_factory=list)
    _places: list[tuple[int, int]] = field(init=False, default_factory=list)
    _next: int = field(init=False, default=GUARD_SAMPLES)

    def __post_init__(self) -> None:
        self._parts.append(np.zeros(GUARD_SAMPLES, np.int16))
        self._add_recorded()
        for kit in self.kits:
            self._add_kit(kit)
        self._add_synthesised()
        self._parts.append(np.zeros(TAIL_SAMPLES, np.int16))
        self.samples = np.concatenate(self._parts)
        places = np.array(self._places, dtype=np.int64).reshape(-1, 2)
        self.starts, self.lengths = places[:, 0].copy(), places[:, 1].copy()
        # The arrays given are copied; holding on to them would double the memory.
        self._parts, self._places, self.recorded, self.kits = [], [], {}, ()

    def _add_sound(self, wave: NDArray[np.floating], scale: float) -> int:
        """Store one mono channel times `scale`; return its number."""
        if wave.ndim != 1:
            raise ValueError(f"a sound must be of shape (samples,), got {wave.shape}")
        quantised = np.round(np.clip(wave * scale, -1, 1) * 32_767).astype(np.int16)
        self._places.append((self._next, len(quantised)))
        self._parts += [quantised, np.zeros(GUARD_SAMPLES, np.int16)]
        self._next += len(quantised) + GUARD_SAMPLES
        return len(self._places) - 1

    def _add_channels(self, wave: NDArray[np.floating], scale: float) -> tuple[int, ...]:
        """Store a mono or stereo array; return its sounds."""
        wave = np.asarray(wave)
        channels = wave[np.newaxis] if wave.ndim == 1 else wave
        if channels.ndim != 2 or channels.shape[0] not in (1, 2):
            raise ValueError(f"a one-shot must be (samples,) or (2, samples), got {wave.shape}")
        return tuple(self._add_sound(channel, scale) for channel in channels)

    def _add_recorded(self) -> None:
        for name, waves in self.recorded.items():
            for wave in waves:
                peak = float(np.max(np.abs(wave), initial=0.0))
                if not 0 < peak < np.inf:
                    continue
                family = family_of(name, wave.shape[-1])
                if family is None:
                    mono = wave if wave.ndim == 1 else np.mean(wave, axis=0)
                    largest = float(np.max(np.abs(mono), initial=0.0)) or 1.0
                    note = Note(self._add_sound(mono, 0.98 / largest), 0.0)
                    self.notes.setdefault(name, []).append(note)
                    continue
                close = self._add_channels(wave, 0.98 / peak)
                self.drums.setdefault(family, []).append((Stroke(close=close),))

    def _add_kit(
        self, kit: Mapping[str, Sequence[Sequence[Mapping[str, NDArray[np.floating]]]]]
    ) -> None:
        families: dict[str, list[Drum]] = {}
        for name, drums in kit.items():
            for strokes in drums:
                stored = [stroke for stroke in map(self._kit_stroke, strokes) if stroke]
                if stored:
                    length = max(wave.shape[-1] for wave in strokes[-1].values())
                    family = family_of(name, length) or "cowbell"
                    families.setdefault(family, []).append(tuple(stored))
        if families:
            self.recorded_kits.append(families)

    def _kit_stroke(self, microphones: Mapping[str, NDArray[np.floating]]) -> Stroke | None:
        peak = max((float(np.max(np.abs(w), initial=0.0)) for w in microphones.values()), default=0)
        if not 0 < peak < np.inf:
            return None
        scale = 0.98 / peak
        groups = {name: self._add_channels(wave, scale) for name, wave in microphones.items()}
        return Stroke(
            close=groups.get("close", ()),
            overhead=groups.get("oh", ()),
            room=groups.get("room", ()),
            gain=1 / scale,
        )

    def _add_synthesised(self) -> None:
        rng = np.random.default_rng([self.seed, 1])
        for family in FAMILIES:
            drums = []
            for _ in range(self.drums_per_family):
                waves = synthesise(family, int(rng.integers(2**31)), takes=3)
                drums.append(tuple(Stroke(close=self._add_channels(w, 1.0)) for w in waves))
            self.synthesised[family] = drums
        for family in MELODIC_FAMILIES:
            for _ in range(self.notes_per_family):
                wave, hertz = synthesise_note(family, int(rng.integers(2**31)))
                note = Note(self._add_sound(wave, 1.0), hertz)
                self.notes.setdefault(family, []).append(note)


def family_of(name: str, length: int) -> str | None:
    """Return the drum family that a name stands for, or None if it is melodic.

    Parameters
    ----------
    name : str
        A family or an alias; the part after a `/` (a microphone) does not count.
    length : int
        Samples of the one-shot: a hi-hat longer than 0.35 s is an open one.
    """
    name = name.split("/")[0]
    family = ALIASES.get(name, name)
    if family == "hat_closed" and length > 0.35 * 44_100:
        return "hat_open"
    return family if family in FAMILIES else None
