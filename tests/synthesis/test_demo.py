"""The demo song: its stems are its mix, its levels are a mix's, and it is always the same."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from drumstudio.core.errors import Cancelled
from drumstudio.files.wav_file import WavReader
from drumstudio.jobs.job import no_checkpoint
from drumstudio.synthesis.demo import GRID, render_demo, render_demo_files


def level_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return what the worker's job wrote: stem to samples, and the job's answer."""
    folder = tmp_path_factory.mktemp("demo")
    answer = render_demo_files(no_checkpoint, folder=str(folder))
    samples = {}
    for name, path in answer["files"].items():
        with WavReader(path) as reader:
            assert (reader.sample_rate, reader.channels) == (44_100, 2)
            samples[name] = reader.read(0, reader.samples)
    assert sorted(path.name for path in folder.iterdir()) == ["drums.wav", "mix.wav", "rest.wav"]
    return samples, answer


@pytest.fixture(scope="module")
def stems():
    return render_demo()


def test_the_stems_sum_to_the_mix(files):
    samples, _ = files
    np.testing.assert_array_equal(samples["drums"] + samples["rest"], samples["mix"])


def test_a_second_rendering_has_the_same_bits(files, stems):
    samples, _ = files
    np.testing.assert_array_equal(samples["drums"], stems["drums"])
    rest = stems["bass"] + stems["chords"] + stems["lead"]
    np.testing.assert_array_equal(samples["rest"], rest)


def test_the_song_is_thirty_seconds_that_peak_at_minus_one_decibel(files):
    samples, answer = files
    assert answer["samples"] == samples["mix"].shape[1] == 30 * 44_100
    assert answer["seconds"] == 30.0
    assert np.all(np.isfinite(samples["mix"]))
    assert 20 * np.log10(np.max(np.abs(samples["mix"]))) == pytest.approx(-1, abs=0.01)


def test_the_drums_lie_three_decibels_below_the_rest(files):
    samples, _ = files
    assert level_db(samples["drums"]) - level_db(samples["rest"]) == pytest.approx(-3, abs=0.5)


def test_every_stem_keeps_the_level_it_was_mixed_at(stems):
    # Golden numbers, decibels of root mean square over the song; another machine's rounding
    # moves them by far less than the tolerance, another seed or recipe by more.
    golden = {"drums": -22.64, "bass": -22.45, "chords": -24.95, "lead": -27.69}
    assert {name: level_db(s) for name, s in stems.items()} == pytest.approx(golden, abs=0.1)


def kicks_found(drums: np.ndarray, times: list[float]) -> int:
    """Count the times at which the low end jumps by 6 dB within 40 ms."""
    spectrum = np.fft.rfft(drums.mean(0))
    spectrum[int(120 * 30) :] = 0
    low = np.fft.irfft(spectrum, drums.shape[1])
    found = 0
    for when in times:
        at = int(when * 44_100)
        before, after = low[at - 2200 : at - 400], low[at + 400 : at + 2200]
        found += level_db(after) > level_db(before) + 6
    return found


def test_the_kick_plays_the_first_beat_of_every_bar_of_verse_and_lift(stems):
    downbeats = [GRID.seconds(bar * 16) for bar in range(2, 10)]
    assert kicks_found(stems["drums"], downbeats) == 8


def test_the_search_for_kicks_finds_none_where_there_are_none(stems):
    between = [GRID.seconds(bar * 16 + 2) for bar in range(2, 10)]
    assert kicks_found(stems["drums"], between) == 0


def test_bass_and_kick_share_the_low_end(stems):
    for name in ("drums", "bass"):
        power = np.abs(np.fft.rfft(stems[name].mean(0))) ** 2
        hertz = np.arange(len(power)) / 30
        assert power[(hertz > 30) & (hertz < 110)].sum() > 0.25 * power.sum()


def test_the_song_ends_in_silence(stems):
    assert max(np.max(np.abs(stem[:, -100:])) for stem in stems.values()) < 1e-4


def test_a_cancelled_rendering_leaves_no_half_file(tmp_path, monkeypatch):
    def stop_at_the_second_file(fraction, message):
        if fraction > 0.75:
            raise Cancelled

    silence = np.zeros((2, 44_100), np.float32)
    monkeypatch.setattr(
        "drumstudio.synthesis.demo.render_demo",
        lambda: dict.fromkeys(("drums", "bass", "chords", "lead"), silence),
    )
    with pytest.raises(Cancelled):
        render_demo_files(stop_at_the_second_file, folder=str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["drums.wav"]


def test_the_demo_needs_no_torch_no_scipy_and_no_librosa():
    code = (
        "import sys, drumstudio.synthesis.demo\n"
        "sys.exit(bool({'torch', 'scipy', 'librosa'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
