"""What real masters have: equaliser, saturation, rooms and echoes, panning and width, limiters, band limits.

Audio is float32 [channel, frame]. Filters work on the spectrum of the whole crop: equaliser, room and band limit are
one product, and its wrap-around leaves the tail of "what played before" at the start of the crop.
"""

import numpy as np
from scipy import fft, signal
from scipy.ndimage import minimum_filter1d, uniform_filter1d

SAMPLE_RATE = 44_100


def db(gain_db: float) -> float:
    return 10 ** (gain_db / 20)


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x)) + 1e-12))


def active_rms(x: np.ndarray) -> float:
    """Level of the louder half of 50 ms pieces, so that rests do not count."""
    pieces = x[:, : x.shape[1] // 2205 * 2205].reshape(2, -1, 2205)
    power = np.sort(np.square(pieces).mean((0, 2)))
    return float(np.sqrt(power[len(power) // 2 :].mean() + 1e-12))


def equaliser(rng: np.random.Generator, bins: int, depth_db: float) -> np.ndarray:
    """Random smooth curve over log frequency."""
    knots = np.geomspace(40, 18_000, 7)
    gains = rng.normal(0, depth_db, len(knots))
    hz = np.arange(bins) * (SAMPLE_RATE / 2 / (bins - 1))
    grid = np.geomspace(20, 22_050, 512)
    curve = 10 ** (np.interp(np.log(grid), np.log(knots), gains) / 20)
    return np.interp(hz, grid, curve).astype(np.float32)


def room(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Response of a room or an echo, [2, frames], direct sound included."""
    response = np.zeros((2, frames), np.float32)
    response[:, 0] = 1
    if rng.random() < 0.3:
        delay, feedback = int(rng.uniform(0.1, 0.6) * SAMPLE_RATE), rng.uniform(0.2, 0.6)
        gain, swap = rng.uniform(0.1, 0.5), rng.random() < 0.5
        for i in range(1, 6):
            if i * delay >= frames:
                break
            # Ping-pong: echoes alternate between the channels.
            sides = (slice(0, 2) if not swap else slice(i % 2, i % 2 + 1))
            response[sides, i * delay] += gain * feedback ** (i - 1)
        return response
    length = min(frames, int(rng.uniform(0.2, 2.2) * SAMPLE_RATE))
    before = int(rng.uniform(0.0, 0.04) * SAMPLE_RATE)
    decay = np.exp(-6.9 * np.arange(length, dtype=np.float32) / length)
    noise = rng.standard_normal((2, length), dtype=np.float32) * decay
    # Treble dies first.
    noise = uniform_filter1d(noise, int(rng.integers(1, 9)), axis=1)
    noise *= db(rng.uniform(-24, -6)) / np.sqrt(np.square(noise).sum(1, keepdims=True) + 1e-9)
    end = min(frames, before + length)
    response[:, before:end] += noise[:, : end - before]
    return response


def filtered(rng: np.random.Generator, x: np.ndarray, eq: float, wet: float, cut_hz: float | None = None,
             low_cut_hz: float | None = None) -> np.ndarray:
    """Equaliser with probability `eq`, room with probability `wet`, low-pass at `cut_hz`, high-pass at `low_cut_hz`."""
    has_eq, has_room = rng.random() < eq, rng.random() < wet
    if not (has_eq or has_room or cut_hz or low_cut_hz):
        return x
    n = x.shape[1]
    spectrum = fft.rfft(x)
    if has_eq:
        spectrum *= equaliser(rng, spectrum.shape[1], rng.uniform(1, 5))
    if has_room:
        spectrum *= fft.rfft(room(rng, n))
    if low_cut_hz:
        # A Butterworth filter of the fourth order, without its phase.
        spectrum *= (1 / np.sqrt(1 + (low_cut_hz * n / SAMPLE_RATE / np.maximum(np.arange(spectrum.shape[1]), 0.5)) ** 8)).astype(np.float32)
    if cut_hz:
        spectrum[:, int(cut_hz / SAMPLE_RATE * n) :] = 0
    return fft.irfft(spectrum, n=n).astype(np.float32)


def resampled(x: np.ndarray, frames: int) -> np.ndarray:
    """The whole of `x` in `frames` frames: pitch and tempo together."""
    n = x.shape[1]
    spectrum = fft.rfft(x)
    bins = frames // 2 + 1
    out = np.zeros((x.shape[0], bins), spectrum.dtype)
    keep = min(bins, spectrum.shape[1])
    out[:, :keep] = spectrum[:, :keep]
    return (fft.irfft(out, n=frames) * (frames / n)).astype(np.float32)


def saturated(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    level = np.abs(x).max() + 1e-9
    drive = rng.uniform(0.5, 4.0)
    return (np.tanh(x * (drive / level)) * (level / np.tanh(drive))).astype(np.float32)


def transposed(x: np.ndarray, semitones: float) -> np.ndarray:
    """At another pitch in the same time, as plainly as a cheap pitch shifter does it: bins move, and so do their phases."""
    n_fft, hop = 1024, 256
    _, _, spectra = signal.stft(x, nperseg=n_fft, noverlap=n_fft - hop)
    ratio = 2 ** (semitones / 12)
    source = np.round(np.arange(spectra.shape[1]) / ratio).astype(int)
    kept = source < spectra.shape[1]
    source = np.minimum(source, spectra.shape[1] - 1)
    moved = spectra[:, source] * kept[:, None]
    # How far a partial turns per hop: what its bin does, and the rest.
    usual = (2 * np.pi * hop / n_fft * source)[:, None]
    angle = np.angle(moved)
    rest = (np.diff(angle, axis=-1) - usual + np.pi) % (2 * np.pi) - np.pi
    angle[..., 1:] = angle[..., :1] + np.cumsum((usual + rest) * ratio, axis=-1)
    _, out = signal.istft(np.abs(moved) * np.exp(1j * angle), nperseg=n_fft, noverlap=n_fft - hop)
    return out[:, : x.shape[1]].astype(np.float32)


def doubled(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """With one to three copies beside it, late by a swinging delay: a chorus, or a singer's second take."""
    t = np.arange(x.shape[1])
    out = x.copy()
    for _ in range(int(rng.integers(1, 4))):
        delay = rng.uniform(0.008, 0.04) + rng.uniform(0, 0.004) * np.sin(2 * np.pi * rng.uniform(0.1, 1.2) * t / SAMPLE_RATE + rng.uniform(0, 6))
        copy = np.stack([np.interp(t - delay * SAMPLE_RATE, t, c) for c in x])
        side = rng.uniform(-1, 1)
        out += (copy * np.array([[1 - max(side, 0)], [1 + min(side, 0)]]) * db(rng.uniform(-12, 0))).astype(np.float32)
    return out


def sung_through(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """What pop does to voices: harmonies, doubles, telephones, reversed tape. Any, all or none of it."""
    if rng.random() < 0.15:
        shift = float(rng.choice([-12, -7, -5, -4, 3, 4, 5, 7, 12]))
        other = transposed(x, shift)
        x = other if rng.random() < 0.3 else x + other * db(rng.uniform(-12, 0))
    if rng.random() < 0.2:
        x = doubled(rng, x)
    if rng.random() < 0.07:
        sos = signal.butter(2, (rng.uniform(200, 600), rng.uniform(1_800, 4_500)), "bandpass", fs=SAMPLE_RATE, output="sos")
        x = signal.sosfilt(sos, x).astype(np.float32)
    if rng.random() < 0.05:
        x = x[:, ::-1].copy()
    return x


def placed(rng: np.random.Generator, x: np.ndarray, spread: float) -> np.ndarray:
    """Width between mono and wider than it was, channel swap, balance within ±`spread`."""
    mid, side = (x[0] + x[1]) * 0.5, (x[0] - x[1]) * 0.5
    width = rng.choice([0.0, 1.0, rng.uniform(0, 1.5)], p=[0.15, 0.55, 0.3]) * rng.choice([-1, 1])
    angle = rng.normal(0, spread)
    left, right = np.cos(np.pi / 4 + angle) * np.sqrt(2), np.sin(np.pi / 4 + angle) * np.sqrt(2)
    return np.stack([(mid + width * side) * left, (mid - width * side) * right]).astype(np.float32)


def limiter_gain(mix: np.ndarray, ceiling: float) -> np.ndarray:
    """Gain per frame of a look-ahead peak limiter, [frame]."""
    block = 64
    n = mix.shape[1] // block * block
    peaks = np.abs(mix[:, :n]).max(0).reshape(-1, block).max(1)
    gain = np.minimum(1, ceiling / np.maximum(peaks, 1e-9))
    gain = uniform_filter1d(minimum_filter1d(gain, 31), 31)
    return np.interp(np.arange(mix.shape[1]), np.arange(len(gain)) * block + block / 2, gain).astype(np.float32)
