"""The program's workers: hand a job over by name, hear how far it is, get its result."""

from __future__ import annotations

import atexit
import itertools
import json
import threading
from collections.abc import Mapping
from typing import Any

from drumstudio.core.closing import Closing
from drumstudio.jobs.job import Checkpoint, Progress
from drumstudio.workers import protocol
from drumstudio.workers.handle import Handle, OnProgress
from drumstudio.workers.lane import Lane
from drumstudio.workers.roles import JOBS, Job

_LOOK_EVERY_SECONDS = 0.1
_ANSWER_SECONDS = 3.0


class WorkerPool(Closing):
    """One child process a role, started when first needed, ended with this process.

    Parameters
    ----------
    threads : int, optional
        How many threads numpy and torch may use in the roles that compute (infer, train);
        their own choice if not given. The others use one.
    extra_jobs : mapping of str to Job, optional
        Jobs besides those of `roles.JOBS`.

    Notes
    -----
    A checkpoint of `run` is called in the caller's thread, an `on_progress` of `submit` in
    the role's thread, where it must neither block nor raise.
    """

    def __init__(
        self, threads: int | None = None, extra_jobs: Mapping[str, Job] | None = None
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        self._threads = threads
        self._jobs = {**JOBS, **(extra_jobs or {})}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._lanes: dict[str, Lane] = {}
        self._closed = False
        # Before multiprocessing's own exit handler, which would wait for the children.
        atexit.register(self.close)

    def submit(
        self,
        job_name: str,
        /,
        on_progress: OnProgress | None = None,
        *,
        urgent: bool = False,
        timeout_seconds: float | None = None,
        **arguments: Any,
    ) -> Handle:
        """Queue a job behind those of its role and return at once.

        Parameters
        ----------
        job_name : str
            Its name in `roles.JOBS` or among the extra jobs.
        on_progress : callable, optional
            Called with (fraction, message).
        urgent : bool
            Whether it goes before waiting jobs, and before the next chunk of a running one.
        timeout_seconds : float, optional
            How long it may be silent before it counts as hanging; the job's own if not given.
        **arguments
            Its arguments: what JSON can hold; paths as str, samples never.

        Returns
        -------
        Handle
            To cancel it and to wait for its result.

        Raises
        ------
        ValueError
            If there is no such job, the pool is closed, or the arguments are too large.
        TypeError
            If the arguments do not fit in JSON.
        """
        job = self._jobs.get(job_name)
        if job is None:
            raise ValueError(f"jobs are {sorted(self._jobs)}, got {job_name!r}")
        size = len(json.dumps(arguments))
        if size > protocol.MAX_ARGUMENT_BYTES:
            raise ValueError(
                f"the arguments of a job may hold {protocol.MAX_ARGUMENT_BYTES} bytes, "
                f"got {size}; what is larger goes through a file"
            )
        with self._lock:
            if self._closed:
                raise ValueError("this pool of workers is closed")
            lane = self._lanes.get(job.role)
            if lane is None or not lane.alive:
                computes = job.role in ("infer", "train")
                lane = self._lanes[job.role] = Lane(job.role, self._threads if computes else 1)
            handle = Handle(
                job,
                next(self._numbers),
                arguments,
                urgent=urgent,
                timeout_seconds=timeout_seconds or job.timeout_seconds,
                on_progress=on_progress,
                wake=lane.wake,
            )
        lane.add(handle)
        return handle

    def run(
        self,
        job_name: str,
        checkpoint: Checkpoint,
        /,
        *,
        urgent: bool = False,
        timeout_seconds: float | None = None,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Do a job in its worker and return its result; parameters as in `submit`.

        The checkpoint hears the job's progress, and is called at least every 0.1 s, so that
        a person who cancels is heard while the job is silent.

        Raises
        ------
        Cancelled
            If the checkpoint raised it: the job is then stopped, or was complete already.
        DrumStudioError
            What the job raised; `WorkerError` if its process crashed or hung.
        """
        handle = self.submit(job_name, urgent=urgent, timeout_seconds=timeout_seconds, **arguments)
        heard: Progress | None = None
        try:
            while not handle.wait(_LOOK_EVERY_SECONDS):
                heard = handle.progress
                checkpoint(heard.fraction, heard.message)
            if handle.progress is not heard:
                checkpoint(handle.progress.fraction, handle.progress.message)
        except BaseException:  # Cancelled, Ctrl-C, or a mistake of the caller's: all stop it
            handle.cancel()
            handle.wait(_ANSWER_SECONDS)
            raise
        return handle.result()

    def child_pid(self, role: str) -> int | None:
        """Return the process id of a role's child, if it has one now."""
        lane = self._lanes.get(role)
        return lane.child_pid if lane is not None else None

    def close(self) -> None:
        """Cancel every job, end every child and wait until they are gone."""
        with self._lock:
            self._closed = True
            lanes = list(self._lanes.values())
        for lane in lanes:
            lane.close()
        atexit.unregister(self.close)
