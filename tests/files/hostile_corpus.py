"""R16's fixed corpus: odd, lying and broken sound files, made while the tests run."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.files.seeds import encoded, seed, song


@dataclass(frozen=True)
class Odd:
    """A file of the corpus.

    Parameters
    ----------
    expected : {"audio", "error"}
        What opening it must give.
    make : callable
        From the path meant to the path made.
    samples : int
        Least number of samples that must come out, if it is audio.
    """

    expected: str
    make: Callable[[Path], Path]
    samples: int = 1


def _bytes(content: Callable[[], bytes]) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.write_bytes(content())
        return path

    return make


def _wav(samples=None, coding="PCM_16", rate=44_100, container="WAV"):
    return encoded(song(3_000) if samples is None else np.float32(samples), container, coding, rate)


def _patched(data: bytes, *patches: tuple[int, str, int]) -> bytes:
    patched = bytearray(data)
    for offset, form, value in patches:
        struct.pack_into(form, patched, offset, value)
    return bytes(patched)


def _data_size(value: int) -> bytes:
    data = _wav()
    return _patched(data, (data.find(b"data") + 4, "<I", value))


def _chunked(*chunks: tuple[bytes, bytes, int | None]) -> bytes:
    """Return a WAV of chunks: name, content, claimed size (None: the true one)."""
    body = b"".join(
        name + struct.pack("<I", len(content) if size is None else size) + content
        for name, content, size in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


_FMT = struct.pack("<HHIIHH", 1, 2, 44_100, 44_100 * 4, 4, 16)
_PCM = np.int16(song(3_000).T * 32_767).tobytes()


def _flac_of_length(samples: int) -> bytes:
    data = bytearray(seed("flac"))
    word = (int.from_bytes(data[18:26], "big") & ~((1 << 36) - 1)) | samples
    data[18:26] = word.to_bytes(8, "big")
    return bytes(data)


def _hole(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(150) + data[middle + 150 :]


def _mp3_tag(offset: int, form: str, value: int) -> bytes:
    data = encoded(song(50_000), "MP3", "MPEG_LAYER_III")
    place = max(data.find(b"Xing"), data.find(b"Info"))
    return _patched(data, (place + offset, form, value))


def _m4a_without(box: bytes) -> bytes:
    return seed("m4a-aac").replace(box, b"nope")


def _adts() -> bytes:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="adts") as container:
        stream = container.add_stream("aac", rate=44_100, layout="stereo")
        frame = av.AudioFrame.from_ndarray(song(9_000), format="fltp", layout="stereo")
        frame.rate = 44_100
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


def _video_alone() -> bytes:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25, width=32, height=32, pix_fmt="yuv420p")
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _link(target: str) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.symlink_to(target)
        return path

    return make


def _with_damage(value: float, every: bool = False) -> bytes:
    samples = song(3_000)
    samples[:, slice(None) if every else slice(100, 120)] = value
    return _wav(samples, "FLOAT")


def _audio(content: Callable[[], bytes], samples: int = 3_000) -> Odd:
    return Odd("audio", _bytes(content), samples)


def _error(content: Callable[[], bytes]) -> Odd:
    return Odd("error", _bytes(content))


CORPUS = {
    # nothing, or something else
    "empty.wav": _error(lambda: b""),
    "one_byte.wav": _error(lambda: b"R"),
    "text.wav": _error(lambda: b"These are words.\n" * 99),
    "html.mp3": _error(lambda: b"<!DOCTYPE html><html><body>404</body></html>" * 9),
    "playlist.wav": _error(lambda: b"#EXTM3U\n#EXTINF:9,\n/etc/passwd\n#EXT-X-ENDLIST\n"),
    "picture.flac": _error(lambda: b"\x89PNG\r\n\x1a\n" + bytes(4_000)),
    "zeros.wav": _error(lambda: bytes(70_000)),
    "zip.m4a": _error(lambda: b"PK\x03\x04" + bytes(200)),
    "video_alone.mp4": _error(_video_alone),
    # lengths
    "no_samples.wav": _error(lambda: _wav(np.zeros((2, 0)))),
    "no_samples.aiff": _error(lambda: _wav(np.zeros((2, 0)), container="AIFF")),
    "one_sample.wav": _audio(lambda: _wav(song(1)), 1),
    "one_sample.flac": _audio(lambda: _wav(song(1), container="FLAC"), 1),
    "one_sample.ogg": _audio(lambda: _wav(song(1), "VORBIS", container="OGG"), 1),
    "one_sample.opus": _audio(lambda: _wav(song(1), "OPUS", 48_000, "OGG"), 1),
    "one_sample.mp3": _audio(lambda: _wav(song(1), "MPEG_LAYER_III", container="MP3"), 1),
    "data_size_0.wav": _audio(lambda: _data_size(0)),
    "data_size_ffffffff.wav": _audio(lambda: _data_size(0xFFFFFFFF)),
    "data_size_7fffffff.wav": _audio(lambda: _data_size(0x7FFFFFFF)),
    "data_size_odd.wav": _audio(lambda: _data_size(1_001), 250),
    "riff_size_0.wav": _audio(lambda: _patched(_wav(), (4, "<I", 0))),
    "truncated.wav": _audio(lambda: _wav()[:7_000], 1_500),
    "header_alone.wav": _error(lambda: _wav()[:44]),
    "half_a_header.wav": _error(lambda: _wav()[:20]),
    "flac_unknown_length.flac": _audio(lambda: _flac_of_length(0), 13_000),
    "flac_claims_2_36.flac": _audio(lambda: _flac_of_length(2**36 - 1), 13_000),
    "flac_claims_7.flac": _audio(lambda: _flac_of_length(7), 7),
    "truncated.flac": _audio(lambda: seed("flac")[:40_000], 4_096),
    "hole.flac": _audio(lambda: _hole(seed("flac")), 4_096),
    "truncated.ogg": _audio(lambda: seed("ogg", 200_000)[:60_000], 20_000),
    "truncated.mp3": _audio(lambda: seed("mp3")[:5_000], 4_000),
    "truncated.caf": _audio(lambda: seed("caf")[:40_000], 4_000),
    "joined.ogg": _audio(lambda: seed("ogg") * 2, 26_000),
    "joined.mp3": _audio(lambda: seed("mp3") * 2, 26_000),
    "no_tag.mp3": _audio(lambda: _mp3_tag(0, ">I", 0), 50_000),
    "tag_claims_2_frames.mp3": _audio(lambda: _mp3_tag(8, ">I", 2), 50_000),
    "tag_claims_2_32_frames.mp3": _audio(lambda: _mp3_tag(8, ">I", 0xFFFFFFFF), 50_000),
    "id3_claims_200_mb.mp3": _error(lambda: b"ID3\x04\0\0\x60\0\0\0" + seed("mp3")),
    "moov_missing.m4a": _error(lambda: _m4a_without(b"moov")),
    "truncated.m4a": _error(lambda: seed("m4a-aac")[:3_000]),
    "aac_bare.aac": _audio(_adts, 9_000),
    # rates, channels, sizes of samples
    "1_hz.wav": _audio(lambda: _wav(rate=1)),
    "768_khz.wav": _audio(lambda: _wav(rate=768_000)),
    "2_31_hz.wav": _error(lambda: _patched(_wav(), (24, "<I", 2**31 - 1))),
    "0_hz.wav": _error(lambda: _patched(_wav(), (24, "<I", 0))),
    "9_channels.wav": _audio(lambda: _wav(song(3_000, 9))),
    "16_channels.wav": _audio(lambda: _wav(song(3_000, 16), "FLOAT")),
    "1024_channels.wav": _audio(lambda: _wav(song(50, 1_024)), 50),
    "0_channels.wav": _error(lambda: _patched(_wav(), (22, "<H", 0))),
    "65535_channels.wav": _error(lambda: _patched(_wav(), (22, "<H", 65_535))),
    "0_bits.wav": _error(lambda: _patched(_wav(), (34, "<H", 0), (32, "<H", 0))),
    "8_bits.wav": _audio(lambda: _wav(coding="PCM_U8")),
    "32_bits.wav": _audio(lambda: _wav(coding="PCM_32")),
    "64_bit_float.wav": _audio(lambda: _wav(coding="DOUBLE")),
    "mu_law.wav": _audio(lambda: _wav(coding="ULAW")),
    "ms_adpcm.wav": _audio(lambda: _wav(coding="MS_ADPCM")),
    "ima_adpcm.wav": _audio(lambda: _wav(coding="IMA_ADPCM")),
    # chunks
    "data_before_format.wav": _audio(
        lambda: _chunked((b"data", _PCM, None), (b"fmt ", _FMT, None))
    ),
    "no_format.wav": _error(lambda: _chunked((b"data", _PCM, None))),
    "format_of_4_gib.wav": _error(
        lambda: _chunked((b"fmt ", _FMT, 0xFFFFFFF0), (b"data", _PCM, None))
    ),
    "huge_chunk_behind.wav": _audio(
        lambda: _chunked((b"fmt ", _FMT, None), (b"data", _PCM, None), (b"LIST", b"x", 2**31))
    ),
    "rf64.wav": _audio(lambda: _wav(container="RF64")),
    "rf64_without_sizes.wav": _error(lambda: _wav(container="RF64").replace(b"ds64", b"JUNK")),
    # values
    "beyond_full_scale.wav": _audio(lambda: _wav(song(3_000) * 30, "FLOAT")),
    "some_nan.wav": _audio(lambda: _with_damage(np.nan)),
    "some_infinity.wav": _audio(lambda: _with_damage(-np.inf)),
    "all_nan.wav": _error(lambda: _with_damage(np.nan, every=True)),
    "constant.wav": _audio(lambda: _wav(np.full((2, 3_000), 0.9))),
    "silence.wav": _audio(lambda: _wav(np.zeros((2, 3_000)))),
    # what is no plain file, and what changes under the reader
    "folder.wav": Odd("error", _folder),
    "pipe.wav": Odd("error", _pipe),
    "dangling.wav": Odd("error", _link("nowhere.wav")),
    "loop.wav": Odd("error", _link("loop.wav")),
    "device.wav": Odd("error", _link("/dev/zero")),
    "deleted_while_reading.wav": _audio(_wav),
    "\u00fcn\u00efcode \u2603 \u05e9\u05dc\u05d5\u05dd.wav": _audio(_wav),
    "x" * 240 + ".wav": _audio(_wav),
}
