"""The edit field of a layer: what its strokes say about every cell.

A layer's field on a tile is a function of the strokes that touch the tile, in their order,
and of nothing else; it is rounded to float16 after every stroke. So a tile is known by that
chain of strokes: painting goes one stroke on, undo goes one back, and whether the tile was
kept or is drawn again from the strokes, its bits are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.raster import Raster, Weights
from drumstudio.core.strokes import TARGETS
from drumstudio.core.tiles import (
    LANDMARK_STEPS,
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


def _set_or_drop(table: dict[K, V], key: K, value: V, keep: bool) -> None:
    if keep:
        table[key] = value
    else:
        table.pop(key, None)
