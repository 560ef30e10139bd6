#!/bin/sh
# A recording whose header was never finished: libsndfile and FFmpeg each read other containers of
# that kind whole, and both take RF64 for an empty file, without an error.
#
# Versions: soundfile 0.14.0 (libsndfile 1.2.2), av 17.0.1 (FFmpeg 8.0.1).
# Expected: the sound up to the file's end, as for W64 (libsndfile) and WAV (FFmpeg).
# Behaviour: with the sizes in the ds64 chunk still 0, as a recorder that lost its power leaves them,
# RF64 opens and has no samples. Who records more than 4 GiB writes RF64.
#
# Seen (264600 samples are there):
#   WAV   libsndfile 0       FFmpeg 264600
#   W64   libsndfile 264600  FFmpeg refuses
#   RF64  libsndfile 0       FFmpeg 0
#
# Exit status: 0 as described, 1 if it behaves otherwise, 77 if Python is missing.
set -eu
command -v python3 >/dev/null || { echo "skipped: needs python3"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check av==17.0.1 soundfile==0.14.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'EOF'
import io
import sys

import av
import numpy as np
import soundfile

SAMPLES = 264_600
sound = 0.3 * np.sin(2 * np.pi * 440 * np.arange(SAMPLES)[:, None] / 44_100).repeat(2, axis=1)


def unfinished(container):
    file = io.BytesIO()
    soundfile.write(file, sound, 44_100, "PCM_16", format=container)
    data = bytearray(file.getvalue())
    if container == "RF64":
        data[20:44] = bytes(24)  # sizes of the file and of the sound, number of samples
    elif container == "WAV":
        place = data.index(b"data")
        data[place + 4 : place + 8] = bytes(4)
    else:
        place = data.index(b"data\xf3\xac\xd3\x11")
        data[place + 16 : place + 24] = bytes(8)
    return bytes(data)


def by_ffmpeg(data):
    try:
        with av.open(io.BytesIO(data)) as opened:
            return sum(frame.samples for frame in opened.decode(audio=0))
    except av.FFmpegError:
        return "refuses"


seen = {}
for container in ("WAV", "W64", "RF64"):
    data = unfinished(container)
    seen[container] = (len(soundfile.read(io.BytesIO(data))[0]), by_ffmpeg(data))
    print(f"{container:5} libsndfile {seen[container][0]}  FFmpeg {seen[container][1]}")
described = {"WAV": (0, SAMPLES), "W64": (SAMPLES, "refuses"), "RF64": (0, 0)}
sys.exit(0 if seen == described else 1)
EOF
