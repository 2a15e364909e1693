"""The mixing desk: equalisers, compressors, reverb, and a master that keeps the stems' sum.

Sound is a float array (frames, 2). Every master stage multiplies all stems by one gain curve taken
from their sum, so that the mastered stems still sum to the mastered mix.
"""

import numpy as np
from scipy import ndimage, signal

RATE = 44100


def biquad(sound, kind, hz, gain_db=0.0, q=0.707):
    """One second-order filter of the Audio EQ Cookbook (Bristow-Johnson)."""
    w, amp = 2 * np.pi * hz / RATE, 10 ** (gain_db / 40)
    cos, alpha = np.cos(w), np.sin(w) / (2 * q)
    slope = 2 * np.sqrt(amp) * alpha
    if kind == "highpass":
        b, a = [(1 + cos) / 2, -(1 + cos), (1 + cos) / 2], [1 + alpha, -2 * cos, 1 - alpha]
    elif kind == "lowpass":
        b, a = [(1 - cos) / 2, 1 - cos, (1 - cos) / 2], [1 + alpha, -2 * cos, 1 - alpha]
    elif kind == "peak":
        b, a = [1 + alpha * amp, -2 * cos, 1 - alpha * amp], [1 + alpha / amp, -2 * cos, 1 - alpha / amp]
    else:
        s = {"highshelf": 1, "lowshelf": -1}[kind]
        up, down = amp + 1, amp - 1
        b = [amp * (up + s * down * cos + slope), -s * 2 * amp * (down + s * up * cos), amp * (up + s * down * cos - slope)]
        a = [up - s * down * cos + slope, s * 2 * (down - s * up * cos), up - s * down * cos - slope]
    return signal.lfilter(np.array(b) / a[0], np.array(a) / a[0], sound, axis=0)


def pan(mono, position):
    """Constant power, -1 left to 1 right."""
    angle = (position + 1) * np.pi / 4
    return mono[:, None] * np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)])


def width(sound, amount):
    """Scales the side signal."""
    mid, side = sound.mean(axis=1), (sound[:, 0] - sound[:, 1]) / 2 * amount
    return np.stack([mid + side, mid - side], axis=1)


def delayed(sound, seconds):
    """The same, later, as long as before."""
    n = int(round(seconds * RATE))
    return np.concatenate([np.zeros((n, 2)), sound[: len(sound) - n]])


def level_db(sound, attack_s, release_s):
    """The louder channel's level, rising and falling with these time constants."""
    block = 32
    n = -(-len(sound) // block)
    peak = np.pad(np.abs(sound).max(axis=1), (0, n * block - len(sound))).reshape(n, block).max(axis=1)
    up, down = (np.exp(-block / (s * RATE)) for s in (attack_s, release_s))
    level, now = np.empty(n), 0.0
    for i, target in enumerate(peak):
        k = up if target > now else down
        now = k * now + (1 - k) * target
        level[i] = now
    at = (np.arange(n) + 0.5) * block
    return 20 * np.log10(np.interp(np.arange(len(sound)), at, level) + 1e-9)


def compression(sound, threshold_db, ratio, attack_s, release_s):
    """The gain curve of a compressor with this sound at its input."""
    over = np.maximum(level_db(sound, attack_s, release_s) - threshold_db, 0)
    return 10 ** (-over * (1 - 1 / ratio) / 20)[:, None]


def compress(sound, *args):
    """The sound through that compressor."""
    return sound * compression(sound, *args)


def echoes(sound, seconds, feedback, repeats):
    """Repeats that swap sides and darken."""
    out = np.zeros_like(sound)
    for _ in range(repeats):
        sound = biquad(delayed(sound, seconds)[:, ::-1] * feedback, "lowpass", 4000)
        out += sound
    return out


def room(seconds, predelay_s, seed):
    """A stereo impulse response: noise whose high end decays faster, as air makes it."""
    rng = np.random.default_rng(seed)
    n = int(1.3 * seconds * RATE)
    at = np.arange(n)[:, None] / RATE
    noise = rng.standard_normal((n, 2))
    low = biquad(noise, "lowpass", 2500)
    response = low * 10 ** (-3 * at / seconds) + (noise - low) * 10 ** (-3 * at / (0.45 * seconds))
    response *= 1 - np.exp(-at / 0.006)
    response = biquad(biquad(response, "highpass", 250), "lowpass", 9000)
    response /= np.sqrt(np.sum(response**2) / 2)
    return np.concatenate([np.zeros((int(predelay_s * RATE), 2)), response])


def reverb(sound, response):
    """The sound in that room, as long as before."""
    return signal.fftconvolve(sound, response, axes=0)[: len(sound)]


def loudness(sound):
    """Integrated loudness in LUFS (ITU-R BS.1770-4, gated)."""
    # Its two filters, from the analogue parameters that reproduce the standard's 48 kHz table.
    weighted = biquad(sound, "highshelf", 1681.974, 4.0, 0.7072)
    weighted = biquad(weighted, "highpass", 38.135, 0, 0.5003)
    step = RATE // 10
    power = np.add.reduceat(np.sum(weighted**2, axis=1), np.arange(0, len(sound) - 4 * step, step))
    blocks = np.convolve(power, np.ones(4), "valid") / (4 * step)
    lufs = -0.691 + 10 * np.log10(blocks + 1e-12)
    kept = blocks[lufs > -70]
    gate = -0.691 + 10 * np.log10(kept.mean()) - 10
    return -0.691 + 10 * np.log10(blocks[(lufs > -70) & (lufs > gate)].mean())


def limiting(sound, ceiling):
    """The gain curve that keeps every sample below the ceiling, with 3 ms of warning."""
    warning = int(0.003 * RATE)
    # Four times oversampled, so that the peaks between samples count too.
    peaks = np.abs(signal.resample_poly(sound, 4, 1, axis=0)).max(axis=1).reshape(-1, 4).max(axis=1)
    needed = np.minimum(ceiling / np.maximum(peaks, 1e-9), 1)
    lowest = ndimage.minimum_filter1d(needed, 2 * warning + 1)
    released = np.empty_like(lowest)
    k, now = np.exp(-1 / (0.08 * RATE)), 1.0
    for i, target in enumerate(lowest):
        now = target if target < now else k * now + (1 - k) * target
        released[i] = now
    return ndimage.uniform_filter1d(released, warning)[:, None]


def master(stems, target_lufs, ceiling_db):
    """Glue compression, loudness and a limiter, each one gain curve for all stems."""
    mix = sum(stems.values())
    gain = 10 ** ((-18 - loudness(mix)) / 20)
    stems = {name: stem * gain for name, stem in stems.items()}
    glue = compression(sum(stems.values()), -14, 2.0, 0.02, 0.15)
    stems = {name: stem * glue for name, stem in stems.items()}
    ceiling = 10 ** (ceiling_db / 20)
    for _ in range(4):  # the limiter takes loudness away: approach the target from below
        gain = 10 ** ((target_lufs - loudness(sum(stems.values()))) / 20)
        stems = {name: stem * gain for name, stem in stems.items()}
        limiter = limiting(sum(stems.values()), ceiling)
        stems = {name: stem * limiter for name, stem in stems.items()}
    return stems
