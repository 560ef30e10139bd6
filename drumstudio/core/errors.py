"""The errors a person sees: what happened, why, and what to do about it."""

from __future__ import annotations


class DrumStudioError(Exception):
    """An error that a person can act on, told in three plain lines.

    Raised where the cause is known; shown in one place (the error dialog, or the
    command line, which prints the three lines and exits with 1).

    Parameters
    ----------
    what : str
        What could not be done, with the name of the thing: "Cannot open song.wav".
    why : str
        The cause, in plain words.
    fix : str
        What the person can do now.
    """

    def __init__(self, what: str, *, why: str, fix: str) -> None:
        super().__init__(what, why, fix)
        self.what = what
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}\n{self.why}\n{self.fix}"

    def __reduce__(self) -> tuple[object, ...]:
        return error_from_dict, (self.to_dict(),)

    def to_dict(self) -> dict[str, str]:
        """Return the error as plain strings: kind, what, why, fix (for a pipe or a report)."""
        return {"kind": type(self).__name__, "what": self.what, "why": self.why, "fix": self.fix}


class AudioOpenError(DrumStudioError):
    """A sound file can not be read."""


class AudioWriteError(DrumStudioError):
    """A sound file can not be written."""


class DiskFullError(DrumStudioError):
    """There is not enough free space for what was asked."""


class OutputExistsError(DrumStudioError):
    """A file of that name is there already and may not be replaced."""


class ModelMissingError(DrumStudioError):
    """No model of that name, or its weights are not on this computer."""


class ModelCorruptError(DrumStudioError):
    """A model's weights or card are damaged or are not what the card declares."""


class SettingError(DrumStudioError):
    """A setting or parameter has a name or a value that does not exist."""


class DeviceError(DrumStudioError):
    """The device asked for is not there or gave up."""


class ProjectError(DrumStudioError):
    """A project can not be opened, read or written."""


class WorkerError(DrumStudioError):
    """A worker process crashed, hung or raised something unforeseen."""


class Cancelled(Exception):
    """The person asked a job to stop; not an error, never shown as one."""


def error_from_dict(plain: dict[str, str]) -> DrumStudioError:
    """Return the error that `DrumStudioError.to_dict` made plain.

    An unknown kind comes back as `DrumStudioError` itself, so that a newer worker
    never breaks an older reader.
    """
    kinds = {kind.__name__: kind for kind in DrumStudioError.__subclasses__()}
    kind = kinds.get(plain.get("kind", ""), DrumStudioError)
    return kind(plain["what"], why=plain["why"], fix=plain["fix"])
