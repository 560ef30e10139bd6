"""Everything that an editor paints, pixel by pixel: field, protection, what is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from drumstudio.application.editor import Editor
from drumstudio.application.field_pixels import FieldPixels
from drumstudio.core.edit_field import Field
from drumstudio.core.song_edit import SongEdit
from drumstudio.core.stems import Split
from drumstudio.core.tiles import TileIndex

_TileOf = Callable[[SongEdit, int, int, TileIndex], Field]


@dataclass(frozen=True, slots=True)
class KeptPixels:
    """What a protect layer keeps of another model than the active one.

    Parameters
    ----------
    split : Split
        That model's stems.
    amount : float
        In [-1, 1], as it stood.
    tiles : frozenset of TileIndex
        Those that the layer touches.
    keep : FieldPixels
        How much is kept.
    field : FieldPixels
        What was painted on it.
    """

    split: Split
    amount: float
    tiles: frozenset[TileIndex]
    keep: FieldPixels
    field: FieldPixels


class PaintPixels:
    """What one editor paints; may be used from any thread.

    Parameters
    ----------
    editor : Editor
        The editor.

    Attributes
    ----------
    editor : Editor
        The same.
    field : FieldPixels
        What was painted, and before that what is kept of the active model.
    protection : FieldPixels
        How much is kept.
    """

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.field = FieldPixels(editor.grid, editor.seen_tile)
        self.protection = FieldPixels(editor.grid, editor.protection_tile)
        self._layers: list[tuple[FieldPixels, FieldPixels]] = []

    def kept(self) -> list[KeptPixels]:
        """Return what is kept of other models, in the order in which it has its say."""
        edit = self.editor.edit
        while len(self._layers) < len(edit.protected):
            number = len(self._layers)
            self._layers.append(
                (
                    self._of_layer(number, SongEdit.keep_tile),
                    self._of_layer(number, SongEdit.stood_tile),
                )
            )
        return [
            KeptPixels(
                layer.kept.split, layer.kept.amount, frozenset(layer.strokes.tiles), keep, field
            )
            for layer, (keep, field) in reversed(
                list(zip(edit.protected, self._layers, strict=False))
            )
            if layer.kept.split != edit.edited.split and layer.strokes.tiles
        ]

    def _of_layer(self, number: int, tile_of: _TileOf) -> FieldPixels:
        def tile(channel: int, index: TileIndex) -> Field:
            edit = self.editor.edit
            if number >= len(edit.protected):  # it was removed just now
                return np.zeros(edit.tiles.grid.shape(index), dtype=np.float32)
            return tile_of(edit, number, channel, index)

        return FieldPixels(self.editor.grid, tile)

    def forget(self, tiles: frozenset[TileIndex]) -> None:
        """Look at tiles anew: they were painted on."""
        for pixels in (
            self.field,
            self.protection,
            *(one for pair in self._layers for one in pair),
        ):
            pixels.forget(tiles)
