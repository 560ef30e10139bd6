"""A song's stems are read from two files, and the rest is what the drums leave."""

import numpy as np
import pytest

from drumstudio.core.errors import AudioOpenError
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.wav_file import WavWriter


def write(path, samples, sample_rate=44_100):
    with WavWriter(path, sample_rate, samples.shape[0]) as writer:
        writer.write(samples)
    return path


@pytest.fixture
def song(tmp_path, music):
    drums = (0.4 * music[:, ::-1]).astype(np.float32)
    mixture, separated = write(tmp_path / "mix.wav", music), write(tmp_path / "drums.wav", drums)
    with SongReader(mixture, SplitFiles.of_drums(separated)) as reader:
        yield reader, music, drums


@pytest.mark.parametrize(("start", "count"), [(0, 100), (-50, 100), (136_700, 100), (5, 90_000)])
def test_drums_and_rest_are_the_mixture(song, start, count):
    reader, music, drums = song
    assert (reader.sample_rate, reader.channels, reader.samples) == (44_100, 2, music.shape[1])
    for stem, expected in (("mixture", music), ("drums", drums), ("rest", music - drums)):
        padded = np.pad(expected, ((0, 0), (200, 200)))
        got = reader.read(stem, start, count)
        np.testing.assert_array_equal(got, padded[:, 200 + start : 200 + start + count])


def test_the_rest_is_right_after_a_longer_read(song):
    reader, music, drums = song
    reader.read("rest", 0, 50_000)
    np.testing.assert_array_equal(reader.read("rest", 70, 30), (music - drums)[:, 70:100])


def test_a_song_without_drums_has_only_its_mixture(tmp_path, music):
    with SongReader(write(tmp_path / "mix.wav", music)) as reader:
        np.testing.assert_array_equal(reader.read("mixture", 3, 9), music[:, 3:12])
        with pytest.raises(ValueError, match="without its stems"):
            reader.read("rest", 0, 1)


def test_an_unknown_stem_is_a_programmers_error(song):
    with pytest.raises(ValueError, match="vocals"):
        song[0].read("vocals", 0, 1)


@pytest.mark.parametrize(
    ("samples", "rate", "said"),
    [
        (np.zeros((2, 99)), 44_100, r"length in samples \(99"),
        (np.zeros((1, 100)), 44_100, r"number of channels \(1"),
        (np.zeros((2, 100)), 48_000, r"rate \(48000"),
    ],
)
def test_drums_of_another_song_are_refused(tmp_path, samples, rate, said):
    mixture = write(tmp_path / "mix.wav", np.zeros((2, 100), dtype=np.float32))
    drums = write(tmp_path / "drums.wav", samples.astype(np.float32), rate)
    with pytest.raises(AudioOpenError, match=said):
        SongReader(mixture, SplitFiles.of_drums(drums))


def test_missing_drums_are_an_error_for_a_person(tmp_path):
    mixture = write(tmp_path / "mix.wav", np.zeros((2, 100), dtype=np.float32))
    with pytest.raises(AudioOpenError, match=r"drums\.wav"):
        SongReader(mixture, SplitFiles.of_drums(tmp_path / "drums.wav"))
