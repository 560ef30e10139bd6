"""Plays a file through JACK in a process of its own, for PortAudio can not let go of JACK.

`python -m tests.playback.jack_session FILE RATE SAMPLES` takes "play", "where" and "end" on its
input, a line each, and writes what the transport tells, a line each, to its output.
"""

import sys
from pathlib import Path

from drumstudio.application.material import song_material
from drumstudio.application.transport import Transport
from drumstudio.playback.deck import Deck
from drumstudio.playback.output import OutputChoice
from drumstudio.playback.player import SoundSystem


def say(*words):
    print(*words, flush=True)


def main(path, rate, samples):
    sound = SoundSystem()
    device = next(one for one in sound.devices() if one.id.startswith("JACK"))
    transport = Transport(lambda listener: Deck(listener, sound))
    transport.failed.connect(lambda error: say("failed", error.what))
    transport.output_changed.connect(
        lambda output: say("output", output.sample_rate, output.name, output.reason)
    )
    transport.choose_output(OutputChoice(device.id, 4_096))
    transport.open(song_material(Path(path), None, int(rate), int(samples)))
    transport.changed.connect(lambda: say(transport.view.state.value))
    for line in sys.stdin:
        match line.strip():
            case "play":
                transport.play()
            case "where":
                say("at", transport.heard_seconds())
            case "end":
                break
    transport.close()
    say("closed")


if __name__ == "__main__":
    main(*sys.argv[1:])
