"""What is done with a song's layers of strokes: each a command of the document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from drumstudio.application.document import Document
from drumstudio.core.errors import ProjectError
from drumstudio.core.song import Blob, KeptPaint, Song, StrokeLayer, cleaned_name, new_id
from drumstudio.core.strokes import Stroke

T = TypeVar("T")

_TRIES = 5
_NAMES = {"paint": "Paint", "protect": "Protect"}


def new_layer(song: Song, kind: str) -> StrokeLayer:
    """Return a layer that is not part of the song yet, with a name that none has.

    A protect layer keeps the drums as they stand now: the active separation with all paint
    layers that are on.

    Raises
    ------
    ProjectError
        If there is nothing to protect because the song has not been separated.
    """
    taken = {layer.name for layer in song.layers}
    number = next(n for n in range(1, len(taken) + 2) if f"{_NAMES[kind]} {n}" not in taken)
    name = f"{_NAMES[kind]} {number}"
    if kind == "paint":
        return StrokeLayer(new_id(), name)
    if song.active is None:
        raise ProjectError(
            f"Cannot protect the drums of {song.name}",
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
    )


def layer_for(song: Song, target: str, preferred: str | None) -> StrokeLayer | None:
    """Return the layer that a stroke belongs on, maybe a new one; None if there is none.

    Parameters
    ----------
    song : Song
        As it stands.
    target : str
        One of `core.strokes.TARGETS`. What protects needs a layer that keeps the drums as they
        stand now; what erases has no place where nothing was painted.
    preferred : str or None
        The id of the layer that was chosen; if it does not fit, the topmost that does and,
        if there is one, is on.

    Raises
    ------
    ProjectError
        As from `new_layer`.
    """
    choices = sorted(reversed(song.layers), key=lambda layer: (layer.id != preferred, not layer.on))
    if target == "erase":
        return choices[0] if choices else None
    if target == "protect":
        wanted = new_layer(song, "protect")
        for layer in choices:
            if layer.kind == "protect" and _keeps(layer) == _keeps(wanted):
                return layer
        return wanted
    paint = next((layer for layer in choices if layer.kind == "paint"), None)
    return paint or new_layer(song, "paint")


def paint(
    document: Document, song_id: str, layer: StrokeLayer, blobs: Iterable[Blob], name: str
) -> None:
    """Put strokes on a layer, which is added to the song if it is new: one step of undo.

    Raises
    ------
    ProjectError
        If the project is read-only.
    ValueError
        If the layer holds as many strokes as it may.
    """
    with document.command(name) as edit:
        at = ("songs", song_id, "layers")
        if all(there.id != layer.id for there in edit.project.song(song_id).layers):
            # It may have been removed meanwhile: then what was on it stays removed.
            edit.insert(at, replace(layer, strokes=()))
        for blob in blobs:
            edit.insert((*at, layer.id, "strokes"), blob)


def apply_strokes(
    document: Document, song_id: str, strokes: Sequence[tuple[Stroke, str | None]], name: str
) -> None:
    """Put strokes on layers by the layers' names: one step of undo, however many.

    Parameters
    ----------
    document : Document
        The project.
    song_id : str
        The song.
    strokes : sequence of Stroke and str or None
        Each with the name of its layer, which is made if there is none; None takes the one
        that fits.
    name : str
        Of the step.

    Raises
    ------
    ProjectError, DiskFullError
        If the project is read-only, the disk refuses, or a layer is of the wrong kind.
    """
    blobs = [document.media.keep_stroke(stroke) for stroke, _ in strokes]
    with document.command(name) as edit:
        at = ("songs", song_id, "layers")
        for (stroke, layer_name), blob in zip(strokes, blobs, strict=True):
            song = edit.project.song(song_id)
            layer = _named_layer(song, stroke.target, layer_name)
            if layer is None:
                continue
            if layer not in song.layers:
                edit.insert(at, layer)
            edit.insert((*at, layer.id, "strokes"), blob)


def restore_model(document: Document, song_id: str, areas: Sequence[Stroke]) -> None:
    """Take back, in some areas, what the layers that are on do: one step of undo.

    Parameters
    ----------
    document : Document
        The project.
    song_id : str
        The song.
    areas : sequence of Stroke
        With the target "erase".

    Raises
    ------
    ProjectError, DiskFullError
        If the project is read-only or the disk refuses.
    """
    blobs = [document.media.keep_stroke(area) for area in areas]
    with document.command("Restore the model's drums here") as edit:
        for layer in document.project.song(song_id).layers:
            for blob in blobs if layer.on and layer.strokes else ():
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
        KeptPaint(layer.strokes, layer.opacity)
        for layer in song.layers
        if layer.kind == "paint" and layer.on and layer.opacity and layer.strokes
    )


def _keeps(layer: StrokeLayer) -> tuple[str | None, float, tuple[KeptPaint, ...]]:
    return layer.keeps, layer.kept_amount, layer.kept_paint


def _named_layer(song: Song, target: str, name: str | None) -> StrokeLayer | None:
    if name is None:
        return layer_for(song, target, None)
    kind = "protect" if target == "protect" else "paint"
    for layer in song.layers:
        if layer.name == name:
            if target != "erase" and layer.kind != kind:
                raise ProjectError(
                    f"Cannot paint on the layer {name}",
                    why=f"a stroke to {target!r} does not belong on a {layer.kind} layer.",
                    fix="Name another layer.",
                )
            return layer
    fresh = new_layer(song, kind)
    return StrokeLayer(
        fresh.id,
        cleaned_name(name),
        kind,
        keeps=fresh.keeps,
        kept_amount=fresh.kept_amount,
        kept_paint=fresh.kept_paint,
    )
