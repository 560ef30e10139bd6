"""The job: rates and channels mapped and said, what a model may not give, the playhead, room."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import soxr

from drumstudio import atomic
from drumstudio.core.errors import (
    AudioOpenError,
    Cancelled,
    DeviceError,
    DiskFullError,
    ModelCorruptError,
    ModelMissingError,
    SettingError,
)
from drumstudio.files.preview import read_ranges
from drumstudio.files.wav_file import WavReader
from drumstudio.inference import engines
from drumstudio.inference.separate import _SHELF, separate
from drumstudio.jobs.job import no_checkpoint
from tests.inference import stub_separators as stubs
from tests.inference.conftest import dbfs, noise
from tests.inference.stub_separators import RATE


def tones(rate: int, seconds: float, channels: int) -> np.ndarray:
    """Return tones well below a quarter of the rate, fading in and out, one pitch a channel."""
    time = np.arange(int(rate * seconds)) / rate
    pitches = [(np.sin(2 * np.pi * (150 + 40 * c) * time)) for c in range(channels)]
    return (0.5 * np.stack(pitches) * np.sin(np.pi * time / seconds)).astype(np.float32)


def test_the_result_says_what_was_done(bench):
    bench.write_song(noise(2 * RATE))
    result = bench.run(stubs.ConvolutionNet, settings={"amount": "0.25"})
    assert json.loads(json.dumps(result)) == result
    assert result["device"] == "cpu"
    assert result["chunk_seconds"] == pytest.approx((2 * RATE / 4 + 2 * 256) / RATE)  # four chunks
    assert result["settings"] == {"amount": 0.25}
    assert len(result["model_hash"]) == 64
    assert result["engine_version"]
    assert result["real_time_factor"] == pytest.approx(result["seconds"] / 2)
    assert (result["notes"], result["resumed_chunks"], result["tries"]) == ([], 0, 1)
    assert not bench.work.exists()


@pytest.mark.parametrize("rate", [1, 999, 7_999, 8_000, 11_025, 44_100, 48_000, 768_000])
@pytest.mark.parametrize("stub", [stubs.Stub, stubs.AnyRate])
def test_the_drums_have_the_song_s_rate_and_length(bench, stub, rate):
    song = noise(min(2 * rate, 40_000) + 1)
    bench.write_song(song, rate)
    result = bench.run(stub)
    assert bench.drums().shape == song.shape
    said = any("Resampled" in note for note in result["notes"])
    assert said == (stub is stubs.Stub and rate != RATE)


@pytest.mark.parametrize("rate", [5_512, 11_025, 44_100])
def test_resampling_there_and_back_moves_nothing(bench, rate):
    song = tones(rate, 3.0, 2)
    bench.write_song(song, rate)
    bench.run(stubs.Stub)
    assert dbfs(bench.drums() - song) <= -120
    there = soxr.resample(song.T, rate, RATE, quality="VHQ")
    back = soxr.resample(there, RATE, rate, quality="VHQ").T
    length = min(back.shape[1], song.shape[1])
    assert dbfs(bench.drums()[:, :length] - back[:, :length]) <= -120


def test_a_mono_song_is_heard_on_both_channels(bench):
    song = noise(RATE, channels=1)
    bench.write_song(song)
    result = bench.run(stubs.SwapsSides)
    np.testing.assert_array_equal(bench.drums(), song)
    assert result["notes"] == ["Mono: the model heard it on all of its 2 channels."]


def test_many_channels_go_in_pairs_by_what_they_are_for(bench):
    song = noise(RATE, channels=5)
    bench.write_song(song, speakers=0x37)  # front, centre, rear
    result = bench.run(stubs.SwapsSides)
    np.testing.assert_array_equal(bench.drums(), song[[1, 0, 2, 4, 3]])
    assert result["notes"] == ["5 channels: separated as FL+FR, FC, BL+BR."]


def test_channels_that_are_no_speakers_are_separated_one_by_one(bench):
    song = noise(RATE, channels=4)
    bench.write_song(song)
    result = bench.run(stubs.SwapsSides)
    np.testing.assert_array_equal(bench.drums(), song)
    assert result["notes"] == ["4 channels: each separated on its own."]


@pytest.mark.parametrize("stub", [stubs.AnyRate, stubs.PerChannel])
@pytest.mark.parametrize("channels", [1, 2, 3, 9])
def test_a_model_of_any_or_of_one_channel_takes_them_all(bench, stub, channels):
    song = noise(RATE, channels)
    bench.write_song(song)
    result = bench.run(stub)
    np.testing.assert_array_equal(bench.drums(), song * np.float32(0.5))
    said = stub is stubs.PerChannel and channels > 1
    assert result["notes"] == [f"{channels} channels: each separated on its own."] * said


def test_many_channels_are_fed_in_shorter_chunks(bench, monkeypatch):
    monkeypatch.setattr("drumstudio.inference.separate._MAX_FED_SAMPLES", 20_000)
    bench.write_song(noise(4 * RATE, channels=10))
    result = bench.run(stubs.Stub)
    assert result["chunk_seconds"] == pytest.approx(2_000 / RATE)


def test_a_song_level_condition_is_the_same_for_every_chunk_size(bench):
    song = noise(5 * RATE)
    bench.write_song(song)
    outputs = []
    for chunk_seconds in (0.5, 2.0):
        bench.run(stubs.LevelNet, chunk_seconds=chunk_seconds)
        outputs.append(bench.drums())
    np.testing.assert_array_equal(*outputs)


def test_the_song_is_separated_from_the_playhead_on(bench):
    bench.write_song(noise(6 * RATE))
    said = []
    bench.run(
        stubs.ConvolutionNet,
        lambda fraction, message: said.append((fraction, message)),
        start_seconds=3.2,
        chunk_seconds=1.0,
    )
    separating = [message.split()[1] for _, message in said if message.startswith("Separating")]
    assert separating[0] == "0:02"
    assert separating[separating.index("0:00") - 1] == "0:05"
    fractions = [fraction for fraction, _ in said]
    assert fractions == sorted(fractions)
    assert 0 <= min(fractions) <= max(fractions) <= 1


def test_a_model_that_gives_no_number_is_named_with_the_time_and_leaves_no_file(bench):
    song = noise(4 * RATE)
    song[1, 3 * RATE] = 8.0
    bench.write_song(song)
    with pytest.raises(ModelCorruptError) as caught:
        bench.run(stubs.NotANumber, chunk_seconds=0.5)
    assert caught.value.what.startswith("Stub notanumber failed at 0:0")
    assert not bench.drums_path.exists()
    assert not list(bench.folder.glob(".*"))


def test_a_model_that_gives_another_shape_is_refused(bench):
    bench.write_song(noise(RATE))
    with pytest.raises(ModelCorruptError, match="does not give what it was asked for"):
        bench.run(stubs.WrongShape)
    assert not bench.drums_path.exists()


def test_an_error_that_is_not_about_memory_is_not_tried_again(bench):
    bench.write_song(noise(RATE))
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        bench.run(stubs.Stumbles)


def test_a_failed_job_leaves_the_drums_that_were_there(bench):
    bench.write_song(noise(RATE))
    bench.run(stubs.Stub)
    before = bench.drums_path.read_bytes()
    with pytest.raises(ModelCorruptError):
        bench.run(stubs.WrongShape)
    assert bench.drums_path.read_bytes() == before


def test_a_cancelled_job_leaves_no_drums_and_goes_on_later(bench):
    song = noise(5 * RATE)
    bench.write_song(song)

    def stop_at_half(fraction, message):
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        bench.run(stubs.ConvolutionNet, stop_at_half, chunk_seconds=0.5)
    assert not bench.drums_path.exists()
    result = bench.run(stubs.ConvolutionNet, chunk_seconds=0.5)
    assert result["resumed_chunks"] > 3
    resumed = bench.drums()
    bench.run(stubs.ConvolutionNet, chunk_seconds=0.5)
    np.testing.assert_array_equal(resumed, bench.drums())


def test_room_is_asked_for_before_the_work_begins(bench, monkeypatch):
    bench.write_song(noise(RATE))
    monkeypatch.setattr(atomic, "free_bytes", lambda folder: 100_000)
    with pytest.raises(DiskFullError) as caught:
        bench.run(stubs.Stub)
    assert caught.value.what == "Cannot separate 1 s of sound"
    assert not bench.chunk_files()


def test_a_missing_device_is_said_in_three_lines(bench, monkeypatch):
    bench.write_song(noise(RATE))
    monkeypatch.setattr("drumstudio.inference.device.available", lambda: ("cpu",))
    with pytest.raises(DeviceError) as caught:
        bench.run(stubs.Stub, device="cuda")
    assert str(caught.value).count("\n") == 2


def test_a_method_of_the_processor_runs_there_whatever_the_device(bench, monkeypatch):
    bench.write_song(noise(RATE))
    monkeypatch.setattr("drumstudio.inference.device.available", lambda: ("cuda", "cpu"))
    assert bench.run(stubs.ProcessorOnly, device="auto")["device"] == "cpu"


def test_a_song_that_is_no_media_file_is_refused(bench):
    (bench.folder / "mixture.wav").write_bytes(b"RIFF not really")
    with pytest.raises(AudioOpenError):
        bench.run(stubs.Stub)


def test_an_unknown_setting_is_refused(bench):
    bench.write_song(noise(RATE))
    with pytest.raises(SettingError):
        bench.run(stubs.Stub, settings={"volume": 1})


@pytest.mark.parametrize("chunk_seconds", [0.0, -1.0, math.nan, math.inf])
def test_a_chunk_length_that_is_none_is_a_programmer_s_error(bench, chunk_seconds):
    bench.write_song(noise(RATE))
    with pytest.raises(ValueError, match="chunk_seconds"):
        bench.run(stubs.Stub, chunk_seconds=chunk_seconds)


def test_a_card_can_only_name_an_engine_of_the_table(bench):
    bench.write_song(noise(RATE))
    arguments = bench.arguments(stubs.Stub)
    card = Path(arguments["card_folder"], "model.toml")
    card.write_text(card.read_text().replace('engine = "stub"', 'engine = "os-system"'))
    with pytest.raises(ModelMissingError, match="os-system"):
        separate(no_checkpoint, **arguments)


def test_a_row_of_songs_loads_the_model_once(bench, monkeypatch):
    built = []
    build = engines.build
    monkeypatch.setattr(engines, "build", lambda *args: built.append(args) or build(*args))
    bench.write_song(noise(RATE))
    _SHELF._key = None
    bench.run(stubs.Stub)
    bench.run(stubs.Stub)
    assert len(built) == 1
    bench.run(stubs.Stub, settings={"amount": 0.1})
    assert len(built) == 2


@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_what_is_finished_can_be_heard_before_the_end_from_the_playhead_on(bench, tmp_path, rate):
    bench.write_song(noise(6 * rate), rate)
    preview = tmp_path / "preview.wav"
    heard = []

    def listen(_fraction, _message):
        heard.append(read_ranges(preview))

    bench.run(stubs.Stub, checkpoint=listen, preview=str(preview), start_seconds=4.0)
    first = next(ranges for ranges in heard if ranges)
    assert len(first) == 1
    assert first[0][0] <= 4 * rate < first[0][1] < 6 * rate
    assert heard[-1] == ((0, 6 * rate),)
    with WavReader(preview) as reader:
        early = reader.read(0, 6 * rate)
    assert dbfs(early - bench.drums()) <= (-140 if rate == RATE else -20)


def test_a_full_disk_gets_no_preview(bench, tmp_path, monkeypatch):
    bench.write_song(noise(6 * RATE))
    room = 4 * 6 * RATE * 2 * 4
    monkeypatch.setattr(atomic, "free_bytes", lambda _: room)
    bench.run(stubs.Stub, preview=str(tmp_path / "preview.wav"))
    assert not (tmp_path / "preview.wav").exists()
