#!/bin/sh
# libsndfile hands out and takes the channels of Ogg Vorbis and Opus in another order than those of
# WAV and FLAC, and does not say so: 5.1 written from a WAV plays its right surround as the LFE.
#
# Versions: soundfile 0.14.0 (libsndfile 1.2.2); read by av 17.0.1 (FFmpeg 8.0.1).
# Expected: one order for all formats, as FFmpeg has it, or a channel map by which to know.
# Behaviour: channels go into Vorbis (specification, 4.3.9) and Opus (RFC 7845, 5.1.1.2) and come
# out unmoved: left, centre, right, rear left, rear right, LFE. Reading back what it wrote hides it.
# The centre is played on the right, the right in the centre, and the sixth channel, a full-range
# surround, is coded and played as low frequencies.
#
# Seen (what FFmpeg finds in FL FR FC LFE BL BR of a file written FL FR FC LFE BL BR):
#   FLAC    [0, 1, 2, 3, 4, 5]
#   VORBIS  [0, 2, 1, 5, 3, 4]
#   OPUS    [0, 2, 1, 5, 3, 4]
#   libsndfile reads its own Vorbis as [0, 1, 2, 3, 4, 5]
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
TONES = (300, 500, 700, 60, 90, 40)  # low enough for an LFE channel to keep them


def tones(sound):
    middle = sound[RATE // 2 : RATE // 2 + RATE].T
    peaks = np.abs(np.fft.rfft(middle)).argmax(axis=1)
    return [int(np.argmin([abs(tone - peak) for tone in TONES])) for peak in peaks]


time = np.arange(2 * RATE) / RATE
sound = np.stack([0.3 * np.sin(2 * np.pi * tone * time) for tone in TONES], axis=1)
seen = {}
for container, coding in (("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")):
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, coding, format=container)
    turn = av.AudioResampler(format="flt")
    with av.open(io.BytesIO(file.getvalue())) as opened:
        rows = [row for frame in opened.decode(audio=0) for row in turn.resample(frame)]
    name = "FLAC" if container == "FLAC" else coding
    seen[name] = tones(np.concatenate([row.to_ndarray().reshape(-1, 6) for row in rows]))
    print(f"{name:7} {seen[name]}")
    if coding == "VORBIS":
        own = tones(soundfile.read(io.BytesIO(file.getvalue()))[0])
print(f"libsndfile reads its own Vorbis as {own}")
moved = [0, 2, 1, 5, 3, 4]
plain = [0, 1, 2, 3, 4, 5]
as_described = seen == {"FLAC": plain, "VORBIS": moved, "OPUS": moved} and own == plain
sys.exit(0 if as_described else 1)
EOF
