#!/bin/sh
# libsndfile calls Opus files of 6.1 and 7.1 malformed that FFmpeg and opusdec play whole.
#
# Versions: soundfile 0.14.0 (libsndfile 1.2.2); files by av 17.0.1 (FFmpeg 8.0.1 with libopus).
# Expected: what FFmpeg reads to the last sample is read, or the error says what is not supported.
# Behaviour: "Supported file format but file is malformed." for 6.1 and 7.1; the same encoder's 3.0,
# quad, 5.0 and 5.1 open. opusdec 0.2 of opus-tools writes out 96,000 samples of each.
#
# Seen:
#   5.0  FFmpeg 96000 samples, libsndfile 96000
#   6.1  FFmpeg 96000 samples, libsndfile: Supported file format but file is malformed.
#   7.1  FFmpeg 96000 samples, libsndfile: Supported file format but file is malformed.
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

RATE = 48_000


def written(channels, layout):
    time = np.arange(2 * RATE) / RATE
    sound = np.stack([0.3 * np.sin(2 * np.pi * 200 * (n + 1) * time) for n in range(channels)])
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as output:
        stream = output.add_stream("libopus", rate=RATE, layout=layout)
        row = np.ascontiguousarray(sound.T.astype("f4")).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(row, format="flt", layout=layout)
        frame.rate, frame.pts = RATE, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


opened = {}
for channels, layout in ((5, "5.0"), (7, "6.1"), (8, "7.1")):
    data = written(channels, layout)
    with av.open(io.BytesIO(data)) as file:
        count = sum(frame.samples for frame in file.decode(audio=0))
    try:
        found = str(len(soundfile.read(io.BytesIO(data))[0]))
    except soundfile.LibsndfileError as error:
        found = error.error_string
    print(f"{layout}  FFmpeg {count} samples, libsndfile: {found}")
    opened[layout] = (count, found)
malformed = "Supported file format but file is malformed."
described = {"5.0": (96_000, "96000"), "6.1": (96_000, malformed), "7.1": (96_000, malformed)}
sys.exit(0 if opened == described else 1)
EOF
