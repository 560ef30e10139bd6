#!/bin/sh
# FFmpeg with libopus: of 5.0 and 6.1 the channels are written into each other's places.
#
# Versions: av 17.0.1 (FFmpeg 8.0.1 with libopus); the ffmpeg program of Debian 12 (5.1.9) does too.
# Expected: a tone in the centre comes back in the centre, as it does for 3.0, quad, 5.1 and 7.1.
# Behaviour: of 5.0 what was given for centre, rear left and rear right comes back as rear right,
# centre and rear left. The file is wrong, not the reading: libsndfile and opusdec find the same in it.
# 6.1 is mixed up likewise; no error, no warning.
#
# Seen:
#   3.0  as given [0, 1, 2]           FFmpeg reads [0, 1, 2]
#   5.0  as given [0, 1, 2, 3, 4]     FFmpeg reads [0, 1, 3, 4, 2]  libsndfile reads [0, 1, 3, 4, 2]
#   5.1  as given [0, 1, 2, 3, 4, 5]  FFmpeg reads [0, 1, 2, 3, 4, 5]
#   6.1  as given [0, 1, 2, 3, 4, 5, 6]  FFmpeg reads [0, 1, 5, 3, 2, 4, 6]
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
TONES = (300, 500, 700, 60, 1_100, 1_500, 1_900)


def written(channels, layout):
    time = np.arange(2 * RATE) / RATE
    sound = np.stack([0.3 * np.sin(2 * np.pi * f * time) for f in TONES[:channels]])
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as output:
        stream = output.add_stream("libopus", rate=RATE, layout=layout)
        row = np.ascontiguousarray(sound.T.astype("f4")).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(row, format="flt", layout=layout)
        frame.rate, frame.pts = RATE, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def tones(sound):
    middle = sound[RATE // 2 : RATE // 2 + RATE].T
    peaks = np.abs(np.fft.rfft(middle)).argmax(axis=1)
    return [int(np.argmin([abs(tone - peak) for tone in TONES])) for peak in peaks]


def by_ffmpeg(data, channels):
    turn = av.AudioResampler(format="flt")
    with av.open(io.BytesIO(data)) as opened:
        rows = [row for frame in opened.decode(audio=0) for row in turn.resample(frame)]
    return tones(np.concatenate([row.to_ndarray().reshape(-1, channels) for row in rows]))


seen = {}
for channels, layout in ((3, "3.0"), (5, "5.0"), (6, "5.1"), (7, "6.1")):
    data = written(channels, layout)
    seen[layout] = by_ffmpeg(data, channels)
    line = f"{layout}  as given {list(range(channels))}  FFmpeg reads {seen[layout]}"
    if layout == "5.0":  # in the file the order is left, centre, right, rear left, rear right
        found = tones(soundfile.read(io.BytesIO(data))[0][:, [0, 2, 1, 3, 4]])
        line += f"  libsndfile reads {found}"
        agree = found == seen[layout]
    print(line)
wrong = seen["5.0"] == [0, 1, 3, 4, 2] and seen["6.1"] == [0, 1, 5, 3, 2, 4, 6]
right = seen["3.0"] == [0, 1, 2] and seen["5.1"] == [0, 1, 2, 3, 4, 5]
sys.exit(0 if wrong and right and agree else 1)
EOF
