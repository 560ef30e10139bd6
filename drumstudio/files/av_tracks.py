"""Which sound of a film or a recording is meant: its default track, or two mono tracks as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drumstudio.files.av_container import channel_names
from drumstudio.files.foreign_file import NoSoundError

_DIFFERENCE_SECONDS = 0.1  # mono tracks of one recording end together but for a packet
_MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Tracks:
    """The streams that are decoded, and what a person should know about the others.

    Parameters
    ----------
    streams : tuple of av.audio.stream.AudioStream
        One; or two of mono that become left and right.
    notes : tuple of str
        Sentences.
    """

    streams: tuple[Any, ...]
    notes: tuple[str, ...] = ()

    @staticmethod
    def is_cover(stream: Any) -> bool:
        """Return whether a stream of pictures is one picture of a record's cover."""
        return _has(stream, "attached_pic")


def chosen_tracks(container: Any, number: int | None) -> Tracks:
    """Return what to decode of an open file.

    Parameters
    ----------
    container : av.container.InputContainer
    number : int or None
        A sound stream, counted from 0; None chooses.

    Raises
    ------
    NoSoundError
        If there is no such sound stream.
    """
    streams = list(container.streams.audio)
    if not streams or (number is not None and number >= len(streams)):
        raise NoSoundError("there is no sound in it")
    if number is not None:
        return Tracks((streams[number],))
    known = [stream for stream in streams if stream.codec_context is not None]
    if len(streams) == 1 or not known:
        return Tracks((streams[0],))
    if _is_split_stereo(streams):
        note = "Two mono tracks of one length were joined to stereo, the first one left."
        return Tracks(tuple(streams), (note,))
    best = min(known, key=lambda stream: (*_rank(stream), stream.index))
    others = [
        _described(number, stream)
        for number, stream in enumerate(streams, start=1)
        if stream is not best
    ]
    named = ", ".join(others[:_MOST_NAMED])
    if len(others) > _MOST_NAMED:
        named += f" and {len(others) - _MOST_NAMED} more"
    taken = streams.index(best) + 1
    which = " (the default one)" if _has(best, "default") else ""
    note = f"Track {taken} of {len(streams)} was taken{which}; not used: {named}."
    return Tracks((best,), (note,))


def _rank(stream: Any) -> tuple[bool, bool]:
    aside = any(_has(stream, name) for name in ("comment", "hearing_impaired", "visual_impaired"))
    return not _has(stream, "default"), aside


def _has(stream: Any, name: str) -> bool:
    return bool(stream.disposition & getattr(type(stream.disposition), name))


def _is_split_stereo(streams: list[Any]) -> bool:
    """Return whether streams are the left and the right of one recording."""
    if len(streams) != 2 or any(stream.codec_context is None for stream in streams):
        return False
    first, second = streams
    if any(len(channel_names(stream.codec_context.layout)) != 1 for stream in streams):
        return False
    lengths = [_seconds(stream) for stream in streams]
    same_language = len({stream.metadata.get("language", "und") for stream in streams}) == 1
    return (
        first.rate == second.rate
        and _rank(first)[1] == _rank(second)[1]
        and same_language
        and None not in lengths
        and abs(float(lengths[0] or 0) - float(lengths[1] or 0)) <= _DIFFERENCE_SECONDS
    )


def _seconds(stream: Any) -> float | None:
    if stream.duration is not None and stream.time_base:
        return float(stream.duration * stream.time_base)
    clock = stream.metadata.get("DURATION", "").split(":")  # Matroska's tag: 00:01:02.345
    try:
        hours, minutes, seconds = (float(part) for part in clock)
    except ValueError:
        container = stream.container.duration
        return None if container is None else container / 1_000_000
    return hours * 3600 + minutes * 60 + seconds


def _described(number: int, stream: Any) -> str:
    words = [stream.metadata.get("title", ""), stream.metadata.get("language", "")]
    if stream.codec_context is not None:
        count = len(channel_names(stream.codec_context.layout))
        words.append({1: "mono", 2: "stereo"}.get(count, f"{count} channels"))
    known = ", ".join(word for word in words if word and word != "und")
    return f"track {number} ({known})" if known else f"track {number}"
