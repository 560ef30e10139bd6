"""The model card: what a model is, what it needs, where it comes from and how good it is.

A card is the file `model.toml` in the model's own folder. Cards may come from anywhere, so
nothing in one is believed before it is checked, and nothing in one is ever imported or run.
"""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from drumstudio.core.errors import ModelCorruptError, ModelMissingError, SettingError
from drumstudio.core.names import is_plain
from drumstudio.core.stems import check_stems, computed_name, serving_as_drums
from drumstudio.files.plain_file import read_plain

CARD_NAME = "model.toml"
MAX_CARD_BYTES = 256 * 1024
MAX_WEIGHTS_BYTES = 512 * 1024 * 1024
"""Twice as much as any network known for this job takes in half precision."""

KINDS = ("separator", "refinement", "enhancer")

# The score that ranks models: mean SDR of the drums over the songs of the project's set `steer`,
# as `studio evaluate` computes it. Another number after the dash is another protocol.
RANKING_METRIC = "sdr_mean"
RANKING_PROTOCOL = "drumstudio-2"

# The same metric on songs that the user's own training held out: it ranks nothing, because every
# user has other songs.
OWN_PROTOCOL = "own-songs-1"

Value = float | int | str | bool

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_WEIGHTS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.safetensors")
_SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_TEXT = 4_000
"""Letters of the longest text in a card."""

_MAX_NETWORK_NUMBER = 1 << 20
_N_FFT = (64, 1 << 16)  # at 44.1 kHz a millisecond to a second and a half
_LONGEST_HOPS = 64  # how many hops a window may hold
_MAX_LIST = 64


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing a person can set on a model.

    Parameters
    ----------
    name : str
        As on the command line: `--set name=value`.
    type : str
        "float", "int", "choice" or "bool".
    default : float, int, str or bool
        What it is when nobody sets it.
    label : str
        What the window calls it.
    minimum, maximum : float
        Range of a float or an int, both ends allowed; 0 and 0 for the other types.
    choices : tuple of str
        The choices of a choice; empty for the other types.
    """

    name: str
    type: str
    default: Value
    label: str
    minimum: float = 0.0
    maximum: float = 0.0
    choices: tuple[str, ...] = ()

    def check(self, value: object) -> Value:
        """Return `value` in the parameter's own type; text is read as the command line has it.

        Raises
        ------
        SettingError
            If it has the wrong type or is out of range.
        """
        read = _READERS[self.type](value)
        if read is None or (self.choices and read not in self.choices):
            raise self._refusal(value)
        if self.type in ("float", "int") and not self.minimum <= float(read) <= self.maximum:
            raise self._refusal(value)
        return read

    def _refusal(self, value: object) -> SettingError:
        allowed = {
            "float": f"a number from {self.minimum:g} to {self.maximum:g}",
            "int": f"a whole number from {self.minimum:g} to {self.maximum:g}",
            "choice": "one of " + ", ".join(self.choices),
            "bool": "true or false",
        }[self.type]
        return SettingError(
            f"Cannot set {self.name} to {_short(value)}",
            why=f"{self.label} takes {allowed}.",
            fix=f"Give such a value, or leave it out for the default, {self.default}.",
        )


def _read_float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _read_int(value: object) -> int | None:
    number = _read_float(value)
    return int(number) if number is not None and number == int(number) else None


def _read_choice(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _read_bool(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    text = value.lower() if isinstance(value, str) else ""
    return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(
        text
    )


_READERS = {"float": _read_float, "int": _read_int, "choice": _read_choice, "bool": _read_bool}


@dataclass(frozen=True, slots=True)
class Training:
    """One body of sound a model was trained on: its name, its licence, whom to credit."""

    name: str
    licence: str
    credit: str


@dataclass(frozen=True, slots=True)
class Score:
    """One measured figure of quality: which, how much (dB), on what, and how measured."""

    metric: str
    value: float
    data: str
    protocol: str


@dataclass(frozen=True, slots=True)
class Speed:
    """One measured figure of speed.

    Parameters
    ----------
    real_time_factor : float
        Processing seconds per second of sound.
    device : str
        What it ran on, in words.
    measured : str
        How it was measured.
    """

    real_time_factor: float
    device: str
    measured: str


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a model; made by `read_card`.

    Parameters
    ----------
    folder : Path
        Where the card lies.
    hash : str
        SHA-256 of the card's file, 64 hexadecimal digits: names this very card.
    id, name, description : str
        The folder's name; the name for a person; a sentence or two.
    kind : str
        "separator" (mixture to stems), "refinement" (mixture and drums to better drums, behind
        any separator) or "enhancer" (drums to a better sound).
    engine : str
        Which entry of `inference.engines.ENGINES` runs it.
    stems : tuple of str
        Of a separator: the stems it gives, in order. Else: what it needs.
    computed : str
        Of a separator: what to call that which they leave of the mixture; else empty.
    drums : str
        The stem that serves as drums; empty if none does.
    sample_rate : int
        The rate it works at, in hertz; 0 takes any.
    channels : int
        The number of channels it takes at once; 0 takes any.
    n_fft, hop_length : int
        Its STFT, in samples; 0 if it has none.
    parameters : tuple of Parameter
        What a person can set.
    network : dict
        Arguments of the network's constructor; empty for a method without weights.
    weights : str
        Name of the weights' file, a plain name ending in .safetensors; "" if it has none.
    sha256, bytes : str, int
        Hash and size of the weights' file; "" and 0 if it has none.
    url : str
        Where the weights can be fetched (https); "" if they ship or there are none.
    licence : str
        Licence of the weights, or of the method.
    trained_on : tuple of Training
        What it learnt from.
    scores : tuple of Score
        Measured quality; empty is shown as "not measured".
    speed : tuple of Speed
        Measured speed; empty is shown as "not measured".
    shipped : bool
        Whether it came with the program: any other card may say of its scores what it likes.
    """

    folder: Path
    hash: str
    id: str
    name: str
    kind: str
    engine: str
    description: str
    stems: tuple[str, ...]
    computed: str
    drums: str
    sample_rate: int
    channels: int
    n_fft: int
    hop_length: int
    parameters: tuple[Parameter, ...]
    network: dict[str, object]
    weights: str
    sha256: str
    bytes: int
    url: str
    licence: str
    trained_on: tuple[Training, ...]
    scores: tuple[Score, ...]
    speed: tuple[Speed, ...]
    shipped: bool = False

    def check_settings(self, settings: Mapping[str, object]) -> dict[str, Value]:
        """Return a value for every parameter: the ones given, checked, and the defaults.

        Raises
        ------
        SettingError
            If a name is not one of the card's, or a value is not allowed.
        """
        names = [parameter.name for parameter in self.parameters]
        for name in settings:
            if name not in names:
                raise SettingError(
                    f"{self.name} has no setting called {_short(name)}",
                    why="Its settings are " + ", ".join(names) + "." if names else "It has none.",
                    fix=f"See them with: studio models {self.id}",
                )
        return {
            parameter.name: parameter.check(settings.get(parameter.name, parameter.default))
            for parameter in self.parameters
        }

    @property
    def all_stems(self) -> tuple[str, ...]:
        """What it gives: of a separator with the computed stem, last."""
        return (*self.stems, self.computed) if self.kind == "separator" else self.stems

    @property
    def ranking_score(self) -> float:
        """The score that ranks models, in dB; minus infinity if nobody here has measured it."""
        if not self.shipped:
            return -math.inf
        return max(
            (
                score.value
                for score in self.scores
                if (score.metric, score.protocol) == (RANKING_METRIC, RANKING_PROTOCOL)
            ),
            default=-math.inf,
        )

    def to_dict(self) -> dict[str, object]:
        """Return the card as plain values for JSON, without its folder and network."""
        plain = asdict(self)
        del plain["folder"], plain["network"]
        return plain


def read_card(folder: Path, *, shipped: bool = False) -> ModelCard:
    """Return the card in a model's folder.

    Parameters
    ----------
    folder : Path
        The model's own.
    shipped : bool
        Whether the folder came with the program, so that the card's scores rank it.

    Raises
    ------
    ModelMissingError
        If there is no card to read.
    ModelCorruptError
        If the card is not one: too long, not TOML, a key too many or too few, a value of
        the wrong type, a name that leads out of the folder.
    """
    path = folder / CARD_NAME
    try:
        content = read_plain(path, 4 * MAX_CARD_BYTES)
    except OSError as error:
        raise ModelMissingError(
            f"Cannot read the model in {folder.name}",
            why=f"its card, {CARD_NAME}, can not be read: {error.strerror or error}.",
            fix="Install the model again, or remove its folder.",
        ) from error
    try:
        if len(content) > MAX_CARD_BYTES:
            raise _CardError(f"it is longer than {MAX_CARD_BYTES // 1024} KB")
        table = _Table(tomllib.loads(content.decode("utf-8")), "the card")
        card = _card(table, folder, hashlib.sha256(content).hexdigest())
        return replace(card, shipped=shipped)
    except (_CardError, ValueError, RecursionError) as error:
        # tomllib: TOMLDecodeError and a too long integer are ValueErrors, and deeply nested
        # brackets overflow its recursion.
        raise ModelCorruptError(
            f"Cannot use the model in {folder.name}",
            why=f"its card, {CARD_NAME}, is not a good one: {_short(error)}.",
            fix="Install the model again, or remove its folder.",
        ) from error


class _CardError(Exception):
    """What is wrong with a card, in words."""


class _Table:
    """A TOML table that is read key by key, with the type said, until nothing is left over."""

    def __init__(self, table: object, where: str) -> None:
        if not isinstance(table, dict):
            raise _CardError(f"{where} is not a table")
        self._left = dict(table)
        self._where = where

    def text(self, key: str, default: str | None = None) -> str:
        value = self._take(key, default)
        if not isinstance(value, str) or len(value) > MAX_TEXT or not is_plain(value):
            raise _CardError(
                f"{key} in {self._where} is not a plain text of at most {MAX_TEXT} letters"
            )
        return value

    def whole(self, key: str, default: int | None = None, maximum: int = 1 << 40) -> int:
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= maximum:
            raise _CardError(f"{key} in {self._where} is not a whole number up to {maximum}")
        return value

    def number(self, key: str) -> float:
        value = self._take(key, None)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise _CardError(f"{key} in {self._where} is not a number")
        if not math.isfinite(value) or abs(value) > 1e12:
            raise _CardError(f"{key} in {self._where} is out of range")
        return float(value)

    def anything(self, key: str) -> object:
        return self._take(key, None)

    def texts(self, key: str, default: list[str] | None = None) -> tuple[str, ...]:
        value = self._take(key, default)
        if not isinstance(value, list) or len(value) > _MAX_LIST or not all(map(_is_word, value)):
            raise _CardError(f"{key} in {self._where} is not a list of a few plain words")
        return tuple(value)

    def tables(self, key: str) -> list[_Table]:
        value = self._take(key, [])
        if not isinstance(value, list):
            raise _CardError(f"{key} in {self._where} is not a list of tables")
        return [_Table(item, f"{key} {number + 1}") for number, item in enumerate(value)]

    def table(self, key: str) -> dict[str, object]:
        value = self._take(key, {})
        if not isinstance(value, dict):
            raise _CardError(f"{key} in {self._where} is not a table")
        return value

    def finish(self) -> None:
        if self._left:
            raise _CardError(
                f"{self._where} holds {', '.join(map(_short, self._left))}, "
                "which this version of DrumStudio does not know"
            )

    def _take(self, key: str, default: object) -> object:
        value = self._left.pop(key, default)
        if value is None:
            raise _CardError(f"{self._where} lacks {key}")
        return value


def _card(table: _Table, folder: Path, card_hash: str) -> ModelCard:
    card = ModelCard(
        folder=folder,
        hash=card_hash,
        id=table.text("id"),
        name=table.text("name"),
        kind=table.text("kind"),
        engine=table.text("engine"),
        description=table.text("description"),
        **_stems(table),
        sample_rate=table.whole("sample_rate", maximum=768_000),
        channels=table.whole("channels", maximum=64),
        n_fft=table.whole("n_fft", 0, maximum=_N_FFT[1]),
        hop_length=table.whole("hop_length", 0, maximum=_N_FFT[1]),
        parameters=tuple(map(_parameter, table.tables("parameters"))),
        network=_network(table.table("network")),
        weights=table.text("weights", ""),
        sha256=table.text("sha256", ""),
        bytes=table.whole("bytes", 0, maximum=MAX_WEIGHTS_BYTES),
        url=table.text("url", ""),
        licence=table.text("licence"),
        trained_on=tuple(map(_training, table.tables("trained_on"))),
        scores=tuple(map(_score, table.tables("scores"))),
        speed=tuple(map(_speed, table.tables("speed"))),
    )
    table.finish()
    if not _IDENTIFIER.fullmatch(card.id) or card.id != folder.name:
        raise _CardError(f"id {_short(card.id)} is not the folder's name in small letters")
    if not _IDENTIFIER.fullmatch(card.engine):
        raise _CardError(f"engine {_short(card.engine)} is not the name of an engine")
    if card.kind not in KINDS:
        raise _CardError(f"kind {_short(card.kind)} is none of {', '.join(KINDS)}")
    if card.n_fft or card.hop_length:
        shortest = -(-card.n_fft // _LONGEST_HOPS)
        if card.n_fft < _N_FFT[0] or not shortest <= card.hop_length <= card.n_fft:
            raise _CardError(f"n_fft {card.n_fft} and hop_length {card.hop_length} do not fit")
    if card.url and not card.url.startswith("https://"):
        raise _CardError("url does not begin with https://")
    if card.weights:
        if not _WEIGHTS_NAME.fullmatch(card.weights):
            raise _CardError(f"weights {_short(card.weights)} is not a plain .safetensors name")
        if not _SHA256.fullmatch(card.sha256) or not card.bytes:
            raise _CardError("weights are named without their whole sha256 and their bytes")
    names = [parameter.name for parameter in card.parameters]
    if len(set(names)) != len(names):
        raise _CardError("two parameters have one name")
    return card


def _stems(table: _Table) -> dict[str, Any]:
    """Return the stems of a card; the drums and rest of older ones are stored and computed."""
    stems = table.texts("stems")
    is_old = stems == ("drums", "rest")
    stored = stems[:1] if is_old else stems
    computed = table.text("computed", computed_name(stored) if stored else "rest")
    drums = table.text("drums", serving_as_drums(stored))
    try:
        check_stems(list(stored), computed, drums)
    except ValueError as error:
        raise _CardError(f"its stems can not be: {error}") from error
    return {"stems": stored, "computed": computed, "drums": drums}


def _parameter(table: _Table) -> Parameter:
    kind = table.text("type")
    if kind not in _READERS:
        raise _CardError(f"type {_short(kind)} is none of {', '.join(_READERS)}")
    numeric = kind in ("float", "int")
    default = table.anything("default")
    parameter = Parameter(
        name=table.text("name"),
        type=kind,
        default=0,
        label=table.text("label"),
        minimum=table.number("minimum") if numeric else 0.0,
        maximum=table.number("maximum") if numeric else 0.0,
        choices=table.texts("choices") if kind == "choice" else (),
    )
    table.finish()
    try:
        return replace(parameter, default=parameter.check(default))
    except SettingError as error:
        raise _CardError(f"the default of {_short(parameter.name)} is not allowed") from error


def _training(table: _Table) -> Training:
    entry = Training(table.text("name"), table.text("licence"), table.text("credit", ""))
    table.finish()
    return entry


def _score(table: _Table) -> Score:
    score = Score(
        table.text("metric"), table.number("value"), table.text("data"), table.text("protocol")
    )
    table.finish()
    return score


def _speed(table: _Table) -> Speed:
    speed = Speed(table.number("real_time_factor"), table.text("device"), table.text("measured"))
    table.finish()
    if not 1e-6 <= speed.real_time_factor <= 1e6:
        raise _CardError("real_time_factor in speed is not the speed of anything")
    return speed


def _network(table: dict[str, object]) -> dict[str, object]:
    """Return the network's arguments if each is a modest plain value or a list of them.

    A width of a billion would take all memory before any weight is checked, hence the bound.
    """
    if len(table) > 64:
        raise _CardError("network has more than 64 arguments")
    for name, value in table.items():
        items = value if isinstance(value, list) else [value]
        if not _is_word(name) or len(items) > 256 or not all(map(_is_modest, items)):
            raise _CardError(f"{_short(name)} in network is not a plain value of a modest size")
    return table


def _is_word(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 64 and is_plain(value)


def _is_modest(value: object) -> bool:
    return (
        isinstance(value, bool)
        or _is_word(value)
        or (
            isinstance(value, int | float)
            and math.isfinite(value)
            and abs(value) <= _MAX_NETWORK_NUMBER
        )
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 120 else text[:117] + "..."
