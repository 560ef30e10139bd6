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
from drumstudio.playback.feeder import Feeder, Heard, Program
from drumstudio.playback.player import (
    Output,
    OutputChoice,
    OutputDevice,
    open_best,
    output_devices,
    refresh_devices,
)
from drumstudio.playback.ring import Ring

RING_BLOCKS = 4
"""Device blocks that the ring holds: a change is heard after so many, a stall outlived."""

_SHORTEST_RING_SECONDS = 0.03
_POLLS_PER_RING = 8
_STALLED_SECONDS = 2.0
_IDLE_SECONDS = 10.0
# How soon a busy thread hands the interpreter over while something plays. At Python's usual
# 5 ms the audio callback and this thread come too late beside a window that draws.
_SWITCH_SECONDS = 0.001


class Closable(Protocol):
    """Something that holds files open."""

    def close(self) -> None:
        """Close them."""


@dataclass(frozen=True, slots=True)
class OutputState:
    """What is played on.

    Parameters
    ----------
    name : str
        The device, for a person.
    silent : bool
        Whether nothing can be heard, because there is no device.
    sample_rate : int
        What it runs at, in hertz.
    latency_seconds : float
        From a change to its being heard: ring and device.
    reason : DeviceError or None
        Why it is not what was asked for.
    """

    name: str
    silent: bool
    sample_rate: int
    latency_seconds: float
    reason: DeviceError | None


class DeckListener(Protocol):
    """Who is told what happens; called on the deck's thread, must not block."""

    def deck_stopped(self, take: int, position: int, error: DrumStudioError | None) -> None:
        """Playing is over at a sample: paused, at the end, or because of an error.

        `take` is that of the last `Deck.play` before, so that who has asked for another
        meanwhile can tell.
        """

    def deck_output(self, output: OutputState) -> None:
        """Another output was opened."""

    def deck_devices(self, devices: tuple[OutputDevice, ...], error: DeviceError | None) -> None:
        """Devices were listed; none and the reason if that was not possible."""


OpenOutput = Callable[[OutputChoice, int], tuple[Output, DeviceError | None]]


@dataclass(frozen=True, slots=True)
class _Run:
    """One time of playing, from start to stop."""

    feeder: Feeder
    ring: Ring
    output: Output


class Deck:
    """Plays what it is given; every method returns at once and may be called from any thread.

    Parameters
    ----------
    listener : DeckListener
        Who is told what happens.
    open_output : callable
        Returns an output for a choice and a rate, and why it is another one than chosen.
    """

    def __init__(self, listener: DeckListener, open_output: OpenOutput = open_best) -> None:
        self._listener = listener
        self._open_output = open_output
        self._choice = OutputChoice()
        self._take = 0
        self._program: Program | None = None
        self._retired: list[Closable] = []
        self._output: Output | None = None
        self._output_key: tuple[OutputChoice, int] | None = None
        self._run: _Run | None = None
        self._usual_switch_seconds = sys.getswitchinterval()
        self._idle_since = 0.0
        self._closing = False
        self._commands: deque[Callable[[], None]] = deque()
        self._woken = Event()
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
        """Stop after a short fade."""
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

    def _nap_seconds(self) -> float | None:
        if self._run is not None:
            return self._run.ring.capacity / self._run.output.sample_rate / _POLLS_PER_RING
        return None if self._output is None else _IDLE_SECONDS

    def _keep_playing(self, run: _Run) -> None:
        try:
            run.feeder.fill()
        except DrumStudioError as error:
            self._end(run, error)
            return
        self._close_retired()
        if run.ring.ended and run.ring.read == run.ring.written:
            self._end(run, None)
            return
        failure = run.output.failure
        if failure is None and perf_counter() - run.ring.taken.at_seconds > _STALLED_SECONDS:
            failure = "it does not take any sound"
        if failure is not None:
            self._end(
                run,
                DeviceError(
                    f"{run.output.name} no longer plays",
                    why=f"{failure}.",
                    fix="Press play to go on, with another device if this one is gone.",
                ),
            )
            self._close_output()

    def _end(self, run: _Run, error: DrumStudioError | None) -> None:
        lost = isinstance(error, DeviceError)
        position = run.feeder.position
        if error is not None:
            position = int(run.feeder.position_of(_heard_samples(run)))
        if not lost:
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

    def _do_load(self, program: Program, retired: tuple[Closable, ...]) -> None:
        self._program = program
        self._retired.extend(retired)
        if self._run is not None:
            if self._run.feeder.current.sample_rate == program.sample_rate:
                self._run.feeder.program = program
            else:
                self._run.feeder.fade_out()
        self._close_retired()

    def _close_retired(self) -> None:
        if self._retired and (self._run is None or self._run.feeder.current is self._program):
            for one in self._retired:
                one.close()
            self._retired.clear()

    def _do_play(self, take: int, position: int, stop: int | None) -> None:
        self._take = take
        if self._program is None:
            self._listener.deck_stopped(take, position, None)
            return
        if self._run is not None:
            same_rate = self._run.feeder.current.sample_rate == self._program.sample_rate
            if same_rate and not self._run.feeder.over:
                self._run.feeder.seek(position, stop)
                return
            self._run.output.stop()
            self._set_run(None)
        self._start(self._program, position, stop)

    def _start(self, program: Program, position: int, stop: int | None) -> None:
        output = self._output_for(program.sample_rate)
        ring = Ring(_ring_capacity(output), output.channels)
        run = _Run(Feeder(ring, output.sample_rate, program, position, stop), ring, output)
        try:
            run.feeder.fill()
            output.start(ring)
        except DrumStudioError as error:
            self._listener.deck_stopped(self._take, position, error)
            if isinstance(error, DeviceError):
                self._close_output()
            return
        self._set_run(run)

    def _output_for(self, sample_rate: int) -> Output:
        key = (self._choice, sample_rate)
        if self._output is None or self._output_key != key:
            self._close_output()
            self._output, reason = self._open_output(*key)
            self._output_key = key
            ring_seconds = _ring_capacity(self._output) / self._output.sample_rate
            self._listener.deck_output(
                OutputState(
                    self._output.name,
                    self._output.silent,
                    self._output.sample_rate,
                    ring_seconds + self._output.latency_seconds,
                    reason,
                )
            )
        return self._output

    def _close_output(self) -> None:
        if self._output is not None:
            self._output.close()
            self._output = None

    def _do_pause(self) -> None:
        if self._run is not None:
            self._run.feeder.fade_out()

    def _do_choose(self, choice: OutputChoice) -> None:
        if choice == self._choice:
            return
        self._choice = choice
        run = self._run
        if run is not None and self._program is not None:
            position = int(run.feeder.position_of(_heard_samples(run)))
            run.output.stop()
            self._set_run(None)
            self._start(self._program, position, run.feeder.stop)

    def _do_list(self) -> None:
        try:
            if self._output is None:
                refresh_devices()
            devices = output_devices()
        except DeviceError as error:
            self._listener.deck_devices((), error)
        else:
            self._listener.deck_devices(devices, None)

    def _do_close(self) -> None:
        if self._run is not None:
            self._run.output.stop()
            self._set_run(None)
        self._close_output()
        self._close_retired()
        self._closing = True


def _ring_capacity(output: Output) -> int:
    shortest = round(_SHORTEST_RING_SECONDS * output.sample_rate)
    return max(RING_BLOCKS * output.block_samples, shortest)


def _heard_samples(run: _Run) -> float:
    """Return which of the ring's samples leaves the loudspeaker now."""
    taken = run.ring.taken
    since = perf_counter() - taken.at_seconds - run.output.latency_seconds
    heard = taken.start + since * run.output.sample_rate
    return min(max(heard, 0.0), float(taken.start + taken.samples))
