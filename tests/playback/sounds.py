"""Sources and outputs that a test drives by hand."""

import time

import numpy as np

RATE = 44_100


class Sound:
    """A source in memory."""

    def __init__(self, samples):
        self.samples = np.atleast_2d(np.asarray(samples, dtype=np.float32))
        self.broken = None

    def read(self, start, count):
        if self.broken is not None:
            raise self.broken
        out = np.zeros((self.samples.shape[0], count), dtype=np.float32)
        first, last = max(start, 0), min(start + count, self.samples.shape[1])
        if first < last:
            out[:, first - start : last - start] = self.samples[:, first:last]
        return out


def noise(samples=RATE, channels=2, seed=1):
    generator = np.random.default_rng(seed)
    return (0.2 * generator.standard_normal((channels, samples))).astype(np.float32)


def constant(value=1.0, samples=RATE):
    return np.full((2, samples), value, dtype=np.float32)


class HandOutput:
    """An output that takes samples when a test says so."""

    name = "by hand"
    silent = False
    latency_seconds = 0.0
    underflows = 0

    def __init__(self, sample_rate=RATE, block_samples=512, channels=2):
        self.sample_rate = sample_rate
        self.block_samples = block_samples
        self.channels = channels
        self.failure = None
        self.ring = None
        self.refuses = None
        self.calls = []

    def start(self, ring):
        self.calls.append("start")
        if self.refuses is not None:
            raise self.refuses
        self.ring = ring

    def stop(self):
        self.calls.append("stop")
        self.ring = None

    def close(self):
        self.calls.append("close")
        self.ring = None

    def pull(self, samples):
        """Return the next samples, (2, samples), waiting until they have been rendered."""
        out = np.zeros((samples, self.channels), dtype=np.float32)
        for start in range(0, samples, self.block_samples):
            part = out[start : start + self.block_samples]
            ring = until(lambda: self.ring)
            until(lambda r=ring, p=part: r.written - r.read >= len(p) or r.ended)
            ring.read_into(part)
        return out.T


class Opens:
    """A sound system whose outputs come from a function of choice and rate; notes when it looks."""

    def __init__(self, open_output, devices=()):
        self.open_output = open_output
        self.found = devices
        self.looks = 0

    def open(self, choice, sample_rate, *, look_again=False):
        self.looks += look_again
        return self.open_output(choice, sample_rate)

    def devices(self):
        return self.found


def until(condition, seconds=5.0):
    """Return what a condition returns once it is true; fail if that takes too long."""
    give_up = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.001)
    return value
