"""Songs made of clicks, whose beats are known to the sample."""

import numpy as np


def click_song(times, seconds, sample_rate=44_100, *, low=(), noise=0.001, seed=1):
    """Return mono float32 (1, samples) with a short noise burst at each time."""
    generator = np.random.default_rng(seed)
    song = noise * generator.standard_normal(int(seconds * sample_rate))
    fade = np.exp(-np.arange(int(0.05 * sample_rate)) / (0.01 * sample_rate))
    thump_time = np.arange(int(0.15 * sample_rate)) / sample_rate
    thump = 0.8 * np.sin(2 * np.pi * 60 * thump_time) * np.exp(-thump_time / 0.05)
    for time in times:
        place = round(time * sample_rate)
        burst = 0.5 * fade * generator.standard_normal(len(fade))
        part = song[place : place + len(burst)]
        part += burst[: len(part)]
    for time in low:
        place = round(time * sample_rate)
        part = song[place : place + len(thump)]
        part += thump[: len(part)]
    return song[None].astype(np.float32)


class Sound:
    """A source in memory."""

    def __init__(self, samples):
        self.samples = samples

    def read(self, start, count):
        out = np.zeros((self.samples.shape[0], count), dtype=np.float32)
        first, last = max(start, 0), min(start + count, self.samples.shape[1])
        if first < last:
            out[:, first - start : last - start] = self.samples[:, first:last]
        return out
