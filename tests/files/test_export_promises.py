"""R9, R11 to R14: exports are whole or absent, never crash, sum to the song, never clip unasked."""

import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from drumstudio import atomic
from drumstudio.core.errors import AudioWriteError
from drumstudio.files import formats
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.decode import decode
from drumstudio.files.encode import encode
from drumstudio.files.formats import FORMATS
from drumstudio.files.wav_file import WavReader, WavWriter, header_bytes
from drumstudio.jobs.job import no_checkpoint
from tests.files.in_child import outcomes
from tests.files.seeds import encoded, song
from tests.promises import counts, nightly, record

needs_rlimit = pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(atomic, "sync", lambda descriptor: None)
    monkeypatch.setattr(atomic, "sync_folder", lambda folder: None)


def export(folder, mixture, drums, form, rate=44_100):
    """Export drums and rest; return the report and what libsndfile reads, in float64."""
    media = {}
    for name, samples in (("mixture", mixture), ("drums", drums)):
        media[name] = folder / f"{name}.media"
        with WavWriter(media[name], rate, len(samples)) as writer:
            writer.write(np.asarray(samples, dtype=np.float32))
    paths = {stem: folder / f"x_{stem}{FORMATS[form].suffix}" for stem in ("drums", "rest")}
    report = encode(
        no_checkpoint,
        mixture=str(media["mixture"]),
        stems=SplitFiles.of_drums(media["drums"]).to_plain(),
        outputs=[{"stem": stem, "path": str(path)} for stem, path in paths.items()],
        format=form,
        overwrite=True,
    )
    return report, {
        stem: soundfile.read(path, dtype="float64", always_2d=True)[0].T
        for stem, path in paths.items()
    }


# --- R9 ---------------------------------------------------------------------------------

FULL_DISK_FORMATS = ("wav16", "wav24", "wav-float", "flac", "ogg", "mp3")
SHARES = (0.0, 0.001, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999)


@needs_rlimit
@pytest.mark.robust
def test_r9_on_a_full_disk_an_export_is_absent_and_the_disk_is_named(tmp_path):
    cases = [(form, share) for form in FULL_DISK_FORMATS for share in SHARES]
    found = outcomes("tests.files.export_cases:full_disk_case", cases, folder=tmp_path)
    broken = [
        (case, outcome)
        for case, outcome in zip(cases, found, strict=True)
        if "result" not in outcome
        or outcome["result"]["left"]
        or outcome["result"]["error"] is None
        or str(tmp_path / "full") not in outcome["result"]["error"]["why"]
    ]
    careless = outcomes("tests.files.export_cases:careless_full_disk_case", cases, folder=tmp_path)
    stumps = [
        outcome["result"]
        for outcome in careless
        if 0 < outcome.get("result", {"read": 0, "of": 0})["read"] < 60_000
    ]
    longest = max(stump["read"] / stump["of"] for stump in stumps)
    record(
        "R9",
        what="export to a disk that is full at 10 points, in 6 formats",
        count=len(cases),
        failures=len(broken),
        figure=f"{len(broken)} of {len(cases)} left a file or did not name the disk",
        control=f"soundfile.write: {len(stumps)} stumps that read as songs, up to {longest:.0%}",
        control_failed=len(stumps) >= 10,
    )
    assert broken == []
    assert len(stumps) >= 10  # the negative control


# --- R11 --------------------------------------------------------------------------------

RATES = (8_000, 44_100, 44_101, 48_000, 96_000, 192_000, 200_001, 384_000, 768_000)
CHANNELS = (1, 2, 6, 8)
LONG_SECONDS = 130
LONG = [("ogg", 44_100, 2), ("opus", 48_000, 1), ("mp3", 44_100, 2), ("flac", 44_100, 2)]
LONG_NIGHTLY = [
    (form, rate, channels)
    for form in FORMATS
    for rate, channels in ((8_000, 8), (44_100, 1), (44_100, 2), (48_000, 6), (200_001, 2))
]


@needs_rlimit
@pytest.mark.robust
def test_r11_no_setting_crashes_the_encoder(tmp_path):
    cases = [
        (form, rate, channels, samples)
        for form in FORMATS
        for rate in RATES
        for channels in CHANNELS
        for samples in (0, 1, 100)
    ]
    cases += [
        (form, rate, channels, LONG_SECONDS * rate)
        for form, rate, channels in (LONG_NIGHTLY if nightly() else LONG)
    ]
    found = outcomes(
        "tests.files.export_cases:encode_case", cases, seconds_each=300, folder=tmp_path
    )
    files = [o for o in found if o.get("result", {}).get("kind") == "file"]
    broken = [
        (case, outcome)
        for case, outcome in zip(cases, found, strict=True)
        if "result" not in outcome
        or (
            outcome["result"]["kind"] == "file"
            and outcome["result"]["frames"] != outcome["result"]["read_back"]
        )
        or (
            outcome["result"]["kind"] != "file"
            and not (case[3] == 0 or case[2] > FORMATS[case[0]].most_channels)
        )
    ]
    careless_cases = [
        *(("ogg", 44_100, 2, LONG_SECONDS * 44_100), ("ogg", 200_001, 1, 100)),
        *(("ogg", 384_000, 2, 1), ("ogg", 44_100, 256, 1), ("ogg", 768_000, 8, 100)),
    ]
    careless = outcomes(
        "tests.files.export_cases:careless_encode_case", careless_cases, folder=tmp_path
    )
    died = [outcome["died"] for outcome in careless if "died" in outcome]
    record(
        "R11",
        what="rates x channels x lengths x formats, in child processes",
        count=len(cases),
        failures=len(broken),
        figure=f"{len(files)} files, {len(cases) - len(files) - len(broken)} typed errors, "
        f"{len(broken)} others",
        control=f"soundfile.write at once: {len(died)} of {len(careless_cases)} killed "
        f"({', '.join(sorted(set(died)))})",
        control_failed=len(died) >= 3,
    )
    assert broken == []
    assert len(died) >= 3  # the negative control


# --- R12 --------------------------------------------------------------------------------


def test_r12_a_long_export_becomes_rf64_and_holds_every_frame(tmp_path, monkeypatch):
    # The limit is lowered instead of the song made 4 GiB long; the real length runs at night.
    mixture = song(100_001)
    wrong = 0
    heads = []
    for limit in (100_000, 10**7):
        monkeypatch.setattr(formats, "RIFF_LIMIT_BYTES", limit)
        for form in ("wav16", "wav24"):
            report, written = export(tmp_path, mixture, 0.5 * mixture, form)
            heads.append((tmp_path / "x_drums.wav").read_bytes()[:4])
            wrong += written["rest"].shape != (2, 100_001)
            wrong += report["files"][1]["frames"] != 100_001
    wrong += heads[:2] != [b"RF64", b"RF64"]
    record(
        "R12",
        what="format chooser and export with a faked limit",
        count=4,
        failures=wrong,
        figure=f"{wrong} of 4 in the wrong container or short of frames",
        control=f"limit out of reach: {heads[2].decode()}, {heads[3].decode()}",
        control_failed=heads[2:] == [b"RIFF", b"RIFF"],
    )
    assert wrong == 0
    assert heads[2:] == [b"RIFF", b"RIFF"]  # the negative control


@pytest.mark.nightly
@pytest.mark.serial
def test_r12_a_real_export_beyond_four_gibibytes_is_whole(tmp_path, monkeypatch):
    channels, samples = 8, int(4.06 * 2**30) // 24
    media = tmp_path / "media.wav"
    with media.open("wb") as file:  # sparse: silence that takes no room
        file.write(header_bytes(44_100, channels, samples))
        file.truncate(len(header_bytes(44_100, channels, samples)) + 4 * channels * samples)
        file.seek(-4 * channels, 2)
        file.write(np.full(channels, 0.25, dtype="<f4").tobytes())
    arguments = {"mixture": str(media), "stems": None, "format": "wav24"}
    outputs = [{"stem": "mixture", "path": str(tmp_path / "x.wav")}]
    report = encode(no_checkpoint, outputs=outputs, **arguments)
    info = soundfile.info(tmp_path / "x.wav")
    last = soundfile.read(tmp_path / "x.wav", start=samples - 1)[0]
    (tmp_path / "x.wav").unlink()
    monkeypatch.setattr(formats, "RIFF_LIMIT_BYTES", 2**40)
    with pytest.raises(AudioWriteError) as caught:  # the negative control
        encode(no_checkpoint, outputs=outputs, **arguments)
    whole = (info.format, info.frames) == ("RF64", samples) and (last == 0.25).all()
    record(
        "R12",
        what="a real file of 4.06 GiB",
        count=1,
        failures=int(not whole),
        figure=f"{info.frames} of {samples} frames read back, {info.format}",
        control=f"the same as WAV: {caught.value.why}",
        control_failed=True,
    )
    assert whole
    assert report["files"][0]["frames"] == samples


# --- R13 --------------------------------------------------------------------------------

BARS_DB = {"wav16": -90.0, "wav24": -132.0, "wav-float": -140.0, "flac": -132.0}


def null_db(mixture, written):
    off = np.abs(written["drums"] + written["rest"] - mixture).max()
    return max(-200.0, 20 * np.log10(off / max(1.0, np.abs(mixture).max()) + 1e-12))


@pytest.mark.robust
def test_r13_drums_and_rest_are_the_song(tmp_path):
    worst = dict.fromkeys(BARS_DB, -200.0)
    count = 0
    broken = []
    for rate in (44_100, 48_000, 96_000):
        for samples in (1, 4_097, 65_537, 100_003):
            for channels in (1, 2):
                mixture = song(samples, channels, seed=rate + samples)
                mixture *= 0.999 / np.abs(mixture).max()
                drums = 0.6 * mixture + 0.3 * song(samples, channels, seed=samples)
                for form, bar in BARS_DB.items():
                    report, written = export(tmp_path, mixture, drums, form, rate)
                    ours = null_db(mixture.astype(np.float64), written)
                    count += 1
                    worst[form] = max(worst[form], ours)
                    if (
                        ours > bar
                        or abs(ours - report["null_residual_dbfs"]) > 0.01
                        or report["gain_db"]
                        or written["rest"].shape != (channels, samples)
                    ):
                        broken.append((form, rate, samples, channels, ours, report))
    # The control: each stem handed to libsndfile as floating point, which rounds it by itself.
    soundfile.write(tmp_path / "d.wav", drums.T, rate, subtype="PCM_16")
    soundfile.write(tmp_path / "r.wav", (mixture - drums).T, rate, subtype="PCM_16")
    careless = {
        stem: soundfile.read(tmp_path / f"{stem[0]}.wav", dtype="float64", always_2d=True)[0].T
        for stem in ("drums", "rest")
    }
    control = null_db(mixture.astype(np.float64), careless)
    record(
        "R13",
        what="null test: 3 rates, odd lengths, lossless formats",
        count=count,
        failures=len(broken),
        figure=", ".join(f"{form} {level:.1f} dB" for form, level in worst.items()),
        control=f"stems rounded one by one by soundfile, 16 bit: {control:.1f} dB",
        control_failed=bool(control > BARS_DB["wav16"]),
    )
    assert broken == []
    assert control > BARS_DB["wav16"]  # the negative control


# --- R14 --------------------------------------------------------------------------------

POISONS = (np.nan, np.inf, -np.inf, 3e38, -1e30)


@pytest.mark.robust
def test_r14_whatever_comes_in_what_leaves_is_finite(tmp_path):
    count = 0
    broken = []
    for poison in POISONS:
        for place in ("first", "middle", "last", "run", "both"):
            mixture, drums = song(8_000), 0.5 * song(8_000, seed=9)
            where = {"first": 0, "last": -1}.get(place, 4_000)
            (drums if place == "middle" else mixture)[0, where] = poison
            if place == "run":
                mixture[:, 3_000:3_500] = poison
            if place == "both":
                drums[1, where] = poison
            for form in FORMATS:
                report, written = export(tmp_path, mixture, drums, form, 48_000)
                count += 1
                finite = all(np.isfinite(samples).all() for samples in written.values())
                if not finite or not any("not numbers" in note for note in report["notes"]):
                    broken.append((poison, place, form))
        # And from a foreign file, through the gate after decoding.
        poisoned = song(8_000)
        poisoned[1, 77] = poison
        (tmp_path / "in.wav").write_bytes(encoded(poisoned, "WAV", "FLOAT"))
        decode(no_checkpoint, source=str(tmp_path / "in.wav"), target=str(tmp_path / "in.media"))
        with WavReader(tmp_path / "in.media") as reader:
            count += 1
            if not np.isfinite(reader.read(0, 8_000)).all():
                broken.append((poison, "decode", ""))
    soundfile.write(tmp_path / "c.wav", np.array([0.0, np.nan, 0.0]), 8_000, subtype="PCM_24")
    control = float(soundfile.read(tmp_path / "c.wav")[0][1])
    record(
        "R14",
        what="NaN, infinity and absurd values at five places, in every format",
        count=count,
        failures=len(broken),
        figure=f"{len(broken)} of {count} outputs not finite or not said",
        control=f"soundfile.write turns NaN into {control:g}",
        control_failed=control == -1.0,
    )
    assert broken == []
    assert control == -1.0  # the negative control


@pytest.mark.robust
def test_r14_no_level_clips_unasked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("levels")
    tries = []

    @settings(max_examples=counts(60, 2_000))
    @given(
        level=st.floats(-60, 24),
        drums_level=st.floats(-60, 24),
        offset=st.sampled_from([0.0, 0.9, -0.9]),
        form=st.sampled_from(["wav16", "wav24", "flac", "wav-float", "ogg"]),
    )
    def one(level, drums_level, offset, form):
        mixture = song(3_000) / 0.6 * 10 ** (level / 20) + offset
        drums = song(3_000, seed=9) / 0.6 * 10 ** (drums_level / 20)
        mixture, drums = np.float32(mixture), np.float32(drums)
        report, written = export(folder, mixture, drums, form)
        gain = 10 ** (report["gain_db"] / 20)
        tries.append(form)
        rest = mixture.astype(np.float64) - drums
        loudest = max(np.abs(drums).max(), np.abs(rest).max())
        if form != "wav-float":
            assert max(file["peak_db"] for file in report["files"]) <= 0
            assert report["gain_db"] <= 0
            assert (report["gain_db"] < 0) == (gain * loudest < loudest)
            assert loudest <= 1 or report["gain_db"] < 0
        if FORMATS[form].lossless:
            step = 2.0 ** (1 - FORMATS[form].bits) if FORMATS[form].bits else 2**-22 * loudest
            assert np.abs(written["drums"] - gain * drums).max() <= 1e-5 * gain * loudest + step
            assert np.abs(written["rest"] - gain * rest).max() <= 1e-5 * gain * loudest + step
            literal = np.abs((written["drums"] + written["rest"]) - gain * mixture).max()
            bar = BARS_DB[form]
            if form != "wav-float" or loudest <= 2 * max(1.0, np.abs(mixture).max()):
                assert report["null_residual_dbfs"] <= bar
            assert literal <= 1e-5 * gain * loudest + step

    one()
    loud = np.float32(song(3_000) * 4)
    soundfile.write(folder / "c.wav", loud.T, 44_100, subtype="PCM_24")
    clipped = int(np.count_nonzero(np.abs(soundfile.read(folder / "c.wav")[0]) > 0.9999))
    record(
        "R14",
        what="levels to +24 dBFS and offsets of 0.9, lossless and lossy",
        count=len(tries),
        failures=0,
        figure="no sample beyond full scale, shapes kept, gain reported",
        control=f"soundfile.write of a song at +8 dBFS clips {clipped} samples silently",
        control_failed=clipped > 100,
    )
    assert clipped > 100  # the negative control


# --- memory -----------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.robust
@pytest.mark.serial
def test_the_memory_of_an_export_does_not_grow_with_the_song(tmp_path):
    long = counts(300, 3 * 3_600)
    cases = [(10, False), (long, False), (counts(300, 600), True)]
    peaks = []
    for seconds, read_whole in cases:
        folder = tmp_path / f"{seconds}_{read_whole}"
        folder.mkdir()
        peaks += outcomes(
            "tests.files.export_cases:peak_memory_case",
            [(seconds, read_whole)],
            seconds_each=1_800,
            folder=folder,
        )
    short, whole, careless = (peak["result"] for peak in peaks)
    record(
        "R23",
        what=f"export of {long // 60} min against 10 s, peak memory",
        count=1,
        failures=int(whole > 1.1 * short),
        figure=f"{short / 2**20:.0f} MB and {whole / 2**20:.0f} MB",
        control=f"{cases[2][0] // 60} min read whole by soundfile: {careless / 2**20:.0f} MB",
        control_failed=careless > 1.1 * short,
    )
    assert whole <= 1.1 * short
    assert careless > 1.1 * short  # the negative control
