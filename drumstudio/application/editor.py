"""The mask editor without a window: tools, gestures, layers; a stroke is one step of undo."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from drumstudio.application import stroke_layers
from drumstudio.application.document import Document
from drumstudio.application.listeners import Listeners
from drumstudio.core import check
from drumstudio.core.edit_field import Field, LayerStrokes, painted
from drumstudio.core.errors import ProjectError
from drumstudio.core.raster import Raster
from drumstudio.core.separation import Blob
from drumstudio.core.song import Song, StrokeLayer
from drumstudio.core.song_edit import Painted, Protected, SongEdit
from drumstudio.core.strokes import CHANNELS, Shape, Stroke
from drumstudio.core.tiles import Cells, Grid, TileCache, TileIndex
from drumstudio.tools.table import TOOLS
from drumstudio.tools.tool import Gesture, Point, ToolSettings
from drumstudio.workflows.song_edit import SongEdits


@dataclass(frozen=True, slots=True, eq=False)
class _Drawing:
    """A gesture under way, with the layer it is for."""

    gesture: Gesture
    settings: ToolSettings
    target: str
    layer: StrokeLayer
    strokes: LayerStrokes
    edit: SongEdit


class Editor:
    """The mask editor of one song.

    May be used from any thread; listeners are called on the thread that edits.

    Parameters
    ----------
    document : Document
        The project.
    song_id : str
        A song of it that has been separated.
    cache : TileCache, optional
        Where tiles are kept.

    Attributes
    ----------
    settings : ToolSettings
        What is painted with; the next gesture takes what stands here.
    layer_id : str or None
        The layer that was chosen to paint on.
    looks_changed : Listeners
        Called with the tiles that look different, as a frozenset of TileIndex.
    aimed : Listeners
        Called without arguments when another stem is painted, or what is taken goes elsewhere.
    edited : Listeners
        Called without arguments when the stems sound different: a stroke was finished,
        something was undone, the model changed.

    Raises
    ------
    ProjectError
        If the song has not been separated or a stroke can not be read.
    """

    def __init__(self, document: Document, song_id: str, cache: TileCache | None = None) -> None:
        self.looks_changed: Listeners[[frozenset[TileIndex]]] = Listeners()
        self.edited: Listeners[[]] = Listeners()
        self.aimed: Listeners[[]] = Listeners()
        self.settings = ToolSettings()
        self.layer_id: str | None = None
        self._ends: stroke_layers.Ends = stroke_layers.OWN
        self._document = document
        self._song_id = song_id
        self._followed = document.project.song(song_id)
        self._edits = SongEdits(self._followed, document.media, cache)
        self._guard = threading.RLock()
        self._edit = self._edits.edit(self._followed)
        self._drawing: _Drawing | None = None
        self._disconnect = document.changed.connect(self._follow)

    # --- what it shows ------------------------------------------------------------------

    @property
    def song(self) -> Song:
        """The song as it stands; as it stood last, once it has left the project."""
        songs = self._document.project.songs
        return next((song for song in songs if song.id == self._song_id), self._followed)

    @property
    def grid(self) -> Grid:
        """The cells that are painted."""
        return self._edits.grid

    @property
    def edit(self) -> SongEdit:
        """What the strokes that are finished do."""
        return self._edit

    @property
    def focus(self) -> str:
        """The stem that is painted."""
        return self._edit.shown_stem

    @property
    def destination(self) -> str:
        """Where what is taken from the focus goes."""
        split, wanted = self._edit.edited.split, self._ends[1]
        own = split.destination(self.focus)
        return wanted if wanted in split.names and wanted != self.focus else own

    def aim(self, focus: str, destination: str = "") -> None:
        """Paint another stem from now on; empty for the song's own focus and destination."""
        with self._guard:
            before = self.focus, self.destination
            self._ends = (focus, destination)
            shown_before = self._edit
            self._edit = replace(self._edit, shown=focus)
            changed = (self.focus, self.destination) != before
            unlike = self._edit.tiles_unlike(shown_before)
        if changed:
            self.abort()
            self.aimed()
            if unlike:
                self.looks_changed(unlike)

    @property
    def is_drawing(self) -> bool:
        """Whether a gesture is under way."""
        return self._drawing is not None

    @property
    def outline(self) -> list[Point]:
        """The corners of the area that is being spanned, in seconds and hertz."""
        drawing = self._drawing
        return [] if drawing is None else drawing.gesture.outline

    def field_tile(self, channel: int, index: TileIndex) -> Field:
        """Return e on a tile with the gesture under way, float32 (frames, bins) in [-1, 1]."""
        with self._guard:
            edit, gesture = self._shown(channel, index)
            return edit.field_tile(channel, index, gesture)

    def seen_tile(self, channel: int, index: TileIndex) -> Field:
        """Return what to show of a tile, protection included, float32 in [-1, 1]."""
        with self._guard:
            edit, gesture = self._shown(channel, index)
            return edit.seen_tile(channel, index, gesture)

    def painted_tiles(self) -> frozenset[TileIndex]:
        """Return the tiles that a stroke touches, with the gesture under way."""
        with self._guard:
            drawing = self._drawing
            if drawing is None:
                return self._edit.touched_tiles()
            return drawing.edit.touched_tiles() | drawing.gesture.tiles

    def protected_tiles(self) -> frozenset[TileIndex]:
        """Return the tiles that are protected anywhere, with the gesture under way."""
        with self._guard:
            tiles = self._edit.protected_tiles()
            drawing = self._drawing
            if drawing is None or drawing.layer.kind != "protect":
                return tiles
            return tiles | drawing.gesture.tiles

    def protection_tile(self, channel: int, index: TileIndex) -> Field:
        """Return how much of a tile is kept, with the gesture under way, in [0, 1]."""
        with self._guard:
            edit, gesture = self._shown(channel, index)
            return edit.protection_tile(channel, index, gesture)

    def _shown(
        self, channel: int, index: TileIndex
    ) -> tuple[SongEdit, tuple[LayerStrokes, Cells] | None]:
        drawing = self._drawing
        if drawing is None:
            return self._edit, None
        weights = drawing.gesture.weights(index)
        acts = (
            drawing.settings.channels == "both"
            or channel == CHANNELS.index(drawing.settings.channels) - 1
        )
        if weights is None or not acts:
            return drawing.edit, None
        before = drawing.edit.tiles.tile(drawing.strokes.chain(index, channel), index)
        return drawing.edit, (drawing.strokes, painted(before, weights, drawing.target))

    # --- gestures -----------------------------------------------------------------------

    def press(self, seconds: float, hertz: float, pressure: float = 1.0) -> None:
        """Begin a gesture; one that is under way is dropped.

        A tool that finds begins none: what it finds is painted by `paint_found`.

        Raises
        ------
        ProjectError
            If the project is read-only, or the layer that it would be on is switched off.
        """
        self.abort()
        with self._guard:
            self._document.require_writable("Cannot paint")
            settings = self.settings.at(hertz)
            check.one_of("tool", settings.tool, tuple(TOOLS))
            tool = TOOLS[settings.tool]
            if tool.begin is None:
                return
            target = tool.target or settings.target
            layer = self._layer_for(target)
            if layer is None:
                return
            strokes, edit = self._with_layer(layer)
            gesture = tool.begin(settings, self.grid)
            self._drawing = _Drawing(gesture, settings, target, layer, strokes, edit)
        self.move(seconds, hertz, pressure)

    def move(
        self, seconds: float, hertz: float, pressure: float = 1.0, *, straight: bool = False
    ) -> None:
        """Go on with a gesture; without one nothing happens.

        Parameters
        ----------
        seconds, hertz : float
            Where to; anywhere, also outside the song.
        pressure : float
            In [0, 1].
        straight : bool
            Whether the brush draws a straight line from where it was pressed.
        """
        with self._guard:
            drawing = self._drawing
            if drawing is None:
                return
            pressure = min(max(pressure, 0.0), 1.0)
            tiles = drawing.gesture.draw(seconds, hertz, pressure, straight=straight)
        if tiles:
            self.looks_changed(tiles)

    def release(self) -> None:
        """End a gesture: what was painted is one step of undo. Without one nothing happens.

        Raises
        ------
        ProjectError, DiskFullError
            If the stroke can not be kept; then nothing has happened.
        """
        with self._guard:
            drawing, self._drawing = self._drawing, None
        if drawing is None:
            return
        try:
            shape = drawing.gesture.shape
            if shape is not None:
                self._paint(drawing, shape)
        finally:
            self._tell_dropped(drawing)

    def abort(self) -> None:
        """Drop a gesture: nothing has happened."""
        with self._guard:
            drawing, self._drawing = self._drawing, None
        if drawing is not None:
            self._tell_dropped(drawing)

    def _tell_dropped(self, drawing: _Drawing) -> None:
        if drawing.gesture.tiles:
            self.looks_changed(drawing.gesture.tiles)

    def paint_found(
        self, shapes: Iterable[Shape], name: str = "", settings: ToolSettings | None = None
    ) -> None:
        """Paint what was found in the sound, or selected: one step of undo.

        Parameters
        ----------
        shapes : iterable of Cells, Polygon or Path
            Each becomes a stroke; without any nothing happens.
        name : str
            Of the step; what painting by hand is called if empty.
        settings : ToolSettings, optional
            What to paint with; the editor's own as they stand if not given.

        Raises
        ------
        ProjectError, DiskFullError
            As from `press` and `release`.
        """
        self._document.require_writable("Cannot paint")
        settings = settings or self.settings
        layer = self._layer_for(settings.target)
        blobs = [self._kept(settings.target, shape, settings) for shape in shapes]
        if layer is not None and blobs:
            name = name or self._done(settings.target)
            stroke_layers.paint(self._document, self._song_id, layer, blobs, name)

    def _layer_for(self, target: str) -> StrokeLayer | None:
        ends = self.focus, self.destination
        layer = stroke_layers.layer_for(self.song, target, self.layer_id, ends)
        if layer is not None and not (layer.on and layer.opacity):
            raise ProjectError(
                f"Cannot paint on the layer {layer.name}",
                why="it is switched off, so that nothing would be seen or heard.",
                fix="Switch it on, or choose another layer.",
            )
        return layer

    def _done(self, target: str) -> str:
        """Return what a step of undo is called."""
        return {
            "drums": f"Paint to {self.focus}",
            "rest": f"Paint to {self.destination}",
            "protect": f"Protect {self.focus}",
        }.get(target, "Erase")

    def _paint(self, drawing: _Drawing, shape: Shape) -> None:
        blob = self._kept(drawing.target, shape, drawing.settings)
        name = self._done(drawing.target)
        stroke_layers.paint(self._document, self._song_id, drawing.layer, [blob], name)

    def _kept(self, target: str, shape: Shape, settings: ToolSettings) -> Blob:
        stroke = Stroke(target, shape, settings.strength, settings.channels)
        blob = self._document.media.keep_stroke(stroke)
        with self._guard:
            self._edits.add(blob, Raster(stroke, self.grid, blob.sha256))
        return blob

    def _with_layer(self, layer: StrokeLayer) -> tuple[LayerStrokes, SongEdit]:
        """Return a layer's strokes and the edit with it, even if it is not there yet."""
        strokes = self._edits.layers_of(self.song).get(layer.id)
        if strokes is not None:
            return strokes, self._edit
        edit, strokes = self._edit, self._edit.tiles.layer()
        if layer.kind == "paint":
            new = Painted(strokes, layer.opacity, layer.focus, layer.destination)
            layers = (*edit.edited.layers, new)
            return strokes, replace(edit, edited=replace(edit.edited, layers=layers))
        kept = Protected(strokes, edit.edited, layer.opacity, layer.focus)
        return strokes, replace(edit, protected=(*edit.protected, kept))

    # --- areas --------------------------------------------------------------------------

    def restore(self, areas: Iterable[Shape]) -> None:
        """Bring the model's drums back in some areas: one step of undo.

        Raises
        ------
        ProjectError, DiskFullError
            If the project is read-only or the disk refuses.
        """
        strokes = [Stroke("erase", area) for area in areas]
        stroke_layers.restore_model(self._document, self._song_id, strokes, self.focus)

    # --- following the document ---------------------------------------------------------

    def _follow(self) -> None:
        with self._guard:
            song = next((s for s in self._document.project.songs if s.id == self._song_id), None)
            if song is None or song.separation is None or song is self._followed:
                return
            before, self._followed = self._edit, song
            focus = self.focus
            self._edit = replace(self._edits.edit(song), shown=self._ends[0])
            unlike = self._edit.tiles_unlike(before)
            blocks = self._edit.changed_blocks() | before.changed_blocks()
            sounds = before.edited.split != self._edit.edited.split or any(
                before.key(block) != self._edit.key(block) for block in blocks
            )
            if self._drawing is not None:
                # Somebody else has changed the song under the brush: the gesture goes on.
                layer = self._drawing.layer
                there = next((one for one in song.layers if one.id == layer.id), layer)
                strokes, edit = self._with_layer(there)
                self._drawing = replace(self._drawing, layer=there, strokes=strokes, edit=edit)
        if self.focus != focus:
            self.aimed()
        if unlike:
            self.looks_changed(unlike)
        if sounds:
            self.edited()

    def close(self) -> None:
        """Let go of the document."""
        self.abort()
        self._disconnect()
