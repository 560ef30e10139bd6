#!/bin/sh
# PyAV 19: of PCM in MOV with a composition-time table ('ctts') of nothing but zeros, the last
# packet decodes to no samples: up to 1023 samples of the song's end are dropped without a word.
#
# Versions: av 18.1.0 and 19.0.2 (its own FFmpeg: libavformat 63.1.102), Python 3.12 or 3.13.
# Expected: a 'ctts' whose offsets are all 0 says that composition time is decoding time (QuickTime
# File Format, "Composition offset atom"), so the sound is that of the file without it, as in 18.1.
# Behaviour: 19.0.2 demuxes the same packets with the same times and sizes, but the last of them
# (shorter than the others) gives no frame. Stream duration and packet durations are right.
#
# Seen (samples decoded of 100,000; what the packets say they last):
#   18.1.0: without ctts 100000 of 100000, with ctts of zeros 100000 of 100000
#   19.0.2: without ctts 100000 of 100000, with ctts of zeros 99328 of 100000
#
# Exit status: 0 as described, 1 if it behaves otherwise, 77 if a program is missing.
set -eu
python=
for name in python3.13 python3.12 python3; do
    if "$name" -c 'import ensurepip, sys; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 13))' \
        >/dev/null 2>&1; then python=$name; break; fi
done
[ -n "$python" ] || { echo "skipped: needs Python 3.12 or 3.13 with venv"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/run.py" <<'END'
import io
import struct

import av

COUNT = 100_000


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def numbers(form, *values):
    return struct.pack(">" + form, *values)


def mov(*more):
    matrix = numbers("9I", 65536, 0, 0, 0, 65536, 0, 0, 0, 0x40000000)
    kind = box(b"ftyp", b"qt  ", numbers("I", 0), b"qt  ")
    entry = numbers("6xH8x4HI", 1, 2, 16, 0, 0, 44_100 << 16)  # version 0: stereo, 16 bits
    table = box(
        b"stbl",
        box(b"stsd", numbers("2I", 0, 1), box(b"sowt", entry)),
        box(b"stts", numbers("4I", 0, 1, COUNT, 1)),
        box(b"stsc", numbers("5I", 0, 1, 1, COUNT, 1)),
        box(b"stsz", numbers("3I", 0, 4, COUNT)),
        box(b"stco", numbers("3I", 0, 1, len(kind) + 8)),
        *more,
    )
    place = box(b"dinf", box(b"dref", numbers("2I", 0, 1), box(b"url ", numbers("I", 1))))
    media = box(
        b"mdia",
        box(b"mdhd", numbers("5I2H", 0, 0, 0, 44_100, COUNT, 0, 0)),
        box(b"hdlr", numbers("I", 0), b"mhlrsoun", bytes(13)),
        box(b"minf", box(b"smhd", bytes(8)), place, table),
    )
    track = box(b"tkhd", numbers("6I8x4H", 7, 0, 0, 1, 0, COUNT, 0, 0, 256, 0), matrix, bytes(8))
    times = numbers("6IH10x", 0, 0, 0, 44_100, COUNT, 65536, 256)
    movie = box(b"moov", box(b"mvhd", times, matrix, bytes(24), numbers("I", 2)),
                box(b"trak", track, media))
    sound = b"".join(struct.pack("<2h", n % 1000, -(n % 1000)) for n in range(COUNT))
    return kind + box(b"mdat", sound) + movie


def decoded(data):
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.audio[0]
        got = lasts = 0
        for packet in container.demux(stream):
            lasts += packet.duration or 0
            got += sum(frame.samples for frame in packet.decode())
    return f"{got} of {lasts}"


zeros = box(b"ctts", numbers("4I", 0, 1, COUNT, 0))
print(f"{av.__version__}: without ctts {decoded(mov())}, with ctts of zeros {decoded(mov(zeros))}")
END

for version in 18.1.0 19.0.2; do
    "$python" -m venv "$folder/$version"
    "$folder/$version/bin/pip" install -q --disable-pip-version-check "av==$version"
    "$folder/$version/bin/python" "$folder/run.py"
done | tee "$folder/seen"
cat >"$folder/expected" <<'END'
18.1.0: without ctts 100000 of 100000, with ctts of zeros 100000 of 100000
19.0.2: without ctts 100000 of 100000, with ctts of zeros 99328 of 100000
END
cmp -s "$folder/seen" "$folder/expected" || { echo "it behaves otherwise now"; exit 1; }
