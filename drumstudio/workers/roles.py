"""Which jobs a worker can do, by name: the function, the role whose child runs it.

A function is named, not imported, so that nothing heavy is loaded before its own child
needs it: `function(checkpoint, **arguments) -> dict`, with arguments and result made of
what JSON can hold.
"""

from __future__ import annotations

from dataclasses import dataclass

from drumstudio.workers.priority import LOWEST, NORMAL

ROLES = {"infer": NORMAL, "decode": NORMAL, "encode": NORMAL, "train": LOWEST}
"""The roles, and how far each one's process gives way. A separation lowers its own threads, for
its first chunk is waited for and the rest is not.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A job that a worker can do.

    Parameters
    ----------
    function : str
        "module:function".
    role : str
        One of `ROLES`; each has one child process, which does its jobs one by one.
    doing : str
        For an error: "The worker process stopped while ...".
    timeout_seconds : float or None
        How long the job may be silent before it counts as hanging, in seconds; None means
        for ever, because somebody watches and can cancel.
    way_out : str
        What a person can do whose file ends the worker each time.
    """

    function: str
    role: str
    doing: str = "doing a job"
    timeout_seconds: float | None = None
    way_out: str = "leave it out"

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"role must be one of {tuple(ROLES)}, got {self.role!r}")


_READING = "reading a sound file"
_CONVERT = "convert it to FLAC or WAV with another program and take that"

JOBS = {
    "probe": Job("drumstudio.files.probe:probe", "decode", _READING, 60.0, _CONVERT),
    "decode": Job("drumstudio.files.decode:decode", "decode", _READING, 60.0, _CONVERT),
    "peaks": Job("drumstudio.files.peaks:build_peaks", "decode", "drawing waveforms", 60.0),
    "overview": Job(
        "drumstudio.files.overview:build_overview", "decode", "drawing a spectrogram", 60.0
    ),
    "render_demo": Job(
        "drumstudio.synthesis.demo:render_demo_files", "decode", "rendering the demo song"
    ),
    "encode": Job("drumstudio.files.encode:encode", "encode", "writing sound files", 120.0),
    "write_stem_mp4": Job(
        "drumstudio.files.stem_mp4:write_stem_mp4", "encode", "writing a stem file", 120.0
    ),
    "mix_down": Job("drumstudio.files.mixdown:mix_down", "encode", "mixing a song", 120.0),
    "separate": Job("drumstudio.inference.separate:separate", "infer", "separating a song"),
    "refine": Job("drumstudio.inference.refine:refine", "infer", "refining the drums of a song"),
    "analyse_song": Job("drumstudio.remix.beats:analyse_song", "infer", "finding the beats"),
    "evaluate": Job("drumstudio.training.evaluate:evaluate", "infer", "scoring models"),
    "train": Job("drumstudio.training.session:train_job", "train", "training"),
    "mean_of_models": Job(
        "drumstudio.training.means:mean_job", "train", "taking the mean of models"
    ),
    "check_training_data": Job(
        "drumstudio.training.folders:check", "train", "looking at the training folders"
    ),
}
