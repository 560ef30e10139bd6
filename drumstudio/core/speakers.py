"""What each channel of a song is for: the speakers that its channels belong to.

Channels are always kept in the order of WAVE files: that of the bits in a speaker mask. So a
mask says everything. 0 means what the count of channels says: mono, stereo, or, from three
channels on, channels that are not for speakers (the microphones of a field recorder).

Notes
-----
Bits after Microsoft's WAVEFORMATEXTENSIBLE; short names as FFmpeg and many others write them.
Orders after the Vorbis I specification, section 4.3.9, which Opus (RFC 7845, section 5.1.1.2)
shares; what a number of channels means after it and after FLAC (RFC 9639, section 9.1.3).
"""

from __future__ import annotations

from collections.abc import Sequence

_NAMES = (
    *("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR"),
    *("TC", "TFL", "TFC", "TFR", "TBL", "TBC", "TBR"),
)
_BITS = {name: 1 << bit for bit, name in enumerate(_NAMES)}
_PAIRS = (("FL", "FR"), ("BL", "BR"), ("FLC", "FRC"), ("SL", "SR"), ("TFL", "TFR"), ("TBL", "TBR"))

# Which channels a file of Vorbis or Opus holds, in its order, by their number.
_XIPH = {
    3: ("FL", "FC", "FR"),
    4: ("FL", "FR", "BL", "BR"),
    5: ("FL", "FC", "FR", "BL", "BR"),
    6: ("FL", "FC", "FR", "BL", "BR", "LFE"),
    7: ("FL", "FC", "FR", "SL", "SR", "BC", "LFE"),
    8: ("FL", "FC", "FR", "SL", "SR", "BL", "BR", "LFE"),
}
IMPLIED = {count: sum(_BITS[name] for name in names) for count, names in _XIPH.items()}
"""The mask that a number of channels means in FLAC, Vorbis and Opus, from three to eight."""

_MONO, _STEREO = _BITS["FC"], _BITS["FL"] | _BITS["FR"]


def names_of(mask: int) -> tuple[str, ...]:
    """Return the short names of a mask's speakers, in the order of the channels."""
    return tuple(name for name in _NAMES if mask & _BITS[name])


def checked_mask(mask: int, channels: int) -> int:
    """Return a mask from a file's header as it is kept.

    Parameters
    ----------
    mask : int
        Anything.
    channels : int
        How many there are.

    Returns
    -------
    int
        0 for mono and stereo as usual, and for a mask of another number of speakers or of
        unknown ones, which says nothing.
    """
    usual = {1: _MONO, 2: _STEREO}.get(channels)
    known = 0 <= mask < 1 << len(_NAMES)
    return 0 if mask == usual or not known or mask.bit_count() != channels else mask


def full_mask(mask: int, channels: int) -> int:
    """Return a mask as a file's header has it: that of mono and stereo is written out too."""
    return mask or {1: _MONO, 2: _STEREO}.get(channels, 0)


def mask_of(names: Sequence[str]) -> int:
    """Return the mask of named channels; 0 if one is unknown or there twice."""
    if len(set(names)) < len(names) or not set(names) <= set(_BITS):
        return 0
    return checked_mask(sum(_BITS[name] for name in names), len(names))


def wave_order(names: Sequence[str]) -> list[int]:
    """Return which of the named channels comes first, second, ... in the order kept here.

    Parameters
    ----------
    names : sequence of str
        The channels in a file's order. Where `mask_of` is 0, they stay as they are.
    """
    places = range(len(names))
    if not mask_of(names):
        return list(places)
    return sorted(places, key=lambda place: _BITS[names[place]])


def xiph_names(channels: int) -> tuple[str, ...]:
    """Return what the channels of a Vorbis or Opus file are, in its order; () if not said."""
    return _XIPH.get(channels, ())


def implied_mask(mask: int, channels: int) -> int | None:
    """Return the mask under which a format whose count of channels says all holds a song.

    Parameters
    ----------
    mask : int
        The song's; side and back speakers may stand for each other where it has one pair.
    channels : int
        How many there are.

    Returns
    -------
    int or None
        None if such a file would give the channels another meaning.
    """
    if not 3 <= channels <= 8:
        return None if mask else 0
    back, side = _BITS["BL"] | _BITS["BR"], _BITS["SL"] | _BITS["SR"]
    meant = {mask}
    if bool(mask & back) != bool(mask & side):
        meant.add(mask ^ back ^ side)
    return IMPLIED[channels] if IMPLIED[channels] in meant else None


def order_under(mask: int, other: int) -> list[int]:
    """Return which channel of a song under `mask` comes first, second, ... under `other`.

    Both as `implied_mask` takes and returns them.
    """
    mine, wanted = names_of(mask), names_of(other)
    twin = {"BL": "SL", "BR": "SR", "SL": "BL", "SR": "BR"}
    return [mine.index(name if name in mine else twin[name]) for name in wanted]


def pairs(mask: int, channels: int) -> list[list[int]]:
    """Return which channels belong together as left and right, and which stand alone.

    Returns
    -------
    list of list of int
        Numbers of channels, one or two in each list; every channel once.
    """
    if not mask:
        return [[0, 1]] if channels == 2 else [[channel] for channel in range(channels)]
    names = names_of(mask)
    found = [
        [names.index(left), names.index(right)]
        for left, right in _PAIRS
        if left in names and right in names
    ]
    alone = set(range(channels)) - {channel for pair in found for channel in pair}
    return sorted([*found, *([channel] for channel in alone)])
