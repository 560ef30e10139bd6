"""Stems: their names, what the one is called that is computed, and how a signal is split."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from drumstudio.core import check

MAX_STEMS = 32
"""How many stored stems a separation may have."""

LONGEST_NAME = 40
"""Letters that the name of a stem may have."""

_NAME = re.compile(rf"[^\W_][\w .'&+-]{{0,{LONGEST_NAME - 1}}}")

MIXTURE = "mixture"
ORIGINAL = "original"
"""How a person calls the mixture."""

DRUMLESS = "drumless"
RESERVED = (MIXTURE, ORIGINAL, "mix", DRUMLESS, "painted", "unpainted")
"""What no stem may be called: each names something else that is heard or written."""

_BUT = "-"


@dataclass(frozen=True, slots=True)
class Known:
    """How a usual stem is shown.

    Parameters
    ----------
    label : str
        For a person.
    colour : str
        A name in the theme's table of colours.
    """

    label: str
    colour: str


KNOWN = {
    "drums": Known("Drums", "drums"),
    "percussive": Known("Percussive", "drums"),
    "kick": Known("Kick", "kick"),
    "snare": Known("Snare", "snare"),
    "toms": Known("Toms", "toms"),
    "hihat": Known("Hi-hat", "hat"),
    "cymbals": Known("Cymbals", "cymbal"),
    "bass": Known("Bass", "toms"),
    "guitar": Known("Guitar", "cymbal"),
    "piano": Known("Piano", "hat"),
    "vocals": Known("Vocals", "snare"),
    "harmonic": Known("Harmonic", "rest"),
    "background": Known("Background", "rest"),
    "other": Known("Other", "rest"),
    "rest": Known("Rest", "rest"),
    "residual": Known("Residual", "rest"),
}
"""The usual stems in the order in which they stand; any other name works as well."""

_UNKNOWN_COLOURS = ("hat", "cymbal", "toms", "kick", "snare")
_COMPUTED = {
    frozenset({"drums"}): "rest",
    frozenset({"vocals"}): "background",
    frozenset({"percussive", "vocals"}): "harmonic",
    frozenset({"drums", "bass", "vocals"}): "other",
}


def is_name(text: str) -> bool:
    """Return whether a stem may have a name: a short lower-case word that means nothing else."""
    plain = unicodedata.normalize("NFC", text.lower()) == text and not text.endswith((" ", "."))
    return plain and text not in RESERVED and bool(_NAME.fullmatch(text))


def require_name(text: str) -> None:
    """Raise ValueError unless a stem may have a name."""
    if not is_name(text):
        raise ValueError(f"a stem's name is a short lower-case word, got {text[:80]!r}")


def looks(name: str) -> Known:
    """Return how a stem is shown, the original too; a colour of its own for an unknown name."""
    if name == MIXTURE:
        return Known("Original", "original")
    if name in KNOWN:
        return KNOWN[name]
    number = hashlib.sha256(name.encode()).digest()[0] % len(_UNKNOWN_COLOURS)
    return Known(name[:1].upper() + name[1:], _UNKNOWN_COLOURS[number])


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Return stems in the order in which they stand: the usual ones first, others by name."""
    places = {name: place for place, name in enumerate(KNOWN)}
    return tuple(sorted(names, key=lambda name: (places.get(name, len(places)), name)))


def computed_name(stored: Iterable[str], otherwise: str = "rest") -> str:
    """Return what to call that which some stored stems leave of a signal.

    Parameters
    ----------
    stored : iterable of str
        The stored stems.
    otherwise : str
        For sets of stems that have no name of their own for it.

    Returns
    -------
    str
        Never one of the stored.
    """
    names = frozenset(stored)
    wanted = (_COMPUTED.get(names, otherwise), "residual", "rest", "remainder")
    free = [name for name in wanted if name not in names]
    return free[0] if free else f"rest {len(names) + 1}"


def serving_as_drums(stored: Iterable[str]) -> str:
    """Return which of some stored stems serves as drums; empty if none does."""
    names = set(stored)
    return next((name for name in ("drums", "percussive") if name in names), "")


def all_but(stem: str) -> str:
    """Return the name under which everything but a stem is read."""
    return _BUT + stem


def left_out(name: str) -> str:
    """Return the stem that `all_but` leaves out; empty if a name is no such name."""
    return name.removeprefix(_BUT) if name.startswith(_BUT) else ""


@dataclass(frozen=True, slots=True)
class Split:
    """How a signal is split: stems that are stored, by content, and one that is computed.

    Parameters
    ----------
    stored : tuple of (str, str)
        Name and hash of the content of every stored stem, in order; at least one.
    computed : str
        Name of the signal minus the sum of the stored ones.
    drums : str
        The stored stem that serves as drums, or empty.
    """

    stored: tuple[tuple[str, str], ...]
    computed: str
    drums: str = ""

    def __post_init__(self) -> None:
        check_stems([name for name, _ in self.stored], self.computed, self.drums)

    @property
    def names(self) -> tuple[str, ...]:
        """All stems, the computed one last."""
        return (*(name for name, _ in self.stored), self.computed)

    @property
    def focus(self) -> str:
        """The stem that is painted unless another is chosen: the drums, else the first."""
        return self.drums or self.stored[0][0]

    def destination(self, focus: str) -> str:
        """Return where what is taken from a stem goes unless another stem is chosen."""
        return self.computed if focus != self.computed else self.focus


def check_stems(stored: list[str], computed: str, drums: str) -> None:
    """Raise ValueError unless these can be the stems of one separation.

    Parameters
    ----------
    stored : list of str
        Names of the stored stems.
    computed : str
        Name of the computed one.
    drums : str
        The stored one that serves as drums, or empty.
    """
    if not stored:
        raise ValueError("a separation stores one stem at least")
    check.at_most("stems", stored, MAX_STEMS)
    for name in (*stored, computed):
        require_name(name)
    if len({*stored, computed}) != len(stored) + 1:
        raise ValueError(f"two stems have the same name: {', '.join((*stored, computed))}")
    if drums and drums not in stored:
        raise ValueError(f"what serves as drums must be a stored stem, got {drums[:80]!r}")
