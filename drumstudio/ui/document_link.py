"""Joins the project to what is seen of it: songs, lanes, strips, separations, undo."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from drumstudio.application.edited_waveforms import EditedBlocks
from drumstudio.application.material import Material, song_material
from drumstudio.application.song_preview import SongPreview
from drumstudio.application.song_waveforms import SongWaveforms
from drumstudio.application.studio import Studio
from drumstudio.application.time_view import clock
from drumstudio.application.transport import Transport
from drumstudio.application.transport_view import Listen
from drumstudio.core.errors import DrumStudioError
from drumstudio.core.separation import Separation
from drumstudio.core.song import Song, Strip
from drumstudio.core.stems import MIXTURE, looks
from drumstudio.ui.bridge import Bridge
from drumstudio.ui.model_panel import ModelPanel
from drumstudio.ui.song_state import LaneView, SongState
from drumstudio.ui.song_view import SongView
from drumstudio.ui.songs_panel import SongRow, SongsPanel


class DocumentLink(QObject):
    """Shows the project and turns what a person does into edits.

    Parameters
    ----------
    studio, transport : Studio, Transport
        What is shown and asked.
    bridge : Bridge
        How news comes to this thread.
    songs, view, models, state : SongsPanel, SongView, ModelPanel, SongState
        Where it is shown.
    parent : QWidget
        The window.
    """

    song_changed = Signal(object)  # the Song at hand, or None
    problem = Signal(object)
    refreshed = Signal()

    def __init__(
        self,
        studio: Studio,
        transport: Transport,
        bridge: Bridge,
        songs: SongsPanel,
        view: SongView,
        models: ModelPanel,
        state: SongState,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._studio = studio
        self._transport = transport
        self._songs = songs
        self._view = view
        self._models = models
        self._state = state
        self._song_id = ""
        self._sound: tuple[str, ...] = ()
        self._is_playable = False  # whether the transport has the sound of the song at hand
        self._waveforms: SongWaveforms | None = None
        self._edits: EditedBlocks | None = None
        self._gesture: dict[str, Strip] = {}
        self._listen = transport.view.listen
        studio.playhead = self._playhead
        bridge.listen(studio.document_changed, self.refresh)
        bridge.listen(studio.waveforms_ready, self._on_waveforms)
        bridge.listen(studio.previews.changed, self._on_preview)
        bridge.listen(transport.changed, self._on_transport)
        songs.song_chosen.connect(self.choose)
        songs.stem_chosen.connect(lambda _, stem: state.choose_lane(stem))
        songs.renamed.connect(self._rename)
        view.mute_asked.connect(self.toggle_mute)
        view.solo_asked.connect(self.toggle_solo)
        view.gain_asked.connect(lambda *a: self._set_strip("gain_db", "Set gain of", *a))
        view.pan_asked.connect(lambda *a: self._set_strip("pan", "Set pan of", *a))
        models.separation_chosen.connect(self._choose_separation)
        models.amount_chosen.connect(self._set_amount)
        state.lane_chosen.connect(lambda _: self._show_lanes())

    @property
    def song(self) -> Song | None:
        """The song at hand."""
        return self._studio.song(self._song_id)

    def _playhead(self, song_id: str) -> float:
        return self._transport.heard_seconds() if song_id == self._song_id else 0.0

    def choose(self, song_id: str) -> None:
        """Put another song into the centre."""
        if song_id != self._song_id:
            self._song_id = song_id
            self.refresh()

    def refresh(self) -> None:
        """Show the project as it is."""
        songs = self._studio.songs
        if self.song is None:
            self._song_id = songs[0].id if songs else ""
        rows = tuple(
            SongRow(song.id, song.name, clock(song.mixture.seconds), _stems(song)) for song in songs
        )
        self._songs.show_songs(rows, self._song_id)
        self._show_sound()
        self._show_lanes()
        self._show_separations()
        self.song_changed.emit(self.song)
        self.refreshed.emit()

    # --- sound and waveforms -------------------------------------------------------------

    def _show_sound(self) -> None:
        song = self.song
        preview = self._preview_of(song)
        sound = _sound(song, preview)
        was_playable = self._is_playable
        changed = sound != self._sound
        if not changed and (was_playable or song is None):
            return
        before, self._sound = self._sound, sound
        self._close_waveforms()
        if song is None:
            self._take_sound(None)
            return
        try:
            mixture, stems = self._studio.document.media.sound(song)
            self._waveforms = self._studio.waveforms(song)
        except DrumStudioError as error:
            self._take_sound(None)
            if changed:  # what is still missing is tried again, but told only once
                self.problem.emit(error)
            return
        if preview is not None:
            stems = preview.stems
        shape = song.mixture
        material = song_material(mixture, stems, shape.sample_rate, shape.samples)
        if before[:2] == sound[:2] and was_playable:
            self._transport.exchange(material)
        else:
            self._take_sound(material)
            self._state.timeline.show_song(shape.seconds, shape.sample_rate)
            self._state.chosen_lane = stems.focus if stems is not None else MIXTURE

    def _preview_of(self, song: Song | None) -> SongPreview | None:
        return self._studio.preview(song) if song is not None else None

    def _take_sound(self, material: Material | None) -> None:
        self._is_playable = material is not None
        self._transport.open(material)

    def _on_waveforms(self, song_id: str) -> None:
        song = self.song
        if song is not None and song_id == song.id:
            self._close_waveforms()
            try:
                self._waveforms = self._studio.waveforms(song)
            except DrumStudioError as error:
                self.problem.emit(error)
            self._show_lanes()

    def _on_preview(self, song_id: str) -> None:
        song = self.song
        if song is not None and song_id == song.id and song.separation is None:
            self._show_sound()
            self._show_lanes()

    def show_edits(self, edits: EditedBlocks | None) -> None:
        """Draw the stems of the song at hand as they were edited."""
        self._edits = edits
        self._show_lanes()

    def _close_waveforms(self) -> None:
        if self._waveforms is not None:
            for lane in self._state.lanes:
                lane.waveform = None
            self._waveforms.close()
            self._waveforms = None

    def close(self) -> None:
        """Close the files that are drawn from."""
        self._close_waveforms()

    # --- lanes ---------------------------------------------------------------------------

    def strips(self) -> dict[str, Strip]:
        """Return the strips of the song's stems, with a gesture that is under way."""
        return self._strips_of(self.song)

    def _strips_of(self, song: Song | None) -> dict[str, Strip]:
        if song is None:
            return {}
        own = {stem: song.strip(stem) for stem in self._stems_of(song)}
        return {**own, **{stem: strip for stem, strip in self._gesture.items() if stem in own}}

    def _stems_of(self, song: Song) -> tuple[str, ...]:
        preview = self._preview_of(song)
        if preview is not None:
            return preview.stems.names
        return song.separation.stem_names if song.separation is not None else ()

    def _show_lanes(self) -> None:
        song = self.song
        if self._waveforms is not None:
            edits, active = self._edits, song.separation if song is not None else None
            fits = edits is not None and active is not None and edits.split == active.split
            self._waveforms.show_edits(edits if fits else None)
        strips = self._strips_of(song)
        soloing = any(strip.solo for strip in strips.values())
        to_original = self._transport.view.listen is Listen.ORIGINAL or not strips
        undone = self._undone(song)
        lanes = []
        for stem in (MIXTURE, *self._shown(song, strips)) if song is not None else ():
            strip = strips.get(stem)
            shown = looks(stem)
            heard = to_original if strip is None else not to_original
            lanes.append(
                LaneView(
                    stem,
                    shown.label,
                    shown.colour,
                    strip.colour if strip is not None else "",
                    self._waveforms.stems.get(stem) if self._waveforms else None,
                    dimmed=not heard or (strip is not None and soloing and not strip.solo),
                    hatched=strip is not None and strip.mute,
                    undone=undone if strip is not None else (),
                )
            )
        self._state.lanes = lanes
        self._view.show_lanes({stem: strips[stem] for stem in self._shown(song, strips)})
        self._view.show_listen(self._transport.view.listen.value, possible=bool(strips))
        if song is not None:
            rate = song.mixture.sample_rate / 1000
            channels = {1: "mono", 2: "stereo"}.get(
                song.mixture.channels, f"{song.mixture.channels} channels"
            )
            self._view.headers["mixture"].show_hint(f"{rate:g} kHz, {channels}")
        # A job may have changed the song since its sound was taken: that news is on its way.
        is_heard = self._is_playable and self._sound == _sound(song, self._preview_of(song))
        if strips and is_heard:
            self._transport.set_tracks([strip.track_mix for strip in strips.values()])

    def _shown(self, song: Song | None, strips: dict[str, Strip]) -> list[str]:
        """Return the stems that have a lane: not a computed one that is silent."""
        separation, waveforms = song.separation if song is not None else None, self._waveforms
        if separation is None or waveforms is None or not waveforms.is_silent(separation.computed):
            return list(strips)
        return [stem for stem in strips if stem != separation.computed]

    def _undone(self, song: Song | None) -> tuple[tuple[float, float], ...]:
        preview = self._preview_of(song)
        if song is None or preview is None:
            return ()
        rate, samples = song.mixture.sample_rate, song.mixture.samples
        edges = [0, *(edge for each in preview.ranges for edge in each), samples]
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return tuple((start / rate, stop / rate) for start, stop in pairs if start < stop)

    def _on_transport(self) -> None:
        if self._transport.view.listen is not self._listen:
            self._listen = self._transport.view.listen
            self._show_lanes()

    # --- edits ---------------------------------------------------------------------------

    def toggle_mute(self, stem: str = "") -> None:
        """Mute a stem, or no more; the chosen one if none is named."""
        self._toggle(stem or self._state.chosen_lane, "mute", "Mute", "Unmute")

    def toggle_solo(self, stem: str = "") -> None:
        """Solo a stem, or no more; the chosen one if none is named."""
        self._toggle(stem or self._state.chosen_lane, "solo", "Solo", "End solo of")

    def _toggle(self, stem: str, field: str, on_name: str, off_name: str) -> None:
        strip = self.strips().get(stem)
        if strip is not None:
            value = not getattr(strip, field)
            name = f"{on_name if value else off_name} {stem}"
            self._studio.edit_strip(name, self._song_id, stem, field, value)
            self.refresh()  # the button answers at once, not with the next queued news

    def _set_strip(self, field: str, name: str, stem: str, value: float, over: bool) -> None:
        """Follow a slider: heard at once, one step of undo when it is let go."""
        if over:
            self._gesture.pop(stem, None)
            self._studio.edit_strip(f"{name} {stem}", self._song_id, stem, field, value)
            self.refresh()
        else:
            strip = self.strips().get(stem)
            if strip is not None:
                self._gesture[stem] = replace(strip, **{field: value})
                self._show_lanes()

    def set_colour(self, stem: str, colour: str) -> None:
        """Give a stem's lane a colour of its own; empty for the theme's."""
        self._studio.edit_strip(f"Colour of {stem}", self._song_id, stem, "colour", colour)

    def _rename(self, song_id: str, name: str) -> None:
        if name:
            self._studio.edit_song("Rename song", song_id, (("name",), name))
        else:
            self.refresh()

    def _choose_separation(self, separation_id: str) -> None:
        self._studio.edit_song("Choose separation", self._song_id, (("active",), separation_id))

    def _set_amount(self, amount: float) -> None:
        song = self.song
        if song is not None and song.amount != amount:
            self._studio.edit_song("Set amount of drums", song.id, (("amount",), amount))

    # --- separations ---------------------------------------------------------------------

    def _show_separations(self) -> None:
        song = self.song
        if song is None:
            self._models.show_separations([], None, "")
            return
        names = [separation.name for separation in song.separations]
        rows = [
            (separation.id, _numbered(separation, place, names))
            for place, separation in enumerate(song.separations)
        ]
        self._models.show_separations(rows, song.active, _facts(song.separation))
        possible = song.separation is not None and bool(song.separation.drums)
        self._models.show_amount(song.amount, possible=possible)


def _stems(song: Song) -> tuple[tuple[str, str, str], ...]:
    if song.separation is None:
        return ()
    shown = [(stem, looks(stem)) for stem in song.separation.stem_names]
    return tuple((stem, look.label, look.colour) for stem, look in shown)


def _sound(song: Song | None, preview: SongPreview | None) -> tuple[str, ...]:
    if song is None:
        return ()
    stems = repr(song.separation.split) if song.separation else ""
    if preview is not None:
        stems = str(preview.path)
    return (song.id, song.mixture.sha256, stems)


def _numbered(separation: Separation, place: int, names: list[str]) -> str:
    same = [n for n, name in enumerate(names) if name == separation.name]
    if len(same) == 1:
        return separation.name
    return f"{separation.name} ({same.index(place) + 1})"


def _facts(separation: Separation | None) -> str:
    if separation is None:
        return ""
    if separation.origin == "import":
        return "; ".join(separation.notes)
    settings = ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in separation.settings.items()
    )
    parts = [settings, f"computed on {separation.device}" if separation.device else ""]
    if separation.seconds:
        parts.append(f"in {clock(separation.seconds)}")
    return " · ".join([part for part in parts if part] + list(separation.notes))
