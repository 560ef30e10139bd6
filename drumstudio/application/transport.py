"""Playing as a person sees it: play and stop, cursor, selection, loop, what is listened to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import RLock

import numpy as np

from drumstudio.application.listeners import Listeners
from drumstudio.application.material import Material
from drumstudio.application.transport_view import Listen, State, TransportView
from drumstudio.core.errors import DeviceError, DrumStudioError
from drumstudio.core.mix import TrackMix, amplitude, track_gains
from drumstudio.files.block_reader import Deltas
from drumstudio.playback.deck import Closable, Deck
from drumstudio.playback.deck_listener import DeckListener, OutputState
from drumstudio.playback.feeder import Heard, Program, Source
from drumstudio.playback.output import OutputChoice, OutputDevice

SHORTEST_LOOP_SECONDS = 0.02
SCRUB_SECONDS = 0.12


class Transport:
    """The state of playing; methods return at once and may be called from any thread.

    Listeners are called on the thread that caused what they are told: the caller's, or the
    deck's when a song ends or a device is lost.

    Parameters
    ----------
    make_deck : callable
        Returns the deck for a listener.
    """

    def __init__(self, make_deck: Callable[[DeckListener], Deck]) -> None:
        self.changed: Listeners[[]] = Listeners()
        """What `view` returns is different now."""
        self.failed: Listeners[[DrumStudioError]] = Listeners()
        """Playing stopped because of an error; it is paused where it was."""
        self.recovered: Listeners[[]] = Listeners()
        """Playing goes on by itself after `failed`: a sound device is there again."""
        self.breaks_up: Listeners[[]] = Listeners()
        """What is heard has gaps: the computer is too busy for so short a buffer."""
        self.output_changed: Listeners[[OutputState]] = Listeners()
        """Another device was opened, or none could be."""
        self.devices_listed: Listeners[[tuple[OutputDevice, ...], DeviceError | None]] = Listeners()
        """The answer to `list_devices`."""
        self._lock = RLock()
        self._view = TransportView()
        self._seen: TransportView | None = None  # what listeners know, while it changes
        self._material: Material | None = None
        self._sources: tuple[Source, ...] = ()
        self._tracks: tuple[TrackMix, ...] = ()
        self._paused_at = 0.0
        self._take = 0
        self._edits = 0
        self._make_deck = make_deck
        self._deck = make_deck(self)

    def another(self) -> Transport:
        """Return a transport of its own that plays the same way, for something beside the song."""
        return Transport(self._make_deck)

    # --- what is seen ------------------------------------------------------------------

    @property
    def view(self) -> TransportView:
        """Everything that is seen, at this moment."""
        return self._view

    def heard_seconds(self) -> float:
        """Return where the playhead stands: at what leaves the loudspeaker now."""
        with self._lock:
            view = self._view
            if view.state is State.STOPPED:
                return view.cursor_seconds
            # A pause is heard to its end, too.
            position = self._deck.position()
            if position is None or self._material is None:
                return self._paused_at
            return min(position / self._material.sample_rate, view.seconds)

    def take_heard(self) -> Heard | None:
        """Return the levels heard since the last call, None if nothing was.

        Rows of its arrays: the original, each track, each audition, the sum.
        """
        return self._deck.take_heard()

    def missed_samples(self) -> int:
        """Return how many samples came too late since playing began."""
        return self._deck.missed_samples()

    # --- what can be played ------------------------------------------------------------

    def open(self, material: Material | None) -> None:
        """Take another song, from its beginning; None for none."""
        with self._changing():
            self._stop()
            self._view = replace(
                self._view,
                cursor_seconds=0.0,
                selection=None,
                loop=None,
                seconds=0.0 if material is None else material.seconds,
                audition="",
            )
            self._take_material(material)

    def exchange(self, material: Material) -> None:
        """Take another separation of the same song, without a gap where it plays.

        Raises
        ------
        ValueError
            If it has another rate or length.
        """
        with self._changing():
            before = self._material
            shape = (material.sample_rate, material.samples)
            if before is None or (before.sample_rate, before.samples) != shape:
                raise ValueError(f"not the same song: {shape} hertz and samples")
            self._take_material(material)

    def _take_material(self, material: Material | None) -> None:
        retired = () if self._material is None else (self._material.files,)
        self._material = material
        tracks = () if material is None else material.tracks
        self._sources = (
            () if material is None else (material.original, *tracks, *material.auditions.values())
        )
        if len(self._tracks) != len(tracks):
            self._tracks = (TrackMix(),) * len(tracks)
        self._tell_deck(retired)

    def set_tracks(self, tracks: Sequence[TrackMix]) -> None:
        """Set how each track goes into the mix.

        Raises
        ------
        ValueError
            If there are not as many as the song has tracks.
        """
        with self._lock:
            if len(tracks) != len(self._tracks):
                raise ValueError(f"there are {len(self._tracks)} tracks, got {len(tracks)}")
            self._tracks = tuple(tracks)
            self._tell_deck()

    def _tell_deck(self, retired: tuple[Closable, ...] = ()) -> None:
        material, view = self._material, self._view
        if material is None:
            empty = Program((), np.zeros((0, 2), dtype=np.float32), 44_100, 0)
            self._deck.load(empty, retired)
            return
        gains = np.zeros((len(self._sources), 2), dtype=np.float32)
        if view.audition in material.auditions:
            gains[1 + len(material.tracks) + list(material.auditions).index(view.audition)] = 1.0
        elif material.tracks and view.listen is Listen.STEMS:
            gains[1 : 1 + len(material.tracks)] = track_gains(self._tracks)
        else:
            gains[0] = 1.0
        loop = None
        if view.looping and view.loop is not None:
            loop = (self._sample(view.loop[0]), self._sample(view.loop[1]))
        self._deck.load(
            Program(
                self._sources,
                gains,
                material.sample_rate,
                material.samples,
                loop,
                amplitude(view.monitor_db),
                self._edits,
            ),
            retired,
        )

    def _sample(self, seconds: float) -> int:
        assert self._material is not None
        return min(max(round(seconds * self._material.sample_rate), 0), self._material.samples)

    # --- playing -----------------------------------------------------------------------

    def play(self) -> None:
        """Play: on from a pause, else from the cursor, else from the loop's beginning."""
        with self._changing():
            view = self._view
            start = self._paused_at if view.state is State.PAUSED else view.cursor_seconds
            if view.looping and view.loop is not None and not view.loop[0] <= start < view.loop[1]:
                start = view.loop[0]
            self._play(start)

    def play_range(self) -> None:
        """Play the selection once, or from the cursor if there is none."""
        with self._changing():
            selection = self._view.selection
            if selection is None:
                self._play(self._view.cursor_seconds)
            else:
                self._play(*selection)

    def _play(self, start: float, stop: float | None = None) -> None:
        if self._material is None:
            return
        if start >= self._view.seconds:
            start = 0.0
        self._take += 1
        self._paused_at = start
        self._view = replace(self._view, state=State.PLAYING)
        self._deck.play(
            self._take, self._sample(start), None if stop is None else self._sample(stop)
        )

    def pause(self) -> None:
        """Stop where it is, to go on from there."""
        with self._changing():
            if self._view.state is State.PLAYING:
                self._paused_at = self.heard_seconds()
                self._view = replace(self._view, state=State.PAUSED)
                self._deck.pause()

    def stop(self) -> None:
        """Stop; the playhead goes back to the cursor."""
        with self._changing():
            self._stop()

    def _stop(self) -> None:
        if self._view.state is not State.STOPPED:
            self._deck.pause()
        self._view = replace(self._view, state=State.STOPPED)

    def toggle(self) -> None:
        """Stop if it plays, play if it does not."""
        with self._changing():
            if self._view.state is State.PLAYING:
                self.stop()
            else:
                self.play()

    def seek(self, seconds: float) -> None:
        """Move the cursor, and with it what plays."""
        with self._changing():
            seconds = self._inside(seconds)
            state = self._view.state
            self._view = replace(self._view, cursor_seconds=seconds)
            if state is State.PLAYING:
                self._play(seconds)
            elif state is State.PAUSED:
                self._stop()

    def nudge(self, seconds: float) -> None:
        """Move the cursor by some seconds from where the playhead is."""
        with self._changing():
            self.seek(self.heard_seconds() + seconds)

    def scrub(self, seconds: float) -> None:
        """Move the cursor and let a little of what is there be heard."""
        with self._changing():
            self.seek(seconds)
            if self._view.state is State.STOPPED and self._material is not None:
                self._take += 1
                start = self._view.cursor_seconds
                self._deck.play(
                    self._take, self._sample(start), self._sample(start + SCRUB_SECONDS)
                )

    def _inside(self, seconds: float) -> float:
        return min(max(seconds, 0.0), self._view.seconds)

    # --- selection and loop ------------------------------------------------------------

    def select(self, start_seconds: float, stop_seconds: float) -> None:
        """Select a range, its ends in any order; an empty one is none. Moves the cursor.

        While it plays, playing goes on as it is.
        """
        with self._changing():
            start, stop = sorted((self._inside(start_seconds), self._inside(stop_seconds)))
            self._view = replace(
                self._view,
                selection=(start, stop) if start < stop else None,
                cursor_seconds=start,
            )

    def clear_selection(self) -> None:
        """Select nothing."""
        with self._changing():
            self._view = replace(self._view, selection=None)

    def set_loop(self, start_seconds: float, stop_seconds: float) -> None:
        """Set the range that is repeated, its ends in any order; too short a one is widened."""
        with self._changing():
            start, stop = sorted((self._inside(start_seconds), self._inside(stop_seconds)))
            stop = min(max(stop, start + SHORTEST_LOOP_SECONDS), self._view.seconds)
            start = max(min(start, stop - SHORTEST_LOOP_SECONDS), 0.0)
            self._view = replace(self._view, loop=(start, stop) if start < stop else None)
            self._tell_deck()

    def set_looping(self, looping: bool) -> None:
        """Repeat the loop or not; the selection becomes the loop if there is one.

        With neither selection nor loop the whole song is repeated.
        """
        with self._changing():
            self._view = replace(self._view, looping=looping)
            if looping and self._view.selection is not None:
                self.set_loop(*self._view.selection)
            elif looping and self._view.loop is None:
                self.set_loop(0.0, self._view.seconds)
            else:
                self._tell_deck()

    # --- listening ---------------------------------------------------------------------

    def listen_to(self, listen: Listen) -> None:
        """Hear the original or the stems, from the next block on, without a gap."""
        with self._changing():
            self._view = replace(self._view, listen=listen)
            self._tell_deck()

    def toggle_listen(self) -> None:
        """Hear the other of original and stems."""
        other = Listen.ORIGINAL if self._view.listen is Listen.STEMS else Listen.STEMS
        self.listen_to(other)

    def audition(self, what: str) -> None:
        """Hear one of the material's auditions instead; an empty name for none."""
        with self._changing():
            if what != self._view.audition:
                self._view = replace(self._view, audition=what)
                self._tell_deck()

    def set_edits(self, deltas: Deltas | None, painted: Deltas | None) -> None:
        """Have the stems heard as edited from the next block on, without a gap.

        Parameters
        ----------
        deltas : Deltas or None
            What the edits add to the model's stems.
        painted : Deltas or None
            The mixture's part that is painted, for auditions.
        """
        with self._lock:
            if self._material is not None and self._material.stems is not None:
                self._material.stems.set_edits(deltas, painted)
                self._edits += 1
                self._tell_deck()

    def set_monitor(self, gain_db: float) -> None:
        """Set the volume of what is heard, in decibels; exports know nothing of it."""
        with self._changing():
            self._view = replace(self._view, monitor_db=gain_db)
            self._tell_deck()

    def choose_output(self, choice: OutputChoice) -> None:
        """Play on another device or with another buffer."""
        self._deck.choose(choice)

    def list_devices(self) -> None:
        """Have `devices_listed` told which devices there are."""
        self._deck.list_devices()

    def close(self) -> None:
        """Stop and give the device back."""
        with self._lock:
            self._take += 1
            self._stop()
            self._take_material(None)
        self._deck.close()

    # --- what the deck tells -----------------------------------------------------------

    def deck_stopped(self, take: int, position: int, error: DrumStudioError | None) -> None:
        """Hear from the deck that playing is over."""
        with self._changing():
            if take != self._take or self._material is None:
                return
            seconds = position / self._material.sample_rate
            if self._view.state is State.PAUSED:
                self._paused_at = seconds
            elif self._view.state is State.PLAYING and error is not None:
                self._paused_at = seconds
                self._view = replace(self._view, state=State.PAUSED)
            elif self._view.state is State.PLAYING:
                self._view = replace(self._view, state=State.STOPPED)
        if error is not None:
            self.failed(error)

    def deck_resumed(self, take: int) -> None:
        """Hear from the deck that it plays on what the loss of a device had stopped."""
        with self._changing():
            resumed = take == self._take and self._view.state is State.PAUSED
            if resumed:
                self._view = replace(self._view, state=State.PLAYING)
        if resumed:
            self.recovered()

    def deck_breaks_up(self) -> None:
        """Hear from the deck that what is heard has gaps."""
        self.breaks_up()

    def deck_output(self, output: OutputState) -> None:
        """Hear from the deck that another output was opened."""
        self.output_changed(output)

    def deck_devices(self, devices: tuple[OutputDevice, ...], error: DeviceError | None) -> None:
        """Hear from the deck which devices there are."""
        self.devices_listed(devices, error)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change what is seen; listeners are told once, when the outermost change is done."""
        with self._lock:
            outermost = self._seen is None
            if outermost:
                self._seen = self._view
            try:
                yield
            finally:
                changed = outermost and self._view != self._seen
                if outermost:
                    self._seen = None
        if changed:
            self.changed()
