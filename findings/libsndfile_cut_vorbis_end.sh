#!/bin/sh
# Ogg Vorbis cut without coding it again: libsndfile leaves out the end, as much as lies before the
# file's time 0, and says nothing. (oggdec 1.4.2 keeps the end and loses 1,024 samples in the middle.)
#
# Versions: soundfile 0.14.0 (libsndfile 1.2.2 with libvorbis); cut and read by av 17.0.1.
# Expected: all samples in the file, as FFmpeg gives them, or those from time 0 on.
# Behaviour: a cut at a page boundary gives a first page whose granule position is smaller than the
# number of samples in it: it begins before time 0. libsndfile takes the last granule position for
# the length, counts it from the first sample, which lies before time 0, and stops there.
#
# Seen:
#   FFmpeg: 218968 samples, the last ones those of the song's end: True
#   libsndfile: 176400 samples, the last ones those of the song's end: False
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

RATE = 44_100
time = np.arange(6 * RATE) / RATE
song = 0.3 * np.sin(2 * np.pi * np.stack([(200 + 50 * time) * time, (300 + 40 * time) * time]))
whole = io.BytesIO()
with soundfile.SoundFile(whole, "w", RATE, 2, "VORBIS", format="OGG") as file:
    for start in range(0, song.shape[1], 4_096):
        file.write(song.T[start : start + 4_096])
cut = io.BytesIO()
with av.open(io.BytesIO(whole.getvalue())) as source, av.open(cut, "w", format="ogg") as output:
    stream = source.streams.audio[0]
    copy = output.add_stream_from_template(stream)
    for packet in source.demux(stream):
        # From the page on that holds second 1, as a tool seeks; time 0 is second 2.
        if packet.pts is not None and packet.pts * packet.time_base >= 1:
            packet.pts -= int(2 / packet.time_base)
            packet.dts = packet.pts
            packet.stream = copy
            output.mux(packet)
with av.open(io.BytesIO(cut.getvalue())) as opened:
    by_ffmpeg = np.concatenate([frame.to_ndarray() for frame in opened.decode(audio=0)], axis=1)
by_libsndfile = soundfile.read(io.BytesIO(cut.getvalue()))[0].T


def is_end(sound):
    last = slice(-5_000, -1_000)
    return bool(np.corrcoef(sound[0, last], song[0, last])[0, 1] > 0.99)


for name, sound in (("FFmpeg", by_ffmpeg), ("libsndfile", by_libsndfile)):
    print(f"{name}: {sound.shape[1]} samples, the last ones those of the song's end: {is_end(sound)}")
described = (
    is_end(by_ffmpeg)
    and not is_end(by_libsndfile)
    and by_libsndfile.shape[1] == 4 * RATE
    and by_ffmpeg.shape[1] > 4.9 * RATE
)
sys.exit(0 if described else 1)
EOF
