"""Songs of many channels, one tone a channel, as files that others write; and who reads them."""

from __future__ import annotations

import io
import struct

import numpy as np

RATE = 48_000
TONES = (300, 500, 700, 60, 1_100, 1_500, 1_900, 2_300)

# Masks as WAV files have them, for 3 to 8 channels: the usual ones.
MASKS = {3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}
NAMES = {
    0x7: "FL FR FC",
    0xB: "FL FR LFE",
    0x33: "FL FR BL BR",
    0x107: "FL FR FC BC",
    0x37: "FL FR FC BL BR",
    0x607: "FL FR FC SL SR",
    0x3F: "FL FR FC LFE BL BR",
    0x60F: "FL FR FC LFE SL SR",
    0x70F: "FL FR FC LFE BC SL SR",
    0x63F: "FL FR FC LFE BL BR SL SR",
}
XIPH = {
    3: "FL FC FR",
    4: "FL FR BL BR",
    5: "FL FC FR BL BR",
    6: "FL FC FR BL BR LFE",
    7: "FL FC FR SL SR BC LFE",
    8: "FL FC FR SL SR BL BR LFE",
}


def tones(channels: int, seconds: float = 0.6) -> np.ndarray:
    """Return float32 (channels, samples): a tone of its own in each channel."""
    time = np.arange(int(seconds * RATE)) / RATE
    return np.stack([0.3 * np.sin(2 * np.pi * f * time) for f in TONES[:channels]]).astype("f4")


def heard(samples: np.ndarray, rate: int = RATE) -> list[int]:
    """Return which of the tones stands in each channel."""
    middle = samples[:, samples.shape[1] // 4 : samples.shape[1] * 3 // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.shape[1])))
    peaks = spectrum.argmax(axis=1) * rate / middle.shape[1]
    return [int(np.argmin([abs(tone - peak) for tone in TONES])) for peak in peaks]


def wav(samples: np.ndarray, mask: int | None) -> bytes:
    """Return a WAV file of 16 bits as its specification says; plain without a mask."""
    channels = len(samples)
    data = np.round(samples.T * 32_767).astype("<i2").tobytes()
    shape = (channels, RATE, RATE * 2 * channels, 2 * channels, 16)
    form = struct.pack("<HHIIHH", 1 if mask is None else 0xFFFE, *shape)
    if mask is not None:
        guid = bytes.fromhex("0100000000001000800000aa00389b71")
        form += struct.pack("<HHI", 22, 16, mask) + guid
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def by_ffmpeg(samples: np.ndarray, container: str, codec: str, layout: str) -> bytes:
    """Return a file as FFmpeg writes it; samples in the order of the layout."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE, layout=layout)
        form = stream.codec_context.codec.audio_formats[0].name
        turn = av.AudioResampler(format=form, layout=layout, rate=RATE)
        # In one row: PyAV 18 reads beyond frames of eight rows.
        row = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(row, format="flt", layout=layout)
        frame.rate, frame.pts = RATE, 0
        for part in (*turn.resample(frame), *turn.resample(None)):
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return file.getvalue()


def read_by_ffmpeg(path: object) -> tuple[np.ndarray, str]:
    """Return a file's samples and the names of its channels, as FFmpeg reads it."""
    import av

    parts = []
    with av.open(str(path)) as opened:
        names = " ".join(c.name for c in opened.streams.audio[0].codec_context.layout.channels)
        turn = av.AudioResampler(format="flt")
        for frame in opened.decode(audio=0):
            for row in turn.resample(frame):
                parts.append(row.to_ndarray().reshape(-1, len(names.split())).T)
    return np.concatenate(parts, axis=1), names
