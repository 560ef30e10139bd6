"""What is done with a song's layers of strokes: each a command of the document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from drumstudio.application.document import Document
from drumstudio.core.errors import ProjectError
from drumstudio.core.separation import Blob
from drumstudio.core.song import (
    KeptPaint,
    Song,
    StrokeLayer,
    cleaned_name,
    new_id,
)
from drumstudio.core.song_edit import kept_stems, painted_between
from drumstudio.core.strokes import Stroke
from drumstudio.files.stroke_list import PlacedStroke

T = TypeVar("T")

_TRIES = 5
_NAMES = {"paint": "Paint", "protect": "Protect"}


Ends = tuple[str, str]
"""A focus and a destination; empty for those of the song's own separation."""

OWN: Ends = ("", "")


def new_layer(song: Song, kind: str, ends: Ends = OWN) -> StrokeLayer:
    """Return a layer that is not part of the song yet, with a name that none has.

    A protect layer keeps the stems as they stand now: the active separation with all paint
    layers that are on.

    Parameters
    ----------
    song : Song
        As it stands.
    kind : {"paint", "protect"}
        Of the layer.
    ends : tuple of str
        What is painted, and where what is taken from it goes.

    Raises
    ------
    ProjectError
        If there is nothing to protect because the song has not been separated.
    """
    taken = {layer.name for layer in song.layers}
    number = next(n for n in range(1, len(taken) + 2) if f"{_NAMES[kind]} {n}" not in taken)
    name = f"{_NAMES[kind]} {number}"
    focus, destination = _stored(song, ends)
    if kind == "paint":
        return StrokeLayer(new_id(), name, focus=focus, destination=destination)
    if song.active is None:
        raise ProjectError(
            f"Cannot protect the stems of {song.name}",
            why="it has not been separated yet.",
            fix="Separate it first.",
        )
    return StrokeLayer(
        new_id(),
        name,
        "protect",
        keeps=song.active,
        kept_amount=song.amount,
        kept_paint=_standing(song),
        focus=focus,
    )


def layer_for(
    song: Song, target: str, preferred: str | None, ends: Ends = OWN
) -> StrokeLayer | None:
    """Return the layer that a stroke belongs on, maybe a new one; None if there is none.

    Parameters
    ----------
    song : Song
        As it stands.
    target : str
        One of `core.strokes.TARGETS`. What protects needs a layer that keeps the stems as they
        stand now; what erases has no place where nothing was painted.
    preferred : str or None
        The id of the layer that was chosen; if it does not fit, the topmost that does and,
        if there is one, is on.
    ends : tuple of str
        Focus and destination, which the layer has to have.

    Raises
    ------
    ProjectError
        As from `new_layer`.
    """
    choices = sorted(reversed(song.layers), key=lambda layer: (layer.id != preferred, not layer.on))
    ends = _stored(song, ends)
    if target == "erase":
        fitting = [layer for layer in choices if layer.kind != "paint" or _ends(layer) == ends]
        return fitting[0] if fitting else None
    if target == "protect":
        wanted = new_layer(song, "protect", ends)
        for layer in choices:
            if layer.kind == "protect" and _keeps(layer) == _keeps(wanted):
                return layer
        return wanted
    for layer in choices:
        if layer.kind == "paint" and _ends(layer) == ends:
            return layer
    return new_layer(song, "paint", ends)


def resting(song: Song) -> tuple[StrokeLayer, ...]:
    """Return the layers that are on and do nothing: the active separation lacks their stems."""
    separation = song.separation
    if separation is None:
        return ()
    splits = {one.id: one.split for one in song.separations}
    split = separation.split

    def rests(layer: StrokeLayer) -> bool:
        if layer.kind == "paint":
            return painted_between(split, *_ends(layer)) is None
        kept = splits.get(layer.keeps or "")
        return kept is None or not kept_stems(split, kept, layer.focus)

    return tuple(layer for layer in song.layers if layer.on and layer.strokes and rests(layer))


def paint(
    document: Document, song_id: str, layer: StrokeLayer, blobs: Iterable[Blob], name: str
) -> None:
    """Put strokes on a layer, which is added to the song if it is new: one step of undo.

    Raises
    ------
    ProjectError
        If the project is read-only, or the layer holds as many strokes as it may.
    """
    with document.command(name) as edit:
        at = ("songs", song_id, "layers")
        if all(there.id != layer.id for there in edit.project.song(song_id).layers):
            # It may have been removed meanwhile: then what was on it stays removed.
            edit.insert(at, replace(layer, strokes=()))
        for blob in blobs:
            edit.insert((*at, layer.id, "strokes"), blob)


def apply_strokes(
    document: Document, song_id: str, strokes: Sequence[PlacedStroke], name: str
) -> None:
    """Put strokes on layers by the layers' names: one step of undo, however many.

    Parameters
    ----------
    document : Document
        The project.
    song_id : str
        The song.
    strokes : sequence of PlacedStroke
        Each with the name of its layer, which is made if there is none; None takes the one
        that fits.
    name : str
        Of the step.

    Raises
    ------
    ProjectError, DiskFullError
        If the project is read-only, the disk refuses, a layer is of the wrong kind, or the song
        has no such stems.
    """
    for placed in strokes:
        _require_ends(document.project.song(song_id), placed.ends)
    blobs = [document.media.keep_stroke(placed.stroke) for placed in strokes]
    with document.command(name) as edit:
        at = ("songs", song_id, "layers")
        for placed, blob in zip(strokes, blobs, strict=True):
            song = edit.project.song(song_id)
            layer = _named_layer(song, placed)
            if layer is None:
                continue
            if layer not in song.layers:
                edit.insert(at, layer)
            edit.insert((*at, layer.id, "strokes"), blob)


def restore_model(
    document: Document, song_id: str, areas: Sequence[Stroke], focus: str = ""
) -> None:
    """Take back, in some areas, what the layers that are on do to a stem: one step of undo.

    Parameters
    ----------
    document : Document
        The project.
    song_id : str
        The song.
    areas : sequence of Stroke
        With the target "erase".
    focus : str
        The stem; empty for the song's own focus.

    Raises
    ------
    ProjectError, DiskFullError
        If the project is read-only or the disk refuses.
    """
    blobs = [document.media.keep_stroke(area) for area in areas]
    song = document.project.song(song_id)
    focus, _ = _stored(song, (focus, ""))
    with document.command("Restore the model's drums here") as edit:
        for layer in song.layers:
            acts = layer.on and layer.strokes and layer.focus == focus
            for blob in blobs if acts else ():
                edit.insert(("songs", song_id, "layers", layer.id, "strokes"), blob)


def again_if_changed(edit: Callable[[], T]) -> T:
    """Make an edit on a thread beside the window's: anew if the project changed under it.

    Commands are put together from the project as it stands, and refused if, say, the layer
    that they paint on was removed meanwhile.

    Raises
    ------
    ValueError
        If it is refused every time.
    """
    for _ in range(_TRIES - 1):
        try:
            return edit()
        except ValueError:
            continue
    return edit()


def add_layer(document: Document, song_id: str, kind: str = "paint") -> str:
    """Add an empty layer on top; return its id. Errors as in `new_layer`."""
    layer = new_layer(document.project.song(song_id), kind)
    with document.command("Add layer") as edit:
        edit.insert(("songs", song_id, "layers"), layer)
    return layer.id


def set_layer_on(document: Document, song_id: str, layer_id: str, on: bool) -> None:
    """Let a layer act or not."""
    with document.command("Show layer" if on else "Hide layer") as edit:
        edit.set(("songs", song_id, "layers", layer_id, "on"), on)


def set_layer_opacity(document: Document, song_id: str, layer_id: str, opacity: float) -> None:
    """Set how much a layer acts, in [0, 1]."""
    with document.command("Set opacity of layer") as edit:
        edit.set(("songs", song_id, "layers", layer_id, "opacity"), float(opacity))


def rename_layer(document: Document, song_id: str, layer_id: str, name: str) -> None:
    """Give a layer another name."""
    with document.command("Rename layer") as edit:
        edit.set(("songs", song_id, "layers", layer_id, "name"), cleaned_name(name))


def move_layer(document: Document, song_id: str, layer_id: str, index: int) -> None:
    """Put a layer at another place; 0 is the lowest."""
    with document.command("Move layer") as edit:
        edit.move(("songs", song_id, "layers"), layer_id, index)


def delete_layer(document: Document, song_id: str, layer_id: str) -> None:
    """Remove a layer with its strokes."""
    with document.command("Delete layer") as edit:
        edit.remove(("songs", song_id, "layers"), layer_id)


def _standing(song: Song) -> tuple[KeptPaint, ...]:
    return tuple(
        KeptPaint(layer.strokes, layer.opacity, layer.focus, layer.destination)
        for layer in song.layers
        if layer.kind == "paint" and layer.on and layer.opacity and layer.strokes
    )


def _keeps(layer: StrokeLayer) -> tuple[str | None, float, tuple[KeptPaint, ...], str]:
    return layer.keeps, layer.kept_amount, layer.kept_paint, layer.focus


def _ends(layer: StrokeLayer) -> Ends:
    return layer.focus, layer.destination


def _stored(song: Song, ends: Ends) -> Ends:
    """Return a focus and a destination as a layer has them: empty where they are the song's own.

    So that such a layer acts on another model's stems, too.
    """
    if song.separation is None:
        return ends
    split = song.separation.split
    focus = ends[0] or split.focus
    own = split.destination(focus)
    return (
        "" if focus == split.focus else focus,
        "" if (ends[1] or own) == own else ends[1],
    )


def _require_ends(song: Song, ends: Ends) -> None:
    if song.separation is not None and painted_between(song.separation.split, *ends) is None:
        names = ", ".join(song.separation.stem_names)
        raise ProjectError(
            f"Cannot paint {ends[0] or 'the stem'} against {ends[1] or 'the others'}",
            why=f"the stems of {song.name} are {names}, and a stem can not go to itself.",
            fix="Name two of them as focus and destination, or leave these out.",
        )


def _named_layer(song: Song, placed: PlacedStroke) -> StrokeLayer | None:
    target, name = placed.stroke.target, placed.layer
    if name is None:
        return layer_for(song, target, None, placed.ends)
    kind = "protect" if target == "protect" else "paint"
    for layer in song.layers:
        if layer.name == name:
            if target != "erase" and layer.kind != kind:
                raise ProjectError(
                    f"Cannot paint on the layer {name}",
                    why=f"a stroke to {target!r} does not belong on a {layer.kind} layer.",
                    fix="Name another layer.",
                )
            if placed.ends != OWN and _ends(layer) != _stored(song, placed.ends):
                raise ProjectError(
                    f"Cannot paint on the layer {name}",
                    why="it has another focus or destination.",
                    fix="Name another layer.",
                )
            return layer
    return replace(new_layer(song, kind, placed.ends), name=cleaned_name(name))
