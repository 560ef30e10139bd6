"""Each channel keeps what it is for, from any reader through the media to any writer."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from drumstudio.core.errors import AudioWriteError
from drumstudio.core.speakers import names_of
from drumstudio.files import formats, sound_chunks
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.decode import decode
from drumstudio.files.encode import encode
from drumstudio.files.formats import FORMATS
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.jobs.job import no_checkpoint
from tests.files.channel_cases import (
    MASKS,
    NAMES,
    RATE,
    XIPH,
    by_ffmpeg,
    heard,
    read_by_ffmpeg,
    tones,
    wav,
)

av = pytest.importorskip("av")


def decoded(data: bytes, folder):
    """Return the samples and the names of the channels after decoding."""
    (folder / "in.bin").write_bytes(data)
    decode(no_checkpoint, source=str(folder / "in.bin"), target=str(folder / "media.wav"))
    with WavReader(folder / "media.wav") as reader:
        return reader.read(0, reader.samples), " ".join(names_of(reader.speakers))


@pytest.mark.parametrize("mask", NAMES)
def test_a_wav_file_s_speakers_are_kept(mask, tmp_path):
    channels = mask.bit_count()
    samples, names = decoded(wav(tones(channels), mask), tmp_path)
    assert names == NAMES[mask]
    assert heard(samples) == list(range(channels))


@pytest.mark.parametrize("channels", MASKS)
@pytest.mark.parametrize("mask", [None, 0, 0x3, 0x80000000])
def test_channels_without_speakers_stay_as_they_are(channels, mask, tmp_path):
    samples, names = decoded(wav(tones(channels), mask), tmp_path)
    assert names == ""
    assert heard(samples) == list(range(channels))


@pytest.mark.parametrize("channels", MASKS)
def test_vorbis_and_opus_come_out_of_their_own_order(channels, tmp_path):
    order = [NAMES[MASKS[channels]].split().index(name) for name in XIPH[channels].split()]
    for coding in ("VORBIS", "OPUS"):
        file = io.BytesIO()
        with soundfile.SoundFile(file, "w", RATE, channels, coding, format="OGG") as sound:
            sound.write(tones(channels)[order].T)
        samples, names = decoded(file.getvalue(), tmp_path)
        assert (coding, names) == (coding, NAMES[MASKS[channels]])
        assert heard(samples) == list(range(channels))


FFMPEG = {
    "ogg": ("ogg", "libvorbis"),
    "flac": ("flac", "flac"),
    "mka": ("matroska", "flac"),
    "m4a": ("ipod", "aac"),
    "w64": ("w64", "pcm_s16le"),
    "caf": ("caf", "pcm_s16be"),
    "aiff": ("aiff", "pcm_s16be"),
    "mov": ("mov", "pcm_s16le"),
}
LAYOUTS = {3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 8: "7.1"}


@pytest.mark.parametrize("kind", FFMPEG)
@pytest.mark.parametrize("channels", LAYOUTS)
def test_what_ffmpeg_writes_is_read_with_its_speakers(kind, channels, tmp_path):
    if kind in ("mov", "caf", "aiff") and channels == 8:
        pytest.skip("FFmpeg names the sides before the rear there and does not move them")
    try:
        data = by_ffmpeg(tones(channels), *FFMPEG[kind], LAYOUTS[channels])
    except (ValueError, av.FFmpegError) as error:
        pytest.skip(f"FFmpeg does not write it: {error}")
    samples, names = decoded(data, tmp_path)
    assert heard(samples) == list(range(channels))
    # AIFF and CAF tell "surround", which FFmpeg calls the sides.
    assert names.replace("SL SR", "BL BR") == NAMES[MASKS[channels]].replace("SL SR", "BL BR") or (
        channels == 8 and names == NAMES[MASKS[8]]
    )


# --- and out again ------------------------------------------------------------------------


def exported(tmp_path, form, channels, mask, stem="mixture"):
    media, target = tmp_path / "m.wav", tmp_path / f"out{FORMATS[form].suffix}"
    for name in ("m.wav", "d.wav"):
        with WavWriter(tmp_path / name, RATE, channels, mask) as writer:
            writer.write(tones(channels))
    report = encode(
        no_checkpoint,
        mixture=str(media),
        stems=SplitFiles.of_drums(tmp_path / "d.wav").to_plain(),
        outputs=[{"stem": stem, "path": str(target)}],
        format=form,
        overwrite=True,
    )
    return target, report


@pytest.mark.parametrize("channels", MASKS)
@pytest.mark.parametrize("form", [name for name in FORMATS if name != "mp3"])
def test_ffmpeg_hears_each_channel_where_it_belongs(form, channels, tmp_path):
    path, report = exported(tmp_path, form, channels, MASKS[channels])
    samples, names = read_by_ffmpeg(path)
    assert names.replace("SL SR", "BL BR") == NAMES[MASKS[channels]].replace("SL SR", "BL BR") or (
        names == NAMES[MASKS[channels]]
    )
    assert heard(samples) == list(range(channels))
    assert report["notes"] == []
    # ... and so do we, from our own file.
    again, _ = decoded(path.read_bytes(), tmp_path)
    assert heard(again) == list(range(channels))


@pytest.mark.parametrize("form", ["ogg", "opus"])
def test_without_the_order_of_vorbis_the_centre_is_lost(form, tmp_path, monkeypatch):
    """The control: as libsndfile writes and reads by itself."""
    monkeypatch.setattr(formats, "xiph_names", lambda channels: ())
    monkeypatch.setattr(sound_chunks, "xiph_names", lambda channels: ())
    monkeypatch.setattr(sound_chunks, "mask_of", lambda names: MASKS[6])
    path, _ = exported(tmp_path, form, 6, MASKS[6])
    assert heard(read_by_ffmpeg(path)[0]) != list(range(6))


@pytest.mark.parametrize("form", ["wav16", "wav24", "wav-float"])
@pytest.mark.parametrize("mask", [0, *NAMES])
def test_wav_keeps_any_speakers_and_none(form, mask, tmp_path):
    channels = mask.bit_count() or 6
    path, _ = exported(tmp_path, form, channels, mask)
    samples, names = read_by_ffmpeg(path)
    assert names == (NAMES[mask] if mask else " ".join(["NONE"] * 6))
    assert heard(samples) == list(range(channels))
    assert decoded(path.read_bytes(), tmp_path)[1] == NAMES.get(mask, "")


@pytest.mark.parametrize("form", ["flac", "ogg", "opus"])
@pytest.mark.parametrize(("channels", "mask"), [(4, 0), (6, 0), (4, 0x107), (3, 0xB), (8, 0)])
def test_a_format_whose_channels_are_speakers_takes_no_others(form, channels, mask, tmp_path):
    with pytest.raises(AudioWriteError, match="WAV"):
        exported(tmp_path, form, channels, mask)


@pytest.mark.parametrize("form", ["flac", "ogg"])
def test_side_speakers_become_the_rear_ones_with_a_note(form, tmp_path):
    path, report = exported(tmp_path, form, 6, 0x60F)
    assert any("side speakers" in note for note in report["notes"])
    assert heard(read_by_ffmpeg(path)[0]) == list(range(6))


def test_a_large_file_keeps_its_speakers_too(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "RIFF_LIMIT_BYTES", 1_000)
    for mask in (0, 0x60F):
        path, _ = exported(tmp_path, "wav24", 6, mask)
        assert path.read_bytes()[:4] == b"RF64"
        assert decoded(path.read_bytes(), tmp_path)[1] == NAMES.get(mask, "")


def test_media_without_speakers_are_as_they_were(tmp_path):
    with WavWriter(tmp_path / "a.wav", RATE, 2) as writer:
        writer.write(tones(2))
    assert len((tmp_path / "a.wav").read_bytes()) == 92 + tones(2).nbytes
    with WavReader(tmp_path / "a.wav") as reader:
        assert reader.speakers == 0
        np.testing.assert_array_equal(reader.read(0, reader.samples), tones(2))
