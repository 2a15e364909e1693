"""Electronic instruments: subtractive and FM synthesisers and a drum machine, for the synthetic songs.

Audio is float32 [channel, frame]. Oscillators read band-limited single cycles; one filter per part, its envelope
struck by every note, as in monophonic and paraphonic synthesisers.
"""

import numpy as np
from scipy import signal

from augment import SAMPLE_RATE, db

CYCLE = 2048
# Frames for which the filter of a part stands still.
BLOCK = 128


def hertz(pitch):
    """Of a MIDI pitch, or of many."""
    return 440 * 2 ** ((pitch - 69) / 12)


def _cycle(harmonics: np.ndarray) -> np.ndarray:
    spectrum = np.zeros(CYCLE // 2 + 1, complex)
    spectrum[1 : len(harmonics) + 1] = -1j * harmonics
    wave = np.fft.irfft(spectrum)
    return (wave / np.abs(wave).max()).astype(np.float32)


def _harmonics(shape: str, count: int, rng: np.random.Generator) -> np.ndarray:
    k = np.arange(1, count + 1)
    if shape == "saw":
        return 1 / k
    if shape == "square":
        return (k % 2) / k
    if shape == "triangle":
        return (k % 2) * (-1.0) ** (k // 2) / k**2
    if shape == "pulse":
        return np.sin(np.pi * k * rng.uniform(0.08, 0.4)) / k
    if shape == "sine":
        return (k == 1) * 1.0
    return rng.standard_normal(count) / k ** rng.uniform(0.7, 2)  # "drawn"


def oscillator(rng, shape: str, pitches: np.ndarray) -> np.ndarray:
    """One voice along `pitches`, a MIDI pitch per frame."""
    hz = hertz(pitches)
    count = int(np.clip(SAMPLE_RATE / 2.2 / hz.max(), 1, CYCLE // 2 - 1))
    cycle = _cycle(_harmonics(shape, count, rng))
    phase = (rng.random() + np.cumsum(hz / SAMPLE_RATE)) % 1 * CYCLE
    first = phase.astype(np.int32) % CYCLE
    part = (phase - phase.astype(np.int32)).astype(np.float32)
    return cycle[first] * (1 - part) + cycle[(first + 1) % CYCLE] * part


def envelope(frames: int, held: int, attack: float, decay: float, sustain: float, release: float) -> np.ndarray:
    """Attack, decay, sustain while `held` frames, release; times in seconds."""
    t = np.arange(frames, dtype=np.float32) / SAMPLE_RATE
    level = np.minimum(t / attack, 1) * (sustain + (1 - sustain) * np.exp(-np.maximum(t - attack, 0) / decay))
    end = level[min(held, frames - 1)]
    return np.where(np.arange(frames) < held, level, end * np.exp(-np.maximum(t - held / SAMPLE_RATE, 0) / release * 4))


def swept(x: np.ndarray, cutoff_hz: np.ndarray, resonance: float) -> np.ndarray:
    """Low-pass of two poles, cutoff per block of `BLOCK` frames, resonance as Q."""
    out, state = np.empty_like(x), np.zeros((x.shape[0], 2))
    for i, hz in enumerate(np.clip(cutoff_hz, 30, 18_000)):
        w = 2 * np.pi * hz / SAMPLE_RATE
        alpha, cos = np.sin(w) / (2 * resonance), np.cos(w)
        b = np.array([1 - cos, 2 - 2 * cos, 1 - cos]) / (2 * (1 + alpha))
        a = np.array([1 + alpha, -2 * cos, 1 - alpha]) / (1 + alpha)
        piece = slice(i * BLOCK, (i + 1) * BLOCK)
        out[:, piece], state = signal.lfilter(b, a, x[:, piece], zi=state)
    return out


def fm_note(rng_state: tuple, pitch: float, frames: int, held: int, velocity: float) -> np.ndarray:
    ratio, depth, decay, sustain, release = rng_state
    t = np.arange(frames) / SAMPLE_RATE
    hz = hertz(pitch)
    depth = min(depth, 9_000 / (hz * ratio)) * velocity
    modulator = depth * np.exp(-t / decay) * np.sin(2 * np.pi * hz * ratio * t)
    return np.sin(2 * np.pi * hz * t + modulator) * envelope(frames, held, 0.003, decay * 2, sustain, release)


def play(rng, notes: list, frames: int, role: str, kicks: list[float]) -> np.ndarray:
    """`notes` on a synthesiser drawn for the `role`: "bass", "pad", "pluck" or "lead"."""
    out = np.zeros((2, frames), np.float32)
    mono = role == "bass" or (role == "lead" and rng.random() < 0.6)
    shapes = [str(rng.choice(["saw", "square", "triangle", "pulse", "sine", "drawn"], p=[0.35, 0.2, 0.1, 0.15, 0.08, 0.12])) for _ in range(2)]
    voices = int(rng.choice([1, 2, 3, 5])) if role != "bass" else int(rng.choice([1, 1, 2, 3]))
    detune, width = rng.uniform(0.02, 0.25), rng.uniform(0, 1) if role != "bass" else rng.choice([0, 0, 0.3])
    attack, decay, sustain, release = {
        "bass": (0.003, rng.uniform(0.1, 0.8), rng.uniform(0, 1), rng.uniform(0.03, 0.2)),
        "pad": (rng.uniform(0.02, 0.6), 1.0, 0.9, rng.uniform(0.2, 1.5)),
        "pluck": (0.002, rng.uniform(0.08, 0.5), rng.uniform(0, 0.3), rng.uniform(0.05, 0.6)),
        "lead": (rng.uniform(0.003, 0.05), 0.6, rng.uniform(0.4, 1), rng.uniform(0.05, 0.4)),
    }[role]
    fm = (float(rng.choice([0.5, 1, 1, 2, 3, 3.5, 7])), rng.uniform(0.3, 5), decay, sustain, release) if rng.random() < 0.2 else None
    glide = rng.uniform(0.02, 0.1) if mono and rng.random() < 0.4 else 0.0
    vibrato = rng.uniform(0, 0.25) if role == "lead" else 0.0
    sub = role == "bass" and rng.random() < 0.4
    strike = np.zeros(frames // BLOCK + 2, np.float32)
    last = None
    for score_note in notes:
        pitch, velocity = score_note.pitch, score_note.velocity
        at, held = int(score_note.start * SAMPLE_RATE), max(64, int(score_note.length * SAMPLE_RATE))
        n = min(frames - at, held + int(release * SAMPLE_RATE))
        if n < 64:
            continue
        gain = (velocity / 127) ** 1.2
        t = np.arange(n) / SAMPLE_RATE
        pitches = np.full(n, float(pitch)) + vibrato * np.sin(2 * np.pi * 5.5 * t) * np.minimum(t * 2, 1)
        if glide and last is not None:
            pitches += (last - pitch) * np.exp(-t / glide)
        last = pitch
        if fm:
            note = np.repeat(fm_note(fm, pitch, n, held, velocity / 127)[None], 2, 0)
        else:
            note = np.zeros((2, n))
            for v in range(voices):
                offset = detune * (v - (voices - 1) / 2) / max(1, voices - 1)
                side = width * (2 * v / max(1, voices - 1) - 1) if voices > 1 else 0.0
                wave = oscillator(rng, shapes[v % 2], pitches + offset)
                note += np.array([[1 - side], [1 + side]]) * wave / voices
            if sub:
                note += oscillator(rng, "sine", pitches - 12 if pitch > 36 else pitches)
            note *= envelope(n, held, attack, decay, sustain, release)
        out[:, at : at + n] += note * gain
        strike[at // BLOCK] = max(strike[at // BLOCK], gain)
    # The filter: where it rests, how far a note opens it, how fast it closes, and a slow wave.
    rest = {"bass": rng.uniform(80, 900), "pad": rng.uniform(300, 4_000)}.get(role, rng.uniform(400, 5_000))
    octaves, closing = rng.uniform(0, 4.5) * (role != "pad"), np.exp(-BLOCK / SAMPLE_RATE / rng.uniform(0.04, 0.5))
    opened, value = np.empty_like(strike), 0.0
    for i, hit in enumerate(strike):
        value = max(value * closing, hit)
        opened[i] = value
    wave = np.sin(2 * np.pi * rng.uniform(0.05, 0.5) * np.arange(len(strike)) * BLOCK / SAMPLE_RATE + rng.uniform(0, 6)) * rng.uniform(0, 1.5)
    blocks = -(-frames // BLOCK)
    out = swept(out, (rest * 2 ** (octaves * opened + wave))[:blocks], rng.uniform(0.6, 5)).astype(np.float32)
    if rng.random() < 0.3:
        level = np.abs(out).max() + 1e-6
        out = np.tanh(out * rng.uniform(1, 6) / level) * level
    if role != "bass" and rng.random() < 0.4:  # chorus: a delay that swings, opposite on the two sides
        t = np.arange(frames)
        swing = np.sin(2 * np.pi * rng.uniform(0.2, 1.5) * t / SAMPLE_RATE) * 0.003 * SAMPLE_RATE * rng.uniform(0.2, 1)
        delayed = [np.interp(t - 0.012 * SAMPLE_RATE - s * swing, t, c) for s, c in zip((1, -1), out, strict=True)]
        out = out + rng.uniform(0.4, 1) * np.stack(delayed)
    if kicks and rng.random() < (0.3 if role in ("bass", "pad") else 0.1):  # ducked by the kick
        gain, recovery = np.ones(frames), rng.uniform(0.08, 0.35)
        for kick in kicks:
            at = int(kick * SAMPLE_RATE)
            t = np.arange(max(0, min(frames - at, SAMPLE_RATE))) / SAMPLE_RATE
            gain[at : at + len(t)] = np.minimum(gain[at : at + len(t)], 1 - 0.9 * np.exp(-t / recovery) * np.minimum(t / 0.003, 1))
        out = out * gain
    return out.astype(np.float32)


def bass_line(rng, frames: int) -> np.ndarray:
    """Notes that ring as long as they last, some sliding into the next, [2, frames]: what tells a bass from a kick."""
    root, scale = int(rng.integers(22, 37)), (0, 3, 5, 7, 10, 12)
    pitches, level = np.empty(frames), np.zeros(frames)
    step = rng.uniform(0.11, 0.3) * SAMPLE_RATE
    sustain, decay = rng.uniform(0.3, 1), rng.uniform(0.2, 2)
    glide, tied = rng.uniform(0.01, 0.15) * (rng.random() < 0.4), rng.random() < 0.3
    at, pitch = 0, float(root)
    while at < frames:
        last = pitch
        if rng.random() < 0.7:
            pitch = root + int(rng.choice(scale, p=(0.4, 0.15, 0.15, 0.15, 0.1, 0.05)))
        end = min(frames, at + int(step * rng.choice([1, 1, 2, 2, 4, 8])))
        t = np.arange(end - at) / SAMPLE_RATE
        pitches[at:end] = pitch + ((last - pitch) * np.exp(-t / glide) if glide else 0)
        held = t[-1] if tied else t[-1] * rng.uniform(0.5, 1)
        shape = np.minimum(t / 0.004, 1) * (sustain + (1 - sustain) * np.exp(-t / decay)) * np.clip((held - t) / 0.02, 0, 1)
        level[at:end] = shape * rng.uniform(0.7, 1) * (rng.random() < 0.88)
        at = end
    phase = np.cumsum(2 * np.pi * hertz(pitches) / SAMPLE_RATE)
    count = int(rng.choice([1, 3, 6, 12]))
    k = np.arange(1, count + 1)
    partials = k ** -rng.uniform(0.5, 2.5) * (k % 2 if rng.random() < 0.3 else 1) * rng.uniform(0.6, 1.4, count)
    if rng.random() < 0.3:
        partials[rng.integers(count)] *= rng.uniform(1, 4)
    # Partials die the sooner the higher they are.
    x = sum(a * np.sin(i * phase) * level ** (1 + rng.uniform(0, 0.3) * i) for i, a in zip(k, partials, strict=True))
    return np.repeat((x * (0.5 / (np.abs(x).max() + 1e-6)))[None], 2, 0).astype(np.float32)


def drum(rng, kind: str) -> np.ndarray:
    """One hit of a drum machine, drawn anew, [frame]."""
    def t(seconds: float) -> np.ndarray:
        return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE

    def noise(x: np.ndarray, low: float, high: float) -> np.ndarray:
        sos = signal.butter(2, (low, min(high, 20_000)), "bandpass", fs=SAMPLE_RATE, output="sos")
        return signal.sosfilt(sos, rng.standard_normal(len(x)))

    def tone(x: np.ndarray, hz: float, sweep: float, speed: float) -> np.ndarray:
        return np.sin(2 * np.pi * (hz * x + sweep * speed * (1 - np.exp(-x / speed))))

    if kind == "kick":
        decay = rng.uniform(0.06, 0.5)
        x = t(decay * 4)
        y = tone(x, rng.uniform(38, 65), rng.uniform(60, 400), rng.uniform(0.01, 0.06)) * np.exp(-x / decay)
        y += rng.uniform(0, 0.4) * noise(x, 800, 8_000) * np.exp(-x / 0.004)
        return np.tanh(y * rng.uniform(1, 4))
    if kind in ("snare", "rim"):
        decay = rng.uniform(0.04, 0.2)
        x = t(decay * 5)
        body = tone(x, rng.uniform(150, 300) * (3 if kind == "rim" else 1), rng.uniform(0, 150), 0.02) * np.exp(-x / rng.uniform(0.02, 0.1))
        return body * rng.uniform(0.2, 1) + noise(x, rng.uniform(400, 2_500), rng.uniform(6_000, 18_000)) * np.exp(-x / decay) * (0.15 if kind == "rim" else 1)
    if kind == "clap":
        x = t(0.4)
        shape = sum(np.exp(-np.maximum(x - d, 0) / 0.008) * (x >= d) for d in np.cumsum(rng.uniform(0.006, 0.014, 3))) + np.exp(-x / rng.uniform(0.04, 0.15)) * (x > 0.03)
        return noise(x, rng.uniform(600, 1_400), rng.uniform(2_500, 9_000)) * shape
    if kind in ("hat", "open", "ride", "crash"):
        decay = {"hat": rng.uniform(0.015, 0.06), "open": rng.uniform(0.1, 0.4), "ride": rng.uniform(0.3, 0.8), "crash": rng.uniform(0.5, 1.2)}[kind]
        x = t(min(3, decay * 5))
        metal = sum(np.sign(np.sin(2 * np.pi * hz * x)) for hz in rng.uniform(300, 1_300, 6)) * rng.uniform(0, 0.4)
        sos = signal.butter(2, rng.uniform(4_000, 9_000), "highpass", fs=SAMPLE_RATE, output="sos")
        return signal.sosfilt(sos, metal + rng.standard_normal(len(x))) * np.exp(-x / decay)
    if kind == "tom":
        decay = rng.uniform(0.1, 0.3)
        x = t(decay * 4)
        return tone(x, rng.uniform(70, 180), rng.uniform(20, 100), 0.05) * np.exp(-x / decay)
    x = t(0.3)  # shakers, cowbells, bleeps
    if rng.random() < 0.5:
        return noise(x, 3_000, 12_000) * np.exp(-x / rng.uniform(0.02, 0.06)) * np.minimum(x / rng.uniform(0.001, 0.03), 1)
    return np.sign(tone(x, rng.uniform(400, 1_200), 0, 1)) * np.exp(-x / rng.uniform(0.02, 0.1)) * 0.5


def play_drums(rng, hits: list, frames: int) -> np.ndarray:
    """(start, kind, velocity) on one drum machine."""
    out, kit = np.zeros((2, frames), np.float32), {}
    for start, kind, velocity in hits:
        if kind not in kit:
            x = drum(rng, kind)
            angle = 0 if kind in ("kick", "snare") else rng.normal(0, 0.3)
            level = {"kick": 1.0, "snare": 0.7, "clap": 0.6, "tom": 0.6}.get(kind, 0.3) * db(rng.normal(0, 3))
            kit[kind] = np.array([[np.cos(np.pi / 4 + angle)], [np.sin(np.pi / 4 + angle)]]) * x * (1.4 * level / (np.abs(x).max() + 1e-6))
        at = int(start * SAMPLE_RATE)
        x = kit[kind][:, : frames - at] * (velocity / 127) ** 1.5
        out[:, at : at + x.shape[1]] += x
    return out
