from __future__ import annotations

import numpy as np
import pytest

from drumstudio.training.data import (
    SampleCache,
    Source,
    TrainingDataError,
    decoded,
    to_float,
    to_int16,
)
from drumstudio.training.manifest import pack_sources
from tests.training.conftest import drums, tone, write

HEADER = (
    "path,split,valid_split,group,family,kind,source,licence,seconds,channels,bandwidth_hz,note"
)
ROWS = [
    "train/hits/a/kick/k.flac,train,train,hits,kick,kick,a,CC0 1.0,0.5,1,9000,",
    "train/hits/a/fx/f.flac,train,train,hits,none,fx,a,CC0 1.0,0.5,1,9000,",
    "train/hits/b/snare/s.flac,train,valid,hits,snare,snare,b,GPL-2,0.5,1,9000,",
    "train/stems/song/drums.ogg,train,,stems,,drums,artist,CC0 1.0,60,2,16000,",
    "train/stems/song/bass.ogg,train,,stems,,bass,artist,CC0 1.0,60,2,16000,",
    "train/midi/m.mid,train,,midi,,score,m,MIT,60,,,",
    "eval/x/drums.flac,eval,,eval,,drums,x,CC0 1.0,30,2,16000,",
]


@pytest.fixture
def pack(tmp_path):
    (tmp_path / "manifest.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    return tmp_path


def source(path, **changes) -> Source:
    fields = dict(
        path=path, role="drums", kind="stem", origin="", song="", licence="", seconds=1.0,
        split="train",
    )  # fmt: skip
    return Source(**(fields | changes))


def test_a_pack_gives_its_training_files_and_never_its_evaluation(pack):
    found = pack_sources(pack)
    assert [(s.role, s.kind, s.split) for s in found] == [
        ("hit", "kick", "train"),
        ("hit", "snare", "valid"),
        ("drums", "stem", "train"),
        ("rest", "bass", "train"),
        ("score", "midi", "train"),
    ]
    assert found[2].song == found[3].song == "song"


def test_a_licence_can_be_left_out(pack):
    assert [s.licence for s in pack_sources(pack, without_licences=["GPL"])] == [
        *["CC0 1.0"] * 3,
        "MIT",
    ]


def test_a_pack_without_manifest_is_told(tmp_path):
    with pytest.raises(TrainingDataError, match="manifest"):
        pack_sources(tmp_path)


def test_a_file_is_decoded_once(tmp_path):
    write(tmp_path / "a.wav", drums(0.5))
    cache = SampleCache(tmp_path / "cache")
    first = cache.samples(source(tmp_path / "a.wav"))
    assert cache.samples(source(tmp_path / "a.wav")).filename == first.filename
    assert len(list((tmp_path / "cache").iterdir())) == 1
    np.testing.assert_allclose(to_float(first), drums(0.5), atol=2 / 32767)


def test_a_changed_file_is_decoded_again(tmp_path):
    path = tmp_path / "a.wav"
    write(path, drums(0.5))
    cache = SampleCache(tmp_path / "cache")
    cache.samples(source(path))
    write(path, drums(0.7))
    assert cache.samples(source(path)).shape == (2, drums(0.7).shape[1])


def test_the_parts_of_a_stem_are_added(tmp_path):
    write(tmp_path / "kick.wav", tone(0.5, 50)[:1])
    write(tmp_path / "snare.wav", tone(0.3, 200))
    both = source(tmp_path / "kick.wav", more=(tmp_path / "snare.wav",))
    samples = to_float(SampleCache(tmp_path / "cache").samples(both))
    expected = tone(0.5, 50)
    expected[:, : tone(0.3, 200).shape[1]] += tone(0.3, 200)
    np.testing.assert_allclose(samples, expected, atol=4 / 32767)


def test_other_rates_come_at_ours(tmp_path):
    write(tmp_path / "a.wav", tone(1.0, 100)[:, :22_050], rate=22_050)
    assert decoded(tmp_path / "a.wav").shape == (2, 44_100)


def test_what_is_no_sound_is_told(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no sound")
    with pytest.raises(TrainingDataError, match=r"a\.wav"):
        decoded(tmp_path / "a.wav")


def test_int16_and_back_is_within_half_a_step():
    samples = np.linspace(-1, 1, 999, dtype=np.float32)[None]
    assert np.abs(to_float(to_int16(samples)) - samples).max() <= 0.51 / 32767
    assert to_int16(np.float32([[2.0, -2.0]])).tolist() == [[32767, -32767]]


def test_the_real_pack_is_understood(audio_pack):
    found = pack_sources(audio_pack)
    assert len(found) > 3000
    assert all("eval" not in s.path.relative_to(audio_pack).parts for s in found)
    assert {s.role for s in found} == {"drums", "rest", "hit", "note", "score"}
