#!/bin/sh
# PortAudio with JACK: when the server ends, a stream becomes inactive and its finished callback is
# never called.
#
# Versions: sounddevice 0.5.6 with Debian 12's PortAudio (libportaudio2 19.6.0-1.2,
# "PortAudio V19.6.0-devel, revision 396fe4b"), jackd2 1.9.21.
# Expected: portaudio.h says that the finished callback is "called when the stream becomes
# inactive"; with ALSA's PulseAudio plugin it comes at once when the device goes.
# Behaviour: within 0.1 s after the server has ended Pa_IsStreamActive returns 0, the callback is
# called no more, and the finished callback does not come (waited for 5 s). Who waits for it does
# not learn of the loss; Pa_IsStreamActive has to be asked again and again.
#
# Seen:
#   the server has ended: inactive after 0.0 s, 0 more calls, finished callback in 5 s: False
#
# Exit status: 0 as described, 1 if it behaves otherwise, 77 if a program is missing.
set -eu
for program in jackd jack_lsp python3; do
    command -v "$program" >/dev/null || { echo "skipped: needs $program"; exit 77; }
done
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check sounddevice==0.5.6 numpy==2.2.6

JACK_DEFAULT_SERVER=$(basename "$folder")
export JACK_DEFAULT_SERVER JACK_NO_START_SERVER=1
printf 'pcm.!default { type hw card 99 }\n' >"$folder/alsa.conf"
export ALSA_CONFIG_PATH="$folder/alsa.conf"
jackd --no-realtime --name "$JACK_DEFAULT_SERVER" -d dummy --rate 48000 --period 1024 \
    >"$folder/log" 2>&1 &
server=$!
n=0
until jack_lsp >/dev/null 2>&1; do
    n=$((n + 1)); [ $n -lt 100 ] || { echo "JACK does not start"; cat "$folder/log"; exit 1; }
    sleep 0.2
done

cat >"$folder/run.py" <<'EOF'
import os
import signal
import sys
import threading
import time

import sounddevice as sd

calls, over = 0, threading.Event()


def callback(out, _count, _time, _status):
    global calls
    out.fill(0.0)
    calls += 1


print(sd.get_portaudio_version()[1])
jack = next(n for n, host in enumerate(sd.query_hostapis()) if "JACK" in host["name"])
stream = sd.OutputStream(
    48_000, 1_024, sd.query_hostapis(jack)["default_output_device"], 2, "float32",
    callback=callback, finished_callback=over.set,
)
stream.start()
end = time.monotonic() + 20.0
while calls < 50 and time.monotonic() < end:
    time.sleep(0.01)
assert calls >= 50 and stream.active
os.kill(int(sys.argv[1]), signal.SIGTERM)
begun = time.monotonic()
while stream.active and time.monotonic() < begun + 5.0:
    time.sleep(0.01)
inactive, there = time.monotonic() - begun, calls
finished = over.wait(5.0)
print(f"the server has ended: inactive after {inactive:.1f} s, {calls - there} more calls, "
      f"finished callback in 5 s: {finished}", flush=True)
good = not stream.active and calls == there and not finished
os._exit(not good)
EOF
if "$folder/venv/bin/python" "$folder/run.py" "$server" 2>"$folder/errors"; then
    echo "as described"
else
    cat "$folder/errors"; echo "it behaves otherwise"; exit 1
fi
