"""What the built-in model must give, computed a second time: `python reference.py [--model ../builtin]`.

Everything but the networks is written anew in NumPy and SciPy, in 64 bits and for a whole signal at once, after what
`separation/src/network/vocals_first.rs`, its modules and `lookback.rs` document. Writes `golden/files.f32` and `golden/live.f32` (live,
Standard) beside the model: drums, bass and vocals of the mix that `golden_mix` makes, every 61st frame, [stem][channel][frame],
little endian. `separation/tests/golden.rs` makes the same mix and compares.
"""

import argparse
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime
from scipy import ndimage

import transform

SAMPLE_RATE = 44_100

# The level that the networks hear, and what doesn't count towards it (level.rs).
LEVEL_RMS, LEVEL_GATE, LEVEL_FLOOR, LEVEL_SECONDS = 0.3, 1e-3, 1e-5, 4.0
# The band whose mean mask is carried on above (networks.rs).
CARRIED_FROM_HZ = (9_700, 11_000)
SILENCE = 1e-9
# Of the share that the accompaniment's network gives.
SHARE_POWER = 1.5
# Drums (drums.rs); live.rs and files.rs: seconds that the medians over time see.
DRUMS_CROSSOVER_HZ, DRUMS_LOW_END_HZ, DRUMS_HALF_BINS, DRUMS_POWER = 200, 500, 8, 1.25
RINGING_HZ, RINGING_WEIGHT, RINGING_ORDER = 3_500, 0.06, 4
DRUMS_LIVE_SECONDS = 0.25
DRUMS_FILES = ((2048, 0.3, 0.36), (4096, 0.4, 0.4))
# Bass (bass.rs), and the seconds over which the sides and the lows are compared (vocals_first.rs).
BASS_CENTRE_HZ, BASS_SIDE_HZ, BASS_END_HZ = 900, 150, 2_850
BASS_LIKENESS, BASS_GATE = 0.9, (0.2, 0.45)
BASS_SECONDS = (0.19, 0.35)
BASS_N_FFT = 8192
ORDER = 8
TINY = 1e-24

# Five seconds: files have a second window. No multiple of a hop; every phase of a hop is among every 61st frame.
FRAMES, EVERY = 220_500, 61


def noise(num: int) -> np.ndarray:
    """Numerical Recipes' generator, between −1 and 1."""
    state, values = 1, np.empty(num)
    for idx in range(num):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        values[idx] = (state >> 16) / 32_768 - 1
    return values


def golden_mix() -> np.ndarray:
    """Stereo [2, FRAMES] in 32 bits: a kick, a snare, a bass, two tones at the sides, something like a voice."""
    t = np.arange(FRAMES) / SAMPLE_RATE
    turn = 2 * np.pi
    beat, off = t % 0.5, (t + 0.25) % 0.5
    kick = 0.5 * np.exp(-18 * beat) * np.sin(turn * (48 * beat + 2 * (1 - np.exp(-25 * beat))))
    pitch = np.where(t % 2 < 1, 55.0, 65.4)
    bass = 0.2 * np.sin(turn * pitch * t) + 0.1 * np.sin(turn * 2 * pitch * t) + 0.05 * np.sin(turn * 3 * pitch * t)
    sung = turn * (220 * t + 0.3 * np.sin(turn * 5.5 * t))
    voice = np.where(t % 2 < 1.4, 1.0, 0.0) * sum(0.1 / k * np.sin(k * sung) for k in range(1, 13))
    hiss = noise(2 * FRAMES).reshape(FRAMES, 2).T
    sides = np.stack([np.sin(turn * 660 * t), np.sin(turn * 554 * t)])
    return (kick + bass + voice + 0.06 * sides + 0.25 * np.exp(-30 * off) * hiss).astype(np.float32)


def hops(seconds: float, hop: int) -> int:
    """The nearest number of hops, halves away from zero."""
    return int(np.floor(seconds * SAMPLE_RATE / hop + 0.5))


def upper_median(x: np.ndarray) -> np.ndarray:
    """Over the first axis; of an even number, the upper of the two in the middle."""
    return np.sort(x, axis=0)[len(x) // 2]


def power(x: np.ndarray) -> np.ndarray:
    return np.square(np.abs(x))


def hz(n_fft: int) -> np.ndarray:
    return np.arange(n_fft // 2 + 1) * (SAMPLE_RATE / n_fft)


def low_pass(frequencies: np.ndarray, end: float) -> np.ndarray:
    return 1 / (1 + (frequencies / end) ** ORDER)


class Networks:
    """The accompaniment's share of a window, [channel, frame, bin]."""

    def __init__(self, folder: Path, manifest: dict, both: bool, level_frames: int):
        stft = manifest["stft"]
        self.bins, self.n_fft, self.level_frames = stft["bins"], stft["n_fft"], level_frames
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        # Live, the library has a graph that gives the last frames only: the same network.
        parts = ("accompaniment", "vocals") if both else ("accompaniment",)
        path = {file["part"]: folder / file["path"] for file in manifest["file"]}
        self.sessions = [onnxruntime.InferenceSession(str(path[part]), options) for part in parts]
        width = SAMPLE_RATE / self.n_fft
        self.carried = [int(edge / width) for edge in CARRIED_FROM_HZ]

    def gain(self, heard: np.ndarray) -> float:
        """`heard`: all frames up to now [2, frame, bin]."""
        powers = power(heard[:, -self.level_frames :]).sum((0, 2)) / 2 / (0.375 * self.n_fft**2 / 2)
        counted = powers[powers >= LEVEL_GATE * powers.max()]
        return LEVEL_RMS / max(np.sqrt(counted.mean()), LEVEL_FLOOR)

    def shares(self, window: np.ndarray, gain: float) -> np.ndarray:
        heard = np.abs(window) * gain
        tensor = heard[..., : self.bins].transpose(1, 2, 0)[None].astype(np.float32)
        given = [s.run(None, {s.get_inputs()[0].name: tensor})[0][0].astype(np.float64) for s in self.sessions]
        given = [x.transpose(2, 0, 1) for x in given]
        given = [np.clip(x / np.maximum(heard[..., : self.bins], SILENCE), 0, 1) for x in given]
        known = given[0] ** SHARE_POWER
        if len(given) == 2:
            known = (known + 1 - given[1]) / 2
        shares = np.empty(window.shape)
        shares[..., : self.bins] = known
        first, last = self.carried
        shares[..., last:] = known[..., first:last].mean(-1, keepdims=True)
        return shares


def drums_mask(magnitude: np.ndarray, frame: int, low: tuple[int, int], high: tuple[int, int], n_fft: int) -> np.ndarray:
    """Of one frame of `magnitude` [frame, bin], which holds the frames that there are; low, high: frames before and after."""

    def lasting(span: tuple[int, int]) -> np.ndarray:
        return np.square(upper_median(magnitude[max(frame - span[0], 0) : frame + span[1] + 1]))

    own, slow = magnitude[frame], lasting(high)
    sudden = np.square(ndimage.median_filter(own, 2 * DRUMS_HALF_BINS + 1, mode="mirror"))
    ringing = 1 / (1 + (RINGING_HZ / np.maximum(hz(n_fft), 1)) ** RINGING_ORDER)
    weight = 1 + ringing * (RINGING_WEIGHT - 1)
    above = (sudden / (weight * slow + sudden + TINY)) ** DRUMS_POWER
    slow = lasting(low)
    excess = np.maximum(np.square(own) - slow, 0)
    below = excess / (slow + excess + TINY)
    share = np.where(hz(n_fft) < DRUMS_LOW_END_HZ, low_pass(hz(n_fft), DRUMS_CROSSOVER_HZ), 0)
    return above + share * (below - above)


def bass_mask(x: np.ndarray, frame: int, likeness: tuple[int, int], gate: tuple[int, int], n_fft: int) -> np.ndarray:
    """Of one frame of `x` [2, frame, bin], which holds the frames that there are."""
    frequencies = hz(n_fft)
    near = x[:, max(frame - gate[0], 0) : frame + gate[1] + 1]
    lows, mids = (power(near[..., frequencies < end]).sum() for end in (BASS_SIDE_HZ, BASS_CENTRE_HZ))
    there = np.clip((lows / (mids + TINY) - BASS_GATE[0]) / (BASS_GATE[1] - BASS_GATE[0]), 0, 1)
    left, right = x[:, max(frame - likeness[0], 0) : frame + likeness[1] + 1]
    alike = (left * right.conj()).real.sum(0) / (0.5 * (power(left) + power(right)).sum(0) + TINY)
    weight = there * np.clip((alike - BASS_LIKENESS) / (1 - BASS_LIKENESS), 0, 1)
    mask = weight * low_pass(frequencies, BASS_CENTRE_HZ) + (1 - weight) * low_pass(frequencies, BASS_SIDE_HZ)
    return np.where(frequencies < BASS_END_HZ, mask, 0)


def loudness(x: np.ndarray) -> np.ndarray:
    """Magnitude of both channels together."""
    return np.sqrt(power(x).mean(0))


def windows(x: np.ndarray, how: dict, networks: Networks):
    """Accompaniment of the frames that become final and of the look-ahead after them, window by window."""
    size, hop, look = how["frames"], how["hop"], how["look"]
    num = -(-(x.shape[1] + look) // hop)
    # Silence before and after: frames −size and on.
    padded = np.pad(x, ((0, 0), (size, num * hop - x.shape[1]), (0, 0)))
    for step in range(1, num + 1):
        newest = size + step * hop
        window = padded[:, newest - size : newest]
        shares = networks.shares(window, networks.gain(padded[:, size:newest]))
        yield (window * shares)[:, size - look - hop :]


def live(mix: np.ndarray, folder: Path, manifest: dict, how: dict) -> np.ndarray:
    """Drums, bass and vocals [3, 2, frame] as the live mode `how` gives them."""
    n_fft, hop = manifest["stft"]["n_fft"], manifest["stft"]["hop"]
    x = transform.spectra(mix, n_fft, hop)
    networks = Networks(folder, manifest, False, hops(LEVEL_SECONDS, hop))
    median = hops(DRUMS_LIVE_SECONDS, hop)
    span = (median, min(median, how["look"] + how["hop"] - 1))
    likeness, gate = ((hops(seconds, hop), 0) for seconds in BASS_SECONDS)
    # From the first window's frames before the signal on; those are silent.
    before = how["look"]
    accompaniment = np.zeros((2, 0, x.shape[2]), complex)
    tonal, drums, bass = accompaniment, accompaniment, accompaniment
    for new in windows(x, how, networks):
        seen = np.concatenate([accompaniment, new], 1)
        first = accompaniment.shape[1]
        final = range(first, first + how["hop"])
        accompaniment = seen[:, : final.stop]
        magnitude = loudness(seen)
        masks = np.stack([drums_mask(magnitude, frame, span, span, n_fft) for frame in final])
        own = accompaniment[:, final.start :]
        drums = np.concatenate([drums, own * masks], 1)
        tonal = np.concatenate([tonal, own * (1 - masks)], 1)
        masks = np.stack([bass_mask(tonal[:, : final.stop], frame, likeness, gate, n_fft) for frame in final])
        bass = np.concatenate([bass, tonal[:, final.start :] * masks], 1)
    kept = slice(before, before + x.shape[1])
    stems = np.stack([drums[:, kept], bass[:, kept], x - accompaniment[:, kept]])
    return transform.audio(stems, n_fft, hop, mix.shape[1])


def stage(signal: np.ndarray, n_fft: int, masks) -> np.ndarray:
    """What `masks(spectra)` [frame, bin] let through of `signal`."""
    x = transform.spectra(signal, n_fft, n_fft // 4)
    return transform.audio(x * masks(x), n_fft, n_fft // 4, signal.shape[1])


def files(mix: np.ndarray, folder: Path, manifest: dict) -> np.ndarray:
    """Drums, bass and vocals [3, 2, frame] as for files."""
    n_fft, hop = manifest["stft"]["n_fft"], manifest["stft"]["hop"]
    how = manifest["files"]
    x = transform.spectra(mix, n_fft, hop)
    networks = Networks(folder, manifest, True, how["frames"])
    accompaniment = np.concatenate([new[:, : how["hop"]] for new in windows(x, how, networks)], 1)
    # The first window's frames begin before the signal.
    accompaniment = accompaniment[:, how["look"] :][:, : x.shape[1]]
    # As a stream: masked frames reach beyond both ends of the mix, and the silence that a stage puts in front of the next
    # decides where its frames lie.
    vocals = transform.overlapped(x - accompaniment, n_fft, hop)
    lead = n_fft - hop + how["look"] * hop
    tail = SAMPLE_RATE
    vocals = np.pad(vocals, ((0, 0), (lead - (n_fft - hop), tail)))
    rest = -vocals
    rest[:, lead : lead + mix.shape[1]] += mix
    lags, drums = [], 0
    for size, *seconds in DRUMS_FILES:
        low, high = ((hops(length / 2, size // 4),) * 2 for length in seconds)

        def drums_masks(x: np.ndarray) -> np.ndarray:
            magnitude = loudness(x)
            return np.stack([drums_mask(magnitude, frame, low, high, size) for frame in range(len(magnitude))])

        drums = drums + stage(rest, size, drums_masks) / len(DRUMS_FILES)
        lags.append(size - size // 4 + max(low[1], high[1]) * (size // 4))
    likeness, gate = ((hops(seconds, BASS_N_FFT // 4),) * 2 for seconds in BASS_SECONDS)

    def bass_masks(x: np.ndarray) -> np.ndarray:
        return np.stack([bass_mask(x, frame, likeness, gate, BASS_N_FFT) for frame in range(x.shape[1])])

    behind = max(lags)
    bass = stage(np.pad(rest - drums, ((0, 0), (behind, 0))), BASS_N_FFT, bass_masks)[:, behind:]
    return np.stack([drums, bass, vocals])[..., lead : lead + mix.shape[1]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path(__file__).parent / "../builtin", help="folder of the model")
    args = parser.parse_args()
    manifest = tomllib.loads((args.model / "model.toml").read_text())
    standard = next(mode for mode in manifest["live"] if mode["mode"] == "standard")
    mix = golden_mix()
    golden = args.model / "golden"
    golden.mkdir(exist_ok=True)
    for name, stems in (("files", files(mix, args.model, manifest)), ("live", live(mix, args.model, manifest, standard))):
        stems[..., ::EVERY].astype("<f4").tofile(golden / f"{name}.f32")
        peaks = " ".join(f"{np.abs(stem).max():.2f}" for stem in stems)
        print(f"{name}: peaks of drums, bass and vocals {peaks}")


if __name__ == "__main__":
    main()
