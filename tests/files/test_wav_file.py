"""The media format keeps every bit, refuses whatever is damaged, and outgrows 4 GiB."""

import contextlib

import numpy as np
import pytest
import soundfile

from drumstudio.core.errors import AudioOpenError
from drumstudio.files.wav_file import RIFF_LIMIT_BYTES, WavReader, WavWriter, header_bytes

HEADER_BYTES = len(header_bytes(44_100, 2, 0))


def noise(channels, samples, seed=1):
    return np.random.default_rng(seed).standard_normal((channels, samples)).astype(np.float32)


def write(path, samples, sample_rate=44_100):
    with WavWriter(path, sample_rate, samples.shape[0]) as writer:
        writer.write(samples)
    return path


@pytest.mark.parametrize("channels", [1, 2, 9])
@pytest.mark.parametrize("samples", [0, 1, 3, 70_001])
def test_what_was_written_is_read_back_bit_for_bit(tmp_path, channels, samples):
    song = noise(channels, samples)
    with WavReader(write(tmp_path / "song.wav", song, 8_000)) as reader:
        assert (reader.sample_rate, reader.channels, reader.samples) == (8_000, channels, samples)
        np.testing.assert_array_equal(reader.read(0, samples), song)


def test_blocks_add_up_to_the_song(tmp_path):
    song = noise(2, 1_000)
    with WavWriter(tmp_path / "song.wav", 44_100, 2) as writer:
        for start in range(0, 1_000, 77):
            writer.write(song[:, start : start + 77])
    with WavReader(tmp_path / "song.wav") as reader:
        np.testing.assert_array_equal(reader.read(0, 1_000), song)


@pytest.mark.parametrize(
    ("start", "count"),
    [(-5, 3), (-5, 10), (-5, 120), (0, 0), (0, 100), (40, 20), (95, 10), (100, 4), (500, 7)],
)
def test_beyond_its_ends_a_song_is_silent(tmp_path, start, count):
    song = noise(2, 100)
    padded = np.pad(song, ((0, 0), (1_000, 1_000)))
    with WavReader(write(tmp_path / "song.wav", song)) as reader:
        expected = padded[:, 1_000 + start : 1_000 + start + count]
        np.testing.assert_array_equal(reader.read(start, count), expected)


def test_other_programs_read_our_files(tmp_path):
    song = noise(2, 5_000)
    samples, rate = soundfile.read(write(tmp_path / "song.wav", song), dtype="float32")
    assert rate == 44_100
    np.testing.assert_array_equal(samples.T, song)


def test_a_file_beyond_four_gibibytes_is_rf64_and_its_last_sample_is_found(tmp_path):
    samples = RIFF_LIMIT_BYTES // 8 + 1_000_000
    path = tmp_path / "long.wav"
    with path.open("wb") as file:  # a sparse file: nothing is stored but the ends
        file.write(header_bytes(44_100, 2, samples))
        file.seek(HEADER_BYTES + (samples - 1) * 8)
        file.write(np.array([0.25, -0.5], dtype="<f4").tobytes())
    with WavReader(path) as reader:
        assert reader.samples == samples
        np.testing.assert_array_equal(reader.read(samples - 2, 3)[0], [0.0, 0.25, 0.0])
    info = soundfile.info(path)
    assert (info.format, info.frames) == ("RF64", samples)


def test_the_change_to_rf64_comes_at_the_limit_and_keeps_the_length_of_the_header():
    at_limit = header_bytes(44_100, 1, RIFF_LIMIT_BYTES // 4)
    beyond = header_bytes(44_100, 1, RIFF_LIMIT_BYTES // 4 + 1)
    assert (at_limit[:4], beyond[:4]) == (b"RIFF", b"RF64")
    assert len(at_limit) == len(beyond)


def test_a_writer_that_was_interrupted_leaves_nothing_that_reads_as_a_song(tmp_path):
    path = tmp_path / "song.wav"
    with contextlib.suppress(InterruptedError), WavWriter(path, 44_100, 2) as writer:
        writer.write(noise(2, 500))
        raise InterruptedError
    with pytest.raises(AudioOpenError):
        WavReader(path)


@pytest.mark.parametrize("cut", [0, 3, HEADER_BYTES - 1, HEADER_BYTES + 1, HEADER_BYTES + 799])
def test_a_truncated_file_is_refused(tmp_path, cut):
    path = write(tmp_path / "song.wav", noise(2, 100))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(AudioOpenError, match=r"song\.wav"):
        WavReader(path)


def test_every_flipped_bit_of_the_header_is_refused(tmp_path):
    path = write(tmp_path / "song.wav", noise(2, 100))
    whole = path.read_bytes()
    read_all_the_same = []
    for bit in range(8 * HEADER_BYTES):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        try:
            WavReader(path).close()
        except AudioOpenError:
            continue
        read_all_the_same.append(bit)
    assert read_all_the_same == []


def test_a_missing_file_is_an_error_for_a_person(tmp_path):
    with pytest.raises(AudioOpenError, match=r"gone\.wav"):
        WavReader(tmp_path / "gone.wav")


def test_a_file_cut_while_it_is_read_is_an_error_and_not_a_crash(tmp_path):
    path = write(tmp_path / "song.wav", noise(2, 10_000))
    with WavReader(path) as reader:
        with path.open("r+b") as file:
            file.truncate(1_000)
        assert reader.read(0, 10).shape == (2, 10)
        with pytest.raises(AudioOpenError, match="shorter"):
            reader.read(5_000, 10)


def test_wrong_blocks_are_a_programmers_error(tmp_path):
    with WavWriter(tmp_path / "song.wav", 44_100, 2) as writer:
        with pytest.raises(ValueError, match="float64"):
            writer.write(np.zeros((2, 5)))
        with pytest.raises(ValueError, match=r"\(3, 5\)"):
            writer.write(np.zeros((3, 5), dtype=np.float32))
    with WavReader(tmp_path / "song.wav") as reader, pytest.raises(ValueError, match=r"\(5,\)"):
        reader.read_into(0, np.zeros(5, dtype=np.float32))


@pytest.mark.parametrize(("sample_rate", "channels"), [(0, 2), (2**32, 2), (44_100, 0)])
def test_rates_and_channels_that_do_not_fit_the_format_are_refused(sample_rate, channels):
    with pytest.raises(ValueError, match="must be in"):
        header_bytes(sample_rate, channels, 0)
