"""Any sound file becomes media of its own rate and channels, or one error in plain words."""

import errno
import os
import struct
import sys

import numpy as np
import pytest

from drumstudio.core.errors import AudioOpenError, AudioWriteError, DiskFullError
from drumstudio.files import decode as decode_module
from drumstudio.files import foreign_file
from drumstudio.files.decode import decode
from drumstudio.files.probe import probe
from drumstudio.files.sound_kinds import is_audio_path
from drumstudio.files.wav_file import WavReader
from drumstudio.jobs.job import no_checkpoint
from tests.files.in_child import outcomes
from tests.files.seeds import RATE, SEEDS, encoded, encoded_by_ffmpeg, seed, song


@pytest.fixture
def decoded(tmp_path):
    """Return a function from a file's bytes to (report, samples)."""

    def run(data, name="song.bin"):
        source = tmp_path / name
        source.write_bytes(data)
        target = tmp_path / "media.wav"
        report = decode(no_checkpoint, source=str(source), target=str(target))
        with WavReader(target) as reader:
            assert (reader.sample_rate, reader.channels) == (
                report["sample_rate"],
                report["channels"],
            )
            assert reader.samples == report["samples"]
            return report, reader.read(0, reader.samples)

    return run


def level_of_difference(a, b):
    length = min(a.shape[1], b.shape[1])
    off = np.sqrt(np.mean((a[:, :length] - b[:, :length]) ** 2) / np.mean(a**2))
    return 20 * np.log10(off + 1e-12)


@pytest.mark.parametrize("name", SEEDS)
def test_every_format_decodes_to_the_song(decoded, name):
    if name.startswith("m4a"):
        pytest.importorskip("av")
    report, samples = decoded(seed(name))
    lossy = name in ("ogg", "opus", "mp3", "m4a-aac")
    assert report["samples"] == pytest.approx(13_000, abs=44 if name == "m4a-aac" else 0)
    assert report["notes"] == []
    assert report["peak"] == pytest.approx(np.abs(samples).max())
    if name == "opus":
        assert report["sample_rate"] == 48_000
    assert level_of_difference(song(13_000), samples) < (-6 if lossy else -70)


@pytest.mark.parametrize("name", ["wav16", "wav24", "wav-float", "flac", "aiff", "caf", "au"])
def test_lossless_formats_are_taken_bit_for_bit(decoded, name):
    _, samples = decoded(seed(name))
    step = 2.0**-15 if name in ("wav16", "aiff", "au") else 2.0**-23
    expected = song(13_000)
    if name != "wav-float":
        np.testing.assert_array_equal(samples, np.float32(np.round(samples / step) * step))
    assert np.abs(samples - expected).max() <= (0 if name == "wav-float" else step)


def test_aac_comes_out_aligned_and_no_longer_than_it_was(decoded):
    pytest.importorskip("av")
    clicks = np.zeros((2, 40_000), dtype=np.float32)
    clicks[:, [1_000, 30_000]] = 0.9
    report, samples = decoded(encoded_by_ffmpeg(clicks, "aac", "fltp"))
    assert report["samples"] <= 40_000 + 44  # its stored length, in milliseconds
    for place in (1_000, 30_000):
        heard = np.abs(samples[0, place - 500 : place + 500]).argmax() + place - 500
        assert abs(heard - place) <= 1


def test_the_same_sound_has_one_hash_whatever_file_it_came_in(decoded):
    quantised = np.float32(np.round(song(9_000) * 2**15) / 2**15)
    hashes = {
        decoded(encoded(quantised, container, coding))[0]["sha256"]
        for container, coding in (("WAV", "PCM_16"), ("FLAC", "PCM_24"), ("CAF", "FLOAT"))
    }
    assert len(hashes) == 1
    assert decoded(encoded(quantised, "WAV", "PCM_16", 48_000))[0]["sha256"] not in hashes
    assert decoded(encoded(quantised[:, :-1], "WAV", "PCM_16"))[0]["sha256"] not in hashes


@pytest.mark.parametrize("rate", [1, 50, 8_000, 44_101, 192_000, 384_000, 768_000])
def test_strange_rates_are_taken_as_they_are(decoded, rate):
    report, samples = decoded(encoded(song(500), "WAV", "PCM_24", rate))
    assert (report["sample_rate"], samples.shape) == (rate, (2, 500))


@pytest.mark.parametrize("rate", [768_001, 2**31 - 1])
def test_impossible_rates_are_refused_plainly(decoded, rate):
    data = bytearray(encoded(song(500), "WAV", "PCM_16"))
    struct.pack_into("<I", data, 24, rate)
    with pytest.raises(AudioOpenError, match="768000 Hz"):
        decoded(bytes(data))


@pytest.mark.parametrize("channels", [1, 2, 6, 9, 16])
def test_any_number_of_channels_is_taken(decoded, channels):
    _, samples = decoded(encoded(song(300, channels), "WAV", "FLOAT"))
    np.testing.assert_array_equal(samples, song(300, channels))


def test_one_sample_is_a_song(decoded):
    report, samples = decoded(encoded(np.float32([[0.5], [-0.5]]), "WAV", "FLOAT"))
    assert (report["samples"], samples.tolist()) == (1, [[0.5], [-0.5]])


def test_a_song_longer_than_a_block_is_whole(decoded):
    long = song(200_000)
    _, samples = decoded(encoded(long, "WAV", "FLOAT"))
    np.testing.assert_array_equal(samples, long)


@pytest.mark.parametrize("container", ["WAV", "AIFF"])
def test_no_sample_is_an_error_that_says_so(decoded, container):
    with pytest.raises(AudioOpenError, match="its length is zero"):
        decoded(encoded(np.zeros((2, 0), np.float32), container, "PCM_16"))


def test_samples_beyond_full_scale_are_kept(decoded):
    report, samples = decoded(encoded(song(500) * 40, "WAV", "FLOAT"))
    assert report["peak"] == np.abs(samples).max() > 20


def test_what_is_not_a_number_becomes_silence_and_is_said(decoded):
    broken = song(500)
    broken[0, 7], broken[1, 9], broken[1, 10] = np.nan, np.inf, -np.inf
    report, samples = decoded(encoded(broken, "WAV", "FLOAT"))
    assert np.isfinite(samples).all()
    assert report["notes"] == ["3 samples were not numbers and were set to silence."]


def test_a_song_of_nan_alone_is_refused(decoded, tmp_path):
    with pytest.raises(AudioOpenError, match="none of its samples is a number"):
        decoded(encoded(np.full((2, 99), np.nan, np.float32), "WAV", "FLOAT"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["song.bin"]


@pytest.mark.parametrize("claim", [0, 0xFFFFFFFF, 0x7FFFFFF0])
def test_a_wav_file_holds_what_it_holds_whatever_its_header_claims(decoded, claim):
    data = bytearray(encoded(song(3_000), "WAV", "PCM_16"))
    struct.pack_into("<I", data, data.find(b"data") + 4, claim)
    struct.pack_into("<I", data, 4, claim)
    assert decoded(bytes(data))[0]["samples"] == 3_000


def flac_of_unknown_length():
    data = bytearray(seed("flac"))
    word = int.from_bytes(data[18:26], "big") & ~((1 << 36) - 1)
    data[18:26] = word.to_bytes(8, "big")
    return bytes(data)


def test_a_flac_file_of_unknown_length_is_whole(decoded, tmp_path):
    assert decoded(flac_of_unknown_length())[0]["samples"] == 13_000
    assert probe(no_checkpoint, source=str(tmp_path / "song.bin"))["samples"] is None


def mp3_with(tag_edit):
    data = bytearray(encoded(song(100_000), "MP3", "MPEG_LAYER_III"))
    place = max(data.find(b"Xing"), data.find(b"Info"))
    assert place > 0
    tag_edit(data, place)
    return bytes(data)


def test_an_mp3_file_without_its_tag_is_whole(decoded):
    def remove(data, place):
        data[place : place + 4] = b"\0\0\0\0"

    # Without the tag nobody knows of the encoder's padding: up to three frames more.
    assert 100_000 <= decoded(mp3_with(remove))[0]["samples"] <= 100_000 + 3 * 1_152


def test_an_mp3_file_whose_tag_claims_too_little_is_whole(decoded):
    pytest.importorskip("av")

    def claim_ten_frames(data, place):
        struct.pack_into(">I", data, place + 8, 10)

    assert decoded(mp3_with(claim_ten_frames))[0]["samples"] == 100_000


@pytest.mark.parametrize("name", ["mp3", "ogg"])
def test_songs_joined_end_to_end_are_both_there(decoded, name):
    pytest.importorskip("av")
    assert decoded(seed(name) + seed(name))[0]["samples"] >= 2 * 13_000


def test_without_ffmpeg_the_first_of_two_joined_songs_is_kept_and_said(decoded, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    report, _ = decoded(seed("mp3") + seed("mp3"))
    assert report["samples"] == 13_000
    assert "goes on" in report["notes"][0]


CONTAINERS = {
    "wav24": ("WAV", "PCM_24"),
    "wavex": ("WAVEX", "PCM_24"),
    "rf64": ("RF64", "PCM_24"),
    "w64": ("W64", "PCM_24"),
    "aiff": ("AIFF", "PCM_24"),
    "caf": ("CAF", "PCM_24"),
    "au": ("AU", "PCM_24"),
    "ms_adpcm": ("WAV", "MS_ADPCM"),
    "flac": ("FLAC", "PCM_24"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_of_a_truncated_song_what_is_there_is_kept_and_said(decoded, name, capfd):
    data = encoded(song(200_000), *CONTAINERS[name])
    report, samples = decoded(data[: len(data) * 6 // 10])
    assert 80_000 < samples.shape[1] < 140_000
    assert level_of_difference(song(200_000)[:, : samples.shape[1]], samples) < -6
    assert len(report["notes"]) == 1
    if name not in ("flac", "ogg"):
        # PyAV before 18 takes the end of a CAF file for damage.
        said = "4.5 s long" in report["notes"][0]
        assert said or (name == "caf" and "damaged; the 2.7 s" in report["notes"][0])
    assert capfd.readouterr().err == ""  # mpg123 would print a warning of its own


@pytest.mark.parametrize("name", CONTAINERS)
def test_of_a_whole_song_nothing_is_said(decoded, name):
    assert decoded(encoded(song(200_000), *CONTAINERS[name]))[0]["notes"] == []


@pytest.mark.parametrize("claim", [0, 0xFFFFFFFF, 0xFFFFFF24, 0x7FFFF000, 0x7FFFFFFF])
def test_a_wav_file_written_into_a_pipe_promises_nothing(decoded, claim):
    data = bytearray(encoded(song(60_000), "WAV", "PCM_16"))
    struct.pack_into("<I", data, data.find(b"data") + 4, claim)
    report, samples = decoded(bytes(data))
    assert samples.shape[1] == 60_000
    assert report["notes"] == []


def test_behind_a_damaged_place_the_song_goes_on(decoded):
    pytest.importorskip("av")
    data = bytearray(encoded(song(100_000), "FLAC", "PCM_24"))
    data[len(data) // 3 : len(data) // 3 + 200] = bytes(200)
    report, _ = decoded(bytes(data))
    assert report["samples"] > 80_000  # PyAV before 18 gives up a longer piece than later ones
    assert "damaged" in " ".join(report["notes"])


def test_without_ffmpeg_what_comes_before_the_damage_is_kept(decoded, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    data = bytearray(encoded(song(100_000), "FLAC", "PCM_24"))
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    report, samples = decoded(bytes(data))
    assert 40_000 < report["samples"] < 60_000
    assert np.abs(samples - song(100_000)[:, : samples.shape[1]]).max() <= 2**-23
    assert "damaged" in report["notes"][0]


def test_without_ffmpeg_m4a_is_refused_in_three_plain_lines(decoded, monkeypatch):
    pytest.importorskip("av")
    data = seed("m4a-aac")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioOpenError) as caught:
        decoded(data, "song.m4a")
    assert str(caught.value).splitlines() == [
        "Cannot open song.m4a",
        "reading this kind of file needs the package av, which is not installed.",
        'Run "pip install av", or convert the file to FLAC or WAV.',
    ]


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/hostname\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"just some words\n" * 50, "holds text"),
        ("Trommeln für alle\n".encode() * 50, "holds text"),
        (PLAYLIST, "holds text"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", "holds text"),
        (os.urandom(1) + bytes(5_000), "not a kind of sound file"),
        (b"RIFF\x10\0\0\0WAVE", "not a kind of sound file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "not a kind of sound file"),
    ],
)
def test_what_is_no_sound_is_refused_plainly(decoded, data, said):
    with pytest.raises(AudioOpenError, match=said):
        decoded(data, "song.wav")


def test_a_name_never_decides_how_a_file_is_read(decoded):
    for name in ("song.raw", "song.vox", "song.txt", "song", "song.mp3", "söng ☃.wav"):
        assert decoded(seed("wav16"), name)[0]["samples"] == 13_000


def refusal_of(path):
    with pytest.raises(AudioOpenError) as from_probe:
        probe(no_checkpoint, source=str(path))
    with pytest.raises(AudioOpenError) as from_decode:
        decode(no_checkpoint, source=str(path), target=str(path) + ".media")
    assert str(from_probe.value) == str(from_decode.value)
    assert len(str(from_decode.value).splitlines()) == 3
    return str(from_decode.value)


def test_what_is_no_file_is_refused_plainly(tmp_path):
    (tmp_path / "folder.wav").mkdir()
    assert "a folder" in refusal_of(tmp_path / "folder.wav")
    assert "no such file" in refusal_of(tmp_path / "missing.wav")
    assert "no such file" in refusal_of(tmp_path / "missing" / "x.wav")
    assert "the system says" in refusal_of(tmp_path / ("x" * 300 + ".wav"))
    assert "the system says" in refusal_of(str(tmp_path / "x") + "\0.wav")


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX files")
def test_pipes_links_devices_and_forbidden_files_are_refused_plainly(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    assert "a pipe" in refusal_of(tmp_path / "pipe.wav")
    (tmp_path / "link.wav").symlink_to(tmp_path / "gone.wav")
    assert "a link to" in refusal_of(tmp_path / "link.wav")
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    assert "a device" in refusal_of(tmp_path / "zero.wav")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    assert "the system says" in refusal_of(tmp_path / "loop.wav")


def test_a_file_one_may_not_read_is_refused_plainly(tmp_path, monkeypatch):
    (tmp_path / "song.wav").write_bytes(seed("wav16"))
    if os.geteuid() == 0:  # nothing is forbidden to root

        def forbidden(*_):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr("drumstudio.files.probe.os.open", forbidden)
        with pytest.raises(AudioOpenError, match="no permission"):
            probe(no_checkpoint, source=str(tmp_path / "song.wav"))
    else:
        (tmp_path / "song.wav").chmod(0)
        assert "no permission" in refusal_of(tmp_path / "song.wav")


def test_a_link_to_a_song_is_the_song(tmp_path):
    (tmp_path / "song.wav").write_bytes(seed("wav16"))
    (tmp_path / "link.wav").symlink_to(tmp_path / "song.wav")
    assert probe(no_checkpoint, source=str(tmp_path / "link.wav"))["samples"] == 13_000


@pytest.mark.parametrize("kind", ["wav16", "m4a-alac"])
def test_a_failing_disk_is_named_and_not_taken_for_the_end(tmp_path, monkeypatch, kind):
    if kind == "m4a-alac":
        pytest.importorskip("av")
    (tmp_path / "song.wav").write_bytes(encoded(song(300_000), "WAV", "PCM_16"))
    if kind == "m4a-alac":
        (tmp_path / "song.wav").write_bytes(encoded_by_ffmpeg(song(300_000), "alac", "s32p"))
    reads = iter(range(10**6))
    real = foreign_file.NamelessFile.read

    class Failing:
        def __init__(self, file):
            self._file = file

        def __getattr__(self, name):
            return getattr(self._file, name)

        def read(self, count):
            if next(reads) > 40:
                raise OSError(errno.EIO, "Input/output error")
            return self._file.read(count)

    def failing_read(self, count):
        if not isinstance(self._file, Failing):
            self._file = Failing(self._file)
        return real(self, count)

    monkeypatch.setattr(foreign_file.NamelessFile, "read", failing_read)
    with pytest.raises(AudioOpenError, match=r"its disk reports .Input/output error"):
        decode(no_checkpoint, source=str(tmp_path / "song.wav"), target=str(tmp_path / "media.wav"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["song.wav"]


def test_a_cancelled_decode_leaves_no_file(tmp_path):
    (tmp_path / "song.wav").write_bytes(encoded(song(300_000), "WAV", "PCM_16"))

    def stop(fraction, message):
        if fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode(stop, source=str(tmp_path / "song.wav"), target=str(tmp_path / "media.wav"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["song.wav"]


def test_progress_rises_to_one(tmp_path):
    (tmp_path / "song.wav").write_bytes(encoded(song(300_000), "FLAC", "PCM_24"))
    seen = []
    decode(
        lambda fraction, message: seen.append(fraction),
        source=str(tmp_path / "song.wav"),
        target=str(tmp_path / "media.wav"),
    )
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 1)
    assert len(seen) > 4


def test_a_missing_target_folder_is_an_error_for_a_person(tmp_path):
    (tmp_path / "song.wav").write_bytes(seed("wav16"))
    with pytest.raises(AudioWriteError, match="is not there"):
        decode(
            no_checkpoint,
            source=str(tmp_path / "song.wav"),
            target=str(tmp_path / "no" / "media.wav"),
        )


def test_a_disk_too_small_is_said_before_anything_is_decoded(tmp_path, monkeypatch):
    (tmp_path / "song.wav").write_bytes(seed("wav16"))
    monkeypatch.setattr(decode_module.atomic, "free_bytes", lambda folder: 50_000)
    with pytest.raises(DiskFullError, match="are free"):
        decode(no_checkpoint, source=str(tmp_path / "song.wav"), target=str(tmp_path / "media.wav"))


def test_a_claimed_length_nobody_can_believe_is_no_reason_to_ask_for_room(tmp_path, monkeypatch):
    data = bytearray(seed("flac"))
    data[21] |= 0x0F  # 2**35 samples and more
    data[22:26] = b"\xff\xff\xff\xff"
    (tmp_path / "song.flac").write_bytes(data)
    monkeypatch.setattr(decode_module.atomic, "free_bytes", lambda folder: 50_000_000)
    report = decode(
        no_checkpoint, source=str(tmp_path / "song.flac"), target=str(tmp_path / "media.wav")
    )
    assert report["samples"] == 13_000


def test_probe_tells_the_facts(tmp_path):
    (tmp_path / "song.flac").write_bytes(seed("flac"))
    facts = probe(no_checkpoint, source=str(tmp_path / "song.flac"))
    assert facts == {
        "sample_rate": RATE,
        "channels": 2,
        "samples": 13_000,
        "seconds": 13_000 / RATE,
        "format": "FLAC",
        "subtype": "PCM_24",
        "bytes": len(seed("flac")),
    }


def test_songs_are_told_by_their_names(tmp_path):
    for name in ("a.wav", "B.FLAC", "c.Mp3", "d.m4a", "e.stem.mp4", "ü.opus"):
        assert is_audio_path(tmp_path / name)
    for name in ("a.txt", "wav", "b.wav.txt", ".wav", "c.jpg", "d"):
        assert not is_audio_path(tmp_path / name)


def test_a_header_that_points_before_the_file_raises_nothing_inside_a_c_library(tmp_path):
    (tmp_path / "song.wav").write_bytes(bytes(100))
    with (tmp_path / "song.wav").open("rb", buffering=0) as file:
        nameless = foreign_file.NamelessFile(file)
        nameless.seek(7)
        assert nameless.seek(-5) == -1
        assert nameless.seek(2**80) == -1
        assert nameless.tell() == 7


def test_an_argument_that_pyav_does_not_know_never_passes_for_damage(tmp_path, monkeypatch):
    av = pytest.importorskip("av")
    (tmp_path / "song.m4a").write_bytes(seed("m4a-aac"))
    real = av.open
    monkeypatch.setattr(av, "open", lambda file, **how: real(file, **how, no_such_argument=1))
    with pytest.raises(TypeError, match="no_such_argument"):
        probe(no_checkpoint, source=str(tmp_path / "song.m4a"))


def test_a_tag_in_another_encoding_is_no_damage(decoded):
    pytest.importorskip("av")
    data = encoded_by_ffmpeg(song(13_000), "alac", "s32p", title="Stra-e")
    report, _ = decoded(data.replace(b"Stra-e", b"Stra\xdfe"))
    assert (report["samples"], report["notes"]) == (13_000, [])


# 3 to 8 channels by their layouts in Core Audio: MPEG 3.0 A to 7.1 C.
LAYOUTS = [
    *((3, 113), (3, 114), (4, 115), (4, 116), *((5, tag) for tag in range(117, 121))),
    *(*((6, tag) for tag in range(121, 125)), (7, 125), (8, 126), (8, 127), (8, 128)),
]


@pytest.mark.skipif(sys.platform != "linux", reason="the harness needs RLIMIT_AS and /proc")
def test_movies_in_every_layout_of_their_channels_are_read(tmp_path):
    """In a child, for PyAV 17.1 to 18.1 die of most of them: pyproject.toml leaves those out."""
    pytest.importorskip("av")
    cases = [(channels, tag << 16 | channels) for channels, tag in LAYOUTS]
    found = outcomes("tests.files.hostile_cases:mov_case", cases, folder=tmp_path)
    assert [outcome.get("result", outcome) for outcome in found] == [
        [2_000, [], [1_000.0 * channel for channel in range(channels)]] for channels, _ in cases
    ]
