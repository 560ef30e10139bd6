"""The bricks of every synthesised sound: envelopes, sweeps, modes, noise, shaping (numpy only)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

SAMPLE_RATE = 44_100
_MODE_BLOCK = 256

Wave = NDArray[np.float64]


def seconds_to_samples(seconds: float) -> int:
    """Return the whole number of samples nearest to `seconds`, at least 1."""
    return max(1, round(seconds * SAMPLE_RATE))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw from [low, high) so that every octave is as likely (both positive)."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def fast_length(count: int) -> int:
    """Return a length of factors 2, 3 and 5, at least `count`: FFTs of it are fast."""
    best = 1 << max(0, count - 1).bit_length()
    for odd in (3, 5, 9, 15, 25, 27, 45, 75, 81, 125, 135, 225, 375, 405, 675, 1125):
        best = min(best, odd << max(0, (-(-count // odd) - 1).bit_length()))
    return best


def decay(count: int, seconds: float) -> Wave:
    """Return an exponential that has fallen by 60 dB after `seconds`.

    Parameters
    ----------
    count : int
        Samples.
    seconds : float
        Time to fall by 60 dB (RT60), in seconds.

    Returns
    -------
    ndarray, float64, shape (count,)
        Values in (0, 1].
    """
    # ln(1000) = 6.908: 60 dB is a factor of 1000 in amplitude.
    return np.exp(np.arange(count) * (-6.908 / (seconds * SAMPLE_RATE)))


def attack(count: int, seconds: float) -> Wave:
    """Return a raised-cosine rise from 0 to 1 over `seconds`, then 1; shape (count,)."""
    rise = min(count, seconds_to_samples(seconds))
    envelope = np.ones(count)
    envelope[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    return envelope


def fade_out(wave: Wave, seconds: float) -> Wave:
    """Return `wave` (samples,) with its last `seconds` faded to silence."""
    return wave * attack(len(wave), seconds)[::-1]


def oscillate(hertz: ArrayLike, phase: float = 0.0) -> Wave:
    """Return the sine whose frequency at each sample is `hertz`.

    Parameters
    ----------
    hertz : array_like, float64, shape (count,)
        Instantaneous frequency.
    phase : float
        Phase before the first sample, in radians.
    """
    steps = np.cumsum(np.asarray(hertz, dtype=np.float64))
    return np.sin(phase + (2 * np.pi / SAMPLE_RATE) * steps)


def modes(
    hertz: ArrayLike, ring_seconds: ArrayLike, gains: ArrayLike, phases: ArrayLike, count: int
) -> Wave:
    """Return a sum of decaying sines, the sound of a struck body.

    Parameters
    ----------
    hertz, ring_seconds, gains, phases : array_like, float64, shape (modes,)
        Frequency; time to fall by 60 dB; amplitude; phase in radians, of each mode. Modes
        above 20 kHz are left out.
    count : int
        Samples.

    Returns
    -------
    ndarray, float64, shape (count,)

    Notes
    -----
    Ours: z**(256 b + r) is split into a matrix over b and one over r, so that hundreds of
    modes cost one matrix product.
    """
    hertz, ring_seconds, gains, phases = np.broadcast_arrays(
        *(np.asarray(each, dtype=np.float64) for each in (hertz, ring_seconds, gains, phases))
    )
    audible = hertz < 20_000
    pole = (-6.908 / ring_seconds[audible] + 2j * np.pi * hertz[audible]) / SAMPLE_RATE
    start = gains[audible] * np.exp(1j * phases[audible])
    blocks = -(-count // _MODE_BLOCK)
    coarse = start * np.exp(np.outer(np.arange(blocks) * _MODE_BLOCK, pole))
    fine = np.exp(np.outer(pole, np.arange(_MODE_BLOCK)))
    return (coarse @ fine).imag.reshape(-1)[:count]


def shape_spectrum(wave: Wave, hertz: ArrayLike, decibels: ArrayLike) -> Wave:
    """Return `wave` filtered (zero phase) to a curve given at a few frequencies.

    Parameters
    ----------
    wave : ndarray, float64, shape (count,)
        Any sound; its envelope should be applied afterwards, for the filter rings both ways.
    hertz, decibels : array_like, float64, shape (knots,)
        Rising frequencies (positive) and gains; straight lines between them over the
        logarithm of frequency, constant beyond the ends.
    """
    count = len(wave)
    # Even, and of small factors: numpy's FFT of a prime length is ten times slower.
    padded = 2 * fast_length(-(-count // 2))
    bins = np.fft.rfftfreq(padded, 1 / SAMPLE_RATE)
    curve = np.interp(np.log(np.maximum(bins, 1.0)), np.log(hertz), decibels)
    return np.fft.irfft(np.fft.rfft(wave, padded) * 10 ** (curve / 20), padded)[:count]


def equalise(wave: Wave, hertz: ArrayLike, decibels: ArrayLike) -> Wave:
    """Return `wave` filtered to a curve without ringing before its onset (minimum phase).

    Parameters
    ----------
    wave : ndarray, float64, shape (count,)
        Any sound; what rings on beyond its end is cut.
    hertz, decibels : array_like, float64, shape (knots,)
        As for `shape_spectrum`.

    Notes
    -----
    The phase is the Hilbert transform of the log magnitude, by folding the cepstrum
    (Oppenheim and Schafer, Discrete-Time Signal Processing, section 12.3).
    """
    count = len(wave)
    padded = 2 * fast_length(-(-count // 2) + 2048)
    bins = np.fft.rfftfreq(padded, 1 / SAMPLE_RATE)
    curve = np.interp(np.log(np.maximum(bins, 1.0)), np.log(hertz), decibels)
    cepstrum = np.fft.irfft(curve * (np.log(10) / 20), padded)
    cepstrum[1 : padded // 2] *= 2
    cepstrum[padded // 2 + 1 :] = 0
    response = np.exp(np.fft.rfft(cepstrum))
    return np.fft.irfft(np.fft.rfft(wave, padded) * response, padded)[:count]


def band_noise(
    rng: np.random.Generator, count: int, low_hz: float, high_hz: float, slope_db: float = 12.0
) -> Wave:
    """Return noise of unit root mean square between two frequencies.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    count : int
        Samples.
    low_hz, high_hz : float
        Corners of the band.
    slope_db : float
        How fast it falls beyond the corners, in decibels an octave.
    """
    edges = [low_hz / 8, low_hz, max(high_hz, low_hz * 1.01), high_hz * 8]
    noise = shape_spectrum(rng.standard_normal(count), edges, [-3 * slope_db, 0, 0, -3 * slope_db])
    return noise / (np.sqrt(np.mean(noise**2)) + 1e-12)


def falling_noise(
    rng: np.random.Generator,
    count: int,
    hertz: ArrayLike,
    decibels: ArrayLike,
    ring_seconds: ArrayLike,
) -> Wave:
    """Return noise whose bands fall at their own speeds: wires, wash, air.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    count : int
        Samples.
    hertz, decibels, ring_seconds : array_like, float64, shape (bands,)
        Centres of neighbouring bands, rising; their levels at the start; their times to fall
        by 60 dB.
    """
    padded = 2 * fast_length(-(-count // 2))
    spectrum = np.fft.rfft(rng.standard_normal(padded))
    octaves = np.log(np.maximum(np.fft.rfftfreq(padded, 1 / SAMPLE_RATE), 1.0))
    centres = np.log(np.asarray(hertz, dtype=np.float64))
    total = np.zeros(count)
    for band, (level, ring) in enumerate(
        zip(np.asarray(decibels), np.asarray(ring_seconds), strict=True)
    ):
        # Triangles over the logarithm of frequency add up to 1 between the outer centres.
        peak = np.zeros(len(centres))
        peak[band] = 10 ** (level / 20)
        weight = np.interp(octaves, centres, peak, left=0.0)
        total += np.fft.irfft(spectrum * weight, padded)[:count] * decay(count, ring)
    return total


def saturate(wave: Wave, drive: float) -> Wave:
    """Return `wave` through tanh; `drive` (positive) is the gain before it, unity for small."""
    return np.tanh(wave * drive) / drive


def normalise(wave: Wave, peak: float = 0.9) -> NDArray[np.float32]:
    """Return `wave` as float32 with its largest magnitude at `peak`; silence stays silent."""
    largest = float(np.max(np.abs(wave), initial=0.0))
    return (wave * (peak / largest if largest > 0 else 0.0)).astype(np.float32)
