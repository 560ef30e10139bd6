#!/usr/bin/env bash
# FFmpeg writes the length of AAC in MP4 in whole milliseconds, whatever the sample rate, unless the
# muxer is told movie_timescale: what reads the file back takes some samples too many or too few.
#
# Version: PyAV 17.0.1 (FFmpeg 8.0 inside), muxer "mp4", encoder "aac", 44.1 kHz.
# Expected by a good guess: the length in the file is the number of samples that were encoded; the
#   track's own clock runs at 44,100 Hz, and ALAC of the same length is exact.
# Seen: the stream's duration is off by up to 34 samples (441,123 written: 441,132 read; the edit
#   list counts in a movie's clock of 1,000 Hz). With movie_timescale=44100 it is exact.
# What follows: stems that have to end together, or null against a WAV, need the option.
#
# Needs: python3 (3.11 to 3.13) with venv and pip. Exits 1 if the behaviour is another.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check "av==17.0.1" "numpy>=2,<3"
cat >"$work/try.py" <<'PY'
import sys

import av
import numpy as np

RATE = 44_100


def length_read(samples, codec, options):
    """Duration of the stream, in samples, of a file of so many samples."""
    with av.open("x.mp4", "w", format="mp4", container_options=options) as out:
        stream = out.add_stream(codec, rate=RATE)
        stream.layout = "stereo"
        kind, dtype = ("fltp", np.float32) if codec == "aac" else ("s16p", np.int16)
        for start in range(0, samples, 1_024):
            quiet = np.zeros((2, min(1_024, samples - start)), dtype=dtype)
            frame = av.AudioFrame.from_ndarray(quiet, format=kind, layout="stereo")
            frame.sample_rate, frame.pts = RATE, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with av.open("x.mp4") as given:
        return given.streams.audio[0].duration


print("PyAV", av.__version__)
ok = True
for samples in (60_000, 88_201, 441_123):
    plain = length_read(samples, "aac", {})
    told = length_read(samples, "aac", {"movie_timescale": str(RATE)})
    alac = length_read(samples, "alac", {})
    print(f"{samples} samples: AAC {plain - samples:+d}, with movie_timescale {told - samples:+d}, "
          f"ALAC {alac - samples:+d}")
    ok = ok and told == samples and alac == samples
    ok = ok and (plain != samples or samples * 1_000 % RATE == 0)
sys.exit(0 if ok else 1)
PY
cd "$work"
"$work/venv/bin/python" try.py
