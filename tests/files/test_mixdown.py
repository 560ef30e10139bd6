"""The exported mix is what is heard, bit for bit; a mix of nothing is refused."""

import numpy as np
import pytest

from drumstudio.core.errors import AudioWriteError
from drumstudio.core.mix import TrackMix, track_gains
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.encode import encode
from drumstudio.files.mixdown import mix_down
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.jobs.job import no_checkpoint
from drumstudio.playback.feeder import Feeder, Program
from drumstudio.playback.ring import Ring
from drumstudio.playback.stems import SongStems
from drumstudio.workers.roles import JOBS

TRACKS = {"drums": {"gain_db": -3.0, "pan": 0.25}, "rest": {"gain_db": 2.0, "mute": False}}
SAMPLES = 30_001


@pytest.fixture
def song(tmp_path):
    generator = np.random.default_rng(5)
    for name in ("mixture", "drums"):
        with WavWriter(tmp_path / f"{name}.wav", 44_100, 2) as writer:
            writer.write((0.2 * generator.standard_normal((2, SAMPLES))).astype(np.float32))
    return {
        "mixture": str(tmp_path / "mixture.wav"),
        "stems": SplitFiles.of_drums(tmp_path / "drums.wav").to_plain(),
    }


def read(path):
    with WavReader(path) as reader:
        return reader.read(0, reader.samples)


def heard(song, tracks):
    """Return what playback sends to the device, from the song's beginning to its end."""
    stems = SongStems(song["mixture"], SplitFiles.from_plain(song["stems"]))
    sources = tuple(stems.source(stem) for stem in tracks)
    gains = track_gains([TrackMix(**fields) for fields in tracks.values()])
    ring = Ring(2_048, 2)
    feeder = Feeder(ring, 44_100, Program(sources, gains, 44_100, SAMPLES), 0)
    parts = []
    while not ring.ended or ring.read < ring.written:
        feeder.fill()
        part = np.empty((min(300, ring.written - ring.read), 2), dtype=np.float32)
        ring.read_into(part)
        parts.append(part)
    stems.close()
    return np.concatenate(parts).T


def test_the_exported_mix_is_what_is_heard_bit_for_bit(song, tmp_path):
    mixed = mix_down(no_checkpoint, **song, tracks=TRACKS, target=str(tmp_path / "mix.wav"))
    assert mixed == {"sample_rate": 44_100, "samples": SAMPLES}
    np.testing.assert_array_equal(read(tmp_path / "mix.wav"), heard(song, TRACKS))


def test_and_the_file_that_is_written_of_it_is_too(song, tmp_path):
    mix_down(no_checkpoint, **song, tracks=TRACKS, target=str(tmp_path / "mix.wav"))
    encode(
        no_checkpoint,
        mixture=str(tmp_path / "mix.wav"),
        stems=None,
        outputs=[{"stem": "mixture", "path": str(tmp_path / "out.wav")}],
        format="wav-float",
    )
    np.testing.assert_array_equal(read(tmp_path / "out.wav"), heard(song, TRACKS))


def test_a_range_is_cut_to_the_sample(song, tmp_path):
    target = tmp_path / "part.wav"
    mix_down(no_checkpoint, **song, tracks=TRACKS, target=str(target), start=1_001, stop=9_999)
    np.testing.assert_array_equal(read(target), heard(song, TRACKS)[:, 1_001:9_999])


@pytest.mark.parametrize("tracks", [{}, {"drums": {"mute": True}, "rest": {"gain_db": -96.0}}])
def test_a_mix_of_nothing_is_refused(song, tmp_path, tracks):
    with pytest.raises(AudioWriteError, match="every track is muted"):
        mix_down(no_checkpoint, **song, tracks=tracks, target=str(tmp_path / "mix.wav"))
    assert not (tmp_path / "mix.wav").exists()


def test_an_empty_range_is_refused(song, tmp_path):
    with pytest.raises(AudioWriteError, match="no sound in the range"):
        mix_down(
            no_checkpoint, **song, tracks=TRACKS, target=str(tmp_path / "mix.wav"), start=SAMPLES
        )


def test_a_cancelled_mix_leaves_no_file(song, tmp_path):
    class Stop(Exception):
        pass

    def stop(fraction, message):
        raise Stop

    before = sorted(tmp_path.iterdir())
    with pytest.raises(Stop):
        mix_down(stop, **song, tracks=TRACKS, target=str(tmp_path / "mix.wav"))
    assert sorted(tmp_path.iterdir()) == before


def test_the_encode_worker_mixes_down():
    assert JOBS["mix_down"].role == "encode"
    assert JOBS["mix_down"].function == "drumstudio.files.mixdown:mix_down"
