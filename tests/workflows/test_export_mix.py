"""The mix is exported as it is heard, through the workers, and leaves nothing behind."""

import numpy as np
import pytest

from drumstudio import paths
from drumstudio.core.errors import AudioWriteError
from drumstudio.core.mix import TrackMix
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.encode import encode
from drumstudio.files.mixdown import mix_down
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.jobs.job import no_checkpoint
from drumstudio.workflows.export_mix import export_mix


class Here:
    """Runs the jobs in this process, with arguments as they come out of JSON."""

    def run(self, name, checkpoint, **arguments):
        return {"mix_down": mix_down, "encode": encode}[name](checkpoint, **arguments)


@pytest.fixture
def song(tmp_path):
    drums = np.full((2, 5_000), 0.25, dtype=np.float32)
    for name, samples in (("mixture", drums * 3), ("drums", drums)):
        with WavWriter(tmp_path / f"{name}.wav", 44_100, 2) as writer:
            writer.write(samples)
    return tmp_path / "mixture.wav", SplitFiles.of_drums(tmp_path / "drums.wav")


def test_the_mix_is_written_in_the_range_and_named_in_the_report(song, tmp_path):
    tracks = {"drums": TrackMix(mute=True), "rest": TrackMix()}
    report = export_mix(
        *song,
        tracks,
        tmp_path / "out.wav",
        Here(),
        no_checkpoint,
        file_format="wav-float",
        samples=(1_000, 3_000),
    )
    assert [(file["stem"], file["frames"]) for file in report["files"]] == [("mix", 2_000)]
    with WavReader(tmp_path / "out.wav") as reader:
        np.testing.assert_array_equal(reader.read(0, 2_000), 0.5)
    assert list((paths.user_cache_folder() / "mixes").iterdir()) == []


def test_a_mix_of_nothing_writes_nothing(song, tmp_path):
    tracks = {"drums": TrackMix(mute=True), "rest": TrackMix(mute=True)}
    with pytest.raises(AudioWriteError, match="every track is muted"):
        export_mix(*song, tracks, tmp_path / "out.wav", Here(), no_checkpoint, file_format="flac")
    assert not (tmp_path / "out.wav").exists()
    assert list((paths.user_cache_folder() / "mixes").iterdir()) == []
