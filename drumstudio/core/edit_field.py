"""The edit field: what the strokes of all layers say about every cell.

A layer's field on a tile is a function of the strokes that touch the tile, in their order,
and of nothing else; it is rounded to float16 after every stroke. So a tile is known by that
chain of strokes: painting goes one stroke on, undo goes one back, and whether the tile was
kept or is drawn again from the strokes, its bits are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.raster import Raster, Weights
from drumstudio.core.stft import Spectrum
from drumstudio.core.strokes import TARGETS
from drumstudio.core.tiles import (
    LANDMARK_STEPS,
    TILE_FRAMES,
    Cells,
    Grid,
    TileCache,
    TileIndex,
    uniform,
    uniform_value,
)

Field = NDArray[np.float32]
K = TypeVar("K")
V = TypeVar("V")

_LEAST_SHARE = 0.001  # floor of the drums' share in the formula of the amount


class Chain:
    """A sequence of strokes, by its last one and the sequence before; equal ones are the same.

    Parameters
    ----------
    parent : Chain or None
        What came before; None for the empty chain, which owns all that follow from it.
    raster : Raster or None
        The last stroke.

    Attributes
    ----------
    steps : int
        How many strokes.
    digest : str
        Hash of the strokes' names, the same in every process.
    """

    __slots__ = ("_following", "digest", "parent", "raster", "steps")

    def __init__(self, parent: Chain | None = None, raster: Raster | None = None) -> None:
        self.parent = parent
        self.raster = raster
        self.steps: int = parent.steps + 1 if parent else 0
        name = (parent.digest + raster.name) if parent and raster else ""
        self.digest: str = hashlib.sha256(name.encode()).hexdigest()[:32]
        self._following: dict[str, Chain] = {}

    def then(self, raster: Raster) -> Chain:
        """Return the chain with one more stroke."""
        found = self._following.get(raster.name)
        if found is None:
            found = self._following.setdefault(raster.name, Chain(self, raster))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class LayerStrokes:
    """The strokes of one layer, with who touches what.

    Parameters
    ----------
    root : Chain
        The empty chain.
    channels : int
        Of the song.
    rasters : tuple of Raster
        In the order in which they were painted.
    tiles : mapping of TileIndex to tuple of Chain
        The chain of each channel, for every tile that a stroke touches.
    blocks : mapping of int to Chain
        The chain of every block of samples that a stroke touches.
    """

    root: Chain
    channels: int
    rasters: tuple[Raster, ...] = ()
    tiles: Mapping[TileIndex, tuple[Chain, ...]] = field(default_factory=dict)
    blocks: Mapping[int, Chain] = field(default_factory=dict)

    def following(self, rasters: tuple[Raster, ...]) -> LayerStrokes:
        """Return the layer with other strokes; what both begin with is not looked at again."""
        same = 0
        for old, new in zip(self.rasters, rasters, strict=False):
            if old.name != new.name:
                break
            same += 1
        if same == len(self.rasters) == len(rasters):
            return self
        tiles, blocks = dict(self.tiles), dict(self.blocks)
        for raster, acts in reversed(self._acting(self.rasters[same:])):
            for index in raster.tiles:
                before = tuple(
                    (chain.parent or self.root) if act else chain
                    for chain, act in zip(tiles[index], acts, strict=True)
                )
                _set_or_drop(tiles, index, before, any(chain.steps for chain in before))
            for block in raster.blocks:
                parent = blocks[block].parent or self.root
                _set_or_drop(blocks, block, parent, parent.steps > 0)
        empty = (self.root,) * self.channels
        for raster, acts in self._acting(rasters[same:]):
            for index in raster.tiles:
                tiles[index] = tuple(
                    chain.then(raster) if act else chain
                    for chain, act in zip(tiles.get(index, empty), acts, strict=True)
                )
            for block in raster.blocks:
                blocks[block] = blocks.get(block, self.root).then(raster)
        return LayerStrokes(self.root, self.channels, rasters, tiles, blocks)

    def _acting(self, rasters: tuple[Raster, ...]) -> list[tuple[Raster, list[bool]]]:
        """Return those strokes that act on any channel of the song, and on which."""
        pairs = [
            (raster, [raster.stroke.acts_on(channel) for channel in range(self.channels)])
            for raster in rasters
        ]
        return [(raster, acts) for raster, acts in pairs if any(acts)]

    def chain(self, index: TileIndex, channel: int) -> Chain:
        """Return the strokes that make up a tile of a channel."""
        chains = self.tiles.get(index)
        return self.root if chains is None else chains[channel]

    def block_chain(self, block: int) -> Chain:
        """Return the strokes that decide about a block of samples."""
        return self.blocks.get(block, self.root)


class FieldTiles:
    """Draws tiles of layers from their strokes, and keeps those that it drew.

    Parameters
    ----------
    grid : Grid
        The song's.
    cache : TileCache
        Where tiles are kept.
    """

    def __init__(self, grid: Grid, cache: TileCache) -> None:
        self.grid = grid
        self.root = Chain()
        self._cache = cache

    def layer(self, rasters: Iterable[Raster] = ()) -> LayerStrokes:
        """Return a layer of some strokes."""
        return LayerStrokes(self.root, self.grid.channels).following(tuple(rasters))

    def tile(self, chain: Chain, index: TileIndex) -> Cells:
        """Return a layer's field on a tile, not to be written to.

        Parameters
        ----------
        chain : Chain
            The strokes that touch it.
        index : TileIndex
            Which tile.

        Returns
        -------
        ndarray, float16, shape (frames, bins)
            In [-1, 1].
        """
        waiting: list[Chain] = []
        cells: Cells | None = None
        while chain.parent is not None:
            cells = self._cache.get((chain, index))
            if cells is not None:
                break
            waiting.append(chain)
            chain = chain.parent
        if cells is None:
            cells = uniform(0.0, self.grid.shape(index))
        for step in reversed(waiting):
            if step.raster is None:
                raise ValueError("a chain that follows from another ends with a stroke")
            cells = painted(cells, step.raster.weights(index), step.raster.stroke.target)
            landmark = step.steps % LANDMARK_STEPS == 0
            self._cache.put((step, index), cells, landmark=landmark)
        return cells


def painted(cells: Cells, weights: Weights, target: str) -> Cells:
    """Return a layer's tile after one more stroke: f + s (target - f), rounded to float16.

    Parameters
    ----------
    cells : ndarray, float16, shape (frames, bins)
        The field before, f.
    weights : ndarray, float32, shape (frames, bins)
        The stroke's weight, s, in [0, 1].
    target : str
        One of `core.strokes.TARGETS`.
    """
    goal = np.float32(TARGETS[target])
    value, weight = uniform_value(cells), uniform_value(weights)
    if value is not None and weight is not None:
        shape = (cells.shape[0], cells.shape[1])
        one = np.float32(value)
        return uniform(float(one + np.float32(weight) * (goal - one)), shape)
    before = cells.astype(np.float32)
    return (before + weights * (goal - before)).astype(np.float16)


# --- all layers together ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """A paint layer that is on.

    Parameters
    ----------
    strokes : LayerStrokes
        What was painted.
    opacity : float
        In [0, 1].
    """

    strokes: LayerStrokes
    opacity: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Edited:
    """Drums as one separation and the strokes on it make them, before protection.

    Parameters
    ----------
    drums : str
        Hash of the separation's drums.
    amount : float
        In [-1, 1].
    layers : tuple of Painted
        Lowest first.
    """

    drums: str
    amount: float = 0.0
    layers: tuple[Painted, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Protected:
    """A protect layer that is on.

    Parameters
    ----------
    strokes : LayerStrokes
        Where it keeps.
    kept : Edited
        The drums that stood when it was painted.
    opacity : float
        In [0, 1].
    """

    strokes: LayerStrokes
    kept: Edited
    opacity: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class SongEdit:
    """Everything that changes a song's drums from what the model made of them.

    Parameters
    ----------
    tiles : FieldTiles
        Of the song.
    edited : Edited
        The active separation and the paint layers on it.
    protected : tuple of Protected
        Lowest first; where two overlap the lower one, which is older, has the last word.
    """

    tiles: FieldTiles
    edited: Edited
    protected: tuple[Protected, ...] = ()

    def key(self, block: int) -> str:
        """Return the hash of all that decides about a block's delta; empty if it has none."""
        parts = _key_parts(self.edited, block)
        protections = [
            f"p {layer.opacity!r} {layer.strokes.block_chain(block).digest} "
            + " ".join([layer.kept.drums, *_key_parts(layer.kept, block)])
            for layer in self.protected
            if layer.strokes.block_chain(block).steps
        ]
        if not parts and not protections:
            return ""
        grid = self.tiles.grid
        shape = f"{grid.sample_rate} {grid.channels} {grid.samples} {block}"
        text = "\n".join([shape, self.edited.drums, *parts, *protections])
        return hashlib.sha256(text.encode()).hexdigest()[:40]

    def changed_blocks(self) -> frozenset[int]:
        """Return the blocks of samples that may differ from the model's drums."""
        if self.edited.amount:
            return frozenset(range(self.tiles.grid.blocks))
        layers = [layer.strokes for layer in self.edited.layers]
        layers += [layer.strokes for layer in self.protected]
        return frozenset().union(*(strokes.blocks for strokes in layers))

    def field(self, channel: int, first: int, last: int) -> Field:
        """Return e = clip(sum of opacity * f, -1, 1) of frames first to last - 1.

        Returns
        -------
        ndarray, float32, shape (frames, bins)
        """
        return self._summed(self.edited.layers, channel, first, last)

    def field_tile(
        self, channel: int, index: TileIndex, gesture: tuple[LayerStrokes, Cells] | None = None
    ) -> Field:
        """Return e on a tile, float32 of shape (frames, bins).

        Parameters
        ----------
        channel : int
            Which channel.
        index : TileIndex
            Which tile.
        gesture : tuple of LayerStrokes and Cells, optional
            What a layer's tile is to be instead, while it is being painted on.
        """
        total = np.zeros(self.tiles.grid.shape(index), dtype=np.float32)
        for layer in self.edited.layers:
            total += self._tile(layer.strokes, layer.opacity, channel, index, gesture)
        return np.clip(total, -1.0, 1.0, out=total)

    def protection_tile(
        self, channel: int, index: TileIndex, gesture: tuple[LayerStrokes, Cells] | None = None
    ) -> Field:
        """Return how much of a tile is kept, in [0, 1]; parameters as of `field_tile`."""
        free = np.ones(self.tiles.grid.shape(index), dtype=np.float32)
        for layer in self.protected:
            free *= 1 - self._tile(layer.strokes, layer.opacity, channel, index, gesture)
        return 1 - free

    def seen_tile(
        self, channel: int, index: TileIndex, gesture: tuple[LayerStrokes, Cells] | None = None
    ) -> Field:
        """Return e on a tile, but what was painted before where drums of the model are kept.

        What is kept of another model is not in it. Parameters as of `field_tile`.
        """
        seen = self.field_tile(channel, index, gesture)
        for layer in reversed(self.protected):
            if layer.kept.drums == self.edited.drums:
                keep = self._tile(layer.strokes, layer.opacity, channel, index, gesture)
                if keep.any():
                    stood = replace(self, edited=layer.kept).field_tile(channel, index)
                    seen += keep * (stood - seen)
        return seen

    def _tile(
        self,
        strokes: LayerStrokes,
        opacity: float,
        channel: int,
        index: TileIndex,
        gesture: tuple[LayerStrokes, Cells] | None,
    ) -> Field:
        if gesture is not None and gesture[0] is strokes:
            cells = gesture[1]
        else:
            cells = self.tiles.tile(strokes.chain(index, channel), index)
        return np.float32(opacity) * cells.astype(np.float32)

    def keep_tile(self, number: int, channel: int, index: TileIndex) -> Field:
        """Return how much of a tile one protect layer keeps, in [0, 1]."""
        layer = self.protected[number]
        return self._tile(layer.strokes, layer.opacity, channel, index, None)

    def stood_tile(self, number: int, channel: int, index: TileIndex) -> Field:
        """Return e of what one protect layer keeps."""
        return replace(self, edited=self.protected[number].kept).field_tile(channel, index)

    def touched_tiles(self) -> frozenset[TileIndex]:
        """Return the tiles that a stroke of a layer that is on touches."""
        painted = frozenset().union(*(layer.strokes.tiles for layer in self.edited.layers))
        return painted | self.protected_tiles()

    def protected_tiles(self) -> frozenset[TileIndex]:
        """Return the tiles that a stroke of a protect layer touches."""
        return frozenset().union(*(layer.strokes.tiles for layer in self.protected))

    def tiles_unlike(self, other: SongEdit) -> frozenset[TileIndex]:
        """Return the tiles whose field or protection may differ from another edit's."""
        mine, theirs = self._signatures(), other._signatures()
        return frozenset(
            index for index in mine.keys() | theirs.keys() if mine.get(index) != theirs.get(index)
        )

    def _signatures(self) -> dict[TileIndex, list[object]]:
        """Return what decides about every tile that is touched: chains are equal if the same."""
        found: dict[TileIndex, list[object]] = {}
        for kind, layers in (("paint", self.edited.layers), ("protect", self.protected)):
            for layer in layers:
                for index, chains in layer.strokes.tiles.items():
                    found.setdefault(index, []).append((kind, layer.opacity, chains))
        return found

    def drums(
        self,
        channel: int,
        mixture: Spectrum,
        estimates: Mapping[str, Spectrum],
        first: int,
    ) -> Spectrum:
        """Return D' of one channel.

        Parameters
        ----------
        channel : int
            Which.
        mixture : ndarray, complex64, shape (frames, bins)
            X, from frame `first` on.
        estimates : mapping of str to ndarray
            D of every separation that plays a part, by the hash of its drums.
        first : int
            The first frame.
        """
        last = first + len(mixture)
        out = self._edited(self.edited, channel, mixture, estimates, first)
        for layer in reversed(self.protected):
            keep = self._summed([Painted(layer.strokes, layer.opacity)], channel, first, last)
            if keep.any():
                kept = self._edited(layer.kept, channel, mixture, estimates, first)
                out = (1 - keep) * out + keep * kept
        return out

    def drums_needed(self, first: int, last: int) -> set[str]:
        """Return the hashes of the drums that `drums` needs for some frames."""
        return {self.edited.drums} | {
            layer.kept.drums
            for layer in self.protected
            if self._touched_columns(layer.strokes, first, last)
        }

    def touched_frames(self, first: int, last: int) -> NDArray[np.bool_]:
        """Return which of frames first to last - 1 have a cell that is not as the model left it."""
        if self.edited.amount:
            return np.ones(last - first, dtype=bool)
        touched = np.zeros(last - first, dtype=bool)
        groups = [self.edited.layers]
        groups += [(Painted(layer.strokes, layer.opacity),) for layer in self.protected]
        for group in groups:
            for channel in range(self.tiles.grid.channels):
                touched |= self._summed(group, channel, first, last).any(axis=1)
        return touched

    def _touched_columns(self, strokes: LayerStrokes, first: int, last: int) -> bool:
        grid = self.tiles.grid
        return any(
            index in strokes.tiles
            for column in _columns(first, last)
            for index in ((column, row) for row in range(grid.rows))
        )

    def _edited(
        self,
        edited: Edited,
        channel: int,
        mixture: Spectrum,
        estimates: Mapping[str, Spectrum],
        first: int,
    ) -> Spectrum:
        edit = self._summed(edited.layers, channel, first, first + len(mixture))
        return applied(mixture, estimates[edited.drums], edit, edited.amount)

    def _summed(self, layers: Sequence[Painted], channel: int, first: int, last: int) -> Field:
        grid = self.tiles.grid
        total = np.zeros((last - first, grid.bins), dtype=np.float32)
        for column in _columns(first, last):
            begin, end = grid.frame_range(column)
            part = slice(max(begin - first, 0), end - first)
            inside = slice(max(first - begin, 0), max(last - begin, 0))
            for row in range(grid.rows):
                here = total[part, slice(*grid.bin_range(row))]
                for layer in layers:
                    chain = layer.strokes.chain((column, row), channel)
                    self._add(here, chain, (column, row), layer.opacity, inside)
        return np.clip(total, -1.0, 1.0, out=total)

    def _add(
        self,
        total: Field,
        chain: Chain,
        index: TileIndex,
        opacity: float,
        frames: slice = slice(None),
    ) -> None:
        if chain.steps:
            total += np.float32(opacity) * self.tiles.tile(chain, index)[frames].astype(np.float32)


def applied(mixture: Spectrum, drums: Spectrum, edit: Field, amount: float) -> Spectrum:
    """Return D' = D + max(e, 0) R - max(-e, 0) D, after the amount has changed D.

    Parameters
    ----------
    mixture, drums : ndarray, complex64, any shape
        X and D.
    edit : ndarray, float32, of that shape
        e, in [-1, 1].
    amount : float
        a, in [-1, 1]: D becomes D m^(2^a - 1), with m = |D| / (|D| + |R|) of at least 0.001;
        0 leaves it as it is.

    Returns
    -------
    ndarray, complex64, of that shape
        R' is the mixture minus this.
    """
    if amount:
        drums = drums * _shares(mixture, drums) ** np.float32(2.0**amount - 1.0)
    rest = mixture - drums
    changed: Spectrum = (
        drums + np.maximum(edit, np.float32(0)) * rest - np.maximum(-edit, np.float32(0)) * drums
    )
    return changed


def _shares(mixture: Spectrum, drums: Spectrum) -> Field:
    loud = np.abs(drums)
    total = loud + np.abs(mixture - drums)
    share = np.divide(loud, total, out=np.zeros_like(loud), where=total > 0)
    floored: Field = np.maximum(share, np.float32(_LEAST_SHARE))
    return floored


def _key_parts(edited: Edited, block: int) -> list[str]:
    parts = [f"a {edited.amount!r}"] if edited.amount else []
    for layer in edited.layers:
        chain = layer.strokes.block_chain(block)
        if chain.steps:
            parts.append(f"{layer.opacity!r} {chain.digest}")
    return parts


def _columns(first: int, last: int) -> range:
    return range(first // TILE_FRAMES, -(-last // TILE_FRAMES))


def _set_or_drop(table: dict[K, V], key: K, value: V, keep: bool) -> None:
    if keep:
        table[key] = value
    else:
        table.pop(key, None)
