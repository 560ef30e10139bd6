"""Films and recordings of several tracks: the right one is taken, and the others are named."""

from __future__ import annotations

import io

import numpy as np
import pytest

from drumstudio.files.decode import decode
from drumstudio.files.wav_file import WavReader
from drumstudio.jobs.job import no_checkpoint

av = pytest.importorskip("av")
RATE = 48_000


def tone(hertz, seconds=1.0):
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype("f4")


def film(tracks, container="matroska", late=0.0, picture=False, gap=0.0):
    """Return a film; a track is (channels' tones, disposition, language, seconds).

    The sound begins `late` seconds after the picture, and its clock jumps by `gap` after half a
    second.
    """
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        if picture:
            video = output.add_stream("mpeg4", rate=25)
            video.width = video.height = 32
            video.pix_fmt = "yuv420p"
        streams = []
        for hertz, disposition, language, _ in tracks:
            layout = "mono" if len(hertz) == 1 else "stereo"
            codec = "pcm_s16le" if container != "mp4" else "aac"
            stream = output.add_stream(codec, rate=RATE, layout=layout)
            stream.disposition = disposition.value
            if language:
                stream.metadata["language"] = language
            streams.append((stream, layout))
        if picture:
            for number in range(50):
                frame = av.VideoFrame.from_ndarray(np.zeros((48, 32), np.uint8), format="yuv420p")
                frame.pts = number
                output.mux(video.encode(frame))
        for (stream, layout), (hertz, _, _, seconds) in zip(streams, tracks, strict=True):
            rows = np.stack([tone(h, seconds) for h in hertz])
            for start in range(0, rows.shape[1], 4_800):
                part = np.ascontiguousarray(rows[:, start : start + 4_800])
                frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
                shift = late + gap * (start >= RATE // 2)
                frame.rate, frame.pts = RATE, start + round(shift * RATE)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture
def decoded(tmp_path):
    def run(data):
        source, target = tmp_path / "in.bin", tmp_path / "media.wav"
        source.write_bytes(data)
        report = decode(no_checkpoint, source=str(source), target=str(target))
        with WavReader(target) as reader:
            samples = reader.read(0, reader.samples)
        return report, samples

    return run


def hertz(channel):
    spectrum = np.abs(np.fft.rfft(channel * np.hanning(channel.size)))
    return round(spectrum.argmax() * RATE / channel.size / 10) * 10


DEFAULT = av.stream.Disposition.default
NONE = av.stream.Disposition(0)
COMMENT = av.stream.Disposition.comment


def test_the_default_track_wins_over_the_order_and_the_others_are_named(decoded):
    tracks = [((200, 200), COMMENT, "eng", 1.0), ((500, 700), DEFAULT, "eng", 1.0)]
    report, samples = decoded(film(tracks))
    assert [hertz(channel) for channel in samples] == [500, 700]
    assert report["notes"] == [
        "Track 2 of 2 was taken (the default one); not used: track 1 (eng, stereo)."
    ]


def test_without_a_default_a_commentary_is_not_taken(decoded):
    tracks = [((200, 200), COMMENT, "", 1.0), ((500, 700), NONE, "", 1.0)]
    assert [hertz(channel) for channel in decoded(film(tracks))[1]] == [500, 700]


@pytest.mark.parametrize("container", ["matroska", "mov"])
def test_two_mono_tracks_of_one_length_become_stereo(container, decoded):
    tracks = [((300,), DEFAULT, "", 1.0), ((900,), DEFAULT, "", 1.0)]
    report, samples = decoded(film(tracks, container))
    assert samples.shape == (2, RATE)
    assert [hertz(channel) for channel in samples] == [300, 900]
    assert report["notes"] == [
        "Two mono tracks of one length were joined to stereo, the first one left."
    ]


@pytest.mark.parametrize(
    "tracks",
    [
        [((300,), DEFAULT, "eng", 1.0), ((900,), NONE, "deu", 1.0)],  # two languages
        [((300,), DEFAULT, "", 1.0), ((900,), COMMENT, "", 1.0)],
        [((300,), DEFAULT, "", 1.0), ((900,), NONE, "", 0.5)],  # another length
        [((300,), DEFAULT, "", 1.0)] + [((h,), NONE, "", 1.0) for h in (500, 700, 900)],
    ],
)
def test_other_mono_tracks_are_not_joined_but_named(tracks, decoded):
    report, samples = decoded(film(tracks))
    assert samples.shape[0] == 1
    assert hertz(samples[0]) == 300
    assert f"of {len(tracks)} was taken" in report["notes"][0]


def test_sound_that_begins_after_the_picture_is_placed_with_a_note(decoded):
    data = film([((300, 500), DEFAULT, "", 1.0)], late=0.8, picture=True)
    report, samples = decoded(data)
    assert samples.shape[1] == pytest.approx(1.8 * RATE, abs=RATE // 500)
    assert np.abs(samples[:, : round(0.79 * RATE)]).max() == 0
    assert np.abs(samples[:, round(0.82 * RATE) : round(0.9 * RATE)]).max() > 0.2
    assert "0.80 s after the picture" in report["notes"][0]


def test_gaps_in_the_clock_of_a_film_are_told(decoded):
    report, samples = decoded(film([((300, 500), DEFAULT, "", 1.0)], gap=0.7))
    assert samples.shape[1] == RATE
    assert report["notes"] == [
        "By its clock the file's sound has a gap of 0.70 s in all; the sound was put together "
        "without, as most players do."
    ]


def test_sound_that_begins_with_the_picture_is_left_alone(decoded):
    report, samples = decoded(film([((300, 500), DEFAULT, "", 1.0)], picture=True))
    assert samples.shape[1] == RATE
    assert report["notes"] == []


def test_layouts_and_numbers_of_channels_that_end_a_process_in_pyav_are_read(decoded):
    """PyAV 18 reads beyond frames of eight planes, and frees some layouts twice."""
    from tests.files.channel_cases import by_ffmpeg, heard, tones

    samples = decoded(by_ffmpeg(tones(8), "ipod", "aac", "7.1"))[1]
    assert heard(samples) == list(range(8))
    samples = decoded(by_ffmpeg(tones(8), "mov", "pcm_s16le", "7.1"))[1]
    assert sorted(heard(samples)) == list(range(8))


def test_a_film_without_sound_says_so(tmp_path):
    from drumstudio.core.errors import AudioOpenError

    (tmp_path / "in.bin").write_bytes(film([], picture=True))
    with pytest.raises(AudioOpenError, match="no sound in it"):
        decode(no_checkpoint, source=str(tmp_path / "in.bin"), target=str(tmp_path / "out.wav"))
