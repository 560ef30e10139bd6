"""Which files of a folder are sound: by how their names end, else by how the files begin.

A file that a person names is always opened, whatever it is called. This list decides only what
is found when its folder is named, and what a file dialog offers.
"""

from __future__ import annotations

from pathlib import Path

AUDIO_SUFFIXES = frozenset(
    (
        # as WAV, AIFF and the older ones of their kind
        *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".aif", ".aiff", ".aifc", ".caf", ".au"),
        *(".snd", ".iff", ".8svx", ".voc", ".ircam", ".sf", ".nist", ".sph", ".pvf", ".paf"),
        *(".avr", ".htk", ".mpc2k", ".sds", ".wve", ".xi"),
        # compressed, without loss and with
        *(".flac", ".ape", ".tak", ".tta", ".wv", ".dsf", ".ogg", ".oga", ".opus", ".spx"),
        *(".mp3", ".mp2", ".mp1", ".mpa", ".m2a", ".m4a", ".m4b", ".m4r", ".aac", ".adts"),
        *(".ac3", ".eac3", ".ec3", ".amr", ".wma", ".mka", ".weba"),
        # videos, whose sound is taken
        *(".mp4", ".m4v", ".mov", ".qt", ".mj2", ".3gp", ".3g2", ".f4v", ".flv", ".mkv", ".webm"),
        *(".avi", ".asf", ".wmv", ".ogv", ".ogx", ".mpg", ".mpeg", ".vob", ".m2p"),
        *(".ts", ".m2t", ".m2ts", ".mts"),
    )
)
"""How the names of sound files and videos end, small letters."""

# Names that programs' sources, tables and data have too: they count only if the file agrees.
_SHARED = frozenset((".ts", ".mts", ".sf", ".iff", ".xi", ".sph"))

HEAD_BYTES = 1 << 16
"""How much of a file's beginning tells what it is."""

_STEM_MARK = "DrumStudio stem"
_LONGEST_MARK = 28  # bytes, in `files.wav_file`

_BEGINNINGS = (
    *(b"fLaC", b"OggS", b"caff", b".snd", b"dns.", b"wvpk", b"MAC ", b"tBaK", b"TTA1", b"DSD "),
    *(b"ID3", b"#!AMR", b"FLV\x01", b"\x1aE\xdf\xa3", b"0&\xb2u", b"\x00\x00\x01\xba"),
    *(b"Creative Voice File", b"NIST_1A", b"PVF1", b" paf", b"fap ", b"2BIT", b"Extended Instr"),
    *(b"ALawSoundFile**", b"\x64\xa3\x01\x00", b"\x64\xa3\x02\x00", b"\x64\xa3\x03\x00"),
    b"riff\x2e\x91\xcf\x11",
)
_INSIDE = {
    b"RIFF": (b"WAVE", b"AVI "),
    b"RIFX": (b"WAVE",),
    b"RF64": (b"WAVE",),
    b"FORM": (b"AIFF", b"AIFC", b"8SVX", b"16SV", b"MAUD"),
}
_MOVIE_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
# A still picture of the same family as MP4: HEIC and AVIF.
_PICTURES = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"crx ")


def is_audio_path(path: Path) -> bool:
    """Return whether a file's name says that it is sound; the file is not looked at."""
    suffix = path.suffix.lower()
    return suffix in AUDIO_SUFFIXES and suffix not in _SHARED


def stem_mark(stem: str) -> str:
    """Return the comment that a stem's file carries; the song itself ("mixture") has none."""
    return "" if stem == "mixture" else f"{_STEM_MARK}: {stem}"[:_LONGEST_MARK]


def is_own_stem(head: bytes) -> bool:
    """Return whether a file's first `HEAD_BYTES` hold the comment of a stem."""
    return _STEM_MARK.encode() in head


def begins_like_sound(head: bytes) -> bool:
    """Return whether a file's first `HEAD_BYTES` are those of a sound file or a video.

    Streams without a beginning of their own (MP3 without a tag, AAC in ADTS, AC-3) are known by
    their names only.
    """
    if head.startswith(_BEGINNINGS):
        return True
    if head[8:12] in _INSIDE.get(head[:4], ()):
        return True
    if head[4:8] in _MOVIE_ATOMS:
        return head[8:12] not in _PICTURES
    # A transport stream: packets of 188 bytes, in some (M2TS) with a time of 4 bytes before.
    return any(
        len(head) > start + 2 * length and head[start : start + 3 * length : length] == b"GGG"
        for start, length in ((0, 188), (4, 192))
    )
