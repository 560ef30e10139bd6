"""One short synthetic song in every kind of sound file, made while the tests run."""

from __future__ import annotations

import functools
import io
import struct

import numpy as np
import soundfile

RATE = 44_100

# name: libsndfile's container and coding, and the rate
_SOUNDFILE_SEEDS = {
    "wav16": ("WAV", "PCM_16", RATE),
    "wav24": ("WAV", "PCM_24", RATE),
    "wav-float": ("WAV", "FLOAT", RATE),
    "flac": ("FLAC", "PCM_24", RATE),
    "ogg": ("OGG", "VORBIS", RATE),
    "opus": ("OGG", "OPUS", 48_000),
    "mp3": ("MP3", "MPEG_LAYER_III", RATE),
    "aiff": ("AIFF", "PCM_16", RATE),
    "caf": ("CAF", "PCM_24", RATE),
    "au": ("AU", "PCM_16", RATE),
}
_AV_SEEDS = {"m4a-aac": ("aac", "fltp"), "m4a-alac": ("alac", "s32p")}

SEEDS = (*_SOUNDFILE_SEEDS, *_AV_SEEDS)


def song(samples: int, channels: int = 2, seed: int = 5) -> np.ndarray:
    """Return a tone with hits, float32, shape (channels, samples), peak 0.6."""
    generator = np.random.default_rng(seed)
    time = np.arange(samples) / RATE
    hits = generator.standard_normal((channels, samples)) * np.exp(-((time % 0.1) * 60))
    sound = hits + np.sin(2 * np.pi * 220 * time) + 0.5 * np.sin(2 * np.pi * 3_001 * time)
    return (0.6 * sound / max(1e-9, np.abs(sound).max(initial=0))).astype(np.float32)


def encoded(samples: np.ndarray, container: str, coding: str, rate: int = RATE) -> bytes:
    """Return a sound file as libsndfile writes it."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, len(samples), coding, format=container) as sound:
        for start in range(0, samples.shape[1], 4_096):
            sound.write(samples.T[start : start + 4_096])
    return file.getvalue()


def encoded_by_ffmpeg(
    samples: np.ndarray, codec: str, form: str, rate: int = RATE, title: str = ""
) -> bytes:
    """Return an MP4 as FFmpeg writes it, with a title if there is one."""
    import av

    values = samples if form == "fltp" else (samples.astype(np.float64) * 2**31).astype(np.int32)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(values), format=form, layout="stereo")
    frame.rate = rate
    frame.pts = 0
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        container.metadata.update({"title": title} if title else {})
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "stereo"
        stream.format = form
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


@functools.cache
def seed(name: str, samples: int = 13_000) -> bytes:
    """Return a small sound file of one of the kinds in `SEEDS`."""
    if name in _AV_SEEDS:
        return encoded_by_ffmpeg(song(samples), *_AV_SEEDS[name])
    return encoded(song(samples), *_SOUNDFILE_SEEDS[name])


def mov(channels: int, layout: int, samples: int = 2_000) -> bytes:
    """Return a QuickTime file of 16-bit samples whose `chan` box names a layout of Core Audio.

    Sample n of channel c is (1000 c + n) / 2**15.

    Notes
    -----
    QuickTime File Format, "Sound Sample Descriptions" and "Channel layout atom".
    """

    def box(kind: bytes, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return struct.pack(">I4s", 8 + len(body), kind) + body

    def numbers(form: str, *values: int) -> bytes:
        return struct.pack(">" + form, *values)

    matrix = numbers("9I", 65536, 0, 0, 0, 65536, 0, 0, 0, 0x40000000)
    values = 1_000 * np.arange(channels) + np.arange(samples)[:, None]
    kind = box(b"ftyp", b"qt  ", numbers("I", 0), b"qt  ")
    chan = box(b"chan", numbers("4I", 0, layout, 0, 0))
    entry = numbers("6xH8x4HI", 1, channels, 16, 0, 0, RATE << 16)
    table = box(
        b"stbl",
        box(b"stsd", numbers("2I", 0, 1), box(b"sowt", entry, chan)),
        box(b"stts", numbers("4I", 0, 1, samples, 1)),
        box(b"stsc", numbers("5I", 0, 1, 1, samples, 1)),
        box(b"stsz", numbers("3I", 0, 2 * channels, samples)),
        box(b"stco", numbers("3I", 0, 1, len(kind) + 8)),
    )
    reference = box(b"dinf", box(b"dref", numbers("2I", 0, 1), box(b"url ", numbers("I", 1))))
    media = box(
        b"mdia",
        box(b"mdhd", numbers("5I2H", 0, 0, 0, RATE, samples, 0, 0)),
        box(b"hdlr", numbers("I", 0), b"mhlrsoun", bytes(13)),
        box(b"minf", box(b"smhd", bytes(8)), reference, table),
    )
    track = box(b"tkhd", numbers("6I8x4H", 7, 0, 0, 1, 0, samples, 0, 0, 256, 0), matrix, bytes(8))
    times = numbers("6IH10x", 0, 0, 0, RATE, samples, 65536, 256)
    head = box(b"mvhd", times, matrix, bytes(24), numbers("I", 2))
    movie = box(b"moov", head, box(b"trak", track, media))
    return kind + box(b"mdat", values.astype("<i2").tobytes()) + movie
