"""Plays programs: the one thread that keeps a ring full and owns the device."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from time import perf_counter
from typing import Protocol

from drumstudio.core.errors import DeviceError, DrumStudioError
from drumstudio.playback.deck_listener import DeckListener, OutputState
from drumstudio.playback.device_search import LOOK_SECONDS, DeviceSearch, Found, Wanted
from drumstudio.playback.feeder import Feeder, Heard, Program
from drumstudio.playback.gap_watch import GapWatch
from drumstudio.playback.output import Failure, Output, OutputChoice, Sound
from drumstudio.playback.ring import Ring
from drumstudio.playback.silent_clock import SilentClock

RING_BLOCKS = 4
"""Device blocks that the ring holds: a change is heard after so many, a stall outlived."""

_SHORTEST_RING_SECONDS = 0.03
_POLLS_PER_RING = 8
_IDLE_SECONDS = 10.0
_UNTOLD_SECONDS = 1.0  # that a device which is there again may take before a loss is told
# How soon a busy thread hands the interpreter over while something plays. At Python's usual
# 5 ms the audio callback and this thread come too late beside a window that draws.
_SWITCH_SECONDS = 0.001


class Closable(Protocol):
    """Something that holds files open."""

    def close(self) -> None:
        """Close them."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One time of playing, from start to stop."""

    feeder: Feeder
    ring: Ring
    output: Output


@dataclass(slots=True)
class _Loss:
    """A device that is gone: where that was, and when."""

    name: str
    error: DeviceError
    position: int
    stop: int | None
    sample_rate: int
    since_seconds: float
    told: bool = False


class Deck:
    """Plays what it is given; every method returns at once and may be called from any thread.

    Parameters
    ----------
    listener : DeckListener
        Who is told what happens.
    sound : Sound
        Where outputs come from; all decks of a process share one.
    """

    def __init__(self, listener: DeckListener, sound: Sound) -> None:
        self._listener = listener
        self._sound = sound
        self._choice = OutputChoice()
        self._take = 0
        self._program: Program | None = None
        self._retired: list[Closable] = []
        self._output: Output | None = None
        self._wanted: Wanted | None = None  # what `_output` was opened for
        self._run: _Run | None = None
        self._gaps = GapWatch()
        self._next: tuple[int, int | None] | None = None  # to play once the run has faded out
        self._loss: _Loss | None = None
        self._usual_switch_seconds = sys.getswitchinterval()
        self._idle_since = 0.0
        self._closing = False
        self._commands: deque[Callable[[], None]] = deque()
        self._woken = Event()
        self._search = DeviceSearch(self._sound, self._woken.set)
        self._thread = Thread(target=self._serve, name="deck", daemon=True)
        self._thread.start()

    # --- for any thread ----------------------------------------------------------------

    def load(self, program: Program, retired: tuple[Closable, ...] = ()) -> None:
        """Play another program from now on, without a gap where something plays.

        Parameters
        ----------
        program : Program
            If its rate is another, what plays stops.
        retired : tuple of objects with `close`
            What earlier programs read from and this one does not; closed once it is unused.
        """
        self._post(lambda: self._do_load(program, retired))

    def play(self, take: int, position: int, stop: int | None = None) -> None:
        """Play from a sample on, to the end or to another sample; a seek if it plays.

        `take` names this playing when the listener is told that it is over.
        """
        self._post(lambda: self._do_play(take, position, stop))

    def pause(self) -> None:
        """Stop after a short fade; look no more for a device that was lost."""
        self._post(self._do_pause)

    def choose(self, choice: OutputChoice) -> None:
        """Play on another device, or with another buffer, from where it is."""
        self._post(lambda: self._do_choose(choice))

    def list_devices(self) -> None:
        """Have the listener told which devices there are; looks for new ones if it can."""
        self._post(self._do_list)

    def position(self) -> float | None:
        """Return the song's sample that is heard now; None if nothing plays."""
        run = self._run
        return None if run is None else run.feeder.position_of(_heard_samples(run))

    def take_heard(self) -> Heard | None:
        """Return what was heard since the last call, for meters; None if that is nothing."""
        run = self._run
        return None if run is None else run.feeder.take_heard(_heard_samples(run))

    def missed_samples(self) -> int:
        """Return how many samples came too late since playing began."""
        run = self._run
        return 0 if run is None else run.ring.missed

    def close(self) -> None:
        """Stop, give the device back and end the thread; waits for it."""
        self._post(self._do_close)
        self._thread.join()

    def _post(self, command: Callable[[], None]) -> None:
        self._commands.append(command)
        self._woken.set()

    # --- on the deck's thread ----------------------------------------------------------

    def _serve(self) -> None:
        while not self._closing:
            self._woken.wait(self._nap_seconds())
            self._woken.clear()
            while self._commands:
                self._commands.popleft()()
            if self._run is not None:
                self._keep_playing(self._run)
            elif self._output is not None and perf_counter() - self._idle_since > _IDLE_SECONDS:
                # On some systems nobody else can play while we hold the device.
                self._close_output()
            if (result := self._search.take()) is not None:
                self._on_found(*result)
            if self._loss is not None or (self._run is not None and self._run.output.silent):
                self._look_for_device()

    def _nap_seconds(self) -> float | None:
        if self._run is not None:
            return self._run.ring.capacity / self._run.output.sample_rate / _POLLS_PER_RING
        if self._loss is not None:
            return LOOK_SECONDS / 4
        return None if self._output is None else _IDLE_SECONDS

    def _keep_playing(self, run: _Run) -> None:
        try:
            run.feeder.fill()
        except DrumStudioError as error:
            self._end(run, int(run.feeder.position_of(_heard_samples(run))), error)
            return
        self._close_retired()
        gaps = self._gaps.breaks_up(run.ring.missed, run.output.underflows)
        if gaps and not run.output.silent:
            self._listener.deck_breaks_up()
        if run.ring.ended and run.ring.read == run.ring.written:
            if self._next is not None and self._program is not None:
                position, stop = self._next
                self._drop_run()
                self._start(self._program, position, stop)
                return
            if _heard_samples(run) >= run.ring.written:
                self._end(run, run.feeder.position, None)
                return
        failure = run.output.failure
        if failure is not None:
            self._lose(run, failure)
        elif self._loss is not None and run.ring.read:
            self._go_on(self._loss)

    def _end(self, run: _Run, position: int, error: DrumStudioError | None) -> None:
        run.output.stop()
        self._set_run(None)
        self._idle_since = perf_counter()
        self._close_retired()
        self._listener.deck_stopped(self._take, position, error)

    def _set_run(self, run: _Run | None) -> None:
        if run is not None and self._run is None:
            self._usual_switch_seconds = sys.getswitchinterval()
            sys.setswitchinterval(_SWITCH_SECONDS)
        elif run is None and self._run is not None:
            sys.setswitchinterval(self._usual_switch_seconds)
        self._run = run
        self._next = None

    def _do_load(self, program: Program, retired: tuple[Closable, ...]) -> None:
        self._program = program
        self._retired.extend(retired)
        if self._run is not None:
            if self._run.feeder.current.sample_rate == program.sample_rate:
                self._run.feeder.program = program
            else:
                self._run.feeder.fade_out()
        if self._loss is not None and self._loss.sample_rate != program.sample_rate:
            self._give_up_loss()
        self._close_retired()

    def _close_retired(self) -> None:
        if self._retired and (self._run is None or self._run.feeder.current is self._program):
            for one in self._retired:
                one.close()
            self._retired.clear()

    def _do_play(self, take: int, position: int, stop: int | None) -> None:
        self._give_up_loss()
        self._take = take
        if self._program is None:
            self._listener.deck_stopped(take, position, None)
        elif self._run is None:
            self._start(self._program, position, stop)
        elif (
            self._run.feeder.over
            or self._run.feeder.current.sample_rate != self._program.sample_rate
        ):
            self._run.feeder.fade_out()
            self._next = (position, stop)
        else:
            self._run.feeder.seek(position, stop)

    def _start(self, program: Program, position: int, stop: int | None) -> None:
        output = self._output_for(program.sample_rate)
        ring = Ring(_ring_capacity(output), output.channels)
        run = _Run(Feeder(ring, output.sample_rate, program, position, stop), ring, output)
        try:
            run.feeder.fill()
            output.start(ring)
        except DrumStudioError as error:
            if isinstance(error, DeviceError):
                self._close_output()
            self._idle_since = perf_counter()
            if self._loss is None or not isinstance(error, DeviceError):
                self._loss = None
                self._listener.deck_stopped(self._take, position, error)
            return
        self._set_run(run)

    def _output_for(self, sample_rate: int) -> Output:
        wanted = (self._choice, sample_rate)
        if self._output is not None and self._output.failure is None and self._wanted == wanted:
            return self._output
        self._close_output()
        try:
            output, reason = self._sound.open(*wanted)
        except DeviceError as error:
            output, reason = SilentClock(sample_rate, self._choice.block_samples), error
        self._take_output(output, wanted, reason)
        return output

    def _take_output(self, output: Output, wanted: Wanted, reason: DeviceError | None) -> None:
        self._output, self._wanted, self._gaps = output, wanted, GapWatch()
        ring_seconds = _ring_capacity(output) / output.sample_rate
        latency_seconds = ring_seconds + output.latency_seconds
        self._listener.deck_output(
            OutputState(output.name, output.silent, output.sample_rate, latency_seconds, reason)
        )

    def _close_output(self) -> None:
        if self._output is not None:
            self._output.close()
            self._output = None

    def _do_pause(self) -> None:
        self._give_up_loss()
        if self._run is not None:
            self._run.feeder.fade_out()
            self._next = None

    def _do_choose(self, choice: OutputChoice) -> None:
        if choice == self._choice:
            return
        self._choice = choice
        if self._loss is not None:
            self._drop_run()
            self._close_output()
            self._search.at_once()
        elif self._run is not None and self._program is not None:
            self._move(self._run, self._program)

    def _move(self, run: _Run, program: Program) -> None:
        """Go on from where it is, on the output that is wanted now."""
        if not run.feeder.fading_out:
            position = int(run.feeder.position_of(_heard_samples(run)))
            self._drop_run()
            self._start(program, position, run.feeder.stop)

    # --- when there is no device -------------------------------------------------------

    def _lose(self, run: _Run, failure: Failure) -> None:
        heard = run.ring.taken.heard(failure.at_seconds, run.output.sample_rate)
        position, stop = int(run.feeder.position_of(heard)), run.feeder.stop
        if self._next is not None:
            position, stop = self._next
        ending = run.feeder.fading_out and self._next is None
        self._drop_run()
        self._close_output()
        self._search.at_once()
        if self._loss is not None:  # what was found does not play either
            self._tell_loss(self._loss)
            self._search.later()
        elif ending:
            self._listener.deck_stopped(self._take, position, None)
        else:
            error = DeviceError(
                f"{run.output.name} no longer plays",
                why=f"{failure.why}.",
                fix="Connect a sound device: playing goes on as soon as there is one.",
            )
            rate = run.feeder.current.sample_rate
            name = run.output.name
            self._loss = _Loss(name, error, position, stop, rate, perf_counter())
        self._close_retired()

    def _tell_loss(self, loss: _Loss) -> None:
        if not loss.told:
            loss.told = True
            nothing = OutputState(SilentClock.name, True, loss.sample_rate, 0.0, loss.error)
            self._listener.deck_output(nothing)
            self._listener.deck_stopped(self._take, loss.position, loss.error)

    def _go_on(self, loss: _Loss) -> None:
        self._loss = None
        if loss.told:
            self._listener.deck_resumed(self._take)

    def _give_up_loss(self) -> None:
        loss, self._loss = self._loss, None
        if loss is not None:
            self._drop_run()
            if not loss.told:
                self._listener.deck_stopped(self._take, loss.position, None)

    def _drop_run(self) -> None:
        if self._run is not None:
            self._run.output.stop()
            self._set_run(None)
            self._idle_since = perf_counter()

    def _look_for_device(self) -> None:
        loss, wanted = self._loss, self._wanted_now()
        if loss is not None and perf_counter() - loss.since_seconds > _UNTOLD_SECONDS:
            self._tell_loss(loss)
        trying = loss is not None and self._run is not None
        if wanted is not None and not trying:
            self._search.look(wanted)

    def _on_found(self, wanted: Wanted, found: Found) -> None:
        run, loss = self._run, self._loss
        if found is None:
            if loss is not None:
                self._tell_loss(loss)
            return
        output, reason = found
        trying = loss is not None and run is None
        silent = run is not None and run.output.silent and not run.feeder.fading_out
        if self._program is None or wanted != self._wanted_now() or not (trying or silent):
            output.close()
            return
        self._close_output()
        if loss is not None and output.name != loss.name:
            reason = loss.error
        self._take_output(output, wanted, reason)
        if run is not None:
            self._move(run, self._program)
        elif loss is not None:
            self._start(self._program, loss.position, loss.stop)

    def _wanted_now(self) -> Wanted | None:
        return None if self._program is None else (self._choice, self._program.sample_rate)

    # --- the rest ----------------------------------------------------------------------

    def _do_list(self) -> None:
        try:
            devices = self._sound.devices()
        except DeviceError as error:
            self._listener.deck_devices((), error)
        else:
            self._listener.deck_devices(devices, None)

    def _do_close(self) -> None:
        self._drop_run()
        self._loss = None
        self._search.finish()
        self._close_output()
        self._close_retired()
        self._closing = True


def _ring_capacity(output: Output) -> int:
    # A server may fill a device's whole buffer at once.
    seconds = max(_SHORTEST_RING_SECONDS, output.latency_seconds)
    return max(RING_BLOCKS * output.block_samples, round(seconds * output.sample_rate))


def _heard_samples(run: _Run) -> float:
    """Return which of the ring's samples leaves the loudspeaker now."""
    return run.ring.taken.heard(perf_counter(), run.output.sample_rate)
