#!/bin/sh
# PortAudio over ALSA's PulseAudio plugin: a stream that loses its device tells the same as one
# that has come to its end: the finished callback, no status flag, no error.
#
# Versions: sounddevice 0.5.6 with Debian 12's PortAudio (libportaudio2 19.6.0-1.2,
# "PortAudio V19.6.0-devel, revision 396fe4b"), libasound2-plugins 1.2.7.1, PulseAudio 16.1.
# Expected: portaudio.h knows two reasons for a stream to become inactive and to call its finished
# callback, both the program's own: the callback returns non-zero, or Pa_StopStream or
# Pa_AbortStream is called. A lost device has an error code of its own, paDeviceUnavailable.
# Behaviour: the only sink is removed while the callback goes on returning paContinue. The finished
# callback comes within a second, every status was empty, the stream is inactive, and stopping it
# reports success. `default` is still listed as a device with 32 channels, also after PortAudio was
# started anew; opening it fails with -9999, "Unanticipated host error". When there is a sink again
# the old stream stays dead and a new one plays.
#
# Seen:
#   sink removed: finished callback after 0.0 s, status flags ever seen: none, active: False
#   stopping the dead stream: no error
#   without any sink `default` is listed with 32 output channels
#   opening it: -9999 Error opening OutputStream: Unanticipated host error
#   another sink: the old stream is active: False, a new one calls back: True
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

import sounddevice as sd


def pactl(*words):
    return subprocess.run(["pactl", *words], check=True, capture_output=True, text=True).stdout


class Playing:
    """A stream of silence."""

    def __init__(self):
        self.calls, self.flags, self.over = 0, set(), threading.Event()
        self.stream = sd.OutputStream(
            44_100, 512, "default", 2, "float32", 0.1,
            callback=self.call, finished_callback=self.over.set,
        )
        self.stream.start()

    def call(self, out, _count, _time, status):
        out.fill(0.0)
        self.calls += 1
        if status:
            self.flags.add(str(status))

    def moves(self, seconds=15.0):
        """Return whether it calls back more often than to fill its first buffer."""
        end = time.monotonic() + seconds
        while self.calls < 50 and time.monotonic() < end:
            time.sleep(0.02)
        return self.calls >= 50


print(sd.get_portaudio_version()[1])
first = Playing()
assert first.moves()
sink = next(line.split()[0] for line in pactl("list", "short", "modules").splitlines()
            if "module-null-sink" in line)
pactl("unload-module", sink)
begun = time.monotonic()
finished = first.over.wait(15.0)
print(f"sink removed: finished callback after {time.monotonic() - begun:.1f} s, status flags ever "
      f"seen: {', '.join(first.flags) or 'none'}, active: {first.stream.active}")
good = finished and not first.flags and not first.stream.active
try:
    first.stream.stop(ignore_errors=False)
    print("stopping the dead stream: no error")
except sd.PortAudioError as error:
    print("stopping the dead stream:", error)
    good = False
first.stream.close()
sd._terminate()
sd._initialize()
channels = [d["max_output_channels"] for d in sd.query_devices() if d["name"] == "default"]
print(f"without any sink `default` is listed with {channels[0] if channels else 'no'} "
      "output channels")
good &= channels == [32]
try:
    Playing()
    good = False
except sd.PortAudioError as error:
    print("opening it:", error.args[1], error.args[0])
    good &= error.args[1] == -9999
pactl("load-module", "module-null-sink", "sink_name=another", "rate=44100", "format=float32le")
second = Playing()
moves = second.moves()
sink = next(line.split()[0] for line in pactl("list", "short", "modules").splitlines()
            if "sink_name=another" in line)
pactl("unload-module", sink)
good &= second.over.wait(15.0)
pactl("load-module", "module-null-sink", "sink_name=last", "rate=44100", "format=float32le")
time.sleep(2.0)
third = Playing()
print(f"another sink: the old stream is active: {second.stream.active}, a new one calls back: "
      f"{third.moves()}")
good &= moves and not second.stream.active and third.moves()
third.stream.close()
second.stream.close()
sys.exit(not good)
EOF
if "$folder/venv/bin/python" "$folder/run.py" 2>"$folder/errors"; then
    echo "as described"
else
    cat "$folder/errors"; echo "it behaves otherwise"; exit 1
fi
