"""The one-shot renderer: thousands of events of many clips in a few tensor operations.

An event plays a sound of a bank into a row: at a rate (linear interpolation), with gain,
decay, attack, release and a velocity filter. Events are cut into tiles of equal length, so that
one gather, a few multiplications and one `index_add_` serve them all. Positions are fixed-point
numbers: the result is the same on a CPU and on a GPU (but for the order of additions) and
equal to a plain loop within 1e-6 (tests/synthesis/test_renderer.py).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from drumstudio.synthesis.one_shots import OneShotBank

_TILE = 2048
# Fixed-point positions: 15 bits of fraction; 2055 samples at a rate below 16 stay below 2**31.
_FRACTION_BITS = 15
_ONE = 1 << _FRACTION_BITS
# The velocity filter looks back 1 + 2 + 4 samples.
_LOOK_BACK = 7
_MAX_RATE = 15.9
# Enough tiles to amortise a call; small enough for a core's own cache.
_TILES_AT_ONCE = {"cpu": 48, "cuda": 8192}


class Events:
    """A list of strokes and notes to render, gathered column by column.

    Columns: row; sound of the bank; onset in samples (may be negative); rate in (0, 15.9];
    gain; length in samples (None: to the end of the sound); decay (decibels a second, 0 for
    none); dullness in [0, 1] (how much the soft stroke's filter takes); attack and release in
    samples.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        row: int,
        sound: int,
        onset: int,
        *,
        rate: float = 1.0,
        gain: float = 1.0,
        length: int | None = None,
        decay: float = 0.0,
        dullness: float = 0.0,
        attack: int = 0,
        release: int = 64,
    ) -> None:
        """Add one event; see the class for the columns."""
        if not 0 < rate <= _MAX_RATE:
            raise ValueError(f"rate must be in (0, {_MAX_RATE}], got {rate}")
        whole = -1 if length is None else length
        self._rows.append(
            (row, sound, onset, rate, gain, whole, decay, dullness, attack, max(1, release))
        )

    def columns(self) -> NDArray[np.float64]:
        """Return the table, float64, shape (events, 10)."""
        return np.array(self._rows, dtype=np.float64).reshape(-1, 10)


class EventRenderer:
    """Renders events of one bank.

    Parameters
    ----------
    bank : OneShotBank
        Its array is moved to the device once.
    device : torch.device or str
        Where to render.
    """

    def __init__(self, bank: OneShotBank, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._sounds = torch.from_numpy(bank.samples).to(self.device)
        self._starts = bank.starts
        self._lengths = bank.lengths
        self._steps = torch.arange(_TILE + _LOOK_BACK, dtype=torch.int32, device=self.device)

    def render(self, events: Events, rows: int, samples: int) -> torch.Tensor:
        """Return the sum of the events.

        Parameters
        ----------
        events : Events
            What to play; parts outside the rows' time are cut.
        rows, samples : int
            Shape of the result.

        Returns
        -------
        Tensor, float32, shape (rows, samples)
            On the renderer's device; rows without events are exactly 0.
        """
        # A margin on both sides takes the tiles that stick out.
        stride = samples + 2 * _TILE
        out = torch.zeros(rows * stride, device=self.device)
        for dull in (False, True):
            tiles = self._tiles(events.columns(), stride, samples, dull=dull)
            at_once = _TILES_AT_ONCE.get(self.device.type, 1024)
            for first in range(0, len(tiles["gain"]), at_once):
                part = {
                    name: torch.from_numpy(column[first : first + at_once]).to(self.device)
                    for name, column in tiles.items()
                }
                self._add_tiles(out, part, dull=dull)
        return out.view(rows, stride)[:, _TILE : _TILE + samples]

    def _tiles(
        self, table: NDArray[np.float64], stride: int, samples: int, *, dull: bool
    ) -> dict[str, NDArray]:
        """Cut events into tiles; every column has one entry a tile."""
        table = table[(table[:, 7] > 0) == dull]
        row, sound, onset = (table[:, k].astype(np.int64) for k in range(3))
        rate = np.maximum(1, np.round(table[:, 3] * _ONE)).astype(np.int64)
        available = ((self._lengths[sound] << _FRACTION_BITS) // rate) if len(table) else rate
        wanted = table[:, 5].astype(np.int64)
        length = np.where(wanted < 0, available, np.minimum(wanted, available))
        number = -(-length // _TILE)
        event = np.repeat(np.arange(len(table)), number)
        first = np.arange(len(event)) - np.repeat(np.cumsum(number) - number, number)
        first *= _TILE
        place = onset[event] + first
        seen = (place > -_TILE) & (place < samples)
        event, first, place = event[seen], first[seen], place[seen]
        back = _LOOK_BACK if dull else 0
        position = (first - back) * rate[event]
        return {
            "source": (self._starts[sound[event]] + (position >> _FRACTION_BITS)).astype(np.int32),
            "fraction": (position & (_ONE - 1)).astype(np.int32),
            "rate": rate[event].astype(np.int32),
            "target": (row[event] * stride + _TILE + place).astype(np.int64),
            "gain": (
                table[event, 4] / 32_767 * 10 ** (-table[event, 6] * (first / 44_100) / 20)
            ).astype(np.float32),
            "slope": (-table[event, 6] * np.log(10) / 20 / 44_100).astype(np.float32),
            "left": (length[event] - first).astype(np.float32),
            "release": table[event, 9].astype(np.float32),
            "since": first.astype(np.float32),
            "attack": np.maximum(table[event, 8], 1).astype(np.float32),
            "dullness": (0.5 * table[event, 7]).astype(np.float32),
        }

    def _add_tiles(self, out: torch.Tensor, tile: dict[str, torch.Tensor], *, dull: bool) -> None:
        """Render some tiles and add them to `out` (rows * stride,) in place."""
        column = {name: values[:, None] for name, values in tile.items()}
        width = _TILE + (_LOOK_BACK if dull else 0)
        position = self._steps[:width] * column["rate"] + column["fraction"]
        index = (position >> _FRACTION_BITS) + column["source"]
        share = (position & (_ONE - 1)).float().mul_(1 / _ONE)
        flat = index.view(-1)
        here = self._sounds.index_select(0, flat).float().view(index.shape)
        after = self._sounds.index_select(0, flat + 1).float().view(index.shape)
        wave = torch.lerp(here, after, share)
        if dull:
            # Three two-tap averages, 1, 2 and 4 samples apart: (1 - c) x[n] + c x[n - k].
            for apart in (1, 2, 4):
                wave = torch.lerp(wave[:, apart:], wave[:, :-apart], column["dullness"])
        time = self._steps[:_TILE].float()
        envelope = torch.clamp_((column["left"] - time) / column["release"], 0, 1)
        if bool((tile["attack"] > 1).any()):
            envelope *= torch.clamp_((column["since"] + time + 1) / column["attack"], 0, 1)
        if bool((tile["slope"] != 0).any()):
            envelope *= torch.exp(column["slope"] * time)
        wave = wave.mul_(envelope).mul_(column["gain"])
        target = column["target"] + self._steps[:_TILE]
        out.index_add_(0, target.view(-1), wave.view(-1))
