"""Exported stems are what the song is: exact, whole, together, and said to be so."""

import errno
import itertools
import os
import pathlib

import numpy as np
import pytest
import soundfile

from drumstudio import atomic
from drumstudio.core.errors import (
    AudioOpenError,
    AudioWriteError,
    Cancelled,
    DiskFullError,
    OutputExistsError,
    SettingError,
)
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.encode import encode
from drumstudio.files.formats import FORMATS
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint
from tests.files.seeds import song

LOSSLESS = [form for form in FORMATS.values() if form.lossless]


def write_media(path, samples, rate=44_100):
    with WavWriter(path, rate, len(samples)) as writer:
        writer.write(np.asarray(samples, dtype=np.float32))
    return str(path)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(atomic, "sync", lambda descriptor: None)
    monkeypatch.setattr(atomic, "sync_folder", lambda folder: None)


def of_drums(path):
    return SplitFiles.of_drums(pathlib.Path(path)).to_plain()


@pytest.fixture
def export(tmp_path):
    """Return a function from mixture and drums to (report, {stem: samples})."""

    def run(mixture, drums, form="wav24", rate=44_100, stems=("drums", "rest"), **settings):
        paths = {stem: tmp_path / "out" / f"x_{stem}{FORMATS[form].suffix}" for stem in stems}
        report = encode(
            settings.pop("checkpoint", no_checkpoint),
            mixture=write_media(tmp_path / "mixture.wav", mixture, rate),
            stems=None
            if drums is None
            else of_drums(write_media(tmp_path / "drums.wav", drums, rate)),
            outputs=[{"stem": stem, "path": str(path)} for stem, path in paths.items()],
            format=form,
            **settings,
        )
        written = {}
        for stem, path in paths.items():
            samples, read_rate = soundfile.read(path, dtype="float64", always_2d=True)
            assert read_rate == report["sample_rate"]
            written[stem] = samples.T
        return report, written

    return run


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def pair(samples=20_011, channels=2):
    mixture = song(samples, channels)
    return mixture, 0.5 * song(samples, channels, seed=8)


@pytest.mark.parametrize("form", LOSSLESS, ids=lambda form: form.name)
def test_whole_numbers_are_rounded_and_drums_and_rest_are_the_rounded_song(export, form):
    mixture, drums = pair()
    _, written = export(mixture, drums, form.name)
    if form.bits:
        full = 2 ** (form.bits - 1)
        whole = np.rint(mixture.astype(np.float64) * full)
        np.testing.assert_array_equal(written["drums"] * full, np.rint(drums * full))
        np.testing.assert_array_equal((written["drums"] + written["rest"]) * full, whole)
    else:
        np.testing.assert_array_equal(written["drums"], drums)
        np.testing.assert_array_equal(written["rest"], mixture - drums)


@pytest.mark.parametrize("form", ["wav16", "wav24", "flac"])
def test_a_song_of_sixteen_bits_comes_back_bit_for_bit(export, form):
    mixture, drums = pair()
    mixture = np.round(mixture * 2**15) / 2**15
    report, written = export(mixture, drums, form)
    np.testing.assert_array_equal(written["drums"] + written["rest"], mixture)
    assert report["null_residual_dbfs"] == -200.0


def test_the_rest_alone_is_the_rest_that_comes_with_drums(export):
    mixture, drums = pair()
    both = export(mixture, drums)[1]["rest"]
    report, alone = export(mixture, drums, stems=("rest",), overwrite=True)
    np.testing.assert_array_equal(alone["rest"], both)
    assert report["null_residual_dbfs"] is None


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_keeps_length_place_and_sound(export, form):
    mixture, drums = pair(30_001)
    report, written = export(mixture, drums, form)
    resampled = form == "opus"
    assert report["sample_rate"] == (48_000 if resampled else 44_100)
    assert bool(report["notes"]) == resampled
    for file, reference in zip(report["files"], (drums, mixture - drums), strict=True):
        samples = written[file["stem"]]
        assert samples.shape[1] == file["frames"] == (32_654 if resampled else 30_001)
        if not resampled:
            off = np.sqrt(np.mean((samples - reference) ** 2) / np.mean(reference**2))
            assert off < 0.3
    if not FORMATS[form].lossless:
        assert report["null_residual_dbfs"] is None


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("samples", [1, 2, 4_097])
def test_tiny_songs_are_exported_whole(export, form, samples):
    report, written = export(*pair(samples, 1), form, rate=48_000)
    assert written["drums"].shape == written["rest"].shape == (1, samples)
    assert report["files"][0]["frames"] == samples


def test_the_report_tells_what_was_written(export, tmp_path):
    mixture, drums = pair(60_000)
    report, written = export(mixture, drums)
    for file in report["files"]:
        path = tmp_path / "out" / f"x_{file['stem']}.wav"
        peak = 20 * np.log10(np.abs(written[file["stem"]]).max())
        assert file["path"] == str(path)
        assert file["bytes"] == path.stat().st_size
        assert file["peak_db"] == pytest.approx(peak, abs=1e-3)
        assert file["peak_db"] <= file["true_peak_db"] < 3
        assert -60 < file["lufs"] < 0
    assert report["gain_db"] == 0.0
    assert -200 <= report["null_residual_dbfs"] <= -144


def test_silence_is_reported_in_numbers_that_json_has(export):
    report, _ = export(np.zeros((2, 50_000)), np.zeros((2, 50_000)))
    assert report["null_residual_dbfs"] == -200.0
    for file in report["files"]:
        assert (file["peak_db"], file["true_peak_db"], file["lufs"]) == (-200.0, -200.0, None)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("level", [1.0, 1.7, 15.8])
def test_a_stem_beyond_full_scale_turns_all_stems_down_together(export, form, level):
    mixture, drums = pair(48_000)
    mixture, drums = mixture * 0.5, drums / np.abs(drums).max() * level
    report, written = export(mixture, drums, form, rate=48_000)
    gain = 10 ** (report["gain_db"] / 20)
    if form == "wav-float":
        assert report["gain_db"] == 0.0
        assert report["notes"] == []
    elif level > 1:
        assert report["gain_db"] < -4
        assert f"{-report['gain_db']:.2f} dB" in report["notes"][0]
    if FORMATS[form].lossless:
        assert np.abs(written["drums"] / gain - drums).max() < 2e-4 * level
        assert np.abs(written["rest"] / gain - (mixture - drums)).max() < 3e-4 * level
        if form != "wav-float" or level < 2:
            assert report["null_residual_dbfs"] < (-90 if form == "wav16" else -132)
    peak = max(file["peak_db"] for file in report["files"])
    assert peak <= 0 or form == "wav-float"


def test_full_scale_itself_is_not_turned_down_where_it_fits(export):
    mixture, drums = pair(500)
    mixture[0, 3], drums[0, 3] = -1.0, -0.5
    mixture[1, 9], drums[1, 9] = 32_767 / 32_768, 0.25
    assert export(mixture, drums, "wav16")[0]["gain_db"] == 0.0
    drums[0, 5], mixture[0, 5] = 1.0, 0.5  # one step too high for whole numbers
    report, _ = export(mixture, drums, "wav16", overwrite=True)
    assert -0.01 < report["gain_db"] < 0
    assert "less than 0.01 dB" in report["notes"][0]


def test_only_stems_that_are_written_turn_anything_down(export):
    mixture, drums = pair(500)
    loud = drums * 9
    assert export(mixture, loud, stems=("mixture",))[0]["gain_db"] == 0.0
    assert export(mixture, loud, stems=("drums",))[0]["gain_db"] < -5


def test_what_is_not_a_number_is_written_as_silence_and_said(export):
    mixture, drums = pair(5_000)
    mixture[0, 100], drums[1, 4_000] = np.nan, np.inf
    report, written = export(mixture, drums)
    assert np.isfinite([*written.values()]).all()
    assert report["notes"] == ["2 samples were not numbers and were set to silence."]


def test_the_mixture_alone_needs_no_drums(export):
    mixture, _ = pair()
    _, written = export(mixture, None, "wav-float", stems=("mixture",))
    np.testing.assert_array_equal(written["mixture"], mixture)


@pytest.mark.parametrize("form", ["wav24", "wav-float", "flac"])
def test_another_rate_keeps_drums_and_rest_one_song(export, form):
    report, written = export(*pair(20_011), form, sample_rate=48_000)
    assert written["drums"].shape == (2, 21_781)
    assert report["notes"] == ["Resampled from 44100 to 48000 Hz."]
    assert report["null_residual_dbfs"] <= (-140 if form == "wav-float" else -132)


@pytest.mark.parametrize("form", ["wav16", "wav24", "wav-float", "flac"])
def test_the_same_song_gives_the_same_bytes(export, tmp_path, form):
    contents = []
    for _ in range(2):
        export(*pair(), form, overwrite=True)
        contents.append([path.read_bytes() for path in sorted((tmp_path / "out").iterdir())])
    assert contents[0] == contents[1]


# --- what is refused, before any encoder sees it ----------------------------------------


def refused(kind, said, export, tmp_path, *arguments, **settings):
    with pytest.raises(kind, match=said) as caught:
        export(*arguments, **settings)
    assert len(str(caught.value).splitlines()) == 3
    assert "x_" in caught.value.what or "Cannot write" in caught.value.what
    assert files_in(tmp_path) in (["drums.wav", "mixture.wav"], ["mixture.wav"])


@pytest.mark.parametrize(
    ("form", "channels"), [("mp3", 3), ("mp3", 8), ("flac", 9), ("ogg", 256), ("opus", 256)]
)
def test_too_many_channels_are_refused(export, tmp_path, form, channels):
    refused(AudioWriteError, "holds at most", export, tmp_path, *pair(50, channels), form)


@pytest.mark.parametrize(
    ("form", "rate"),
    [("ogg", 200_001), ("opus", 44_100), ("mp3", 96_000), ("flac", 70_001), ("wav24", 0)],
)
def test_a_rate_that_the_format_does_not_have_is_refused(export, tmp_path, form, rate):
    refused(
        *(SettingError, f"sample rate of {rate} Hz", export, tmp_path, *pair(50), form),
        sample_rate=rate,
    )


@pytest.mark.parametrize(
    ("form", "rate", "becomes"),
    [
        *(("ogg", 200_001, 192_000), ("opus", 96_000, 48_000), ("mp3", 96_000, 48_000)),
        *(("mp3", 9_000, 11_025), ("flac", 70_001, 88_200), ("flac", 768_000, 384_000)),
        *(("wav24", 768_000, 768_000), ("ogg", 1, 1), ("mp3", 44_100, 44_100)),
    ],
)
def test_a_song_whose_rate_a_format_has_not_is_resampled(export, form, rate, becomes):
    report, _ = export(*pair(600), form, rate=rate)
    assert report["sample_rate"] == becomes
    assert len(report["notes"]) == (rate != becomes)


def test_an_unknown_format_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(SettingError, match="wav16, wav24, wav-float, flac, ogg, opus, mp3"):
        encode(
            no_checkpoint,
            mixture="m",
            stems=None,
            outputs=[{"stem": "mixture", "path": str(tmp_path / "x.wma")}],
            format="wma",
        )


def test_an_empty_song_is_refused(export, tmp_path):
    empty = np.zeros((2, 0))
    refused(AudioWriteError, "its length is zero", export, tmp_path, empty, empty)


def test_missing_media_is_an_error_for_a_person(tmp_path):
    with pytest.raises(AudioOpenError):
        encode(
            no_checkpoint,
            mixture=str(tmp_path / "no.wav"),
            stems=None,
            outputs=[{"stem": "mixture", "path": str(tmp_path / "x.wav")}],
            format="wav24",
        )


@pytest.mark.parametrize(
    "outputs",
    [
        [],
        [{"stem": "vocals", "path": "x.wav"}],
        [{"stem": "drums", "path": "x.wav"}, {"stem": "rest", "path": "x.wav"}],
        [{"stem": "drums", "path": "x.wav"}, {"stem": "drums", "path": "y.wav"}],
    ],
)
def test_senseless_outputs_are_a_programmers_error(outputs):
    with pytest.raises(ValueError, match="stem"):
        encode(no_checkpoint, mixture="m", stems=of_drums("d"), outputs=outputs, format="wav24")


def test_drums_can_not_be_written_without_drums():
    with pytest.raises(ValueError, match="need stems"):
        encode(
            no_checkpoint,
            mixture="m",
            stems=None,
            outputs=[{"stem": "rest", "path": "x.wav"}],
            format="wav24",
        )


# --- all or none ------------------------------------------------------------------------


def test_a_file_that_is_there_is_never_replaced_unasked(export, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x_rest.wav").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"x_rest\.wav"):
        export(*pair(500))
    assert files_in(tmp_path / "out") == ["x_rest.wav"]
    assert (tmp_path / "out" / "x_rest.wav").read_text() == "mine"
    export(*pair(500), overwrite=True)
    assert files_in(tmp_path / "out") == ["x_drums.wav", "x_rest.wav"]


@pytest.mark.skipif(os.name != "posix", reason="an open file can not be renamed there")
def test_what_a_killed_export_left_in_the_folder_is_swept_by_the_next(export, tmp_path):
    (tmp_path / "out").mkdir()
    left = tmp_path / "out" / f".x_drums.wav.{'0' * 12}.partial"
    left.write_bytes(b"half a song")
    os.utime(left, (0, 0))
    export(*pair())
    assert files_in(tmp_path / "out") == ["x_drums.wav", "x_rest.wav"]


def test_a_file_that_somebody_writes_meanwhile_is_not_replaced(export, tmp_path):
    def meddle(fraction, message):
        if message.startswith("Checking"):
            (tmp_path / "out" / "x_drums.wav").write_text("theirs")

    with pytest.raises(OutputExistsError):
        export(*pair(500), checkpoint=meddle)
    assert (tmp_path / "out" / "x_drums.wav").read_text() == "theirs"
    assert files_in(tmp_path / "out") == ["x_drums.wav"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_cancelled_export_leaves_no_file(export, tmp_path, form):
    seen = []

    def stop_at(limit):
        def checkpoint(fraction, message):
            seen.append(fraction)
            if fraction >= limit:
                raise Cancelled

        return checkpoint

    for limit in (0.0, 0.1, 0.5, 0.85):
        with pytest.raises(Cancelled):
            export(*pair(70_000), form, checkpoint=stop_at(limit))
        assert files_in(tmp_path) == ["drums.wav", "mixture.wav"]


def test_progress_rises(export):
    seen = []
    export(*pair(300_000), checkpoint=lambda fraction, message: seen.append(fraction))
    assert seen == sorted(seen)
    assert 0 <= seen[0] < 0.01
    assert 0.8 < seen[-1] <= 1


@pytest.mark.parametrize("form", FORMATS)
def test_whichever_write_the_disk_refuses_no_file_is_left(export, tmp_path, monkeypatch, form):
    real = atomic.write_all
    if form == "wav-float":
        pytest.skip("writes through Python's own file; its faults are R9's, by RLIMIT_FSIZE")
    for refused_call in itertools.count():
        calls = itertools.count()

        def write_all(descriptor, data, calls=calls, refused_call=refused_call):
            if next(calls) == refused_call:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(descriptor, data)

        monkeypatch.setattr(atomic, "write_all", write_all)
        error = None
        try:
            export(*pair(2_500), form)
        except DiskFullError as raised:
            error = raised
        if error is None:
            break
        assert str(tmp_path / "out") in error.why
        assert error.what.startswith("Cannot write x_")
        assert files_in(tmp_path) == ["drums.wav", "mixture.wav"]
    assert refused_call >= 4
    assert files_in(tmp_path / "out") == [f"x_{s}{FORMATS[form].suffix}" for s in ("drums", "rest")]


@pytest.mark.parametrize("failing", [1, 2])
def test_a_rename_that_fails_leaves_no_stem_without_the_other(
    export, tmp_path, monkeypatch, failing
):
    calls = itertools.count(1)

    def replace(source, target):
        if next(calls) == failing:
            raise OSError(errno.EIO, "Input/output error")
        source.rename(target)

    monkeypatch.setattr(atomic, "replace", replace)
    with pytest.raises(AudioWriteError, match="reported a fault"):
        export(*pair(500))
    assert files_in(tmp_path) == ["drums.wav", "mixture.wav"]


def test_a_file_that_does_not_read_back_whole_is_not_kept(export, tmp_path, monkeypatch):
    real = atomic.write_all

    def lose_much(descriptor, data):  # a disk that says "written" and is not telling the truth
        real(descriptor, data[:64])

    monkeypatch.setattr(atomic, "write_all", lose_much)
    for form in ("wav24", "flac", "ogg"):
        with pytest.raises(AudioWriteError, match="encoder did not do its work"):
            export(*pair(50_000), form)
        assert files_in(tmp_path) == ["drums.wav", "mixture.wav"]


def test_room_is_asked_for_before_anything_is_written(export, tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "free_bytes", lambda folder: 2 * 6 * 20_011 - 1)
    refused(DiskFullError, "are free", export, tmp_path, *pair(20_011))
    monkeypatch.setattr(atomic, "free_bytes", lambda folder: 2 * 6 * 20_011)
    export(*pair(20_011))


def test_a_folder_in_the_way_is_an_error_for_a_person(export, tmp_path):
    (tmp_path / "out" / "x_drums.wav").mkdir(parents=True)
    with pytest.raises(AudioWriteError, match="is a folder"):
        export(*pair(500), overwrite=True)
    assert files_in(tmp_path / "out") == []
    (tmp_path / "out" / "x_drums.wav").rmdir()
    (tmp_path / "out").rmdir()
    (tmp_path / "out").write_text("a file")
    with pytest.raises(AudioWriteError):
        export(*pair(500))


def test_there_is_a_folder_for_each_stem_if_asked(tmp_path):
    mixture, drums = pair(500)
    report = encode(
        no_checkpoint,
        mixture=write_media(tmp_path / "m.wav", mixture),
        stems=of_drums(write_media(tmp_path / "d.wav", drums)),
        outputs=[{"stem": s, "path": str(tmp_path / s / "ü" / "x.wav")} for s in ("drums", "rest")],
        format="wav24",
    )
    assert [file["frames"] for file in report["files"]] == [500, 500]


@pytest.mark.parametrize("form", ["wav24", "flac"])
def test_a_range_is_that_part_of_the_whole_and_as_exact(export, form):
    mixture = song(9_000)
    whole_report, whole = export(mixture, mixture * 0.5, form)
    report, part = export(mixture, mixture * 0.5, form, start=1_001, stop=5_002, overwrite=True)
    for stem in ("drums", "rest"):
        np.testing.assert_array_equal(part[stem], whole[stem][:, 1_001:5_002])
    assert [file["frames"] for file in report["files"]] == [4_001, 4_001]
    assert report["null_residual_dbfs"] <= -132.0


def test_a_range_without_sound_is_refused(export):
    mixture = song(9_000)
    for start, stop in ((5, 5), (10**9, None), (-9, -3)):
        with pytest.raises(AudioWriteError, match="no sound in the range"):
            export(mixture, mixture * 0.5, start=start, stop=stop)
