from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from drumstudio.jobs.job import no_checkpoint
from drumstudio.training.data import TrainingDataError, decoded
from drumstudio.training.folders import check, find_sources, stem_class, stem_names
from tests.training.conftest import drums, tone, write


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("drums", "drums"),
        ("Drum Bus", "drums"),
        ("01_Kick", "drums"),
        ("OverheadsL", "drums"),
        ("Overheads L", "drums"),
        ("snare2", "drums"),
        ("Bass DI", "bass"),
        ("LeadVox", "vocals"),
        ("lead vocals", "vocals"),
        ("guitar_L", "other"),
        ("mixture", "mix"),
        ("song (master)", "mix"),
        ("drumless", "drumless"),
        ("no_drums", "drumless"),
        ("song without drums", "drumless"),
    ],
)
def test_names_are_mapped_by_rules(name, kind):
    assert stem_class(name) == kind


def test_songs_in_musdbs_layout_are_found(songs):
    found = find_sources([songs])
    assert {(s.song, s.role, s.kind) for s in found.sources} == {
        (f"song {number}", role, kind)
        for number in range(2)
        for role, kind in (("drums", "stem"), ("rest", "bass"), ("rest", "other"))
    }
    assert not found.problems


def test_several_drum_files_are_one_stem(tmp_path):
    for name in ("kick", "snare", "overheads"):
        write(tmp_path / "song" / f"{name}.wav", drums(1.5))
    write(tmp_path / "song" / "guitar.wav", tone(1.5, 300))
    found = find_sources([tmp_path])
    stem = next(s for s in found.sources if s.role == "drums")
    assert [stem.path.name, *(path.name for path in stem.more)] == [
        "kick.wav",
        "overheads.wav",
        "snare.wav",
    ]


@pytest.mark.parametrize("bus", [True, False])
def test_drums_are_not_added_to_their_own_pieces(tmp_path, bus):
    kick, snare, hats = (drums(1.5, seed) for seed in (1, 2, 3))
    write(tmp_path / "song" / "Kick.wav", kick)
    write(tmp_path / "song" / "Snare.wav", snare)
    # A bus, a little quieter, or drums.wav for all that has no file of its own: the control.
    write(tmp_path / "song" / "Drums.wav", 0.8 * (kick + snare + hats) if bus else hats)
    write(tmp_path / "song" / "Rest.wav", tone(1.5, 300))
    found = find_sources([tmp_path])
    stem = next(s for s in found.sources if s.role == "drums")
    names = [path.name for path in (stem.path, *stem.more)]
    assert names == (["Drums.wav"] if bus else ["Drums.wav", "Kick.wav", "Snare.wav"])
    assert ("holds Kick.wav, Snare.wav already" in str(dict(found.problems))) == bus


def test_unpaired_folders_are_found(tmp_path):
    write(tmp_path / "drums" / "a.wav", drums(1.5))
    write(tmp_path / "drumless" / "b.wav", tone(1.5, 200))
    assert {(s.role, s.kind) for s in find_sources([tmp_path]).sources} == {
        ("drums", "loop"),
        ("rest", "mix"),
    }


def test_problems_are_told_for_each_song(tmp_path):
    write(tmp_path / "uneven" / "drums.wav", drums(1.2))
    write(tmp_path / "uneven" / "bass.wav", tone(3.0, 60))
    write(tmp_path / "short" / "drums.wav", drums(0.2))
    write(tmp_path / "short" / "other.wav", tone(2.0, 60))
    write(tmp_path / "odd" / "song.wav", tone(2.0, 60))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "drums.wav").write_bytes(b"RIFF")
    write(tmp_path / "broken" / "other.wav", tone(2.0, 60))
    problems = check(no_checkpoint, folders=[str(tmp_path)])["problems"]
    assert "differ in length" in problems["uneven"][0]
    assert "only 0.20 s" in problems["short"][0]
    assert "without drums among them" in problems["odd"][0]
    assert "can not be read" in problems["broken"][0]


def test_check_tells_songs_and_minutes(songs):
    told = check(no_checkpoint, folders=[str(songs)])
    assert [song["song"] for song in told["songs"]] == ["song 0", "song 1"]
    assert sorted(told["songs"][0]["stems"]) == ["bass", "drums", "other"]
    assert told["minutes"]["drums: stem"] == pytest.approx(0.1)
    json.dumps(told)


def test_one_song_in_ten_is_held_out_whole(tmp_path):
    for number in range(30):
        write(tmp_path / f"song {number}" / "drums.wav", drums(1.0))
        write(tmp_path / f"song {number}" / "bass.wav", tone(1.0, 60))
    found = find_sources([tmp_path])
    held = {s.song for s in found.sources if s.split == "valid"}
    assert 1 <= len(held) <= 8
    assert all(s.split == "valid" for s in found.sources if s.song in held)


def test_few_songs_are_all_trained_on(songs):
    assert {s.split for s in find_sources([songs]).sources} == {"train"}


def test_a_folder_with_nothing_is_told(tmp_path):
    with pytest.raises(TrainingDataError, match="nothing to train"):
        find_sources([tmp_path])
    with pytest.raises(TrainingDataError, match="no folder"):
        find_sources([tmp_path / "gone"])


def test_stem_names_come_from_the_stem_box(tmp_path):
    table = {"version": 1, "stems": [{"name": n} for n in ("Drums", "Bass", "Synth", "Vox")]}
    body = json.dumps(table).encode()
    box = struct.pack(">I", 8 + len(body)) + b"stem" + body
    path = tmp_path / "song.stem.mp4"
    path.write_bytes(b"\0\0\0\x08ftyp" + box + b"\0\0\0\x08mdat")
    assert stem_names(path) == ["Drums", "Bass", "Synth", "Vox"]
    path.write_bytes(b"no stems")
    assert stem_names(path) == []


def test_a_stem_file_gives_its_stems(tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "song.stem.mp4"
    with av.open(str(path), "w", format="mp4") as out:
        out.metadata["title"] = "Stra-e"
        streams = [out.add_stream("aac", rate=44_100, layout="stereo") for _ in range(5)]
        for number, stream in enumerate(streams):
            samples = tone(1.5, 100 * (number + 1))
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = 44_100, 0
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                out.mux(packet)
    table = {"stems": [{"name": n} for n in ("Drums", "Bass", "Synth", "Vox")]}
    content = path.read_bytes().replace(b"Stra-e", b"Stra\xdfe")  # as old programs write it
    path.write_bytes(content + b"\0\0\1\0stem" + json.dumps(table).encode())
    found = find_sources([tmp_path])
    assert [(s.role, s.kind, s.stream) for s in found.sources] == [
        ("drums", "stem", 1),
        ("rest", "bass", 2),
        ("rest", "other", 3),
        ("rest", "vocals", 4),
    ]
    bass = decoded(path, 2)
    assert abs(bass.shape[1] - 66_150) <= 44  # as long as it was, not as its last packet
    spectrum = abs(np.fft.rfft(bass[0][:44_100]))
    assert abs(int(spectrum.argmax()) - 300) <= 2
