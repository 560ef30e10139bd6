"""The estimate of the beats: right where they are clear, and unsure where they are not."""

import csv
import re

import numpy as np
import pytest

from drumstudio.core.plain import from_plain
from drumstudio.core.tempo_map import TempoMap
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint
from drumstudio.remix.beats import analyse_song, beat_period, estimate_tempo_map
from drumstudio.remix.onsets import onset_curve, pick_hits, place_hits
from drumstudio.workers.roles import JOBS
from tests.remix.clicks import Sound, click_song


def estimate(samples, sample_rate=44_100):
    source = Sound(samples)
    curve = onset_curve(source, sample_rate, samples.shape[1], no_checkpoint)
    hits = place_hits(source, sample_rate, pick_hits(curve), no_checkpoint)
    return estimate_tempo_map(curve, hits)


@pytest.mark.parametrize("bpm", [70.0, 96.0, 120.0, 127.3, 140.0, 174.0])
def test_a_click_track_has_its_tempo_and_its_beats(bpm):
    beats = 0.4 + np.arange(0, 28, 60 / bpm)
    grid = estimate(click_song(beats, 30.0))
    assert len(grid.tempos) == 1
    found = grid.tempos[0].bpm
    assert min(abs(found - factor * bpm) for factor in (0.5, 1.0, 2.0)) < 0.05
    assert grid.confidence > 0.9
    assert not grid.confirmed
    errors = [abs(grid.nearest(beat, "beat") - beat) for beat in beats[:: round(bpm / found) or 1]]
    assert np.median(errors) < 0.005


def test_twice_and_half_mend_an_octave():
    beats = 0.4 + np.arange(0, 28, 60 / 70.0)
    grid = estimate(click_song(beats, 30.0))
    factor = 70.0 / grid.tempos[0].bpm
    assert grid.scaled(round(factor * 2) / 2).tempos[0].bpm == pytest.approx(70.0, abs=0.05)


def test_a_dotted_pattern_does_not_win_over_the_bar():
    step = 60 / 100.0 / 4
    pattern = [0, 3, 6, 10, 12]  # sixteenths of a bar, three of them dotted eighths apart
    bars = [0.1 + (16 * bar + place) * step for bar in range(16) for place in pattern]
    grid = estimate(click_song(bars, 40.0, low=[0.1 + 16 * bar * step for bar in range(16)]))
    assert min(abs(grid.tempos[0].bpm / 100.0 - factor) for factor in (0.5, 1.0, 2.0)) < 0.01


def test_a_change_of_tempo_is_followed():
    first = 0.2 + 0.6 * np.arange(40)
    second = first[-1] + 0.48 * np.arange(1, 45)
    grid = estimate(click_song([*first, *second], second[-1] + 1.0))
    assert grid.bpm_at(8.0) == pytest.approx(100.0, abs=1.0)
    assert grid.bpm_at(second[-1] - 4.0) == pytest.approx(125.0, abs=1.0)
    errors = [abs(grid.nearest(beat, "beat") - beat) for beat in [*first[2:], *second[:-2]]]
    assert np.quantile(errors, 0.9) < 0.045


def test_a_break_does_not_lose_the_count():
    beats = np.concatenate([0.3 + 0.5 * np.arange(30), 0.3 + 0.5 * np.arange(51, 80) + 0.0])
    grid = estimate(click_song(beats, 42.0))
    assert len(grid.tempos) == 1
    assert grid.tempos[0].bpm == pytest.approx(120.0, abs=0.02)


def test_bar_one_is_where_the_bass_is_and_inside_the_song():
    beats = 0.3 + 0.5 * np.arange(64)
    grid = estimate(click_song(beats, 33.0, low=beats[2::4]))
    assert grid.origin_seconds == pytest.approx(1.3, abs=0.01)
    late = estimate(click_song(beats + 20.0, 53.0, low=beats[2::4] + 20.0))
    assert late.origin_seconds == pytest.approx(1.3, abs=0.05)


def test_irregular_clicks_are_not_believed():
    generator = np.random.default_rng(4)
    times = np.cumsum(generator.uniform(0.15, 0.9, 60))
    grid = estimate(click_song(times, times[-1] + 1.0))
    assert grid is None or grid.confidence < 0.5


@pytest.mark.parametrize("seconds", [0.0, 0.01, 1.0, 20.0])
def test_silence_has_no_beat(seconds):
    assert estimate(np.zeros((2, int(seconds * 44_100)), dtype=np.float32)) is None


def test_three_clicks_are_too_few_to_tell():
    assert estimate(click_song([0.2, 0.7, 1.2], 2.0)) is None
    assert beat_period(np.zeros(2_000)) is None


def test_the_job_listens_to_the_drums_and_answers_in_plain_values(tmp_path):
    beats = 0.25 + 0.5 * np.arange(38)
    drums = click_song(beats, 20.0)
    tone = (0.2 * np.sin(np.arange(drums.shape[1]) / 30.0)).astype(np.float32)
    for name, samples in (("mixture", drums + tone), ("drums", drums)):
        with WavWriter(tmp_path / f"{name}.wav", 44_100, 1) as writer:
            writer.write(samples)
    found = analyse_song(
        no_checkpoint,
        mixture=str(tmp_path / "mixture.wav"),
        drums=str(tmp_path / "drums.wav"),
    )
    np.testing.assert_allclose(found["hits"], beats, atol=0.002)
    assert from_plain(TempoMap, found["tempo_map"]).tempos[0].bpm == pytest.approx(120.0, abs=0.05)
    alone = analyse_song(no_checkpoint, mixture=str(tmp_path / "mixture.wav"), drums=None)
    assert alone["tempo_map"] is not None
    assert JOBS["analyse_song"].function == "drumstudio.remix.beats:analyse_song"


@pytest.mark.robust
def test_loops_of_known_tempo_are_found_and_doubts_are_honest(audio_pack):
    import soundfile

    with (audio_pack / "manifest.csv").open(encoding="utf-8") as file:
        names = [row["path"] for row in csv.DictReader(file)]
    loops = [
        (name, float(match[1])) for name in names if (match := re.search(r"/(\d+)bpm_", name))
    ][::3]
    assert len(loops) > 30
    right, sure = [], []
    for name, bpm in loops:
        samples, sample_rate = soundfile.read(audio_pack / name, dtype="float32", always_2d=True)
        grid = estimate(np.ascontiguousarray(samples.T), sample_rate)
        found = 0.0 if grid is None else float(np.mean([tempo.bpm for tempo in grid.tempos]))
        right.append(min(abs(found / (bpm * factor) - 1) for factor in (0.5, 1.0, 2.0)) < 0.02)
        sure.append(grid is not None and grid.confidence >= 0.8)
    right, sure = np.array(right), np.array(sure)
    assert right.mean() >= 0.8
    assert right[sure].mean() >= 0.93
    assert sure.mean() >= 0.6
    assert right[~sure].mean() < right[sure].mean()
