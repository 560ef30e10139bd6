"""The formats a song can be written in, and what each of them can hold."""

from __future__ import annotations

from dataclasses import dataclass

from drumstudio.core.errors import AudioWriteError
from drumstudio.core.speakers import implied_mask, names_of, order_under, xiph_names
from drumstudio.files.wav_file import RIFF_LIMIT_BYTES

HIGHEST_RATE = 768_000
"""Highest sample rate written, in hertz."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of written files.

    Parameters
    ----------
    name : str
        As said on the command line: "wav24".
    label : str
        As shown: "WAV, 24 bit".
    suffix : str
        How its files' names end, with the dot.
    container, coding : str
        libsndfile's names.
    bits : int
        Of its whole numbers; 0 if it stores floating point or is lossy.
    lossless : bool
        Whether what is read back is what was written.
    most_channels : int
        More are refused; libsndfile does not survive them in every format.
    any_rate_up_to : int
        Every rate up to this one is held, in hertz, ...
    rates : tuple of int
        ... and these; ascending.
    bytes_per_value : int
        Most that one sample of one channel takes on disk.
    implies_speakers : bool
        Whether the number of channels says what they are for, as in FLAC, Vorbis and Opus.
    compression : float, optional
        libsndfile's compression level, in [0, 1].
    bit_rate_mode : str, optional
        libsndfile's bit rate mode.
    """

    name: str
    label: str
    suffix: str
    container: str
    coding: str
    bits: int
    lossless: bool
    most_channels: int
    any_rate_up_to: int
    rates: tuple[int, ...]
    bytes_per_value: int
    implies_speakers: bool = True
    compression: float | None = None
    bit_rate_mode: str | None = None

    @property
    def full_scale_is_a_limit(self) -> bool:
        """Whether samples beyond 1.0 clip, here or in whatever plays the file."""
        return bool(self.bits) or not self.lossless

    def holds(self, sample_rate: int) -> bool:
        """Return whether files of this format can have a sample rate, in hertz."""
        return 1 <= sample_rate <= self.any_rate_up_to or sample_rate in self.rates

    def rate_for(self, sample_rate: int) -> int:
        """Return the rate that a song of `sample_rate` gets: its own, else the next above."""
        if self.holds(sample_rate):
            return sample_rate
        above = [rate for rate in self.rates if rate >= sample_rate]
        return above[0] if above else max(self.any_rate_up_to, *self.rates)

    def speakers_for(self, speakers: int, channels: int) -> int | None:
        """Return under which mask (`core.speakers`) a song's channels are stored, if at all.

        None where the channels would become something else: the microphones of a field
        recorder would be played as centre and surround.
        """
        return implied_mask(speakers, channels) if self.implies_speakers else speakers

    def order_for(self, speakers: int, channels: int) -> list[int]:
        """Return which of a song's channels stands first, second, ... in a file."""
        stored = self.speakers_for(speakers, channels) or 0
        order = order_under(speakers, stored) if stored else list(range(channels))
        names = xiph_names(channels) if self.coding in ("VORBIS", "OPUS") else ()
        return [order[names_of(stored).index(name)] for name in names] or order

    def container_for(self, data_bytes: int) -> str:
        """Return libsndfile's container for that much data: WAV ends at 4 GiB, RF64 does not."""
        large = self.container == "WAV" and data_bytes > RIFF_LIMIT_BYTES
        return "RF64" if large else self.container


# Limits found by trying, in child processes (libsndfile 1.2.2): Vorbis beyond 200,000 Hz or
# 255 channels is a segmentation fault; FLAC's frames hold only round rates above 65,535 Hz.
# Rates of MP3: MPEG-1, MPEG-2 and MPEG-2.5 layer III. Opus knows only 48 kHz inside.
_ALL = (
    Format(
        name="wav16",
        label="WAV, 16 bit",
        suffix=".wav",
        container="WAV",
        coding="PCM_16",
        bits=16,
        lossless=True,
        most_channels=1_024,
        any_rate_up_to=HIGHEST_RATE,
        rates=(HIGHEST_RATE,),
        bytes_per_value=2,
        implies_speakers=False,
    ),
    Format(
        name="wav24",
        label="WAV, 24 bit",
        suffix=".wav",
        container="WAV",
        coding="PCM_24",
        bits=24,
        lossless=True,
        most_channels=1_024,
        any_rate_up_to=HIGHEST_RATE,
        rates=(HIGHEST_RATE,),
        bytes_per_value=3,
        implies_speakers=False,
    ),
    Format(
        name="wav-float",
        label="WAV, 32 bit floating point",
        suffix=".wav",
        container="WAV",
        coding="FLOAT",
        bits=0,
        lossless=True,
        most_channels=1_024,
        any_rate_up_to=HIGHEST_RATE,
        rates=(HIGHEST_RATE,),
        bytes_per_value=4,
        implies_speakers=False,
    ),
    Format(
        name="flac",
        label="FLAC, 24 bit",
        suffix=".flac",
        container="FLAC",
        coding="PCM_24",
        bits=24,
        lossless=True,
        most_channels=8,
        any_rate_up_to=65_535,
        rates=(88_200, 96_000, 176_400, 192_000, 352_800, 384_000),
        bytes_per_value=3,
    ),
    Format(
        name="ogg",
        label="Ogg Vorbis, quality 9",
        suffix=".ogg",
        container="OGG",
        coding="VORBIS",
        bits=0,
        lossless=False,
        most_channels=255,
        any_rate_up_to=192_000,
        rates=(192_000,),
        bytes_per_value=1,
        compression=0.1,
    ),
    Format(
        name="opus",
        label="Opus, 128 kb/s a channel",
        suffix=".opus",
        container="OGG",
        coding="OPUS",
        bits=0,
        lossless=False,
        most_channels=255,
        any_rate_up_to=0,
        rates=(48_000,),
        bytes_per_value=1,
        compression=0.5,
    ),
    Format(
        name="mp3",
        label="MP3, 320 kb/s",
        suffix=".mp3",
        container="MP3",
        coding="MPEG_LAYER_III",
        bits=0,
        lossless=False,
        most_channels=2,
        any_rate_up_to=0,
        rates=(8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
        bytes_per_value=1,
        compression=0.0,
        bit_rate_mode="CONSTANT",
    ),
)

FORMATS = {form.name: form for form in _ALL}
"""The formats by name, in the order in which they are offered."""


def require_channels(form: Format, channels: int, speakers: int, what: str) -> None:
    """Check that a format holds a song's channels and what they are for.

    Parameters
    ----------
    form : Format
    channels, speakers : int
        How many the song has, and what they are for (`core.speakers`).
    what : str
        What could not be done otherwise: "Cannot write x.ogg".

    Raises
    ------
    AudioWriteError
        If it does not hold them.
    """
    if channels > form.most_channels:
        roomy = [other.name for other in FORMATS.values() if other.most_channels >= channels]
        raise AudioWriteError(
            what,
            why=f"{form.label} holds at most {form.most_channels} channels, and the song has "
            f"{channels}.",
            fix=f"Choose another format ({', '.join(roomy)})." if roomy else "Mix it down first.",
        )
    if form.speakers_for(speakers, channels) is None:
        meant = ", ".join(names_of(speakers)) or "no speakers, but microphones or tracks"
        raise AudioWriteError(
            what,
            why=f"the {channels} channels of such a file stand for certain speakers, and the "
            f"song's are others ({meant}).",
            fix="Choose WAV, which says what each channel is for.",
        )


@dataclass(frozen=True, slots=True)
class StemFormat:
    """A format in which a song and its stems are one file.

    Parameters
    ----------
    name, label, suffix : str
        As of `Format`.
    codec : str
        FFmpeg's name.
    """

    name: str
    label: str
    codec: str
    suffix: str = ".stem.mp4"


STEM_FORMATS = {
    form.name: form
    for form in (
        StemFormat("ni-stems", "NI STEMS, AAC 256 kb/s", "aac"),
        StemFormat("ni-stems-alac", "NI STEMS, lossless (not for Traktor on Windows)", "alac"),
    )
}
"""The formats that hold a song with its stems, by name."""

ALL_FORMATS: dict[str, Format | StemFormat] = {**FORMATS, **STEM_FORMATS}
"""All that can be asked for, in the order in which it is offered."""
