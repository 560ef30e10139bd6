"""What all layers of a song together do to its stems, cell by cell.

Layers of one focus and one destination add, and are clipped, wherever they stand; such groups
act in the order of their lowest layers, each on what the one before has left. At every step
the stems sum to the mixture: what is computed is the mixture minus the stored ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.edit_field import Chain, Field, FieldTiles, LayerStrokes
from drumstudio.core.stems import Split
from drumstudio.core.stft import Spectrum
from drumstudio.core.tiles import TILE_FRAMES, Cells, TileIndex

_LEAST_SHARE = 0.001  # floor of the drums' share in the formula of the amount

Gesture = tuple[LayerStrokes, Cells]
"""A layer that is being painted on, and what its tile is to be instead."""

Stems = dict[str, Spectrum]
"""The stored stems of one channel, complex64 (frames, bins), by name."""


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """A paint layer that is on.

    Parameters
    ----------
    strokes : LayerStrokes
        What was painted.
    opacity : float
        In [0, 1].
    focus, destination : str
        What is painted, and where what is taken from it goes; empty for the split's own.
    """

    strokes: LayerStrokes
    opacity: float = 1.0
    focus: str = ""
    destination: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Layers of one focus and one destination, which add.

    Parameters
    ----------
    focus, destination : str
        Two stems of the split.
    layers : tuple of Painted
        Lowest first.
    """

    focus: str
    destination: str
    layers: tuple[Painted, ...]

    @property
    def gives(self) -> bool:
        """Whether any stroke gives sound to the focus."""
        return any(
            raster.stroke.target == "drums"
            for layer in self.layers
            for raster in layer.strokes.rasters
        )


@dataclass(frozen=True, slots=True, eq=False)
class Edited:
    """Stems as one separation and the strokes on it make them, before protection.

    Parameters
    ----------
    split : Split
        The separation's stems.
    amount : float
        In [-1, 1].
    layers : tuple of Painted
        Lowest first. Those whose focus or destination the split lacks rest.
    """

    split: Split
    amount: float = 0.0
    layers: tuple[Painted, ...] = ()

    @property
    def groups(self) -> tuple[Group, ...]:
        """What acts, in its order."""
        found: dict[tuple[str, str], list[Painted]] = {}
        for layer in self.layers:
            ends = painted_between(self.split, layer.focus, layer.destination)
            if ends is not None:
                found.setdefault(ends, []).append(layer)
        return tuple(Group(*ends, tuple(layers)) for ends, layers in found.items())


@dataclass(frozen=True, slots=True, eq=False)
class Protected:
    """A protect layer that is on.

    Parameters
    ----------
    strokes : LayerStrokes
        Where it keeps.
    kept : Edited
        The stems that stood when it was painted.
    opacity : float
        In [0, 1].
    focus : str
        What alone is kept where the stems that stood are others; empty for the split's own.
    """

    strokes: LayerStrokes
    kept: Edited
    opacity: float = 1.0
    focus: str = ""


def painted_between(split: Split, focus: str, destination: str) -> tuple[str, str] | None:
    """Return the focus and destination of a layer on a split; None if the layer rests on it.

    Parameters
    ----------
    split : Split
        What is painted on.
    focus, destination : str
        As the layer has them: empty for the split's own.
    """
    focus = focus or split.focus
    destination = destination or split.destination(focus)
    if focus == destination or not {focus, destination} <= set(split.names):
        return None
    return focus, destination


def kept_stems(split: Split, kept: Split, focus: str) -> tuple[str, ...]:
    """Return the stored stems that a protect layer keeps; none if it rests.

    Where the stems that stood are others, only the focus is kept, and the computed stem takes
    the difference: it has to be stored now, and to have been a stem then.
    """
    if set(split.names) == set(kept.names) and split.computed == kept.computed:
        return tuple(name for name, _ in split.stored)
    focus = focus or split.focus
    stored = focus != split.computed and focus in split.names
    return (focus,) if stored and focus in kept.names else ()


@dataclass(frozen=True, slots=True, eq=False)
class SongEdit:
    """Everything that changes a song's stems from what the model made of them.

    Parameters
    ----------
    tiles : FieldTiles
        Of the song.
    edited : Edited
        The active separation and the paint layers on it.
    protected : tuple of Protected
        Lowest first; where two overlap the lower one, which is older, has the last word.
    shown : str
        The stem whose field is shown; empty for the split's own focus.
    """

    tiles: FieldTiles
    edited: Edited
    protected: tuple[Protected, ...] = ()
    shown: str = ""

    # --- what is rendered -----------------------------------------------------------------

    def key(self, block: int) -> str:
        """Return the hash of all that decides about a block's deltas; empty if it has none."""
        parts = _key_parts(self.edited, block)
        protections = [
            f"p {layer.opacity!r} {layer.focus} {layer.strokes.block_chain(block).digest} "
            + " ".join([repr(layer.kept.split), *_key_parts(layer.kept, block)])
            for layer in self.protected
            if layer.strokes.block_chain(block).steps
        ]
        if not parts and not protections:
            return ""
        grid = self.tiles.grid
        shape = f"{grid.sample_rate} {grid.channels} {grid.samples} {block}"
        text = "\n".join([shape, repr(self.edited.split), *parts, *protections])
        return hashlib.sha256(text.encode()).hexdigest()[:40]

    def changed_blocks(self) -> frozenset[int]:
        """Return the blocks of samples that may differ from the model's stems."""
        if self._has_amount:
            return frozenset(range(self.tiles.grid.blocks))
        layers = [layer.strokes for group in self.edited.groups for layer in group.layers]
        layers += [layer.strokes for layer in self.protected]
        return frozenset().union(*(strokes.blocks for strokes in layers))

    def changed_stems(self) -> tuple[str, ...]:
        """Return the stored stems that may differ from the model's, in order."""
        split = self.edited.split
        changed = {split.drums} if self._has_amount else set()
        for group in self.edited.groups:
            changed |= set(split.names) if group.gives else {group.focus, group.destination}
        for layer in self.protected:
            changed |= set(kept_stems(split, layer.kept.split, layer.focus))
        return tuple(name for name, _ in split.stored if name in changed)

    def stems(
        self,
        channel: int,
        mixture: Spectrum,
        estimates: Mapping[str, Spectrum],
        first: int,
    ) -> Stems:
        """Return every stored stem of one channel as edited; one left alone is the same object.

        Parameters
        ----------
        channel : int
            Which.
        mixture : ndarray, complex64, shape (frames, bins)
            X, from frame `first` on.
        estimates : mapping of str to ndarray
            The stems of every separation that plays a part, by the hash of their content; only
            those that are needed are looked up.
        first : int
            The first frame.
        """
        last = first + len(mixture)
        split = self.edited.split
        found = self._edited(self.edited, channel, mixture, estimates, first)
        for layer in reversed(self.protected):
            names = kept_stems(split, layer.kept.split, layer.focus)
            keep = self._summed([Painted(layer.strokes, layer.opacity)], channel, first, last)
            if not names or not keep.any():
                continue
            kept = self._edited(layer.kept, channel, mixture, estimates, first)
            for name in names:
                stood = _one(layer.kept.split, kept, mixture, name)
                found[name] = (1 - keep) * found[name] + keep * stood
        return found

    def touched_frames(self, first: int, last: int) -> NDArray[np.bool_]:
        """Return which of frames first to last - 1 have a cell that is not as the model left it."""
        if self._has_amount:
            return np.ones(last - first, dtype=bool)
        touched = np.zeros(last - first, dtype=bool)
        groups = [group.layers for group in self.edited.groups]
        groups += [(Painted(layer.strokes, layer.opacity),) for layer in self.protected]
        for group in groups:
            for channel in range(self.tiles.grid.channels):
                touched |= self._summed(group, channel, first, last).any(axis=1)
        return touched

    def painted(self, channel: int, first: int, last: int) -> Field:
        """Return how much of frames first to last - 1 is painted, whichever way, in [0, 1].

        Returns
        -------
        ndarray, float32, shape (frames, bins)
        """
        total = np.zeros((last - first, self.tiles.grid.bins), dtype=np.float32)
        for group in self.edited.groups:
            np.maximum(total, np.abs(self._summed(group.layers, channel, first, last)), out=total)
        return total

    def painted_blocks(self) -> frozenset[int]:
        """Return the blocks of samples that paint touches."""
        layers = [layer for group in self.edited.groups for layer in group.layers]
        return frozenset().union(*(layer.strokes.blocks for layer in layers))

    # --- what is seen ---------------------------------------------------------------------

    @property
    def shown_stem(self) -> str:
        """The stem whose field is shown."""
        names = self.edited.split.names
        return self.shown if self.shown in names else self.edited.split.focus

    def field(self, channel: int, first: int, last: int) -> Field:
        """Return the field of the stem that is shown, e, of frames first to last - 1.

        Of its own layers that is clip(sum of opacity * f, -1, 1). What other stems' layers
        give away or take counts too: it is for the eye only.

        Returns
        -------
        ndarray, float32, shape (frames, bins)
        """
        total = np.zeros((last - first, self.tiles.grid.bins), dtype=np.float32)
        for group in self.edited.groups:
            self._show(total, group, self._summed(group.layers, channel, first, last))
        return np.clip(total, -1.0, 1.0, out=total)

    def field_tile(self, channel: int, index: TileIndex, gesture: Gesture | None = None) -> Field:
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
        for group in self.edited.groups:
            edit = np.zeros_like(total)
            for layer in group.layers:
                edit += self._tile(layer.strokes, layer.opacity, channel, index, gesture)
            self._show(total, group, np.clip(edit, -1.0, 1.0, out=edit))
        return np.clip(total, -1.0, 1.0, out=total)

    def _show(self, total: Field, group: Group, edit: Field) -> None:
        shown = self.shown_stem
        if group.focus == shown:
            total += edit
            return
        total -= np.maximum(edit, np.float32(0))
        if group.destination == shown:
            total += np.maximum(-edit, np.float32(0))

    def protection_tile(
        self, channel: int, index: TileIndex, gesture: Gesture | None = None
    ) -> Field:
        """Return how much of a tile is kept, in [0, 1]; parameters as of `field_tile`."""
        free = np.ones(self.tiles.grid.shape(index), dtype=np.float32)
        for layer in self.protected:
            free *= 1 - self._tile(layer.strokes, layer.opacity, channel, index, gesture)
        return 1 - free

    def seen_tile(self, channel: int, index: TileIndex, gesture: Gesture | None = None) -> Field:
        """Return e on a tile, but what was painted before where stems of the model are kept.

        What is kept of another model is not in it. Parameters as of `field_tile`.
        """
        seen = self.field_tile(channel, index, gesture)
        for layer in reversed(self.protected):
            if layer.kept.split == self.edited.split:
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
        gesture: Gesture | None,
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
        shown = self.shown_stem
        for group in self.edited.groups:
            for layer in group.layers:
                here = ("paint", shown, group.focus, group.destination, layer.opacity)
                for index, chains in layer.strokes.tiles.items():
                    found.setdefault(index, []).append((here, chains))
        for kept in self.protected:
            for index, chains in kept.strokes.tiles.items():
                found.setdefault(index, []).append(("protect", kept.opacity, chains))
        return found

    # --- inside ---------------------------------------------------------------------------

    @property
    def _has_amount(self) -> bool:
        return bool(self.edited.amount and self.edited.split.drums)

    def _edited(
        self,
        edited: Edited,
        channel: int,
        mixture: Spectrum,
        estimates: Mapping[str, Spectrum],
        first: int,
    ) -> Stems:
        split = edited.split
        found = _Looked(split, estimates)
        if edited.amount and split.drums:
            found[split.drums] = less(mixture, found[split.drums], edited.amount)
        for group in edited.groups:
            edit = self._summed(group.layers, channel, first, first + len(mixture))
            _move(split, found, mixture, group, edit)
        return found

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


class _Looked(Stems):
    """Stored stems by name, looked up by their content when they are first asked for."""

    def __init__(self, split: Split, estimates: Mapping[str, Spectrum]) -> None:
        super().__init__()
        self._hashes = dict(split.stored)
        self._estimates = estimates

    def __missing__(self, name: str) -> Spectrum:
        return self._estimates[self._hashes[name]]


def less(mixture: Spectrum, drums: Spectrum, amount: float) -> Spectrum:
    """Return drums after the amount: D m^(2^a - 1), with m = |D| / (|D| + |R|), at least 0.001.

    Parameters
    ----------
    mixture, drums : ndarray, complex64, any shape
        X and D; R is X - D.
    amount : float
        a, in [-1, 1], not 0.
    """
    changed: Spectrum = drums * _shares(mixture, drums) ** np.float32(2.0**amount - 1.0)
    return changed


def focused(mixture: Spectrum, focus: Spectrum, edit: Field) -> Spectrum:
    """Return T' = T + max(e, 0) (P - T) - max(-e, 0) T.

    Parameters
    ----------
    mixture, focus : ndarray, complex64, any shape
        P and T.
    edit : ndarray, float32, of that shape
        e, in [-1, 1].

    Returns
    -------
    ndarray, complex64, of that shape
        All else, P - T, has become P - T'.
    """
    rest = mixture - focus
    changed: Spectrum = (
        focus + np.maximum(edit, np.float32(0)) * rest - np.maximum(-edit, np.float32(0)) * focus
    )
    return changed


def _move(split: Split, found: Stems, mixture: Spectrum, group: Group, edit: Field) -> None:
    """Let a group act on stored stems: each other becomes (1 - max(e, 0)) O, and one takes more."""
    focus = _one(split, found, mixture, group.focus)
    others = [name for name, _ in split.stored if name != group.focus]
    if others and edit.max(initial=0.0) > 0:
        kept = 1 - np.maximum(edit, np.float32(0))
        for name in others:
            found[name] = kept * found[name]
    if group.destination != split.computed:
        taken = np.maximum(-edit, np.float32(0)) * focus
        found[group.destination] = found[group.destination] + taken
    if group.focus != split.computed:
        found[group.focus] = focused(mixture, focus, edit)


def _one(split: Split, found: Stems, mixture: Spectrum, name: str) -> Spectrum:
    """Return a stem by name; the computed one is what the stored ones leave."""
    if name != split.computed:
        return found[name]
    left = mixture
    for stored, _ in split.stored:
        left = left - found[stored]
    return left


def _shares(mixture: Spectrum, drums: Spectrum) -> Field:
    loud = np.abs(drums)
    total = loud + np.abs(mixture - drums)
    share = np.divide(loud, total, out=np.zeros_like(loud), where=total > 0)
    floored: Field = np.maximum(share, np.float32(_LEAST_SHARE))
    return floored


def _key_parts(edited: Edited, block: int) -> list[str]:
    parts = [f"a {edited.amount!r}"] if edited.amount and edited.split.drums else []
    for group in edited.groups:
        for layer in group.layers:
            chain = layer.strokes.block_chain(block)
            if chain.steps:
                ends = f"{group.focus} {group.destination}"
                parts.append(f"{ends} {layer.opacity!r} {chain.digest}")
    return parts


def _columns(first: int, last: int) -> range:
    return range(first // TILE_FRAMES, -(-last // TILE_FRAMES))
