"""A song's layers, from the document, as the edit that `core.edit_field` computes with."""

from __future__ import annotations

from collections.abc import Mapping

from drumstudio.core.edit_field import FieldTiles, LayerStrokes
from drumstudio.core.errors import ProjectError
from drumstudio.core.raster import Raster
from drumstudio.core.separation import Blob
from drumstudio.core.song import Song
from drumstudio.core.song_edit import Edited, Painted, Protected, SongEdit, kept_stems
from drumstudio.core.tiles import Grid, TileCache
from drumstudio.files.project_media import ProjectMedia


class SongEdits:
    """Follows a song from edit to edit; what two edits share is not computed again.

    Belongs to one thread; the edits that it returns may be used from any.

    Parameters
    ----------
    song : Song
        Any state of it: only its sound's shape counts.
    media : ProjectMedia
        Where its strokes are.
    cache : TileCache, optional
        Where tiles are kept; one of its own if not given.
    """

    def __init__(self, song: Song, media: ProjectMedia, cache: TileCache | None = None) -> None:
        shape = song.mixture
        self.cache = cache or TileCache()
        self.grid = Grid(shape.sample_rate, shape.channels, shape.samples)
        self._tiles = FieldTiles(self.grid, self.cache)
        self._media = media
        self._rasters: dict[str, Raster] = {}
        self._layers: dict[tuple[str, int], LayerStrokes] = {}

    def add(self, blob: Blob, raster: Raster) -> None:
        """Take over a stroke that was just painted, so that it need not be read."""
        self._rasters[blob.sha256] = raster

    def edit(self, song: Song) -> SongEdit:
        """Return everything that changes the stems of a song.

        Raises
        ------
        ProjectError
            If the song has no separation, or a stroke can not be read.
        """
        if song.separation is None:
            raise ProjectError(
                f"Cannot edit the stems of {song.name}",
                why="it has not been separated yet.",
                fix="Separate it first.",
            )
        split = song.separation.split
        splits = {separation.id: separation.split for separation in song.separations}
        painted = []
        protected = []
        used: dict[tuple[str, int], LayerStrokes] = {}
        for layer in song.layers:
            if not layer.on or not layer.opacity:
                continue
            strokes = self._followed(used, (layer.id, 0), layer.strokes)
            if layer.kind == "paint":
                painted.append(Painted(strokes, layer.opacity, layer.focus, layer.destination))
            elif layer.keeps in splits and kept_stems(split, splits[layer.keeps], layer.focus):
                kept = tuple(
                    Painted(
                        self._followed(used, (layer.id, n), paint.strokes),
                        paint.opacity,
                        paint.focus,
                        paint.destination,
                    )
                    for n, paint in enumerate(layer.kept_paint, 1)
                )
                stood = Edited(splits[layer.keeps], layer.kept_amount, kept)
                protected.append(Protected(strokes, stood, layer.opacity, layer.focus))
        # Layers that are off are followed again from the start: that is quick, and rare.
        self._layers = used
        edited = Edited(split, song.amount, tuple(painted))
        return SongEdit(self._tiles, edited, tuple(protected))

    def layers_of(self, song: Song) -> Mapping[str, LayerStrokes]:
        """Return the strokes of those layers that are on, by the layer's id, after `edit`."""
        return {layer.id: self._layers[layer.id, 0] for layer in song.layers
                if (layer.id, 0) in self._layers}  # fmt: skip

    def _followed(
        self,
        used: dict[tuple[str, int], LayerStrokes],
        name: tuple[str, int],
        blobs: tuple[Blob, ...],
    ) -> LayerStrokes:
        before = self._layers.get(name) or self._tiles.layer()
        used[name] = before.following(tuple(self._raster(blob) for blob in blobs))
        return used[name]

    def _raster(self, blob: Blob) -> Raster:
        raster = self._rasters.get(blob.sha256)
        if raster is None:
            raster = Raster(self._media.stroke(blob), self.grid, blob.sha256)
            self._rasters[blob.sha256] = raster
        return raster
