"""STEMS files: what FFmpeg, mutagen's kind of reader and our own parser find in them."""

from __future__ import annotations

import io
import json
import struct
import subprocess

import numpy as np
import pytest

from drumstudio.core.errors import AudioWriteError, OutputExistsError
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.formats import STEM_FORMATS
from drumstudio.files.stem_box import NamedStem, add_stem_box, read_stem_box, stem_box_text
from drumstudio.files.stem_mp4 import write_stem_mp4
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint

av = pytest.importorskip("av")

LOOKS = {
    name: (name.title(), "#FF9F6B")
    for name in ("drums", "bass", "vocals", "other", "rest", "piano", "guitar")
}


def named(path):
    with path.open("rb") as file:
        return read_stem_box(file)


def put(path, samples, rate=44_100, speakers=0):
    with WavWriter(path, rate, samples.shape[0], speakers) as writer:
        writer.write(samples.astype(np.float32))
    return path


def tone(hertz, samples=60_000, rate=44_100, channels=2):
    t = np.arange(samples) / rate
    one = 0.15 * np.sin(2 * np.pi * hertz * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 2 * t))
    return np.stack([one] * channels)


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a song of tones as a stem file; returns (report, path)."""

    def run(names=("drums",), computed="rest", channels=2, rate=44_100, samples=60_000, **how):
        mixture = np.zeros((channels, samples))
        stored = {}
        for number, name in enumerate(names):
            sound = tone(300 * (number + 1), samples, rate, channels)
            stored[name] = put(tmp_path / f"{name}.wav", sound, rate, how.get("speakers", 0))
            mixture = mixture + sound
        mixture = mixture + tone(4_000, samples, rate, channels)
        speakers = how.pop("speakers", 0)
        song = put(tmp_path / "mixture.wav", mixture, rate, speakers)
        drums = "drums" if "drums" in names else ""
        path = tmp_path / "song.stem.mp4"
        report = write_stem_mp4(
            no_checkpoint,
            mixture=str(song),
            stems=SplitFiles(stored, computed, drums).to_plain(),
            looks=LOOKS,
            path=str(path),
            **{"format": "ni-stems", **how},
        )
        return report, path

    return run


def streams(path):
    """Decode every sound stream by FFmpeg's library: list of (samples as float, rate)."""
    found = []
    for number in range(5):
        with av.open(str(path)) as container:
            stream = container.streams.audio[number]
            frames = [frame.to_ndarray() for frame in container.decode(stream)]
            sound = np.concatenate(frames, axis=1)
            if sound.dtype == np.int32:
                sound = sound / 2**31
            found.append(sound[:, : stream.duration])
    return found


def loudest_hertz(sound, rate=44_100):
    spectrum = np.abs(np.fft.rfft(sound[0] * np.hanning(sound.shape[1])))
    return np.argmax(spectrum) * rate / sound.shape[1]


@pytest.mark.parametrize("form", STEM_FORMATS)
def test_mix_and_stems_stand_in_order_and_sum(written, form):
    report, path = written(("drums", "bass", "vocals"), "other", format=form)
    mix, *stems = streams(path)
    assert [round(loudest_hertz(stem), -2) for stem in stems] == [300, 600, 900, 4_000]
    assert all(sound.shape == (2, 60_000) for sound in (mix, *stems))
    limit = 1e-6 if form.endswith("alac") else 0.05
    assert np.abs(mix - sum(stems)).max() < limit
    assert np.abs(mix - sum(stems[1:])).max() > 0.1  # the control: one is missing
    assert [stem.name for stem in named(path)] == ["Drums", "Bass", "Vocals", "Other"]
    assert report["files"][0]["frames"] == 60_000
    assert "sum to the mix" in report["notes"][-1]


def test_only_the_mix_is_enabled_and_ffmpegs_best(written):
    _, path = written()
    with av.open(str(path)) as container:
        sound = container.streams.audio
        assert len(sound) == 5
        default = av.stream.Disposition.default
        assert [bool(stream.disposition & default) for stream in sound] == [True] + [False] * 4
        assert container.streams.best("audio").index == sound[0].index


def test_two_stems_are_joined_by_two_silent_ones(written):
    _, path = written()
    mix, drums, rest, *silent = streams(path)
    assert not np.abs(silent).max()
    assert np.abs(mix - drums - rest).max() < 0.05
    names = [stem.name for stem in named(path)]
    assert names == ["Drums", "Rest", "Silent", "Silent"]


def test_of_more_than_four_the_last_are_added_up(written):
    report, path = written(("drums", "bass", "vocals", "guitar", "piano"), "other")
    mix, *stems = streams(path)
    assert np.abs(mix - sum(stems)).max() < 0.05
    assert [stem.name for stem in named(path)][-1] == "Others"
    assert any("guitar, piano, other" in note for note in report["notes"])


@pytest.mark.parametrize("samples", [1, 1_023, 44_100, 70_001])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_the_length_is_exact(written, samples, rate):
    report, path = written(samples=samples, rate=rate)
    with av.open(str(path)) as container:
        assert [stream.duration for stream in container.streams.audio] == [samples] * 5
    assert report["sample_rate"] == rate


@pytest.mark.parametrize(
    ("rate", "expected"), [(96_000, 48_000), (22_050, 44_100), (8_000, 48_000)]
)
def test_other_rates_are_resampled_and_told(written, rate, expected):
    report, path = written(rate=rate, samples=rate)
    assert report["sample_rate"] == expected
    assert f"Resampled from {rate} to {expected} Hz." in report["notes"]
    assert round(loudest_hertz(streams(path)[1], expected), -2) == 300


@pytest.mark.parametrize(("channels", "speakers"), [(1, 0), (6, 0x3F)])
def test_mono_and_surround_become_stereo(written, channels, speakers):
    report, path = written(channels=channels, speakers=speakers)
    mix, drums, rest, *_ = streams(path)
    assert mix.shape == (2, 60_000)
    assert np.abs(mix - drums - rest).max() < 0.05
    assert any("stereo" in note for note in report["notes"]) == (channels > 2)


def test_ffmpegs_program_finds_the_same(written):
    _, path = written(("drums", "bass", "vocals"), "other")
    try:
        done = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", path, "-map", "0:a:2", "-f", "f32le", "-"],
            capture_output=True,
            check=True,
        )
    except FileNotFoundError:
        pytest.skip("the program ffmpeg is not installed")
    sound = np.frombuffer(done.stdout, dtype="<f4").reshape(-1, 2).T
    assert round(loudest_hertz(sound), -2) == 600


def test_tags_and_cover_of_the_source_are_carried_over(written, tmp_path):
    source = tmp_path / "source.m4a"
    with av.open(str(source), "w", format="mp4") as out:
        out.metadata.update({"title": "Night Bus", "artist": "Us", "genre": "Dub"})
        sound = out.add_stream("aac", rate=44_100)
        picture = out.add_stream("png", rate=1)
        picture.width = picture.height = 16
        picture.pix_fmt = "rgb24"
        picture.disposition = av.stream.Disposition.attached_pic.value
        quiet = np.zeros((2, 1_024), np.float32)
        frame = av.AudioFrame.from_ndarray(quiet, format="fltp", layout="stereo")
        frame.sample_rate = 44_100
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
        pixels = np.full((16, 16, 3), 200, np.uint8)
        out.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(picture.encode(None))
    _, path = written(source=str(source), title="not this")
    with av.open(str(path)) as container:
        tags = container.metadata
        assert (tags["title"], tags["artist"], tags["genre"]) == ("Night Bus", "Us", "Dub")
        (cover,) = container.streams.video
        (image,) = list(container.decode(cover))
        assert image.to_ndarray(format="rgb24").mean() == pytest.approx(200, abs=1)
        assert len(container.streams.audio) == 5
    assert named(path) is not None


def test_a_file_that_is_there_is_kept(written, tmp_path):
    (tmp_path / "song.stem.mp4").write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        written()
    assert (tmp_path / "song.stem.mp4").read_bytes() == b"mine"
    written(overwrite=True)


def test_an_empty_range_is_refused(written, tmp_path):
    with pytest.raises(AudioWriteError):
        written(start=5, stop=5)
    assert not (tmp_path / "song.stem.mp4").exists()


# --- the box -----------------------------------------------------------------------------


def box(kind, body):
    return struct.pack(">I4s", 8 + len(body), kind) + body


STEMS = tuple(NamedStem(name, "#123456") for name in ("Drums", "Bass", "Ünïcode", "Vox"))


@pytest.mark.parametrize("udta", [b"", box(b"udta", box(b"meta", bytes(12)))])
def test_the_box_is_put_into_moov_and_read_again(tmp_path, udta):
    file = io.BytesIO(box(b"ftyp", b"isom") + box(b"mdat", bytes(50)) + box(b"moov", udta))
    before = file.getvalue()
    add_stem_box(file, STEMS)
    path = tmp_path / "x.mp4"
    path.write_bytes(file.getvalue())
    assert named(path) == STEMS
    assert file.getvalue().startswith(before[: before.index(b"moov") - 4])
    assert json.loads(stem_box_text(STEMS))["mastering_dsp"]["limiter"]["enabled"] is False


def test_the_box_is_not_put_where_something_would_move(tmp_path):
    file = io.BytesIO(box(b"ftyp", b"isom") + box(b"moov", b"") + box(b"mdat", bytes(50)))
    with pytest.raises(ValueError, match="moov must be the last box"):
        add_stem_box(file, STEMS)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"stems": 3}',
        b'{"stems": [{}]}',
        b'{"stems": [1, 2, 3, 4]}',
        b"\xff" * 9,
    ],
)
def test_a_box_that_says_nothing_is_none(tmp_path, body):
    path = tmp_path / "x.mp4"
    path.write_bytes(box(b"moov", box(b"udta", box(b"stem", body))))
    assert named(path) is None
    path.write_bytes(box(b"moov", box(b"udta", box(b"stem", stem_box_text(STEMS)))))
    assert named(path) == STEMS  # the control
