"""Files joined end to end, cut, unfinished: all of their sound comes out, in its place."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from drumstudio.core.resample import StreamResampler, resample, resampled_length
from drumstudio.files import decode as decode_module
from drumstudio.files.conform import Conformer, WiderError
from drumstudio.files.decode import decode
from drumstudio.files.joined_parts import joined_parts
from drumstudio.files.wav_file import WavReader
from drumstudio.jobs.job import no_checkpoint
from tests.files.seeds import encoded, song

RATE = 44_100


@pytest.fixture
def decoded(tmp_path):
    """Return a function from a file's bytes to (report, samples)."""

    def run(data):
        source, target = tmp_path / "in.bin", tmp_path / "media.wav"
        source.write_bytes(data)
        report = decode(no_checkpoint, source=str(source), target=str(target))
        with WavReader(target) as reader:
            return report, reader.read(0, reader.samples)

    return run


def likeness(a, b):
    """Return the lowest correlation of any channel."""
    return min(float(np.corrcoef(x, y)[0, 1]) for x, y in zip(a, b, strict=True))


def wide(samples, rate, to_rate, channels):
    samples = resample(samples, rate, to_rate)
    return np.repeat(samples, channels, axis=0) if len(samples) < channels else samples


KINDS = {"ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "flac": ("FLAC", "PCM_24")}
SECOND = [(44_100, 2), (48_000, 2), (48_000, 1), (22_050, 1)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rate", "channels"), SECOND)
@pytest.mark.parametrize("turned", [False, True])
def test_every_part_of_a_joined_file_is_there(kind, rate, channels, turned, decoded):
    parts = [(song(60_000), 44_100, 2), (song(50_000, channels, seed=6), rate, channels)]
    if kind == "opus":
        parts = [(samples, 48_000, count) for samples, _, count in parts]
    if turned:
        parts.reverse()
    data = b"".join(encoded(samples, *KINDS[kind], rate) for samples, rate, _ in parts)
    report, samples = decoded(data)
    assert (report["sample_rate"], report["channels"]) == (parts[0][1], 2)
    expected = [wide(part, rate, parts[0][1], 2) for part, rate, _ in parts]
    assert samples.shape[1] == sum(part.shape[1] for part in expected)
    start = 0
    for part in expected:
        assert likeness(samples[:, start : start + part.shape[1]], part) > (
            0.999 if kind == "flac" else 0.9
        )
        start += part.shape[1]
    assert any("2 files joined" in note for note in report["notes"])
    changed = len({(rate, count) for _, rate, count in parts}) > 1
    assert any("changes on the way" in note for note in report["notes"]) == changed
    assert not any("damaged" in note for note in report["notes"])


def test_mp3_files_joined_with_their_tags_are_there_to_the_sample(decoded):
    pieces = [(song(60_000), 44_100), (song(50_000, 1, seed=6), 48_000)]
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)
    data = b"".join(tag + encoded(p, "MP3", "MPEG_LAYER_III", rate) for p, rate in pieces)
    report, samples = decoded(data)
    assert samples.shape == (2, 60_000 + resampled_length(50_000, 48_000, 44_100))
    assert likeness(samples[:, 60_000:], wide(pieces[1][0], 48_000, 44_100, 2)) > 0.9
    assert not any("damaged" in note for note in report["notes"])


def test_mp3_files_joined_without_tags_are_there_too(decoded):
    pytest.importorskip("av")
    pieces = [(song(60_000), 44_100), (song(50_000, 1, seed=6), 48_000)]
    data = b"".join(encoded(p, "MP3", "MPEG_LAYER_III", rate) for p, rate in pieces)
    report, samples = decoded(data)
    wanted = 60_000 + resampled_length(50_000, 48_000, 44_100)
    assert wanted <= samples.shape[1] <= wanted + 4 * 1_152  # FFmpeg keeps the padding inside
    assert any("48000 Hz, mono from" in note for note in report["notes"])


def test_without_looking_for_parts_the_second_one_is_lost(decoded, monkeypatch):
    """The control: each decoder by itself."""
    data = encoded(song(60_000), "OGG", "VORBIS") + encoded(
        song(50_000, 1), "OGG", "VORBIS", 48_000
    )
    assert decoded(data)[1].shape[1] > 100_000
    monkeypatch.setattr(decode_module, "joined_parts", lambda file: [(0, 0)])
    monkeypatch.setattr(decode_module, "DECODERS", decode_module.DECODERS[:1])
    assert decoded(data)[1].shape[1] == 60_000


def test_marks_inside_sound_are_no_parts():
    flac = encoded(song(20_000), "FLAC", "PCM_24")
    assert len(joined_parts(io.BytesIO(flac + b"fLaC\x00" + bytes(100)))) == 1
    mp3 = encoded(song(20_000), "MP3", "MPEG_LAYER_III")
    assert len(joined_parts(io.BytesIO(mp3 + b"ID3\x04\x00\x00\xff\xff\xff\xff" + mp3))) == 1
    assert len(joined_parts(io.BytesIO(b"RIFF" + bytes(100) + b"OggS"))) == 1
    ogg = encoded(song(20_000), "OGG", "VORBIS")
    assert joined_parts(io.BytesIO(ogg * 3)) == [
        (len(ogg) * number, len(ogg) * (number + 1)) for number in range(3)
    ]


def test_a_conformer_keeps_lengths_and_asks_for_more_channels():
    conformer = Conformer(44_100, 2, 0)
    tone = song(48_000, 1)
    out = [conformer.push(song(10_000), 44_100, 0)]
    out += [conformer.push(tone[:, i : i + 5_000], 48_000, 0) for i in range(0, 48_000, 5_000)]
    out += [conformer.push(song(10_000), 44_100, 0), conformer.finish()]
    assert sum(part.shape[1] for part in out) == 10_000 + 44_100 + 10_000
    assert conformer.changes == [(10_000, 48_000, 1), (54_100, 44_100, 2)]
    with pytest.raises(WiderError) as wider:
        conformer.push(song(10, 6), 44_100, 0x3F)
    assert (wider.value.channels, wider.value.speakers) == (6, 0x3F)
    five_one = Conformer(44_100, 6, 0x3F).push(song(10), 44_100, 0)
    assert np.abs(five_one[2:]).max() == 0


def test_a_resampler_that_does_not_know_the_length_ends_with_it():
    tone = song(44_100, 1)
    stream = StreamResampler(44_100, 48_000, 1)
    out = [stream.push(tone[:, i : i + 1_000]) for i in range(0, 44_100, 1_000)]
    got = np.concatenate([*out, stream.finish()], axis=1)
    np.testing.assert_array_equal(got, resample(tone, 44_100, 48_000))


# --- Ogg Vorbis cut without coding it again ------------------------------------------------


def pages_of(data):
    place, pages = 0, []
    while place < len(data):
        segments = data[place + 26]
        size = 27 + segments + sum(data[place + 27 : place + 27 + segments])
        pages.append(bytearray(data[place : place + size]))
        place += size
    return pages


def crc(page):
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value


def cut(data, samples):
    """Return Ogg Vorbis whose times begin `samples` later, as a program cuts a stream."""
    pages = pages_of(data)
    for page in pages[2:]:
        granule = struct.unpack_from("<q", page, 6)[0]
        struct.pack_into("<q", page, 6, granule - samples)
        struct.pack_into("<I", page, 22, 0)
        struct.pack_into("<I", page, 22, crc(page))
    return b"".join(bytes(page) for page in pages)


def test_vorbis_that_begins_before_time_0_keeps_its_end(decoded):
    pytest.importorskip("av")
    data = encoded(song(132_300), "OGG", "VORBIS")
    first = struct.unpack_from("<q", pages_of(data)[2], 6)[0]
    whole = decoded(data)[1]
    report, samples = decoded(cut(data, first - 1_080))
    assert abs(samples.shape[1] - 132_300) <= 1_024  # FFmpeg may keep the first half window
    assert likeness(samples[:, -100_000:], whole[:, -100_000:]) > 0.999
    assert report["notes"] == []


def test_libsndfile_alone_loses_that_end(tmp_path):
    """The control."""
    data = encoded(song(132_300), "OGG", "VORBIS")
    first = struct.unpack_from("<q", pages_of(data)[2], 6)[0]
    sound = soundfile.SoundFile(io.BytesIO(cut(data, first - 1_080)))
    assert len(sound.read()) < 132_300 - 10_000


# --- headers that were never finished, numbers of 64 bits ------------------------------------


@pytest.mark.parametrize("sizes", [bytes(24), b"\xff" * 24])
def test_rf64_whose_sizes_were_never_written_is_whole(sizes, decoded):
    data = bytearray(encoded(song(30_000), "RF64", "PCM_24"))
    data[20:44] = sizes
    report, samples = decoded(bytes(data))
    assert report["notes"] == []
    np.testing.assert_allclose(samples, song(30_000), atol=2e-7)


def test_rf64_that_broke_off_says_so(decoded):
    data = encoded(song(30_000), "RF64", "PCM_24")
    report, samples = decoded(data[: len(data) // 2])
    assert samples.shape[1] < 16_000
    assert len(report["notes"]) == 1


def test_whole_numbers_of_64_bits_are_read(decoded):
    pytest.importorskip("av")
    sound = song(20_000)
    data = (sound.T.astype(np.float64) * 2**63).astype("<i8").tobytes()
    form = struct.pack("<HHIIHH", 1, 2, RATE, RATE * 16, 16, 64)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data))
    report, samples = decoded(b"RIFF" + struct.pack("<I", len(body) + len(data)) + body + data)
    assert report["notes"] == []
    np.testing.assert_allclose(samples, sound, atol=1e-7)
