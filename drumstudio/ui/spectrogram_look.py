"""What the spectrogram pane remembers from one start to the next, and its frequencies' zoom."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from drumstudio import atomic, paths
from drumstudio.application.spectrogram_picture import N_FFTS, ViewLook
from drumstudio.core import check
from drumstudio.core.errors import DrumStudioError
from drumstudio.core.levels import HIGHEST_DB, LOWEST_DB, STEMS
from drumstudio.core.view_axis import SCALES, FrequencyAxis
from drumstudio.ui.spectrogram_colours import MAPS

LOWEST_HZ = {"log": 20.0, "linear": 0.0, "mel": 0.0}
_LEAST_SPAN_HZ = 40.0


@dataclass(frozen=True, slots=True)
class PaneLook:
    """How the spectrogram is shown.

    Parameters
    ----------
    visible : bool
        Whether the pane is open.
    height : int
        Its share of the centre's height, in hundredths.
    stem, n_fft, low_db, high_db
        As in `application.spectrogram_view.ViewLook`.
    scale : str
        One of `core.view_axis.SCALES`.
    colours : str
        One of `spectrogram_colours.MAPS`.
    alone : bool
        Whether it takes the lanes' room, too, when it is open.
    """

    visible: bool = False
    height: int = 58
    stem: str = "mixture"
    n_fft: int = 2048
    low_db: float = -84.0
    high_db: float = -12.0
    scale: str = "mel"
    colours: str = "stems"
    alone: bool = False

    def __post_init__(self) -> None:
        check.one_of("stem", self.stem, STEMS)
        check.one_of("scale", self.scale, SCALES)
        check.one_of("colours", self.colours, tuple(MAPS))
        check.within("height", self.height, 10, 90)
        if self.n_fft not in N_FFTS:
            raise ValueError(f"n_fft must be one of {N_FFTS}, got {self.n_fft}")
        check.within("low_db", self.low_db, LOWEST_DB, -1.0)
        check.within("high_db", self.high_db, self.low_db + 1.0, HIGHEST_DB)

    @property
    def view(self) -> ViewLook:
        """What the view computes."""
        return ViewLook(self.n_fft, self.stem, self.low_db, self.high_db)


def _file() -> Path:
    return paths.user_config_folder() / "spectrogram.json"


def load_look() -> PaneLook:
    """Return what is remembered; what can not be read or is out of range is as at first."""
    look = PaneLook()
    try:
        plain = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return look
    if not isinstance(plain, dict):
        return look
    for field in fields(PaneLook):
        try:
            look = replace(look, **{field.name: plain[field.name]})
        except (KeyError, TypeError, ValueError):
            continue
    return look


def store_look(look: PaneLook) -> None:
    """Remember it; that it can not be remembered is no error."""
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(_file(), json.dumps(asdict(look), indent=1))
    except (OSError, DrumStudioError):
        return


def whole_axis(scale: str, sample_rate: int, rows: int) -> FrequencyAxis:
    """Return the axis of everything that a song holds."""
    return FrequencyAxis(scale, LOWEST_HZ[scale], sample_rate / 2, rows)


def zoomed_axis(
    axis: FrequencyAxis, factor: float, about_row: float, highest_hz: float
) -> FrequencyAxis:
    """Return an axis closer by a factor, with the frequency at a row staying there."""
    top = about_row * (1 - 1 / factor)
    bottom = about_row + (axis.rows - about_row) / factor
    return _within(axis, axis.hz_at(bottom), axis.hz_at(top), highest_hz)


def panned_axis(axis: FrequencyAxis, rows: float, highest_hz: float) -> FrequencyAxis:
    """Return an axis that shows what is higher by some rows; lower by a negative number."""
    lowest, highest = axis.row_at(LOWEST_HZ[axis.scale]), axis.row_at(highest_hz)
    rows = min(max(rows, axis.rows - lowest), -highest)
    return _within(axis, axis.hz_at(axis.rows - rows), axis.hz_at(-rows), highest_hz)


def _within(axis: FrequencyAxis, low: float, high: float, highest_hz: float) -> FrequencyAxis:
    lowest = LOWEST_HZ[axis.scale]
    low = min(max(low, lowest), highest_hz - _LEAST_SPAN_HZ)
    high = max(min(high, highest_hz), low + _LEAST_SPAN_HZ)
    return replace(axis, low_hz=low, high_hz=high)
