"""A singer made of a speaker.

Flite's free voices speak a line on one pitch. The speech is taken apart into its spectral envelope
every 5 ms; the envelope is stretched so that every vowel lies on its note, and sounds again with
the melody as its pitch: a pulse per period, coloured by the envelope, plus noise where speech is
noise. The analysis is CheapTrick (Morise, "CheapTrick, a spectral envelope estimator for
high-quality speech synthesis", 2015), the synthesis that of the WORLD vocoder (Morise et al., 2016),
reduced to what a known, constant speaking pitch needs.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

VOWELS = {"aa", "ae", "ah", "ao", "aw", "ax", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw"}
DIPHTHONGS = {"aw", "ay", "ey", "ow", "oy"}
UNVOICED = {"ch", "f", "hh", "k", "p", "pau", "s", "sh", "t", "th"}
BUZZING = {"dh", "jh", "v", "z", "zh"}

FRAME_S = 0.005
#: Analysis transform: 1024 points at Flite's 16 kHz.
ANALYSIS_POINTS = 1024
SYNTHESIS_POINTS = 2048
#: Flite's voices hold little above this; what is higher is extrapolated.
TOP_HZ = 6700.0


@dataclass(frozen=True)
class Voice:
    """Who sings: Flite's voice, the pitch it speaks on, and how its vocal tract is scaled."""

    name: str
    spoken_hz: float
    tract: float = 1.0


@dataclass(frozen=True)
class Speech:
    """A spoken line: log power envelope (frames, bins) and phones as (name, start s, end s)."""

    envelope: np.ndarray
    phones: tuple


@lru_cache(maxsize=None)
def speak(text, name, spoken_hz):
    """Lets Flite speak a line on one pitch, slowly, and takes the envelope."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder, "speech.wav")
        command = ["flite", "-voice", name, "-psdur", "--setf", "duration_stretch=1.4"]
        command += ["--setf", f"int_f0_target_mean={spoken_hz}", "--setf", "int_f0_target_stddev=1"]
        command += ["-t", text, "-o", str(wav)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        sound, rate = soundfile.read(wav)
    phones, start = [], 0.0
    for word in printed.split():
        phone, end = word.split(":")
        phones.append((phone, start, float(end)))
        start = float(end)
    return Speech(envelope(sound, rate, spoken_hz), tuple(phones))


def envelope(sound, rate, f0):
    """CheapTrick at a constant pitch: (frames, bins), log power."""
    rng = np.random.default_rng(1)
    half = int(round(1.5 * rate / f0))
    at = np.arange(-half, half + 1)
    window = 0.5 + 0.5 * np.cos(np.pi * at / (1.5 * rate / f0))
    window /= np.sqrt(np.sum(window**2))
    padded = np.pad(sound, half + 1) + 1e-6 * rng.standard_normal(len(sound) + 2 * half + 2)
    hop_starts = np.arange(0, len(sound), rate * FRAME_S).round().astype(int)
    hz_per_bin = rate / ANALYSIS_POINTS
    quefrency = np.arange(ANALYSIS_POINTS // 2 + 1) / rate
    # Smoothing over 2/3 f0 leaves a ripple at f0, which this lifter takes out; q1 is the paper's.
    q1 = -0.15
    lifter = np.sinc(f0 * quefrency) * (1 - 2 * q1 + 2 * q1 * np.cos(2 * np.pi * quefrency * f0))
    result = np.empty((len(hop_starts), ANALYSIS_POINTS // 2 + 1))
    for i, start in enumerate(hop_starts):
        piece = padded[start : start + 2 * half + 1] * window
        piece = piece - window * piece.mean() / window.mean()
        power = np.abs(np.fft.rfft(piece, ANALYSIS_POINTS)) ** 2
        smooth = box(power, 2 * f0 / 3 / hz_per_bin)
        cepstrum = np.fft.irfft(np.log(smooth + 1e-12))
        lifted = cepstrum * np.concatenate([lifter, lifter[-2:0:-1]])
        result[i] = np.fft.rfft(lifted).real
    return result


def box(power, width):
    """Mean over `width` bins (not an integer) around each bin; the spectrum is even at both ends."""
    n = len(power)
    pad = int(width) + 2
    even = np.concatenate([power[pad:0:-1], power, power[-2 : -pad - 2 : -1]])
    total = np.concatenate([[0], np.cumsum(even)])
    edges = np.arange(len(total)) - 0.5
    centre = np.arange(n) + pad
    upper, lower = (np.interp(centre + s * width / 2, edges, total) for s in (1, -1))
    return (upper - lower) / width


def time_map(line, speech, beat_s):
    """Where each sung moment lies in the speech: arrays (sung s, spoken s) and the syllables' spans.

    A vowel starts on its beat; the consonants before it are taken from the time of the one before.
    """
    names = [phone for phone in speech.phones if phone[0] != "pau"]
    expected = [phone for syllable in line.syllables for phone in syllable.phones]
    assert [n for n, _, _ in names] == expected, f"{line.text}: {[n for n, _, _ in names]}"
    cursor, parts = 0, []
    for syllable in line.syllables:
        mine = names[cursor : cursor + len(syllable.phones)]
        cursor += len(mine)
        nucleus = next(i for i, phone in enumerate(mine) if phone[0] in VOWELS)
        parts.append((mine[:nucleus], mine[nucleus], mine[nucleus + 1 :]))
    sung, spoken, spans = [], [], []

    def anchor(at, source):
        sung.append(max(at, sung[-1] + 1e-4) if sung else at)
        spoken.append(source)

    def consonant_s(phones):
        return sum(min(end - start, 0.12) for _, start, end in phones)

    for i, ((onset, vowel, coda), syllable) in enumerate(zip(parts, line.syllables)):
        start, end = syllable.start * beat_s, (syllable.start + syllable.length) * beat_s
        if i + 1 < len(parts):
            end = min(end, line.syllables[i + 1].start * beat_s - consonant_s(parts[i + 1][0]))
        at = start - consonant_s(onset)
        for _, a, b in onset:
            anchor(at, a)
            at += min(b - a, 0.12)
        vowel_end = max(end - consonant_s(coda), start + 0.06)
        _, a, b = vowel
        d, room = b - a, vowel_end - start
        anchor(start, a)
        if room > d:
            hold = (0.30, 0.42) if vowel[0] in DIPHTHONGS else (0.40, 0.60)
            anchor(start + hold[0] * d, a + hold[0] * d)
            anchor(vowel_end - (1 - hold[1]) * d, a + hold[1] * d)
        at = vowel_end
        for _, c, e in coda:
            anchor(at, c)
            at += min(e - c, 0.12)
        last = coda[-1][2] if coda else b
        anchor(at, last)
        spans.append((start, at))
    anchor(sung[-1] + 0.1, min(spoken[-1] + 0.1, speech.phones[-1][2] - 0.01))
    return np.array(sung), np.array(spoken), spans


def pitch_curve(line, times, beat_s, rng):
    """The melody in Hz as a singer glides through it: slides, vibrato on long notes, slow drift."""
    semitones = np.zeros_like(times)
    for i, syllable in enumerate(line.syllables):
        start = syllable.start * beat_s
        if i == 0:
            semitones[:] = syllable.pitch
            semitones -= 0.8 * np.exp(-np.maximum(times - start + 0.05, 0) / 0.06)  # scoop
        else:
            step = syllable.pitch - line.syllables[i - 1].pitch
            semitones += step / (1 + np.exp(-(times - start + 0.015) / 0.018))
        length = syllable.length * beat_s
        if length > 0.5:
            into = times - start - 0.25
            depth = 0.33 * np.clip(into / 0.4, 0, 1) * (times < start + length + 0.1)
            rate = 5.3 + 0.3 * rng.standard_normal()
            semitones += depth * np.sin(2 * np.pi * rate * np.maximum(into, 0))
    drift = np.convolve(rng.standard_normal(len(times) + 200), np.hanning(200) / 8.66, "same")[: len(times)]
    jitter = 0.03 * np.convolve(rng.standard_normal(len(times)), [0.25, 0.5, 0.25], "same")
    return 440 * 2 ** ((semitones + 0.06 * drift + jitter - 69) / 12)


def noise_share(phones, spoken, hz):
    """How much of the sound is noise (0 to 1), per moment and frequency."""
    voiced = np.clip((hz - 3000) / 12000, 0, 0.7)
    buzz = np.clip((hz - 1500) / 3000, 0.1, 0.95)
    share = np.ones((len(spoken), len(hz)))
    for name, start, end in phones:
        if name not in UNVOICED:
            share[(spoken >= start) & (spoken < end)] = buzz if name in BUZZING else voiced
    return share


def sing(line, voice, rate, beat_s, seed):
    """Sings a line: (first frame in the song, mono sound)."""
    rng = np.random.default_rng(seed)
    speech = speak(line.text, voice.name, voice.spoken_hz)
    sung, spoken, spans = time_map(line, speech, beat_s)
    origin = sung[0] - 0.4
    times = np.arange(origin, sung[-1] + 0.15, FRAME_S)
    source = np.interp(times, sung, spoken)
    hz = np.fft.rfftfreq(SYNTHESIS_POINTS, 1 / rate)
    log_power = at_rate(speech.envelope, source, hz, voice.tract)
    share = noise_share(speech.phones, source, hz)
    loudness = np.interp(times, [sung[0] - 0.02, sung[0], spans[-1][1], spans[-1][1] + 0.09], [0, 1, 1, 0])
    for start, end in spans:  # long notes swell a little and relax
        if end - start > 0.6:
            inside = (times > start) & (times < end)
            loudness[inside] *= 0.86 + 0.14 * np.sin(np.pi * (times[inside] - start) / (end - start)) ** 0.7
    f0 = pitch_curve(line, times, beat_s, rng)
    sound = resound(log_power, share, loudness, f0, rate, rng)
    sound += breath_in(len(sound), sung[0] - origin, rate, rng) * np.sqrt(np.mean(sound**2))
    return int(round(origin * rate)), sound


def at_rate(envelope_16k, source_s, hz, tract):
    """The envelope at these moments of the speech, on the synthesis' frequencies, brightened."""
    frame = np.clip(source_s / FRAME_S, 0, len(envelope_16k) - 1.001)
    low = frame.astype(int)
    part = (frame - low)[:, None]
    moments = envelope_16k[low] * (1 - part) + envelope_16k[low + 1] * part
    # Statistical voices average formants flat; a wider cepstrum sharpens them again.
    cepstrum = np.fft.irfft(moments, axis=1)
    n = cepstrum.shape[1]
    quefrency = np.minimum(np.arange(n), n - np.arange(n))
    moments = np.fft.rfft(cepstrum * np.where(quefrency >= 2, 1.15, 1.0), axis=1).real
    grid = np.linspace(0, 8000, moments.shape[1])
    result = np.stack([np.interp(np.minimum(hz / tract, TOP_HZ), grid, row) for row in moments])
    above = np.log2(np.maximum(hz / tract, TOP_HZ) / TOP_HZ)
    result -= above * 18 / 10 * np.log(10)  # 18 dB per octave beyond what the voice holds
    singers_formant = 1.4 * np.exp(-(((hz - 3000) / 700) ** 2))
    return result + singers_formant - 8 * (hz < 70)


def minimum_phase(log_power):
    """The minimum-phase spectrum whose log power this is."""
    cepstrum = np.fft.irfft(0.5 * log_power)
    n = len(cepstrum)
    cepstrum[1 : n // 2] *= 2
    cepstrum[n // 2 + 1 :] = 0
    return np.exp(np.fft.rfft(cepstrum))


def resound(log_power, share, loudness, f0, rate, rng):
    """Pulses and noise through the envelope; all arrays have one row per 5 ms."""
    n = int(len(f0) * FRAME_S * rate)
    at_frames = np.arange(n) / rate / FRAME_S
    phase = np.cumsum(np.interp(at_frames, np.arange(len(f0)), f0)) / rate
    crossings = np.flatnonzero(np.diff(np.floor(phase)) > 0)
    # Between two samples: where the phase passes the whole number.
    pulses = crossings + (np.ceil(phase[crossings]) - phase[crossings]) / (
        phase[crossings + 1] - phase[crossings]
    )
    out = np.zeros(n + SYNTHESIS_POINTS)
    omega = 2j * np.pi * np.arange(SYNTHESIS_POINTS // 2 + 1) / SYNTHESIS_POINTS
    for pulse, following in zip(pulses, np.append(pulses[1:], n)):
        i = min(int(pulse / rate / FRAME_S), len(f0) - 1)
        if loudness[i] < 1e-4:
            continue
        start, period = int(pulse), following - pulse
        tract = minimum_phase(log_power[i])
        noise = np.zeros(SYNTHESIS_POINTS)
        noise[: int(following) - start] = rng.standard_normal(int(following) - start)
        pulse_spectrum = np.sqrt(period) * np.exp(-omega * (pulse - start)) * (1 + 0.02 * rng.standard_normal())
        mixed = np.sqrt(1 - share[i] ** 2) * pulse_spectrum + share[i] * np.fft.rfft(noise)
        out[start : start + SYNTHESIS_POINTS] += loudness[i] * np.fft.irfft(tract * mixed)
    return out[:n]


def breath_in(n, before_s, rate, rng):
    """The air taken before a line: a third of a second of soft noise that ends with its start."""
    length, end = int(0.3 * rate), int((before_s - 0.03) * rate)
    hz = np.fft.rfftfreq(length, 1 / rate)
    colour = np.exp(-(((hz - 1700) / 500) ** 2)) + 0.6 * np.exp(-(((hz - 5000) / 2500) ** 2))
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(length)) * colour, length)
    noise *= np.sin(np.linspace(0, np.pi, length)) ** 2 * 0.03 / noise.std()
    result = np.zeros(n)
    result[end - length : end] = noise
    return result
