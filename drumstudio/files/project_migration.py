"""Projects of older schemas, turned into those of today as plain values, history and all.

Schema 1 knew two stems: a separation stored `drums` and left the rest, and a song had the
fields `drums_strip` and `rest_strip`. Since schema 2 a separation stores any named stems, and
a song has lanes. Every song, of whichever moment of the history, gets the two lanes, so that a
change of a strip only has to go to another address.
"""

from __future__ import annotations

from typing import Any

OLDEST_SCHEMA = 1

_STRIPS = {"drums_strip": "drums", "rest_strip": "rest"}


def migrated_project(plain: Any, schema: int) -> Any:
    """Return a plain project of an older schema as one of today's; what is none stays as it is."""
    if schema > 1 or not isinstance(plain, dict):
        return plain
    return {**plain, "songs": _each(plain.get("songs", []), _song)}


def migrated_history(plain: Any, schema: int) -> Any:
    """Return a plain history likewise."""
    if schema > 1 or not isinstance(plain, dict):
        return plain
    commands = plain.get("commands")
    return {**plain, "commands": _each(commands, lambda one: migrated_command(one, schema))}


def migrated_command(plain: Any, schema: int) -> Any:
    """Return a plain command likewise: of a history, or of a line in the journal."""
    if schema > 1 or not isinstance(plain, dict):
        return plain
    return {**plain, "changes": _each(plain.get("changes"), _change)}


def _each(plain: Any, migrate: Any) -> Any:
    return [migrate(item) for item in plain] if isinstance(plain, list) else plain


def _song(plain: Any) -> Any:
    if not isinstance(plain, dict):
        return plain
    song = {name: value for name, value in plain.items() if name not in _STRIPS}
    if "separations" in song:
        song["separations"] = _each(song["separations"], _separation)
    song["lanes"] = [
        {"stem": stem, **({"strip": plain[field]} if field in plain else {})}
        for field, stem in _STRIPS.items()
    ]
    return song


def _separation(plain: Any) -> Any:
    if not isinstance(plain, dict) or "drums" not in plain:
        return plain
    stem = {"name": "drums", "media": plain["drums"]}
    return {**plain, "stems": [stem], "computed": "rest", "drums": "drums"}


def _change(plain: Any) -> Any:
    if not isinstance(plain, dict):
        return plain
    match plain.get("at"):
        case ["songs"]:
            return _with_items(plain, _song)
        case ["songs", _, "separations"]:
            return _with_items(plain, _separation)
        case ["songs", song, ("drums_strip" | "rest_strip") as field, *way]:
            return {**plain, "at": ["songs", song, "lanes", _STRIPS[field], "strip", *way]}
        case ["songs", song, "separations", separation, "drums", *way]:
            at = ["songs", song, "separations", separation, "stems", "drums", "media", *way]
            return {**plain, "at": at}
    return plain


def _with_items(plain: dict[str, Any], migrate: Any) -> dict[str, Any]:
    lists = ("removed", "inserted", "before", "after")
    changed = {name: _each(plain[name], migrate) for name in lists if name in plain}
    return {**plain, **changed}
