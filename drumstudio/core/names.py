"""File names made from song titles, safe on Linux, macOS and Windows alike."""

from __future__ import annotations

import hashlib
import re
import string
import unicodedata
from collections.abc import Iterable, Mapping

from drumstudio.core.errors import SettingError

NAME_BYTES = 200
"""Longest name handed out, in bytes of UTF-8; file systems stop at 255."""

_SUFFIX_BYTES = 10
_UNTITLED = "untitled"
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")
# Windows opens a device for these names, in any case and with any suffix; it reads the
# superscript digits as digits.
_DEVICE = re.compile(
    r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9\u00b9\u00b2\u00b3]) *(\.|\Z)", re.IGNORECASE
)
# Control, surrogate and unassigned code points, and line and paragraph separators.
_UNPRINTABLE = {"Cc", "Cs", "Cn", "Zl", "Zp"}
# Invisible marks that turn the direction of what follows ("exe.wav" shown as "vaw.exe") or
# make two names look alike. The joiners that emoji and Indic scripts need are not among them.
_DIRECTION_MARKS = frozenset("\u061c\u200b\u200e\u200f\ufeff") | {
    chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def safe_name(text: str, max_bytes: int = NAME_BYTES) -> str:
    """Return a file name close to `text` that three systems accept as it is.

    Parameters
    ----------
    text : str
        Any text, such as a song's title; a lone surrogate (from a file name that was not
        UTF-8) is allowed.
    max_bytes : int
        Longest name, in bytes of UTF-8; at least 16.

    Returns
    -------
    str
        Not empty; one path component in NFC, without leading or trailing dots and spaces,
        not the name of a Windows device. What is too long ends in "~" and six digits made
        from the whole text, so that two long titles stay apart. `safe_name` of a safe name
        is the same name.

    Notes
    -----
    Rules: POSIX "Filename"; Microsoft, "Naming Files, Paths, and Namespaces"; Apple, APFS
    (NFC and NFD are one name, unassigned code points are refused).
    """
    kept = "".join(
        "_" if unicodedata.category(character) in _UNPRINTABLE else character
        for character in text
        if character not in _DIRECTION_MARKS
    )
    name = _trim(_FORBIDDEN.sub("_", unicodedata.normalize("NFC", kept)))
    if _DEVICE.match(name):
        name = "_" + name
    return _shorten(name, max_bytes) or _UNTITLED


def is_plain(text: str) -> bool:
    """Return whether a text can be shown as it is: nothing that a terminal or an eye obeys.

    No control characters (line ends among them), no marks that turn the direction of what
    follows, and nothing that is not Unicode.
    """
    return (
        text.isascii()
        and text.isprintable()
        or not any(
            unicodedata.category(character) in _UNPRINTABLE or character in _DIRECTION_MARKS
            for character in text
        )
    )


def plain_text(text: str, longest: int) -> str:
    """Return a text with "?" for whatever is not plain (`is_plain`), cut to a length."""
    cut = text if len(text) <= longest else text[: longest - 3] + "..."
    return cut if is_plain(cut) else "".join(c if is_plain(c) else "?" for c in cut)


def fill_template(template: str, **fields: str) -> str:
    """Return a file name, without its suffix, from a template such as "{song}_{stem}".

    Parameters
    ----------
    template : str
        Text with field names in braces; "{{" and "}}" stand for braces.
    **fields : str
        The values.

    Returns
    -------
    str
        A safe name, a little shorter than `NAME_BYTES` so that a suffix fits as well. If it
        would be too long, the longest value is shortened: the others still tell apart what
        they told apart.

    Raises
    ------
    SettingError
        If the template is malformed or has an unknown field.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise _bad_template(template, "its braces do not match", fields) from error
    for _, name, form, conversion in parts:
        if name is not None and (name not in fields or form or conversion):
            raise _bad_template(template, f"it has a field {{{name}}} that does not exist", fields)
    room = NAME_BYTES - _SUFFIX_BYTES
    values = {name: safe_name(value) for name, value in fields.items()}
    used = {name for _, name, _, _ in parts if name is not None}
    if used:
        longest = max(used, key=lambda name: len(values[name].encode()))
        times = sum(name == longest for _, name, _, _ in parts)
        others = sum(
            len(literal.encode())
            + len(values[name].encode() if name not in (None, longest) else b"")
            for literal, name, _, _ in parts
        )
        values[longest] = safe_name(fields[longest], max(16, (room - others) // times))
    return safe_name("".join(text + values.get(name or "", "") for text, name, _, _ in parts), room)


def fill_for_stems(template: str, stems: Mapping[str, str], **fields: str) -> dict[str, str]:
    """Return a file name for each stem, from a template with the field {stem} and others.

    Parameters
    ----------
    template : str
        As for `fill_template`.
    stems : mapping of str to str
        Stem to what stands for it in the name.
    **fields : str
        The other values.

    Raises
    ------
    SettingError
        If the template is malformed, has an unknown field, or gives two stems one name.
    """
    names = {
        stem: fill_template(template, **{**fields, "stem": called})
        for stem, called in stems.items()
    }
    if len({_key(name) for name in names.values()}) < len(names):
        raise SettingError(
            f'Cannot use "{template}" as a file name',
            why=f"it gives {' and '.join(stems.values())} the same name.",
            fix="Put the field {stem} into it, or export one stem only.",
        )
    return names


def unique_name(name: str, taken: Iterable[str]) -> str:
    """Return `name`, or "name (2)", "name (3)", ... before its suffix, if it is taken.

    Parameters
    ----------
    name : str
        A safe name, with or without a suffix such as ".wav".
    taken : iterable of str
        Names that exist. Two names are one if they differ only in case or in Unicode
        composition, as on Windows and macOS.
    """
    keys = {_key(other) for other in taken}
    found = _SUFFIX.search(name)
    suffix = found.group() if found else ""
    stem = name.removesuffix(suffix)
    candidate, number = name, 1
    while _key(candidate) in keys:
        number += 1
        ending = f" ({number}){suffix}"
        candidate = _shorten(stem, NAME_BYTES - len(ending.encode())) + ending
    return candidate


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _trim(name: str) -> str:
    return name.strip().strip(". ").strip()


def _shorten(name: str, max_bytes: int) -> str:
    encoded = name.encode()
    if len(encoded) <= max_bytes:
        return name
    ending = "~" + hashlib.sha256(encoded).hexdigest()[:6]
    return encoded[: max_bytes - len(ending)].decode(errors="ignore") + ending


def _bad_template(template: str, why: str, fields: dict[str, str]) -> SettingError:
    known = ", ".join(f"{{{name}}}" for name in fields)
    return SettingError(
        f'Cannot use "{template}" as a file name', why=f"{why}.", fix=f"Use the fields {known}."
    )
