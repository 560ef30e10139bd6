"""The songs that tell what a user's own stems are worth."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.improve import REHEARSED, REPORTED, SAMPLE_RATE, SECONDS, Song, render, write_halves
from tests.training.conftest import drums, tone, write

_COLUMNS = "path,split,valid_split,group,family,kind,source,licence,seconds,channels"


@pytest.fixture
def pack(tmp_path):
    """Return a pack whose files for training are named and missing: to read one fails."""
    rows = [_COLUMNS]
    for split in ("train", "valid"):
        for group, name, folder in (
            ("backing", f"backing/1_{split}.wav", "gm"),
            ("loops", f"loops/beats/drumloop/0_{split}.wav", "beats"),
            ("loops", f"loops/beats/drumloop/1_{split}.wav", "beats"),
        ):
            rows.append(f"train/{name},train,{split},{group},,,{folder},CC0 1.0,9,2")
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    write(tmp_path / "train" / "backing" / "1_valid.wav", tone(45.0, 220))
    for number in range(2):
        loop = tmp_path / "train" / "loops" / "beats" / "drumloop" / f"{number}_valid.wav"
        write(loop, drums(3.0, number))
    return tmp_path


def test_a_song_is_made_of_what_no_training_saw(pack):
    true, rest = render(pack, Song("x", "1_", "beats", 120.0, -6.0, 0))
    assert true.shape == rest.shape == (2, int(SECONDS * SAMPLE_RATE))
    assert np.abs(true + rest).max() == pytest.approx(0.95, abs=1e-4)
    assert 20 * np.log10(true.std() / rest.std()) == pytest.approx(-6, abs=0.1)


def test_the_control_a_pack_without_anything_held_out_gives_no_song(pack):
    manifest = pack / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(",valid,", ",train,"))
    with pytest.raises(IndexError):
        render(pack, Song("x", "1_", "beats", 120.0, -6.0, 0))


def test_the_halves_have_no_loop_in_common_and_are_kept_apart(pack, tmp_path):
    song = Song("x", "1_", "beats", 120.0, -6.0, 0)
    true, rest = render(pack, song)
    half = true.shape[1] // 2
    burst = SAMPLE_RATE // 4
    assert abs(np.corrcoef(true[0, :burst], true[0, half : half + burst])[0, 1]) < 0.3
    write_halves(tmp_path / "work", song, true, rest)
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["score", "train"]


def test_settings_are_chosen_on_other_songs_than_those_reported():
    for part in ("name", "backing", "seed"):
        chosen, reported = ({getattr(s, part) for s in songs} for songs in (REHEARSED, REPORTED))
        assert not chosen & reported
