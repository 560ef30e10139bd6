"""Edits are swapped into what is playing without a click, and the stems still sum up."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.wav_file import WavWriter
from drumstudio.playback.stems import SongStems


class Louder:
    """A delta that adds a constant everywhere."""

    def __init__(self, value):
        self.value = value

    def add_into(self, stem, start, out):
        out += np.float32(self.value)


@pytest.fixture
def stems(tmp_path):
    mixture = np.full((2, 4_000), 0.75, dtype=np.float32)
    for name, samples in (("mix", mixture), ("drums", mixture - 0.5)):
        with WavWriter(tmp_path / f"{name}.wav", 44_100, 2) as writer:
            writer.write(samples)
    stems = SongStems(tmp_path / "mix.wav", SplitFiles.of_drums(tmp_path / "drums.wav"))
    yield stems
    stems.close()


def play(stems, blocks, changes):
    """Return drums and rest of some blocks of 512 samples, with edits set before some."""
    heard = []
    for block in range(blocks):
        if block in changes:
            stems.set_edits(changes[block])
        heard.append([stems.read(stem, 512 * block, 512) for stem in ("drums", "rest")])
    return np.concatenate(heard, axis=2)


def test_a_swap_fades_over_one_stretch(stems):
    drums, rest = play(stems, 6, {0: Louder(0.1), 2: Louder(0.3), 4: None})
    assert np.allclose(drums[:, :1_024], 0.35)
    assert np.allclose(drums[:, 1_536:2_048], 0.55)
    assert np.allclose(drums[:, 2_560:], 0.25)
    assert np.abs(np.diff(drums)).max() < 0.001
    np.testing.assert_allclose(drums + rest, 0.75, atol=1e-6)


def test_a_swap_between_two_stems_of_a_stretch_waits_for_the_next(stems):
    play(stems, 1, {})
    drums = stems.read("drums", 512, 512)
    stems.set_edits(Louder(0.5))
    rest = stems.read("rest", 512, 512)
    np.testing.assert_allclose(drums + rest, 0.75, atol=1e-6)
    assert stems.read("drums", 1_024, 512)[0, -1] == pytest.approx(0.75)


def test_the_original_is_never_edited(stems):
    stems.set_edits(Louder(0.5), Louder(0.2))
    assert (stems.read("mixture", 0, 100) == 0.75).all()
    assert np.allclose(stems.read("painted", 0, 100), 0.2)
    assert np.allclose(stems.read("unpainted", 0, 100), 0.55)


def test_a_stretch_that_is_heard_again_is_heard_as_it_is_now(stems):
    for _ in range(2):
        before = [stems.read(stem, 700, 512) for stem in ("drums", "rest")]
    stems.set_edits(Louder(0.1))
    fading = [stems.read(stem, 700, 512) for stem in ("drums", "rest")]
    after = [stems.read(stem, 700, 512) for stem in ("drums", "rest")]
    np.testing.assert_allclose(fading[0][:, 0], before[0][:, 0], atol=0.001)
    np.testing.assert_allclose(after[0] - before[0], 0.1, atol=1e-6)
    for drums, rest in (before, fading, after):
        np.testing.assert_allclose(drums + rest, 0.75, atol=1e-6)


def test_a_fade_that_is_read_anew_from_its_middle_on_is_not_cut_short(stems):
    def drums(start):
        return stems.read("drums", start, 1_000)

    heard = [drums(0)]
    stems.set_edits(Louder(0.4))
    heard.append(drums(1_000)[:, :250])
    stems.set_edits(Louder(-0.2))  # while a quarter of the fade has been heard
    heard.append(drums(1_250)[:, :250])
    heard.append(drums(1_500))  # and a third time
    heard.append(drums(2_500))
    heard = np.concatenate(heard, axis=1)
    assert np.abs(np.diff(heard)).max() < 0.001
    assert heard[:, 1_999] == pytest.approx(0.65)
    assert heard[:, 3_499] == pytest.approx(0.05)


def test_a_loop_that_comes_back_into_an_old_fade_does_not_repeat_it(stems):
    stems.read("drums", 1_000, 1_000)
    stems.set_edits(Louder(0.4))
    stems.read("drums", 2_000, 1_000)
    stems.read("drums", 3_000, 1_000)
    assert np.allclose(stems.read("drums", 2_300, 1_000), 0.65)
