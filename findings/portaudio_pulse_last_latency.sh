#!/bin/sh
# PortAudio over ALSA's PulseAudio plugin: a stream whose callback returns paComplete ends about
# one latency before its last sample is played, and tells that it is finished all the same.
#
# Versions: sounddevice 0.5.6 with Debian 12's PortAudio (libportaudio2 19.6.0-1.2,
# "PortAudio V19.6.0-devel, revision 396fe4b"), libasound2-plugins 1.2.7.1, PulseAudio 16.1.
# Expected: portaudio.h says "if the stream callback returns paComplete, or Pa_StopStream() is
# called, the stream finished callback will not be called until all generated sample data has been
# played", and of Pa_StopStream "It waits until all pending audio buffers have been played".
# Behaviour: the monitor of the sink has everything from the first sample on, bit for bit, and ends
# about one latency early; Pa_StopStream afterwards changes nothing. With more zeros than one
# latency behind the sound nothing of it is lost.
#
# Seen:
#   latency 0.10 s, complete: 38844 of 44100 samples reach the sink, 0.119 s are lost
#   latency 0.30 s, complete: 28044 of 44100 samples reach the sink, 0.364 s are lost
#   latency 0.30 s, a second of zeros behind: 44100 of 44100 samples reach the sink, 0.000 s are lost
#
# Exit status: 0 as described, 1 if it behaves otherwise, 77 if a program is missing.
set -eu
for program in pulseaudio pactl parec python3; do
    command -v "$program" >/dev/null || { echo "skipped: needs $program"; exit 77; }
done
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check sounddevice==0.5.6 numpy==2.2.6

export PULSE_SERVER="unix:$folder/socket" XDG_RUNTIME_DIR="$folder" HOME="$folder"
printf 'autospawn = no\n' >"$folder/client.conf"
export PULSE_CLIENTCONFIG="$folder/client.conf"
printf 'pcm.!default { type pulse server "unix:%s/socket" }\n' "$folder" >"$folder/alsa.conf"
export ALSA_CONFIG_PATH="$folder/alsa.conf" JACK_NO_START_SERVER=1
pulseaudio -n --daemonize=no --exit-idle-time=-1 --disable-shm=yes --use-pid-file=no \
    --load="module-native-protocol-unix socket=$folder/socket auth-anonymous=1" \
    --load="module-null-sink sink_name=sink rate=44100 format=float32le channels=2" \
    2>"$folder/log" &
server=$!
n=0
until pactl info >/dev/null 2>&1; do
    n=$((n + 1)); [ $n -lt 100 ] || { echo "PulseAudio does not start"; cat "$folder/log"; exit 1; }
    sleep 0.2
done

cat >"$folder/run.py" <<'EOF'
import subprocess
import sys
import threading
import time

import numpy as np
import sounddevice as sd

RATE = 44_100
SOUND = (0.2 * np.random.default_rng(1).standard_normal((RATE, 2))).astype(np.float32)


def reached(latency, zeros_seconds):
    """Play a second of noise; return how much of its end does not reach the sink's monitor."""
    command = "parec -d sink.monitor --raw --format=float32le --channels=2 --rate=44100"
    recorder = subprocess.Popen([*command.split(), "--latency-msec=20"], stdout=subprocess.PIPE)
    recorded = []

    def listen():
        while data := recorder.stdout.read(4_096):
            recorded.append(data)

    listener = threading.Thread(target=listen)
    listener.start()
    while len(recorded) < 100:
        time.sleep(0.01)
    # Zeros before the sound, for what the monitor had been told already is not told anew.
    lead = np.zeros((RATE, 2), dtype=np.float32)
    whole = np.concatenate([lead, SOUND, np.zeros((round(zeros_seconds * RATE), 2), np.float32)])
    place = 0
    over = threading.Event()

    def callback(out, count, _time, _status):
        nonlocal place
        part = whole[place : place + count]
        out[: len(part)] = part
        out[len(part) :] = 0.0
        place += count
        if place >= len(whole):
            raise sd.CallbackStop

    stream = sd.OutputStream(
        RATE, 512, "default", 2, "float32", latency, callback=callback, finished_callback=over.set
    )
    with stream:
        assert over.wait(60)
        stream.stop()
    time.sleep(1.5)
    recorder.terminate()
    listener.join()
    heard = np.frombuffer(b"".join(recorded), dtype=np.float32)
    heard = heard[: len(heard) // 2 * 2].reshape(-1, 2)
    loud = np.flatnonzero(heard.any(axis=1))
    heard = heard[loud[0] : loud[-1] + 1]
    assert np.array_equal(heard, SOUND[: len(heard)]), "what is there is not what was played"
    return len(heard)


print(sd.get_portaudio_version()[1])
good = True
for latency, zeros in ((0.1, 0.0), (0.3, 0.0), (0.3, 1.0)):
    count = reached(latency, zeros)
    lost = (len(SOUND) - count) / RATE
    how = "a second of zeros behind" if zeros else "complete"
    print(f"latency {latency:.2f} s, {how}: {count} of {len(SOUND)} samples reach the sink, "
          f"{lost:.3f} s are lost")
    good &= count == len(SOUND) if zeros else 0.5 * latency < lost < 2.0 * latency
sys.exit(not good)
EOF
if "$folder/venv/bin/python" "$folder/run.py" 2>"$folder/errors"; then
    echo "as described"
else
    cat "$folder/errors"; echo "it behaves otherwise"; exit 1
fi
