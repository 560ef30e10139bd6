"""The document: a project with its songs, their separations, and the arrangement.

Everything here is frozen: an edit makes a new project that shares what it did not touch.
Sound is named by the hash of its file; where the file lies is the business of
`files.project_folder`.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from drumstudio.core import check
from drumstudio.core.mix import LOUDEST_DB, SILENT_DB, TrackMix
from drumstudio.core.separation import ID, MAX_NOTES, MAX_SECONDS, Blob, Media, Separation
from drumstudio.core.stems import MIXTURE, require_name
from drumstudio.core.tempo_map import TempoMap

MAX_SONGS = 1_000
MAX_SEPARATIONS = 200
MAX_LAYERS = 100
MAX_STROKES = 20_000
MAX_LANES = 1_000
MAX_TRACKS = 500
MAX_CLIPS = 10_000
MAX_MARKERS = 1_000

_COLOUR = re.compile(r"#[0-9a-f]{6}|")


def new_id() -> str:
    """Return a name for a part of a project that no other part has: 12 hexadecimal digits."""
    return secrets.token_hex(6)


def _require_names(*stems: str) -> None:
    """Raise ValueError unless each is a stem's name, or empty."""
    for stem in stems:
        if stem:
            require_name(stem)


def cleaned_name(text: str) -> str:
    """Return a name that a project can hold: what is no text replaced, cut if too long."""
    return text.encode("utf-8", "replace").decode()[: check.MAX_NAME]


@dataclass(frozen=True, slots=True)
class KeptPaint:
    """A paint layer as it stood when a part of a stem was protected.

    Parameters
    ----------
    strokes : tuple of Blob
        In the order in which they were painted.
    opacity : float
        How much it acted, in [0, 1].
    focus, destination : str
        As of `StrokeLayer`.
    """

    strokes: tuple[Blob, ...]
    opacity: float = 1.0
    focus: str = ""
    destination: str = ""

    def __post_init__(self) -> None:
        _require_names(self.focus, self.destination)
        check.at_most("strokes", self.strokes, MAX_STROKES)
        check.within("opacity", self.opacity, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class StrokeLayer:
    """An ordered set of strokes that can be switched off.

    Parameters
    ----------
    id : str
        From `new_id`.
    name : str
        For a person.
    kind : {"paint", "protect"}
        Whether its strokes move sound, or keep the stems that stood.
    strokes : tuple of Blob
        In the order in which they were painted.
    on : bool
        Whether it acts.
    opacity : float
        How much it acts, in [0, 1].
    keeps : str or None
        The separation that a protect layer keeps.
    kept_amount : float
        The amount that stood with it, in [-1, 1].
    kept_paint : tuple of KeptPaint
        The paint layers that stood on it, lowest first.
    focus : str
        The stem that is painted; empty for the one that serves as drums, or else the first.
    destination : str
        Where what is taken from it goes; empty for the computed stem.
    """

    id: str
    name: str
    kind: str = "paint"
    strokes: tuple[Blob, ...] = ()
    on: bool = True
    opacity: float = 1.0
    keeps: str | None = None
    kept_amount: float = 0.0
    kept_paint: tuple[KeptPaint, ...] = ()
    focus: str = ""
    destination: str = ""

    def __post_init__(self) -> None:
        check.matches(ID, "id", self.id)
        check.name_text(self.name)
        check.one_of("kind", self.kind, ("paint", "protect"))
        _require_names(self.focus, self.destination)
        check.at_most("strokes", self.strokes, MAX_STROKES)
        check.within("opacity", self.opacity, 0.0, 1.0)
        if self.keeps is not None:
            check.matches(ID, "keeps", self.keeps)
        check.within("kept_amount", self.kept_amount, -1.0, 1.0)
        check.at_most("kept_paint", self.kept_paint, MAX_LAYERS)


@dataclass(frozen=True, slots=True)
class Strip:
    """The controls of a lane or track.

    Parameters
    ----------
    gain_db : float
        In [-96, 24]; -96 is silence.
    pan : float
        From -1 (left) to 1 (right).
    mute, solo : bool
        Whether it is silent, whether others are.
    colour : str
        "#rrggbb", or empty for the theme's own.
    """

    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False
    colour: str = ""

    def __post_init__(self) -> None:
        check.within("gain_db", self.gain_db, SILENT_DB, LOUDEST_DB)
        check.within("pan", self.pan, -1.0, 1.0)
        check.matches(_COLOUR, "colour", self.colour)

    @property
    def track_mix(self) -> TrackMix:
        """What of it the mixer needs."""
        return TrackMix(self.gain_db, self.pan, self.mute, self.solo)


@dataclass(frozen=True, slots=True)
class Lane:
    """What a song's lane of a stem is set to, whichever separation the stem is of.

    Parameters
    ----------
    stem : str
        Which.
    strip : Strip
        Its controls.
    """

    stem: str
    strip: Strip = Strip()

    def __post_init__(self) -> None:
        require_name(self.stem)

    @property
    def id(self) -> str:
        """The stem: a song has one lane of each."""
        return self.stem


@dataclass(frozen=True, slots=True)
class Marker:
    """A place in a song that a person has named.

    Parameters
    ----------
    id : str
        From `new_id`.
    seconds : float
        Where, from the song's beginning.
    name : str
        For a person.
    """

    id: str
    seconds: float
    name: str

    def __post_init__(self) -> None:
        check.matches(ID, "id", self.id)
        check.within("seconds", self.seconds, 0.0, MAX_SECONDS)
        check.name_text(self.name)


@dataclass(frozen=True, slots=True)
class Song:
    """A song with everything that is known about it.

    Parameters
    ----------
    id : str
        From `new_id`.
    name : str
        For a person.
    source : str
        Name (without folders) of the file it was decoded from.
    mixture : Media
        The song as given, at its own rate.
    separations : tuple of Separation
        Any number.
    active : str or None
        The id of the one that is heard.
    amount : float
        The amount slider, in [-1, 1]; 0 leaves the model's drums as they are.
    layers : tuple of StrokeLayer
        What was painted, lowest layer first.
    lanes : tuple of Lane
        What the lanes of its stems are set to; the stems of all separations have one.
    tempo_map : TempoMap or None
        Its beats, once they are estimated or set.
    notes : tuple of str
        What a person should know about its import.
    markers : tuple of Marker
        Places that a person has named, in any order.
    """

    id: str
    name: str
    source: str
    mixture: Media
    separations: tuple[Separation, ...] = ()
    active: str | None = None
    amount: float = 0.0
    layers: tuple[StrokeLayer, ...] = ()
    lanes: tuple[Lane, ...] = ()
    tempo_map: TempoMap | None = None
    notes: tuple[str, ...] = ()
    markers: tuple[Marker, ...] = ()

    def __post_init__(self) -> None:
        check.matches(ID, "id", self.id)
        check.name_text(self.name)
        check.text("source", self.source)
        check.distinct("separations", self.separations, MAX_SEPARATIONS)
        check.distinct("layers", self.layers, MAX_LAYERS)
        check.distinct("lanes", self.lanes, MAX_LANES)
        check.within("amount", self.amount, -1.0, 1.0)
        known = {separation.id for separation in self.separations}
        if self.active is not None and self.active not in known:
            raise ValueError(f"active must be one of the song's separations, got {self.active!r}")
        check.at_most("notes", self.notes, MAX_NOTES)
        for note in self.notes:
            check.text("note", note)
        check.distinct("markers", self.markers, MAX_MARKERS)

    @property
    def separation(self) -> Separation | None:
        """The active separation."""
        return next((s for s in self.separations if s.id == self.active), None)

    def strip(self, stem: str) -> Strip:
        """Return the controls of a stem's lane."""
        return next((lane.strip for lane in self.lanes if lane.stem == stem), Strip())

    def track_mix(self, stem: str) -> TrackMix:
        """Return how a stem goes into the mix."""
        return self.strip(stem).track_mix


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of a song's stem on a track.

    Parameters
    ----------
    id : str
        From `new_id`.
    song : str
        The id of the song.
    stem : str
        Which stem of it, or "mixture".
    start_seconds, stop_seconds : float
        The stretch, in the song's own time.
    position_seconds : float
        Where it begins in the arrangement.
    gain_db : float
        In [-96, 24].
    fade_in_seconds, fade_out_seconds : float
        Lengths of the fades, in arrangement time.
    stretch : float
        Length in the arrangement over length in the song, in [0.25, 4].
    pitch_semitones : float
        In [-24, 24].
    """

    id: str
    song: str
    stem: str
    start_seconds: float
    stop_seconds: float
    position_seconds: float
    gain_db: float = 0.0
    fade_in_seconds: float = 0.0
    fade_out_seconds: float = 0.0
    stretch: float = 1.0
    pitch_semitones: float = 0.0

    def __post_init__(self) -> None:
        check.matches(ID, "id", self.id)
        check.matches(ID, "song", self.song)
        if self.stem != MIXTURE:
            require_name(self.stem)
        check.within("start_seconds", self.start_seconds, 0.0, MAX_SECONDS)
        check.within("stop_seconds", self.stop_seconds, self.start_seconds, MAX_SECONDS)
        check.within("position_seconds", self.position_seconds, 0.0, MAX_SECONDS)
        check.within("gain_db", self.gain_db, SILENT_DB, LOUDEST_DB)
        check.within("fade_in_seconds", self.fade_in_seconds, 0.0, MAX_SECONDS)
        check.within("fade_out_seconds", self.fade_out_seconds, 0.0, MAX_SECONDS)
        check.within("stretch", self.stretch, 0.25, 4.0)
        check.within("pitch_semitones", self.pitch_semitones, -24.0, 24.0)


@dataclass(frozen=True, slots=True)
class Track:
    """A track of the arrangement.

    Parameters
    ----------
    id : str
        From `new_id`.
    name : str
        For a person.
    strip : Strip
        Its controls.
    clips : tuple of Clip
        In any order.
    """

    id: str
    name: str
    strip: Strip = Strip()
    clips: tuple[Clip, ...] = ()

    def __post_init__(self) -> None:
        check.matches(ID, "id", self.id)
        check.name_text(self.name)
        check.distinct("clips", self.clips, MAX_CLIPS)


@dataclass(frozen=True, slots=True)
class Project:
    """Everything that is saved, but for its history.

    Parameters
    ----------
    id : str
        From `new_id`; it stays when the project is renamed or moved.
    sample_rate : int or None
        The arrangement's rate in hertz: the first song's, unless changed. None until then.
    songs : tuple of Song
        In the order in which they are listed.
    tracks : tuple of Track
        The arrangement, top to bottom.
    """

    id: str
    sample_rate: int | None = None
    songs: tuple[Song, ...] = ()
    tracks: tuple[Track, ...] = ()

    def __post_init__(self) -> None:
        check.matches(ID, "id", self.id)
        if self.sample_rate is not None:
            check.within("sample_rate", self.sample_rate, 1, 2**32 - 1)
        check.distinct("songs", self.songs, MAX_SONGS)
        check.distinct("tracks", self.tracks, MAX_TRACKS)
        known = {song.id for song in self.songs}
        for track in self.tracks:
            for clip in track.clips:
                if clip.song not in known:
                    raise ValueError(f"a clip on {track.name!r} is of a song that is not there")

    def song(self, song_id: str) -> Song:
        """Return a song by its id.

        Raises
        ------
        KeyError
            If there is none.
        """
        for song in self.songs:
            if song.id == song_id:
                return song
        raise KeyError(song_id)
