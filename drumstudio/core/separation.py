"""A song's sound: files by content, and the separations into stems."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from drumstudio.core import check
from drumstudio.core.plain import Scalar
from drumstudio.core.stems import Split, check_stems, require_name

MAX_NOTES = 100
MAX_REFINEMENTS = 10
MAX_SECONDS = 1e7
"""Times beyond this (some four months) are mistakes."""

ID = re.compile(r"[0-9a-f]{12}")
"""What the name of a part of a project looks like."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Media:
    """A sound file of the project, in the program's own format.

    Parameters
    ----------
    sha256 : str
        Hash of the file's content, 64 hexadecimal digits; the file is named by it.
    bytes : int
        Its size.
    sample_rate : int
        Hertz.
    channels : int
        Number of channels.
    samples : int
        Samples per channel.
    samples_sha256 : str
        Hash of the samples, their rate and channels, by which results are cached; empty if
        nobody needed it.
    """

    sha256: str
    bytes: int
    sample_rate: int
    channels: int
    samples: int
    samples_sha256: str = ""

    def __post_init__(self) -> None:
        check.matches(_SHA256, "sha256", self.sha256)
        if self.samples_sha256:
            check.matches(_SHA256, "samples_sha256", self.samples_sha256)
        check.within("bytes", self.bytes, 0, 2**50)
        check.within("sample_rate", self.sample_rate, 1, 2**32 - 1)
        check.within("channels", self.channels, 1, 16_383)
        check.within("samples", self.samples, 0, 2**48)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate


@dataclass(frozen=True, slots=True)
class Blob:
    """A small binary file of the project: a stroke.

    Parameters
    ----------
    sha256 : str
        Hash of the file's content; the file is named by it.
    bytes : int
        Its size.
    """

    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        check.matches(_SHA256, "sha256", self.sha256)
        check.within("bytes", self.bytes, 0, 2**30)


@dataclass(frozen=True, slots=True)
class Stem:
    """A part of a song, stored.

    Parameters
    ----------
    name : str
        A short lower-case word: "drums", "vocals".
    media : Media
        As long as the mixture, at its rate, with as many channels.
    """

    name: str
    media: Media

    def __post_init__(self) -> None:
        require_name(self.name)

    @property
    def id(self) -> str:
        """The name: a separation has one stem of each."""
        return self.name


@dataclass(frozen=True, slots=True)
class Refined:
    """A refinement that made a separation's drums better, behind what separated them.

    Parameters
    ----------
    model_id, model_hash, engine_version : str
        Which card, its hash, and the engine's version.
    settings : mapping of str to scalar
        Its parameters.
    """

    model_id: str
    model_hash: str
    engine_version: str
    settings: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for text in (self.model_id, self.model_hash, self.engine_version):
            check.text("text", text)
        check.at_most("settings", self.settings, 100)


@dataclass(frozen=True, slots=True)
class Separation:
    """A song's stems as one model found them, or as they were made elsewhere.

    Parameters
    ----------
    id : str
        From `new_id`.
    name : str
        For a person: the model's name, or the imported file's.
    stems : tuple of Stem
        Those that are stored, in order; at least one.
    computed : str
        Name of the one that is not: the mixture minus the sum of the others, whatever is
        painted, computed as it is read.
    origin : {"model", "import"}
        Where it comes from.
    drums : str
        The stored stem that serves as drums; empty if none does.
    model_id, model_hash, engine_version : str
        Which model, the hash of its card, and the engine's version; empty for an import.
    settings : mapping of str to scalar
        The model's parameters as they were asked for.
    device : str
        What it was computed on.
    chunk_seconds, seconds : float or None
        Length of the chunks it was computed in, and how long that took.
    notes : tuple of str
        What a person should know about it: resampled, cut to length.
    refinements : tuple of Refined
        What came behind the model, in order.
    """

    id: str
    name: str
    stems: tuple[Stem, ...]
    computed: str
    origin: str
    drums: str = ""
    model_id: str = ""
    model_hash: str = ""
    engine_version: str = ""
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    device: str = ""
    chunk_seconds: float | None = None
    seconds: float | None = None
    notes: tuple[str, ...] = ()
    refinements: tuple[Refined, ...] = ()

    def __post_init__(self) -> None:
        check.matches(ID, "id", self.id)
        check.name_text(self.name)
        check.at_most("refinements", self.refinements, MAX_REFINEMENTS)
        check_stems([stem.name for stem in self.stems], self.computed, self.drums)
        check.one_of("origin", self.origin, ("model", "import"))
        for text in (self.model_id, self.model_hash, self.engine_version, self.device):
            check.text("text", text)
        check.at_most("settings", self.settings, 100)
        for key, value in self.settings.items():
            check.text("setting", key)
            if isinstance(value, str):
                check.text("setting", value)
        for number in (self.chunk_seconds, self.seconds):
            if number is not None:
                check.within("seconds", number, 0.0, MAX_SECONDS)
        check.at_most("notes", self.notes, MAX_NOTES)
        for note in self.notes:
            check.text("note", note)

    @property
    def split(self) -> Split:
        """Its stems by content: what decides how each of them sounds before any edit."""
        stored = tuple((stem.name, stem.media.sha256) for stem in self.stems)
        return Split(stored, self.computed, self.drums)

    @property
    def stem_names(self) -> tuple[str, ...]:
        """All stems, the computed one last."""
        return (*(stem.name for stem in self.stems), self.computed)
