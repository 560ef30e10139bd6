import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from drumstudio.files.av_decoder import AvDecoder
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.decoders import SoundfileDecoder
from drumstudio.files.encode import encode
from drumstudio.files.folder_walk import PassedOver
from drumstudio.files.foreign_file import DecoderError
from drumstudio.files.formats import FORMATS
from drumstudio.files.sound_kinds import is_audio_path
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint
from drumstudio.workflows.find_songs import find_songs


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_a_folder_is_walked_and_its_structure_is_kept(tmp_path):
    make(tmp_path, "b.wav", "a.flac", "live/one/c.MP3", "live/notes.txt", ".hidden/d.wav", ".e.wav")
    found = find_songs([tmp_path])
    assert found.songs == (
        (tmp_path / "a.flac", Path()),
        (tmp_path / "b.wav", Path()),
        (tmp_path / "live/one/c.MP3", Path("live/one")),
    )
    assert found.passed_over == (PassedOver(tmp_path / "live/notes.txt", "no sound"),)
    assert found.empty == ()


def test_a_file_that_is_named_itself_is_taken_whatever_its_name(tmp_path):
    make(tmp_path, "readme.txt")
    missing = tmp_path / "missing.wav"
    found = find_songs([tmp_path / "readme.txt", missing])
    assert [song for song, _ in found.songs] == [tmp_path / "readme.txt", missing]


def test_the_folder_of_results_is_left_out(tmp_path):
    make(tmp_path, "a.wav", "stems/a_drums.wav")
    found = find_songs([tmp_path], outside=tmp_path / "stems")
    assert [song for song, _ in found.songs] == [tmp_path / "a.wav"]
    assert found.passed_over == (PassedOver(tmp_path / "stems", "the folder of the results"),)


def test_a_folder_without_songs_is_named_even_if_it_is_called_like_a_song(tmp_path):
    (tmp_path / "x.wav").mkdir()
    assert find_songs([tmp_path / "x.wav"]).empty == (tmp_path / "x.wav",)


def test_a_link_that_leads_round_in_a_circle_ends(tmp_path):
    make(tmp_path, "a.wav")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(find_songs([tmp_path]).songs) == 1


def test_what_lies_in_a_project_is_no_song(tmp_path):
    make(tmp_path, "a.wav", "Night.drumstudio/media/0a.wav", "Night.drumstudio/separations/0b.wav")
    assert find_songs([tmp_path]).songs == ((tmp_path / "a.wav", Path()),)


def test_a_link_that_leads_nowhere_matters_where_its_name_is_that_of_a_song(tmp_path):
    (tmp_path / "a.wav").symlink_to(tmp_path / "gone.wav")
    (tmp_path / "cover.jpg").symlink_to(tmp_path / "gone.jpg")
    found = find_songs([tmp_path])
    assert [item.path.name for item in found.unreadable] == ["a.wav"]
    assert [item.path.name for item in found.ignored] == ["cover.jpg"]


# --- what is read when it is named is found when its folder is named ------------------------

# container and coding, as FFmpeg writes them; "" for what only its name tells
_FFMPEG = {
    ".mkv": ("matroska", "aac", b"\x1aE"),
    ".mka": ("matroska", "flac", b"\x1aE"),
    ".webm": ("webm", "libopus", b"\x1aE"),
    ".mov": ("mov", "pcm_s16le", b""),
    ".mp4": ("mp4", "aac", b""),
    ".m4a": ("ipod", "aac", b""),
    ".3gp": ("3gp", "aac", b""),
    ".avi": ("avi", "mp3", b"RIFF"),
    ".ts": ("mpegts", "aac", b"G"),
    ".m2ts": ("mpegts", "ac3", b"G"),
    ".mpg": ("mpeg", "mp2", b""),
    ".vob": ("vob", "ac3", b""),
    ".flv": ("flv", "aac", b"FLV"),
    ".wmv": ("asf", "wmav2", b""),
    ".wma": ("asf", "wmav2", b""),
    ".wv": ("wv", "wavpack", b"wvpk"),
    ".tta": ("tta", "tta", b"TTA1"),
    ".ogv": ("ogg", "flac", b"OggS"),
    ".mp2": ("mp2", "mp2", None),
    ".aac": ("adts", "aac", None),
    ".ac3": ("ac3", "ac3", None),
    ".eac3": ("eac3", "eac3", None),
}
# Streams without a beginning of their own: found by their names.
_ONLY_BY_NAME = {suffix for suffix, (_, _, head) in _FFMPEG.items() if head is None}
_NEEDS_A_NAME = {"RAW", "MP3", "SD2", "MAT4", "MAT5", "SDS", "MPC2K", "HTK"}


def _by_ffmpeg(container: str, codec: str) -> bytes:
    av = pytest.importorskip("av")
    file = io.BytesIO()
    tone = 0.3 * np.sin(np.arange(24_000) * 0.03)
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=48_000, layout="stereo")
        stream.bit_rate = 128_000
        wanted = stream.codec_context.codec.audio_formats[0].name
        resampler = av.AudioResampler(format=wanted, layout="stereo", rate=48_000)
        for start in range(0, tone.size, 1_000):
            part = np.stack([tone[start : start + 1_000]] * 2).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            frame.rate, frame.pts = 48_000, start
            for ready in resampler.resample(frame):
                output.mux(stream.encode(ready))
        output.mux(stream.encode(None))
    return file.getvalue()


def _is_read(data: bytes) -> bool:
    for kind in (SoundfileDecoder, AvDecoder):
        try:
            decoder = kind(io.BytesIO(data))
        except DecoderError:
            continue
        found = next(decoder.blocks(), None) is not None
        decoder.close()
        if found:
            return True
    return False


@pytest.mark.parametrize("suffix", _FFMPEG)
def test_what_ffmpeg_reads_is_found_in_a_folder(suffix, tmp_path):
    container, codec, _ = _FFMPEG[suffix]
    data = _by_ffmpeg(container, codec)
    assert _is_read(data)
    (tmp_path / f"a{suffix.upper()}").write_bytes(data)
    (tmp_path / "b").write_bytes(data)  # a name that says nothing
    names = [song.name for song, _ in find_songs([tmp_path]).songs]
    assert names == [f"a{suffix.upper()}"] + ["b"] * (suffix not in _ONLY_BY_NAME)


@pytest.mark.parametrize("container", sorted(set(soundfile.available_formats()) - {"RAW", "SD2"}))
def test_what_libsndfile_reads_is_found_in_a_folder(container, tmp_path):
    coding = soundfile.default_subtype(container)
    path = tmp_path / "b"
    soundfile.write(path, np.zeros((2_000, 1)), 44_100, coding, format=container)
    assert _is_read(path.read_bytes())
    found = [song.name for song, _ in find_songs([tmp_path]).songs]
    assert found == ["b"] * (container not in _NEEDS_A_NAME)
    if container in _NEEDS_A_NAME - {"MAT4", "MAT5"}:  # .mat is data
        assert is_audio_path(Path(f"b.{container.lower()}"))


def test_what_shares_its_name_with_sound_is_looked_at(tmp_path):
    make(tmp_path, "program.ts", "table.sf")
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(500))
    (tmp_path / "cover.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(500))
    found = find_songs([tmp_path])
    assert found.songs == ()
    assert {item.why for item in found.passed_over} == {"no sound"}
    assert len(found.passed_over) == 4


@pytest.mark.parametrize("form", FORMATS)
def test_stems_that_were_written_are_no_songs(form, tmp_path):
    for name in ("mixture.wav", "drums.wav"):
        with WavWriter(tmp_path / name, 44_100, 2) as writer:
            writer.write(np.random.default_rng(1).normal(0, 0.1, (2, 9_000)).astype(np.float32))
    out = tmp_path / "out"
    suffix = FORMATS[form].suffix
    encode(
        no_checkpoint,
        mixture=str(tmp_path / "mixture.wav"),
        stems=SplitFiles.of_drums(tmp_path / "drums.wav").to_plain(),
        outputs=[
            {"stem": stem, "path": str(out / f"x {stem}{suffix}")}
            for stem in ("drums", "rest", "mixture")
        ],
        format=form,
    )
    found = find_songs([out])
    assert [song.name for song, _ in found.songs] == [f"x mixture{suffix}"]
    assert {item.why for item in found.passed_over} == {
        "a stem that DrumStudio wrote; name it to have it separated"
    }
    drums = out / f"x drums{suffix}"
    assert find_songs([drums]).songs == ((drums, Path()),)


def test_a_stems_file_is_separated_already(tmp_path):
    make(tmp_path, "a.mp4", "b.stem.mp4")
    found = find_songs([tmp_path])
    assert [song.name for song, _ in found.songs] == ["a.mp4"]
    assert [item.path.name for item in found.ignored] == ["b.stem.mp4"]
